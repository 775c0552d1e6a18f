"""What is counted, blocked or held stays so when many want it in the same moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.scheduling.bookings import (
    Booking,
    BookingRefused,
    BookingRequest,
    MoveRequest,
    SchedulingError,
)
from otto.scheduling.openings import Opening
from otto.scheduling.service import CalendarService
from otto.storage.tables import AppointmentRow, BayBlockRow
from tests.scheduling.booking_support import MANY, NOW, People

NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RACK = Opening.of_one("main", "bay-4", "wheel_alignment", NINE, NINE + HOUR)


def later(hours: float = 0, days: int = 0, **more: Any) -> Opening:
    start = NINE + hours * HOUR + timedelta(days=days)
    return replace(Opening.of_one("main", "bay-4", "wheel_alignment", start, start + HOUR), **more)


@pytest.fixture
def few(dealership: Dealership) -> Dealership:
    here = dealership.locations[0].model_copy(update={"loaner_cars": 2})
    return dealership.model_copy(update={"locations": (here,)})


@pytest.fixture
def calendar(engine: AsyncEngine, few: Dealership) -> CalendarService:
    return CalendarService(engine, few, "main", clock=lambda: NOW, limits=MANY)


def wish(people: People, key: str, opening: Opening) -> BookingRequest:
    return BookingRequest(key, opening, people.maria, None, "+13125550142", None)


async def places(engine: AsyncEngine) -> list[tuple[str | None, int | None]]:
    head = AppointmentRow
    async with engine.connect() as connection:
        wanted = select(head.transport_date, head.transport_place).where(head.status == "booked")
        rows = (await connection.execute(wanted.order_by(head.starts_at))).all()
    return [(day and f"{day:%m-%d}", number) for day, number in rows]


async def test_two_cars_for_six_who_ask_at_once(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    async def try_it(number: int) -> Booking | str:
        opening = later(number, transport="loaner")
        try:
            return await calendar.book(wish(people, f"k{number}", opening))
        except BookingRefused as refused:
            return refused.code

    found = await asyncio.gather(*(try_it(number) for number in range(6)))
    assert [one for one in found if isinstance(one, str)] == ["no_transport"] * 4
    assert sorted(await places(engine)) == [("11-24", 1), ("11-24", 2)]


async def test_a_place_moves_along_and_is_given_back(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    async def move(key: str, booking: Booking, opening: Opening) -> Booking:
        request = MoveRequest(key, booking.appointment_id, people.maria, opening)
        return await calendar.reschedule(request)

    made = [
        await calendar.book(wish(people, f"k{hour}", later(hour, transport="loaner")))
        for hour in range(2)
    ]
    third = await calendar.book(wish(people, "k3", later(days=1, transport="loaner")))
    with pytest.raises(BookingRefused) as refused:
        await move("m1", third, later(3))
    assert refused.value.code == "no_transport"
    assert await places(engine) == [("11-24", 1), ("11-24", 2), ("11-25", 1)]
    await move("m2", made[0], later(2, days=1))
    assert await places(engine) == [("11-24", 2), ("11-25", 1), ("11-25", 2)]
    await move("m3", third, later(3))
    assert await places(engine) == [("11-24", 2), ("11-24", 1), ("11-25", 2)]


async def test_staff_move_whom_they_want_whatever_is_counted(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    for hour in range(2):
        await calendar.book(wish(people, f"k{hour}", later(hour, transport="loaner")))
    third = await calendar.book(wish(people, "k3", later(days=1, transport="loaner")))
    request = MoveRequest("m1", third.appointment_id, None, later(3), actor="staff")
    assert (await calendar.reschedule(request)).starts_at == NINE + 3 * HOUR
    assert await places(engine) == [("11-24", 1), ("11-24", 2), ("11-24", None)]


async def waits_for_a_lock(engine: AsyncEngine, task: asyncio.Task[Any]) -> None:
    """Until somebody waits for an advisory lock, or the task has ended without."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with engine.connect() as connection:
        while not task.done() and not await connection.scalar(waiting):
            await connection.rollback()
            await asyncio.sleep(0.01)


async def test_no_booking_slips_in_beside_a_block_that_is_being_written(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    async with engine.connect() as staff:
        key = func.hashtextextended("bays main", 0)
        await staff.execute(select(func.pg_advisory_xact_lock(key)))
        await staff.execute(
            insert(BayBlockRow).values(
                location_id="main",
                bay_id="bay-4",
                starts_at=NINE,
                ends_at=NINE + HOUR,
                calendar_id="bay-4@ottos-auto.example",
                google_event_id="staff",
            )
        )
        booking = asyncio.create_task(calendar.book(wish(people, "k", RACK)))
        await waits_for_a_lock(engine, booking)
        assert not booking.done()
        await staff.commit()
        with pytest.raises(SchedulingError, match="taken"):
            await booking
