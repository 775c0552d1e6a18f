"""What hears: caller's audio in, words out, all of it timed by the audio and not by the clock.

    voice     ____/~~~~~~~~~~~~~~~~~~\\_______________________________________
    events        started  interim    | endpointing |final+speech_final
                                      |<----- utterance_end_ms ------>|gap

`KnownRecogniser` reads the words out of carriers; `RealRecogniser` has a voice activity detector
and a recogniser. Both tell what they hear through one callback, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sandbox.audio import mulaw
from sandbox.audio.carrier import NOISE, CarrierDetector, Ended, Started
from sandbox.deepgram.wire import ListenQuery

SLICE = 20 * mulaw.BYTES_PER_MS
"""Longer pieces are heard in slices, so that events fall on the right moment of the audio."""
FIRST_INTERIM_MS = 300
KEEP_TALKING_MS = 5000
"""In silence Deepgram sends an empty result every few seconds of audio."""


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """A voice, no words yet."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Words:
    """Words between two points of the audio; empty text is a result too."""

    text: str
    start_ms: int
    end_ms: int
    is_final: bool
    speech_final: bool = False
    from_finalize: bool = False
    confidence: float = 0.98


@dataclass(frozen=True, slots=True)
class Gap:
    """No word for `utterance_end_ms`."""

    last_word_end_ms: int


Heard = VoiceStarted | Words | Gap


class Recogniser(Protocol):
    """One stream's hearing."""

    def feed(self, audio: bytes) -> None:
        """The next piece of mu-law."""

    async def finalize(self) -> None:
        """Everything heard so far is told, as final, before this returns."""

    async def close(self) -> None:
        """Stop, tell nothing more."""


class Timing:
    """The clock of the audio, and what follows from silence alone."""

    def __init__(self, query: ListenQuery, tell: Callable[[Heard], None]) -> None:
        self._query = query
        self._tell = tell
        self._bytes = 0
        self._gap_from: int | None = None
        self._told_ms = 0

    @property
    def now_ms(self) -> int:
        """How much audio has passed."""
        return self._bytes // mulaw.BYTES_PER_MS

    def advance(self, size: int) -> None:
        """`size` bytes of audio have passed."""
        self._bytes += size

    def words(self, words: Words) -> None:
        """Tell `words`; final ones start the wait for the gap."""
        self._told_ms = max(self._told_ms, words.end_ms)
        if words.is_final and words.text:
            self._gap_from = words.end_ms
        self._tell(words)

    def voice(self, at_ms: int) -> None:
        """A voice: whatever gap was waited for is none."""
        self._gap_from = None
        if self._query.vad_events:
            self._tell(VoiceStarted(at_ms))

    def silence(self) -> None:
        """Nobody speaks, and nothing is waited for."""
        now = self._bytes // mulaw.BYTES_PER_MS
        wait = self._query.utterance_end_ms
        if self._gap_from is not None and wait is not None and now >= self._gap_from + wait:
            self._tell(Gap(self._gap_from))
            self._gap_from = None
        if now - self._told_ms >= KEEP_TALKING_MS:
            self._tell(Words("", self._told_ms, now, is_final=True, confidence=0.0))
            self._told_ms = now


class KnownRecogniser:
    """For carriers: exact, at once, and nearly free."""

    def __init__(
        self, query: ListenQuery, tell: Callable[[Heard], None], interim_ms: int, at_ms: int = 0
    ) -> None:
        self._query = query
        self._timing = Timing(query, tell)
        self._timing.advance(at_ms * mulaw.BYTES_PER_MS)
        self._interim_ms = interim_ms
        self._detector = CarrierDetector()
        self._done = ""  # words of carriers that ended, not final yet
        self._start_ms = 0  # of the segment: everything since the last final
        self._end_ms: int | None = None  # of its last word, once nobody speaks
        self._carrier_ms = 0  # where the carrier under way began
        self._interim_at = 0

    def feed(self, audio: bytes) -> None:
        """The next piece of mu-law."""
        if len(audio) <= SLICE:
            self._slice(audio)
            return
        for at in range(0, len(audio), SLICE):
            self._slice(audio[at : at + SLICE])

    async def finalize(self) -> None:
        """Everything heard so far, as final."""
        now = self._timing.now_ms
        text = _join(self._done, self._so_far())
        start = self._start_ms if text else now
        self._done = ""
        self._end_ms = None
        self._start_ms = now
        self._timing.words(Words(text, start, now, is_final=True, from_finalize=True))

    async def close(self) -> None:
        """Nothing runs that needs stopping."""

    def _slice(self, audio: bytes) -> None:
        before = self._timing.now_ms
        self._timing.advance(len(audio))
        for event in self._detector.feed(audio):
            if isinstance(event, Started):
                self._begin(event, before)
            else:
                self._finish(event)
        if self._detector.text is not None:
            self._interim()
        elif self._end_ms is not None:
            self._endpoint()
        else:
            self._timing.silence()

    def _begin(self, event: Started, at_ms: int) -> None:
        if not self._done:
            self._start_ms = at_ms
        self._carrier_ms = at_ms
        self._end_ms = None
        self._interim_at = at_ms + FIRST_INTERIM_MS
        self._timing.voice(at_ms)

    def _finish(self, event: Ended) -> None:
        text = event.text
        if text.startswith(NOISE):
            text = ""  # no word after all
        elif not event.complete:
            text = _share(text, event.heard_ms, event.duration_ms)
        self._done = _join(self._done, text)
        self._end_ms = min(self._timing.now_ms, self._carrier_ms + event.heard_ms)

    def _so_far(self) -> str:
        text = self._detector.text
        if text is None:
            return ""
        if text.startswith(NOISE):
            return text.removeprefix(NOISE)
        return _share(text, self._detector.heard_ms, self._detector.duration_ms)

    def _interim(self) -> None:
        now = self._timing.now_ms
        if now < self._interim_at or not self._query.interim_results:
            return
        self._interim_at = now + self._interim_ms
        if text := _join(self._done, self._so_far()):
            self._timing.words(Words(text, self._start_ms, now, is_final=False))

    def _endpoint(self) -> None:
        wait, end = self._query.endpointing_ms, self._end_ms
        if end is None or wait is None or self._timing.now_ms < end + wait:
            return
        text, self._done, self._end_ms = self._done, "", None
        self._timing.words(Words(text, self._start_ms, end, is_final=True, speech_final=True))


def _share(text: str, heard_ms: int, duration_ms: int) -> str:
    """The words of `text` that have passed after `heard_ms` of `duration_ms`."""
    words = text.split()
    total = sum(len(word) + 1 for word in words)
    passed = 0
    for count, word in enumerate(words):
        passed += len(word) + 1
        if passed * duration_ms > heard_ms * total:
            return " ".join(words[:count])
    return " ".join(words)


def _join(first: str, second: str) -> str:
    return f"{first} {second}".strip()
