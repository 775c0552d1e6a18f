"""A run is judged: by the book, by what was heard, and by the hard rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from benchmarks.eval.book import inconsistencies, mismatches
from benchmarks.eval.rules import Rule, broken
from benchmarks.eval.run import Outcome
from config.dealership import Dealership


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one run is worth. `broken`: hard rules; `faults`: what its scenario expects besides."""

    faults: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def passes(self) -> bool:
        return not self.faults and not self.broken


def judge(outcome: Outcome, dealership: Dealership, *, without: Collection[Rule] = ()) -> Verdict:
    """The verdict on a run. `without` are rules that somebody else judges."""
    return Verdict(tuple(_faults(outcome)), tuple(broken(outcome, dealership, without)))


def _faults(outcome: Outcome) -> Iterator[str]:
    expected, heard = outcome.scenario.expected, outcome.transcript.heard
    tries = [mismatches(outcome.happened, wanted) for wanted in expected.outcomes]
    if all(tries):
        yield from min(tries, key=len)
    yield from inconsistencies(outcome.after, outcome.call_sid)
    if expected.ends not in ("any", outcome.ends):
        yield f"the call ended by {outcome.ends}, not by {expected.ends}"
    if expected.texts is not None and len(outcome.texts) != expected.texts:
        yield f"{len(outcome.texts)} text messages, not {expected.texts}"
    if expected.verified not in (None, outcome.was_verified):
        yield f"the caller was {'' if outcome.was_verified else 'not '}verified"
    if expected.satisfied and outcome.missed:
        yield f"the caller was not told what they wanted: {', '.join(outcome.missed)}"
    for pattern in outcome.scenario.heard.must:
        if not re.search(pattern, heard, re.I):
            yield f"never heard: {pattern}"
    for pattern in outcome.scenario.heard.must_not:
        if found := re.search(pattern, heard, re.I):
            yield f"heard: {found[0]!r}"
