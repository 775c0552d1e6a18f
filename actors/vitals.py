"""What only a process itself can say of its health: how many tasks its event loop holds."""

from __future__ import annotations

import asyncio


def vitals() -> dict[str, int]:
    """The tasks of the running loop, the asking one and Ray's own included: what an actor that is
    idle again holds more than before, it has left behind."""
    return {"tasks": len(asyncio.all_tasks())}
