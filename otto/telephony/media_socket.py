"""One Twilio media stream in the ingress: Twilio's WebSocket on one side, the media link on the
other, and between them only what must not wait for a call actor.

    caller -> reader -> stream protocol -> link.push_audio / push_event
    call   -> link   -> outgoing queue  -> writer -> Twilio

It speaks raw ASGI messages: the reader runs fifty times a second for every call. Where the server
can push them (`media_protocol`), no task runs for a message at all.

The line outlives the call actor. When its control connection breaks or falls silent, the socket
and the audio ring stay, what Twilio has buffered plays on, and another call actor is asked for and
attached. When that fails, the socket is closed, so that Twilio runs the TwiML behind the stream.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from starlette.types import Receive, Send

from config.settings import Settings
from otto.media_link.frames import Role
from otto.media_link.link import Link
from otto.media_link.server import LinkServer
from otto.tasks import Tasks
from otto.telephony.media_protocol import Message, Pusher
from otto.telephony.stream import (
    Dtmf,
    Mark,
    Media,
    ProtocolError,
    Started,
    Stopped,
    StreamEvent,
    TwilioStream,
)
from otto.telephony.switchboard_port import CallHandle, CallStart, SwitchboardClient

log = structlog.get_logger()

ATTACH_TIMEOUT_S = 5.0
"""From redeeming a token to a call actor on the control connection."""
REATTACH_TIMEOUT_S = 2.5
"""The same for another call actor: the caller hears nothing meanwhile."""
RECOVERY_TIMEOUT_S = 10.0
"""Long enough for a new call actor to be started when none is warm."""
LAST_MESSAGES_S = 0.5
"""After the server has cancelled the request: for what the caller's side still said."""
RECOVERY_RETRY_S = 0.1
MAX_RECOVERIES = 5
"""A call that kills its actors again and again goes to a person instead."""
MAX_QUEUED_BYTES = 160_000
"""Audio (20 s) waiting for a Twilio socket that does not take it; then the downlink waits."""

CLOSE_NORMAL = 1000
CLOSE_POLICY = 1008
CLOSE_INTERNAL = 1011


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a stream ended. `event` is told to the call actor; `close_code` None: already closed."""

    reason: str
    event: str = "lost"
    close_code: int | None = CLOSE_NORMAL


class _Outgoing(NamedTuple):
    """Audio, or a mark when `mark` (its index) is not negative."""

    generation: int
    mark: int
    mulaw: bytes


class _Failed(Exception):
    """The call cannot be attached; the message is a machine code."""


_serving = Tasks()
"""The calls being carried: a task that nobody holds may be collected as garbage."""


class MediaSocket:
    """Serves one accepted or acceptable WebSocket until it ends. Is the link's `LinkSink`."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        settings: Settings,
        switchboard: SwitchboardClient,
        links: LinkServer,
        pusher: Pusher | None = None,
    ) -> None:
        """With a `pusher`, messages come from it and not from `receive`."""
        self._receive = receive
        self._pusher = pusher
        self._waiting: asyncio.Queue[Message] = asyncio.Queue()
        """What was pushed before the call is carried."""
        self._is_carried = False
        self._send = send
        self._settings = settings
        self._switchboard = switchboard
        self._links = links
        self._stream = TwilioStream()
        self._link: Link
        self._started: Started
        self._at_ms = 0
        self._outgoing: deque[_Outgoing] = deque()
        self._queued_bytes = 0
        self._clear_due = False
        self._wake = asyncio.Event()
        self._playing = -1
        self._control_attached = asyncio.Event()
        self._recoveries = 0
        self._recovery: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Accept, wait for `start`, attach a call actor, carry the call; returns when it ended.

        The server cancels this, even twice, when the caller is gone. The call is ended by a task
        of its own: what was received before, a `stop` above all, is then still read.
        """
        try:
            await asyncio.shield(_serving.spawn(self._serve()))
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(
                LAST_MESSAGES_S, self._end, Ending("cancelled", close_code=None)
            )
            raise

    async def _serve(self) -> None:
        if self._pusher is not None:
            self._pusher.push_to(self._take)
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept"})
        early = await self._wait_for_start()
        if early is not None:
            log.warning("media_stream_refused", reason=early.reason)
            await self._close_socket(early)
            return
        call_sid = self._started.call_sid
        self._link = self._links.open(call_sid, self)
        log.info("media_stream_started", call_sid=call_sid, stream_sid=self._stream.stream_sid)
        if self._pusher is None:
            self._spawn(self._read())
        else:
            self._carry_pushed()
        self._spawn(self._write())
        self._spawn(self._attach_first())
        ending = Ending("cancelled", close_code=CLOSE_INTERNAL)
        try:
            ending = await self._ending
        finally:
            # Before anything is awaited: a link that stays open keeps a call actor from the pool.
            self._link.push_event({"event": ending.event})
            self._link.close(ending.reason)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._close_socket(ending)
            log.info(
                "media_stream_ended",
                call_sid=call_sid,
                reason=ending.reason,
                media_ms=self._at_ms,
                dropped_uplink_frames=self._link.dropped_frames,
                dropped_messages=self._stream.dropped_messages,
            )

    # From Twilio

    async def _wait_for_start(self) -> Ending | None:
        """Reads up to a valid `start`; gives the reason when there is none."""
        try:
            async with asyncio.timeout(self._settings.call.stream_start_timeout_s):
                while True:
                    message = await self._next_message()
                    if message["type"] == "websocket.disconnect":
                        return Ending("closed_before_start", close_code=None)
                    for event in self._parse(message):
                        if isinstance(event, Started):
                            self._started = event
                            if event.account_sid != self._settings.twilio.account_sid:
                                return Ending("wrong_account", close_code=CLOSE_POLICY)
                            return None
        except TimeoutError:
            return Ending("no_start", close_code=CLOSE_POLICY)
        except ProtocolError as error:
            return Ending(error.fault.code, close_code=error.fault.close_code)

    async def _next_message(self) -> Any:
        return await (self._receive() if self._pusher is None else self._waiting.get())

    def _take(self, message: Message) -> None:
        """A message that was pushed."""
        if not self._is_carried:
            self._waiting.put_nowait(message)
            return
        try:
            self._handle(message)
        except Exception as error:
            log.warning("media_stream_broke", error=type(error).__name__)
            self._end(Ending("socket_lost", close_code=CLOSE_INTERNAL))

    def _carry_pushed(self) -> None:
        """From now on messages are handled where they arrive."""
        self._is_carried = True
        while not self._waiting.empty():
            self._take(self._waiting.get_nowait())

    async def _read(self) -> None:
        while not self._ending.done():
            self._handle(await self._receive())

    def _handle(self, message: Any) -> None:
        if self._ending.done():
            return
        if message["type"] == "websocket.disconnect":
            self._end(Ending("socket_lost", close_code=None))
            return
        try:
            for event in self._parse(message):
                if type(event) is Media:
                    self._at_ms = event.at_ms
                    self._link.push_audio(event.at_ms, event.mulaw)
                elif type(event) is Stopped:
                    self._end(Ending("stop", event="stop"))
                else:
                    self._tell(event)
        except ProtocolError as error:
            log.warning(
                "media_stream_protocol_error",
                call_sid=self._started.call_sid,
                code=error.fault.code,
                twilio_error=error.fault.twilio_error,
                detail=error.detail,
            )
            self._end(Ending(error.fault.code, close_code=error.fault.close_code))

    def _parse(self, message: Any) -> list[StreamEvent]:
        text = message.get("text")
        if text is None:
            return self._stream.receive_bytes(message["bytes"])
        return self._stream.receive_text(text)

    def _tell(self, event: StreamEvent) -> None:
        if isinstance(event, Dtmf):
            self._link.push_key(event.digit)
        elif isinstance(event, Mark):
            generation, dot, index = event.name.partition(".")
            if dot and generation.isdecimal() and index.isdecimal():
                self._tell_mark(int(generation), int(index))

    def _tell_mark(self, generation: int, index: int) -> None:
        cleared = generation <= self._link.cleared_generation
        self._link.push_event(
            {"event": "mark", "generation": generation, "index": index, "cleared": cleared}
        )

    # From the call (LinkSink)

    def on_audio(self, generation: int, mulaw: bytes) -> None:
        self._outgoing.append(_Outgoing(generation, -1, mulaw))
        self._queued_bytes += len(mulaw)
        if self._queued_bytes > MAX_QUEUED_BYTES:
            self._link.pause_speech()
        self._wake.set()

    def on_mark(self, generation: int, index: int) -> None:
        self._outgoing.append(_Outgoing(generation, index, b""))
        self._wake.set()

    def on_clear(self, generation: int) -> None:
        kept: deque[_Outgoing] = deque()
        for item in self._outgoing:
            if item.generation > generation:
                kept.append(item)
                continue
            self._queued_bytes -= len(item.mulaw)
            if item.mark >= 0:
                self._tell_mark(item.generation, item.mark)
        self._outgoing = kept
        self._clear_due = True
        self._wake.set()

    def on_hangup(self) -> None:
        self._end(Ending("hangup", event="stop"))

    def on_control_attached(self) -> None:
        self._control_attached.set()

    def on_control_lost(self) -> None:
        self._control_attached.clear()
        if self._ending.done() or (self._recovery is not None and not self._recovery.done()):
            return
        self._recovery = self._spawn(self._recover())

    # To Twilio

    async def _write(self) -> None:
        send, stream = self._send, self._stream
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._clear_due or self._outgoing:
                if self._clear_due:
                    self._clear_due = False
                    await send({"type": "websocket.send", "text": stream.clear()})
                    continue
                generation, mark, mulaw = self._outgoing.popleft()
                text = stream.mark(f"{generation}.{mark}") if mark >= 0 else stream.media(mulaw)
                await send({"type": "websocket.send", "text": text})
                if mulaw:
                    self._written(generation, len(mulaw))

    def _written(self, generation: int, size: int) -> None:
        self._queued_bytes -= size
        if self._queued_bytes <= MAX_QUEUED_BYTES // 2:
            self._link.resume_speech()
        if generation > self._playing:
            self._playing = generation
            self._link.push_event({"event": "playing", "generation": generation})

    async def _close_socket(self, ending: Ending) -> None:
        if ending.close_code is None:
            return
        try:
            await self._send(
                {
                    "type": "websocket.close",
                    "code": ending.close_code,
                    "reason": ending.reason,
                }
            )
        except Exception as error:  # the server's own kind of "already gone"
            log.debug("media_stream_close_failed", error=type(error).__name__)

    # The call actor

    async def _attach_first(self) -> None:
        token = self._started.custom_parameters.get("token", "")
        try:
            async with asyncio.timeout(ATTACH_TIMEOUT_S):
                handle = await self._switchboard.redeem(token, self._started.call_sid)
                if handle is None:
                    return self._end(Ending("bad_token", close_code=CLOSE_POLICY))
                await self._attach(handle, taken_over=False)
        except Exception as error:
            log.warning(
                "call_attach_failed", call_sid=self._started.call_sid, error=type(error).__name__
            )
            if self._recovery is None:
                self._recovery = self._spawn(self._recover())

    async def _attach(self, handle: CallHandle, taken_over: bool) -> None:
        given = self._started.custom_parameters
        started = CallStart(
            call_sid=self._started.call_sid,
            stream_sid=self._stream.stream_sid,
            caller=given.get("caller", ""),
            called=given.get("called", ""),
            taken_over=taken_over,
            first_generation=self._link.latest_generation + 1,
            at_ms=self._at_ms,
            checkpoint=self._link.checkpoint,
        )
        await handle.attach(self._links.address, self._link.token, started)
        await self._control_attached.wait()

    async def _recover(self) -> None:
        """Hold the line while another call actor is found for it."""
        call_sid = self._started.call_sid
        self._recoveries += 1
        if self._recoveries > MAX_RECOVERIES:
            log.error("call_recovery_given_up", call_sid=call_sid, recoveries=MAX_RECOVERIES)
            self._end(Ending("call_actor_lost", close_code=CLOSE_INTERNAL))
            return
        log.warning("call_actor_lost", call_sid=call_sid, recovery=self._recoveries)
        begin = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(RECOVERY_TIMEOUT_S):
                while True:
                    self._link.renew_token()
                    try:
                        async with asyncio.timeout(REATTACH_TIMEOUT_S):
                            await self._attach(await self._another_call_actor(), taken_over=True)
                        break
                    except _Failed as error:
                        log.info("call_recovery_waits", call_sid=call_sid, reason=str(error))
                    except Exception as error:  # whatever the dying cluster raises: try again
                        log.warning(
                            "call_recovery_failed", call_sid=call_sid, error=type(error).__name__
                        )
                    await asyncio.sleep(RECOVERY_RETRY_S)
        except TimeoutError:
            self._end(Ending("call_actor_lost", close_code=CLOSE_INTERNAL))
            return
        took_ms = round((asyncio.get_running_loop().time() - begin) * 1000)
        log.info("call_recovered", call_sid=call_sid, took_ms=took_ms)

    async def _another_call_actor(self) -> CallHandle:
        given = self._started.custom_parameters
        call_sid = self._started.call_sid
        reservation = await self._switchboard.reserve(
            call_sid, given.get("caller", ""), given.get("called", ""), takeover=True
        )
        if reservation.token is None:
            raise _Failed(reservation.reason or "full")
        handle = await self._switchboard.redeem(reservation.token, call_sid)
        if handle is None:
            raise _Failed("token_refused")
        return handle

    # Tasks

    def _end(self, ending: Ending) -> None:
        """The first reason to end wins."""
        if not self._ending.done():
            self._ending.set_result(ending)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            # The writer's send on a socket that is gone, or a fault of ours: either ends the call.
            log.warning("media_stream_broke", error=type(error).__name__)
            self._end(Ending("socket_lost", close_code=CLOSE_INTERNAL))
            return
        lost_again = task is self._recovery and Role.CONTROL not in self._link.attached
        if lost_again and not self._ending.done():
            self._recovery = self._spawn(self._recover())
