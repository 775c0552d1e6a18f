"""How many Flush messages may still be sent: the vendor counts them by the minute. Sans-I/O."""

from __future__ import annotations

from collections import deque
from typing import Final

FLUSH_WINDOW_S: Final = 60.0
LOW_SHARE: Final = 1 / 3
"""Of the flushes a minute: with fewer than this left, sentences are joined."""


class FlushBudget:
    """Flushes within the last minute. Clocks are seconds, always of the same clock."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._spent: deque[float] = deque()

    def spend(self, now: float) -> None:
        """One was sent."""
        self._spent.append(now)

    def left(self, now: float) -> int:
        """How many may be sent at once."""
        while self._spent and self._spent[0] <= now - FLUSH_WINDOW_S:
            self._spent.popleft()
        return self._per_minute - len(self._spent)

    def is_ample(self, left: int) -> bool:
        """Whether so many are left that none need be saved."""
        return left > self._per_minute * LOW_SHARE

    @property
    def next_at(self) -> float:
        """When there is another one again, with none left."""
        return self._spent[0] + FLUSH_WINDOW_S
