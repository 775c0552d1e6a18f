"""What the book says about events: asked at the moment it is needed. What an outbox row was written
with may be old by the time it is delivered; the bays' calendars may have been exchanged since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, cast, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.dealership import Dealership, Service
from otto.scheduling.changes.appointments import visitor_of
from otto.scheduling.changes.messages import calendar_event
from otto.scheduling.google.seen_events import Place, SeenEvent
from otto.scheduling.hours import Period
from otto.scheduling.mirror.meaning import BookedLine
from otto.storage.appointment_terms import STANDING
from otto.storage.tables import (
    AppointmentChangeRow,
    AppointmentLineRow,
    AppointmentRow,
    BayRow,
    OutboxRow,
    ServiceRow,
)

_UID_END = "@google.com"
"""Google makes an event's iCalendar id of its own: whoever moves an event to another calendar takes
it along."""
_MOVED = ("booked", "moved", "restored")


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """The event of a line as it has to be now. The body holds personal data."""

    calendar_id: str
    event_id: str
    body: dict[str, Any]


class EventBook:
    """What the outbox's handlers ask of the book (`calendar_sync.Book`), where nobody decides about
    what others have made of an event: that waits."""

    def __init__(self, engine: AsyncEngine, dealership: Dealership) -> None:
        self._engine = engine
        self._dealership = dealership

    async def planned(self, event_id: str) -> PlannedEvent | None:
        """The event as it has to be now."""
        async with self._engine.connect() as connection:
            return await planned_event(connection, self._dealership, event_id)

    async def told(self, event_id: str, etag: str) -> None:
        """Google has the event so, in this version."""
        line = AppointmentLineRow
        async with self._engine.begin() as connection:
            await connection.execute(
                update(line).where(line.google_event_id == event_id).values(google_etag=etag)
            )

    async def look(self, calendar_id: str, event_id: str) -> str:
        """No version is looked at."""
        return ""

    async def parting(self, calendar_id: str, event_id: str) -> None:
        """Nobody is shown anything."""


async def planned_event(
    connection: AsyncConnection, dealership: Dealership, event_id: str
) -> PlannedEvent | None:
    """The event of the line that has that id; None when there is to be none: no such line, the
    appointment is cancelled, its customer was erased, or its location is no longer ours."""
    head, line = AppointmentRow, AppointmentLineRow
    wanted = (
        select(
            head.id,
            head.customer_id,
            head.vehicle_id,
            head.notes,
            head.location_id,
            line.position,
            line.starts_at,
            line.ends_at,
            BayRow.calendar_id,
        )
        .join(line, line.appointment_id == head.id)
        .join(BayRow, BayRow.id == line.bay_id)
        .where(line.google_event_id == event_id, head.status != "cancelled")
    )
    row = (await connection.execute(wanted)).one_or_none()
    if row is None or row.customer_id is None:
        return None
    try:
        location = dealership.location(row.location_id)
    except KeyError:
        return None
    work = (
        select(
            line.position,
            ServiceRow.code,
            ServiceRow.name,
            ServiceRow.duration_minutes,
            ServiceRow.price_cents,
            ServiceRow.skill,
        )
        .join(ServiceRow, ServiceRow.code == line.service_code)
        .where(line.appointment_id == row.id)
        .order_by(line.position)
    )
    visit = {
        # From the table, which also knows what is off the menu by now.
        row["position"]: Service(**{name: row[name] for name in row if name != "position"})
        for row in (await connection.execute(work)).mappings()
    }
    body = calendar_event(
        appointment_id=row.id,
        location=location,
        service=visit[row.position],
        visitor=await visitor_of(connection, row.customer_id, row.vehicle_id),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        notes=row.notes,
        visit=list(visit.values()),
    )
    return PlannedEvent(row.calendar_id, event_id, body)


async def lines_of(
    connection: AsyncConnection, events: Iterable[SeenEvent]
) -> dict[str, BookedLine]:
    """Whose events these are, by the event's id: a line's own one, also when it was taken to
    another calendar under another id."""
    names = {event.event_id: _names(event) for event in events}
    wanted = {name for both in names.values() for name in both}
    if not wanted:
        return {}
    rows = await connection.execute(_lines().where(AppointmentLineRow.google_event_id.in_(wanted)))
    found = {row.google_event_id: _line(row) for row in rows}
    return {
        event_id: found[name]
        for event_id, both in names.items()
        for name in reversed(both)  # its own id goes first
        if name in found
    }


async def is_standing(connection: AsyncConnection, appointment_id: UUID) -> bool:
    """Whether the appointment is neither over nor cancelled."""
    head = AppointmentRow
    wanted = select(head.id).where(head.id == appointment_id, head.status.in_(STANDING))
    return await connection.scalar(wanted) is not None


async def line_written_as(connection: AsyncConnection, event: SeenEvent) -> BookedLine | None:
    """The line whose event this once was, by what it says of itself: somebody may have made it
    anew elsewhere. Not which of them it is, when several say the same."""
    if event.appointment_id is None or event.written is None:
        return None
    if event.of_series and not event.is_as_written:
        return None
    rows = await connection.execute(
        _lines().where(AppointmentLineRow.appointment_id == event.appointment_id)
    )
    return next((line for line in map(_line, rows) if line.place == event.written), None)


async def standing_lines(
    connection: AsyncConnection, location_id: str, ahead_of: datetime
) -> tuple[BookedLine, ...]:
    """The location's lines that stand and end after that instant, by calendar and time."""
    line = AppointmentLineRow
    rows = await connection.execute(
        _lines()
        .where(
            line.location_id == location_id,
            line.status.in_(STANDING),
            line.ends_at > ahead_of,
            line.google_event_id.is_not(None),
        )
        .order_by(BayRow.calendar_id, line.starts_at)
    )
    return tuple(map(_line, rows))


def _lines() -> Select[Any]:
    head, line, change = AppointmentRow, AppointmentLineRow, AppointmentChangeRow
    mover = (
        select(change.actor)
        .where(change.appointment_id == head.id, change.action.in_(_MOVED))
        .order_by(change.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_waiting = exists().where(
        OutboxRow.payload["event_id"].astext == cast(line.google_event_id, Text),
        OutboxRow.done_at.is_(None),
        OutboxRow.kind.startswith("calendar."),
    )
    return (
        select(
            line.appointment_id,
            line.google_event_id,
            BayRow.calendar_id,
            line.starts_at,
            line.ends_at,
            line.status,
            mover.label("moved_by"),
            (~is_waiting).label("is_told"),
        )
        .join(head, head.id == line.appointment_id)
        .join(BayRow, BayRow.id == line.bay_id)
    )


def _line(row: Any) -> BookedLine:
    return BookedLine(
        row.appointment_id,
        row.google_event_id,
        Place(row.calendar_id, Period(row.starts_at, row.ends_at)),
        row.status,
        row.moved_by or "otto",
        row.is_told,
    )


def _names(event: SeenEvent) -> tuple[str, ...]:
    """Under which ids a line may have the event. Whoever repeats one of ours makes a series of it,
    of which the first is ours and the others are not."""
    if event.of_series and not event.is_as_written:
        return (event.event_id,)
    uid = event.ical_uid.removesuffix(_UID_END)
    return (event.event_id, uid) if uid and uid != event.event_id else (event.event_id,)
