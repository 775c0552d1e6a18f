"""Faults on demand: each vendor stand-in can be told to be slow, to fail, to drop, to refuse.

`POST /sandbox/faults` adds one; the stand-ins ask `Faults.meet` (or `take`) at the moment where
it would bite, and carry out what they get. A fault bites `count` times, or until it is removed.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from itertools import count as counter
from typing import Any, Literal, get_args

Kind = Literal["slow", "fail", "refuse", "drop", "stall"]
"""slow: everything works, `delay_ms` later. fail: answer `status`. refuse: refuse the connection
or the handshake. drop: break off in the middle, `delay_ms` after it began. stall: stay silent."""

KINDS: tuple[Kind, ...] = get_args(Kind)
TARGETS = ("deepgram.listen", "deepgram.speak", "openai", "google", "google.token", "twilio")


class FaultError(ValueError):
    """The fault asked for does not exist. The message is a sentence for whoever asked."""


@dataclass(slots=True)
class Fault:
    """One fault that lies in wait. `count` is how often it still bites; None: until removed."""

    id: int
    target: str
    kind: Kind
    delay_ms: int = 0
    status: int = 500
    count: int | None = None
    bitten: int = 0


class Faults:
    """The faults of the whole sandbox, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = counter(1)

    def add(
        self,
        target: str,
        kind: str,
        *,
        delay_ms: int = 0,
        status: int = 500,
        count: int | None = None,
    ) -> Fault:
        """Lay a fault. Raises `FaultError` for an unknown target or kind, or a senseless number."""
        if target not in TARGETS:
            raise FaultError(f"unknown target {target!r}: use one of {', '.join(TARGETS)}")
        if kind not in KINDS:
            raise FaultError(f"unknown kind {kind!r}: use one of {', '.join(KINDS)}")
        if delay_ms < 0 or (count is not None and count < 1) or not 400 <= status <= 599:
            raise FaultError("delay_ms must be >= 0, count >= 1, status between 400 and 599")
        fault = Fault(next(self._ids), target, kind, delay_ms, status, count)
        self._faults.append(fault)
        return fault

    def clear(self, target: str | None = None) -> int:
        """Remove the faults of `target`, or all of them; returns how many."""
        before = len(self._faults)
        self._faults = [f for f in self._faults if target is not None and f.target != target]
        return before - len(self._faults)

    def list(self) -> list[dict[str, Any]]:
        """All faults in JSON's terms."""
        return [asdict(fault) for fault in self._faults]

    def take(self, target: str, *kinds: Kind) -> Fault | None:
        """The oldest fault of `target` (of one of `kinds`, if given), counted as having bitten.

        Costs nothing when no fault is laid: sockets may ask for every frame.
        """
        if not self._faults:
            return None
        for fault in self._faults:
            if fault.target == target and (not kinds or fault.kind in kinds):
                fault.bitten += 1
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self._faults.remove(fault)
                return fault
        return None

    async def meet(self, target: str, *kinds: Kind) -> Fault | None:
        """What befalls this request: a fault to carry out, or None.

        A "slow" fault is served here, by waiting; it may be followed by another kind. `kinds`
        narrows what may be met (a handshake leaves "drop" to the open socket).
        """
        if not self._faults:
            return None
        slow = self.take(target, "slow") if not kinds or "slow" in kinds else None
        if slow is not None:
            await asyncio.sleep(slow.delay_ms / 1000)
        others = tuple(kind for kind in (kinds or KINDS) if kind != "slow")
        return self.take(target, *others) if others else None
