"""What a call actor is inside: one live telephone call, with its session and its three workers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import ray
import structlog

from actors.call.context import call_context
from actors.call.control_line import ControlLine
from actors.call.lease import LEASE_S, CallLease
from actors.call.stt import SttActor
from actors.call.supervisor import WorkerSupervisor
from actors.call.switchboard_client import SwitchboardClient
from actors.call.tts import TtsActor
from actors.call.worker_actor import WorkerActor
from actors.runtime.handle import Handle, own
from actors.runtime.process import freeze_gc
from actors.stores.proxies import RemoteCalendar, RemoteCrm
from config.dealership import Dealership
from config.settings import Settings
from otto.dialogue.conversation import Conversation
from otto.dialogue.session.opening import open_session
from otto.dialogue.session.state import Directive
from otto.dialogue.session.store import SessionStore
from otto.events import Event, Transcript, VendorReport, Worker, WorkerFailed
from otto.health.lag import LagMeter
from otto.media_link.client import Control, connect_control
from otto.media_link.events import LineLost, LineStopped, WorkerSilent
from otto.media_link.frames import LinkError, Role
from otto.media_link.tls import link_tls
from otto.storage.redis import make_redis
from otto.tasks import Tasks
from otto.telephony.switchboard_port import CallStart, Serving
from otto.traces import where

log = structlog.get_logger()

_OF_ROLE = {Role.UPLINK: Worker.STT, Role.DOWNLINK: Worker.TTS}
SPARES_TRIED = 2
"""A spare may be dead, too; then one more is asked for."""


@dataclass(slots=True)
class _Live:
    """The call being served, on a media link at `address`, which `control` lets workers join."""

    started: CallStart
    control: Control
    address: str
    began_s: float = 0.0
    """Loop time at which the caller's audio began."""
    conversation: Conversation | None = None
    """None until the session is open."""
    early: list[Event] = field(default_factory=list)
    """What workers said before."""
    is_finishing: bool = False
    """The deployment wants the call to end."""
    recognised_ms: int = 0
    """Media time up to which final transcripts were passed on: where another recogniser begins."""


class CallRuntime:
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
        self._switchboard = SwitchboardClient(switchboard, name)
        location = dealership.location(settings.location)
        self._redis = make_redis(settings.redis)
        self._link_tls = link_tls(settings.link)
        self._lease = CallLease()
        self._sessions = SessionStore(self._redis, settings.redis.session_ttl_s)
        self._calendar = RemoteCalendar(location.id, self._lease.check)
        self._crm = RemoteCrm(location.id, self._lease.check)
        self._context = call_context(
            settings, dealership, self._sessions, self._calendar, self._crm
        )
        self._supervisor = WorkerSupervisor(
            name, settings, self._on_event, self._on_death, self._on_lag
        )
        self._is_warm = False
        self._is_free = False
        self._is_broken = False
        self._live: _Live | None = None
        self._replacing = Tasks()
        self._tasks = Tasks()

    async def warm(self, phrases: tuple[Any], avoided: frozenset[str], gently: bool) -> None:
        """Start the workers; when it returns, a call can be answered at once.

        `phrases` wraps a reference to the sentences spoken beforehand: Ray hands a bare one over
        as its value, and only the worker that speaks needs that. `avoided` names the vendors'
        providers to leave out; for `gently` see `WorkerSupervisor.start`.
        """
        await self._supervisor.start(phrases[0], gently)
        if avoided:
            self._supervisor.avoid(avoided)
        await self._prepare_stores()
        freeze_gc()
        self._tasks.spawn(LagMeter(self._settings.pool.max_lag_ms).run(self._switchboard.late))
        self._is_warm = self._is_free = True

    async def _prepare_stores(self) -> None:
        """What the first call would otherwise wait for: connections, names, first imports."""
        self._calendar.look_up()
        self._crm.look_up()
        try:
            await self._sessions.peek(self._name)
        except Exception as error:  # calls are taken without it, too
            log.warning("session_store_away", error=type(error).__name__)

    async def attach(self, link_address: str, link_token: str, started: CallStart) -> None:
        """Take a call whose stream has started. Returns when the call is being served.

        Raises RuntimeError when a call is being served already, and `LinkError` or OSError when
        the media link cannot be reached.
        """
        if not self._is_free:
            raise RuntimeError("this call actor is not free")
        self._is_free = False
        self._supervisor.watch()
        try:
            await self._be_whole()
            began_s = asyncio.get_running_loop().time() - started.at_ms / 1000
            control = await connect_control(link_address, link_token, self._link_tls)
        except BaseException:
            self._supervisor.rest()
            self._is_free = True
            raise
        self._lease.control = control
        self._live = _Live(started, control, link_address, began_s)
        self._tasks.spawn(self._hold(self._live))

    def _on_lag(self, worker: Worker, lag_ms: float) -> None:
        """A worker's process is late."""
        self._switchboard.late(lag_ms, worker)

    def avoid(self, providers: frozenset[str]) -> None:
        """Which vendors' providers to leave out from now on."""
        self._supervisor.avoid(providers)

    def finish_call(self) -> None:
        """End the call in progress in good order: the deployment ends."""
        live = self._live
        if live is not None:
            live.is_finishing = True
            if live.conversation is not None:
                live.conversation.finish_call()

    def status(self) -> str | None:
        """The CallSid being served, or None. Raises RuntimeError when it has not been warmed."""
        if not self._is_warm:
            raise RuntimeError("this call actor is not warm")
        return self._live.started.call_sid if self._live else None

    def serving(self) -> Serving | None:
        """The call being served, or None. Raises RuntimeError when it has not been warmed."""
        if self.status() is None or self._live is None:
            return None
        started = self._live.started
        return Serving(started.call_sid, started.stream, started.facts)

    def hears_line(self, call_sid: str) -> bool:
        """Whether this call is served, and the ingress that holds its line was just heard."""
        live = self._live
        if live is None or live.started.call_sid != call_sid:
            return False
        return not live.control.is_over and live.control.lease_age_s < LEASE_S

    # What the workers say

    def _on_event(self, event: Event) -> None:
        if isinstance(event, VendorReport):
            self._switchboard.report(event)
            return
        live = self._live
        if live is None:
            return
        if isinstance(event, Transcript) and event.is_final:
            live.recognised_ms = max(live.recognised_ms, event.end_ms)
        if isinstance(event, WorkerFailed):
            # A worker may tell that the link is gone in the same moment as the line's own end: that
            # comes first, or a call that could be resumed would be sent to the desk.
            asyncio.get_running_loop().call_soon(self._hand_on, live, event)
        else:
            self._hand_on(live, event)

    def _hand_on(self, live: _Live, event: Event) -> None:
        if self._live is not live or (isinstance(event, WorkerFailed) and live.control.is_over):
            return
        if live.conversation is None:
            live.early.append(event)
        else:
            live.conversation.on_event(event)

    async def _read(self, control: Control, conversation: Conversation) -> None:
        """Hand the line's events to the conversation until the link ends."""
        try:
            while (event := await control.read()) is not None:
                if isinstance(event, WorkerSilent):
                    self._on_silence(_OF_ROLE[event.role])
                else:
                    conversation.on_line(event)
        except ConnectionError:
            conversation.on_line(LineLost())
            return
        if control.was_replaced:
            log.warning("call_taken_over")
            conversation.fence()
        else:
            conversation.on_line(LineStopped())

    # A worker dies

    def _on_silence(self, worker: Worker) -> None:
        """A worker keeps its connection and does nothing: it is as good as dead."""
        if self._supervisor.has(worker):  # inline it is this very loop, which is well again
            log.warning("worker_silent", worker=worker.value)
            self._supervisor.lose(worker)

    def _on_death(self, worker: Worker) -> None:
        log.error("worker_died", worker=worker.value, in_call=self._live is not None)
        self._replacing.spawn(self._replace(worker))

    async def _replace(self, worker: Worker) -> None:
        """Have a warm spare in the dead one's place. Without one the caller is told, and this
        actor makes way afterwards for a whole one, which the switchboard starts then."""
        began_s = asyncio.get_running_loop().time()
        for _ in range(SPARES_TRIED):
            spare = await self._switchboard.take_spare(worker, self._supervisor.expect(worker))
            if spare is None:
                break
            try:
                await self._join(worker, spare)
            except Exception as error:
                log.warning("spare_unfit", worker=worker.value, error=type(error).__name__)
                spare.kill()
                continue
            if not self._supervisor.replace(worker, spare):
                log.warning("spare_was_dead", worker=worker.value)
                continue
            if self._live is not None and self._live.conversation is not None:
                self._live.conversation.on_replaced(worker)
            took_ms = round((asyncio.get_running_loop().time() - began_s) * 1000)
            log.info("spare_took_over", worker=worker.value, took_ms=took_ms)
            return
        log.error("worker_not_replaced", worker=worker.value)
        self._is_broken = True
        if self._live is None:
            self._make_way()
        else:
            self._on_event(WorkerFailed(worker, "died", "its process is gone"))

    async def _join(self, worker: Worker, spare: Handle[WorkerActor]) -> None:
        """Attach a worker's actor to the call in progress, if there is one."""
        live = self._live
        if live is None:
            return
        with _while_it_lasts(live):
            if worker is Worker.STT:
                recogniser = cast("Handle[SttActor]", spare)
                token = await live.control.invite(Role.UPLINK)
                await recogniser.ask(SttActor.attach, live.address, token, live.recognised_ms)
            elif worker is Worker.TTS:
                synthesiser = cast("Handle[TtsActor]", spare)
                token = await live.control.invite(Role.DOWNLINK)
                await synthesiser.ask(TtsActor.attach, live.address, token)

    async def _be_whole(self) -> None:
        """Wait until no worker is being replaced."""
        while self._replacing:
            await asyncio.wait(self._replacing)

    def _make_way(self) -> None:
        myself: Handle[object] = own()
        myself.kill()

    # A call

    async def _hold(self, live: _Live) -> None:
        workers, control, started = self._supervisor.workers, live.control, live.started
        tasks: list[asyncio.Task[None]] = []
        directive, summary = Directive.TRANSFER, ""
        try:
            if not started.taken_over:
                tasks.append(asyncio.create_task(self._listen(live)))
            await self._speak(live)
            conversation = await self._begin(live)
            if started.taken_over:
                tasks.append(asyncio.create_task(self._listen(live)))
            tasks.append(asyncio.create_task(self._read(control, conversation)))
            await conversation.ended.wait()
            directive, summary = conversation.session.directive, conversation.session.summary
        except Exception as error:
            log.error("call_failed", error=type(error).__name__, at=where(error))
        finally:
            # Twilio asks what comes next as soon as the stream ends: tell the switchboard first.
            if not control.was_replaced:
                await self._switchboard.ended(started.call_sid, directive, summary)
            ControlLine(control).hangup()
            for task in tasks:
                task.cancel()
            # Whatever fails in here, the rest is done: an actor that is never free is a lost place.
            for work in (
                *tasks,
                self._supervisor.unless_lost(Worker.STT, workers.recogniser.detach()),
                self._supervisor.unless_lost(Worker.TTS, workers.synthesiser.detach()),
                *([] if live.conversation is None else [live.conversation.close()]),
                control.close(),
            ):
                await _ended(work)
            self._live = self._lease.control = None
            await self._be_whole()
            self._supervisor.rest()
            if self._is_broken:
                self._make_way()
            self._is_free = True
            await self._switchboard.idle()

    async def _begin(self, live: _Live) -> Conversation:
        """Open the session and speak first."""
        line, context = ControlLine(live.control), self._context
        opened = await open_session(
            context.sessions, live.started, line.save_checkpoint, context.now()
        )
        # What the last owner of the call has kept need not be heard twice.
        live.recognised_ms = max(live.recognised_ms, opened.session.recognised_ms)
        conversation = Conversation(context, self._supervisor.workers, line, opened, live.began_s)
        live.conversation = conversation
        conversation.start()
        for event in live.early:
            conversation.on_event(event)
        if live.is_finishing:
            conversation.finish_call()
        return conversation

    async def _listen(self, live: _Live) -> None:
        try:
            with _while_it_lasts(live):
                token = await live.control.invite(Role.UPLINK)
                attaching = self._supervisor.workers.recogniser.attach(
                    live.address, token, live.recognised_ms
                )
                await self._supervisor.unless_lost(Worker.STT, attaching)
        except ray.exceptions.ActorDiedError:
            log.info("worker_is_being_replaced", worker=Worker.STT.value)

    async def _speak(self, live: _Live) -> None:
        token = await live.control.invite(Role.DOWNLINK)
        attaching = self._supervisor.workers.synthesiser.attach(live.address, token)
        with contextlib.suppress(ray.exceptions.ActorDiedError):  # then it is being replaced
            await self._supervisor.unless_lost(Worker.TTS, attaching)
        await self._be_whole()


@contextlib.contextmanager
def _while_it_lasts(live: _Live) -> Iterator[None]:
    """A media link that refuses because the call has ended meanwhile is no fault."""
    try:
        yield
    except (LinkError, OSError):
        if not live.control.is_over:
            raise


async def _ended(work: Awaitable[Any]) -> None:
    """Wait for a part of the clean-up; its failure is logged and stops nothing."""
    try:
        await work
    except asyncio.CancelledError:
        pass
    except ray.exceptions.ActorDiedError:
        log.info("clean_up_of_a_dead_worker")
    except Exception as error:
        log.error("clean_up_failed", error=type(error).__name__, at=where(error))
