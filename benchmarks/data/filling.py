"""Databases with years of a workshop's life in them, written straight into the tables."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from benchmarks.data.measuring import database
from config.dealership import Dealership, Location
from otto.scheduling.hours import periods_reaching
from otto.storage.database import make_engine, migrate, sync_dealership

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""Monday, November 23, 2026, 6:00 AM in Chicago. The future begins here."""
AHEAD_DAYS = 61
TAKEN_SHARE = 0.85
CUSTOMERS = 4_000
SERVICE, MINUTES, BAYS = "oil_change", 45, ("bay-1", "bay-2", "bay-3")
"""What is booked, and where it can be done."""
EVERY = timedelta(hours=1)
"""Between two starts in a bay: on the grid, and so that none overlaps the one before."""


def phone(customer: int) -> str:
    """The number of a customer, by the id."""
    return f"+1312{5_550_000 + customer:07d}"


def starts(location: Location, since: datetime, until: datetime) -> Iterator[datetime]:
    """Starts at which the bays can be booked, none overlapping the next."""
    day, last = since.astimezone(location.zone).date(), until.astimezone(location.zone).date()
    while day <= last:
        for period in periods_reaching(location, day):
            start = period.starts_at
            while start + timedelta(minutes=MINUTES) <= period.ends_at:
                if start.astimezone(location.zone).date() == day and since <= start < until:
                    yield start
                start += EVERY
        day += timedelta(days=1)


async def make(url: str, dealership: Dealership) -> None:
    """The tables, the menu, the bays, and customers with a vehicle each, whose ids are equal."""
    await migrate(url)
    engine = make_engine(database(url))
    await sync_dealership(engine, dealership)
    await engine.dispose()
    ids = range(1, CUSTOMERS + 1)
    async with _connected(url) as connection:
        await _copy(
            *(connection, "customers", ("location_id", "first_name", "last_name", "phone")),
            [("main", "Robin", f"Walker {number}", phone(number)) for number in ids],
        )
        await _copy(
            *(connection, "vehicles", ("customer_id", "year", "make", "model")),
            [(number, 2020, "Honda", "Civic") for number in ids],
        )
        await connection.execute("VACUUM ANALYZE")


async def fill(url: str, location: Location, years: int, ahead: float | None = None) -> int:
    """What has been for so many years, and so much of what can be booked from now on (None: as
    much as ever); returns how many appointments."""
    rng = random.Random(years)
    appointments = []
    since = NOW - timedelta(days=365 * years)
    for start in starts(location, since, NOW + timedelta(days=AHEAD_DAYS)):
        # Nobody is in two bays at once.
        for bay, customer in zip(BAYS, rng.sample(range(1, CUSTOMERS + 1), len(BAYS)), strict=True):
            share = TAKEN_SHARE if start < NOW or ahead is None else ahead
            if rng.random() < share:
                appointments.append(_appointment(location.id, bay, customer, start))
    async with _connected(url) as connection:
        for table, columns in _COLUMNS.items():
            rows = [tuple(each[name] for name in columns.values()) for each in appointments]
            await _copy(connection, table, tuple(columns), rows)
        await connection.execute("VACUUM ANALYZE")
    return len(appointments)


_BOTH = {
    name: name for name in ("id", "location_id", "vehicle_id", "starts_at", "ends_at", "status")
}
_COLUMNS = {
    "appointments": _BOTH | {"customer_id": "customer_id", "idempotency_key": "idempotency_key"},
    "appointment_lines": _BOTH
    | {name: name for name in ("bay_id", "service_code", "google_event_id")}
    | {"appointment_id": "id", "free_at": "ends_at"},
}
"""By table: what of an appointment goes into which column."""


def _appointment(location_id: str, bay: str, customer: int, start: datetime) -> dict[str, Any]:
    made = uuid.uuid4()
    return {
        "id": made,
        "location_id": location_id,
        "bay_id": bay,
        "customer_id": customer,
        "vehicle_id": customer,
        "service_code": SERVICE,
        "starts_at": start,
        "ends_at": start + timedelta(minutes=MINUTES),
        "status": "booked" if start >= NOW else "completed",
        "idempotency_key": f"filled:{made.hex}",
        "google_event_id": made.hex,
    }


class _connected:
    def __init__(self, url: str) -> None:
        self._url = url.replace("+asyncpg", "")

    async def __aenter__(self) -> Any:
        self._connection = await asyncpg.connect(self._url)
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


async def _copy(connection: Any, table: str, columns: tuple[str, ...], rows: list[Any]) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=list(columns))
