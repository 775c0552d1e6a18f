"""What is written down about a call and what struck it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.chaos.faults import Fault
from otto.dialogue.session.opening import GENERATIONS_PER_EPOCH


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

    @property
    def taken_over_ms(self) -> float | None:
        """From the strike until audio of the call's next owner reached Twilio, which plays what it
        has meanwhile. None when the call was not taken over.

        Told by the marks behind the audio: a later owner's generations are greater by far.
        """
        if self.struck_monotonic_ms is None or not self.record:
            return None
        marks = [
            (mark["monotonic_ms"], _owner(mark["name"]))
            for mark in self.record["measured"]["marks"]
        ]
        struck_ms = self.struck_monotonic_ms
        before = max((owner for at_ms, owner in marks if at_ms <= struck_ms), default=0)
        after = [at_ms for at_ms, owner in marks if at_ms > struck_ms and owner > before]
        return min(after) - struck_ms if before and after else None


@dataclass(slots=True)
class Seen:
    """Everything of a run."""

    trials: list[Trial] = field(default_factory=list)
    storm: list[Trial] = field(default_factory=list)
    not_begun: list[str] = field(default_factory=list)
    """Faults there was no time for."""
    storm_strikes: list[dict[str, Any]] = field(default_factory=list)


def _owner(mark: str) -> int:
    """Which owner of the call a mark named "generation.index" comes from, counted from 1."""
    return int(mark.partition(".")[0]) // GENERATIONS_PER_EPOCH
