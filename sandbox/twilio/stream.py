"""One media stream of a call: Twilio's WebSocket, fifty frames a second, on an absolute schedule.

The order of everything on the wire is `Line`'s; this file only moves it. A frame that is late is
sent at once and the next ones keep their own times, so the stream never drifts. `aiohttp` and not
`websockets`: a message sent costs it a third (measured: 12 against 32 microseconds).
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import aiohttp

from sandbox.audio.frames import FRAME_MS, SILENCE_PAYLOAD
from sandbox.caller.caller import Caller
from sandbox.caller.record import Record
from sandbox.twilio import signing
from sandbox.twilio.line import (
    AudioReceived,
    Cleared,
    Line,
    LineError,
    MarkReceived,
)
from sandbox.twilio.twiml import STREAM_HANDSHAKE, Stream
from sandbox.world import World

LISTEN_FRAMES = 5
"""The caller listens once in so many frames: five hundred decisions a minute are enough."""
LISTEN_MS = LISTEN_FRAMES * FRAME_MS
HANDSHAKE_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
STREAM_TIMEOUT = 31901
BROKEN_PIPE = 31903
CLOSED_BY_SERVER = 31921
PROTOCOL_ERROR = 31924
NORMAL_CLOSURES = frozenset({1000, 1001, 1005})

EndReason = Literal["hung_up", "closed", "broken", "refused", "dropped"]
"""hung_up: by the caller. closed: by the other side. broken: the socket broke. refused: the
handshake failed. dropped: a fault told the sandbox to break it."""


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a stream ended."""

    reason: EndReason
    detail: str = ""


class StreamSession:
    """Runs one `<Connect><Stream>`. `run` once; cancel it to end the stream from Twilio's side."""

    def __init__(
        self,
        world: World,
        http: aiohttp.ClientSession,
        caller: Caller,
        record: Record,
        stream: Stream,
        call_sid: str,
    ) -> None:
        self._world = world
        self._http = http
        self._caller = caller
        self._record = record
        self._stream = stream
        self._keys: list[str] = []
        self._played: list[bytes] = []
        self.stream_sid = "MZ" + secrets.token_hex(16)
        self._line = Line(self.stream_sid, call_sid, world.account_sid, dict(stream.parameters))

    async def run(self) -> StreamEnd:
        """Open the stream and hold it until either side ends it."""
        refused = await self._world.faults.meet("twilio", "refuse")
        if refused is not None:
            self._record.warn(STREAM_HANDSHAKE, "the sandbox was told to refuse the stream")
            return StreamEnd("refused", "fault")
        signature = signing.sign(self._world.auth_token, self._stream.url)
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                socket = await self._http.ws_connect(
                    self._stream.url,
                    headers={signing.SIGNATURE_HEADER: signature},
                    compress=0,
                    max_msg_size=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
                )
        except TimeoutError:
            self._record.warn(STREAM_TIMEOUT, "no answer to the WebSocket handshake in 5 s")
            return StreamEnd("refused", "timeout")
        except (aiohttp.ClientError, OSError) as error:
            status = getattr(error, "status", None)
            detail = f"status {status}" if status else type(error).__name__
            self._record.warn(STREAM_HANDSHAKE, f"the handshake was not answered 101: {detail}")
            return StreamEnd("refused", detail)
        try:
            return await self._hold(socket)
        finally:
            self._caller.disconnected(b"".join(self._played))
            with suppress(aiohttp.ClientError, OSError):
                await socket.close()

    def dtmf(self, digit: str) -> None:
        """The caller presses a key; it goes out with the next frame."""
        self._keys.append(digit)

    async def _hold(self, socket: aiohttp.ClientWebSocketResponse) -> StreamEnd:
        line = self._line
        await socket.send_str(line.connected())
        await socket.send_str(line.start())
        self._record.stream_started()
        self._record.event("line", "stream_started", stream_sid=self.stream_sid)
        self._caller.connected()
        ticker = asyncio.create_task(self._tick(socket))
        reader = asyncio.create_task(self._read(socket))
        dropper = asyncio.create_task(self._drop(socket))
        tasks = (ticker, reader, dropper)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            end = next(task for task in tasks if task in done).result()
        except asyncio.CancelledError:
            await self._say_stop(socket)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if end.reason == "hung_up":
            await self._say_stop(socket)
        return end

    async def _tick(self, socket: aiohttp.ClientWebSocketResponse) -> StreamEnd:
        """Twenty milliseconds at a time: play a frame, send a frame, let the caller listen."""
        loop = asyncio.get_running_loop()
        line, caller, record = self._line, self._caller, self._record
        measured = record.measured
        send, play, next_frame = socket.send_str, line.play, caller.next_frame
        began = loop.time()
        heard = self._played
        was_dry = True
        frame = 0
        try:
            while True:
                frame += 1
                wait_s = began + frame * FRAME_MS / 1000 - loop.time()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                elif wait_s * -1000 > measured.latest_frame_ms:
                    measured.latest_frame_ms = round(wait_s * -1000, 1)
                audio = play()
                if audio:
                    heard.append(audio)
                for echo in line.echoes():
                    await send(echo)
                await send(line.media(next_frame() or SILENCE_PAYLOAD))
                measured.frames_sent += 1
                dry = not audio
                if dry is not was_dry:
                    was_dry = dry
                    record.ran_dry(dry, record.now_ms)
                key = self._keys.pop(0) if self._keys else caller.next_key()
                if key is not None:
                    await send(line.dtmf(key))
                if frame % LISTEN_FRAMES == 0:
                    played = b"".join(heard)
                    heard.clear()
                    caller.listen(played, LISTEN_MS, not line.buffer.size_bytes)
                    if caller.wants_to_hang_up:
                        return StreamEnd("hung_up")
        except (aiohttp.ClientError, OSError) as error:
            # A closing frame may still be unread: the reader knows how the socket ended.
            await asyncio.sleep(CLOSE_TIMEOUT_S)
            return self._gone(socket, type(error).__name__)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> StreamEnd:
        """What Otto sends, until the socket ends."""
        line, record = self._line, self._record
        while True:
            message = await socket.receive()
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return self._gone(socket, message.type.name.lower())
            try:
                received = line.receive(message.data)
            except LineError as error:
                # Twilio drops such a message, warns once, and the stream goes on.
                record.warn(error.code, error.message)
                continue
            match received:
                case AudioReceived(size_bytes, silent):
                    record.audio_received(size_bytes, silent)
                case Cleared(dropped_ms):
                    record.cleared(dropped_ms)
                case MarkReceived(name):
                    record.marked(name)
            with suppress(aiohttp.ClientError, OSError):
                for echo in line.echoes():
                    await socket.send_str(echo)

    async def _drop(self, socket: aiohttp.ClientWebSocketResponse) -> StreamEnd:
        """Break the socket when a fault is laid: its delay after the stream began, or after now."""
        while True:
            fault = self._world.faults.take("twilio", "drop")
            if fault is not None:
                await asyncio.sleep(fault.delay_ms / 1000)
                self._record.event("line", "dropped")
                connection = socket._response.connection  # no public way to break a socket
                if connection is not None and connection.transport is not None:
                    connection.transport.abort()
                return StreamEnd("dropped", "fault")
            await asyncio.sleep(0.25)

    async def _say_stop(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await socket.send_str(self._line.stop())

    def _gone(self, socket: aiohttp.ClientWebSocketResponse, detail: str) -> StreamEnd:
        code = socket.close_code
        if code in NORMAL_CLOSURES:
            return StreamEnd("closed", f"code {code}")
        if code == 1002 or code == 1007:
            self._record.warn(PROTOCOL_ERROR, f"the socket was closed with code {code}")
        elif code is not None and code != 1006:
            self._record.warn(CLOSED_BY_SERVER, f"the socket was closed with code {code}")
            return StreamEnd("closed", f"code {code}")
        else:
            self._record.warn(BROKEN_PIPE, "the socket broke without a closing frame")
        return StreamEnd("broken", detail)
