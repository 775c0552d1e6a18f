"""The crew of a call actor: its three workers, watched, and replaced when one is lost.

A worker that is lost is replaced by a warm spare of the node within the call: the conversation
keeps the same `Workers`, behind which another actor answers. Ray tells when a process dies. One
that is stopped or stuck is noticed by who waits for it: the media link (ear and voice, see
`link_server`), and here, when an answer of the mind is due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import ray
import structlog

from actors.call import workers
from actors.call.sequencer import InOrder
from config.settings import Settings
from otto.dialogue.context import Workers
from otto.events import Event, ModelDone, Worker, WorkerFailed
from otto.tasks import Tasks

log = structlog.get_logger()

_ENDS = (ModelDone, WorkerFailed)
QUIET_S = 2.0
"""Something is due from a worker and has not come for so long: is anybody there?"""
REPLY_S = 1.5
"""A process that is alive says so within that, however long its vendor takes."""


class WorkerSupervisor:
    """`start` first. `on_death` is told which worker is gone, or as good as gone; `replace` then
    makes the crew whole again. Workers end with this process, whichever way they run."""

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
        self._asking: asyncio.TimerHandle | None = None

    async def start(self, phrases: Any, gently: bool = False) -> None:
        """Start the workers and wait until each is warm: all at once, or `gently`, one after the
        other, while calls need the processor. `phrases`: see `workers.start`."""
        settings = self._settings
        if settings.pool.sub_actors == "inline":
            self.workers = await workers.make_inline(settings, phrases, self._emit)
            return
        own = ray.get_runtime_context().current_actor
        warming = []
        for worker in Worker:
            actor = workers.start(worker, settings, phrases, own, f"{self._name}.{worker.value}")
            self._actors[worker] = actor
            warming.append(actor.warm.remote(settings.pool.max_lag_ms))
            if gently:
                await warming[-1]
        await asyncio.gather(*warming)
        recogniser = workers.RemoteRecogniser(self._actors[Worker.STT])
        synthesiser = workers.RemoteSynthesiser(self._actors[Worker.TTS])
        language_model = workers.RemoteLanguageModel(self._actors[Worker.LLM], self._expect_answer)
        self._proxies = {
            Worker.STT: recogniser,
            Worker.TTS: synthesiser,
            Worker.LLM: language_model,
        }
        self.workers = Workers(recogniser, synthesiser, language_model)
        for worker in Worker:
            self._watches.spawn(self._watch(worker, self._actors[worker]))

    def on_events(self, worker: Worker, serial: int, number: int, events: list[Event]) -> None:
        """Events that a worker's actor sent; those of one that was replaced are late."""
        if serial != self._serials[worker]:
            return
        if worker is Worker.LLM and self._asking is not None:
            self._expect_answer(not any(isinstance(event, _ENDS) for event in events))
        self._orders[worker].take(number, lambda: self._pass_on(events))

    def expect(self, worker: Worker) -> int:
        """A worker has died and another will come. Returns the serial that tells its events from
        those of the dead one, which are late from now on."""
        self._serials[worker] += 1
        self._orders[worker] = InOrder()
        return self._serials[worker]

    def has(self, worker: Worker) -> bool:
        """Whether this worker is an actor of its own."""
        return worker in self._actors

    async def answers(self, worker: Worker) -> bool:
        """Whether the worker's process gives a sign of life; inline it is this one."""
        if not self.has(worker):
            return True
        try:
            async with asyncio.timeout(REPLY_S):
                await self._actors[worker].is_taken.remote()
        except TimeoutError:
            return False
        except ray.exceptions.RayActorError:
            pass  # it is dead, which `_watch` has noticed
        return True

    def replace(self, worker: Worker, spare: Any) -> None:
        """Put a spare in a lost worker's place; it was given the serial and joined the call."""
        lost, self._actors[worker] = self._actors[worker], spare
        ray.kill(lost)  # it may only have been silent, and would wake up
        self._proxies[worker].swap(spare)
        if self._avoided:
            self._proxies[worker].avoid(self._avoided)
        self._watches.spawn(self._watch(worker, spare))

    def avoid(self, providers: frozenset[str]) -> None:
        """Which vendors' providers the workers leave out from now on."""
        self._avoided = providers
        for worker in (
            self.workers.recogniser,
            self.workers.synthesiser,
            self.workers.language_model,
        ):
            worker.avoid(providers)

    def _pass_on(self, events: list[Event]) -> None:
        for event in events:
            self._emit(event)

    async def _watch(self, worker: Worker, actor: Any) -> None:
        try:
            await actor.stay.remote()
        except ray.exceptions.RayActorError:
            if self._actors[worker] is actor:
                self._on_death(worker)

    def _expect_answer(self, is_owed: bool) -> None:
        """Something of the mind's answer is due from now on, or nothing any more."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        if is_owed and self.has(Worker.LLM):
            self._asking = asyncio.get_running_loop().call_later(
                QUIET_S, lambda: self._watches.spawn(self._ask_mind())
            )

    async def _ask_mind(self) -> None:
        """Whether it is there at all: the model may well take its time."""
        actor = self._actors[Worker.LLM]
        is_there = await self.answers(Worker.LLM)
        if self._actors[Worker.LLM] is not actor:
            return
        if not is_there:
            log.warning("worker_silent", worker=Worker.LLM.value)
            self._on_death(Worker.LLM)
        elif self._asking is not None:
            self._expect_answer(True)
