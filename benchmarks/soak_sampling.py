"""Counting everything that could grow: memory, descriptors, tasks, keys, connections, actors."""

from __future__ import annotations

import asyncio
import os
from collections import Counter, defaultdict

import psutil
from redis.asyncio import Redis

from actors.runtime.process import BaseActor
from benchmarks.chaos.stack_probe import Actor, StackProbe, descendants
from benchmarks.family import kind
from benchmarks.soak_slopes import OURS, Sample

WITH_STATS = (
    *("CallActor", "SttActor", "LlmActor", "TtsActor"),
    *("SwitchboardActor", "CalendarActor", "CrmActor"),
)
"""The actors that say what only they know of themselves."""
SANDBOX = "sandbox"
OTHERS = "others"
"""The many small processes of Ray's."""
SHOWN = (SANDBOX, "raylet", "gcs_server", "haproxy")


class Sampler:
    """Takes samples of a stack; keep one for the whole run."""

    def __init__(self, probe: StackProbe) -> None:
        self._probe = probe
        self._redis = Redis.from_url(probe.settings.redis.url.get_secret_value())

    async def aclose(self) -> None:
        """Let go of the connection to Redis."""
        await self._redis.aclose()

    async def take(self, calls: int) -> Sample:
        """What there is now, when `calls` calls have ended."""
        actors, processes, (keys, for_ever), connections = await asyncio.gather(
            self._probe.actors(),
            asyncio.to_thread(count_processes, os.getpid(), self._probe.sandbox_pid),
            self._keys(),
            self._connections(),
        )
        tasks = await self._tasks(actors)
        values = {
            **processes,
            **tasks,
            "actors": float(len(actors)),
            "database connections": float(connections),
            "Redis keys": float(keys),
            "Redis keys for ever": float(for_ever),
        }
        return Sample(calls, values)

    async def _tasks(self, actors: list[Actor]) -> dict[str, float]:
        """Tasks on the event loops of the actors that tell, by kind."""
        telling = [actor for actor in actors if actor.kind in WITH_STATS]
        answers = await asyncio.gather(
            *(self._probe.ask(each.name, BaseActor.process_stats) for each in telling)
        )
        total: Counter[str] = Counter()
        for actor, answer in zip(telling, answers, strict=True):
            total[f"tasks: {actor.kind}"] += answer["tasks"] if answer else 0
        return {name: float(count) for name, count in total.items()}

    async def _keys(self) -> tuple[int, int]:
        """How many keys Redis holds, and how many of them never expire."""
        keys = [key async for key in self._redis.scan_iter(count=1000)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.ttl(key)
            ttls = await pipe.execute()
        return len(keys), sum(ttl == -1 for ttl in ttls)

    async def _connections(self) -> int:
        rows = await self._probe.rows(
            "select count(*) from pg_stat_activity where backend_type = 'client backend' "
            "and pid <> pg_backend_pid()"
        )
        count: int = rows[0]["count"]
        return count


def count_processes(root_pid: int, sandbox_pid: int) -> dict[str, float]:
    """Memory that would be free again (USS), descriptors and processes by kind, of everything
    below `root_pid`. The sandbox is the callers and the vendors: it is one kind, and not in the
    sum. Blocking, a millisecond a process."""
    outside = {sandbox_pid, *(process.pid for process in descendants(sandbox_pid))}
    found: defaultdict[str, float] = defaultdict(float)
    for process in descendants(root_pid):
        name = SANDBOX if process.pid in outside else kind(process)
        if name not in (*OURS, *SHOWN):
            name = OTHERS
        try:
            with process.oneshot():
                memory_mb = process.memory_full_info().uss / 2**20
                descriptors = process.num_fds()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        found[f"MB: {name}"] += memory_mb
        found[f"fds: {name}"] += descriptors
        found[f"processes: {name}"] += 1
        if name in OURS:
            found["MB in all"] += memory_mb
    return dict(found)
