"""The same as many would write it first: what Otto's way is worth is told by the difference.

No cache; one more question for each row that a question has found; conditions on expressions that
no index helps with; "look whether it is free, then insert" in place of constraints. It is correct
only as long as nobody else does anything at the same time.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchmarks.data.filling import NOW
from config.dealership import Dealership
from otto.scheduling.availability.planning import rank_bays, starts_within
from otto.scheduling.bookings import BookingRequest
from otto.scheduling.hours import periods_reaching

_TAKEN = text(
    "SELECT id FROM appointment_lines WHERE bay_id = :bay AND status = 'booked'"
    " AND CAST(timezone(:zone, starts_at) AS date) = :day"
)
_ONE = text("SELECT * FROM appointment_lines WHERE id = :id")
_VISIT = text(
    "INSERT INTO appointments (id, location_id, customer_id, vehicle_id, starts_at, ends_at,"
    " idempotency_key) VALUES (:id, 'main', :customer, :vehicle, :starts, :ends, :key)"
)
_LINE = text(
    "INSERT INTO appointment_lines (id, appointment_id, location_id, bay_id, vehicle_id,"
    " service_code, starts_at, ends_at, free_at, google_event_id) VALUES"
    " (:id, :id, 'main', :bay, :vehicle, :service, :starts, :ends, :ends, :event)"
)
_VEHICLE = text("SELECT * FROM vehicles WHERE id = :id")


class Booker:
    """Bookings and openings of one location."""

    def __init__(self, engine: AsyncEngine, dealership: Dealership) -> None:
        self._engine = engine
        self._dealership = dealership
        self._location = dealership.location("main")

    async def book(self, request: BookingRequest) -> uuid.UUID:
        """Look, insert, tell: each in a transaction of its own."""
        opening = request.opening
        day = opening.starts_at.astimezone(self._location.zone).date()
        async with self._engine.begin() as connection:
            for starts_at, ends_at in await self._taken(connection, opening.bay_id, day):
                if starts_at < opening.ends_at and ends_at > opening.starts_at:
                    raise RuntimeError("taken")
        made = uuid.uuid4()
        async with self._engine.begin() as connection:
            values = {
                "id": made,
                "bay": opening.bay_id,
                "customer": request.customer_id,
                "vehicle": request.vehicle_id,
                "service": opening.service_code,
                "starts": opening.starts_at,
                "ends": opening.ends_at,
                "key": request.idempotency_key,
                "event": made.hex,
            }
            await connection.execute(_VISIT, values)
            await connection.execute(_LINE, values)
        for kind in ("calendar.upsert", "sms.send"):
            async with self._engine.begin() as connection:
                await connection.execute(
                    text("INSERT INTO outbox (kind, key, payload) VALUES (:kind, :key, '{}')"),
                    {"kind": kind, "key": f"{kind}:{made}"},
                )
        return made

    async def openings(self, service_code: str, days: int) -> list[datetime]:
        """Every free start of the next days: each bay is asked for each day."""
        service = self._dealership.service(service_code)
        duration = timedelta(minutes=service.duration_minutes)
        step = timedelta(minutes=self._location.slot_minutes)
        found: set[datetime] = set()
        today = NOW.astimezone(self._location.zone).date()
        async with self._engine.connect() as connection:
            for day in (today + timedelta(days=ahead) for ahead in range(days)):
                for bay in rank_bays(self._location.bays, service.skill):
                    taken = await self._taken(connection, bay.id, day)
                    for period in periods_reaching(self._location, day):
                        for start in starts_within(period, duration, step):
                            if not any(a < start + duration and b > start for a, b in taken):
                                found.add(start)
        return sorted(found)

    async def _taken(
        self, connection: AsyncConnection, bay: str, day: date
    ) -> list[tuple[datetime, datetime]]:
        wanted = {"bay": bay, "day": day, "zone": str(self._location.zone)}
        ids = (await connection.execute(_TAKEN, wanted)).scalars().all()
        rows = [(await connection.execute(_ONE, {"id": each})).one() for each in ids]
        return [(each.starts_at, each.ends_at) for each in rows]


async def customer(engine: AsyncEngine, number: str) -> dict[str, object] | None:
    """A customer with the vehicles, found by the last ten digits: no index, one question more
    for each vehicle."""
    async with engine.connect() as connection:
        found = (
            await connection.execute(
                text("SELECT * FROM customers WHERE right(phone, 10) = :tail"),
                {"tail": number[-10:]},
            )
        ).one_or_none()
        if found is None:
            return None
        ids = await connection.execute(
            text("SELECT id FROM vehicles WHERE customer_id = :id"), {"id": found.id}
        )
        vehicles = [
            (await connection.execute(_VEHICLE, {"id": each})).one() for each in ids.scalars().all()
        ]
    return {"customer": found, "vehicles": vehicles}
