"""What goes to Twilio, in order: audio, the marks that tell what was heard of it, and clears.

    call -> link -> on_audio / on_mark / on_clear -> queue -> run -> Twilio
                                                     echoed <- Twilio

A clear overtakes what waits. A mark that is cleared before it was sent is told as cleared, since
nobody else will: each mark comes back exactly once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from starlette.types import Send

from otto.media_link.events import MarkPlayed, Playing
from otto.media_link.link import Link
from otto.telephony.stream import TwilioStream

MAX_QUEUED_BYTES = 160_000
"""Audio (20 s) waiting for a Twilio socket that does not take it; then the downlink waits."""


class _Outgoing(NamedTuple):
    """Audio, or a mark when `mark` (its index) is not negative."""

    generation: int
    mark: int
    mulaw: bytes


class LineWriter:
    """The way to Twilio of one stream. Its owner keeps `run` running."""

    def __init__(self, send: Send, stream: TwilioStream, link: Link) -> None:
        self._send = send
        self._stream = stream
        self._link = link
        self._outgoing: deque[_Outgoing] = deque()
        self._queued_bytes = 0
        self._clear_due = False
        self._wake = asyncio.Event()
        self._playing = -1

    # From the call

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

    # From Twilio

    def echoed(self, name: str) -> None:
        """Twilio has played up to this mark, or cleared it; a name that is not ours is ignored."""
        generation, dot, index = name.partition(".")
        if dot and generation.isdecimal() and index.isdecimal():
            self._tell_mark(int(generation), int(index))

    # To Twilio

    async def run(self) -> None:
        """Send whatever there is, until cancelled or the socket's own error."""
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
            self._link.push_event(Playing(generation))

    def _tell_mark(self, generation: int, index: int) -> None:
        cleared = generation <= self._link.cleared_generation
        self._link.push_event(MarkPlayed(generation, index, cleared))
