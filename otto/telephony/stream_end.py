"""Why a media stream ends, and how its socket is closed."""

from __future__ import annotations

from dataclasses import dataclass, field

from otto.media_link.events import LineLost, LineStopped

CLOSE_NORMAL = 1000
CLOSE_POLICY = 1008
CLOSE_INTERNAL = 1011


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """Why a stream ended. `event` is told to the call actor; `close_code` None: already closed."""

    reason: str
    event: LineStopped | LineLost = field(default_factory=LineLost)
    close_code: int | None = CLOSE_NORMAL
