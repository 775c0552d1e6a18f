"""The crew of a call actor: its three workers, watched, and replaced when one dies.

A worker that dies is replaced by a warm spare of the node within the call: the conversation keeps
the same `Workers`, behind which another actor answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import ray

from actors import workers
from actors.ordering import InOrder
from config.settings import Settings
from otto.dialogue.conversation import Workers
from otto.speech.events import Event, Worker
from otto.tasks import Tasks


class Crew:
    """`start` first. `on_death` is told which worker's process is gone; `replace` then makes it
    whole again. Workers end with this process, whichever way they run."""

    workers: Workers

    def __init__(
        self,
        name: str,
        settings: Settings,
        emit: Callable[[Event], None],
        on_death: Callable[[Worker], None],
    ) -> None:
        """`name` is the call actor's."""
        self._name = name
        self._settings = settings
        self._emit = emit
        self._on_death = on_death
        self._actors: dict[Worker, Any] = {}
        self._proxies: dict[Worker, workers.Remote] = {}
        self._serials = dict.fromkeys(Worker, 0)
        self._orders = {worker: InOrder() for worker in Worker}
        self._avoided: frozenset[str] = frozenset()
        self._watches = Tasks()

    async def start(self, phrases: Any) -> None:
        """Start the workers and wait until each is warm. `phrases`: see `workers.start`."""
        settings = self._settings
        if settings.pool.sub_actors == "inline":
            self.workers = await workers.make_inline(settings, phrases, self._emit)
            return
        own = ray.get_runtime_context().current_actor
        self._actors = {
            worker: workers.start(worker, settings, phrases, own, f"{self._name}.{worker.value}")
            for worker in Worker
        }
        max_lag_ms = settings.pool.max_lag_ms
        await asyncio.gather(*(actor.warm.remote(max_lag_ms) for actor in self._actors.values()))
        ear = workers.RemoteEar(self._actors[Worker.STT])
        mouth = workers.RemoteMouth(self._actors[Worker.TTS])
        mind = workers.RemoteMind(self._actors[Worker.LLM])
        self._proxies = {Worker.STT: ear, Worker.TTS: mouth, Worker.LLM: mind}
        self.workers = Workers(ear, mouth, mind)
        for worker in Worker:
            self._watches.spawn(self._watch(worker, self._actors[worker]))

    def on_events(self, worker: Worker, serial: int, number: int, events: list[Event]) -> None:
        """Events that a worker's actor sent; those of one that was replaced are late."""
        if serial == self._serials[worker]:
            self._orders[worker].take(number, lambda: self._pass_on(events))

    def expect(self, worker: Worker) -> int:
        """A worker has died and another will come. Returns the serial that tells its events from
        those of the dead one, which are late from now on."""
        self._serials[worker] += 1
        self._orders[worker] = InOrder()
        return self._serials[worker]

    def replace(self, worker: Worker, spare: Any) -> None:
        """Put a spare in a dead worker's place; it was given the serial and joined the call."""
        self._actors[worker] = spare
        self._proxies[worker].swap(spare)
        if self._avoided:
            self._proxies[worker].avoid(self._avoided)
        self._watches.spawn(self._watch(worker, spare))

    def avoid(self, providers: frozenset[str]) -> None:
        """Which vendors' providers the workers leave out from now on."""
        self._avoided = providers
        for worker in (self.workers.ear, self.workers.mouth, self.workers.mind):
            worker.avoid(providers)

    def _pass_on(self, events: list[Event]) -> None:
        for event in events:
            self._emit(event)

    async def _watch(self, worker: Worker, actor: Any) -> None:
        try:
            await actor.stay.remote()
        except ray.exceptions.RayActorError:
            self._on_death(worker)
