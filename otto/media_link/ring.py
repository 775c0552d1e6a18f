"""The last seconds of a caller's audio, kept for a worker that comes late or comes again."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from otto.media_link.frames import AUDIO_BYTES_PER_MS, Kind, encode_audio

RING_S = 10
RING_BYTES = RING_S * 1000 * AUDIO_BYTES_PER_MS


class Kept(NamedTuple):
    end_ms: int
    size: int
    frame: bytes


class Ring:
    """The last seconds of uplink audio, encoded, each frame with a running number."""

    def __init__(self) -> None:
        self._kept: deque[Kept] = deque()
        self._bytes = 0
        self.first = 0
        self.next = 0

    def append(self, at_ms: int, mulaw: bytes) -> bytes:
        """Keep audio of this media time; returns its frame."""
        frame = encode_audio(Kind.AUDIO, at_ms, mulaw)
        size = len(mulaw)
        kept = self._kept
        kept.append(Kept(at_ms + size // AUDIO_BYTES_PER_MS, size, frame))
        self.next += 1
        self._bytes += size
        while self._bytes > RING_BYTES:
            self._bytes -= kept.popleft().size
            self.first += 1
        return frame

    def since(self, number: int) -> list[bytes]:
        """The frames from this number on, as far as they are kept."""
        start = max(0, number - self.first)
        return [self._kept[i].frame for i in range(start, len(self._kept))]

    def number_at(self, from_ms: int) -> int:
        """The number of the first frame that holds audio after `from_ms`."""
        for offset, kept in enumerate(self._kept):
            if kept.end_ms > from_ms:
                return self.first + offset
        return self.next
