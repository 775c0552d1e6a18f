"""With a real recogniser behind it: what Deepgram's listen does, on one small CPU.

The recogniser runs on speech only, and never more than one request of a stream at a time:

- an interim is the segment so far, heard again every `interim_ms` of speech, and once more as
  soon as the voice pauses; it is skipped while the recogniser is busy with another call;
- when the pause grows to `endpointing`, the hearing made at its beginning is the final.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.audio import mulaw
from sandbox.audio.activity import WINDOW_MS, VoiceActivity
from sandbox.audio.carrier import CarrierDetector
from sandbox.audio.recogniser import Recognised, Recogniser
from sandbox.deepgram.recognisers import Heard, KnownRecogniser, Timing, Words
from sandbox.deepgram.wire import ListenQuery

START_PROBABILITY = 0.5
STOP_PROBABILITY = 0.35
START_WINDOWS = 3
"""About 100 ms of voice make a beginning: a click is none."""
LEAD_MS = 320
"""Audio before the beginning that belongs to the first word."""
TAIL_MS = 160
PAUSE_MS = 130
"""A pause this long is worth hearing the segment: most likely it is the end."""
LONG_MS = 12_000
"""A segment longer than this is closed at its next short pause, as Deepgram does..."""
LONGEST_MS = 24_000
"""...or here, where the recogniser's 30 seconds would end."""


@dataclass(slots=True)
class _Segment:
    """Speech since the last final. Positions in milliseconds of the stream."""

    audio: bytearray
    start_ms: int
    """Where `audio` begins."""
    voice_ms: int
    """Where the voice begins."""
    end_ms: int
    """Where the voice was last heard."""
    heard_to_ms: int = 0
    """`end_ms` at the last hearing."""
    heard: Recognised | None = None
    closed: bool = False

    def until(self, end_ms: int) -> bytes:
        """Its audio up to `end_ms` and a breath more."""
        return bytes(self.audio[: (end_ms + TAIL_MS - self.start_ms) * mulaw.BYTES_PER_MS])


class RealRecogniser:
    """For voices. A stream that turns out to carry known audio is heard as that."""

    def __init__(
        self,
        query: ListenQuery,
        tell: Callable[[Heard], None],
        interim_ms: int,
        recogniser: Recogniser,
    ) -> None:
        self._query = query
        self._tell = tell
        self._interim_ms = interim_ms
        self._recogniser = recogniser
        self._timing = Timing(query, tell)
        self._activity = VoiceActivity()
        self._detector = CarrierDetector()
        self._known: KnownRecogniser | None = None
        self._recent = bytearray()  # the last LEAD_MS, and the window that is not whole
        self._loud = 0
        self._window_ms = 0  # end of the last whole window
        self._segment: _Segment | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._finals: asyncio.Queue[tuple[_Segment, bool, bool]] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write_finals(), name="deepgram-finals")

    def feed(self, audio: bytes) -> None:
        """The next piece of mu-law."""
        if self._known is not None:
            self._known.feed(audio)
            return
        if self._segment is None and self._detector.feed(audio):
            self._known = KnownRecogniser(
                self._query, self._tell, self._interim_ms, at_ms=self._timing.now_ms
            )
            self._known.feed(audio)
            return
        self._timing.advance(len(audio))
        self._recent += audio
        if self._segment is not None:
            self._segment.audio += audio
        for probability in self._activity.feed(audio):
            self._window_ms += WINDOW_MS
            self._window(probability)
        excess = len(self._recent) - LEAD_MS * mulaw.BYTES_PER_MS
        if excess > 0:
            del self._recent[:excess]

    async def finalize(self) -> None:
        """Everything heard so far, as final."""
        if self._known is not None:
            await self._known.finalize()
            return
        if self._segment is not None:
            self._finish(speech_final=False, from_finalize=True)
            await self._finals.join()
        else:
            await self._finals.join()
            now = self._timing.now_ms
            self._timing.words(
                Words("", now, now, is_final=True, from_finalize=True, confidence=0.0)
            )

    async def close(self) -> None:
        """Stop the tasks. What the recogniser has begun is left to its thread."""
        tasks = [task for task in (self._hearing, self._writer) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _window(self, probability: float) -> None:
        now = self._window_ms
        segment = self._segment
        if segment is None:
            self._loud = self._loud + 1 if probability >= START_PROBABILITY else 0
            if self._loud >= START_WINDOWS:
                self._begin(now)
            elif self._finals.empty():
                self._timing.silence()
            return
        if probability >= STOP_PROBABILITY:
            segment.end_ms = now
            if now - max(segment.voice_ms, segment.heard_to_ms) >= self._interim_ms:
                self._hear(segment)
            if now - segment.start_ms >= LONGEST_MS:
                self._finish(speech_final=False)
            return
        pause = now - segment.end_ms
        wait = self._query.endpointing_ms
        if wait is not None and pause >= wait:
            self._finish(speech_final=True)
        elif pause >= PAUSE_MS:
            if now - segment.start_ms >= LONG_MS:
                self._finish(speech_final=False)
            elif segment.heard_to_ms != segment.end_ms:
                self._hear(segment)

    def _begin(self, now: int) -> None:
        audio = bytearray(self._recent[-LEAD_MS * mulaw.BYTES_PER_MS :])
        start = self._timing.now_ms - len(audio) // mulaw.BYTES_PER_MS
        voice = now - START_WINDOWS * WINDOW_MS
        self._segment = _Segment(audio, start, voice, now)
        self._loud = 0
        self._timing.voice(voice)

    def _hear(self, segment: _Segment) -> None:
        """Recognise the segment so far, unless somebody else is waiting for the recogniser."""
        if self._hearing is not None or self._recogniser.busy:
            return
        segment.heard_to_ms = segment.end_ms
        segment.heard = None
        self._hearing = asyncio.create_task(
            self._interim(segment, segment.end_ms), name="deepgram-interim"
        )

    async def _interim(self, segment: _Segment, end_ms: int) -> None:
        try:
            heard = await self._recogniser.transcribe(segment.until(end_ms))
        finally:
            self._hearing = None
        if end_ms == segment.heard_to_ms:
            segment.heard = heard
        if not segment.closed and heard.text and self._query.interim_results:
            self._timing.words(
                Words(
                    heard.text,
                    segment.voice_ms,
                    end_ms,
                    is_final=False,
                    confidence=heard.confidence,
                )
            )

    def _finish(self, *, speech_final: bool, from_finalize: bool = False) -> None:
        if self._segment is None:
            return
        segment, self._segment = self._segment, None
        segment.closed = True
        self._finals.put_nowait((segment, speech_final, from_finalize))

    async def _write_finals(self) -> None:
        while True:
            segment, speech_final, from_finalize = await self._finals.get()
            try:
                if self._hearing is not None:
                    await asyncio.wait([self._hearing])
                heard = segment.heard
                if heard is None or segment.heard_to_ms != segment.end_ms:
                    heard = await self._recogniser.transcribe(segment.until(segment.end_ms))
                self._timing.words(
                    Words(
                        heard.text,
                        segment.voice_ms,
                        segment.end_ms,
                        is_final=True,
                        speech_final=speech_final,
                        from_finalize=from_finalize,
                        confidence=heard.confidence,
                    )
                )
                if self._segment is None:
                    # The gap may have passed in the audio while the recogniser was at it.
                    self._timing.silence()
            finally:
                self._finals.task_done()
