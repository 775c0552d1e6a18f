"""Staff's own events as times at which a bay is not to be booked, and what a person has to look at.

Whoever writes blocks takes the location's lock whole, whoever books shares it: no booking slips in
between the look at the blocks and its own commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from config.dealership import Bay
from otto.scheduling.google.seen_events import SeenEvent
from otto.scheduling.hours import Period
from otto.scheduling.mirror.meaning import BookedLine
from otto.storage.clock import CLOCK
from otto.storage.tables import BayBlockRow, CalendarConflictRow

KEPT_FOR = timedelta(days=1)
"""How long a block is kept when it is over."""
_OVER_BOOKINGS = text(
    """
    INSERT INTO calendar_conflicts
        (kind, code, location_id, bay_id, calendar_id, google_event_id, appointment_id,
         starts_at, ends_at)
    SELECT DISTINCT ON (b.id) 'block_over_appointment', 'blocked', b.location_id, b.bay_id,
        b.calendar_id, b.google_event_id, l.appointment_id, b.starts_at, b.ends_at
    FROM bay_blocks b JOIN appointment_lines l ON l.bay_id = b.bay_id
        AND l.status IN ('booked','arrived')
        AND tstzrange(l.starts_at, l.ends_at) && tstzrange(b.starts_at, b.ends_at)
    WHERE b.calendar_id = :calendar_id AND l.ends_at > :now
    ORDER BY b.id, l.starts_at
    ON CONFLICT (calendar_id, google_event_id, kind) WHERE resolved_at IS NULL DO NOTHING
    """
)
_NO_LONGER = text(
    """
    UPDATE calendar_conflicts c SET resolved_at = otto_clock()
    WHERE c.calendar_id = :calendar_id AND c.kind = 'block_over_appointment'
        AND c.resolved_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM bay_blocks b JOIN appointment_lines l ON l.bay_id = b.bay_id
                AND l.status IN ('booked','arrived') AND l.ends_at > :now
                AND tstzrange(l.starts_at, l.ends_at) && tstzrange(b.starts_at, b.ends_at)
            WHERE b.calendar_id = c.calendar_id AND b.google_event_id = c.google_event_id)
    """
)


@dataclass(frozen=True, slots=True)
class Shown:
    """Something to look at: `kind` and `code` as `CalendarConflictRow` has them."""

    kind: str
    code: str
    event: SeenEvent
    line: BookedLine | None = None


async def lock_location(connection: AsyncConnection, location_id: str) -> None:
    """Until the transaction's end, nobody books, moves or holds anything at the location."""
    key = func.hashtextextended(literal(f"bays {location_id}"), literal(0))
    await connection.execute(select(func.pg_advisory_xact_lock(key)))


async def write_blocks(
    connection: AsyncConnection,
    location_id: str,
    bay: Bay,
    found: Mapping[str, Period | None],
    *,
    is_all: bool,
    now: datetime,
) -> None:
    """Make the bay's blocks what its calendar says: by event, the time it takes, None for none.
    `is_all`: there are no others. Forgets those that are over for a day, and shows those
    that lie over a booking."""
    over_before = now - KEPT_FOR
    await lock_location(connection, location_id)
    block, ours = BayBlockRow, BayBlockRow.calendar_id == bay.calendar_id
    standing = {event_id: period for event_id, period in found.items() if period is not None}
    is_gone = block.google_event_id.in_([each for each in found if each not in standing])
    if is_all:
        is_gone = block.google_event_id.not_in(list(standing))
    await connection.execute(delete(block).where(ours, is_gone | (block.ends_at < over_before)))
    rows = [
        {
            "location_id": location_id,
            "bay_id": bay.id,
            "calendar_id": bay.calendar_id,
            "google_event_id": event_id,
            "starts_at": period.starts_at,
            "ends_at": period.ends_at,
        }
        for event_id, period in standing.items()
        if period.ends_at >= over_before
    ]
    if rows:
        added = insert(block)
        new = added.excluded
        await connection.execute(
            added.on_conflict_do_update(
                index_elements=["calendar_id", "google_event_id"],
                set_={
                    "bay_id": new.bay_id,
                    "location_id": new.location_id,
                    "starts_at": new.starts_at,
                    "ends_at": new.ends_at,
                },
            ),
            rows,
        )
    asked = {"calendar_id": bay.calendar_id, "now": now}
    await connection.execute(_OVER_BOOKINGS, asked)
    await connection.execute(_NO_LONGER, asked)


async def forget_other_calendars(
    connection: AsyncConnection, location_id: str, calendar_ids: Collection[str]
) -> None:
    """The location's blocks that were read from calendars which are no bay's any more."""
    block = BayBlockRow
    await connection.execute(
        delete(block).where(
            block.location_id == location_id, block.calendar_id.not_in(list(calendar_ids))
        )
    )


async def show(connection: AsyncConnection, location_id: str, bay: Bay, shown: Shown) -> None:
    """Have a person look at it; once, until they have."""
    period = shown.event.period
    row: dict[str, Any] = {
        "kind": shown.kind,
        "code": shown.code,
        "location_id": location_id,
        "bay_id": bay.id,
        "calendar_id": shown.event.calendar_id,
        "google_event_id": shown.event.event_id,
        "appointment_id": shown.event.appointment_id
        if shown.line is None
        else shown.line.appointment_id,
        "starts_at": period and period.starts_at,
        "ends_at": period and period.ends_at,
    }
    await connection.execute(insert(CalendarConflictRow).values(row).on_conflict_do_nothing())


async def conflicts(
    connection: AsyncConnection, calendar_ids: Collection[str]
) -> tuple[CalendarConflictRow, ...]:
    """What is still to be looked at, oldest first."""
    open_ones = (
        select(CalendarConflictRow.__table__)
        .where(
            CalendarConflictRow.resolved_at.is_(None),
            CalendarConflictRow.calendar_id.in_(list(calendar_ids)),
        )
        .order_by(CalendarConflictRow.id)
    )
    return tuple(
        CalendarConflictRow(**row) for row in (await connection.execute(open_ones)).mappings()
    )


async def resolve(connection: AsyncConnection, ids: Collection[int] | None) -> int:
    """A person has looked at these, or at all; returns how many that were."""
    row = CalendarConflictRow
    done = update(row).where(row.resolved_at.is_(None)).values(resolved_at=CLOCK)
    if ids is not None:
        done = done.where(row.id.in_(list(ids)))
    return len((await connection.execute(done.returning(row.id))).all())
