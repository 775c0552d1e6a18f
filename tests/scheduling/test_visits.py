"""Several services in one visit: one appointment, a line and an event for each."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.scheduling.bookings import BookingRequest, SchedulingError, SlotTaken, wish_of
from otto.scheduling.mirror.book import planned_event
from otto.scheduling.openings import Opening, OpeningLine
from otto.scheduling.service import Booking, CalendarService
from otto.storage.tables import (
    AppointmentChangeRow,
    AppointmentLineRow,
    AppointmentRow,
    OutboxRow,
)
from tests.scheduling.booking_support import MANY, NOW, People

NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def calendar(engine: AsyncEngine, dealership: Dealership) -> CalendarService:
    return CalendarService(engine, dealership, "main", clock=lambda: NOW, limits=MANY)


def line(service: str, bay: str, start: datetime, minutes: int) -> OpeningLine:
    end = start + minutes * MINUTE
    return OpeningLine(service, bay, start, end, end)


def visit(*lines: OpeningLine) -> Opening:
    return Opening("main", lines[0].starts_at, lines[-1].ends_at, lines)


OIL = line("oil_change", "bay-1", NINE, 45)
ALIGNED = line("wheel_alignment", "bay-4", NINE + 45 * MINUTE, 60)
BOTH = visit(OIL, ALIGNED)


def request(people: People, key: str = "visit", opening: Opening = BOTH) -> BookingRequest:
    return BookingRequest(key, opening, people.maria, people.civic, "+13125550142", "CA1")


async def rows(engine: AsyncEngine, model: Any) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(select(model.__table__).order_by(model.id)))


async def test_two_services_are_one_appointment(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    booking = await calendar.book(request(people))
    assert booking.lines == BOTH.lines
    (head,) = await rows(engine, AppointmentRow)
    assert (head.starts_at, head.ends_at) == (OIL.starts_at, ALIGNED.ends_at)
    lines = sorted(await rows(engine, AppointmentLineRow), key=lambda row: row.position)
    assert [(row.bay_id, row.service_code) for row in lines] == [
        ("bay-1", "oil_change"),
        ("bay-4", "wheel_alignment"),
    ]
    *events, text = (row.payload for row in await rows(engine, OutboxRow))
    assert [event["event_id"] for event in events] == [row.google_event_id for row in lines]
    assert [event["calendar_id"] for event in events] == [
        "bay-1@ottos-auto.example",
        "bay-4@ottos-auto.example",
    ]
    async with engine.connect() as connection:
        planned = [
            await planned_event(connection, dealership, row.google_event_id) for row in lines
        ]
    bodies = [each.body for each in planned if each is not None]
    assert [body["summary"].split(":")[0] for body in bodies] == ["Oil change", "Wheel alignment"]
    assert "2 of 2 in this visit: Oil change and Wheel alignment." in bodies[1]["description"]
    assert "Oil change and Wheel alignment booked for Tuesday" in text["body"]
    (change,) = await rows(engine, AppointmentChangeRow)
    assert (change.action, change.actor, change.call_sid, change.key) == (
        *("booked", "caller"),
        *("CA1", "visit"),
    )
    assert change.wish == wish_of(BOTH)
    assert await calendar.book(request(people)) == booking
    assert (await calendar.appointments_of(people.maria)) == (booking,)


async def test_where_one_line_finds_no_bay_nothing_is_booked(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    alone = visit(line("wheel_alignment", "bay-4", NINE + 60 * MINUTE, 60))
    theirs = {"customer_id": people.john, "vehicle_id": people.truck}
    await calendar.book(replace(request(people, "alone", alone), **theirs))
    before = [await rows(engine, table) for table in (AppointmentRow, AppointmentLineRow)]
    with pytest.raises(SlotTaken):
        await calendar.book(request(people))
    assert [await rows(engine, table) for table in (AppointmentRow, AppointmentLineRow)] == before


async def test_a_line_whose_bay_is_gone_is_served_in_another(
    calendar: CalendarService, people: People
) -> None:
    theirs = {"customer_id": people.john, "vehicle_id": people.truck}
    await calendar.book(replace(request(people, "alone", visit(OIL)), **theirs))
    booking = await calendar.book(request(people))
    assert booking.lines[0].bay_id in {"bay-2", "bay-3"}
    assert booking.lines[1] == ALIGNED


async def test_of_many_visits_at_once_no_bay_is_used_twice(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    """In both orders, so that each waits for what another has taken already."""
    turned = visit(
        line("wheel_alignment", "bay-4", NINE, 60),
        line("oil_change", "bay-1", NINE + 60 * MINUTE, 45),
    )

    async def attempt(number: int) -> Booking | None:
        wish = request(people, f"visit-{number}", (BOTH, turned)[number % 2])
        try:
            return await calendar.book(replace(wish, vehicle_id=None))
        except SlotTaken:
            return None

    served = [one for one in await asyncio.gather(*map(attempt, range(30))) if one]
    assert len(served) == 1  # either order needs the only aligner at 9:45
    assert len(await rows(engine, AppointmentRow)) == 1
    assert len(await rows(engine, AppointmentLineRow)) == 2


@pytest.mark.parametrize(
    ("opening", "code"),
    [
        (replace(BOTH, lines=()), "wrong_duration"),
        (replace(BOTH, ends_at=OIL.ends_at), "wrong_duration"),
        (replace(BOTH, starts_at=NINE - 30 * MINUTE), "wrong_duration"),
        (visit(ALIGNED, OIL), "wrong_duration"),  # backwards
        (visit(OIL, line("wheel_alignment", "bay-4", NINE + 30 * MINUTE, 60)), "wrong_duration"),
        (visit(OIL, line("oil_change", "bay-2", OIL.ends_at, 45)), "wrong_duration"),  # twice
        (visit(OIL, line("wheel_alignment", "bay-1", OIL.ends_at, 60)), "wrong_bay"),
        (visit(OIL, line("car_wash", "bay-1", OIL.ends_at, 60)), "unknown_service"),
        (
            visit(OIL, line("wheel_alignment", "bay-4", NINE + timedelta(hours=9), 60)),
            "outside_hours",  # done after closing
        ),
        (
            visit(OIL, line("wheel_alignment", "bay-4", NINE + timedelta(days=1), 60)),
            "outside_hours",
        ),
        (visit(replace(OIL, free_at=OIL.ends_at + timedelta(hours=9)), ALIGNED), "wrong_duration"),
    ],
)
async def test_a_visit_that_breaks_a_rule_is_refused(
    opening: Opening, code: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    with pytest.raises(SchedulingError) as refused:
        await calendar.book(request(people, opening=opening))
    assert refused.value.code == code
    assert refused.value.sentence.endswith(".")
    assert await rows(engine, AppointmentRow) == []
    assert await rows(engine, OutboxRow) == []
