"""A location on real parts, for the stateful test: PostgreSQL behind a wire, the sandbox's Google,
the booking service and the outbox's worker, all of which can fail, die and come back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.settings import DatabaseSettings
from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.mirror.delivery import calendar_handlers
from otto.scheduling.mirror.follow import Mirror
from otto.scheduling.mirror.staff import StaffDesk
from otto.scheduling.outbox import OutboxWorker
from otto.scheduling.service import CalendarService
from otto.scheduling.texts.rules import TextRules
from otto.scheduling.texts.texts import KIND, text_handler
from otto.storage.database import make_engine, sync_dealership
from otto.storage.guard import DatabaseGuard
from sandbox.app import serve
from sandbox.world import Options, World
from tests.proof.booking_oracle import Hold, Line, Visit
from tests.proof.strangers import TABLES
from tests.scheduling.booking_support import MANY, NOW
from tests.scheduling.google_support import google_settings
from tests.support.wire import Wire

PHONES = ("+13125550142", "+13125550143", "+13125550144")
NAMES = ("Maria Lopez", "John Lopez", "Ana Souza")
DEADLINE_S = 5.0
CARS = ("Civic", "F-150", "Golf")

_EMPTY = text(
    "TRUNCATE appointments, appointment_lines, appointment_changes, bay_blocks, outbox, vehicles,"
    " customers, limit_events, calendar_sync, calendar_conflicts, callbacks"
    " RESTART IDENTITY CASCADE"
)
_ALL_DUE = text(
    "UPDATE outbox SET next_attempt_at = now()"
    " WHERE done_at IS NULL AND next_attempt_at < 'infinity'"
)
_WAITING = text(
    "SELECT count(*) FROM outbox WHERE done_at IS NULL AND last_error IS DISTINCT FROM 'too_late'"
)
"""A text that came too late is dead, and right to be."""
_SENT = text("SELECT count(*) FROM outbox WHERE kind = 'sms.send' AND done_at IS NOT NULL")
_EVENT = text("SELECT google_event_id FROM appointment_lines WHERE appointment_id = :visit")
_HELD = text("SELECT * FROM appointment_lines WHERE status = 'held' ORDER BY held_by, position")
_CALLED = text("SELECT count(*) FROM callbacks WHERE key = :key")
_VISITS = text(
    """
    SELECT visit.id, visit.customer_id, visit.vehicle_id, visit.status, line.status AS line_status,
        line.service_code, line.bay_id, line.starts_at, line.ends_at, line.free_at,
        line.google_event_id, visit.starts_at AS first, visit.ends_at AS last
    FROM appointments AS visit JOIN appointment_lines AS line ON line.appointment_id = visit.id
    ORDER BY visit.id, line.position
    """
)
_IMPOSSIBLE = text(
    """
    SELECT 'two in a bay' FROM appointment_lines a JOIN appointment_lines b ON a.id < b.id
        AND a.bay_id = b.bay_id AND a.starts_at < b.free_at AND b.starts_at < a.free_at
        WHERE a.status IN ('booked','arrived','held') AND b.status IN ('booked','arrived','held')
    UNION ALL SELECT 'a vehicle in two places' FROM appointment_lines a
        JOIN appointment_lines b ON a.id < b.id AND a.vehicle_id = b.vehicle_id
        AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.status IN ('booked','arrived') AND b.status IN ('booked','arrived')
    UNION ALL SELECT 'a line of nothing' FROM appointment_lines
        WHERE appointment_id IS NULL AND status <> 'held'
    UNION ALL SELECT 'a visit without lines' FROM appointments AS visit
        WHERE NOT EXISTS (SELECT FROM appointment_lines WHERE appointment_id = visit.id)
    UNION ALL SELECT 'another customer''s vehicle' FROM appointments JOIN vehicles
        ON vehicles.id = appointments.vehicle_id
        WHERE vehicles.customer_id IS DISTINCT FROM appointments.customer_id
    UNION ALL SELECT 'another location''s bay' FROM appointment_lines JOIN bays
        ON bays.id = appointment_lines.bay_id
        WHERE bays.location_id <> appointment_lines.location_id
    UNION ALL SELECT 'a line that says another than its visit' FROM appointment_lines AS line
        JOIN appointments AS visit ON visit.id = line.appointment_id
        WHERE line.status <> visit.status OR line.vehicle_id IS DISTINCT FROM visit.vehicle_id
    UNION ALL SELECT 'nothing written down of a visit' FROM appointments AS visit
        WHERE NOT EXISTS (SELECT FROM appointment_changes WHERE appointment_id = visit.id)
    """
)


@dataclass
class Stage:
    """Everything of it. `now` is the service's clock."""

    dealership: Dealership
    wire: Wire
    world: World
    direct: AsyncEngine
    google: GoogleCalendar
    now: datetime = NOW
    texts: list[tuple[str, str]] = field(default_factory=list)

    async def begin(self) -> None:
        """An empty book, three customers with a vehicle each (ids 1 to 3), everything up."""
        self.now, self.texts = NOW, []
        self.world.google.store.calendars.clear()
        async with self.direct.begin() as connection:
            await connection.execute(_EMPTY)
            for number, (phone, name, car) in enumerate(zip(PHONES, NAMES, CARS, strict=True), 1):
                first, last = name.split()
                await connection.execute(
                    text(
                        "INSERT INTO customers (location_id, first_name, last_name, phone)"
                        " VALUES ('main', :first, :last, :phone)"
                    ),
                    {"first": first, "last": last, "phone": phone},
                )
                await connection.execute(
                    text(
                        "INSERT INTO vehicles (customer_id, year, make, model)"
                        " VALUES (:owner, 2019, 'Make', :car)"
                    ),
                    {"owner": number, "car": car},
                )
        self._bring_up()

    def _bring_up(self) -> None:
        self.engine = make_engine(DatabaseSettings(url=SecretStr(self.wire.url)))
        self.service = self.serve_for(DEADLINE_S)

        async def send(to: str, body: str) -> None:
            self.texts.append((to, body))

        rules = TextRules(frozenset(), frozenset({"US"}))
        location = self.dealership.location("main")
        self.mirror = Mirror(
            *(self.engine, self.dealership, location.id, self.google),
            StaffDesk(self.engine, location, self.service),
            lambda: self.now,
        )
        handlers = calendar_handlers(self.google, self.mirror) | {
            KIND: text_handler(self.engine, rules, send, lambda: self.now)
        }
        self.worker = OutboxWorker(self.engine, handlers)

    def serve_for(self, deadline_s: float) -> CalendarService:
        """The service, so patient with the database."""
        guard = DatabaseGuard(deadline_s, pause_s=0.0)
        return CalendarService(
            *(self.engine, self.dealership, "main", lambda: self.now), guard=guard, limits=MANY
        )

    async def restart(self) -> None:
        """The process dies and comes back: what it held in memory is gone."""
        await self.end()
        self._bring_up()

    async def end(self) -> None:
        """Close the connections."""
        await self.engine.dispose()

    async def deliver(self, rounds: int = 1) -> int:
        """The time for whatever waits has come; returns what waits still."""
        left = 1
        while left and rounds:
            rounds -= 1
            async with self.direct.begin() as connection:
                await connection.execute(_ALL_DUE)
            while await self.worker.run_once():
                pass
            async with self.direct.connect() as connection:
                left = int(await connection.scalar(_WAITING) or 0)
        return left

    async def texts_done(self) -> int:
        """How many texts the outbox takes for sent."""
        async with self.direct.connect() as connection:
            return int(await connection.scalar(_SENT) or 0)

    async def follow(self) -> None:
        """What staff have done in Google reaches the book, and the book's answer Google."""
        self.world.faults.clear()
        for _ in range(3):
            assert await self.deliver(rounds=30) == 0
            assert any([await self.mirror.follow() == 0 for _ in range(2)])

    async def edit(self, visit: str, starts_at: datetime | None, ends_at: datetime | None) -> None:
        """Somebody moves the visit's event, or deletes it, as Google's page does."""
        async with self.direct.connect() as connection:
            event_id = await connection.scalar(_EVENT, {"visit": visit})
        store = self.world.google.store
        calendar = next(
            each
            for each in store.calendars.values()
            if each.events.get(event_id, {}).get("status") == "confirmed"
        )
        if starts_at is None or ends_at is None:
            store.delete(calendar, event_id)
            return
        times = {"start": starts_at, "end": ends_at}
        store.patch(
            *(calendar, event_id),
            {name: {"dateTime": moment.isoformat()} for name, moment in times.items()},
        )

    async def is_to_be_called(self, visit: str) -> bool:
        """Whether the list of those to call back has the visit's customer."""
        async with self.direct.connect() as connection:
            return bool(await connection.scalar(_CALLED, {"key": f"calendar:deleted:{visit}"}))

    # What there is

    async def visits(self) -> dict[str, Visit]:
        """All appointments, as the oracle has them."""
        found: dict[str, Visit] = {}
        async with self.direct.connect() as connection:
            for row in await connection.execute(_VISITS):
                line = Line(row.service_code, row.bay_id, row.starts_at, row.ends_at, row.free_at)
                before = found.get(str(row.id))
                lines = (*(before.lines if before else ()), line)
                found[str(row.id)] = Visit(
                    str(row.id), row.customer_id, row.vehicle_id, row.status, lines
                )
        return found

    async def held(self) -> dict[str, Hold]:
        """What is held for calls, also what has ended and lies about."""
        found: dict[str, Hold] = {}
        async with self.direct.connect() as connection:
            for row in await connection.execute(_HELD):
                line = Line(row.service_code, row.bay_id, row.starts_at, row.ends_at, row.free_at)
                before = found.get(row.held_by)
                lines = (*(before.lines if before else ()), line)
                found[row.held_by] = Hold(lines, row.held_until)
        return found

    def block(self, bay_id: str, starts_at: datetime, ends_at: datetime) -> str:
        """Staff write an event of their own into a bay's calendar; returns its id."""
        bays = {bay.id: bay.calendar_id for bay in self.dealership.location("main").bays}
        store = self.world.google.store
        times = {"start": starts_at, "end": ends_at}
        body = {name: {"dateTime": moment.isoformat()} for name, moment in times.items()}
        event = store.insert(store.calendar(bays[bay_id]), {"summary": "Lunch", **body})
        return str(event["id"])

    def unblock(self, bay_id: str, event_id: str) -> None:
        """They delete it."""
        bays = {bay.id: bay.calendar_id for bay in self.dealership.location("main").bays}
        store = self.world.google.store
        store.delete(store.calendar(bays[bay_id]), event_id)

    async def impossible(self) -> list[str]:
        """What no book may hold, asked of the tables."""
        async with self.direct.connect() as connection:
            return list((await connection.execute(_IMPOSSIBLE)).scalars())

    async def fingerprint(self) -> str:
        """Of every row of every table of the book."""
        parts = " || ".join(
            f"(SELECT coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '')"
            f" FROM {table} AS t)"
            for table in TABLES
        )
        async with self.direct.connect() as connection:
            return str(await connection.scalar(text(f"SELECT {parts}")))

    async def events(self) -> dict[str, dict[str, Any]]:
        """What stands in Google's calendars, by event: the fields that we write."""
        found = {}
        for calendar in self.world.google.store.calendars.values():
            for event in calendar.events.values():
                if event["status"] != "cancelled" and "extendedProperties" in event:
                    assert event["id"] not in found, "an event in two calendars"
                    found[event["id"]] = {
                        "calendar": calendar.id,
                        "summary": event["summary"],
                        "location": event["location"],
                        "starts_at": datetime.fromisoformat(event["start"]["dateTime"]),
                        "ends_at": datetime.fromisoformat(event["end"]["dateTime"]),
                        "appointment": event["extendedProperties"]["private"]["otto_appointment"],
                    }
        return found

    async def expected_events(self) -> dict[str, dict[str, Any]]:
        """What should: from the tables, to the field."""
        location = self.dealership.location("main")
        calendars = {bay.id: bay.calendar_id for bay in location.bays}
        found = {}
        async with self.direct.connect() as connection:
            for row in await connection.execute(_VISITS):
                if row.status != "cancelled":
                    service = self.dealership.service(row.service_code)
                    who = f"{NAMES[row.customer_id - 1]}, 2019 Make {CARS[row.vehicle_id - 1]}"
                    found[row.google_event_id] = {
                        "calendar": calendars[row.bay_id],
                        "summary": f"{service.name}: {who}",
                        "location": location.address,
                        "starts_at": row.starts_at,
                        "ends_at": row.ends_at,
                        "appointment": str(row.id),
                    }
        return found


@asynccontextmanager
async def staged(url: str, dealership: Dealership) -> AsyncIterator[Stage]:
    """A stage on a migrated database, to be used from one event loop."""
    world = World(Options(rest_ms=0))
    direct = make_engine(DatabaseSettings(url=SecretStr(url)))
    await sync_dealership(direct, dealership)
    async with Wire(url) as wire, serve(world):
        google = GoogleCalendar(google_settings(world, timeout_s=30.0, deadline_s=60.0))
        try:
            yield Stage(dealership, wire, world, direct, google)
        finally:
            await google.close()
            await direct.dispose()


def slots(dealership: Dealership, count: int) -> list[datetime]:
    """Starts on the grid, from Tuesday's opening on."""
    step = timedelta(minutes=dealership.location("main").slot_minutes)
    first = datetime.combine(NOW.date() + timedelta(days=1), NOW.timetz()) + timedelta(hours=1.5)
    return [first + n * step for n in range(count)]
