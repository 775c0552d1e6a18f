"""Sentences to speech: one socket to Deepgram's voice a call, audio to the media link.

The decisions (order, chunks, marks, flushes, what a cancelled generation may still do) are in
`playout`, which knows no socket. `Speaker` keeps the socket: opened in the background when a
call begins, replaced when it is lost or stalls, and asked again for what it did not deliver. When
the voice cannot be had, the fallback's takes over in mid-sentence; and who has spoken in a call
goes on speaking in it, for a caller who hears the voice change twice no longer trusts either.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from config.settings import DeepgramSettings
from otto.events import Event, Worker, WorkerFailed
from otto.health.breaker import PRIMARY
from otto.language.languages import Language
from otto.media_link.client import Downlink, connect_downlink
from otto.media_link.tls import LinkTls
from otto.speech.complaints import error_in, is_flush_refused, parse, reason_of
from otto.speech.playout import Playout
from otto.speech.speak_wire import CLOSE, NO_AUDIO
from otto.speech.vendors import SpeechVendor, SpeechVendors
from otto.speech.wire import VendorError, closed_as, speak_query

log = structlog.get_logger()

MAX_FRUITLESS_SOCKETS: Final = 2
"""Sockets in a row, of each provider, that give no audio for a waiting sentence, before the call
is told."""
STABLE_S: Final = 5.0
"""A socket that lived this long while idle is replaced at once; a shorter one when needed."""
_TEXT_IN_BINARY: Final = b'{"type"'
"""How a text message begins that came as a binary frame; no sound begins so."""


class Speaker:
    """One call's voice; reusable for the next call after `detach`.

    `emit` gets `FirstAudio`, `SentenceSpoken`, `SpeechDone`, `VendorReport`, and `WorkerFailed`
    when every voice (or the link) is lost; a failed generation is over, the next one tries again.
    `phrases` maps a display text to its mu-law audio: such a sentence needs no vendor.
    """

    def __init__(
        self,
        settings: DeepgramSettings,
        chunk_ms: int,
        emit: Callable[[Event], None],
        phrases: Mapping[str, bytes] | None = None,
        link_tls: LinkTls | None = None,
    ) -> None:
        self._link_tls = link_tls
        self._settings = settings
        self._chunk_ms = chunk_ms
        self._emit = emit
        self._phrases = phrases or {}
        self._vendors = SpeechVendors(
            settings,
            lambda its: SpeechVendor(Worker.TTS, its, lambda _: "/v1/speak", speak_query, emit),
        )
        self._call: _Call | None = None

    async def attach(self, address: str, token: str) -> None:
        """Speak into a call. Returns when the downlink is there; the voice's socket follows.

        Raises `LinkError` or `ConnectionError` when the media link refuses.
        """
        await self._leave()
        downlink = await connect_downlink(address, token, self._link_tls)
        self._call = _Call(
            self._settings, self._chunk_ms, self._emit, self._phrases, downlink, self._vendors
        )

    def use_language(self, language: Language) -> None:
        """Speak with this language's voice from the next sentence on, until `detach`."""
        if language is not self._vendors.language:
            self._vendors.language = language
            if self._call is not None:
                self._call.change_voice()

    def say(self, generation: int, index: int, text: str) -> None:
        """Say one sentence (display text) after those before it."""
        self._attached().say(generation, index, text)

    def finish(self, generation: int) -> None:
        """No more sentences of this generation: `SpeechDone` follows its last audio."""
        self._attached().finish(generation)

    def cancel(self, generation: int) -> None:
        """Drop this and older generations. No audio of theirs is sent after this returns."""
        if self._call is not None:
            self._call.cancel(generation)

    def avoid(self, providers: frozenset[str]) -> None:
        """The switchboard's word on which providers to skip; a socket that works is kept."""
        self._vendors.avoid(providers)

    async def detach(self) -> None:
        """Leave the call. Nothing is sent or emitted afterwards."""
        await self._leave()
        self._vendors.language = Language.ENGLISH

    async def _leave(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            await call.close()

    def _attached(self) -> _Call:
        if self._call is None:
            raise RuntimeError("the speaker is not attached to a call")
        return self._call


class _Call:
    """The speaker's state of one call: playout, downlink, socket. An `Outlet` for the playout."""

    def __init__(
        self,
        settings: DeepgramSettings,
        chunk_ms: int,
        emit: Callable[[Event], None],
        phrases: Mapping[str, bytes],
        downlink: Downlink,
        vendors: SpeechVendors,
    ) -> None:
        self._emit = emit
        self._vendors = vendors
        self._provider: str | None = None
        """Who speaks in this call; None before anybody has."""
        self._downlink = downlink
        self._loop = asyncio.get_running_loop()
        self._playout = Playout(
            self,
            chunk_ms,
            settings.flushes_per_minute,
            settings.first_audio_timeout_s,
            phrases,
            PRIMARY,
        )
        self._playout.language = vendors.language
        self._is_over = False
        self._link_lost = False
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._needed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._socket: ClientConnection | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._stalled = False
        self._warned = ""
        """The kind of failure that the voice has warned of on this socket."""
        self._draining = False
        self._task = asyncio.create_task(self._keep_socket(), name="speaker")

    # From the speaker

    def say(self, generation: int, index: int, text: str) -> None:
        self._playout.say(generation, index, text)
        self._after()

    def finish(self, generation: int) -> None:
        self._playout.finish(generation)
        self._after()

    def cancel(self, generation: int) -> None:
        self._playout.cancel(generation)
        self._after()

    def change_voice(self) -> None:
        """Another voice from now on: the socket of the one before is left."""
        self._provider, self._playout.language = None, self._vendors.language
        if self._socket is not None:
            self._leaving = asyncio.create_task(self._socket.close())

    async def close(self) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._downlink.close()

    # The playout's outlet

    def to_voice(self, message: str) -> None:
        self._outbox.put_nowait(message)

    def audio(self, generation: int, mulaw: bytes) -> None:
        if not self._link_lost:
            try:
                self._downlink.send_audio(generation, mulaw)
            except ConnectionError:
                self._lose_link(generation)

    def mark(self, generation: int, index: int) -> None:
        if not self._link_lost:
            try:
                self._downlink.send_mark(generation, index)
            except ConnectionError:
                self._lose_link(generation)

    def emit(self, event: Event) -> None:
        if not self._is_over and not self._link_lost:
            self._emit(event)

    def now(self) -> float:
        return self._loop.time()

    def _lose_link(self, generation: int) -> None:
        self.emit(WorkerFailed(Worker.TTS, "dropped", "media link lost", generation))
        self._link_lost = True

    # Time

    def _after(self) -> None:
        """After every change: is the socket needed, and when must time be looked at?"""
        if self._playout.is_waiting:
            self._needed.set()
        at = self._playout.next_check()
        if at is None:
            return
        if self._timer is not None:
            if self._timer.when() <= at:
                return  # an earlier look sets the next one
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._playout.check() and not self._draining and self._socket is not None:
            self._stalled = True
            self._socket.transport.abort()
            return
        if self._draining:
            self._timer = self._loop.call_later(0.1, self._look)
            return
        self._after()

    # The socket

    async def _keep_socket(self) -> None:
        fruitless = 0
        while True:
            vendor = self._vendors.vendor
            providers = vendor.providers
            try:
                provider, socket = await vendor.open(self._provider)
            except VendorError as error:
                await self._give_up(error)
                continue
            opened_at = self._loop.time()
            try:
                await self._converse(provider, socket, vendor)
            except VendorError as error:
                if vendor is not self._vendors.vendor:
                    continue  # left for another voice
                log.warning("tts_socket_lost", kind=error.kind, detail=error.detail)
                providers.failed(provider, error.kind, self._loop.time())
                fruitless = 0 if self._playout.is_fruitful else fruitless + 1
                is_short_lived = self._loop.time() - opened_at < STABLE_S
                is_enough = fruitless >= MAX_FRUITLESS_SOCKETS * len(providers.names)
                if is_enough and self._playout.is_waiting:
                    fruitless = 0
                    await self._give_up(error)
                elif is_short_lived and not self._playout.is_waiting:
                    await self._until_needed()

    async def _give_up(self, error: VendorError) -> None:
        if self._playout.is_waiting:
            log.error("tts_failed", kind=error.kind, detail=error.detail)
            self._playout.fail(error.kind, error.detail)
        await self._until_needed()

    async def _until_needed(self) -> None:
        self._needed.clear()
        if not self._playout.is_waiting:
            await self._needed.wait()

    async def _converse(
        self, provider: str, socket: ClientConnection, vendor: SpeechVendor
    ) -> None:
        """One socket's life; always ends with `VendorError` or cancellation."""
        self._socket, self._outbox = socket, asyncio.Queue()
        self._stalled, self._warned = False, ""
        is_proven = False
        sender = asyncio.create_task(self._send(socket, self._outbox))
        self._playout.opened(provider)
        self._after()
        try:
            async for message in socket:
                await self._receive(message)
                if self._playout.is_proven and not is_proven:
                    is_proven = True
                    vendor.providers.succeeded(provider)
                    self._provider = provider if vendor is self._vendors.vendor else None
            raise VendorError("dropped", "closed 1000")
        except ConnectionClosed as error:
            if self._stalled:
                raise VendorError("timeout", "the voice fell silent") from None
            raise closed_as(error) from None
        finally:
            self._socket = None
            self._playout.lost()
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            with contextlib.suppress(ConnectionClosed):
                await socket.send(CLOSE)
            await socket.close()

    async def _send(self, socket: ClientConnection, outbox: asyncio.Queue[str]) -> None:
        with contextlib.suppress(ConnectionClosed):  # the receiving side reports it
            while True:
                await socket.send(await outbox.get())

    async def _receive(self, message: str | bytes) -> None:
        if isinstance(message, bytes) and not message.startswith(_TEXT_IN_BINARY):
            self._playout.received(message)
            await self._drain()
        else:
            self._obey(message)
        self._after()

    def _obey(self, message: str | bytes) -> None:
        """A message that is no audio. Raises `VendorError` when the voice will not, or did not,
        say what it was asked to."""
        data = parse(message)
        if (error := error_in(data)) is not None:
            raise VendorError(error[0], f"error frame {error[1]}")
        match data.get("type"):
            case "Flushed":
                if not self._playout.flushed(data.get("sequence_id")):
                    raise VendorError(self._warned or "protocol", NO_AUDIO)
            case "Cleared":
                self._playout.cleared()
            case "Warning":
                self._warned, code = reason_of(data)
                log.warning("tts_warning", code=code)
                if is_flush_refused(data) and self._playout.is_waiting:
                    raise VendorError("refused", f"warning {code}")

    async def _drain(self) -> None:
        """Let the line's back-pressure reach Deepgram's socket."""
        if self._link_lost:
            return
        self._draining, since_s = True, self._loop.time()
        try:
            await self._downlink.drain()
        except ConnectionError:
            self._link_lost = True
        finally:
            self._draining = False
            self._playout.was_kept(self._loop.time() - since_s)
