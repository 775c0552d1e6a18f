"""Background tasks with an owner: asyncio itself keeps no task alive that nobody refers to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Tasks(set[asyncio.Task[Any]]):
    """The running ones; each leaves when it is done. A failure that nobody awaits is reported by
    asyncio when the task is collected."""

    def spawn(self, work: Coroutine[Any, Any, T], name: str | None = None) -> asyncio.Task[T]:
        """Run `work` on the running loop as a task of this owner."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.add(task)
        task.add_done_callback(self.discard)
        return task

    async def finish(self, name: str, timeout_s: float) -> bool:
        """Wait for those of this name; whether none of them is left."""
        named = [task for task in self if task.get_name() == name]
        if not named:
            return True
        _, running = await asyncio.wait(named, timeout=timeout_s)
        return not running

    async def cancel(self) -> None:
        """End all of them."""
        for task in self:
            task.cancel()
        await asyncio.gather(*self, return_exceptions=True)
