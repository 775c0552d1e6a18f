"""The supervisor of a call actor's three workers: started, watched, and replaced when one is lost.

A worker that is lost is replaced by a warm spare of the node within the call: the conversation
keeps the same `Workers`, behind which another actor answers. The end of a worker's stream tells
that its process died. One that is stopped or stuck keeps its sockets, and is told by pings: here
over its stream while there is a call, and by the media link (recogniser and synthesiser).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from actors.call import workers
from actors.call.messages import Late, Message
from actors.call.stream import Invitation, StreamServer
from actors.call.worker_actor import WorkerActor
from actors.runtime.handle import Handle
from actors.runtime.options import on_this_node
from config.settings import Settings
from otto.dialogue.context import Workers
from otto.events import Event, Worker
from otto.language.languages import Language

PING_EVERY_S = 0.5


class WorkerSupervisor:
    """`start` first. `on_death` is told which worker is gone, or as good as gone; `replace` then
    makes the call actor whole again. Workers end with this process, whichever way they run."""

    workers: Workers

    def __init__(
        self,
        name: str,
        settings: Settings,
        emit: Callable[[Event], None],
        on_death: Callable[[Worker], None],
        on_lag: Callable[[Worker, float], None],
    ) -> None:
        """`name` is the call actor's."""
        self._name = name
        self._settings = settings
        self._emit = emit
        self._on_death = on_death
        self._on_lag = on_lag
        self._streams = StreamServer(self._on_message, self._lost)
        self._proxies: dict[Worker, workers.Remote] = {}
        self._gone = {worker: asyncio.Event() for worker in Worker}
        self._avoided: frozenset[str] = frozenset()
        self._pings: asyncio.Task[None] | None = None

    async def start(self, phrases: Any, gently: bool = False) -> None:
        """Start the workers and wait until each is warm: all at once, or `gently`, one after the
        other, while calls need the processor. `phrases`: see `workers.start`."""
        settings, streams = self._settings, self._streams
        if settings.pool.sub_actors == "inline":
            self.workers = await workers.make_inline(settings, phrases, self._emit)
            return
        await streams.listen()
        here = on_this_node()  # streams are local sockets
        started: dict[Worker, Handle[WorkerActor]] = {}
        warming = []
        for worker in Worker:
            name = f"{self._name}.{worker.value}"
            actor = workers.start(worker, settings, phrases, name, **here)
            started[worker] = actor
            invitation, lag_ms = streams.invite(worker), settings.pool.max_lag_ms
            warm = asyncio.ensure_future(actor.ask(WorkerActor.warm, lag_ms, invitation))
            warming.append(warm)
            if gently:
                await warm
        await asyncio.gather(*warming)
        recogniser = workers.RemoteRecogniser(Worker.STT, started[Worker.STT], streams)
        synthesiser = workers.RemoteSynthesiser(Worker.TTS, started[Worker.TTS], streams)
        model = workers.RemoteLanguageModel(Worker.LLM, started[Worker.LLM], streams)
        self._proxies = {Worker.STT: recogniser, Worker.TTS: synthesiser, Worker.LLM: model}
        self.workers = Workers(recogniser, synthesiser, model)

    def has(self, worker: Worker) -> bool:
        """Whether this worker is an actor of its own."""
        return worker in self._proxies

    def watch(self) -> None:
        """A call begins: find out by pings whether a worker's process is stopped or stuck."""
        if self._proxies and self._pings is None:
            self._pings = asyncio.get_running_loop().create_task(self._ping())

    def rest(self) -> None:
        """The call has ended. A process that nobody needs an answer of is not woken for one."""
        if self._pings is not None:
            self._pings.cancel()
            self._pings = None

    def lose(self, worker: Worker) -> None:
        """Somebody else found that the worker gives no sign of life."""
        self._streams.lose(worker)

    async def unless_lost(self, worker: Worker, work: Coroutine[Any, Any, None]) -> None:
        """Wait for a worker, however long its vendor takes, but not for one that is lost."""
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._gone[worker].wait())
        try:
            await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
        finally:
            task.cancel()
            gone.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)

    def expect(self, worker: Worker) -> Invitation:
        """A worker is gone and another will come, with this invitation."""
        return self._streams.invite(worker)

    def replace(self, worker: Worker, spare: Handle[WorkerActor]) -> bool:
        """Put a spare in a lost worker's place; it has accepted the invitation and joined the call.

        False when it is gone already.
        """
        if not self._streams.has(worker):
            return False
        proxy = self._proxies[worker]
        lost, proxy.actor = proxy.actor, spare
        self._gone[worker].clear()
        lost.kill()  # it may only have been silent, and would wake up
        if self._avoided:
            proxy.avoid(self._avoided)
        if isinstance(proxy, workers.RemoteSpeech) and proxy.language is not Language.ENGLISH:
            proxy.use_language(proxy.language)
        return True

    def avoid(self, providers: frozenset[str]) -> None:
        """Which vendors' providers the workers leave out from now on."""
        self._avoided = providers
        served = self.workers
        for worker in (served.recogniser, served.synthesiser, served.language_model):
            worker.avoid(providers)

    def _on_message(self, worker: Worker, message: Message) -> None:
        if isinstance(message, Late):
            self._on_lag(worker, message.lag_ms)
        elif isinstance(message, Event):
            self._emit(message)

    def _lost(self, worker: Worker) -> None:
        if not self._gone[worker].is_set():  # else this was a spare that is no good, either
            self._gone[worker].set()
            self._on_death(worker)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_EVERY_S)
            self._streams.ping()
