"""A workshop with its book, its calendars in the sandbox's Google, and staff who use them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.scheduling.bookings import Booking, BookingRequest
from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.hours import Period
from otto.scheduling.mirror.delivery import calendar_handlers
from otto.scheduling.mirror.follow import Mirror
from otto.scheduling.mirror.staff import StaffDesk
from otto.scheduling.openings import Opening
from otto.scheduling.outbox import OutboxWorker
from otto.scheduling.service import CalendarService
from otto.storage.tables import (
    AppointmentLineRow,
    BayBlockRow,
    CalendarConflictRow,
    CalendarSyncRow,
    CallbackRow,
    OutboxRow,
)
from sandbox.world import World
from tests.scheduling.booking_support import MANY, NOW, People

BAY_1, BAY_2, BAY_3 = (f"bay-{n}@ottos-auto.example" for n in (1, 2, 3))
NINE = datetime(2026, 11, 24, 15, tzinfo=UTC)
"""Tuesday, November 24, 9:00 AM in Chicago."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PHONE = "+13125550142"


@dataclass
class Workshop:
    """What a test does and looks at. `now` is the book's clock."""

    engine: AsyncEngine
    dealership: Dealership
    world: World
    google: GoogleCalendar
    people: People
    now: datetime = NOW
    service: CalendarService = field(init=False)
    mirror: Mirror = field(init=False)
    worker: OutboxWorker = field(init=False)

    def __post_init__(self) -> None:
        location = self.dealership.location("main")
        self.service = CalendarService(
            self.engine, self.dealership, "main", clock=lambda: self.now, limits=MANY
        )
        self.mirror = Mirror(
            self.engine,
            self.dealership,
            "main",
            self.google,
            StaffDesk(self.engine, location, self.service),
            clock=lambda: self.now,
        )
        self.worker = OutboxWorker(self.engine, calendar_handlers(self.google, self.mirror))

    # What Otto does

    async def book(
        self, starts_at: datetime = NINE, bay: str = "bay-1", key: str = "k", minutes: int = 45
    ) -> Booking:
        """Maria's Civic, for an oil change, told to Google."""
        opening = Opening.of_one("main", bay, "oil_change", starts_at, starts_at + minutes * MINUTE)
        booking = await self.service.book(
            BookingRequest(
                key, opening, self.people.maria, self.people.civic, PHONE, "CA1", "squeaks"
            )
        )
        await self.tell()
        return booking

    async def tell(self) -> None:
        """Deliver what is due for Google."""
        while await self.worker.run_once():
            pass

    async def follow(self) -> None:
        """Read the calendars, and tell what came of it; twice, so that echoes are read, too."""
        for _ in range(2):
            assert await self.mirror.follow() == 0
            await self.tell()

    # What staff do

    async def staff(self, do: str, calendar: str = BAY_1, **what: Any) -> dict[str, Any]:
        """Somebody at the dealership, in Google's own page."""
        async with httpx.AsyncClient(base_url=self.world.http_url) as page:
            answer = await page.post(
                "/sandbox/google/staff",
                json={"do": do, "calendar": calendar, **what},
                headers={"Authorization": f"Bearer {self.world.control_token}"},
            )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def block(
        self, starts_at: datetime = NINE, hours: float = 1, calendar: str = BAY_1, **more: Any
    ) -> str:
        """An event of staff's own; returns its id."""
        body = {
            "summary": "Lift is being repaired",
            "start": {"dateTime": starts_at.isoformat(), "timeZone": "America/Chicago"},
            "end": {
                "dateTime": (starts_at + hours * HOUR).isoformat(),
                "timeZone": "America/Chicago",
            },
        }
        made = await self.staff("create", calendar, body=body | more)
        return str(made["id"])

    # What is there

    async def event_id(self, booking: Booking) -> str:
        return (await self.event_ids(booking))[0]

    async def event_ids(self, booking: Booking) -> list[str]:
        """Of its lines, in the order of the work."""
        line = AppointmentLineRow
        ours = line.appointment_id == booking.appointment_id
        wanted = select(line.google_event_id).where(ours).order_by(line.position)
        async with self.engine.connect() as connection:
            return [str(event_id) for event_id in await connection.scalars(wanted)]

    async def event(self, booking: Booking, calendar: str = BAY_1) -> dict[str, Any]:
        """The booking's event as Google has it."""
        return await self.google.get_event(calendar, await self.event_id(booking))

    async def standing(self, booking: Booking) -> Booking | None:
        """The appointment if it stands."""
        assert booking.customer_id is not None
        found = await self.service.appointments_of(booking.customer_id)
        return next((one for one in found if one.appointment_id == booking.appointment_id), None)

    async def blocks(self) -> list[tuple[str, Period]]:
        row = BayBlockRow
        wanted = select(row.bay_id, row.starts_at, row.ends_at).order_by(row.bay_id, row.starts_at)
        async with self.engine.connect() as connection:
            return [
                (bay, Period(starts_at, ends_at))
                for bay, starts_at, ends_at in await connection.execute(wanted)
            ]

    async def conflicts(self) -> list[tuple[str, str]]:
        row = CalendarConflictRow
        wanted = select(row.kind, row.code).where(row.resolved_at.is_(None)).order_by(row.id)
        async with self.engine.connect() as connection:
            return [tuple(one) for one in await connection.execute(wanted)]

    async def callbacks(self) -> list[tuple[str, str]]:
        wanted = select(CallbackRow.phone, CallbackRow.reason)
        async with self.engine.connect() as connection:
            return [tuple(one) for one in await connection.execute(wanted)]

    async def texts(self) -> list[str]:
        wanted = (
            select(OutboxRow.payload["body"].astext)
            .where(OutboxRow.kind == "sms.send")
            .order_by(OutboxRow.id)
        )
        async with self.engine.connect() as connection:
            return list(await connection.scalars(wanted))

    async def synced(self, calendar: str = BAY_1) -> CalendarSyncRow:
        row = CalendarSyncRow
        wanted = select(row.__table__).where(row.calendar_id == calendar)
        async with self.engine.connect() as connection:
            return CalendarSyncRow(**(await connection.execute(wanted)).mappings().one())

    async def undelivered(self) -> int:
        wanted = select(OutboxRow.id).where(
            OutboxRow.done_at.is_(None), OutboxRow.kind.startswith("calendar.")
        )
        async with self.engine.connect() as connection:
            return len((await connection.execute(wanted)).all())


def start_of(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["start"]["dateTime"]).astimezone(UTC)
