"""What a call left behind, read where it lies: PostgreSQL, the calendar, the messages, Redis."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from redis.exceptions import RedisError
from sqlalchemy import text

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

_APPOINTMENT = text(
    """
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
    WHERE a.call_sid = :call_sid AND a.status = 'booked'
    ORDER BY a.created_at, line.position
    """
)


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence. `found` is empty when it is not there."""

    what: str
    where: str
    found: str
    is_required: bool = True


async def gather(
    call_sid: str, settings: Settings, dealership: Dealership, sandbox: Control
) -> list[Proof]:
    """Everything the call should have left; waits a little for what follows the booking."""
    zone = ZoneInfo(dealership.locations[0].timezone)
    row = await _appointment(call_sid, settings)
    if row is None:
        booked = ""
    else:
        starts = row["starts_at"].astimezone(zone)
        booked = (
            f"{row['service']}, {starts:%A, %B} {starts.day} at {starts:%I:%M %p}, {row['bay']}"
            f"\n{row['customer']}, {row['vehicle'] or 'no vehicle named'}\nid {row['id']}"
        )
    proofs = [Proof("Appointment", "PostgreSQL, appointments", booked)]
    event, message = await asyncio.gather(
        _event(row, settings, zone), _message(row, settings, sandbox)
    )
    proofs.append(Proof("Calendar event", "Google Calendar", event))
    if Vendor.TWILIO in settings.sandbox:
        proofs.append(Proof("Text message", "Twilio, messages", message))
    proofs.append(Proof("Session", "Redis", await _session(call_sid, settings)))
    return proofs


async def _appointment(call_sid: str, settings: Settings) -> dict[str, Any] | None:
    engine = make_engine(settings.database)
    try:
        async with engine.connect() as connection:
            row = (await connection.execute(_APPOINTMENT, {"call_sid": call_sid})).first()
            return dict(row._mapping) if row else None
    finally:
        await engine.dispose()


async def _event(row: dict[str, Any] | None, settings: Settings, zone: ZoneInfo) -> str:
    if row is None or not row["google_event_id"]:
        return ""
    calendar = GoogleCalendar(settings.google)
    deadline = time.monotonic() + FOLLOW_TIMEOUT_S
    try:
        while True:
            try:
                event = await calendar.get_event(row["calendar_id"], row["google_event_id"])
            except CalendarError:
                if time.monotonic() > deadline:
                    return ""
                await asyncio.sleep(POLL_S)
                continue
            if event.get("status") == "cancelled":
                return ""
            starts = datetime.fromisoformat(event["start"]["dateTime"]).astimezone(zone)
            return f"{event.get('summary', '')}, {starts:%a %b %d %H:%M}\nid {event['id']}"
    finally:
        await calendar.close()


async def _message(row: dict[str, Any] | None, settings: Settings, sandbox: Control) -> str:
    if row is None or Vendor.TWILIO not in settings.sandbox:
        return ""
    wanted = f"Confirmation {confirmation_code(row['id'])}"
    deadline = time.monotonic() + FOLLOW_TIMEOUT_S
    while time.monotonic() < deadline:
        sent = await asyncio.to_thread(sandbox.request, "/sandbox/messages")
        for message in sent:
            if wanted in message.get("body", ""):
                return f"to {message['to']}: {message['body']}"
        await asyncio.sleep(POLL_S)
    return ""


async def _session(call_sid: str, settings: Settings) -> str:
    state, ttl_s = await peek(call_sid, settings)
    if state is None:
        return ""
    return f"{SESSION.of(call_sid)}\n{len(state.get('turns', []))} turns, expires in {ttl_s} s"


async def peek(call_sid: str, settings: Settings) -> tuple[dict[str, Any] | None, int]:
    """The call's session as it is now, and its TTL. Raises StackError."""
    redis = make_redis(settings.redis)
    try:
        return await SessionStore(redis, settings.redis.session_ttl_s).peek(call_sid)
    except (RedisError, OSError) as error:
        raise StackError(f"Redis does not answer: {error}") from None
    finally:
        await redis.aclose()
