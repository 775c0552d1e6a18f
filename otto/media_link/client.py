"""The workers' ends of the media link.

    uplink = await connect_uplink(address, token)      the caller's audio, to the STT worker
    downlink = await connect_downlink(address, token)  Otto's audio and marks, from the TTS worker
    control = await connect_control(address, token)    events, clear and hang-up, to the call
    token = await control.invite(Role.UPLINK)          for one worker to connect with, once

Every connect raises `LinkError` when refused and `ConnectionError` or `OSError` when nobody
answers, or not with a certificate that can be trusted; without `tls` it is in clear text. `read()`
gives None when the ingress ended the link on purpose and raises `ConnectionError` when it was lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

from otto.media_link.connection import (
    LINGER_S,
    REPLACED,
    SILENT,
    WRITE_BUFFER_BYTES,
    limit_socket_buffers,
    secured,
)
from otto.media_link.events import LineEvent, decode_event
from otto.media_link.frames import (
    AUDIO_BYTES_PER_MS,
    MAX_PAYLOAD_BYTES,
    PONG,
    Frame,
    FrameDecoder,
    Kind,
    LinkError,
    Role,
    decode_json,
    decode_number_and_audio,
    encode,
    encode_audio,
    encode_clear,
    encode_json,
    encode_mark,
)
from otto.media_link.tls import LinkTls

CONNECT_TIMEOUT_S = 5.0
MAX_QUEUED_BYTES = 256 * 1024
"""What an end queues before it stops reading its socket (half a minute of audio)."""
MAX_JOINED_BYTES = 8000
"""The most audio one `Uplink.read` joins: a second."""
_JOIN_TOLERANCE_MS = 20
_MAX_SPEECH_BYTES = MAX_PAYLOAD_BYTES - 4


class _End(asyncio.Protocol):
    """The shared part: greeting, a queue of received frames, and the writer's back-pressure."""

    def __init__(self, hello: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.welcome: asyncio.Future[None] = loop.create_future()
        self.frames: deque[Frame] = deque()
        self.ended = False
        """The other side closed on purpose."""
        self.end_reason = ""
        self.again = ""
        """A token for the same role, should this end want to connect again."""
        self.invitations: deque[asyncio.Future[str]] = deque()
        """Who waits for the answer to an INVITE; they come in order."""
        self.pinged_s = loop.time()
        """Loop time of the ingress' last sign of life: the welcome, then every PING."""
        self._hello = hello
        self._welcomed = False
        self._queued_bytes = 0
        self._read_paused = False
        self._decoder = FrameDecoder()
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._write_paused = False
        self._lost = False
        self._gone: asyncio.Future[None] = loop.create_future()
        self._fault: LinkError | None = None
        self._transport: asyncio.Transport

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        limit_socket_buffers(self._transport)
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                if self._welcomed and frame.kind < Kind.END:
                    self.frames.append(frame)
                    self._queued_bytes += len(frame.payload)
                else:
                    self._receive(frame)
        except LinkError as error:
            self._fault = error
            self._transport.abort()
        if self._queued_bytes > MAX_QUEUED_BYTES and not self._read_paused:
            self._read_paused = True
            self._transport.pause_reading()
        self._wake()

    def _receive(self, frame: Frame) -> None:
        if frame.kind == Kind.PING:
            self.pinged_s = asyncio.get_running_loop().time()
            if not self._transport.is_closing():
                self._transport.write(PONG)
        elif frame.kind == Kind.WELCOME:
            self._welcomed = True
            self.again = str(decode_json(frame.payload).get("again", ""))
            self.pinged_s = asyncio.get_running_loop().time()
            if not self.welcome.done():
                self.welcome.set_result(None)
        elif frame.kind == Kind.END:
            self.ended = True
            self.end_reason = str(decode_json(frame.payload).get("reason", ""))
            self._refuse_invitations()
            self._transport.close()
        elif frame.kind == Kind.INVITATION and self.invitations:
            waiting = self.invitations.popleft()
            if not waiting.done():
                waiting.set_result(str(decode_json(frame.payload).get("token", "")))
        elif frame.kind == Kind.REFUSED:
            raise LinkError(str(decode_json(frame.payload).get("code", "refused")))
        else:
            raise LinkError("no_welcome")

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._release_writer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if not self.welcome.done():
            self.welcome.set_exception(self._fault or ConnectionResetError("media link lost"))
        if not self._gone.done():
            self._gone.set_result(None)
        self._refuse_invitations()
        self._release_writer()
        self._wake()

    # What the three ends share

    async def next_frame(self) -> Frame | None:
        while not self.frames:
            if self._fault is not None:
                raise self._fault
            if self.ended:
                return None
            if self._lost:
                raise ConnectionResetError("media link lost")
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self.take()

    def take(self) -> Frame:
        frame = self.frames.popleft()
        self._queued_bytes -= len(frame.payload)
        if self._read_paused and self._queued_bytes < MAX_QUEUED_BYTES // 2:
            self._read_paused = False
            self._transport.resume_reading()
        return frame

    def write(self, data: bytes) -> None:
        if self._lost or self.ended or self._transport.is_closing():
            raise ConnectionResetError("media link lost")
        self._transport.write(data)

    async def drain(self) -> None:
        if self._lost:
            raise ConnectionResetError("media link lost")
        if self._write_paused:
            if self._writer is None:
                self._writer = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._writer)
            if self._lost:
                raise ConnectionResetError("media link lost")

    async def close(self) -> None:
        if not self._lost:
            if not self._transport.is_closing():
                self._transport.write(encode_json(Kind.END, {"reason": "done"}))
                self._transport.close()
            self.ended = True
            self._wake()
            await asyncio.wait([self._gone], timeout=LINGER_S)
            if not self._lost:
                self._transport.abort()  # the other side does not read: do not wait for it
                await asyncio.shield(self._gone)

    def _refuse_invitations(self) -> None:
        while self.invitations:
            waiting = self.invitations.popleft()
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("media link lost"))

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _release_writer(self) -> None:
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)
        self._writer = None


class Uplink:
    """The caller's audio."""

    def __init__(self, end: _End) -> None:
        self._end = end

    @property
    def again(self) -> str:
        """A token with which whoever has this uplink may connect in its place, once."""
        return self._end.again

    async def read(self) -> tuple[int, bytes] | None:
        """(media time in ms, mu-law), joining what is already waiting and adjoins; None at the
        end."""
        end = self._end
        frame = await end.next_frame()
        if frame is None:
            return None
        at_ms, audio = decode_number_and_audio(frame.payload)
        if not end.frames:
            return at_ms, audio
        parts, size = [audio], len(audio)
        while end.frames:
            next_ms, more = decode_number_and_audio(end.frames[0].payload)
            expected_ms = at_ms + size // AUDIO_BYTES_PER_MS
            if size + len(more) > MAX_JOINED_BYTES:
                break
            if abs(next_ms - expected_ms) > _JOIN_TOLERANCE_MS:
                break  # a gap: joined, everything after it would be dated wrongly
            end.take()
            parts.append(more)
            size += len(more)
        return at_ms, b"".join(parts)

    async def close(self) -> None:
        """Leave. The link lives on and another uplink may attach."""
        await self._end.close()


class Downlink:
    """Otto's audio."""

    def __init__(self, end: _End) -> None:
        self._end = end

    def send_audio(self, generation: int, mulaw: bytes) -> None:
        """Audio of any length. Follow with `drain()`. Raises `ConnectionError` on loss."""
        for at in range(0, len(mulaw), _MAX_SPEECH_BYTES):
            piece = mulaw[at : at + _MAX_SPEECH_BYTES]
            self._end.write(encode_audio(Kind.SPEECH, generation, piece))

    def send_mark(self, generation: int, index: int) -> None:
        """A mark behind all audio sent so far. Raises `ConnectionError` on loss."""
        self._end.write(encode_mark(generation, index))

    async def drain(self) -> None:
        """Wait while the line is full. Raises `ConnectionError` on loss."""
        await self._end.drain()

    async def close(self) -> None:
        """Leave. The link lives on and another downlink may attach."""
        await self._end.close()


class Control:
    """The call actor's connection. Losing it without `close()` means that the actor died.

    The ingress pings it; the answers are given here, by the call actor's own loop. An actor that
    stays silent is given up and another gets the call, so whoever was silent must not act any
    more: `lease_age_s` tells, without any I/O, how long ago the ingress was last heard.
    """

    def __init__(self, end: _End) -> None:
        self._end = end

    @property
    def lease_age_s(self) -> float:
        """Seconds since the ingress was last heard."""
        return asyncio.get_running_loop().time() - self._end.pinged_s

    @property
    def is_over(self) -> bool:
        """The connection was ended or lost."""
        return self._end.ended or self._end._lost

    @property
    def was_replaced(self) -> bool:
        """The ingress has given the call to another call actor."""
        return self._end.end_reason in {REPLACED, SILENT}

    async def read(self) -> LineEvent | None:
        """The next event; None at the end."""
        while (frame := await self._end.next_frame()) is not None:
            event = decode_event(frame.payload)
            if event is not None:
                return event
        return None

    def clear(self, generation: int) -> None:
        """Silence this generation and all before it, now."""
        self._end.write(encode_clear(generation))

    async def invite(self, role: Role) -> str:
        """A token for one worker to connect with in this role, once, and soon. The one before, for
        this role, is void. Raises `ConnectionError` on loss, and when nobody answers."""
        waiting = asyncio.get_running_loop().create_future()
        self._end.write(encode_json(Kind.INVITE, {"role": role}))
        self._end.invitations.append(waiting)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                token: str = await waiting
        except TimeoutError:
            raise ConnectionError("media link: no answer") from None
        return token

    def hangup(self) -> None:
        """Close the stream, so that the TwiML behind it runs."""
        self._end.write(encode(Frame(Kind.HANGUP, b"")))

    def save_checkpoint(self, state: bytes) -> None:
        """Have the ingress keep this, in place of what it had, for the call's next owner. Raises
        `LinkError("too_long")`."""
        self._end.write(encode(Frame(Kind.CHECKPOINT, state)))

    async def close(self) -> None:
        """Leave on purpose: the ingress does not look for another call actor."""
        await self._end.close()


async def connect_uplink(
    address: str, token: str, from_ms: int = 0, join_ms: int = 0, tls: LinkTls | None = None
) -> Uplink:
    """Attach to the caller's audio, beginning with what the ring still has from `from_ms` on.

    The token is used up; `Uplink.again` is the next. With `join_ms` the ingress sends so much audio
    at once (at most 200 ms). A worker that joins frames anyway saves both sides a system call and a
    wake-up for each frame it need not see.
    """
    hello = {"token": token, "role": Role.UPLINK, "from_ms": from_ms, "join_ms": join_ms}
    return Uplink(await _connect(address, hello, tls))


async def connect_downlink(address: str, token: str, tls: LinkTls | None = None) -> Downlink:
    """Attach as the source of Otto's audio."""
    return Downlink(await _connect(address, {"token": token, "role": Role.DOWNLINK}, tls))


async def connect_control(address: str, token: str, tls: LinkTls | None = None) -> Control:
    """Attach as the call actor."""
    return Control(await _connect(address, {"token": token, "role": Role.CONTROL}, tls))


async def _connect(address: str, hello: dict[str, Any], tls: LinkTls | None) -> _End:
    host, _, port = address.rpartition(":")
    secure = {}
    if tls is not None:
        tls.refresh()
        secure = {**secured(tls.client), "server_hostname": tls.name or host}
    loop = asyncio.get_running_loop()
    message = encode_json(Kind.HELLO, hello)
    end: _End | None = None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, end = await loop.create_connection(lambda: _End(message), host, int(port), **secure)
            await end.welcome
    except TimeoutError:
        raise ConnectionError("media link: no answer") from None
    finally:
        if end is not None and not end._welcomed:
            end._transport.abort()
    return end
