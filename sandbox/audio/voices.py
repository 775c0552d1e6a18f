"""Real voices, all of them from wheels: Otto's own, and callers who sound different from it.

hibari (Apache-2.0, one American woman at 24 kHz) and NanoTTS (SVOX Pico, Apache-2.0, 16 kHz).
Playing hibari's samples slower or faster than they were made moves the pitch and the size of the
throat together, which makes other people of her; the pace is set right by the model itself.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from sandbox.audio import mulaw

if TYPE_CHECKING:
    from hibari import Hibari
    from py_nanotts import NanoTTS

HIBARI_HZ = 24_000
NANO_HZ = 16_000
CACHE_BYTES = 64 * 2**20
"""About two hours of speech."""
LOUDNESS = 0.09
"""Root mean square, of full scale: what a telephone line carries without clipping."""
_QUIET = 0.004
_DIGIT = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)"
_DIGIT_BEFORE_DIGIT = re.compile(rf"\b({_DIGIT})(?= {_DIGIT}\b)", re.IGNORECASE)
_RESPELLED = {"Corolla": "Corola"}
"""Names that hibari says right only when they are spelled otherwise: "Corolla" came out as Carala
in every voice, and the recogniser wrote that."""
_LEAD_MS = 30
_TAIL_MS = 80


@dataclass(frozen=True, slots=True)
class Voice:
    """How one voice is made. `pitch` above 1 is a smaller, higher speaker."""

    engine: Literal["hibari", "en-US", "en-GB"]
    pace: float = 1.0
    pitch: float = 1.0
    seed: int = 0
    """Of hibari's breath and hiss: another seed is another rendering of the same words."""


VOICES: dict[str, Voice] = {
    "otto": Voice("hibari"),
    "alto": Voice("hibari", pace=1.0, pitch=0.92),
    "tenor": Voice("hibari", pace=0.95, pitch=0.82),
    "bright": Voice("hibari", pace=1.05, pitch=1.1),
    "slow": Voice("hibari", pace=0.85, pitch=0.96),
    "quick": Voice("hibari", pace=1.2, pitch=1.04),
    "deep": Voice("hibari", pace=0.95, pitch=0.76, seed=3),
    "young": Voice("hibari", pace=1.1, pitch=1.17, seed=5),
    "elderly": Voice("hibari", pace=0.75, pitch=0.88, seed=7),
    "brisk": Voice("hibari", pace=1.3, pitch=0.9, seed=11),
    "pico": Voice("en-US"),
    "pico-slow": Voice("en-US", pace=0.85, pitch=0.9),
    "british": Voice("en-GB"),
    "british-brisk": Voice("en-GB", pace=1.15, pitch=1.1),
}
CALLER_VOICES = tuple(name for name in VOICES if name != "otto")


class Voices:
    """Text to mu-law. One thread speaks; what was said before comes from the cache."""

    VOICES = VOICES

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="voice")
        self._cache: OrderedDict[tuple[str, float, str], bytes] = OrderedDict()
        self._cached = 0

    async def synthesise(self, text: str, voice: str = "otto", pace: float = 1.0) -> bytes:
        """`text` spoken: mu-law 8 kHz. Empty when there is nothing to say. `pace` goes on top of
        the voice's own.

        Raises KeyError for a voice that does not exist.
        """
        how = VOICES[voice]
        how = replace(how, pace=how.pace * pace)
        text = " ".join(text.split())
        if not any(character.isalnum() for character in text):
            return b""
        key = (voice, pace, text)
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
            return found
        loop = asyncio.get_running_loop()
        audio = await loop.run_in_executor(self._thread, self.speak, text, how)
        if key not in self._cache:
            self._cache[key] = audio
            self._cached += len(audio)
            while self._cached > CACHE_BYTES:
                _, oldest = self._cache.popitem(last=False)
                self._cached -= len(oldest)
        return audio

    async def load(self) -> None:
        """Load every engine, so that the first call does not wait for it (about a second)."""
        for name in ("otto", "pico"):
            await self.synthesise("Ready.", name)

    def close(self) -> None:
        """End the thread. What it is saying is finished first."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    @cached_property
    def _hibari(self) -> Hibari:
        from hibari import Hibari

        return Hibari()

    @cached_property
    def _nano(self) -> NanoTTS:
        from py_nanotts import NanoTTS

        return NanoTTS()

    def speak(self, text: str, how: Voice) -> bytes:
        """`text` spoken by a voice of any making, in the caller's thread and past the cache."""
        import soxr

        text = _pace_digits(text)
        for written, said in _RESPELLED.items():
            text = text.replace(written, said)
        if how.engine == "hibari":
            # Played at `pitch` times the rate it was made for; the model evens out the pace.
            speed = min(2.0, max(0.5, how.pace / how.pitch))
            samples = self._hibari(text, speed=speed, seed=how.seed)
            rate = HIBARI_HZ * how.pitch
        else:
            raw = self._nano.speak(text, voice=how.engine, speed=how.pace, pitch=how.pitch)
            samples = np.frombuffer(raw, dtype="<i2").astype(np.float32) / 32768
            rate = float(NANO_HZ)
        if not len(samples):
            return b""
        narrow = soxr.resample(np.asarray(samples, dtype=np.float32), rate, mulaw.SAMPLE_RATE)
        return mulaw.encode(_level(_trim(narrow)))


def _pace_digits(text: str) -> str:
    """A comma between spoken digits, as a person dictates them.

    Run together, equal digits melt: the recogniser got 20 of 40 telephone numbers, so 37.
    """
    return _DIGIT_BEFORE_DIGIT.sub(r"\1,", text)


def _trim(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Without the silence around it, but for a breath before and after."""
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    if not len(loud):
        return samples[:0]
    first = max(0, int(loud[0]) - _LEAD_MS * mulaw.BYTES_PER_MS)
    last = min(len(samples), int(loud[-1]) + _TAIL_MS * mulaw.BYTES_PER_MS)
    return samples[first:last]


def _level(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """At the loudness of a telephone line, as 16-bit samples."""
    if not len(samples):
        return np.zeros(0, np.int16)
    loudness = float(np.sqrt(np.mean(samples**2)))
    scaled = samples * (LOUDNESS / max(loudness, 1e-6))
    return np.asarray(np.clip(scaled, -0.98, 0.98) * 32767, dtype=np.int16)
