"""How appointments end: marked by staff, or by themselves."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.scheduling.bookings import (
    Booking,
    BookingRefused,
    BookingRequest,
    Mark,
    SlotTaken,
)
from otto.scheduling.changes.marking import ENDED_AT_ONCE, MARKS, closing_after
from otto.scheduling.openings import Opening
from otto.scheduling.service import CalendarService
from otto.storage.tables import AppointmentChangeRow, AppointmentLineRow, AppointmentRow, OutboxRow
from tests.scheduling.booking_support import MANY, NOW, People
from tests.support.appointments import write_appointment

NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STATUSES = ("booked", "arrived", "completed", "no_show", "cancelled")

At = Callable[..., CalendarService]


@pytest.fixture
def at(engine: AsyncEngine, dealership: Dealership) -> At:
    """The calendar at a time, at a dealership that marks arrivals or does not."""

    def made(now: datetime, *, marked: bool = False) -> CalendarService:
        return CalendarService(
            engine, marking(dealership, marked), "main", clock=lambda: now, limits=MANY
        )

    return made


def marking(dealership: Dealership, marked: bool, **changes: Any) -> Dealership:
    data = dealership.model_dump()
    location = data["locations"][0] | {"arrivals_are_marked": marked} | changes
    return Dealership.model_validate(data | {"locations": [location]})


async def book(calendar: CalendarService, people: People, key: str = "a") -> Booking:
    opening = Opening.of_one("main", "bay-1", "oil_change", NINE, NINE + 45 * MINUTE)
    return await calendar.book(
        BookingRequest(key, opening, people.maria, people.civic, "+13125550142")
    )


async def rows(engine: AsyncEngine, model: Any) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(select(model.__table__).order_by(model.id)))


async def statuses(engine: AsyncEngine) -> list[str]:
    heads = {row.id: row.status for row in await rows(engine, AppointmentRow)}
    lines = {row.appointment_id: row.status for row in await rows(engine, AppointmentLineRow)}
    assert heads == lines
    return sorted(heads.values())


# By staff


async def test_a_day_as_it_should_go(at: At, engine: AsyncEngine, people: People) -> None:
    booking = await book(at(NOW), people)
    arrived = await at(NINE - 20 * MINUTE).mark(booking.appointment_id, "arrived")
    assert (arrived.status, arrived.version) == ("arrived", 2)
    (standing,) = await at(NINE).appointments_of(people.maria)
    assert (standing.appointment_id, standing.status) == (booking.appointment_id, "arrived")
    done = await at(NINE + 40 * MINUTE).mark(booking.appointment_id, "completed")
    assert (done.status, done.version) == ("completed", 3)
    changes = await rows(engine, AppointmentChangeRow)
    assert [(one.action, one.actor) for one in changes] == [
        ("booked", "caller"),
        ("arrived", "staff"),
        ("completed", "staff"),
    ]
    assert [one.after["status"] for one in changes] == ["booked", "arrived", "completed"]
    assert len(await rows(engine, OutboxRow)) == 2  # nobody needs to be told


@pytest.mark.parametrize(("status", "mark"), list(itertools.product(STATUSES, get_args(Mark))))
async def test_every_mark_in_every_status(
    status: str, mark: Mark, at: At, engine: AsyncEngine, people: People
) -> None:
    """What the table allows and nothing else; the same mark again changes nothing."""
    booking = await book(at(NOW), people)
    async with engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status=status))
    before = [await rows(engine, table) for table in (AppointmentRow, AppointmentChangeRow)]
    calendar = at(NINE + 10 * MINUTE)
    if status == "cancelled":
        with pytest.raises(BookingRefused) as refused:
            await calendar.mark(booking.appointment_id, mark)
        assert refused.value.code == "cancelled"
    elif status == mark:
        assert (await calendar.mark(booking.appointment_id, mark)).version == 1
    elif mark in MARKS[status]:
        assert (await calendar.mark(booking.appointment_id, mark)).status == mark
        assert await statuses(engine) == [mark]
        change = (await rows(engine, AppointmentChangeRow))[-1]
        assert (change.action, change.before["status"]) == (MARKS[status][mark], status)
        return
    assert [await rows(engine, table) for table in (AppointmentRow, AppointmentChangeRow)] == before


@pytest.mark.parametrize(
    ("mark", "now", "is_allowed"),
    [
        ("arrived", NINE - DAY, False),
        ("arrived", datetime(2026, 11, 24, 5, 59, tzinfo=UTC), False),  # 11:59 PM the day before
        ("arrived", datetime(2026, 11, 24, 6, 0, tzinfo=UTC), True),
        ("no_show", NINE - MINUTE, False),
        ("no_show", NINE, True),
        ("completed", NINE - MINUTE, False),
        ("completed", NINE, True),
        ("arrived", NINE + 9 * DAY, True),
    ],
)
async def test_nobody_is_marked_before_their_day(
    mark: Mark, now: datetime, is_allowed: bool, at: At, people: People
) -> None:
    booking = await book(at(NOW), people)
    if is_allowed:
        assert (await at(now).mark(booking.appointment_id, mark)).status == mark
    else:
        with pytest.raises(BookingRefused) as refused:
            await at(now).mark(booking.appointment_id, mark)
        assert refused.value.code == "too_early"


async def test_who_comes_after_all_finds_the_place_gone_if_it_is(
    at: At, engine: AsyncEngine, people: People
) -> None:
    booking = await book(at(NOW), people)
    await at(NINE + 10 * MINUTE).mark(booking.appointment_id, "no_show")
    await at(NINE + 15 * MINUTE).mark(booking.appointment_id, "arrived")
    assert (await rows(engine, AppointmentChangeRow))[-1].action == "restored"
    await at(NINE + 20 * MINUTE).mark(booking.appointment_id, "no_show")
    async with engine.begin() as connection:
        theirs = {"customer_id": people.john, "vehicle_id": people.truck}
        await write_appointment(connection, "walk-in", starts_at=NINE + 20 * MINUTE, **theirs)
    before = await rows(engine, AppointmentChangeRow)
    with pytest.raises(SlotTaken):
        await at(NINE + 30 * MINUTE).mark(booking.appointment_id, "arrived")
    assert await rows(engine, AppointmentChangeRow) == before
    assert await statuses(engine) == ["booked", "no_show"]


async def test_of_an_unknown_appointment_nothing_is_marked(at: At, people: People) -> None:
    with pytest.raises(BookingRefused) as refused:
        await at(NINE).mark(uuid4(), "arrived")
    assert refused.value.code == "unknown_appointment"


# By itself


@pytest.mark.parametrize(
    ("marked", "status", "now", "end"),
    [
        (False, "booked", NINE + 44 * MINUTE, None),
        (False, "booked", NINE + 45 * MINUTE, "completed"),
        (False, "arrived", NINE + 45 * MINUTE, "completed"),
        (True, "booked", NINE + 45 * MINUTE, None),  # they may still come
        (True, "booked", NINE + 9 * HOUR - MINUTE, None),
        (True, "booked", NINE + 9 * HOUR, "no_show"),  # 6:00 PM
        (True, "arrived", NINE + 9 * HOUR - MINUTE, None),
        (True, "arrived", NINE + 9 * HOUR, "completed"),
        (False, "cancelled", NINE + DAY, None),
        (False, "no_show", NINE + DAY, None),
        (True, "completed", NINE + DAY, None),
    ],
)
async def test_what_nobody_marks_ends_by_itself(
    marked: bool,
    status: str,
    now: datetime,
    end: str | None,
    at: At,
    engine: AsyncEngine,
    people: People,
) -> None:
    await book(at(NOW), people)
    async with engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status=status))
    calendar = at(now, marked=marked)
    assert await calendar.end_what_is_over() == (end is not None)
    assert await statuses(engine) == [end or status]
    changes = (await rows(engine, AppointmentChangeRow))[1:]
    assert [(one.action, one.actor, one.before) for one in changes] == (
        [(end, "otto", {"status": status})] if end else []
    )
    assert await calendar.end_what_is_over() == 0


async def test_many_are_ended_piece_by_piece(at: At, engine: AsyncEngine, people: People) -> None:
    async with engine.begin() as connection:
        for number in range(ENDED_AT_ONCE + 5):
            await write_appointment(
                connection, f"a{number}", customer_id=people.maria, starts_at=NINE + number * HOUR
            )
    later = at(NINE + 30 * DAY)
    assert await later.end_what_is_over() == ENDED_AT_ONCE + 5
    assert {*await statuses(engine)} == {"completed"}


async def test_whoever_is_being_changed_is_ended_another_time(
    at: At, engine: AsyncEngine, people: People
) -> None:
    await book(at(NOW), people)
    async with engine.connect() as connection:
        await connection.execute(select(AppointmentRow.id).with_for_update())
        assert await at(NINE + DAY).end_what_is_over() == 0
    assert await at(NINE + DAY).end_what_is_over() == 1


@pytest.mark.parametrize(
    ("hours", "start", "closes"),
    [
        ("07:30-18:00", (24, 9, 0), (24, 18, 0)),
        ("08:00-12:00, 13:00-17:00", (24, 9, 0), (24, 17, 0)),
        ("18:00-24:00", (24, 19, 0), (25, 0, 0)),
        ("20:00-02:00", (24, 21, 0), (25, 2, 0)),
        ("20:00-02:00", (25, 1, 0), (25, 2, 0)),  # of the night before
        ("00:00-24:00", (24, 9, 0), (25, 0, 0)),
        ("07:30-18:00", (24, 20, 0), (25, 0, 0)),  # it is not open then any more
        ("07:30-18:00", (26, 9, 0), (26, 18, 0)),
    ],
)
def test_when_a_day_closes(
    hours: str,
    start: tuple[int, int, int],
    closes: tuple[int, int, int],
    dealership: Dealership,
) -> None:
    week = dict.fromkeys(dealership.locations[0].model_dump()["hours"], hours.split(", "))
    changed = {"hours": week, "holidays": None, "special_hours": []}
    location = marking(dealership, True, **changed).locations[0]

    def instant(day: int, hour: int, minute: int) -> datetime:
        return datetime(2026, 11, day, hour, minute, tzinfo=location.zone).astimezone(UTC)

    assert closing_after(location, instant(*start)) == instant(*closes)
