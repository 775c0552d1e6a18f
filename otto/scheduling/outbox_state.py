"""What lies in the outbox, by lane and by what becomes of it: for whoever runs Otto."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

STATES = ("due", "waiting", "postponed", "dead", "delivered")
"""due: a worker takes it at once; waiting: one has it in hand, or it is tried again later;
postponed: it waits for a sign-in, a quota or a setting; dead: it is given up."""

_COUNTED = text(
    """
    SELECT split_part(kind, '.', 1) AS lane,
        CASE WHEN done_at IS NOT NULL THEN 'delivered'
             WHEN next_attempt_at = 'infinity' THEN 'dead'
             WHEN postponed_since IS NOT NULL THEN 'postponed'
             WHEN next_attempt_at <= otto_clock() THEN 'due'
             ELSE 'waiting' END AS state,
        last_error AS reason, count(*) AS rows, min(created_at) AS oldest
    FROM outbox GROUP BY lane, state, reason
    """
)


@dataclass(slots=True)
class LaneState:
    """One vendor's rows. `reasons` are codes, without personal data."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    reasons: dict[str, dict[str, int]] = field(default_factory=lambda: {s: {} for s in STATES})
    oldest: datetime | None = None
    """When the oldest of those that are not over (due, waiting, postponed) was written."""


async def outbox_state(connection: AsyncConnection) -> Mapping[str, LaneState]:
    """By lane ("calendar", "sms"), in alphabetical order; empty when nothing was ever written."""
    lanes: dict[str, LaneState] = {}
    for row in await connection.execute(_COUNTED):
        lane = lanes.setdefault(row.lane, LaneState())
        lane.counts[row.state] += row.rows
        if row.reason:
            lane.reasons[row.state][row.reason] = row.rows
        if row.state not in ("dead", "delivered"):
            lane.oldest = min(filter(None, (lane.oldest, row.oldest)))
    return dict(sorted(lanes.items()))


def describe(lane: LaneState) -> str:
    """Such as "2 due, 0 waiting, 3 postponed (invalid_grant 3), 1 dead (badRequest 1), 40
    delivered; the oldest is of 2026-11-28 09:12 UTC"."""
    told = ", ".join(f"{lane.counts[state]} {state}{_why(lane.reasons[state])}" for state in STATES)
    if lane.oldest is None:
        return told
    return f"{told}; the oldest is of {lane.oldest.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _why(reasons: Mapping[str, int]) -> str:
    if not reasons:
        return ""
    told = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return " (" + ", ".join(f"{code} {count}" for code, count in told) + ")"
