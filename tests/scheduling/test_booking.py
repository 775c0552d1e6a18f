"""Booking in a real PostgreSQL: rules, races, repeats and broken connections."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import delete, event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.settings import DatabaseSettings
from otto.language.spoken_times import describe_start
from otto.language.wishes import Hours
from otto.scheduling.availability.choosing import meets
from otto.scheduling.mirror.book import planned_event
from otto.scheduling.openings import Opening, OpeningsQuery, Why
from otto.scheduling.service import (
    Booking,
    BookingRefused,
    BookingRequest,
    CalendarService,
    SchedulingError,
    SlotTaken,
    VehicleBooked,
)
from otto.storage.database import make_engine
from otto.storage.guard import DatabaseGuard
from otto.storage.tables import AppointmentLineRow, AppointmentRow, OutboxRow
from tests.scheduling.booking_support import MANY, NOW, People
from tests.support.appointments import write_appointment

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
"""Tuesday, November 24, 9:00 AM in Chicago."""


@pytest.fixture
def calendar(engine: AsyncEngine, dealership: Dealership) -> CalendarService:
    return CalendarService(engine, dealership, "main", clock=lambda: NOW, limits=MANY)


def opening(
    bay_id: str = "bay-1",
    starts_at: datetime = NINE,
    service: str = "oil_change",
    minutes: int = 45,
) -> Opening:
    ends_at = starts_at + timedelta(minutes=minutes)
    return Opening.of_one("main", bay_id, service, starts_at, ends_at)


def line_of(one: Opening, **changes: Any) -> Opening:
    """The opening with its only line changed."""
    return replace(one, lines=(replace(one.lines[0], **changes),))


def request(people: People, key: str = "call-1:slot-1", **changes: Any) -> BookingRequest:
    wish = BookingRequest(key, opening(), people.maria, people.civic, "+13125550142", "CA1")
    return replace(wish, **changes)


async def rows(engine: AsyncEngine, model: Any) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(select(model.__table__)))


async def test_a_booking_stands_with_word_for_google_and_the_customer(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    booking = await calendar.book(request(people, notes="Squeaks when cold"))
    assert (booking.bay_id, booking.starts_at) == ("bay-1", NINE)

    (row,) = await rows(engine, AppointmentRow)
    assert (row.id, row.status, row.call_sid) == (booking.appointment_id, "booked", "CA1")
    (line,) = await rows(engine, AppointmentLineRow)
    assert (line.appointment_id, line.bay_id, line.status) == (row.id, "bay-1", "booked")
    told = {item.kind: item.payload for item in await rows(engine, OutboxRow)}
    assert set(told) == {"calendar.upsert", "sms.send"}
    upsert, sms = told["calendar.upsert"], told["sms.send"]
    assert upsert["calendar_id"] == "bay-1@ottos-auto.example"
    assert upsert["event_id"] == line.google_event_id
    assert re.fullmatch(r"[0-9a-f]{32}", upsert["event_id"])
    assert set(upsert) == {"appointment_id", "calendar_id", "event_id"}, "nothing of anybody"
    async with engine.connect() as connection:
        planned = await planned_event(connection, dealership, upsert["event_id"])
    assert planned is not None
    body = planned.body
    assert body["summary"] == "Oil change: Maria Lopez, 2019 Honda Civic"
    assert "Squeaks when cold" in body["description"]
    assert body["start"] == {
        "dateTime": "2026-11-24T09:00:00-06:00",
        "timeZone": "America/Chicago",
    }
    assert sms["to"] == "+13125550142"
    assert "Oil change booked for Tuesday, November 24 at 9:00 AM" in sms["body"]
    assert booking.confirmation in sms["body"]
    assert booking.confirmation in body["description"]


async def test_a_repeat_is_the_same_booking(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    first = await calendar.book(request(people))
    assert await calendar.book(request(people)) == first
    # Also hours later, when the opening itself could no longer be booked.
    late = CalendarService(engine, dealership, "main", clock=lambda: NINE + timedelta(hours=1))
    assert await late.book(request(people)) == first
    assert len(await rows(engine, AppointmentRow)) == 1
    assert len(await rows(engine, OutboxRow)) == 2


async def test_twins_at_the_same_instant_make_one_booking(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    bookings = await asyncio.gather(*(calendar.book(request(people)) for _ in range(10)))
    assert len(set(bookings)) == 1
    assert len(await rows(engine, AppointmentRow)) == 1


async def test_a_key_is_not_lent_to_another_customer(
    calendar: CalendarService, people: People
) -> None:
    await calendar.book(request(people))
    with pytest.raises(BookingRefused) as refused:
        await calendar.book(request(people, customer_id=people.john, vehicle_id=None))
    assert refused.value.code == "key_reused"


@pytest.mark.parametrize("status", ["cancelled", "completed", "no_show"])
async def test_a_repeat_tells_what_has_become_of_the_booking(
    status: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(request(people))
    async with engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status=status))
    assert (first.status, await calendar.book(request(people))) == (
        "booked",
        replace(first, status=status),
    )
    assert len(await rows(engine, AppointmentRow)) == 1


@pytest.mark.parametrize("is_cancelled", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {"opening": opening(starts_at=NINE + timedelta(hours=1))},
        {"opening": opening("bay-2", service="battery", minutes=30)},
        {"opening": opening(starts_at=NINE + timedelta(days=1))},
        {"vehicle_id": None},
        {"vehicle_id": "another"},
        {"customer_id": "another", "vehicle_id": "another"},
    ],
)
async def test_a_key_is_not_lent_to_another_wish(
    changes: dict[str, Any],
    is_cancelled: bool,
    calendar: CalendarService,
    engine: AsyncEngine,
    people: People,
) -> None:
    await calendar.book(request(people))
    if is_cancelled:
        async with engine.begin() as connection:
            await connection.execute(update(AppointmentRow).values(status="cancelled"))
    ids = {"customer_id": people.john, "vehicle_id": people.truck}
    changes = {name: ids[name] if value == "another" else value for name, value in changes.items()}
    before = await rows(engine, AppointmentRow)
    with pytest.raises(BookingRefused) as refused:
        await calendar.book(request(people, **changes))
    assert refused.value.code == "key_reused"
    assert await rows(engine, AppointmentRow) == before


async def test_a_repeat_is_the_same_in_whichever_bay_it_stands(
    calendar: CalendarService, people: People
) -> None:
    first = await calendar.book(request(people))
    assert await calendar.book(request(people, opening=opening("bay-3"))) == first


async def test_when_the_bay_is_gone_another_serves_at_the_same_time(
    calendar: CalendarService, people: People
) -> None:
    first = await calendar.book(request(people, "a"))
    second = await calendar.book(request(people, "b", customer_id=people.john, vehicle_id=None))
    assert first.bay_id == "bay-1"
    assert second.bay_id in {"bay-2", "bay-3"}
    assert second.starts_at == first.starts_at


async def test_when_every_able_bay_is_gone_the_slot_is_taken(
    calendar: CalendarService, people: People
) -> None:
    aligned = opening("bay-4", service="wheel_alignment", minutes=60)
    await calendar.book(request(people, "a", opening=aligned))
    others = {"customer_id": people.john, "vehicle_id": people.truck}
    with pytest.raises(SlotTaken):
        await calendar.book(request(people, "b", opening=aligned, **others))


@pytest.mark.parametrize("callers", [50, 200])
async def test_a_rush_after_one_opening(
    callers: int, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    """Three bays change oil, so three callers are served and no bay is sold twice."""

    async def attempt(caller: int) -> Booking | None:
        try:
            return await calendar.book(request(people, f"call-{caller}", vehicle_id=None))
        except SlotTaken:
            return None

    outcomes = await asyncio.gather(*(attempt(caller) for caller in range(callers)))
    served = [booking for booking in outcomes if booking is not None]
    assert Counter(booking.bay_id for booking in served) == {"bay-1": 1, "bay-2": 1, "bay-3": 1}
    lines = await rows(engine, AppointmentLineRow)
    stored = {(row.appointment_id, row.bay_id) for row in lines}
    assert stored == {(booking.appointment_id, booking.bay_id) for booking in served}
    kinds = Counter(item.kind for item in await rows(engine, OutboxRow))
    assert kinds == {"calendar.upsert": 3, "sms.send": 3}


@pytest.mark.parametrize(
    ("start", "service", "minutes"),
    [
        (NINE, "oil_change", 45),
        (NINE, "battery", 30),
        (NINE - timedelta(minutes=30), "major_service", 180),  # around it
        (NINE + timedelta(minutes=30), "oil_change", 45),
    ],
)
async def test_a_car_is_in_one_bay_at_a_time(
    start: datetime,
    service: str,
    minutes: int,
    calendar: CalendarService,
    engine: AsyncEngine,
    people: People,
) -> None:
    await calendar.book(request(people, "a"))
    for bay in ("bay-2", "bay-3"):
        wish = request(people, bay, opening=opening(bay, start, service, minutes))
        with pytest.raises(VehicleBooked) as refused:
            await calendar.book(wish)
        assert refused.value.sentence == (
            "That vehicle has an appointment already, on Tuesday, November 24 at 9:00 AM."
        )
    assert len(await rows(engine, AppointmentRow)) == 1
    assert len(await rows(engine, OutboxRow)) == 2


async def test_a_car_may_come_again_and_other_cars_meanwhile(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.book(request(people, "a"))
    await calendar.book(request(people, "b", customer_id=people.john, vehicle_id=people.truck))
    after = opening("bay-2", NINE + timedelta(hours=1))
    await calendar.book(request(people, "c", opening=after))
    async with engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status="cancelled"))
    again = await calendar.book(request(people, "d"))
    assert again.status == "booked"


async def test_of_a_strangers_car_nothing_is_told(
    calendar: CalendarService, people: People
) -> None:
    await calendar.book(request(people, "a", customer_id=people.john, vehicle_id=people.truck))
    with pytest.raises(BookingRefused) as refused:
        await calendar.book(request(people, "b", vehicle_id=people.truck))
    assert refused.value.code == "wrong_vehicle"


async def test_fifty_callers_from_five_pools_with_one_car(
    postgres_url: str, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    """Each for a bay or a start of their own, so that only the vehicle is in the way."""
    patient = DatabaseSettings(url=SecretStr(postgres_url), command_timeout_s=30)
    pools = [make_engine(patient) for _ in range(5)]
    calendars = [
        CalendarService(
            pool, dealership, "main", clock=lambda: NOW, limits=MANY, guard=DatabaseGuard(30)
        )
        for pool in pools
    ]

    async def attempt(caller: int) -> Booking | None:
        bay = ("bay-1", "bay-2", "bay-3")[caller % 3]
        wish = opening(bay, NINE + timedelta(minutes=30 * (caller % 2)))
        try:
            return await calendars[caller % 5].book(request(people, f"call-{caller}", opening=wish))
        except VehicleBooked:
            return None

    served = [one for one in await asyncio.gather(*(attempt(n) for n in range(50))) if one]
    assert len(served) == 1
    assert [row.id for row in await rows(engine, AppointmentRow)] == [served[0].appointment_id]
    for pool in pools:
        await pool.dispose()


async def test_fifty_callers_after_overlapping_openings(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    """Openings of 9:00 to 10:30 overlap pairwise; the constraint must leave no overlap."""

    async def attempt(caller: int) -> None:
        start = NINE + timedelta(minutes=30 * (caller % 4))
        at = opening("bay-2", start)
        wish = request(people, f"call-{caller}", opening=at, vehicle_id=None)
        try:
            await calendar.book(wish)
        except SlotTaken:
            return

    await asyncio.gather(*(attempt(caller) for caller in range(50)))
    by_bay: dict[str, list[tuple[datetime, datetime]]] = {}
    for row in await rows(engine, AppointmentLineRow):
        by_bay.setdefault(row.bay_id, []).append((row.starts_at, row.ends_at))
    assert set(by_bay) == {"bay-1", "bay-2", "bay-3"}
    for periods in by_bay.values():
        periods.sort()
        assert all(one[1] <= two[0] for one, two in itertools.pairwise(periods))


def kill_connection_at(engine: AsyncEngine, statement: str) -> list[int]:
    """PostgreSQL ends our connection, once, just before the named statement is sent."""
    killed: list[int] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def end_it(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
        if statement in sql and not killed:
            killed.append(1)
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    return killed


@pytest.mark.parametrize(
    "where", ["INSERT INTO appointments", "INSERT INTO appointment_lines", "INSERT INTO outbox"]
)
async def test_a_connection_that_dies_half_way_leaves_one_booking(
    where: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    killed = kill_connection_at(engine, where)
    booking = await calendar.book(request(people))
    assert killed
    (row,) = await rows(engine, AppointmentRow)
    assert row.id == booking.appointment_id
    assert len(await rows(engine, OutboxRow)) == 2


async def test_a_crash_after_the_commit_is_answered_by_the_retry(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    lost: list[int] = []

    @event.listens_for(engine.sync_engine, "commit")
    def commit_then_die(connection: Any) -> None:
        if not lost:
            lost.append(1)
            # The commit reaches the server; its answer never reaches us.
            connection.connection.dbapi_connection.commit()
            raise ConnectionResetError

    booking = await calendar.book(request(people))
    assert lost
    (row,) = await rows(engine, AppointmentRow)
    assert row.id == booking.appointment_id
    assert len(await rows(engine, OutboxRow)) == 2


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (opening("bay-4"), "wrong_bay"),  # cannot change oil
        (opening("bay-9"), "wrong_bay"),
        (opening(minutes=15), "wrong_duration"),
        (opening(starts_at=NINE + timedelta(minutes=10)), "outside_hours"),  # not on the grid
        (opening(starts_at=NINE - timedelta(hours=3)), "outside_hours"),
        (opening(starts_at=NINE + timedelta(hours=8, minutes=30)), "outside_hours"),
        (opening(starts_at=NINE + timedelta(days=2)), "outside_hours"),  # Thanksgiving
        (opening(starts_at=NINE - timedelta(days=7)), "too_soon"),
        (opening(starts_at=NOW), "too_soon"),
        (opening(starts_at=NINE + timedelta(days=70)), "too_far"),
        (line_of(opening(), service_code="car_wash"), "unknown_service"),
        (replace(opening(), location_id="elsewhere"), "wrong_bay"),
    ],
)
async def test_a_bad_opening_is_refused_with_a_sentence(
    wish: Opening, code: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    with pytest.raises(SchedulingError) as refused:
        await calendar.book(request(people, opening=wish))
    assert refused.value.code == code
    assert refused.value.sentence.endswith(".")
    assert await rows(engine, AppointmentRow) == []
    assert await rows(engine, OutboxRow) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"customer_id": 424242, "vehicle_id": None}, "unknown_customer"),
        ({"vehicle_id": 424242}, "wrong_vehicle"),
        ({"vehicle_id": "truck"}, "wrong_vehicle"),  # John's, not Maria's
    ],
)
async def test_nobody_books_for_strangers(
    changes: dict[str, Any], code: str, calendar: CalendarService, people: People
) -> None:
    if changes.get("vehicle_id") == "truck":
        changes = {"vehicle_id": people.truck}
    with pytest.raises(BookingRefused) as refused:
        await calendar.book(request(people, **changes))
    assert refused.value.code == code


async def test_a_new_booking_wakes_the_outbox_once(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    woken: list[int] = []
    calendar = CalendarService(
        engine, dealership, "main", clock=lambda: NOW, after_commit=lambda: woken.append(1)
    )
    await calendar.book(request(people))
    await calendar.book(request(people))
    assert woken == [1]


# Looking for openings


def said(openings: Iterable[Opening], calendar: CalendarService) -> list[str]:
    tz = calendar._desk.location.zone
    return [describe_start(one.starts_at, tz).replace("November", "Nov") for one in openings]


CHICAGO = ZoneInfo("America/Chicago")
MORNING = Hours(latest=time(11, 59))
LATER = Hours(earliest=time(9))


async def test_openings_are_spread_over_days_and_times(
    calendar: CalendarService, people: People
) -> None:
    found = await calendar.find_openings(OpeningsQuery.of_days("oil_change"))
    assert said(found, calendar) == [
        "Monday, Nov 23 at 7:30 AM",
        "Tuesday, Nov 24 at 5:00 PM",
        "Wednesday, Nov 25 at 12:00 PM",
    ]
    assert {one.bay_id for one in found} == {"bay-1"}


async def test_one_day_one_half_one_earliest(calendar: CalendarService, people: People) -> None:
    query = OpeningsQuery.of_days("oil_change", TUESDAY, TUESDAY)
    day = await calendar.find_openings(query)
    assert [one[-8:] for one in said(day, calendar)] == [" 7:30 AM", "12:00 PM", " 5:00 PM"]
    morning = await calendar.find_openings(
        OpeningsQuery.of_days("oil_change", TUESDAY, TUESDAY, hours=MORNING, limit=2)
    )
    assert [one[-8:] for one in said(morning, calendar)] == [" 7:30 AM", "11:30 AM"]
    late = await calendar.find_openings(
        OpeningsQuery.of_days(
            "oil_change", TUESDAY, TUESDAY, hours=Hours(earliest=time(16, 45)), limit=5
        )
    )
    assert [one[-8:] for one in said(late, calendar)] == [" 5:00 PM"]


async def test_a_booked_bay_is_not_offered_and_a_full_time_is_skipped(
    calendar: CalendarService, people: People
) -> None:
    query = OpeningsQuery.of_days(
        "oil_change", TUESDAY, TUESDAY, hours=Hours(earliest=time(9)), limit=30
    )
    for count in range(3):
        found = await calendar.find_openings(query)
        assert found.openings[0].starts_at == NINE
        await calendar.book(
            request(people, f"key-{count}", opening=found.openings[0], vehicle_id=None)
        )
    found = await calendar.find_openings(query)
    assert found.openings[0].starts_at == NINE + timedelta(hours=1)  # 9:30 overlaps until 9:45
    assert all(one.starts_at >= NINE + timedelta(hours=1) for one in found)


async def test_what_is_offered_for_a_vehicle_is_free_for_it(
    calendar: CalendarService, people: People
) -> None:
    await calendar.book(request(people, opening=opening("bay-2")))
    query = OpeningsQuery.of_days("battery", TUESDAY, TUESDAY, limit=60)
    everything = list(await calendar.find_openings(query))
    for_the_civic = list(await calendar.find_openings(replace(query, vehicle_id=people.civic)))
    left_out = [one for one in everything if one not in for_the_civic]
    assert [one.starts_at for one in left_out] == [NINE, NINE + timedelta(minutes=30)]
    of_the_truck = await calendar.find_openings(replace(query, vehicle_id=people.truck))
    assert list(of_the_truck) == everything


async def test_every_opening_offered_can_be_booked(
    calendar: CalendarService, people: People
) -> None:
    query = OpeningsQuery.of_days("oil_change", MONDAY, TUESDAY, limit=60)
    found = await calendar.find_openings(query)
    assert len(found) == 40
    for index, one in enumerate(found.openings[::7]):
        booking = await calendar.book(request(people, f"key-{index}", opening=one))
        assert (booking.bay_id, booking.starts_at) == (one.bay_id, one.starts_at)


async def test_closed_days_past_days_and_the_far_future_have_none(
    calendar: CalendarService, people: People
) -> None:
    thanksgiving, last_week = date(2026, 11, 26), date(2026, 11, 16)
    far = MONDAY + timedelta(days=61)
    for first, last, why in [
        (thanksgiving, thanksgiving, Why.CLOSED),
        (last_week, last_week, Why.TOO_FAR),
        (far, None, Why.TOO_FAR),
    ]:
        query = OpeningsQuery.of_days("oil_change", first, last)
        found = await calendar.find_openings(query)
        assert found.why is why
        assert not any(meets(one.starts_at, query.wish, CHICAGO) for one in found)
    with pytest.raises(SchedulingError, match="unknown_service"):
        await calendar.find_openings(OpeningsQuery.of_days("car_wash"))


async def test_notice_is_kept(engine: AsyncEngine, dealership: Dealership, people: People) -> None:
    at_ten = datetime(2026, 11, 23, 16, 10, tzinfo=UTC)
    calendar = CalendarService(engine, dealership, "main", clock=lambda: at_ten)
    (first,) = await calendar.find_openings(OpeningsQuery.of_days("oil_change", limit=1))
    assert first.starts_at == datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
    # The caller thinks it over for five minutes; what was offered still holds.
    later = CalendarService(
        engine, dealership, "main", clock=lambda: first.starts_at - timedelta(minutes=55)
    )
    await later.book(request(people, opening=first))


async def test_a_fully_booked_fortnight_is_searched_past(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    async with engine.begin() as connection:
        for day in range(20):
            start = datetime(2026, 11, 23, 13, 0, tzinfo=UTC) + timedelta(days=day)
            for bay in ("bay-1", "bay-2", "bay-3", "bay-4"):
                work = {"starts_at": start, "ends_at": start + timedelta(hours=12)}
                await write_appointment(
                    connection, f"{bay}-{day}", customer_id=people.maria, bay_id=bay, **work
                )
    (first,) = await calendar.find_openings(OpeningsQuery.of_days("oil_change", limit=1))
    assert said((first,), calendar) == ["Monday, December 14 at 7:30 AM"]


async def test_appointments_of_a_customer(calendar: CalendarService, people: People) -> None:
    later = await calendar.book(
        request(people, "b", opening=opening(starts_at=NINE + timedelta(days=1)))
    )
    sooner = await calendar.book(request(people, "a"))
    await calendar.book(request(people, "c", customer_id=people.john, vehicle_id=people.truck))
    assert await calendar.appointments_of(people.maria) == (sooner, later)


# What no table takes


@pytest.mark.parametrize(
    ("notes", "kept"),
    [
        ("Squeaks\x00 when cold", "Squeaks when cold"),
        ("half \ud83d a car", "half \ufffd a car"),
        ("\ud83d\ude97 whole", "🚗 whole"),
        ("n" * 500, "n" * 500),
        ("n" * 501, "n" * 499 + "…"),
        ("\x00 \x00", None),
        ("", None),
    ],
)
async def test_notes_are_cleaned_and_the_booking_stands(
    notes: str, kept: str | None, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.book(request(people, notes=notes))
    (row,) = await rows(engine, AppointmentRow)
    assert row.notes == kept


async def test_keys_that_are_too_long_stay_apart(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    long = "CA" + "f" * 250
    first = await calendar.book(request(people, f"{long}:1", call_sid=long))
    later = opening(starts_at=NINE + timedelta(hours=1))
    second = await calendar.book(request(people, f"{long}:2", call_sid=long, opening=later))
    assert first.appointment_id != second.appointment_id
    assert await calendar.book(request(people, f"{long}:1", call_sid=long)) == first
    assert all(len(row.call_sid) == 64 for row in await rows(engine, AppointmentRow))


@pytest.mark.parametrize(
    "changes",
    [
        {"customer_id": 2**63},
        {"vehicle_id": 2**80},
        {"customer_id": -(2**70)},
        {"opening": line_of(opening(), bay_id="bay\x00-1")},
        {"opening": line_of(opening(), service_code="\ud800")},
        {"opening": replace(opening(), location_id="main\x00\x00x")},
    ],
)
async def test_what_cannot_be_asked_for_is_refused_in_a_sentence(
    changes: dict[str, Any], calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    try:
        await calendar.book(request(people, **changes))
    except SchedulingError as refused:
        assert refused.sentence.endswith(".")
        assert await rows(engine, AppointmentRow) == []
    else:
        assert changes["opening"].bay_id == "bay\x00-1", "what was meant is plain"


any_text = st.text(st.characters(exclude_categories=()), max_size=300)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(key=any_text, call_sid=any_text, notes=any_text, phone=any_text, caller=any_text)
async def test_whatever_is_written_in_a_wish(
    key: str,
    call_sid: str,
    notes: str,
    phone: str,
    caller: str,
    calendar: CalendarService,
    engine: AsyncEngine,
    people: People,
) -> None:
    wish = request(people, key, call_sid=call_sid, notes=notes, customer_phone=phone, caller=caller)
    booking = await calendar.book(wish)
    assert await calendar.book(wish) == booking
    async with engine.begin() as connection:
        await connection.execute(delete(AppointmentRow))


# Past midnight


def by_night(dealership: Dealership, hours: str, zone: str = "America/Chicago") -> Dealership:
    """The dealership with the same hours every day."""
    data = dealership.model_dump()
    week = dict.fromkeys(data["locations"][0]["hours"], hours)
    changed = {"hours": week, "timezone": zone, "holidays": None, "special_hours": []}
    location = data["locations"][0] | changed
    return Dealership.model_validate(data | {"locations": [location]})


async def test_every_opening_of_a_night_can_be_booked(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    calendar = CalendarService(
        engine, by_night(dealership, "20:00-02:00"), "main", lambda: NOW, limits=MANY
    )
    query = OpeningsQuery.of_days("oil_change", TUESDAY, TUESDAY, limit=60)
    found = await calendar.find_openings(query)
    assert [one.split(" at ")[1] for one in said(found, calendar)] == [
        *("12:00 AM", "12:30 AM", "1:00 AM"),  # of Monday's night
        *("8:00 PM", "8:30 PM", "9:00 PM", "9:30 PM"),
        *("10:00 PM", "10:30 PM", "11:00 PM", "11:30 PM"),
    ]
    for index, one in enumerate(found.openings[::2]):  # those that do not overlap
        booking = await calendar.book(request(people, f"key-{index}", opening=one, vehicle_id=None))
        assert (booking.bay_id, booking.starts_at) == (one.bay_id, one.starts_at)
    again = await calendar.find_openings(query)
    assert {one.bay_id for one in again} == {"bay-2"}
    # The night of Tuesday goes on on Wednesday, and ends there.
    late = opening(starts_at=datetime(2026, 11, 25, 7, 0, tzinfo=UTC))
    await calendar.book(request(people, "late", opening=late, vehicle_id=None))
    with pytest.raises(BookingRefused) as refused:
        too_late = opening(starts_at=datetime(2026, 11, 25, 7, 30, tzinfo=UTC))
        await calendar.book(request(people, "too late", opening=too_late, vehicle_id=None))
    assert refused.value.code == "outside_hours"


async def test_around_the_clock_a_job_may_go_on_past_midnight(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    around = by_night(dealership, "00:00-24:00")
    calendar = CalendarService(engine, around, "main", lambda: NOW, limits=MANY)
    query = OpeningsQuery.of_days("major_service", TUESDAY, TUESDAY, limit=100)
    found = await calendar.find_openings(query)
    assert len({one.starts_at for one in found}) == len(found) == 48
    booking = await calendar.book(request(people, opening=found.openings[-1]))
    assert describe_start(booking.starts_at, around.locations[0].zone).endswith("11:30 PM")
    wednesday = TUESDAY + timedelta(days=1)
    bays = {
        one.bay_id
        for one in await calendar.find_openings(
            OpeningsQuery.of_days("major_service", wednesday, wednesday, limit=1)
        )
    }
    assert bays and booking.bay_id not in bays, "the bay is in use until half past two"


async def test_both_half_past_ones_can_be_booked_and_told_apart(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    november = date(2026, 11, 1)
    before = datetime(2026, 10, 31, 12, tzinfo=UTC)
    calendar = CalendarService(
        engine, by_night(dealership, "00:00-24:00"), "main", lambda: before, limits=MANY
    )
    query = OpeningsQuery.of_days(
        "battery", november, november, hours=Hours(earliest=time(1, 30)), limit=100
    )
    found = await calendar.find_openings(query)
    whens = [describe_start(one.starts_at, calendar._desk.location.zone) for one in found]
    assert len(set(whens)) == len(whens)
    alike = [when for when in whens if " 1:30 AM" in when]
    assert alike == [
        "Sunday, November 1 at 1:30 AM, before the clocks go back",
        "Sunday, November 1 at 1:30 AM, after the clocks go back",
    ]
    for index, one in enumerate(found.openings[:4]):
        await calendar.book(request(people, f"key-{index}", opening=one))
    texts = [row.payload["body"] for row in await rows(engine, OutboxRow) if row.kind == "sms.send"]
    assert sum("1:30 AM, before the clocks go back" in text for text in texts) == 1
