"""Other people's audio: linear PCM, mu-law and A-law at their rates, to and from the telephone's.

Inside the sandbox all audio is mu-law at 8 kHz. At a socket's edge an `Inlet` makes that of what a
client sends, an `Outlet` what a client asked for. What is mu-law at 8 kHz already passes through
untouched, and *known* audio (sandbox.audio.carrier) survives linear PCM as well, because its
samples are repeated and dropped, not interpolated: it is no sound, but bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sandbox.audio import mulaw

Samples = npt.NDArray[np.int16]

SAMPLE_BYTES: Final = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}
"""Raw encodings that can be read and written, with the size of a sample; all little-endian."""
HEADER_LIMIT_BYTES: Final = 4096
"""A WAV file whose audio does not begin within so much is none."""
_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
"""WAV's format tags."""


class UndecodableError(ValueError):
    """What came is no audio that can be read."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Raw mono audio."""

    encoding: str = "mulaw"
    sample_rate: int = mulaw.SAMPLE_RATE

    @property
    def is_telephone(self) -> bool:
        """Whether nothing has to be done to it."""
        return self == TELEPHONE


TELEPHONE: Final = AudioFormat()


class Inlet:
    """A client's audio as mu-law at 8 kHz, piece by piece; pieces may end anywhere."""

    def __init__(self, audio: AudioFormat | None, *, is_known: bool = False) -> None:
        """`audio` None: it comes in a container that says what it is (a WAV file)."""
        self._audio = audio
        self._is_known = is_known
        self._rest = b""
        self._resample: _Resample | None = None

    def feed(self, data: bytes) -> bytes:
        """The next piece. Raises `UndecodableError` for what is no WAV file, where one must be."""
        if self._audio is None:
            data = self._rest + data
            found = _wav_format(data)
            if found is None:
                self._rest = data
                return b""
            self._audio, begins = found
            data, self._rest = data[begins:], b""
        audio = self._audio
        if audio.is_telephone:
            return data
        data = self._rest + data
        whole = len(data) - len(data) % SAMPLE_BYTES[audio.encoding]
        self._rest = data[whole:]
        if self._resample is None:
            self._resample = _resampler(audio.sample_rate, mulaw.SAMPLE_RATE, self._is_known)
        return mulaw.encode(self._resample(_DECODERS[audio.encoding](data[:whole]), False))

    def flush(self) -> bytes:
        """What is still on its way when no more comes."""
        resample, self._resample, self._rest = self._resample, None, b""
        return b"" if resample is None else mulaw.encode(resample(np.zeros(0, np.int16), True))


class Outlet:
    """Mu-law at 8 kHz as what a client asked for, piece by piece."""

    def __init__(self, audio: AudioFormat, *, is_known: bool = False) -> None:
        self._audio = audio
        self._is_known = is_known
        self._resample: _Resample | None = None

    def feed(self, audio: bytes, *, is_last: bool = False) -> bytes:
        """The next piece; `is_last`: nothing follows that belongs to it."""
        if self._audio.is_telephone:
            return audio
        if self._resample is None:
            self._resample = _resampler(mulaw.SAMPLE_RATE, self._audio.sample_rate, self._is_known)
        samples = self._resample(mulaw.decode(audio), is_last)
        if is_last:
            self._resample = None
        return _ENCODERS[self._audio.encoding](samples)


_Resample = Callable[[Samples, bool], Samples]


def _resampler(from_hz: int, to_hz: int, is_known: bool) -> _Resample:
    """A function of samples and whether they are the last, that keeps what it needs of them."""
    if from_hz == to_hz:
        return lambda samples, _: samples
    if is_known and to_hz % from_hz == 0:
        return lambda samples, _: np.repeat(samples, to_hz // from_hz)
    if is_known and from_hz % to_hz == 0:
        return _Every(from_hz // to_hz)
    import soxr  # only who sends another rate needs it

    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16", quality="HQ")

    def resample(samples: Samples, is_last: bool) -> Samples:
        converted: Samples = stream.resample_chunk(samples, last=is_last)
        return converted

    return resample


class _Every:
    """Takes every so many-th sample."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._at = 0

    def __call__(self, samples: Samples, _is_last: bool) -> Samples:
        taken = samples[self._at :: self._step]
        self._at = (self._at - len(samples)) % self._step
        return taken


@lru_cache(maxsize=1)
def _alaw_table() -> Samples:
    """A-law's codes as linear samples (ITU-T G.711)."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    mantissa, exponent = (code & 0x0F) << 4, (code >> 4) & 0x07
    magnitude = np.where(exponent, (mantissa + 0x108) << np.maximum(exponent - 1, 0), mantissa + 8)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


@lru_cache(maxsize=1)
def _alaw_codes() -> npt.NDArray[np.uint8]:
    """The nearest code of each 16-bit sample, from -32768 up."""
    table = _alaw_table().astype(np.int32)
    order = np.argsort(table).astype(np.uint8)
    between = (table[order][1:] + table[order][:-1] + 1) // 2
    nearest = np.searchsorted(between, np.arange(-32768, 32768), side="right")
    codes: npt.NDArray[np.uint8] = order[nearest]
    return codes


def _from_floats(data: bytes) -> Samples:
    floats = np.nan_to_num(np.frombuffer(data, "<f4"), nan=0.0, posinf=1.0, neginf=-1.0)
    samples: Samples = (np.clip(floats, -1.0, 1.0) * 32767).astype(np.int16)
    return samples


_DECODERS: Final[dict[str, Callable[[bytes], Samples]]] = {
    "linear16": lambda data: np.frombuffer(data, "<i2").astype(np.int16),
    "linear32": _from_floats,
    "mulaw": mulaw.decode,
    "alaw": lambda data: _alaw_table()[np.frombuffer(data, np.uint8)],
}
_ENCODERS: Final[dict[str, Callable[[Samples], bytes]]] = {
    "linear16": lambda samples: samples.astype("<i2").tobytes(),
    "mulaw": mulaw.encode,
    "alaw": lambda samples: _alaw_codes()[samples.astype(np.int32) + 32768].tobytes(),
}


def _wav_format(data: bytes) -> tuple[AudioFormat, int] | None:
    """What a WAV file's beginning says of its audio, and where that begins; None: more is needed.

    Raises `UndecodableError`.
    """
    if data[:4] != b"RIFF"[: len(data)] or data[8:12] != b"WAVE"[: max(0, len(data) - 8)]:
        raise UndecodableError("no WAV file")
    at, found = 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if name == b"data":
            if found is None:
                raise UndecodableError("a WAV file that does not say what it holds")
            return found, at
        if at + size > HEADER_LIMIT_BYTES:
            raise UndecodableError("a WAV file without a beginning")
        if name == b"fmt " and at + 16 <= len(data):
            found = _wave_format(*struct.unpack_from("<HHIIHH", data, at))
        at += size + size % 2
    return None


def _wave_format(tag: int, channels: int, rate: int, *rest: Any) -> AudioFormat:
    bits = rest[-1]
    encoding = {(_PCM, 16): "linear16", (_FLOAT, 32): "linear32", (_ALAW, 8): "alaw"}
    encoding |= {(_MULAW, 8): "mulaw", (_EXTENSIBLE, 16): "linear16"}
    if (tag, bits) not in encoding or channels != 1 or not rate:
        raise UndecodableError("a WAV file of another kind")
    return AudioFormat(encoding[tag, bits], rate)
