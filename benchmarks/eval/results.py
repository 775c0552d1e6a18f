"""What runs came to: how often a scenario passes, and how often it always does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any, Literal

Way = Literal["text", "voice"]
AIMS: Mapping[Way, float] = {"text": 0.95, "voice": 0.85}
"""The least pass^k over all scenarios."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run and its verdict."""

    scenario: str
    flow: str
    way: Way
    seed: int
    faults: tuple[str, ...]
    broken: tuple[str, ...]
    turns: int
    call_s: float
    """How long the call was."""
    took_s: float
    crash: str = ""
    """The run itself failed: why."""

    @property
    def passes(self) -> bool:
        return not (self.faults or self.broken or self.crash)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"passes": self.passes}


def result_of(data: Mapping[str, Any]) -> Result:
    """The inverse of `as_json`."""
    values = {name: value for name, value in data.items() if name != "passes"}
    return Result(**values | {name: tuple(values[name]) for name in ("faults", "broken")})


def pass_k(results: Sequence[Result], k: int) -> float | None:
    """The chance that `k` runs of a scenario all pass, from n of which c did: C(c, k) / C(n, k)
    (tau-bench, arXiv 2406.12045). None with fewer than `k` runs."""
    n, c = len(results), sum(each.passes for each in results)
    return comb(c, k) / comb(n, k) if n >= k else None


@dataclass(frozen=True, slots=True)
class Row:
    """A scenario's or a flow's line of the table."""

    name: str
    flow: str
    scenarios: int
    runs: int
    pass_1: float
    pass_all: float | None
    """pass^k of as many runs as each of its scenarios has at least."""
    broken: int
    why: str = ""


def scenario_rows(results: Iterable[Result]) -> list[Row]:
    """By scenario, in their names' order."""
    rows = []
    for name, runs in sorted(_by(results, "scenario").items()):
        first = next((each for each in runs if not each.passes), None)
        why = "" if first is None else [first.crash, *first.broken, *first.faults]
        rows.append(
            Row(
                name,
                runs[0].flow,
                1,
                len(runs),
                pass_k(runs, 1) or 0.0,
                pass_k(runs, len(runs)),
                sum(bool(each.broken) for each in runs),
                next(filter(None, why), ""),
            )
        )
    return rows


def flow_rows(results: Sequence[Result]) -> list[Row]:
    """By flow, and over all of them: the mean over scenarios."""
    flows = sorted(_by(results, "flow").items())
    return [_mean(flow, runs) for flow, runs in [*flows, ("all", list(results))]]


def _mean(name: str, results: Sequence[Result]) -> Row:
    scenarios = list(_by(results, "scenario").values())
    k = min(len(runs) for runs in scenarios)
    ones = [pass_k(runs, 1) or 0.0 for runs in scenarios]
    alls = [pass_k(runs, k) or 0.0 for runs in scenarios]
    broken = sum(bool(each.broken) for each in results)
    count = len(scenarios)
    return Row(name, name, count, len(results), sum(ones) / count, sum(alls) / count, broken)


def is_good(results: Sequence[Result]) -> bool:
    """Whether no hard rule was broken and the aims are met, by each way."""
    if any(each.broken or each.crash for each in results):
        return False
    return all(
        (_mean("", runs).pass_all or 0.0) >= AIMS[way]  # type: ignore[index]
        for way, runs in _by(results, "way").items()
    )


def _by(results: Iterable[Result], name: str) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for each in results:
        found.setdefault(getattr(each, name), []).append(each)
    return found
