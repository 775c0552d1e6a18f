"""One Twilio media stream in the ingress: Twilio's WebSocket on one side, the media link on the
other, and between them only what must not wait for a call actor.

    caller -> reader -> stream protocol -> link.push_audio / push_event
    call   -> link   -> line_writer     -> Twilio
    call_attachment: which call actor has the line

It speaks raw ASGI messages: the reader runs fifty times a second for every call. Where the server
can push them (`media_protocol`), no task runs for a message at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog
from starlette.types import Receive, Send

from config.settings import Settings
from otto.media_link.events import LineStopped
from otto.media_link.link import Link
from otto.media_link.server import LinkServer
from otto.tasks import Tasks
from otto.telephony.call_attachment import CallAttachment
from otto.telephony.line_writer import LineWriter
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
from otto.telephony.stream_end import CLOSE_INTERNAL, CLOSE_POLICY, StreamEnd
from otto.telephony.switchboard_port import SwitchboardClient

log = structlog.get_logger()

MAX_EARLY_MESSAGES = 8
"""Twilio sends two up to its `start`; until then nobody has shown a token."""
LAST_MESSAGES_S = 0.5
"""After the server has cancelled the request: for what the caller's side still said."""

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
        self._writer: LineWriter
        self._attachment: CallAttachment
        self.at_ms = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Future[StreamEnd] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Accept, wait for `start`, attach a call actor, carry the call; returns when it ended.

        The server cancels this, even twice, when the caller is gone. The call is ended by a task
        of its own: what was received before, a `stop` above all, is then still read.
        """
        try:
            await asyncio.shield(_serving.spawn(self._serve()))
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(
                LAST_MESSAGES_S, self.end, StreamEnd("cancelled", close_code=None)
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
        self._writer = LineWriter(self._send, self._stream, self._link)
        self._attachment = CallAttachment(
            self,
            self._started,
            self._link,
            self._links.address,
            self._switchboard,
        )
        log.info("media_stream_started", call_sid=call_sid, stream_sid=self._stream.stream_sid)
        if self._pusher is None:
            self.spawn(self._read())
        else:
            self._carry_pushed()
        self.spawn(self._writer.run())
        self.spawn(self._attachment.attach())
        ending = StreamEnd("cancelled", close_code=CLOSE_INTERNAL)
        try:
            ending = await self._ending
        finally:
            # Before anything is awaited: a link that stays open keeps a call actor from the pool.
            self._link.push_event(ending.event)
            self._link.close(ending.reason)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            _serving.spawn(self._attachment.let_go())
            await self._close_socket(ending)
            log.info(
                "media_stream_ended",
                call_sid=call_sid,
                reason=ending.reason,
                media_ms=self.at_ms,
                dropped_uplink_frames=self._link.dropped_frames,
                dropped_messages=self._stream.dropped_messages,
            )

    # The line (see `call_attachment.Line`)

    @property
    def has_ended(self) -> bool:
        """Whether there is a reason to end."""
        return self._ending.done()

    def end(self, ending: StreamEnd) -> None:
        """The first reason to end wins."""
        if not self._ending.done():
            self._ending.set_result(ending)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run this for as long as the stream lasts, at most."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    # From Twilio

    async def _wait_for_start(self) -> StreamEnd | None:
        """Reads up to a valid `start`; gives the reason when there is none."""
        try:
            async with asyncio.timeout(self._settings.call.stream_start_timeout_s):
                for _ in range(MAX_EARLY_MESSAGES):
                    message = await self._next_message()
                    if message["type"] == "websocket.disconnect":
                        return StreamEnd("closed_before_start", close_code=None)
                    for event in self._parse(message):
                        if isinstance(event, Started):
                            self._started = event
                            if event.account_sid != self._settings.twilio.account_sid:
                                return StreamEnd("wrong_account", close_code=CLOSE_POLICY)
                            return None
        except TimeoutError:
            pass
        except ProtocolError as error:
            return StreamEnd(error.fault.code, close_code=error.fault.close_code)
        return StreamEnd("no_start", close_code=CLOSE_POLICY)

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
            self.end(StreamEnd("socket_lost", close_code=CLOSE_INTERNAL))

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
            self.end(StreamEnd("socket_lost", close_code=None))
            return
        try:
            for event in self._parse(message):
                if type(event) is Media:
                    self.at_ms = event.at_ms
                    self._link.push_audio(event.at_ms, event.mulaw)
                elif type(event) is Stopped:
                    self.end(StreamEnd("stop", event=LineStopped()))
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
            self.end(StreamEnd(error.fault.code, close_code=error.fault.close_code))

    def _parse(self, message: Any) -> list[StreamEvent]:
        text = message.get("text")
        if text is None:
            return self._stream.receive_bytes(message["bytes"])
        return self._stream.receive_text(text)

    def _tell(self, event: StreamEvent) -> None:
        if isinstance(event, Dtmf):
            self._link.push_key(event.digit)
        elif isinstance(event, Mark):
            self._writer.echoed(event.name)

    # From the call (LinkSink)

    def on_audio(self, generation: int, mulaw: bytes) -> None:
        self._writer.on_audio(generation, mulaw)

    def on_mark(self, generation: int, index: int) -> None:
        self._writer.on_mark(generation, index)

    def on_clear(self, generation: int) -> None:
        self._writer.on_clear(generation)

    def on_hangup(self) -> None:
        self.end(StreamEnd("hangup", event=LineStopped()))

    def on_control_attached(self) -> None:
        self._attachment.on_control_attached()

    def on_control_lost(self) -> None:
        self._attachment.on_control_lost()

    # The end

    async def _close_socket(self, ending: StreamEnd) -> None:
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

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            # The writer's send on a socket that is gone, or a fault of ours: either ends the call.
            log.warning("media_stream_broke", error=type(error).__name__)
            self.end(StreamEnd("socket_lost", close_code=CLOSE_INTERNAL))
