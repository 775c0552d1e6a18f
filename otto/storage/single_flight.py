"""Many who want to know the same at once ask once.

Who comes while a question is under way does not take its answer, which may be from before a write
that they know of: all of them wait for it, and share the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Questions by their key, for one event loop: of each at most one under way, and one behind."""

    def __init__(self) -> None:
        self._next: dict[K, asyncio.Task[V]] = {}
        self._current: dict[K, asyncio.Task[V]] = {}

    async def ask(self, key: K, question: Callable[[], Awaitable[V]]) -> V:
        """The answer to a question that begins after this call did; its error is everybody's.

        Whoever is cancelled does not cancel it for the others.
        """
        task = self._next.get(key)
        if task is None:
            task = asyncio.create_task(self._fly(key, self._current.get(key), question))
            task.add_done_callback(_look_at)
            self._next[key] = task
        return await asyncio.shield(task)

    async def _fly(
        self, key: K, before: asyncio.Task[V] | None, question: Callable[[], Awaitable[V]]
    ) -> V:
        if before is not None:
            await asyncio.wait({before})
        self._current[key] = self._next.pop(key)
        try:
            return await question()
        finally:
            del self._current[key]


def _look_at(task: asyncio.Task[V]) -> None:
    if not task.cancelled():
        task.exception()  # taken notice of: everybody who asked may be gone
