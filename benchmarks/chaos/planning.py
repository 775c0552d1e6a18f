"""From a seed to a plan: which turn each fault strikes, how long into it, and the storm. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.chaos.faults import SHORT, Fault, Kill, Moment

STRIKE_AFTER_MS = {
    # What is under way in the very moment is lost with the process; here it is whoever comes next.
    Moment.BEFORE: (100, 1_500),
    Moment.GREETING: (300, 2_500),
    Moment.LISTENING: (200, 900),
    # Endpointing takes 0.4 s of it, then comes the model.
    Moment.THINKING: (450, 900),
    Moment.SPEAKING: (300, 1_500),
    # The tool is called about 0.8 s after the caller's "yes".
    Moment.BOOKING: (500, 1_300),
}
"""How long after the moment has come, at least and at most."""
STORM_EVERY_S = (2.0, 6.0)
STORM_CALL_EVERY_S = (0.5, 3.0)
STORM_BOOKS_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Step:
    """One fault, with a call of its own. `turn`: which of the caller's turns it strikes, from 1
    (ignored by moments that come once)."""

    fault: Fault
    turn: int
    after_ms: int


@dataclass(frozen=True, slots=True)
class StormCall:
    """A call of the storm, so long after its beginning."""

    at_s: float
    books: bool


@dataclass(frozen=True, slots=True)
class StormStrike:
    """A fault of the storm, so long after its beginning."""

    at_s: float
    fault: Fault


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it."""

    seed: int
    steps: tuple[Step, ...]
    storm_calls: tuple[StormCall, ...]
    storm_strikes: tuple[StormStrike, ...]


class PlanError(ValueError):
    """What was asked for cannot be planned. The message is a sentence."""


def plan(
    seed: int,
    faults: Sequence[Fault],
    *,
    only: str = "",
    whole: bool = False,
    storm_calls: int = 12,
    repeat: int = 1,
) -> Plan:
    """The plan of a seed: of the short list, of the `whole`, or of what `only` names, parted by
    commas: faults, or their beginnings, or "storm". A fault is struck in the same way whichever
    others there are."""
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    if wanted:
        chosen = [f for f in faults if any(f.name.startswith(name) for name in wanted)]
    else:
        chosen = [f for f in faults if whole or f.name in SHORT]
    storming = not wanted or "storm" in wanted
    for name in wanted:
        if name != "storm" and not any(fault.name.startswith(name) for fault in faults):
            raise PlanError(f"there is no fault {name!r}: see benchmarks/chaos/faults.py")
    steps = [_step(seed, fault, number) for number in range(repeat) for fault in chosen]
    calls = _storm_calls(seed, storm_calls) if storming else ()
    strikes = _storm_strikes(seed, faults, calls[-1].at_s if calls else 0.0)
    return Plan(seed, tuple(steps), calls, strikes)


def _step(seed: int, fault: Fault, number: int) -> Step:
    rng = random.Random(f"{seed}:{fault.name}:{number}")
    # A caller who asks does it once; one who books speaks more often than three times.
    turn = rng.randint(1, 3) if fault.caller == "books" else 1
    return Step(fault, turn, rng.randint(*STRIKE_AFTER_MS[fault.moment]))


def _storm_calls(seed: int, count: int) -> tuple[StormCall, ...]:
    rng = random.Random(f"{seed}:storm:calls")
    calls, at_s = [], 0.0
    for _ in range(count):
        calls.append(StormCall(round(at_s, 2), rng.random() < STORM_BOOKS_SHARE))
        at_s += rng.uniform(*STORM_CALL_EVERY_S)
    return tuple(calls)


def _storm_strikes(
    seed: int, faults: Sequence[Fault], last_call_s: float
) -> tuple[StormStrike, ...]:
    """Faults every few seconds from the third second until shortly after the last call's
    beginning. Of the kills of call actors, at most every third: each costs seconds of CPU."""
    rng = random.Random(f"{seed}:storm:strikes")
    # Two stores that go away are one that comes back twice.
    real = [f for f in faults if f.strike and getattr(f.strike, "without", None) is None]
    costly = [fault for fault in real if fault.strike == Kill("CallActor")]
    cheap = [fault for fault in real if fault not in costly]
    strikes: list[StormStrike] = []
    at_s = 3.0
    while last_call_s and at_s < last_call_s + 10.0:
        third = len(strikes) % 3 == 2
        strikes.append(StormStrike(round(at_s, 2), rng.choice(costly if third else cheap)))
        at_s += rng.uniform(*STORM_EVERY_S)
    return tuple(strikes)


class MomentWatch:
    """Told every event of a call, says when the moment has come. Not for `BEFORE`."""

    def __init__(self, moment: Moment, turn: int) -> None:
        self._moment = moment
        self._turn = turn
        self._counts: dict[tuple[str, str], int] = {}

    def sees(self, event: dict[str, Any], *, is_confirmed: bool = False) -> bool:
        """`is_confirmed`: the caller has said yes to a time (only asked for by `BOOKING`)."""
        key = (event["who"], event["kind"])
        count = self._counts[key] = self._counts.get(key, 0) + 1
        match self._moment:
            case Moment.GREETING:
                return key == ("otto", "first_audio")
            case Moment.LISTENING:
                return key == ("caller", "says") and count == self._turn
            case Moment.THINKING:
                return key == ("caller", "finished") and count == self._turn
            case Moment.SPEAKING:
                return key == ("otto", "answers") and count == self._turn
            case Moment.BOOKING:
                return key == ("caller", "finished") and is_confirmed
            case Moment.BEFORE:
                return False
