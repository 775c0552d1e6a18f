"""What a call actor is inside: one live telephone call, with its session and its three workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import ray
import structlog

from actors import names, workers
from actors.ordering import InOrder
from actors.shared import RemoteCalendar, RemoteCrm
from config.dealership import Dealership
from config.settings import Settings
from otto.dialogue.conversation import Conversation, House
from otto.dialogue.prompts import Phrases
from otto.dialogue.session import Directive
from otto.dialogue.session_store import SessionStore, make_redis
from otto.speech.events import Event, Worker, WorkerFailed
from otto.telephony.media_link import Control, connect_control
from otto.telephony.switchboard_port import CallStart

log = structlog.get_logger()


class CallHost:
    """Serves one call at a time, and is warm again when it has ended.

    `warm` first; then `attach` for each call. It reports to the switchboard what the line shall
    do next and when it is free.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        dealership: Dealership,
        switchboard: str,
    ) -> None:
        self._name = name
        self._settings = settings
        self._switchboard_name = switchboard
        location = dealership.location(settings.location or dealership.locations[0].id)
        self._redis = make_redis(settings.redis)
        self._house = House(
            dealership=dealership,
            location=location,
            phrases=Phrases(dealership),
            settings=settings.call,
            calendar=RemoteCalendar(location.id),
            crm=RemoteCrm(location.id),
            sessions=SessionStore(self._redis, settings.redis.session_ttl_s),
            workers_mode=settings.pool.sub_actors,
        )
        self._crew: workers.Crew | None = None
        self._conversation: Conversation | None = None
        self._is_broken = False
        self._orders = {worker: InOrder() for worker in Worker}
        self._tasks: set[asyncio.Task[None]] = set()

    async def warm(self, phrases: tuple[Any]) -> None:
        """Start the workers; when it returns, a call can be answered at once.

        `phrases` wraps a reference to the sentences spoken beforehand: Ray hands a bare one over
        as its value, and only the worker that speaks needs that.
        """
        own_handle = ray.get_runtime_context().current_actor
        self._crew = await workers.spawn(
            self._settings, phrases[0], own_handle, self._name, self._on_event
        )
        for worker, actor in self._crew.actors.items():
            self._spawn(workers.watch(actor, worker, self._on_death))

    async def attach(self, link_address: str, link_token: str, started: CallStart) -> None:
        """Take a call whose stream has started. Returns when the call is being served.

        Raises RuntimeError when a call is being served already, and `LinkError` or OSError when
        the media link cannot be reached.
        """
        if self._crew is None or self._conversation is not None:
            raise RuntimeError("this call actor is not free")
        began_s = asyncio.get_running_loop().time() - started.at_ms / 1000
        control = await connect_control(link_address, link_token)
        conversation = Conversation(
            self._house, self._crew.workers, _Line(control), started, began_s
        )
        self._conversation = conversation
        self._spawn(self._hold(conversation, control, link_address, link_token))

    def on_events(self, worker: Worker, number: int, events: list[Event]) -> None:
        """Events of a worker that runs as an actor of its own."""
        self._orders[worker].take(number, lambda: self._on_batch(events))

    def status(self) -> str | None:
        """The CallSid being served, or None."""
        conversation = self._conversation
        return conversation.session.call_sid if conversation else None

    # Inside

    def _on_death(self, worker: Worker) -> None:
        """A worker's process is gone. The caller hears of it; afterwards this actor makes way for
        a whole one, which the switchboard starts as soon as this one is dead."""
        log.error("worker_died", worker=worker.value, in_call=self._conversation is not None)
        self._is_broken = True
        if self._conversation is None:
            self._make_way()
        else:
            self._on_event(WorkerFailed(worker, "died", "its process is gone"))

    def _make_way(self) -> None:
        ray.kill(ray.get_runtime_context().current_actor)

    def _on_batch(self, events: list[Event]) -> None:
        for event in events:
            self._on_event(event)

    def _on_event(self, event: Event) -> None:
        if self._conversation is not None:
            self._conversation.on_event(event)

    async def _hold(
        self, conversation: Conversation, control: Control, address: str, token: str
    ) -> None:
        assert self._crew is not None
        crew = self._crew.workers
        call_sid = conversation.session.call_sid
        ear = asyncio.create_task(crew.ear.attach(address, token))
        reader: asyncio.Task[None] | None = None
        directive = Directive.TRANSFER
        try:
            await crew.mouth.attach(address, token)
            await conversation.open()
            reader = asyncio.create_task(_read(control, conversation))
            await conversation.ended.wait()
            directive = conversation.session.directive
        except Exception as error:
            log.error("call_failed", error=type(error).__name__)
        finally:
            # Twilio asks what comes next as soon as the stream ends: tell the switchboard first.
            await self._tell("ended", call_sid, directive)
            _Line(control).hangup()
            for task in (ear, reader):
                if task is not None:
                    task.cancel()
            # Whatever fails in here, the rest is done: an actor that is never free is a lost place.
            for work in (
                *(task for task in (ear, reader) if task is not None),
                crew.ear.detach(),
                crew.mouth.detach(),
                conversation.close(),
                control.close(),
            ):
                await _ended(work)
            self._conversation = None
            if self._is_broken:
                self._make_way()
            await self._tell("idle")

    async def _tell(self, method: str, *arguments: Any) -> None:
        try:
            switchboard = ray.get_actor(self._switchboard_name, namespace=names.NAMESPACE)
            await getattr(switchboard, method).remote(self._name, *arguments)
        except (ValueError, ray.exceptions.RayError) as error:
            log.error("switchboard_not_told", method=method, error=type(error).__name__)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _ended(work: Awaitable[Any]) -> None:
    """Wait for a part of the clean-up; its failure is logged and stops nothing."""
    try:
        await work
    except asyncio.CancelledError:
        pass
    except Exception as error:
        log.error("clean_up_failed", error=type(error).__name__, exc_info=True)


class _Line:
    """The control channel, for a conversation that does not care whether it still stands."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def clear(self, generation: int) -> None:
        try:
            self._control.clear(generation)
        except ConnectionError:
            log.debug("line_gone", at="clear")

    def hangup(self) -> None:
        try:
            self._control.hangup()
        except ConnectionError:
            log.debug("line_gone", at="hangup")


async def _read(control: Control, conversation: Conversation) -> None:
    """Hand the line's events to the conversation until the link ends."""
    try:
        while (event := await control.read()) is not None:
            conversation.on_line(event)
        conversation.on_line({"event": "stop"})
    except ConnectionError:
        conversation.on_line({"event": "lost"})
