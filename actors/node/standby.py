"""The warm spare workers of a node: for calls that lose one of their three.

A spare is a process of its own and takes some 100 MB, so there are few: by default one of each
kind. One that is taken, or dies, is followed by another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import ray
import structlog

from actors.call.worker_actor import WorkerActor
from actors.runtime import registry
from actors.runtime.handle import Handle, find
from actors.runtime.options import on_this_node
from actors.runtime.registry import living_actors
from config.settings import Settings
from otto.events import Worker
from otto.tasks import Tasks

if TYPE_CHECKING:
    from actors.call.workers import Spoken

log = structlog.get_logger()

TAKE_TIMEOUT_S = 5.0
"""Warming a spare takes 2 to 4 s. A caller whom nobody hears for longer is better off with a
person; the media link keeps 10 s of what they say."""
ANSWER_TIMEOUT_S = 2.0
RESTART_DELAY_S = 1.0
"""Until the next one is started: the call that took the last one has the processor first."""


class StandbyPool:
    """`fill` once; `take` then gives out warm ones. Call it from one event loop."""

    def __init__(self, settings: Settings, node_id: str) -> None:
        self._settings = settings
        self._prefix = registry.spare_prefix(node_id)
        is_inline = settings.pool.sub_actors == "inline"
        self._wanted = 0 if is_inline else settings.pool.spares
        self._ready: dict[Worker, deque[str]] = {worker: deque() for worker in Worker}
        self._actors: dict[str, Handle[WorkerActor]] = {}
        self._phrases: ray.ObjectRef[Spoken] | None = None
        self._number = 0
        self._one_more = asyncio.Condition()
        self._replacing = asyncio.Lock()
        self._tasks = Tasks()

    async def fill(self, phrases: ray.ObjectRef[Spoken]) -> None:
        """Start what is missing, one after the other: calls have the processor meanwhile.

        `phrases`: see `workers.start`.
        """
        self._phrases = phrases
        for worker in Worker:
            for _ in range(self._wanted - len(self._ready[worker])):
                await self._start(worker)

    async def adopt_living(self) -> None:
        """After a restart: take over the untaken spares that live."""
        await asyncio.gather(*(self._find(name) for name in living_actors(self._prefix)))

    async def take(self, worker: Worker) -> Handle[WorkerActor] | None:
        """The handle of a warm spare, which is the caller's from now on. None: there is none,
        and none comes within `TAKE_TIMEOUT_S`."""
        if not self._wanted:
            return None
        ready = self._ready[worker]
        try:
            async with asyncio.timeout(TAKE_TIMEOUT_S), self._one_more:
                await self._one_more.wait_for(lambda: bool(ready))
                actor = self._actors.pop(ready.popleft())
        except TimeoutError:
            log.error("no_spare_worker", worker=worker.value)
            return None
        self._tasks.spawn(self._start_later(worker))
        return actor

    def count(self) -> dict[str, int]:
        """How many are warm, by kind."""
        return {worker.value: len(ready) for worker, ready in self._ready.items()}

    async def _start(self, worker: Worker) -> None:
        # Here, not above: whoever looks the switchboard up imports this module.
        from actors.call import workers

        assert self._phrases is not None, "fill() comes first"
        self._number += 1
        name = f"{self._prefix}{self._number}.{worker.value}"
        options = {"lifetime": "detached", **on_this_node()}
        actor = workers.start(worker, self._settings, self._phrases, name, **options)
        try:
            await actor.ask(WorkerActor.warm, self._settings.pool.max_lag_ms, None)
        except ray.exceptions.RayError as error:
            log.error("spare_not_warm", spare=name, error=type(error).__name__)
            self._tasks.spawn(self._start_later(worker))
            return
        await self._keep(worker, name, actor)

    async def _start_later(self, worker: Worker) -> None:
        await asyncio.sleep(RESTART_DELAY_S)
        async with self._replacing:
            await self._start(worker)

    async def _keep(self, worker: Worker, name: str, actor: Handle[WorkerActor]) -> None:
        self._actors[name] = actor
        self._tasks.spawn(self._watch(worker, name, actor))
        async with self._one_more:
            self._ready[worker].append(name)
            self._one_more.notify_all()

    async def _watch(self, worker: Worker, name: str, actor: Handle[WorkerActor]) -> None:
        try:
            await actor.ask(WorkerActor.stay)
        except ray.exceptions.RayActorError:
            if self._actors.pop(name, None) is not None:  # not taken
                self._ready[worker].remove(name)
                log.warning("spare_lost", spare=name)
                await self._start_later(worker)

    async def _find(self, name: str) -> None:
        number, _, kind = name.removeprefix(self._prefix).partition(".")
        self._number = max(self._number, int(number))
        try:
            actor: Handle[WorkerActor] = find(name)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                is_taken = await actor.ask(WorkerActor.is_taken)
        except (ValueError, TimeoutError, ray.exceptions.RayError):
            return  # dead, or it does not matter: it ends with its call actor
        if not is_taken:
            await self._keep(Worker(kind), name, actor)
