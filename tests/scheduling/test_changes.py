"""Moving and cancelling in a real PostgreSQL: one transaction each, whoever else acts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.limits import LimitSettings
from otto.scheduling.bookings import (
    Booking,
    BookingRefused,
    BookingRequest,
    CancelReason,
    CancelRequest,
    MoveRequest,
    SchedulingError,
    SlotTaken,
    VehicleBooked,
    state_of,
)
from otto.scheduling.mirror.book import planned_event
from otto.scheduling.openings import Opening, OpeningLine
from otto.scheduling.service import CalendarService
from otto.storage.tables import (
    AppointmentChangeRow,
    AppointmentLineRow,
    AppointmentRow,
    OutboxRow,
)
from tests.scheduling.booking_support import MANY, NOW, People

NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
"""Tuesday, November 24, 9:00 AM in Chicago."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PHONE = "+13125550142"


@pytest.fixture
def calendar(engine: AsyncEngine, dealership: Dealership) -> CalendarService:
    return CalendarService(engine, dealership, "main", clock=lambda: NOW, limits=MANY)


@pytest.fixture
def calendar_at(
    engine: AsyncEngine, dealership: Dealership
) -> Callable[[datetime], CalendarService]:
    return lambda now: CalendarService(engine, dealership, "main", clock=lambda: now, limits=MANY)


def opening(
    starts_at: datetime = NINE, bay: str = "bay-1", service: str = "oil_change", minutes: int = 45
) -> Opening:
    return Opening.of_one("main", bay, service, starts_at, starts_at + minutes * MINUTE)


def wish(people: People, key: str = "book", **changes: Any) -> BookingRequest:
    made = BookingRequest(key, opening(), people.maria, people.civic, PHONE, "CA1", "squeaks")
    return replace(made, **changes)


def johns(people: People, key: str, at: Opening) -> BookingRequest:
    whose = {"customer_id": people.john, "vehicle_id": people.truck}
    return wish(people, key, opening=at, customer_phone="+13125550117", call_sid="CA2", **whose)


def move(booking: Booking, to: Opening, key: str = "move", **changes: Any) -> MoveRequest:
    made = MoveRequest(key, booking.appointment_id, booking.customer_id, to, "CA7", None, PHONE)
    return replace(made, **changes)


def cancel(booking: Booking, key: str = "cancel", **changes: Any) -> CancelRequest:
    made = CancelRequest(
        key,
        booking.appointment_id,
        booking.customer_id,
        CancelReason.CANNOT_COME,
        "CA7",
        customer_phone=PHONE,
    )
    return replace(made, **changes)


async def rows(engine: AsyncEngine, model: Any) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(select(model.__table__).order_by(model.id)))


async def everything(engine: AsyncEngine) -> list[list[Any]]:
    tables = (AppointmentRow, AppointmentLineRow, AppointmentChangeRow, OutboxRow)
    return [await rows(engine, table) for table in tables]


async def told(engine: AsyncEngine) -> list[tuple[str, str, str]]:
    """Kind, calendar or number, event or text, of every outbox row in order."""
    found = []
    for row in await rows(engine, OutboxRow):
        where = row.payload.get("calendar_id") or row.payload["to"]
        found.append((row.kind, where, row.payload.get("event_id") or row.payload["body"]))
    return found


# Moving


async def test_a_moved_appointment_stays_the_same_one(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    first = await calendar.book(wish(people))
    (line,) = await rows(engine, AppointmentLineRow)
    moved = await calendar.reschedule(move(first, opening(NINE + DAY)))
    assert (moved.appointment_id, moved.confirmation) == (first.appointment_id, first.confirmation)
    assert (moved.starts_at, moved.ends_at) == (NINE + DAY, NINE + DAY + 45 * MINUTE)
    assert (moved.status, moved.version, moved.is_texted) == ("booked", 2, True)
    assert await calendar.appointments_of(people.maria) == (moved,)
    (head,) = await rows(engine, AppointmentRow)
    assert (head.starts_at, head.ends_at, head.version) == (moved.starts_at, moved.ends_at, 2)
    assert head.notes == "squeaks"
    (after,) = await rows(engine, AppointmentLineRow)
    assert (after.starts_at, after.bay_id) == (NINE + DAY, "bay-1")
    # In its bay's calendar it is the same event, told in the order in which it was changed.
    assert after.google_event_id == line.google_event_id
    assert [(kind, what) for kind, _, what in await told(engine) if kind != "sms.send"] == [
        ("calendar.upsert", line.google_event_id),
        ("calendar.upsert", line.google_event_id),
    ]
    async with engine.connect() as connection:
        planned = await planned_event(connection, dealership, after.google_event_id)
    assert planned is not None
    assert planned.body["start"]["dateTime"] == "2026-11-25T09:00:00-06:00"
    assert "squeaks" in planned.body["description"]
    booked, change = await rows(engine, AppointmentChangeRow)
    assert booked.after == change.before == state_of(first)
    assert change.after == state_of(moved)
    assert (change.action, change.actor, change.call_sid, change.key, change.reason) == (
        *("moved", "caller", "CA7"),
        *("move", None),
    )


async def test_the_text_about_the_old_time_is_not_sent_any_more(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    await calendar.reschedule(move(first, opening(NINE + DAY)))
    texts = [what for kind, _, what in await told(engine) if kind == "sms.send"]
    (text,) = texts
    assert "Oil change moved to Wednesday, November 25 at 9:00 AM" in text
    assert f"Confirmation {first.confirmation}." in text
    # One that was sent was true when it was sent.
    async with engine.begin() as connection:
        await connection.execute(update(OutboxRow).values(done_at=NOW))
    await calendar.reschedule(move(first, opening(NINE + 2 * HOUR), "again"))
    texts = [what for kind, _, what in await told(engine) if kind == "sms.send"]
    assert [text.split(", 2100")[0] for text in texts][1:] == [
        "Otto's Auto: Oil change moved to Tuesday, November 24 at 11:00 AM"
    ]
    assert len(texts) == 2


@pytest.mark.parametrize("minutes", [30, -30])
async def test_it_may_move_onto_its_own_time(
    minutes: int, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    moved = await calendar.reschedule(move(first, opening(NINE + minutes * MINUTE)))
    assert (moved.bay_id, moved.starts_at) == ("bay-1", NINE + minutes * MINUTE)
    assert len(await rows(engine, AppointmentLineRow)) == 1


async def test_the_old_place_is_free_when_the_new_one_is_taken(
    calendar: CalendarService, people: People
) -> None:
    aligned = opening(NINE, "bay-4", "wheel_alignment", 60)
    later = opening(NINE + 2 * HOUR, "bay-4", "wheel_alignment", 60)
    first = await calendar.book(wish(people, opening=aligned))
    with pytest.raises(SlotTaken):
        await calendar.book(johns(people, "b", aligned))
    await calendar.reschedule(move(first, later))
    await calendar.book(johns(people, "b", aligned))
    with pytest.raises(SlotTaken):
        await calendar.book(johns(people, "c", later))


async def test_where_the_new_place_is_taken_nothing_changes(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    aligned = opening(NINE, "bay-4", "wheel_alignment", 60)
    first = await calendar.book(
        wish(people, opening=opening(NINE + 2 * HOUR, "bay-4", "wheel_alignment", 60))
    )
    await calendar.book(johns(people, "b", aligned))
    before = await everything(engine)
    with pytest.raises(SlotTaken):
        await calendar.reschedule(move(first, aligned))
    assert await everything(engine) == before


async def test_their_other_appointment_is_in_the_way(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.book(wish(people, "other", opening=opening(NINE + DAY)))
    first = await calendar.book(wish(people))
    before = await everything(engine)
    with pytest.raises(VehicleBooked, match="vehicle_booked"):
        await calendar.reschedule(move(first, opening(NINE + DAY, "bay-2")))
    assert await everything(engine) == before


async def test_in_another_bay_it_is_another_event(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    """Google remembers the ids of deleted events, so coming back must not meet its own."""
    first = await calendar.book(wish(people))
    there = await calendar.reschedule(move(first, opening(NINE, "bay-2", "battery", 30), "there"))
    back = await calendar.reschedule(move(there, opening(NINE + DAY), "back"))
    assert (there.bay_id, there.service_code, back.bay_id) == ("bay-2", "battery", "bay-1")
    (line,) = await rows(engine, AppointmentLineRow)
    standing: dict[str, str] = {}
    seen = []
    for kind, calendar_id, event_id in await told(engine):
        if kind == "calendar.upsert":
            assert event_id not in standing or standing[event_id] == calendar_id
            standing[event_id] = calendar_id
            seen.append(event_id)
        elif kind == "calendar.delete":
            assert standing.pop(event_id) == calendar_id
    assert standing == {line.google_event_id: "bay-1@ottos-auto.example"}
    assert len(set(seen)) == 3


async def test_a_visit_moves_as_a_whole(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    def visit(at: datetime, oil_bay: str = "bay-1") -> Opening:
        oil = OpeningLine("oil_change", oil_bay, at, at + 45 * MINUTE, at + 45 * MINUTE)
        begin, end = oil.ends_at, oil.ends_at + HOUR
        return Opening(
            "main", at, end, (oil, OpeningLine("wheel_alignment", "bay-4", begin, end, end))
        )

    first = await calendar.book(wish(people, opening=visit(NINE)))
    before = {row.service_code: row for row in await rows(engine, AppointmentLineRow)}
    moved = await calendar.reschedule(move(first, visit(NINE + 30 * MINUTE, "bay-2")))
    assert [line.bay_id for line in moved.lines] == ["bay-2", "bay-4"]
    after = {row.service_code: row for row in await rows(engine, AppointmentLineRow)}
    aligned = after["wheel_alignment"].google_event_id
    assert aligned == before["wheel_alignment"].google_event_id
    deleted = [what for kind, _, what in await told(engine) if kind == "calendar.delete"]
    assert deleted == [before["oil_change"].google_event_id]
    # One service less.
    shorter = await calendar.reschedule(move(moved, opening(NINE, "bay-1"), "shorter"))
    assert shorter.service_codes == ("oil_change",)
    deleted = [what for kind, _, what in await told(engine) if kind == "calendar.delete"]
    assert deleted[1:] == [after["oil_change"].google_event_id, aligned]


async def test_the_same_time_is_no_change(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    before = await everything(engine)
    assert await calendar.reschedule(move(first, opening())) == first
    assert await everything(engine) == before


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (opening(NINE + 10 * MINUTE), "outside_hours"),
        (opening(NINE + 2 * DAY), "outside_hours"),  # Thanksgiving
        (opening(NOW), "too_soon"),
        (opening(NINE - 7 * DAY), "too_soon"),
        (opening(NINE + 70 * DAY), "too_far"),
        (opening(NINE + HOUR, "bay-4"), "wrong_bay"),
        (opening(NINE + HOUR, minutes=30), "wrong_duration"),
        (opening(NINE + HOUR, service="car_wash"), "unknown_service"),
        (replace(opening(NINE + HOUR), location_id="north"), "wrong_bay"),
        (replace(opening(NINE + HOUR), lines=()), "wrong_duration"),
    ],
)
async def test_a_move_keeps_the_rules_of_a_booking(
    to: Opening, code: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    before = await everything(engine)
    with pytest.raises(SchedulingError) as refused:
        await calendar.reschedule(move(first, to))
    assert refused.value.code == code
    assert refused.value.sentence.endswith(".")
    assert await everything(engine) == before


# Keys


async def test_a_repeated_move_answers_with_what_stands(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    tomorrow = move(first, opening(NINE + DAY))
    moved = await calendar.reschedule(tomorrow)
    before = await everything(engine)
    assert await calendar.reschedule(tomorrow) == moved
    # The booking's own key, too, is compared with what was wished for then.
    assert await calendar.book(wish(people)) == moved
    assert await everything(engine) == before
    again = await calendar.reschedule(move(first, opening(NINE + 5 * HOUR), "again"))
    assert await calendar.reschedule(tomorrow) == again
    cancelled = await calendar.cancel(cancel(first))
    assert await calendar.reschedule(tomorrow) == cancelled
    assert await calendar.book(wish(people)) == cancelled


@pytest.mark.parametrize("kind", ["time", "service", "kind", "appointment", "booking", "moved"])
async def test_a_key_is_not_lent_to_another_change(
    kind: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    other = await calendar.book(wish(people, "other", opening=opening(NINE + 4 * HOUR)))
    moved = await calendar.reschedule(move(first, opening(NINE + DAY)))
    before = await everything(engine)
    with pytest.raises(BookingRefused) as refused:
        if kind == "time":
            await calendar.reschedule(move(moved, opening(NINE + 2 * HOUR)))
        elif kind == "service":
            battery = opening(NINE + DAY, "bay-2", "battery", 30)
            await calendar.reschedule(move(moved, battery))
        elif kind == "kind":
            await calendar.cancel(cancel(moved, "move"))
        elif kind == "appointment":
            await calendar.reschedule(move(other, opening(NINE + DAY)))
        elif kind == "booking":
            await calendar.reschedule(move(moved, opening(NINE + HOUR), "book"))
        else:
            # Where it stands now is not what the key was used for.
            await calendar.book(wish(people, opening=opening(NINE + DAY)))
    assert refused.value.code == "key_reused"
    assert await everything(engine) == before


async def test_a_move_with_the_key_of_a_booking_to_come(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    await calendar.reschedule(move(first, opening(NINE + DAY), "taken"))
    before = await everything(engine)
    with pytest.raises(BookingRefused) as refused:
        await calendar.book(johns(people, "taken", opening(NINE)))
    assert refused.value.code == "key_reused"
    assert await everything(engine) == before


async def test_twins_at_the_same_instant_move_once(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    tomorrow = move(first, opening(NINE + DAY))
    moved = await asyncio.gather(*(calendar.reschedule(tomorrow) for _ in range(10)))
    assert len(set(moved)) == 1
    assert moved[0].version == 2
    assert Counter(row.action for row in await rows(engine, AppointmentChangeRow)) == {
        "booked": 1,
        "moved": 1,
    }


# Whose


@pytest.mark.parametrize("whose", ["john", "nobody", "missing", "north"])
async def test_only_their_own_and_nothing_is_told_of_others(
    whose: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    who = {
        "john": {"customer_id": people.john},
        "nobody": {"customer_id": None},
        "missing": {"appointment_id": uuid4()},
        "north": {"customer_id": 2**70},
    }[whose]
    before = await everything(engine)
    sentences = set()
    for attempt in (
        calendar.reschedule(move(first, opening(NINE + DAY), **who)),
        calendar.cancel(cancel(first, **who)),
    ):
        with pytest.raises(BookingRefused) as refused:
            await attempt
        sentences.add((refused.value.code, refused.value.sentence))
    assert sentences == {("unknown_appointment", "I could not find that appointment.")}
    assert await everything(engine) == before


async def test_a_key_of_somebody_else_tells_nothing(
    calendar: CalendarService, people: People
) -> None:
    first = await calendar.book(wish(people))
    await calendar.cancel(cancel(first))
    with pytest.raises(BookingRefused) as refused:
        await calendar.cancel(cancel(first, customer_id=people.john))
    assert refused.value.code == "unknown_appointment"


# States and times


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("arrived", "arrived"),
        ("completed", "over"),
        ("no_show", "over"),
        ("cancelled", "cancelled"),
    ],
)
async def test_what_does_not_stand_as_booked_is_not_moved(
    status: str, code: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    async with engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status=status))
    before = await everything(engine)
    with pytest.raises(BookingRefused) as refused:
        await calendar.reschedule(move(first, opening(NINE + DAY)))
    assert refused.value.code == code
    if status == "cancelled":
        assert (await calendar.cancel(cancel(first))).status == "cancelled"
    else:
        with pytest.raises(BookingRefused) as refused:
            await calendar.cancel(cancel(first))
        assert refused.value.code == code
    assert await everything(engine) == before


@pytest.mark.parametrize(
    ("minutes", "moving", "cancelling"),
    [(-1, None, None), (0, "begun", None), (44, "begun", None), (45, "over", "over")],
)
async def test_what_has_begun_is_not_moved_and_what_is_over_not_cancelled(
    minutes: int,
    moving: str | None,
    cancelling: str | None,
    calendar: CalendarService,
    calendar_at: Callable[[datetime], CalendarService],
    people: People,
) -> None:
    first = await calendar.book(wish(people))
    then = calendar_at(NINE + minutes * MINUTE)
    for code, change in (
        (moving, then.reschedule(move(first, opening(NINE + DAY)))),
        (cancelling, then.cancel(cancel(first))),
    ):
        if code is None:
            await change
        else:
            with pytest.raises(BookingRefused) as refused:
                await change
            assert refused.value.code == code


# Cancelling


async def test_a_cancelled_appointment_gives_everything_back(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    (line,) = await rows(engine, AppointmentLineRow)
    cancelled = await calendar.cancel(cancel(first))
    assert (cancelled.status, cancelled.version, cancelled.is_texted) == ("cancelled", 2, True)
    assert await calendar.appointments_of(people.maria) == ()
    assert [row.status for row in await rows(engine, AppointmentLineRow)] == ["cancelled"]
    calendar_id = "bay-1@ottos-auto.example"
    assert await told(engine) == [
        ("calendar.upsert", calendar_id, line.google_event_id),
        ("calendar.delete", calendar_id, line.google_event_id),
        (
            "sms.send",
            PHONE,
            "Otto's Auto: Oil change on Tuesday, November 24 at 9:00 AM is cancelled. Confirmation "
            f"{first.confirmation}. For another time, call +13125550100.",
        ),
    ]
    _, change = await rows(engine, AppointmentChangeRow)
    assert (change.action, change.reason, change.call_sid) == ("cancelled", "cannot_come", "CA7")
    assert (change.before, change.after) == (state_of(first), state_of(cancelled))
    again = await calendar.book(wish(people, "anew"))
    assert (again.status, again.bay_id) == ("booked", "bay-1")


async def test_cancelling_again_changes_nothing(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    cancelled = await calendar.cancel(cancel(first))
    before = await everything(engine)
    assert await calendar.cancel(cancel(first)) == cancelled
    assert await calendar.cancel(cancel(first, "another key")) == cancelled
    assert await everything(engine) == before


async def test_of_moving_and_cancelling_at_once_either_comes_first(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    for number in range(5):
        first = await calendar.book(wish(people, f"book-{number}"))
        moved, cancelled = await asyncio.gather(
            calendar.reschedule(move(first, opening(NINE + DAY), f"move-{number}")),
            calendar.cancel(cancel(first, f"cancel-{number}")),
            return_exceptions=True,
        )
        assert isinstance(cancelled, Booking) and cancelled.status == "cancelled"
        assert isinstance(moved, Booking) or (
            isinstance(moved, BookingRefused) and moved.code == "cancelled"
        )
    assert {row.status for row in await rows(engine, AppointmentLineRow)} == {"cancelled"}


async def test_two_who_want_each_others_places(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    """Neither can have it while the other stands; nobody loses anything, and nobody hangs."""
    one_at = opening(NINE, "bay-4", "wheel_alignment", 60)
    other_at = opening(NINE + HOUR, "bay-4", "wheel_alignment", 60)
    one = await calendar.book(wish(people, opening=one_at))
    other = await calendar.book(johns(people, "other", other_at))
    outcomes = await asyncio.gather(
        calendar.reschedule(move(one, other_at, "one")),
        calendar.reschedule(move(other, one_at, "other-move", customer_phone="+13125550117")),
        return_exceptions=True,
    )
    assert all(isinstance(outcome, SlotTaken) for outcome in outcomes)
    lines = await rows(engine, AppointmentLineRow)
    assert {row.starts_at for row in lines} == {NINE, NINE + HOUR}


async def test_of_many_who_move_to_one_opening_one_gets_it(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    wanted = opening(NINE, "bay-4", "wheel_alignment", 60)
    mine = []
    for number in range(8):
        at = opening(NINE + DAY * (6 + number % 2) + HOUR * (number // 2), "bay-4")
        at = opening(at.starts_at, "bay-4", "wheel_alignment", 60)
        mine.append(await calendar.book(wish(people, f"b{number}", opening=at, vehicle_id=None)))
    outcomes = await asyncio.gather(
        *(calendar.reschedule(move(one, wanted, f"m{n}")) for n, one in enumerate(mine)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Booking) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, SlotTaken) for outcome in outcomes) == 7
    lines = await rows(engine, AppointmentLineRow)
    assert len(lines) == 8
    assert sum(row.starts_at == NINE for row in lines) == 1


# Limits, breakdowns, strange input


async def test_moves_are_limited_as_bookings_are(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    calendar = CalendarService(
        engine, dealership, "main", lambda: NOW, limits=LimitSettings(bookings_per_call=2)
    )
    first = await calendar.book(wish(people))
    for number in range(2):
        await calendar.reschedule(move(first, opening(NINE + number * HOUR + HOUR), f"m{number}"))
    before = await everything(engine)
    with pytest.raises(BookingRefused) as refused:
        await calendar.reschedule(move(first, opening(NINE + DAY), "m3"))
    assert refused.value.code == "too_many"
    assert await everything(engine) == before
    assert (await calendar.cancel(cancel(first))).status == "cancelled"


async def test_staff_are_not_limited(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    calendar = CalendarService(
        engine, dealership, "main", lambda: NOW, limits=LimitSettings(bookings_per_call=1)
    )
    booking = await calendar.book(wish(people))
    for number in range(3):
        to = opening(NINE + number * HOUR + HOUR)
        staff = {"actor": "staff", "customer_id": None, "call_sid": None}
        booking = await calendar.reschedule(move(booking, to, f"m{number}", **staff))
    assert booking.version == 4


def kill_connection_at(engine: AsyncEngine, statement: str) -> list[int]:
    """PostgreSQL ends our connection, once, just before the named statement is sent."""
    killed: list[int] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def end_it(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
        if sql.startswith(statement) and not killed:
            killed.append(1)
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    return killed


@pytest.mark.parametrize(
    "where",
    [
        "DELETE FROM appointment_lines",
        "INSERT INTO appointment_lines",
        "UPDATE appointments",
        "INSERT INTO appointment_changes",
        "INSERT INTO outbox",
        "DELETE FROM outbox",
    ],
)
async def test_a_connection_that_dies_half_way_moves_once(
    where: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    killed = kill_connection_at(engine, where)
    moved = await calendar.reschedule(move(first, opening(NINE + DAY)))
    assert killed and moved.version == 2
    assert len(await rows(engine, AppointmentChangeRow)) == 2
    assert [row.starts_at for row in await rows(engine, AppointmentLineRow)] == [NINE + DAY]


async def test_a_move_wakes_the_outbox_once(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    woken: list[int] = []
    calendar = CalendarService(
        engine, dealership, "main", lambda: NOW, after_commit=lambda: woken.append(1)
    )
    first = await calendar.book(wish(people))
    for _ in range(2):
        await calendar.reschedule(move(first, opening(NINE + DAY)))
        await calendar.cancel(cancel(first))
    assert len(woken) == 3


any_text = st.text(st.characters(exclude_categories=()), max_size=300)


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(key=any_text, call_sid=any_text, phone=any_text, caller=any_text)
async def test_whatever_is_written_in_a_change(
    key: str, call_sid: str, phone: str, caller: str, calendar: CalendarService, people: People
) -> None:
    booked = await calendar.book(wish(people, f"b{uuid4()}"))
    given_values = {"call_sid": call_sid, "customer_phone": phone, "caller": caller}
    moving = move(booked, opening(NINE + DAY), f"m{key}{uuid4()}", **given_values)
    assert await calendar.reschedule(moving) == await calendar.reschedule(moving)
    cancelling = cancel(booked, f"c{key}{uuid4()}", **given_values)
    cancelled = await calendar.cancel(cancelling)
    assert cancelled.status == "cancelled"
    assert await calendar.cancel(cancelling) == cancelled


# Staff


async def test_staff_may_use_times_that_callers_are_not_offered(
    calendar_at: Callable[[datetime], CalendarService], people: People
) -> None:
    calendar = calendar_at(NINE - 3 * HOUR)
    first = await calendar.book(wish(people))
    staff = {"actor": "staff", "customer_id": None, "call_sid": None, "customer_phone": None}
    for number, to in enumerate(
        (
            opening(NINE + 10 * MINUTE),  # off the grid
            opening(NINE + 10 * MINUTE, minutes=90),  # longer than the menu says
            opening(NINE + 10 * MINUTE, "bay-2", minutes=20),
            opening(NINE - 90 * MINUTE + MINUTE),  # at no notice
            opening(NINE + 91 * DAY),  # beyond the horizon
        )
    ):
        moved = await calendar_at(NINE - 2 * HOUR).reschedule(
            move(first, to, f"s{number}", **staff)
        )
        assert moved.lines == to.lines
        assert moved.is_texted


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (opening(NINE - 2 * HOUR), "outside_hours"),  # 7:00 AM
        (opening(NINE + 9 * HOUR - MINUTE), "outside_hours"),
        (opening(NINE + 2 * DAY), "outside_hours"),  # Thanksgiving
        (opening(NINE - DAY), "too_soon"),
        (opening(NINE, "bay-4"), "wrong_bay"),
        (opening(NINE, minutes=0), "wrong_duration"),
        (opening(NINE, minutes=60 * 25), "wrong_duration"),
        (opening(NINE + HOUR, "bay-2"), "taken"),  # they said which bay
    ],
)
async def test_what_staff_wish_is_checked_as_well(
    to: Opening,
    code: str,
    calendar_at: Callable[[datetime], CalendarService],
    engine: AsyncEngine,
    people: People,
) -> None:
    calendar = calendar_at(NOW)
    first = await calendar.book(wish(people))
    await calendar.book(johns(people, "b", opening(NINE + HOUR, "bay-2")))
    before = await everything(engine)
    with pytest.raises(SchedulingError) as refused:
        await calendar_at(NINE - 3 * HOUR).reschedule(
            move(first, to, actor="staff", customer_id=None, customer_phone=None)
        )
    assert refused.value.code == code
    assert await everything(engine) == before


async def test_where_staff_move_an_event_it_stays(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    (line,) = await rows(engine, AppointmentLineRow)
    staff = {"actor": "staff", "customer_id": None, "customer_phone": None}
    await calendar.reschedule(move(first, opening(NINE, "bay-2"), **staff))
    (moved,) = await rows(engine, AppointmentLineRow)
    assert (moved.bay_id, moved.google_event_id) == ("bay-2", line.google_event_id)
    assert [kind for kind, *_ in await told(engine)] == [
        "calendar.upsert",
        "calendar.upsert",
        "sms.send",
    ]
    (_, change) = await rows(engine, AppointmentChangeRow)
    assert (change.actor, change.action) == ("staff", "moved")


async def test_staff_cancel_who_has_arrived(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first = await calendar.book(wish(people))
    async with engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status="arrived"))
    by_staff = cancel(first, actor="staff", customer_id=None, reason=CancelReason.BY_STAFF)
    assert (await calendar.cancel(by_staff)).status == "cancelled"
