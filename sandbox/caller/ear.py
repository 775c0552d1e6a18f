"""The caller's ear: the audio being played in, words of Otto's out.

`Ear.feed` is given what was played, about ten times a second; words come out as `Words`, one for
each stretch of speech. `RealEar` listens as a person does: voice activity finds the stretches, the
recogniser reads them; audio that carries its own words it reads as well. `KnownEar` reads only
that, and costs next to nothing; of anything else it notices that somebody spoke.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sandbox.audio.activity import VoiceActivity
from sandbox.audio.carrier import CarrierDetector, Ended, Started, spoken_ms
from sandbox.audio.frames import QUIET_BYTES
from sandbox.caller.comprehension import UNINTELLIGIBLE
from sandbox.world import World

SPEECH_PROBABILITY = 0.5
SEGMENT_GAP_MS = 300
"""Silence that ends a stretch of speech and sends it to the recogniser."""
PREROLL_MS = 200
"""Kept from before the voice was noticed: a first consonant is quieter than a voice."""
LONGEST_SEGMENT_MS = 25_000
PARTIAL_EVERY_MS = 1_500
HEADER_SPANS = 3
"""Known audio is known as such within so many slices of the line; an older voice was a voice."""
SHORTEST_UNKNOWN_MS = 600
"""Sound without words, shorter than this, is a noise: no speech that was not understood."""
SILENCE_BYTE = b"\xff"


@dataclass(frozen=True, slots=True)
class Words:
    """A stretch of Otto's speech. Times in ms of the call; `cut` says that it broke off."""

    text: str
    began_ms: int
    ended_ms: int
    cut: bool = False


Heard = Callable[[Words], None]


class Ear(Protocol):
    """What a caller hears with. `on_words` is called from the running loop."""

    @property
    def busy(self) -> bool:
        """Speech is under way, or words of it are still being recognised."""

    def feed(self, audio: bytes, span_ms: int, now_ms: int) -> None:
        """The last `span_ms` of the line, ending `now_ms`; what `audio` does not fill was quiet."""

    def partial(self) -> str:
        """The words so far of the stretch that is under way; "" when none is."""

    def stop(self) -> None:
        """The line went dead: whatever is under way ends here."""

    async def settle(self) -> None:
        """Wait until everything heard so far is recognised."""

    def close(self) -> None:
        """Hear no more."""


class KnownEar:
    """Hears audio that carries its own words (sandbox.audio.carrier).

    Speech in a real voice becomes `Words` that are UNINTELLIGIBLE, unless `unknown_too` is False.
    """

    def __init__(self, on_words: Heard, *, unknown_too: bool = True) -> None:
        self._on_words = on_words
        self._unknown_too = unknown_too
        self._detector = CarrierDetector()
        self._began_ms = 0
        self._broken = ""
        """The words that were cut off last; a stutter of the line takes them up again."""
        self._broken_ms = 0
        self._skipped_ms = 0
        self._sound_began_ms: int | None = None
        self._sound_ms = 0

    @property
    def busy(self) -> bool:
        return self._detector.text is not None or self._sound_began_ms is not None

    @property
    def hears_words(self) -> bool:
        """Audio that carries words is under way."""
        return self._detector.text is not None

    def feed(self, audio: bytes, span_ms: int, now_ms: int) -> None:
        self.read(audio, span_ms, now_ms)

    def read(self, audio: bytes, span_ms: int, now_ms: int) -> bool:
        """Like `feed`; whether any of the audio belonged to words that it carries."""
        if not audio and not self.busy:
            return False
        underway = self.hears_words
        # Silence is passed on while words are under way: it tells that they were cut off.
        events = self._detector.feed(audio.ljust(span_ms * 8, SILENCE_BYTE))
        for event in events:
            if isinstance(event, Started):
                self._start(event, now_ms - span_ms)
            elif isinstance(event, Ended):
                self._end(event, now_ms)
        if underway or events:
            return True
        if self._unknown_too:
            self._notice(audio, now_ms - span_ms, now_ms)
        return False

    def partial(self) -> str:
        text = self._detector.text
        if text is None:
            return ""
        return self._since(text, _said_part(text, self._detector.heard_ms, spoken_ms(text)))

    def stop(self) -> None:
        text = self.partial()
        self._detector = CarrierDetector()
        self._sound_began_ms = None
        if text:
            self._on_words(Words(text, self._began_ms, self._began_ms, cut=True))

    async def settle(self) -> None:
        return

    def close(self) -> None:
        self._detector = CarrierDetector()
        self._sound_began_ms = None

    def _start(self, event: Started, began_ms: int) -> None:
        self._sound_began_ms = None
        self._began_ms = began_ms
        resumed = event.from_ms > 0 and event.text == self._broken
        self._skipped_ms = self._broken_ms if resumed else 0

    def _end(self, event: Ended, now_ms: int) -> None:
        text = event.text
        if not event.complete:
            text = _said_part(text, event.heard_ms, event.duration_ms)
        text = self._since(event.text, text)
        self._broken, self._broken_ms = ("", 0) if event.complete else (event.text, event.heard_ms)
        self._on_words(Words(text, self._began_ms, now_ms, not event.complete))

    def _since(self, whole: str, said: str) -> str:
        """Of what was `said`, the part that was not heard before the line stuttered."""
        if not self._skipped_ms:
            return said
        return said[len(_said_part(whole, self._skipped_ms, spoken_ms(whole))) :].strip()

    def _notice(self, audio: bytes, began_ms: int, now_ms: int) -> None:
        """Sound that carries no words: speech, when it lasts; it ends with a silence."""
        if audio.strip(QUIET_BYTES):
            if self._sound_began_ms is None:
                self._sound_began_ms = began_ms
            self._sound_ms = now_ms
        elif self._sound_began_ms is not None and now_ms - self._sound_ms >= SEGMENT_GAP_MS:
            began_ms, self._sound_began_ms = self._sound_began_ms, None
            if self._sound_ms - began_ms >= SHORTEST_UNKNOWN_MS:
                self._on_words(Words(UNINTELLIGIBLE, began_ms, self._sound_ms))


class RealEar:
    """Hears with voice activity and the world's recogniser. `wants_partials` for who interrupts.

    Otto's phrases may have been synthesised when the sandbox spoke known audio: that is read as it
    is, in the middle of a call too.
    """

    def __init__(self, world: World, on_words: Heard, *, wants_partials: bool = False) -> None:
        self._world = world
        self._on_words = on_words
        self._wants_partials = wants_partials
        self._activity = VoiceActivity()
        self._known = KnownEar(on_words, unknown_too=False)
        self._audio = bytearray()
        self._preroll = b""
        self._speaking = False
        self._began_ms = 0
        self._last_voice_ms = 0
        self._readers: set[asyncio.Task[None]] = set()
        self._partial = ""
        self._partial_ms = 0
        self._open = True

    @property
    def busy(self) -> bool:
        return self._speaking or self._known.busy or bool(self._readers)

    def feed(self, audio: bytes, span_ms: int, now_ms: int) -> None:
        if self._known.read(audio, span_ms, now_ms):
            if self._speaking and now_ms - self._began_ms > HEADER_SPANS * span_ms:
                self._finish()
            # What the voice activity made of a beginning that was not whole yet was no voice.
            self._speaking = False
            self._preroll = b""
            return
        if not audio and not self._speaking:
            return
        heard = audio.ljust(span_ms * 8, SILENCE_BYTE)
        voiced = any(p >= SPEECH_PROBABILITY for p in self._activity.feed(heard))
        if voiced:
            if not self._speaking:
                self._speaking = True
                self._began_ms = now_ms - span_ms
                self._audio = bytearray(self._preroll)
                self._partial, self._partial_ms = "", now_ms
            self._last_voice_ms = now_ms
        if not self._speaking:
            self._preroll = (self._preroll + heard)[-PREROLL_MS * 8 :]
            return
        self._audio += heard
        long_enough = now_ms - self._began_ms >= LONGEST_SEGMENT_MS
        if now_ms - self._last_voice_ms >= SEGMENT_GAP_MS or long_enough:
            self._finish()
        elif self._wants_partials and now_ms - self._partial_ms >= PARTIAL_EVERY_MS:
            self._partial_ms = now_ms
            self._world.spawn(self._read_partial(bytes(self._audio), self._began_ms))

    def partial(self) -> str:
        return self._known.partial() or (self._partial if self._speaking else "")

    def stop(self) -> None:
        self._known.stop()
        if self._speaking:
            self._finish()

    async def settle(self) -> None:
        await asyncio.gather(*self._readers, return_exceptions=True)

    def close(self) -> None:
        self._open = False
        self._known.close()

    def _finish(self) -> None:
        audio = bytes(self._audio)
        began_ms, ended_ms = self._began_ms, self._last_voice_ms
        self._speaking = False
        self._audio = bytearray()
        self._preroll = b""
        reader = self._world.spawn(self._read(audio, began_ms, ended_ms))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)

    async def _read(self, audio: bytes, began_ms: int, ended_ms: int) -> None:
        recognised = await self._world.recogniser.transcribe(audio)
        if self._open and recognised.text.strip():
            self._on_words(Words(recognised.text.strip(), began_ms, ended_ms))

    async def _read_partial(self, audio: bytes, began_ms: int) -> None:
        if self._world.recogniser.busy:
            return
        recognised = await self._world.recogniser.transcribe(audio)
        if self._speaking and self._began_ms == began_ms:
            self._partial = recognised.text.strip()


def _said_part(text: str, heard_ms: int, duration_ms: int) -> str:
    """The words of `text` that fit into the part that was heard."""
    if duration_ms <= 0 or heard_ms >= duration_ms:
        return text
    kept = text[: int(len(text) * heard_ms / duration_ms)]
    return kept.rsplit(" ", 1)[0] if " " in kept else ""


def make_ear(world: World, speech: str, on_words: Heard, *, wants_partials: bool) -> Ear:
    """The ear for a call in `speech` mode ("real" or "known")."""
    if speech == "known":
        return KnownEar(on_words)
    return RealEar(world, on_words, wants_partials=wants_partials)
