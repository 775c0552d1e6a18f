"""Limits on what may happen how often, counted in the database: across calls, processes, nodes.

What is counted is an *event* under a key, against one or more limits at once, each on a *subject*
(a call, a number's hash). A subject is locked before it is looked at and until the transaction
ends, so of two that come at the same time one waits for the other's outcome, and a transaction
that fails has counted nothing. The window slides: an event counts until it is `window_s` old, by
the database's clock. The same key again is the same event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many events of a kind for a subject within the window.

    `subject` is no personal data: numbers are hashed (`otto.storage.number_hash`).
    """

    kind: str
    subject: str
    at_most: int
    window_s: float


_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(subject, 0))"
    " FROM unnest(CAST(:subjects AS text[])) AS subject"
)
_COUNT = text(
    """
    WITH wanted AS (
        SELECT * FROM unnest(
            CAST(:kinds AS text[]), CAST(:subjects AS text[]), CAST(:most AS int[]),
            CAST(:windows AS float8[])
        ) AS wanted (kind, subject, at_most, window_s)
    ), room AS (
        SELECT min(at_most - (
            SELECT count(*) FROM limit_events AS event
            WHERE event.kind = wanted.kind AND event.subject = wanted.subject
                AND event.key <> :key
                AND event.at > otto_clock() - make_interval(secs => wanted.window_s)
        )) AS left_over FROM wanted
    ), noted AS (
        INSERT INTO limit_events (kind, subject, key)
        SELECT kind, subject, :key FROM wanted, room WHERE :is_event AND left_over > 0
        ON CONFLICT DO NOTHING
    )
    SELECT left_over FROM room
    """
)
"""How much room there is; with `is_event` the event is noted in it, if there is any."""


_TAKE_BACK = text(
    "DELETE FROM limit_events WHERE kind = :kind AND subject = :subject AND key = :key"
)


async def left(connection: AsyncConnection, key: str, limits: Sequence[Limit]) -> int:
    """How many more events there is room for under all `limits`, this one not counted (0: none).

    Locks the subjects until the transaction ends, so that the answer holds until then.
    """
    return await _room(connection, key, limits, is_event=False)


async def count(connection: AsyncConnection, key: str, limits: Sequence[Limit]) -> bool:
    """Count an event under all `limits`, or, where there is no room for it under one of them,
    under none. Whether it was counted; what nothing limits always is."""
    return not limits or await _room(connection, key, limits, is_event=True) > 0


async def take_back(connection: AsyncConnection, key: str, limits: Sequence[Limit]) -> None:
    """Count the event under none of these limits any more: it was none after all."""
    for limit in limits:
        values = {"kind": limit.kind, "subject": limit.subject, "key": key}
        await connection.execute(_TAKE_BACK, values)


async def _room(
    connection: AsyncConnection, key: str, limits: Sequence[Limit], *, is_event: bool
) -> int:
    # In one order everywhere: two transactions never wait for each other.
    subjects = sorted({f"{limit.kind} {limit.subject}" for limit in limits})
    await connection.execute(_LOCK, {"subjects": subjects})
    # A statement of its own: its snapshot is taken when the locks are held.
    room = await connection.scalar(
        _COUNT,
        {
            "kinds": [limit.kind for limit in limits],
            "subjects": [limit.subject for limit in limits],
            "most": [limit.at_most for limit in limits],
            "windows": [limit.window_s for limit in limits],
            "key": key,
            "is_event": is_event,
        },
    )
    return max(0, int(room or 0))
