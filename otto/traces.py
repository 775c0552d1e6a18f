"""Tracebacks that may be logged."""

from __future__ import annotations

import traceback
from pathlib import Path

MOST_FRAMES = 6


def where(error: BaseException) -> str:
    """Where it was raised, the innermost frames first, as "file:line function".

    Neither the message nor any value: both may hold what a caller said, or who they are.
    """
    frames = traceback.extract_tb(error.__traceback__)[::-1][:MOST_FRAMES]
    return ", ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames)
