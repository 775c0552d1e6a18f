"""Showing, and mending, where the book and the calendars have drifted apart.

What staff have done and nobody has read yet is decided about first, as it always is; what is left
is drift: an answer that was lost, a calendar that was exchanged, a database that was restored.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.dealership import Dealership
from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.hours import Period
from otto.scheduling.mirror.book import planned_event, standing_lines
from otto.scheduling.mirror.drift import Drift, drift
from otto.storage.appointment_terms import STANDING
from otto.storage.tables import (
    AppointmentLineRow,
    AppointmentRow,
    BayBlockRow,
    CalendarSyncRow,
    OutboxRow,
)

MENDS = {
    "missing": "made again",
    "moved": "put back where the book has it",
    "words": "written again",
    "extra": "deleted",
    "unknown": "read with the next reading",
    "outdated": "read with the next reading",
    "foreign": "left alone: it is not of this book",
}
"""What is done about each kind of drift."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A difference, and what was done about it; "" when it was only looked at."""

    drift: Drift
    done: str


async def find_drift(
    engine: AsyncEngine,
    dealership: Dealership,
    location_id: str,
    google: GoogleCalendar,
    now: datetime,
) -> tuple[Drift, ...]:
    """All differences of a location's calendars from now on. Raises `CalendarError`."""
    location = dealership.location(location_id)
    listed = await asyncio.gather(
        *(google.standing_events(bay.calendar_id, now) for bay in location.bays)
    )
    async with engine.connect() as connection:
        # Read after the calendars: what is booked meanwhile is missing there, and waits to be told.
        lines = [
            line for line in await standing_lines(connection, location_id, now) if line.is_told
        ]
        waiting = await _waiting(connection)
        known = frozenset((await connection.scalars(select(AppointmentRow.id))).all())
        plans = {line: await planned_event(connection, dealership, line.event_id) for line in lines}
        blocks = await _blocks(connection, now)
    return tuple(
        each
        for bay, events in zip(location.bays, listed, strict=True)
        for each in drift(
            bay.calendar_id,
            location.zone,
            [event for event in events if event.get("id") not in waiting],
            [
                (line, plan)
                for line, plan in plans.items()
                if plan is not None and line.place.calendar_id == bay.calendar_id
            ],
            blocks.get(bay.calendar_id, {}),
            known,
        )
    )


async def mend(connection: AsyncConnection, found: tuple[Drift, ...]) -> tuple[Mended, ...]:
    """Have the differences mended, in the caller's transaction: the outbox tells Google, the next
    reading reads what staff keep for themselves."""
    for each in found:
        if each.kind in ("missing", "moved", "words"):
            await _tell_again(connection, each)
        elif each.kind == "extra":
            await _write(connection, "calendar.delete", each.calendar_id, each.event_id)
    unread = {each.calendar_id for each in found if each.kind in ("unknown", "outdated")}
    if unread:
        sync = CalendarSyncRow
        await connection.execute(
            update(sync).where(sync.calendar_id.in_(unread)).values(sync_token=None)
        )
    return tuple(Mended(each, MENDS[each.kind]) for each in found)


async def give_events(connection: AsyncConnection, location_id: str, now: datetime) -> int:
    """Have events made for lines that stand and never had one (of an older release's seed);
    returns for how many."""
    line = AppointmentLineRow
    without = select(line.id).where(
        line.location_id == location_id,
        line.status.in_(STANDING),
        line.ends_at > now,
        line.google_event_id.is_(None),
    )
    found = (await connection.scalars(without)).all()
    for line_id in found:
        event_id = uuid.uuid4().hex
        await connection.execute(
            update(line).where(line.id == line_id).values(google_event_id=event_id)
        )
        await _write(connection, "calendar.upsert", "", event_id)
    return len(found)


async def _tell_again(connection: AsyncConnection, each: Drift) -> None:
    """The event as the book has it: over what is there, or under another id, because the one of
    an event that is gone stays reserved."""
    line, event_id = AppointmentLineRow, each.event_id
    if each.kind == "missing":
        event_id = uuid.uuid4().hex
        await connection.execute(
            update(line)
            .where(line.google_event_id == each.event_id)
            .values(google_event_id=event_id, google_etag=None)
        )
    await _write(connection, "calendar.upsert", each.calendar_id, event_id, over=each.etag)


async def _write(
    connection: AsyncConnection, kind: str, calendar_id: str, event_id: str, *, over: str = ""
) -> None:
    payload = {"calendar_id": calendar_id, "event_id": event_id} | ({"over": over} if over else {})
    row = {"kind": kind, "key": f"{kind}:mended:{uuid.uuid4().hex}", "payload": payload}
    await connection.execute(insert(OutboxRow).values(row))


async def _waiting(connection: AsyncConnection) -> frozenset[str]:
    """The events of which something is still to be told."""
    event_id = OutboxRow.payload["event_id"].astext
    wanted = select(event_id).where(
        OutboxRow.done_at.is_(None), OutboxRow.kind.startswith("calendar.")
    )
    return frozenset(found for found in await connection.scalars(wanted) if found)


async def _blocks(connection: AsyncConnection, now: datetime) -> dict[str, dict[str, Period]]:
    block = BayBlockRow
    wanted = select(block.calendar_id, block.google_event_id, block.starts_at, block.ends_at).where(
        block.ends_at > now
    )
    found: dict[str, dict[str, Period]] = {}
    for calendar_id, event_id, starts_at, ends_at in await connection.execute(wanted):
        found.setdefault(calendar_id, {})[event_id] = Period(starts_at, ends_at)
    return found
