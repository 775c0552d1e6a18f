"""How late an event loop is: the one sign of overload that every process can see by itself.

A loop that should have woken at a certain time and did so 300 ms later makes every sentence 300 ms
later, too. Each process measures its own loop; only those that are late say so, to the switchboard,
whose record of them is part of the decision whether one more call can be taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MEASURE_EVERY_S = 0.5
SMOOTHING = 0.3
"""Weight of the newest measurement: one stall of a second does not close the door, a loop that is
late all the time does within two."""
MOST_MS = 1000.0
"""What one measurement counts for at most: a process that was stopped for a while and goes on is
no sign that the node is overloaded."""
REPORT_EVERY_S = 2.0
FORGET_AFTER_S = 5.0
"""A process that has not repeated its complaint for so long is well, or gone."""


@dataclass(slots=True)
class LagMeter:
    """One loop's lateness, in milliseconds. Sans-I/O but for `run`; clocks are seconds."""

    threshold_ms: float
    """Above this the process says so."""
    smoothed_ms: float = 0.0
    _reported_s: float = float("-inf")

    def note(self, lag_s: float) -> None:
        """A measurement: the loop woke `lag_s` after it should have."""
        lag_ms = min(max(0.0, lag_s) * 1000, MOST_MS)
        self.smoothed_ms += SMOOTHING * (lag_ms - self.smoothed_ms)

    def due(self, now_s: float) -> float | None:
        """What to report now, or None: all is well, or it was said a moment ago."""
        if self.smoothed_ms <= self.threshold_ms or now_s < self._reported_s + REPORT_EVERY_S:
            return None
        self._reported_s = now_s
        return self.smoothed_ms

    async def run(self, report: Callable[[float], Any]) -> None:
        """Measure the running loop until cancelled; `report` gets the lag when it is too high."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + MEASURE_EVERY_S
            await asyncio.sleep(MEASURE_EVERY_S)
            now_s = loop.time()
            self.note(now_s - due_s)
            lag_ms = self.due(now_s)
            if lag_ms is not None:
                report(lag_ms)


class LateProcesses:
    """Which processes of the node have said that they are late."""

    def __init__(self) -> None:
        self._late: dict[str, tuple[float, float]] = {}

    def report(self, source: str, lag_ms: float, now_s: float) -> None:
        """`source` names the process."""
        self._late[source] = (now_s, lag_ms)

    def worst(self, now_s: float) -> tuple[float, str]:
        """The highest lag in milliseconds and whose it is; (0, "") when nobody is late."""
        for source, (at_s, _) in list(self._late.items()):
            if at_s <= now_s - FORGET_AFTER_S:
                del self._late[source]
        return max(
            ((lag_ms, source) for source, (_, lag_ms) in self._late.items()), default=(0, "")
        )
