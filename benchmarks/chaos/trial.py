"""What is written down about a call and what struck it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.chaos.faults import Fault


@dataclass(slots=True)
class Trial:
    """One call, and what struck it."""

    fault: Fault
    call_sid: str = ""
    struck_monotonic_ms: float | None = None
    ended_monotonic_ms: float = 0.0
    problem: str = ""
    """Why the fault could not be struck; "" when it was."""
    record: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    whole_after_s: float | None = None
    """From the strike until every place was warm and free; None: it did not come to that, or it
    is not known for this trial alone."""

    @property
    def struck_ms(self) -> float:
        """The strike in the call's own time; 0 when it came before."""
        if self.struck_monotonic_ms is None or not self.record:
            return 0.0
        began_ms: float = self.record["t0_monotonic_ms"]
        return max(0.0, self.struck_monotonic_ms - began_ms)


@dataclass(slots=True)
class Seen:
    """Everything of a run."""

    trials: list[Trial] = field(default_factory=list)
    storm: list[Trial] = field(default_factory=list)
    not_begun: list[str] = field(default_factory=list)
    """Faults there was no time for."""
    storm_strikes: list[dict[str, Any]] = field(default_factory=list)
