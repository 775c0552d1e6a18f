"""How the calendars stand, for whoever runs Otto: how far each was read, what is not told yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from config.dealership import Bay

_STATUS = text(
    """
    WITH told AS (
        SELECT payload->>'calendar_id' AS calendar_id,
            count(*) FILTER (WHERE next_attempt_at < 'infinity') AS waiting,
            count(*) FILTER (WHERE next_attempt_at < 'infinity' AND postponed_since IS NOT NULL)
                AS postponed,
            count(*) FILTER (WHERE next_attempt_at = 'infinity') AS dead,
            max(last_error) FILTER (WHERE next_attempt_at < 'infinity') AS reason
        FROM outbox WHERE done_at IS NULL AND kind LIKE 'calendar.%' GROUP BY 1
    ), looked AS (
        SELECT calendar_id, count(*) AS conflicts FROM calendar_conflicts
        WHERE resolved_at IS NULL GROUP BY 1
    ), blocked AS (
        SELECT calendar_id, count(*) AS blocks FROM bay_blocks
        WHERE ends_at > otto_clock() GROUP BY 1
    )
    SELECT wanted.calendar_id, s.synced_at, s.last_error, s.channel_ends_at,
        coalesce(told.waiting, 0) AS waiting, coalesce(told.postponed, 0) AS postponed,
        coalesce(told.dead, 0) AS dead, told.reason,
        coalesce(looked.conflicts, 0) AS conflicts, coalesce(blocked.blocks, 0) AS blocks
    FROM unnest(CAST(:calendar_ids AS text[])) AS wanted(calendar_id)
    LEFT JOIN calendar_sync s USING (calendar_id)
    LEFT JOIN told USING (calendar_id)
    LEFT JOIN looked USING (calendar_id)
    LEFT JOIN blocked USING (calendar_id)
    """
)


@dataclass(frozen=True, slots=True)
class CalendarStatus:
    """One calendar."""

    bay: Bay
    synced_at: datetime | None
    """When it was read to its end for the last time; None: never."""
    last_error: str
    """Why the latest reading failed; "" when it did not."""
    channel_ends_at: datetime | None
    """Until when Google tells of changes by itself."""
    waiting: int
    """What is not told to Google yet, the postponed included."""
    postponed: int
    """Of these, how many wait for a person, or a quota."""
    reason: str
    """What it failed with last, of those that wait."""
    dead: int
    conflicts: int
    """What a person has to look at."""
    blocks: int
    """Times to come that staff keep for themselves."""

    @property
    def is_well(self) -> bool:
        """Whether nobody has to do anything."""
        return not (self.last_error or self.postponed or self.dead or self.conflicts)


async def calendar_status(
    connection: AsyncConnection, bays: Sequence[Bay]
) -> tuple[CalendarStatus, ...]:
    """The calendars of these bays, in their order."""
    asked = {"calendar_ids": [bay.calendar_id for bay in bays]}
    found = {row.calendar_id: row for row in await connection.execute(_STATUS, asked)}
    return tuple(
        CalendarStatus(
            bay=bay,
            synced_at=row.synced_at,
            last_error=row.last_error or "",
            channel_ends_at=row.channel_ends_at,
            waiting=row.waiting,
            postponed=row.postponed,
            reason=row.reason or "",
            dead=row.dead,
            conflicts=row.conflicts,
            blocks=row.blocks,
        )
        for bay in bays
        for row in [found[bay.calendar_id]]
    )
