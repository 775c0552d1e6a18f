"""Counting what there is, from outside: for before and after."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from benchmarks.chaos.judging import Appointment, Census
from benchmarks.chaos.stack_probe import StackProbe

SETTLE_S = 90.0
"""How long what the last fault has held up may take: an outbox that has failed for a while waits
about as long again before it tries once more."""
POLL_S = 1.0


async def take_census(probe: StackProbe, *, settle_like: Census | None = None) -> Census:
    """What there is now; given an earlier census, once it is like that one again, or it has been
    waited for long enough."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        census = await _count(probe)
        settled = settle_like is None or (
            census.pool == settle_like.pool
            and census.actors == settle_like.actors
            and not census.outbox_waiting
            and census.sandbox_tasks <= settle_like.sandbox_tasks
        )
        if settled or time.monotonic() > deadline:
            return census
        await asyncio.sleep(POLL_S)


async def _count(probe: StackProbe) -> Census:
    actors = Counter(actor.kind for actor in await probe.actors())
    waiting = await probe.rows("select count(*) from outbox where done_at is null")
    connections = await probe.rows(
        "select count(*) from pg_stat_activity where backend_type = 'client backend' "
        "and pid <> pg_backend_pid()"
    )
    health = (await probe.http.get("/sandbox/health")).json()
    return Census(
        pool=await probe.pool(),
        actors=dict(sorted(actors.items())),
        outbox_waiting=waiting[0]["count"],
        sandbox_tasks=health["tasks"],
        database_connections=connections[0]["count"],
    )


async def appointments(probe: StackProbe) -> list[Appointment]:
    """The appointments in the database."""
    rows = await probe.rows(
        "select line.appointment_id as id, visit.call_sid, line.bay_id, line.starts_at, "
        "line.ends_at, line.google_event_id "
        "from appointment_lines line join appointments visit on visit.id = line.appointment_id "
        "where line.status in ('booked', 'arrived')"
    )
    return [
        Appointment(
            *(str(row["id"]), row["call_sid"], row["bay_id"]),
            *(row["starts_at"], row["ends_at"], row["google_event_id"]),
        )
        for row in rows
    ]


async def callbacks(probe: StackProbe) -> set[str]:
    """The calls whose callers stand on the list of those to call back."""
    rows = await probe.rows("select call_sid from callbacks where call_sid is not null")
    return {row["call_sid"] for row in rows}
