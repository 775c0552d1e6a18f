"""G.711 mu-law, 8 kHz mono: what telephones speak. 8 bytes are 1 ms; the silent byte is 0xFF.

Formulas: ITU-T G.711, as in the public Sun reference implementation (bias 132, clip 32635).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 8000
BYTES_PER_MS = 8
SILENCE = b"\xff"

_BIAS = 132
_CLIP = 32635


def _decode_table() -> npt.NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS) << ((code & 0x70) >> 4)
    return np.where(code & 0x80, _BIAS - magnitude, magnitude - _BIAS).astype(np.int16)


def _encode_table() -> npt.NDArray[np.uint8]:
    sample = np.arange(-32768, 32768, dtype=np.int32)
    magnitude = np.minimum(np.abs(sample), _CLIP) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    code: npt.NDArray[np.int32] = ~(sign | (exponent << 4) | mantissa) & 0xFF
    return code.astype(np.uint8)


_DECODE = _decode_table()
_ENCODE = _encode_table()


def encode(pcm16: npt.NDArray[np.int16]) -> bytes:
    """Linear 16-bit samples to mu-law, one byte a sample."""
    return _ENCODE[pcm16.astype(np.int32) + 32768].tobytes()


def decode(mulaw: bytes) -> npt.NDArray[np.int16]:
    """mu-law to linear 16-bit samples."""
    return _DECODE[np.frombuffer(mulaw, dtype=np.uint8)]
