"""What a database does meanwhile: CPU of its processes, and what its sessions wait for."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg  # type: ignore[import-untyped]
import psutil

EVERY_S = 0.01
_WAITS = """
    SELECT coalesce(wait_event_type || ' ' || wait_event, 'on the CPU') AS what, count(*)
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'
      AND datname = current_database()
    GROUP BY 1
"""


class Watched:
    """What was seen: filled in when the watch is over."""

    def __init__(self) -> None:
        self.waits: dict[str, float] = {}
        """Of the time in which a transaction was open, the share spent in each wait."""
        self.busy: float = 0.0
        """How many transactions were open on the average."""


@contextlib.asynccontextmanager
async def watching(url: str) -> AsyncIterator[Watched]:
    """Look at the sessions of a database every so often while in here."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    seen: Counter[str] = Counter()
    looks = 0

    async def look() -> None:
        nonlocal looks
        while True:
            for what, number in await connection.fetch(_WAITS):
                seen[what] += number
            looks += 1
            await asyncio.sleep(EVERY_S)

    watched = Watched()
    task = asyncio.create_task(look())
    try:
        yield watched
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await connection.close()
        total = seen.total() or 1
        watched.waits = {name: round(n / total, 2) for name, n in seen.most_common(6)}
        watched.busy = round(total / max(1, looks), 1)


def cpu_s(postmaster: int) -> dict[int, float]:
    """CPU seconds that the server's processes have spent so far, by pid."""
    found = {}
    server = psutil.Process(postmaster)
    for process in (server, *server.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            found[process.pid] = times.user + times.system
    return found


def spent_s(before: dict[int, float], after: dict[int, float]) -> float:
    """What was spent between two of them by processes that are in both, or came in between."""
    return sum(now - before.get(pid, 0.0) for pid, now in after.items())
