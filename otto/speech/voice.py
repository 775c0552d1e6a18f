"""How much of the caller's sound is a voice. Sans-I/O.

A recogniser takes a cough, a door or the wind for a word now and then. What tells them apart is
in the sound: a voice has a pitch, so its wave repeats itself every few milliseconds; a noise does
not. In windows of 40 ms the wave is laid over itself, shifted by every period of a pitch that
people have; where it fits, there is a voice.

Measured on the sandbox's voices: the first 300 ms of words hold 60 ms ("excuse") to 320 ms of
voice; coughs, hisses and clicks hold none. 600 ms of sound take 3.5 ms to measure, so it is done
only when somebody asks, about a few words and never about all the audio.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from math import sqrt
from operator import mul
from typing import Final

from otto.events import Transcript
from otto.speech.wire import BYTES_PER_MS

KEPT_MS: Final = 1200
"""How much of the newest sound can be asked about."""
LONGEST_MS: Final = 600
"""Of that so much is looked at: where a word begins decides."""
FIRST_GUESS_WORDS: Final = 2
BEFORE_MS: Final = 60
"""A word may begin so much earlier than a recogniser says."""

_STEP: Final = 4
"""Samples that are added to one: pitch is found as well at 2 kHz, for a sixteenth of the work."""
_PER_MS: Final = BYTES_PER_MS // _STEP
_WINDOW: Final = 40 * _PER_MS
_HOP_MS: Final = 20
_PERIODS: Final = range(5, 29)
"""From 400 Hz, a child's voice, to 71 Hz, a deep man's."""
_FITS: Final = 0.6
"""Correlation of a window with what follows a period later: noise reaches 0.4, a voice 0.7."""
_AUDIBLE: Final = 150 * _STEP
"""Root mean square below which there is a line's hum, and no voice."""


def _linear(code: int) -> int:
    """One mu-law byte as a linear sample (ITU-T G.711)."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132) << ((code & 0x70) >> 4)
    return 132 - magnitude if code & 0x80 else magnitude - 132


_LINEAR: Final = tuple(_linear(code) for code in range(256))


class Voice:
    """The newest sound of a call, by the call's own clock (media time)."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._bytes = 0

    def add(self, at_ms: int, mulaw: bytes) -> None:
        """Sound that begins at `at_ms`."""
        self._pieces.append((at_ms, mulaw))
        self._bytes += len(mulaw)
        while self._bytes - len(self._pieces[0][1]) >= KEPT_MS * BYTES_PER_MS:
            self._bytes -= len(self._pieces.popleft()[1])

    def ms_since(self, from_ms: int) -> int:
        """How many milliseconds of what is kept, from `from_ms` on, are a voice."""
        kept = [
            piece[max(0, from_ms - at_ms) * BYTES_PER_MS :]
            for at_ms, piece in self._pieces
            if at_ms + len(piece) // BYTES_PER_MS > from_ms
        ]
        return voiced_ms(b"".join(kept)[: LONGEST_MS * BYTES_PER_MS])

    def behind(self, guess: Transcript) -> Transcript:
        """`guess` with the voice behind it, if it is a first one: of more words, or final ones, a
        recogniser is sure enough."""
        if guess.is_final or not guess.text or len(guess.text.split()) > FIRST_GUESS_WORDS:
            return guess
        return replace(guess, voice_ms=self.ms_since(guess.start_ms - BEFORE_MS))


def voiced_ms(mulaw: bytes) -> int:
    """How many milliseconds of `mulaw` are a voice, in steps of 20."""
    samples = [_LINEAR[code] for code in mulaw]
    slow = [sum(samples[at : at + _STEP]) for at in range(0, len(samples) - _STEP + 1, _STEP)]
    last = len(slow) - _WINDOW - _PERIODS[-1]
    return sum(_HOP_MS for at in range(0, last + 1, _HOP_MS * _PER_MS) if _is_voiced(slow, at))


def _is_voiced(samples: list[int], at: int) -> bool:
    window = samples[at : at + _WINDOW]
    mean = sum(window) / _WINDOW
    window_level = [sample - mean for sample in window]
    power = sum(map(mul, window_level, window_level))
    if power < _WINDOW * _AUDIBLE**2:
        return False
    for period in _PERIODS:
        shifted = [sample - mean for sample in samples[at + period : at + period + _WINDOW]]
        fit = sum(map(mul, window_level, shifted))
        if fit > 0 and fit >= _FITS * sqrt(power * sum(map(mul, shifted, shifted))):
            return True
    return False
