"""A telephone's frames: 20 ms of mu-law each, and what silence looks like in them."""

from __future__ import annotations

from base64 import b64encode

FRAME_MS = 20
FRAME_BYTES = 160
"""20 ms of mu-law at 8 kHz."""
SILENCE_FRAME = b"\xff" * FRAME_BYTES
SILENCE_PAYLOAD = b64encode(SILENCE_FRAME).decode()
QUIET_BYTES = b"\xff\x7f\xfe\x7e"
"""mu-law's zero and its neighbours, of both signs: digital silence, as a voice leaves it."""


def frames_of(mulaw: bytes) -> list[str]:
    """`mulaw` cut into base64 frames of 20 ms, the last filled up with silence."""
    return [
        b64encode(mulaw[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff")).decode()
        for at in range(0, len(mulaw), FRAME_BYTES)
    ]
