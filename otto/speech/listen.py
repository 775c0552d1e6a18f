"""The caller's audio to Deepgram, its transcripts to the call.

    media link's uplink ──► pump ──► Deepgram /v1/listen ──► receive ──► events
         ▲                                  │ lost
         └── attach again from the last ◄───┘
             acknowledged media time

What the caller says while the socket is away is not lost: the link's ring replays it from where
the recogniser's last final result ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Final

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from config.settings import DeepgramSettings
from otto.speech.events import Event, Worker, WorkerFailed
from otto.speech.transcripts import TranscriptReader
from otto.speech.wire import (
    BYTES_PER_MS,
    CLOSE_TIMEOUT_S,
    RETRY_DELAYS_S,
    VendorError,
    closed_as,
    listen_query,
    open_with_retries,
)
from otto.telephony.media_link import LinkError, Uplink, connect_uplink

log = structlog.get_logger()

JOIN_MS: Final = 40
"""Audio sent to Deepgram in one frame. A frame costs 65 to 170 us of CPU, nearly all of it the
system call: this worker takes 0.88, 0.70 and 0.66 CPU-seconds a call-minute with 20, 40 and 60 ms
(0.45 of them are the wake-ups of the media link, 50 a second). 40 saves most of what can be saved
and delays the end of speech by 20 ms at worst."""
SILENT_S: Final = 15.0
"""Audio flows and the recogniser says nothing at all for so long: a socket that is dead without
knowing. Deepgram sends an (empty) result every few seconds of silence too."""

_KEEP_ALIVE: Final = json.dumps({"type": "KeepAlive"})
_CLOSE_STREAM: Final = json.dumps({"type": "CloseStream"})


class Listener:
    """One call's recogniser; reusable for the next call after `detach`.

    `emit` gets `SpeechStarted`, `Transcript`, `UtteranceEnd`, and `WorkerFailed` once when the
    recogniser is out of reach after retries (the listener has then stopped: `attach` again).
    """

    def __init__(self, settings: DeepgramSettings, emit: Callable[[Event], None]) -> None:
        self._settings = settings
        self._emit = emit
        self._task: asyncio.Task[None] | None = None
        self._address = ""
        self._token = ""
        self.acknowledged_ms = 0
        """Media time up to which final results have come: where a successor should begin."""

    async def attach(self, address: str, token: str, from_ms: int = 0) -> None:
        """Listen to a call. Returns when Deepgram's socket is open and audio flows.

        When Deepgram cannot be reached, `WorkerFailed` is emitted and this returns. Raises
        `LinkError` or `ConnectionError` when the media link refuses: then there is no call.
        """
        await self.detach()
        self._address, self._token, self.acknowledged_ms = address, token, from_ms
        opening = asyncio.create_task(self._open_socket())
        try:
            uplink = await connect_uplink(address, token, from_ms, JOIN_MS)
        except BaseException:
            await _abandon(opening)
            raise
        try:
            socket = await opening
        except VendorError as error:
            await uplink.close()
            self._fail(error)
            return
        except BaseException:
            await uplink.close()
            raise
        self._task = asyncio.create_task(self._run(socket, uplink), name="listener")
        await asyncio.sleep(0)  # once it has begun, it closes what it was given

    async def detach(self) -> None:
        """End the transcription cleanly. No event comes afterwards."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _open_socket(self) -> ClientConnection:
        return await open_with_retries(self._settings, "/v1/listen", listen_query(self._settings))

    async def _run(self, socket: ClientConnection, uplink: Uplink) -> None:
        """Sessions, one socket each, until the call ends or the retries are used up."""
        fruitless = 0
        while True:
            session = _Session(self._settings, self._emit, socket, uplink, self.acknowledged_ms)
            try:
                await session.run()
                return
            except VendorError as error:
                self.acknowledged_ms = session.acknowledged_ms
                fruitless = 0 if session.was_heard else fruitless + 1
                log.warning("stt_socket_lost", kind=error.kind, detail=error.detail)
                try:
                    socket = await self._reopen(error, fruitless)
                except VendorError as final:
                    self._fail(final)
                    return
            except (LinkError, ConnectionError):
                self._fail(VendorError("dropped", "media link lost"))
                return
            try:
                uplink = await connect_uplink(
                    self._address, self._token, self.acknowledged_ms, JOIN_MS
                )
            except (LinkError, OSError):
                await socket.close()
                self._fail(VendorError("dropped", "media link refused"))
                return
            except BaseException:
                await socket.close()
                raise

    async def _reopen(self, error: VendorError, fruitless: int) -> ClientConnection:
        """A new socket; `fruitless` counts sockets in a row that never gave a result."""
        if fruitless > len(RETRY_DELAYS_S):
            raise error
        if fruitless:
            await asyncio.sleep(RETRY_DELAYS_S[fruitless - 1])
        return await self._open_socket()

    def _fail(self, error: VendorError) -> None:
        log.error("stt_failed", kind=error.kind, detail=error.detail)
        self._emit(WorkerFailed(Worker.STT, error.kind, error.detail))


class _Session:
    """One socket's life. `run` returns at the end of the call and raises when the socket is lost.

    It owns the socket and the uplink: both are closed when it leaves, however it leaves.
    """

    def __init__(
        self,
        settings: DeepgramSettings,
        emit: Callable[[Event], None],
        socket: ClientConnection,
        uplink: Uplink,
        from_ms: int,
    ) -> None:
        self._settings = settings
        self._emit = emit
        self._socket = socket
        self._uplink = uplink
        self._from_ms = from_ms
        self._reader = TranscriptReader()
        self._loop = asyncio.get_running_loop()
        self._sent_at = self._loop.time()
        self._heard_at = self._loop.time()
        self._unanswered_bytes = 0

    @property
    def acknowledged_ms(self) -> int:
        """Media time from which a successor should be replayed."""
        return max(self._from_ms, self._reader.acknowledged_ms or 0)

    @property
    def was_heard(self) -> bool:
        """Whether this socket ever gave a result."""
        return self._reader.messages > 0

    async def run(self) -> None:
        pump = asyncio.create_task(self._pump())
        receive = asyncio.create_task(self._receive())
        watch = asyncio.create_task(self._watch())
        tasks = (pump, receive, watch)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if pump.done() and pump.exception() is None:
                # The call is over: the last words are still worth having.
                await self._close_stream()
                await asyncio.wait([receive], timeout=CLOSE_TIMEOUT_S)
                return
            for task in tasks:
                if task.done():
                    task.result()
            raise VendorError("dropped", "closed 1000")
        except ConnectionClosed as error:
            raise closed_as(error) from None
        except asyncio.CancelledError:
            self._emit = _ignore
            await self._close_stream()
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(self._socket.close(), self._uplink.close())

    async def _pump(self) -> None:
        """Audio from the link to the socket; ends with the link."""
        waiting: list[bytes] = []
        size, begins_ms = 0, 0
        while (read := await self._uplink.read()) is not None:
            at_ms, audio = read
            if not audio:
                continue  # an empty binary frame would end Deepgram's stream
            if waiting and abs(begins_ms + size // BYTES_PER_MS - at_ms) > JOIN_MS:
                await self._send(begins_ms, b"".join(waiting))  # a gap: keep both sides dated
                waiting, size = [], 0
            if not waiting:
                begins_ms = at_ms
            waiting.append(audio)
            size += len(audio)
            if size >= JOIN_MS * BYTES_PER_MS:
                await self._send(begins_ms, b"".join(waiting))
                waiting, size = [], 0
        if waiting:
            await self._send(begins_ms, b"".join(waiting))

    async def _send(self, at_ms: int, audio: bytes) -> None:
        self._reader.sent(at_ms, len(audio))
        await self._socket.send(audio)
        self._sent_at = self._loop.time()
        self._unanswered_bytes += len(audio)

    async def _receive(self) -> None:
        """Messages to events; ends when the socket closes normally."""
        async for message in self._socket:
            self._heard_at = self._loop.time()
            self._unanswered_bytes = 0
            for event in self._reader.receive(message):
                self._emit(event)

    async def _watch(self) -> None:
        """KeepAlive while no audio flows; raises `VendorError` when audio gets no answer."""
        keep_alive_s = self._settings.keep_alive_s
        while True:
            idle_s = self._loop.time() - self._sent_at
            if idle_s >= keep_alive_s:
                await self._socket.send(_KEEP_ALIVE)
                self._sent_at = self._loop.time()
                idle_s = 0.0
            if (
                self._unanswered_bytes >= SILENT_S * 1000 * BYTES_PER_MS
                and self._loop.time() - self._heard_at >= SILENT_S
            ):
                raise VendorError("timeout", "no result for the audio sent")
            await asyncio.sleep(keep_alive_s - idle_s)

    async def _close_stream(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(_CLOSE_STREAM)


def _ignore(event: Event) -> None:
    """Where events go after `detach`."""


async def _abandon(opening: asyncio.Task[ClientConnection]) -> None:
    opening.cancel()
    await asyncio.wait([opening])
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().close()
