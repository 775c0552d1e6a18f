"""Bookings while PostgreSQL goes away at the worst moments, and the outbox that waits for it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.scheduling.openings import Opening, OpeningsQuery
from otto.scheduling.outbox import OutboxItem, OutboxWorker
from otto.scheduling.service import BookingRequest, CalendarService
from otto.storage.errors import StoreUnavailable
from otto.storage.guard import DatabaseGuard
from otto.storage.tables import AppointmentRow, OutboxRow
from tests.scheduling.booking_support import NOW, People
from tests.support.wire import Wire

DEADLINE_S = 0.8
SLACK_S = 0.4
"""For two busy cores; a hang would be seconds."""
NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@pytest.fixture
def calendar(behind_wire: AsyncEngine, dealership: Dealership) -> CalendarService:
    guard = DatabaseGuard(DEADLINE_S, pause_s=0.05)
    return CalendarService(behind_wire, dealership, "main", clock=lambda: NOW, guard=guard)


def wish(people: People) -> BookingRequest:
    opening = Opening.of_one("main", "bay-1", "oil_change", NINE, NINE + timedelta(minutes=45))
    return BookingRequest("call-1:slot-1", opening, people.maria, people.civic, "+13125550142")


async def rows(engine: AsyncEngine, model: Any) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(select(model.__table__)))


async def test_a_commit_whose_answer_was_lost_is_found_by_the_retry(
    wire: Wire, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.find_openings(OpeningsQuery.of_days("oil_change"))
    wire.cut_after(b"COMMIT")
    booking = await calendar.book(wish(people))
    [row] = await rows(engine, AppointmentRow)
    assert row.id == booking.appointment_id
    assert len(await rows(engine, OutboxRow)) == 2
    assert wire.connections == 2, "the connection was not cut"


async def test_a_commit_nobody_answers_is_unknown_and_found_when_the_database_is_back(
    wire: Wire, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.find_openings(OpeningsQuery.of_days("oil_change"))
    wire.then_black_hole = True
    wire.cut_after(b"COMMIT")
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        await calendar.book(wish(people))
    assert time.monotonic() - began_s < DEADLINE_S + SLACK_S
    assert caught.value.outcome_unknown
    [row] = await rows(engine, AppointmentRow)  # it does stand
    await wire.mend()
    await asyncio.sleep(0.1)
    assert (await calendar.book(wish(people))).appointment_id == row.id
    assert len(await rows(engine, AppointmentRow)) == 1
    assert len(await rows(engine, OutboxRow)) == 2


@pytest.mark.parametrize("how", ["stopped", "hangs"])
async def test_without_the_book_nothing_is_booked_and_that_is_known(
    how: str, wire: Wire, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.find_openings(OpeningsQuery.of_days("oil_change"))
    if how == "stopped":
        await wire.refuse()
    else:
        wire.black_hole = True
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        await calendar.book(wish(people))
    with pytest.raises(StoreUnavailable):
        await calendar.find_openings(OpeningsQuery.of_days("oil_change"))
    assert time.monotonic() - began_s < DEADLINE_S + SLACK_S
    assert not caught.value.outcome_unknown
    assert await rows(engine, AppointmentRow) == []


@pytest.mark.parametrize("how", ["stopped", "hangs", "full"])
async def test_the_outbox_survives_the_databases_absence_and_goes_on(
    how: str, wire: Wire, behind_wire: AsyncEngine, engine: AsyncEngine, people: People
) -> None:
    delivered: list[str] = []

    async def deliver(item: OutboxItem) -> None:
        delivered.append(item.key)

    worker = OutboxWorker(behind_wire, {"sms.send": deliver}, poll_s=0.05)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(5):
        while not wire.connections:
            await asyncio.sleep(0.01)
    if how == "stopped":
        await wire.refuse()
    elif how == "hangs":
        wire.black_hole = True
    else:
        # asyncpg raises this one raw, past SQLAlchemy.
        await wire.refuse()
        wire.say_first = _TOO_MANY
        await wire.mend()
    await asyncio.sleep(0.3)
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO outbox (kind, key, payload) VALUES ('sms.send', 'one', '{}')")
        )
    assert not running.done() and delivered == []
    wire.say_first = None
    await wire.mend()
    async with asyncio.timeout(10):
        while not delivered:
            await asyncio.sleep(0.02)
    stop.set()
    await running
    assert delivered == ["one"]


_FIELDS = b"SFATAL\0VFATAL\0C53300\0Mtoo many clients\0\0"
_TOO_MANY = b"E" + (len(_FIELDS) + 4).to_bytes(4, "big") + _FIELDS
"""PostgreSQL's ErrorResponse to a connection it has no room for."""
