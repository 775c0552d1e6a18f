"""Whether a voice has really said what it was asked to. Sans-I/O.

A vendor may report success and send nothing, silence, or the first syllable. How much sound a text
needs can only be bounded from below: nobody speaks eight times as fast as usual.
"""

from __future__ import annotations

import re
from typing import Final

from otto.speech.wire import BYTES_PER_MS

LEAST_MS_PER_CHAR: Final = 8.0
"""Audible sound for each letter or digit. Voices take some 60 to 80 ms, the fastest people 35."""
_SILENT_STEPS: Final = 2
"""Mu-law's smallest steps (below -60 dB): silence, and the dither on it."""
_SILENT: Final = bytes(byte for byte in range(256) if ~byte & 0x7F <= _SILENT_STEPS)


def audible_bytes(mulaw: bytes | bytearray) -> int:
    """How many samples of it can be heard: none in silence (0xFF, 0x7F)."""
    return len(mulaw.translate(None, _SILENT))


def is_enough(spoken: str, audible: int) -> bool:
    """Whether so many audible samples may be all of the text `spoken`."""
    letters = len(re.findall(r"\w", spoken))
    return audible >= letters * LEAST_MS_PER_CHAR * BYTES_PER_MS
