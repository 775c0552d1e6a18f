"""The hot queries of booking use their indexes: read from the plans of a year of four bays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.scheduling.bookings import BookingRequest
from otto.scheduling.openings import OpeningsQuery
from otto.scheduling.service import CalendarService
from otto.storage.database import sync_dealership
from otto.storage.guard import DatabaseGuard
from tests.scheduling.booking_support import MANY, NOW, People

ROWS = 16_000
"""Eleven lines a day in each of four bays, for a year."""


@pytest.fixture
async def year(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> AsyncIterator[CalendarService]:
    """A year of appointments before and behind `NOW`, and fresh statistics."""
    await sync_dealership(engine, dealership)
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        await connection.execute(
            text(
                """
                WITH made AS (
                    INSERT INTO appointments (id, location_id, customer_id, starts_at, ends_at,
                        status, idempotency_key)
                    SELECT gen_random_uuid(), 'main', :customer, start, start + interval '30 min',
                        CASE WHEN start < :now THEN 'completed' ELSE 'booked' END, 'y' || n
                    FROM (SELECT n, CAST(:now AS timestamptz) - interval '182 days'
                          + (n / 4) * interval '131 min' + interval '7 s' AS start
                          FROM generate_series(1, :rows) AS n) AS numbered
                    RETURNING id, starts_at, ends_at, status, idempotency_key
                )
                INSERT INTO appointment_lines (id, appointment_id, position, location_id, bay_id,
                    service_code, starts_at, ends_at, free_at, status, google_event_id)
                SELECT gen_random_uuid(), id, 1, 'main',
                    'bay-' || 1 + CAST(substr(idempotency_key, 2) AS int) % 4, 'oil_change',
                    starts_at, ends_at, ends_at, status, replace(id::text, '-', '')
                FROM made
                """
            ),
            {"customer": people.john, "now": NOW, "rows": ROWS},
        )
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(text("ANALYZE appointments, appointment_lines"))
    yield CalendarService(
        engine, dealership, "main", lambda: NOW, limits=MANY, guard=DatabaseGuard(60)
    )


def read_tables(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """(how, table) of every node that reads one."""
    found = []
    if "Relation Name" in plan:
        found.append((plan["Node Type"], plan["Relation Name"]))
    for child in plan.get("Plans", ()):
        found += read_tables(child)
    return found


async def test_no_hot_query_reads_the_whole_book(
    year: CalendarService, engine: AsyncEngine, people: People
) -> None:
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            asked.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        found = await year.find_openings(OpeningsQuery(("oil_change",), vehicle_id=people.civic))
        wish = BookingRequest("p", found.openings[0], people.maria, people.civic, "+13125550142")
        await year.book(wish)
        assert await year.appointments_of(people.maria)
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)
    about_the_book = [one for one in asked if "appointment" in one[0]]
    assert len(about_the_book) >= 4
    async with engine.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        for statement, parameters in about_the_book:
            (explained,) = await raw.fetchrow(f"EXPLAIN (FORMAT JSON) {statement}", *parameters)
            whole = explained[0]["Plan"]
            scans = [table for how, table in read_tables(whole) if how == "Seq Scan"]
            assert "appointments" not in scans and "appointment_lines" not in scans, statement
