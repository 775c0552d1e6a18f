"""Whether something grows with the calls: a line through the samples, and bounds on it. Pure.

A leak of one thing a call is a slope of 100 per 100 calls; noise has a slope, too, but one that
its own error covers. So a bound is exceeded only by what remains of a slope when twice its
standard error is taken away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

WARM_SHARE = 0.2
"""Of the calls: caches fill and modules are imported in the first ones."""
FEWEST_SAMPLES = 6
SURE = 2.0
"""Standard errors."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was counted when so many calls had ended."""

    calls: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth for every 100 calls, and its standard error."""

    per_100: float
    error: float

    @property
    def surely(self) -> float:
        """What of the growth is not noise; 0 when all of it may be."""
        return max(0.0, self.per_100 - SURE * self.error)


def slope(points: Sequence[tuple[float, float]]) -> Slope | None:
    """Theil and Sen's line through (calls, value); None for too few points, or no calls.

    The median of the slopes between all pairs of points: a step near either end, made by something
    that is loaded when it is first needed, does not tilt it as it would the least-squares line (one
    in the middle does, so the soak makes first calls beforehand). Its error
    is half the interval that Kendall's statistic gives the median, for `SURE` standard errors
    (P. K. Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", 1968).
    """
    count = len(points)
    if count < FEWEST_SAMPLES:
        return None
    rises = sorted(
        (y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x1 != x2
    )
    if not rises:
        return None
    spread = SURE * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(rises) - spread) / 2))
    high = min(len(rises) - 1, math.ceil((len(rises) + spread) / 2))
    error = (rises[high] - rises[low]) / 2 / SURE
    return Slope(median(rises) * 100, error * 100)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a quantity may do. None: it is shown, and judged by nobody."""

    per_100: float | None = None
    left: float | None = None
    """How much more of it there may be afterwards than before."""


BOUNDS: dict[str, Bound] = {
    "MB": Bound(per_100=2.0),
    "MB in all": Bound(per_100=6.0),
    "fds": Bound(per_100=1.0, left=12),
    "tasks": Bound(per_100=1.0, left=6),
    "actors": Bound(per_100=0.2, left=0),
    "database connections": Bound(per_100=0.5, left=10),
    "Redis keys": Bound(),
    "Redis keys for ever": Bound(per_100=0.05, left=0),
    "processes": Bound(),
}
"""By what is counted, the part of a quantity's name before the colon."""
OURS = (
    "CallActor",
    "SttActor",
    "LlmActor",
    "TtsActor",
    "SwitchboardActor",
    "CalendarActor",
    "CrmActor",
    "ServeReplica",
)
"""The kinds of processes that run Otto's code. The others' memory is shown and not judged."""


def bound_of(quantity: str) -> Bound:
    """The bound for a quantity like "MB: CallActor"."""
    what, _, kind = quantity.partition(": ")
    if kind and kind not in OURS:
        return Bound()
    return BOUNDS[what]


@dataclass(frozen=True, slots=True)
class Finding:
    """One quantity over a run."""

    quantity: str
    before: float
    most: float
    after: float
    slope: Slope | None
    bound: Bound
    broken: tuple[str, ...]


def judge(before: Sample, during: Sequence[Sample], after: Sample) -> list[Finding]:
    """All quantities, each with what it broke."""
    last = max((sample.calls for sample in during), default=0)
    steady = [sample for sample in during if sample.calls >= last * WARM_SHARE]
    quantities = sorted({name for sample in (before, *during, after) for name in sample.values})
    return [_judge(name, before, steady, during, after) for name in quantities]


def _judge(
    name: str,
    before: Sample,
    steady: Sequence[Sample],
    during: Sequence[Sample],
    after: Sample,
) -> Finding:
    def value(sample: Sample) -> float:
        return sample.values.get(name, 0.0)

    bound = bound_of(name)
    found = slope([(sample.calls, value(sample)) for sample in steady])
    broken = []
    if bound.per_100 is not None and found is not None and found.surely > bound.per_100:
        broken.append(
            f"{name} grows by {found.per_100:.2f} ± {found.error:.2f} per 100 calls, "
            f"{bound.per_100} are allowed"
        )
    left = value(after) - value(before)
    if bound.left is not None and left > bound.left:
        broken.append(f"{name}: {left:g} more than before are left, {bound.left:g} are allowed")
    most = max((value(sample) for sample in (before, *during, after)), default=0.0)
    return Finding(name, value(before), most, value(after), found, bound, tuple(broken))
