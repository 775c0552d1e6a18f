"""What a process does once it is warm."""

from __future__ import annotations

import asyncio
import gc


def freeze_gc() -> None:
    """Take what is there out of the garbage collector's sight.

    Modules and what is made at the start stay for ever: 200,000 objects in a call actor, which a
    full collection looks through in 150 to 600 ms. It would come in the middle of a call, and the
    caller would hear it.
    """
    gc.collect()
    gc.freeze()


def process_stats() -> dict[str, int]:
    """The tasks of the running loop, the asking one and Ray's own included: what an actor that is
    idle again holds more than before, it has left behind."""
    return {"tasks": len(asyncio.all_tasks())}
