"""Order for messages between actors.

Ray starts an async actor's methods in no promised order, and a sentence said before the one that
precedes it cannot be taken back. Senders number what they send; receivers run it in that order.
"""

from __future__ import annotations

from collections.abc import Callable


class InOrder:
    """Runs what arrives in the order of its numbers, which count from 0 without a gap."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, Callable[[], None]] = {}

    def take(self, number: int, run: Callable[[], None]) -> None:
        """Run it now, or keep it until everything before it has come. Repeats are ignored."""
        if number < self._next:
            return
        self._early[number] = run
        while (following := self._early.pop(self._next, None)) is not None:
            self._next += 1
            following()
