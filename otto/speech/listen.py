"""The caller's audio to Deepgram, its transcripts to the call.

    media link's uplink ──► pump ──► Deepgram (recognisers) ──► receive ──► events
         ▲                                  │ lost
         └── attach again from the last ◄───┘
             acknowledged media time

What the caller says while the socket is away is not lost: the link's ring replays it from where
the recogniser's last final result ended. The next socket is the same provider's, or the
fallback's when that one fails twice in a row; a socket that works is kept, and the next one that
is needed is the primary's again as soon as nothing speaks against it.

    caller   "a brake in│spection please"
    lost                ×
    final    "a brake"  │                    was told: not asked for again
    replay            ◄─┤ LEAD_IN_MS         a recogniser that begins within a word misses it
    final             (brake) inspection please     words known already are left out
    silence only: nobody would say that the utterance ended, so the listener does
    words that stay interim, from whichever socket, are told as they stand (see `transcripts`)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from config.settings import DeepgramSettings
from otto.events import Event, Transcript, Worker, WorkerFailed
from otto.language.languages import Language
from otto.media_link.client import Uplink, connect_uplink
from otto.media_link.frames import LinkError
from otto.media_link.tls import LinkTls
from otto.speech.recognisers import recogniser_of, vendor_of
from otto.speech.telling import Telling
from otto.speech.transcripts import Utterance
from otto.speech.vendors import SpeechVendors
from otto.speech.voice import Voice
from otto.speech.wire import (
    BYTES_PER_MS,
    CLOSE_TIMEOUT_S,
    RETRY_DELAYS_S,
    VendorError,
    closed_as,
)

log = structlog.get_logger()

SILENT_S: Final = 7.0
"""Audio flows and the recogniser says nothing at all for so long: a socket that is dead without
knowing. Deepgram sends an (empty) result every few seconds of silence too."""
OWED_S: Final = 3.5
"""The same after an interim: more interims or their final are due within some 1.5 s."""
CHECK_S: Final = 0.5
"""How often that is looked at."""
ENOUGH_SHARE: Final = 0.8
"""Of that time must be audio: a recogniser says nothing of what it was not sent."""
STABLE_S: Final = 2.0
"""A socket that lasted so long and gave a result has worked, whatever ended it."""
LEAD_IN_MS: Final = 400
"""What a new socket is given of the audio before a cut in mid-speech."""
ORPHAN_GRACE_S: Final = 1.0
"""What a new socket gets to say more of words another has told, before their end is assumed."""

_KEEP_ALIVE: Final = json.dumps({"type": "KeepAlive"})
_CLOSE_STREAM: Final = json.dumps({"type": "CloseStream"})


class Listener:
    """One call's recogniser; reusable for the next call after `detach`.

    `emit` gets `SpeechStarted`, `Transcript`, `UtteranceEnd`, `VendorReport`, and `WorkerFailed`
    once when every provider is out of reach after retries (the listener has then stopped:
    `attach` again). Words that were told get their end (`speech_final` or `UtteranceEnd`) though
    the socket that heard them is gone.
    """

    def __init__(
        self,
        settings: DeepgramSettings,
        emit: Callable[[Event], None],
        link_tls: LinkTls | None = None,
    ) -> None:
        self._emit = emit
        self._link_tls = link_tls
        self._vendors = SpeechVendors(settings, partial(vendor_of, emit))
        self._session: _Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._address = ""
        self._token = ""
        self._utterance = Utterance()
        self.acknowledged_ms = 0
        """Media time up to which final results have come: where a successor should begin."""

    def use_language(self, language: Language) -> None:
        """Recognise it from now on, until `detach`: what was not final yet is heard again."""
        if language is not self._vendors.language:
            self._vendors.language = language
            if self._session is not None:
                self._session.leave()

    async def attach(self, address: str, token: str, from_ms: int = 0) -> None:
        """Listen to a call. Returns when a recogniser's socket is open and audio flows.

        `from_ms` is where the predecessor's last final ended: the words before it may still wait
        for the end of their utterance. When no recogniser can be reached, `WorkerFailed` is
        emitted and this returns. Raises `LinkError` or `ConnectionError` when the media link
        refuses: then there is no call.
        """
        await self._stop()
        self._address, self._token, self.acknowledged_ms = address, token, from_ms
        self._utterance = Utterance()
        self._utterance.open_ms = from_ms or None
        opening = asyncio.create_task(self._vendors.vendor.open())
        try:
            uplink = await self._connect(from_ms)
        except BaseException:
            await _abandon(opening)
            raise
        try:
            provider, socket = await opening
        except VendorError as error:
            await uplink.close()
            self._fail(error)
            return
        except BaseException:
            await uplink.close()
            raise
        self._task = asyncio.create_task(self._run(provider, socket, uplink), name="listener")
        await asyncio.sleep(0)  # once it has begun, it closes what it was given

    async def detach(self) -> None:
        """End the transcription cleanly. No event comes afterwards."""
        await self._stop()
        self._vendors.language = Language.ENGLISH

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def avoid(self, providers: frozenset[str]) -> None:
        """The switchboard's word on which providers to skip; a socket that works is kept."""
        self._vendors.avoid(providers)

    async def _run(self, provider: str, socket: ClientConnection, uplink: Uplink) -> None:
        """Sessions, one socket each, until the call ends or the retries are used up."""
        fruitless = 0
        loop = asyncio.get_running_loop()
        while True:
            vendor = self._vendors.vendor
            settings = vendor.settings_of(provider)
            self._session = session = _Session(
                settings, self._emit, socket, uplink, self.acknowledged_ms, self._utterance
            )
            session.on_first = self._on_first(provider)
            try:
                await session.run()
                return
            except VendorError as error:
                self.acknowledged_ms = session.acknowledged_ms
                fruitless = 0 if session.was_of_use else fruitless + self._weight(error)
                log.warning("stt_socket_lost", kind=error.kind, detail=error.detail)
                if vendor is self._vendors.vendor:
                    vendor.providers.failed(provider, error.kind, loop.time())
                else:
                    fruitless = 0  # left for another language
                try:
                    provider, socket = await self._reopen(error, fruitless)
                except VendorError as final:
                    self._fail(final)
                    return
            except (LinkError, ConnectionError):
                self._fail(VendorError("dropped", "media link lost"))
                return
            try:
                uplink = await self._connect(self._resume_ms)
            except (LinkError, OSError):
                await socket.close()
                self._fail(VendorError("dropped", "media link refused"))
                return
            except BaseException:
                await socket.close()
                raise

    async def _connect(self, from_ms: int) -> Uplink:
        """The caller's audio from there on; a token is good once, and the next comes with it."""
        join_ms = recogniser_of(self._vendors.settings).join_ms
        uplink = await connect_uplink(self._address, self._token, from_ms, join_ms, self._link_tls)
        self._token = uplink.again
        return uplink

    @property
    def _resume_ms(self) -> int:
        """Where a new socket's audio begins."""
        lead_in_ms = LEAD_IN_MS if self._utterance.cut_in_speech else 0
        return max(0, self.acknowledged_ms - lead_in_ms)

    def _on_first(self, provider: str) -> Callable[[], None]:
        return lambda: self._vendors.vendor.providers.succeeded(provider)

    def _weight(self, error: VendorError) -> int:
        """How much a socket that gave nothing counts. One that fell silent has cost the caller
        seconds: one such of each provider is enough."""
        if error.kind != "timeout":
            return 1
        return (1 + len(RETRY_DELAYS_S)) // len(self._vendors.vendor.providers.names)

    async def _reopen(self, error: VendorError, fruitless: int) -> tuple[str, ClientConnection]:
        """A new socket; `fruitless` counts sockets in a row that never gave a result."""
        if fruitless > len(RETRY_DELAYS_S):
            raise error
        if fruitless and error.kind != "timeout":
            await asyncio.sleep(RETRY_DELAYS_S[fruitless - 1])
        return await self._vendors.vendor.open()

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
        utterance: Utterance,
    ) -> None:
        self._settings = settings
        self._emit = emit
        self._socket = socket
        self._uplink = uplink
        self._from_ms = from_ms
        self._recogniser = recogniser_of(settings)
        self._reader = self._recogniser.reader(from_ms)
        self._voice = Voice()
        self._loop = asyncio.get_running_loop()
        self._telling = Telling(
            self._reader, utterance, self._loop.time(), self._recogniser.unfinished_s(settings)
        )
        self._began_at = self._sent_at = self._heard_at = self._loop.time()
        self._leaving: asyncio.Task[None] | None = None
        self._unanswered_bytes = 0
        self._orphan_timer: asyncio.TimerHandle | None = None
        self.on_first: Callable[[], None] = lambda: None
        """Called at the first message that is understood."""

    @property
    def acknowledged_ms(self) -> int:
        """Media time from which a successor should be replayed."""
        return max(self._from_ms, self._reader.acknowledged_ms or 0)

    @property
    def was_of_use(self) -> bool:
        """Whether this socket gave a result that brought the call further, or lasted for some
        time behind any: one that says a word and breaks, again and again, is of none."""
        if self.acknowledged_ms > self._from_ms:
            return True
        return self._reader.messages > 0 and self._loop.time() - self._began_at >= STABLE_S

    def leave(self) -> None:
        """Give the socket up, as if it had been lost."""
        self._leaving = asyncio.create_task(self._socket.close())

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
                self._tell(self._telling.settle(self._loop.time()))
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
            if self._orphan_timer is not None:
                self._orphan_timer.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(self._socket.close(), self._uplink.close())

    async def _pump(self) -> None:
        """Audio from the link to the socket; ends with the link."""
        join_ms = self._recogniser.join_ms
        waiting: list[bytes] = []
        size, begins_ms = 0, 0
        while (read := await self._uplink.read()) is not None:
            at_ms, audio = read
            if not audio:
                continue  # an empty binary frame would end Deepgram's stream
            if waiting and abs(begins_ms + size // BYTES_PER_MS - at_ms) > join_ms:
                await self._send(begins_ms, b"".join(waiting))  # a gap: keep both sides dated
                waiting, size = [], 0
            if not waiting:
                begins_ms = at_ms
            waiting.append(audio)
            size += len(audio)
            if size >= join_ms * BYTES_PER_MS:
                await self._send(begins_ms, b"".join(waiting))
                waiting, size = [], 0
        if waiting:
            await self._send(begins_ms, b"".join(waiting))

    async def _send(self, at_ms: int, audio: bytes) -> None:
        self._reader.sent(at_ms, len(audio))
        self._voice.add(at_ms, audio)
        await self._socket.send(audio)
        self._sent_at = self._loop.time()
        self._unanswered_bytes += len(audio)
        orphan_ms = self._telling.orphan_ms
        if orphan_ms is not None and self._orphan_timer is None:
            due_ms = orphan_ms + self._settings.utterance_end_ms
            if at_ms + len(audio) // BYTES_PER_MS >= due_ms:
                self._orphan_timer = self._loop.call_later(ORPHAN_GRACE_S, self._end_orphan)

    async def _receive(self) -> None:
        """Messages to events; ends when the socket closes normally."""
        is_understood = False
        async for message in self._socket:
            self._heard_at = self._loop.time()
            self._unanswered_bytes = 0
            for event in self._reader.receive(message):
                self._tell(self._telling.tell(event, self._heard_at))
            if self._reader.messages and not is_understood:
                is_understood = True
                self.on_first()

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._emit(self._voice.behind(event) if isinstance(event, Transcript) else event)

    def _end_orphan(self) -> None:
        self._tell(self._telling.end_orphan(self._loop.time()))

    async def _watch(self) -> None:
        """KeepAlive while no audio flows; raises `VendorError` when audio gets no answer."""
        keep_alive_s = self._settings.keep_alive_s
        while True:
            idle_s = self._loop.time() - self._sent_at
            if idle_s >= keep_alive_s:
                if self._recogniser.has_keep_alive:
                    await self._socket.send(_KEEP_ALIVE)
                self._sent_at = self._loop.time()
                idle_s = 0.0
            now_s = self._loop.time()
            if self._telling.is_unfinished(self._heard_at, now_s):
                self._tell(self._telling.settle(now_s))
                raise VendorError("timeout", "words never became final")
            limit_s = OWED_S if self._reader.owed is not None else SILENT_S
            if (
                self._loop.time() - self._heard_at >= limit_s
                and self._unanswered_bytes >= ENOUGH_SHARE * limit_s * 1000 * BYTES_PER_MS
            ):
                raise VendorError("timeout", "no result for the audio sent")
            await asyncio.sleep(min(keep_alive_s - idle_s, CHECK_S))

    async def _close_stream(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(_CLOSE_STREAM)


def _ignore(event: Event) -> None:
    """Where events go after `detach`."""


async def _abandon(opening: asyncio.Task[tuple[str, ClientConnection]]) -> None:
    opening.cancel()
    await asyncio.wait([opening])
    if not opening.cancelled() and opening.exception() is None:
        await opening.result()[1].close()
