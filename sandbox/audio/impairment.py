"""What is between a caller's mouth and Twilio: the noise of the place, and packets that are lost.

Levels are stated, and the same seed makes the same noise and loses the same packets. The noise is
measured against the loudness all voices are brought to (`sandbox.audio.voices.LOUDNESS`).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Literal

import numpy as np
import numpy.typing as npt

from sandbox.audio import mulaw
from sandbox.audio.frames import FRAME_BYTES, SILENCE_FRAME
from sandbox.audio.voices import LOUDNESS

Noise = Literal["road", "crowd"]
LOOP_S = 20
"""The noise repeats after so long."""
SYLLABLES_HZ = 4.0
"""How often the murmur of a crowd swells: as often as people speak syllables."""
FULL_SCALE = 32767


class Impairment:
    """One caller's line: a steady `road`, or the murmur of a `crowd`, `snr_db` below the voice
    (None: silence), and `loss_percent` of the 20 ms packets lost, each on its own. What is lost is
    silence: nothing is put in its place."""

    def __init__(
        self, noise: Noise, snr_db: float | None, loss_percent: float, seed: int = 0
    ) -> None:
        chance = np.random.default_rng(seed)
        self._chance = chance
        self._loss = loss_percent / 100
        self._noise = None if snr_db is None else _frames(noise, snr_db, chance)
        self._at = 0
        self.lost = 0
        self.carried = 0

    def carry(self, frame: str | None) -> str:
        """A frame as it arrives: base64 of 20 ms. `frame` None: the caller is silent."""
        self.carried += 1
        audio = b64decode(frame) if frame else SILENCE_FRAME
        if self._noise is not None:
            noise = self._noise[self._at % len(self._noise)]
            self._at += 1
            mixed = mulaw.decode(audio).astype(np.float32) + noise
            audio = mulaw.encode(np.clip(mixed, -FULL_SCALE, FULL_SCALE).astype(np.int16))
        if self._loss and self._chance.random() < self._loss:
            self.lost += 1
            audio = SILENCE_FRAME
        return b64encode(audio).decode()


def _frames(noise: Noise, snr_db: float, chance: np.random.Generator) -> npt.NDArray[np.float32]:
    """The noise at its level, cut into frames of samples."""
    count = LOOP_S * mulaw.SAMPLE_RATE
    samples = _coloured(count, chance, *_BANDS[noise])
    if noise == "crowd":
        at = np.arange(count) / mulaw.SAMPLE_RATE
        swells = sum(
            np.sin(2 * np.pi * SYLLABLES_HZ * rate * at + chance.uniform(0, 2 * np.pi))
            for rate in (0.6, 0.85, 1.0, 1.3)
        )
        samples = samples * (1 + 0.2 * swells)
    level = LOUDNESS * FULL_SCALE * 10 ** (-snr_db / 20)
    samples *= level / np.sqrt(np.mean(samples**2))
    cut = samples[: count - count % FRAME_BYTES]
    return np.asarray(cut.reshape(-1, FRAME_BYTES), dtype=np.float32)


_BANDS = {"road": (40.0, 800.0, 1.0), "crowd": (200.0, 3400.0, 0.5)}
"""Lowest and highest frequency in Hz, and by which power of the frequency it falls off."""


def _coloured(
    count: int, chance: np.random.Generator, low_hz: float, high_hz: float, falloff: float
) -> npt.NDArray[np.float64]:
    """Noise within a band that falls off towards high frequencies."""
    spectrum = chance.normal(size=count // 2 + 1) + 1j * chance.normal(size=count // 2 + 1)
    hz = np.fft.rfftfreq(count, 1 / mulaw.SAMPLE_RATE)
    gain = np.where((hz >= low_hz) & (hz <= high_hz), np.maximum(hz, 1.0) ** -falloff, 0.0)
    return np.asarray(np.fft.irfft(spectrum * gain, count), dtype=np.float64)
