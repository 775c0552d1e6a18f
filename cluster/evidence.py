"""What a call left behind, read where it lies: PostgreSQL, the calendar, the messages, Redis."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from redis.exceptions import RedisError
from sqlalchemy import TextClause, text

from cluster.errors import StackError
from cluster.loopback import Control
from config.dealership import Dealership
from config.settings import Settings, Vendor
from otto.dialogue.session.store import SessionStore
from otto.scheduling.confirmation import confirmation_code
from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.google.errors import CalendarError
from otto.storage.database import make_engine
from otto.storage.redis import make_redis
from otto.storage.redis_keys import SESSION

FOLLOW_TIMEOUT_S = 20.0
"""The calendar and the message follow the booking through the outbox, within a second or so."""
POLL_S = 0.25

_LINE = """
    SELECT a.id, line.bay_id, line.starts_at, line.ends_at, a.status, line.google_event_id,
           s.name AS service, b.name AS bay, b.calendar_id,
           c.first_name || ' ' || c.last_name AS customer,
           concat_ws(' ', v.year, v.make, v.model) AS vehicle
    FROM appointments a
    JOIN appointment_lines line ON line.appointment_id = a.id
    JOIN services s ON s.code = line.service_code
    JOIN bays b ON b.id = line.bay_id
    JOIN customers c ON c.id = a.customer_id
    LEFT JOIN vehicles v ON v.id = a.vehicle_id
"""
_BOOKED = text(
    f"{_LINE} WHERE a.call_sid = :call_sid AND a.status = 'booked'"
    " ORDER BY a.created_at, line.position"
)
_CHANGED = text(
    f"""{_LINE} JOIN appointment_changes change ON change.appointment_id = a.id
    WHERE change.call_sid = :call_sid AND change.action = :action
    ORDER BY change.id, line.position"""
)
_CHANGE = text(
    "SELECT before->>'starts_at' AS before FROM appointment_changes"
    " WHERE call_sid = :call_sid AND action = :action ORDER BY id"
)
_CUSTOMER = text(
    """
    SELECT c.first_name || ' ' || c.last_name AS name, c.phone, c.date_of_birth,
           concat_ws(' ', v.year, v.make, v.model) AS vehicle
    FROM customers c LEFT JOIN vehicles v ON v.customer_id = c.id
    WHERE c.phone = :phone ORDER BY c.id, v.id
    """
)
_REPAIR = text(
    """
    SELECT r.number, r.status, concat_ws(' ', v.year, v.make, v.model) AS vehicle
    FROM repair_orders r
    JOIN vehicles v ON v.id = r.vehicle_id
    JOIN customers c ON c.id = r.customer_id
    WHERE c.phone = :phone AND r.status <> 'closed' ORDER BY r.number
    """
)
_CHANGES = text("SELECT action FROM appointment_changes WHERE call_sid = :call_sid")


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence. `found` is empty when it is not there."""

    what: str
    where: str
    found: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one call has left. Every method waits a little for what follows the booking."""

    call_sid: str
    settings: Settings
    dealership: Dealership
    sandbox: Control

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.dealership.locations[0].timezone)

    # The appointment

    async def booked(self) -> list[Proof]:
        """An appointment that the call made: in the book, the calendar, a text message."""
        row = await self._first(_BOOKED, call_sid=self.call_sid)
        found = "" if row is None else f"{self._said(row)}\n{_who(row)}\nid {row['id']}"
        return [
            Proof("Appointment", "PostgreSQL, appointments", found),
            *await self._told(row, "booked for"),
        ]

    async def moved(self) -> list[Proof]:
        """An appointment that the call moved."""
        row = await self._first(_CHANGED, call_sid=self.call_sid, action="moved")
        change = await self._first(_CHANGE, call_sid=self.call_sid, action="moved")
        found = ""
        if row is not None and change is not None and row["status"] == "booked":
            before = datetime.fromisoformat(change["before"]).astimezone(self.zone)
            found = f"{self._said(row)}\n{_who(row)}\nwas on {_clock(before)}; id {row['id']}"
        proof = Proof("Appointment, moved", "PostgreSQL, appointments", found)
        return [proof, *await self._told(row if found else None, "moved to")]

    async def cancelled(self) -> list[Proof]:
        """An appointment that the call cancelled: its event is gone."""
        row = await self._first(_CHANGED, call_sid=self.call_sid, action="cancelled")
        if row is not None and row["status"] != "cancelled":
            row = None
        found = "" if row is None else f"{self._said(row)}\n{_who(row)}\nid {row['id']}"
        gone, message = await asyncio.gather(
            self._event_is_gone(row), self._message(row, "is cancelled")
        )
        return [
            Proof("Appointment, cancelled", "PostgreSQL, appointments", found),
            Proof("No event", "Google Calendar", "deleted" if gone else ""),
            *self._texted(message),
        ]

    async def _told(self, row: dict[str, Any] | None, how: str) -> list[Proof]:
        event, message = await asyncio.gather(self._event(row), self._message(row, how))
        return [Proof("Calendar event", "Google Calendar", event), *self._texted(message)]

    def _texted(self, message: str) -> list[Proof]:
        if Vendor.TWILIO not in self.settings.sandbox:
            return []
        return [Proof("Text message", "Twilio, messages", message)]

    def _said(self, row: dict[str, Any]) -> str:
        return f"{row['service']}, {_clock(row['starts_at'].astimezone(self.zone))}, {row['bay']}"

    # The people and their cars

    async def customer(self, phone: str, vehicle: str) -> Proof:
        """Who has a number, with that car."""
        rows = await self._rows(_CUSTOMER, phone=phone)
        row = next((row for row in rows if row["vehicle"] == vehicle), None)
        found = ""
        if row is not None:
            born = f", born {row['date_of_birth']}" if row["date_of_birth"] else ""
            found = f"{row['name']}, {row['phone']}{born}\n{row['vehicle']}"
        return Proof("Customer", "PostgreSQL, customers", found)

    async def repair(self, phone: str, vehicle: str) -> Proof:
        """How far the workshop is with a car."""
        rows = await self._rows(_REPAIR, phone=phone)
        found = [f"{row['number']}: {row['vehicle']}, {row['status']}" for row in rows]
        ours = [line for line, row in zip(found, rows, strict=True) if row["vehicle"] == vehicle]
        return Proof("Repair order", "PostgreSQL, repair_orders", "\n".join(ours))

    async def nothing_changed(self) -> Proof:
        """That the call booked, moved and cancelled nothing."""
        rows = await self._rows(_CHANGES, call_sid=self.call_sid)
        return Proof(
            "Nothing changed",
            "PostgreSQL, appointment_changes",
            "" if rows else "no row of this call",
        )

    async def session(self) -> Proof:
        """The call's session, while it is kept."""
        state, ttl_s = await peek(self.call_sid, self.settings)
        found = ""
        if state is not None:
            turns = len(state.get("turns", []))
            found = f"{SESSION.of(self.call_sid)}\n{turns} turns, expires in {ttl_s} s"
        return Proof("Session", "Redis", found)

    # Asking

    async def _first(self, query: TextClause, **values: str) -> dict[str, Any] | None:
        rows = await self._rows(query, **values)
        return rows[0] if rows else None

    async def _rows(self, query: TextClause, **values: str) -> list[dict[str, Any]]:
        engine = make_engine(self.settings.database)
        try:
            async with engine.connect() as connection:
                rows = await connection.execute(query, values)
                return [dict(row._mapping) for row in rows]
        finally:
            await engine.dispose()

    async def _event(self, row: dict[str, Any] | None) -> str:
        """The appointment's event, once it is where the appointment is."""
        if row is None or not row["google_event_id"]:
            return ""
        calendar = GoogleCalendar(self.settings.google)
        deadline = time.monotonic() + FOLLOW_TIMEOUT_S
        try:
            while time.monotonic() < deadline:
                with suppress(CalendarError):
                    event = await calendar.get_event(row["calendar_id"], row["google_event_id"])
                    if found := self._is_where(event, row["starts_at"]):
                        return found
                await asyncio.sleep(POLL_S)
            return ""
        finally:
            await calendar.close()

    def _is_where(self, event: dict[str, Any], starts_at: datetime) -> str:
        """What an event says that begins when the appointment does; "" for another."""
        if event.get("status") == "cancelled":
            return ""
        starts = datetime.fromisoformat(event["start"]["dateTime"])
        if starts != starts_at:
            return ""
        at = starts.astimezone(self.zone)
        return f"{event.get('summary', '')}, {at:%a %b %d %H:%M}\nid {event['id']}"

    async def _event_is_gone(self, row: dict[str, Any] | None) -> bool:
        if row is None or not row["google_event_id"]:
            return False
        calendar = GoogleCalendar(self.settings.google)
        deadline = time.monotonic() + FOLLOW_TIMEOUT_S
        try:
            while time.monotonic() < deadline:
                with suppress(CalendarError):
                    event = await calendar.get_event(row["calendar_id"], row["google_event_id"])
                    if event.get("status") == "cancelled":
                        return True
                await asyncio.sleep(POLL_S)
            return False
        finally:
            await calendar.close()

    async def _message(self, row: dict[str, Any] | None, how: str) -> str:
        if row is None or Vendor.TWILIO not in self.settings.sandbox:
            return ""
        wanted = f"Confirmation {confirmation_code(row['id'])}"
        deadline = time.monotonic() + FOLLOW_TIMEOUT_S
        while time.monotonic() < deadline:
            sent = await asyncio.to_thread(self.sandbox.request, "/sandbox/messages")
            for message in sent:
                body = message.get("body", "")
                if wanted in body and how in body:
                    return f"to {message['to']}: {body}"
            await asyncio.sleep(POLL_S)
        return ""


async def peek(call_sid: str, settings: Settings) -> tuple[dict[str, Any] | None, int]:
    """The call's session as it is now, and its TTL. Raises StackError."""
    redis = make_redis(settings.redis)
    try:
        return await SessionStore(redis, settings.redis.session_ttl_s).peek(call_sid)
    except (RedisError, OSError) as error:
        raise StackError(f"Redis does not answer: {error}") from None
    finally:
        await redis.aclose()


def _who(row: dict[str, Any]) -> str:
    return f"{row['customer']}, {row['vehicle'] or 'no vehicle named'}"


def _clock(moment: datetime) -> str:
    return f"{moment:%A, %B} {moment.day} at {moment:%I:%M %p}"
