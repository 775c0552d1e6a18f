"""The clocks of one call, by name: setting one again replaces it, and all end with the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum


class Timer(StrEnum):
    """What a conversation waits for."""

    SILENCE = "silence"
    """Nobody speaks, and it is the caller's turn."""
    TURN = "turn"
    """A turn held open, or an interruption without words, is to be settled."""
    FILLER = "filler"
    """Nothing of the answer can be heard yet."""
    STALL = "stall"
    """No sign of life from whoever makes the answer."""
    WARNING = "warning"
    """The call nears its limit."""
    LIMIT = "limit"
    """The call has reached its limit; and, set again, the end of the grace."""


class Timers:
    """Named timers on the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._handles: dict[Timer, asyncio.TimerHandle] = {}

    def start(self, timer: Timer, delay_s: float, action: Callable[[], None]) -> None:
        """Call `action` in `delay_s` seconds, in place of what this timer was set to."""
        self.stop(timer)
        self._handles[timer] = self._loop.call_later(max(0.0, delay_s), self._ring, timer, action)

    def stop(self, *timers: Timer) -> None:
        """These do not ring any more."""
        for timer in timers:
            handle = self._handles.pop(timer, None)
            if handle is not None:
                handle.cancel()

    def stop_all(self) -> None:
        """None rings any more."""
        self.stop(*Timer)

    def _ring(self, timer: Timer, action: Callable[[], None]) -> None:
        self._handles.pop(timer, None)
        action()
