"""Known audio: mu-law that carries its own words.

For load tests no recogniser runs. Whoever speaks sends a carrier, and whoever hears reads the
words out of it; nothing is shared between them but the bytes, so mu-law must pass through Otto
untouched, whatever the sizes of the pieces it is cut into.

    |<- header, text ->|<- tone ->|<- header, text ->|<- tone -> ...   repeated every 480 ms
    FE 'otto' position duration length check  text

0xFE opens a header and occurs nowhere else; 0xFF, the silent byte, never occurs. (UTF-8 has
neither.) The header is repeated so that one who joins in the middle, or lost some of it, still
learns the words. Numbers are two to five digits of seven bits, biggest first.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from functools import lru_cache

from sandbox.audio.mulaw import BYTES_PER_MS

MS_PER_CHARACTER = 62
"""A brisk telephone voice: about 16 characters a second."""
MIN_MS = 240
REPEAT_MS = 480
GAP_MS = 200
"""Silence inside a carrier up to this long is a stutter of the line; longer, it was cut off."""
NOISE = "\x01"
"""Words that begin with it were never said: a recogniser takes the sound for them, and then takes
them back."""
NOISE_MS = 500
MAX_TEXT_BYTES = 2**14 - 1
MAX_DURATION_MS = 2**21 - 1

_MAGIC = b"\xfeotto"
_DIGITS = 3 + 3 + 2 + 5
_HEADER = len(_MAGIC) + _DIGITS
_TONE = bytes((0x9E, 0x8E, 0x88, 0x8E, 0x9E, 0x1E, 0x0E, 0x08, 0x0E, 0x1E)) * 1024
"""800 Hz: audible to a person who listens in, and free of 0xFE and 0xFF."""
_HISS = bytes(random.Random(0).choices(range(0xFE), k=len(_TONE)))
"""The same without a pitch, as breath has none."""


@dataclass(frozen=True, slots=True)
class Started:
    """Words begin. `from_ms` is above 0 when the beginning was not heard."""

    text: str
    duration_ms: int
    from_ms: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """Words end. `complete` is False when they were cut off, after `heard_ms` of `duration_ms`."""

    text: str
    complete: bool = True
    heard_ms: int = 0
    duration_ms: int = 0


def spoken_ms(text: str) -> int:
    """How long a voice takes for `text`."""
    return max(MIN_MS, len(text) * MS_PER_CHARACTER)


@lru_cache(maxsize=512)
def encode(text: str, duration_ms: int | None = None, *, has_pitch: bool = True) -> bytes:
    """Audio that carries `text` and lasts `duration_ms` (if None: by its length).

    A duration too short for the words' own bytes is stretched to them. Raises ValueError for
    words or durations beyond the format's limits (16 kB, 35 minutes).
    """
    raw = text.encode("utf-8", "replace")
    if len(raw) > MAX_TEXT_BYTES:
        raise ValueError("too many words for one carrier")
    block = _HEADER + len(raw)
    ms = max(spoken_ms(text) if duration_ms is None else duration_ms, -(-block // BYTES_PER_MS))
    if ms > MAX_DURATION_MS:
        raise ValueError("too long for one carrier")
    step_ms = max(REPEAT_MS, -(-block // BYTES_PER_MS) * 2)
    sound = _TONE if has_pitch else _HISS
    parts: list[bytes] = []
    for position in range(0, ms, step_ms):
        room = min(step_ms, ms - position) * BYTES_PER_MS
        if room >= block:
            parts.append(_header(position, ms, raw) + raw)
            room -= block
        while room > 0:
            parts.append(sound[:room])
            room -= len(parts[-1])
    return b"".join(parts)


def noise(guess: str, *, has_pitch: bool = False) -> bytes:
    """A cough, a door: half a second of sound that a recogniser at first takes for `guess`. Some
    have a pitch: a moan, a voice elsewhere in the room."""
    return encode(NOISE + guess, NOISE_MS, has_pitch=has_pitch)


class CarrierDetector:
    """Reads the words out of a stream of carriers and silence, cut anywhere.

    `feed` never raises, whatever the bytes; audio that is no carrier is passed over.
    """

    def __init__(self, gap_ms: int = GAP_MS) -> None:
        self._gap = gap_ms * BYTES_PER_MS
        self._text: str | None = None
        self._duration = 0  # bytes of the whole carrier
        self._heard = 0  # bytes of it that have passed
        self._silent = 0  # bytes of silence since, before its end
        self._pending = b""  # the beginning of a header that is not whole yet

    @property
    def text(self) -> str | None:
        """The words under way, or None."""
        return self._text

    @property
    def heard_ms(self) -> int:
        """How much of the words under way has passed."""
        return self._heard // BYTES_PER_MS

    @property
    def duration_ms(self) -> int:
        """How long the words under way last in all."""
        return self._duration // BYTES_PER_MS

    def feed(self, mulaw: bytes) -> list[Started | Ended]:
        """The next piece of audio, of any length; what began and ended in it."""
        # Most pieces of a call are all silence, or all tone: neither is looked into any further.
        if not self._pending and self._text is None and b"\xfe" not in mulaw:
            return []
        events: list[Started | Ended] = []
        data = self._pending + mulaw
        self._pending = b""
        at = 0
        while at < len(data):
            mark = data.find(0xFE, at)
            if mark != at:
                stop = len(data) if mark < 0 else mark
                self._pass(data, at, stop, events)
                at = stop
                continue
            found = _parse(data, at)
            if found is None:
                self._pending = data[at:]
                break
            if isinstance(found, int):
                self._pass(data, at, at + found, events)
                at += found
                continue
            position, duration_ms, text, size = found
            self._open(position * BYTES_PER_MS, duration_ms, text, events)
            self._advance(size, events)
            at += size
        return events

    def _open(
        self, position: int, duration_ms: int, text: str, events: list[Started | Ended]
    ) -> None:
        duration = duration_ms * BYTES_PER_MS
        if self._text == text and duration == self._duration and position > 0:
            self._heard = max(self._heard, position)
            self._silent = 0
            return
        self._close(events, complete=False)
        self._text, self._duration, self._heard, self._silent = text, duration, position, 0
        events.append(Started(text, duration_ms, position // BYTES_PER_MS))

    def _pass(self, data: bytes, start: int, stop: int, events: list[Started | Ended]) -> None:
        """Sound without a header, or silence."""
        if self._text is None:
            return
        while start < stop and self._text is not None:
            quiet = data.find(0xFF, start, stop)
            if quiet != start:
                until = stop if quiet < 0 else quiet
                self._silent = 0
                self._advance(until - start, events)
                start = until
                continue
            run = (stop - start) - len(data[start:stop].lstrip(b"\xff"))
            self._silent += run
            start += run
            if self._silent >= self._gap:
                self._close(events, complete=False)

    def _advance(self, size: int, events: list[Started | Ended]) -> None:
        self._heard += size
        if self._heard >= self._duration:
            self._heard = self._duration
            self._close(events, complete=True)

    def _close(self, events: list[Started | Ended], *, complete: bool) -> None:
        if self._text is None:
            return
        events.append(Ended(self._text, complete, self.heard_ms, self._duration // BYTES_PER_MS))
        self._text = None
        self._silent = 0


def _digits(number: int, count: int) -> bytes:
    return bytes((number >> (7 * place)) & 0x7F for place in range(count - 1, -1, -1))


def _number(data: bytes) -> int:
    value = 0
    for digit in data:
        value = value << 7 | digit
    return value


def _header(position_ms: int, duration_ms: int, raw: bytes) -> bytes:
    numbers = _digits(position_ms, 3) + _digits(duration_ms, 3) + _digits(len(raw), 2)
    return _MAGIC + numbers + _digits(zlib.crc32(numbers + raw), 5)


def _parse(data: bytes, at: int) -> tuple[int, int, str, int] | int | None:
    """(position_ms, duration_ms, text, bytes) at `at`; None: more bytes are needed; an int: no
    header, that many bytes to pass over."""
    magic = data[at : at + len(_MAGIC)]
    if not _MAGIC.startswith(magic):
        return 1
    head = data[at + len(_MAGIC) : at + _HEADER]
    if any(digit & 0x80 for digit in head):
        return 1
    if len(magic) + len(head) < _HEADER:
        return None
    length = _number(head[6:8])
    raw = data[at + _HEADER : at + _HEADER + length]
    # A header cut off in its text is followed by silence or by the next header: neither is text.
    broken = min((p for p in (raw.find(0xFE), raw.find(0xFF)) if p >= 0), default=-1)
    if broken >= 0:
        return _HEADER + broken
    if len(raw) < length:
        return None
    if _digits(zlib.crc32(head[:8] + raw), 5) != head[8:]:
        return 1
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return 1
    return _number(head[:3]), _number(head[3:6]), text, _HEADER + length
