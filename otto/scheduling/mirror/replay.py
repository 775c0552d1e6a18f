"""What was given up, and having it told once more: from the first attempt on, as things are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_DEAD = text(
    """
    SELECT o.id, o.kind, coalesce(b.calendar_id, o.payload->>'calendar_id') AS calendar_id,
        o.last_error AS code, o.created_at, l.starts_at
    FROM outbox o
    LEFT JOIN appointment_lines l ON l.google_event_id = o.payload->>'event_id'
    LEFT JOIN bays b ON b.id = l.bay_id
    WHERE o.done_at IS NULL AND o.next_attempt_at = 'infinity' AND o.kind LIKE 'calendar.%'
    ORDER BY o.id
    """
)
# An event that was deleted lies where it was; only where that is nobody's calendar any more has it
# been put right since.
_REPLAY = text(
    """
    UPDATE outbox o SET attempts = 0, last_error = NULL, postponed_since = NULL,
        next_attempt_at = otto_clock(),
        payload = o.payload || coalesce((
            SELECT jsonb_build_object('calendar_id', b.calendar_id)
            FROM appointment_lines l JOIN bays b ON b.id = l.bay_id
            WHERE l.google_event_id = o.payload->>'event_id' AND (o.kind = 'calendar.upsert'
                OR NOT EXISTS (SELECT 1 FROM bays other WHERE other.active
                    AND other.calendar_id = o.payload->>'calendar_id'))), '{}')
    WHERE o.done_at IS NULL AND o.next_attempt_at = 'infinity' AND o.kind LIKE 'calendar.%'
        AND (CAST(:every AS boolean) OR o.id = ANY(:ids))
    RETURNING o.id
    """
)


@dataclass(frozen=True, slots=True)
class DeadRow:
    """A row of the outbox that was given up."""

    id: int
    kind: str
    calendar_id: str
    """As it is configured now."""
    code: str
    created_at: datetime
    starts_at: datetime | None
    """Of the appointment's line, if that is still in the book."""


async def dead_rows(connection: AsyncConnection) -> tuple[DeadRow, ...]:
    """What was not told to Google and never will be by itself, oldest first."""
    return tuple(
        DeadRow(row.id, row.kind, row.calendar_id, row.code or "", row.created_at, row.starts_at)
        for row in await connection.execute(_DEAD)
    )


async def replay(connection: AsyncConnection, ids: Sequence[int] | None) -> frozenset[int]:
    """Have dead rows told again, those with these ids or all of them; returns which."""
    asked = {"every": ids is None, "ids": list(ids or ())}
    return frozenset((await connection.execute(_REPLAY, asked)).scalars())
