"""Whether one more call can be taken on this node, and if not, why. Sans-I/O.

Refusing is a kindness to those already on the line: a call that is taken must be held well, and
none may slow another. A call that was being served (its actor or its line broke) is never refused
for anything but the lack of a place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from otto.health.lag import LateProcesses
from otto.health.pool import Lease, WarmPool

FULL = "full"
DRAINING = "draining"
OVERLOADED = "overloaded"
VENDOR_OUT = "vendor_out"
ELSEWHERE = frozenset({FULL, DRAINING, OVERLOADED})
"""Reasons for which another node may still take the call."""


@dataclass(slots=True)
class Admission:
    """Decides for one switchboard. Clocks are the pool's."""

    pool: WarmPool
    max_lag_ms: float
    """Above this smoothed lag of any process of the node, no new call is taken."""
    is_vendor_out: Callable[[float], bool]
    """Whether a kind of vendor is out of reach altogether, at a time."""
    lag: LateProcesses = field(default_factory=LateProcesses)
    draining: bool = False
    refused: dict[str, int] = field(default_factory=dict)
    """How many calls were refused, by reason."""

    def admit(self, call_sid: str, now_s: float, takeover: bool = False) -> Lease | str:
        """A lease for the call, or the reason why not."""
        reason = None if takeover else self._objection(now_s)
        lease = None if reason else self.pool.lease(call_sid, now_s, takeover)
        if lease is not None:
            return lease
        reason = reason or FULL
        self.refused[reason] = self.refused.get(reason, 0) + 1
        return reason

    def _objection(self, now_s: float) -> str | None:
        if self.draining:
            return DRAINING
        if self.is_vendor_out(now_s):
            return VENDOR_OUT
        if self.lag.worst(now_s)[0] > self.max_lag_ms:
            return OVERLOADED
        return None
