"""What every actor's process does: at its beginning, once it is warm, and when it is asked."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from config import clock
from otto import logs

if TYPE_CHECKING:
    from config.clock import PinnedClock
    from config.settings import LogLevel


class BaseActor:
    """What all of Otto's actors have in common."""

    def __init__(self, log_level: LogLevel, pinned: PinnedClock | None = None) -> None:
        """The first thing an actor does. Level and clock come with its settings: an environment
        would be that of the node's Ray, which may have been started long before, for another
        level."""
        logs.configure(log_level)
        clock.follow(pinned)

    async def process_stats(self) -> dict[str, int]:
        """The tasks of the running loop, the asking one and Ray's own included: what an actor that
        is idle again holds more than before, it has left behind."""
        return {"tasks": len(asyncio.all_tasks())}

    async def stay(self) -> None:
        """Never returns: whoever awaits it learns at once when this process dies."""
        await asyncio.Event().wait()


def freeze_gc() -> None:
    """Take what is there out of the garbage collector's sight.

    Modules and what is made at the start stay for ever: 200,000 objects in a call actor, which a
    full collection looks through in 150 to 600 ms. It would come in the middle of a call, and the
    caller would hear it.
    """
    gc.collect()
    gc.freeze()
