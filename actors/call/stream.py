"""The worker stream: one ordered, typed connection between a call actor and each of its workers.

Everything that a conversation waits for goes over it: commands to the worker, events back. An
actor call between two processes costs milliseconds, for several threads have to be woken at
either end; a message on an open socket costs some tenths of one. The connection is made when a
worker is warmed, so it costs no answer anything. Order comes from the stream, and so does
lateness: what a worker sends after it was replaced arrives on a connection that is closed.

    call actor   StreamServer.listen ── invite(worker) ──▶ an Invitation, for one worker and one use
    worker       connect(invitation)      HELLO token  ──▶
                                          ◀── WELCOME
                                          ◀── commands, PING      events, lateness, PONG ──▶

The end of a connection is how each learns of the other's death. A process that is stopped or stuck
keeps its sockets, so streams are pinged while there is a call (`StreamServer.ping`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

import structlog

from actors.call.messages import MAX_MESSAGE_BYTES, Message, pack, unpack
from otto.events import Worker
from otto.media_link.frames import PING, PONG, Frame, FrameDecoder, Kind, LinkError, encode

log = structlog.get_logger()

HOST = "127.0.0.1"
"""Workers run on their call actor's node."""
HELLO_TIMEOUT_S = 5.0
HELLO_MAX_BYTES = 256
MAX_UNANSWERED_PINGS = 6
"""Counted in pings, not in time: when this process itself was held up, the answers that wait in
its sockets still count."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a worker needs to connect; `token` is good for one connection."""

    port: int
    token: str


class Stream(asyncio.Protocol):
    """One end of a connection. What arrives goes to `on_frame`; `on_end` is called once."""

    def __init__(self, on_frame: Callable[[Frame], None], on_end: Callable[[], None]) -> None:
        self.on_frame = on_frame
        self.on_end = on_end
        self.unanswered_pings = 0
        self._frames = FrameDecoder(HELLO_MAX_BYTES)
        self._transport: asyncio.Transport | None = None

    def trust(self, on_message: Callable[[Message], None], on_end: Callable[[], None]) -> None:
        """The peer is who it should be: hand its messages on."""
        self._frames.max_payload = MAX_MESSAGE_BYTES
        self.on_frame = lambda frame: on_message(unpack(frame.payload))
        self.on_end = on_end

    def send(self, message: Message) -> None:
        """Send, or drop it when the connection has ended: then the worker is being replaced."""
        self.write(pack(message))

    def ping(self) -> bool:
        """Ask for a sign of life; False when there was none for `MAX_UNANSWERED_PINGS`."""
        if self.unanswered_pings >= MAX_UNANSWERED_PINGS:
            return False
        self.unanswered_pings += 1
        self.write(PING)
        return True

    def write(self, frame: bytes) -> None:
        """Send a frame as it is."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    def close(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.unanswered_pings = 0
        try:
            for frame in self._frames.feed(data):
                if frame.kind == Kind.PING:
                    self.write(PONG)
                elif frame.kind != Kind.PONG:
                    self.on_frame(frame)
        except LinkError as error:
            log.error("worker_stream_broken", code=error.code)
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.on_end()


class StreamServer:
    """A call actor's end of its workers' streams. `listen` first.

    `on_message` is called with what a worker says, `on_lost` when its connection has ended
    or it answers no pings; after that nothing more of this worker comes until another is invited.
    """

    def __init__(
        self, on_message: Callable[[Worker, Message], None], on_lost: Callable[[Worker], None]
    ) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._invited: dict[str, Worker] = {}
        self._streams: dict[Worker, Stream] = {}
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept connections, on a free port."""
        self._server = await asyncio.get_running_loop().create_server(self._accept, HOST, 0)

    def invite(self, worker: Worker) -> Invitation:
        """Ask a worker to connect. The one there was is late from now on, if it still lives."""
        assert self._server is not None, "listen() comes first"
        self._drop(worker)
        self._invited = {key: each for key, each in self._invited.items() if each is not worker}
        token = secrets.token_urlsafe(24)
        self._invited[token] = worker
        return Invitation(self._server.sockets[0].getsockname()[1], token)

    def has(self, worker: Worker) -> bool:
        """Whether the worker is connected."""
        return worker in self._streams

    def send(self, worker: Worker, message: Message) -> None:
        """Send a command; dropped when the worker is gone."""
        if worker in self._streams:
            self._streams[worker].send(message)

    def ping(self) -> None:
        """Ask every worker for a sign of life; those that have owed one for too long are lost."""
        for worker, stream in list(self._streams.items()):
            if not stream.ping():
                log.warning("worker_silent", worker=worker.value)
                self.lose(worker)

    def lose(self, worker: Worker) -> None:
        """Give a worker up, whatever it still sends; says so through `on_lost`, once."""
        if self._drop(worker):
            self._on_lost(worker)

    def close(self) -> None:
        """End all of it; nobody is told."""
        if self._server is not None:
            self._server.close()
        for worker in list(self._streams):
            self._drop(worker)

    def _drop(self, worker: Worker) -> bool:
        stream = self._streams.pop(worker, None)
        if stream is None:
            return False
        stream.trust(lambda message: None, lambda: None)
        stream.close()
        return True

    def _accept(self) -> Stream:
        stream = Stream(lambda frame: None, lambda: None)
        timer = asyncio.get_running_loop().call_later(HELLO_TIMEOUT_S, stream.close)
        stream.on_frame = partial(self._greet, stream, timer)
        stream.on_end = timer.cancel
        return stream

    def _greet(self, stream: Stream, timer: asyncio.TimerHandle, frame: Frame) -> None:
        token = frame.payload.decode(errors="replace") if frame.kind == Kind.HELLO else ""
        worker = self._invited.pop(token, None)
        if worker is None:
            raise LinkError("bad_token")
        timer.cancel()
        stream.trust(partial(self._on_message, worker), partial(self._ended, worker, stream))
        self._streams[worker] = stream
        stream.write(encode(Frame(Kind.WELCOME, b"")))

    def _ended(self, worker: Worker, stream: Stream) -> None:
        if self._streams.get(worker) is stream:
            self.lose(worker)


async def connect(
    invitation: Invitation, on_message: Callable[[Message], None], on_end: Callable[[], None]
) -> Stream:
    """A worker's end. Raises OSError when nobody is there, or does not know the invitation."""
    loop = asyncio.get_running_loop()
    welcome: asyncio.Future[None] = loop.create_future()
    stream = Stream(lambda frame: None, lambda: None)

    def welcomed(frame: Frame) -> None:
        stream.trust(on_message, on_end)
        welcome.set_result(None)

    def refused() -> None:
        if not welcome.done():
            welcome.set_exception(ConnectionRefusedError("the worker stream was refused"))

    stream.on_frame, stream.on_end = welcomed, refused
    await loop.create_connection(lambda: stream, HOST, invitation.port)
    stream.write(encode(Frame(Kind.HELLO, invitation.token.encode())))
    try:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            await welcome
    except TimeoutError:
        stream.close()
        raise
    return stream
