"""From what was seen to a verdict: one row a fault, and what is broken. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.chaos.faults import STORM, Fault
from benchmarks.chaos.judging import Judged, broken_calls, outcome_of
from benchmarks.chaos.timeline import gaps, worst
from benchmarks.chaos.trial import Seen, Trial


@dataclass(slots=True)
class Row:
    """One kind of fault. Milliseconds; None where nothing could be measured."""

    fault: str
    about: str
    moment: str
    struck: int = 0
    calls: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    worst_gap_ms: float | None = None
    """Of Otto's silences that had not ended when it struck."""
    usual_gap_ms: float | None = None
    """The longest of Otto's silences before that, in the same calls."""
    taken_over_ms: list[float] = field(default_factory=list)
    """Of each call that another owner took over: how long until it was heard of at Twilio."""
    bound_ms: int = 0
    whole_after_s: float | None = None
    """Until every place of the pool was warm and free again, the rest of the call included."""
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Verdict:
    """The result of a run. It is good when nothing is broken."""

    rows: list[Row]
    broken: list[str]
    not_begun: list[str]
    storm_strikes: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """All of it, in JSON's terms."""
        return asdict(self)


def judge(seen: Seen, callbacks: Collection[str]) -> Verdict:
    """Rows by fault, and which calls broke which promise. `callbacks`: the CallSids on the list."""
    rows: dict[str, Row] = {}
    judged: list[Judged] = []
    faults: dict[str, Fault] = {}
    for trial in [*seen.trials, *seen.storm]:
        fault = trial.fault
        faults[fault.name] = fault
        row = rows.setdefault(
            fault.name, Row(fault.name, fault.about, str(fault.moment), bound_ms=fault.bound_ms)
        )
        if trial.problem:
            row.problems.append(trial.problem)
        if trial.record:
            judged.append(_measure(trial, row, callbacks))
    broken = broken_calls(
        judged,
        {name: fault.allowed for name, fault in faults.items()},
        {name: fault.bound_ms for name, fault in faults.items()},
    )
    broken += [f"{row.fault}: {problem}" for row in rows.values() for problem in row.problems]
    strikes = [strike for strike in seen.storm_strikes if not strike["problem"]]
    if STORM.name in rows:
        rows[STORM.name].struck = len(strikes)
    return Verdict(list(rows.values()), broken, seen.not_begun, seen.storm_strikes)


def _measure(trial: Trial, row: Row, callbacks: Collection[str]) -> Judged:
    sid = trial.call_sid
    outcome = outcome_of(trial.record, trial.events, sid in callbacks, hung_up=False)
    found = gaps(trial.events)
    worst_ms = worst(found, trial.struck_ms)
    row.struck += trial.struck_monotonic_ms is not None
    row.calls += 1
    row.outcomes[outcome] = row.outcomes.get(outcome, 0) + 1
    row.worst_gap_ms = max(row.worst_gap_ms or 0.0, worst_ms)
    before = [gap for gap in found if gap.ended_ms < trial.struck_ms]
    if before:
        row.usual_gap_ms = max(row.usual_gap_ms or 0.0, worst(before))
    if (taken_over_ms := trial.taken_over_ms) is not None:
        row.taken_over_ms.append(taken_over_ms)
    if trial.whole_after_s is not None:
        row.whole_after_s = max(row.whole_after_s or 0.0, trial.whole_after_s)
    return Judged(sid, trial.fault.name, outcome, worst_ms)


HEAD = (
    *("fault", "when", "struck", "calls", "outcome"),
    *("worst silence", "bound", "before", "taken over", "whole"),
)


def cells(row: Row) -> tuple[str, ...]:
    """A row as it is printed, seconds with one digit."""
    outcomes = ", ".join(
        name if count == row.calls == 1 else f"{count} {name}"
        for name, count in Counter(row.outcomes).most_common()
    )
    return (
        row.fault,
        row.moment,
        str(row.struck),
        str(row.calls),
        outcomes or "–",
        _seconds(row.worst_gap_ms),
        _seconds(row.bound_ms),
        _seconds(row.usual_gap_ms),
        _takeovers(row.taken_over_ms),
        "–" if row.whole_after_s is None else f"{row.whole_after_s:.0f} s",
    )


def _takeovers(found: Sequence[float]) -> str:
    """Median and worst, in ms."""
    return f"{median(found):.0f} / {max(found):.0f} ms" if found else "–"


def _seconds(ms: float | None) -> str:
    return "–" if ms is None else f"{ms / 1000:.1f} s"


def table(verdict: Verdict, title: str) -> Table:
    """For a terminal; a row whose fault broke a promise is red."""
    shown = Table(title=title, title_justify="left")
    for name in HEAD:
        shown.add_column(name, justify="left" if name in ("fault", "when", "outcome") else "right")
    for row in verdict.rows:
        bad = any(line.startswith(f"{row.fault}: ") for line in verdict.broken)
        shown.add_row(*cells(row), style="red" if bad else "")
    return shown


def markdown(verdict: Verdict, about: dict[str, Any]) -> str:
    """The same for a file."""
    lines = [
        f"# Chaos of {about['at']}",
        "",
        ", ".join(f"{name}: {value}" for name, value in about.items() if name != "at"),
        "",
        "Silence: how long the caller heard nothing when it was Otto's turn, from when the fault "
        "struck; before: the same in that call until then; taken over: until audio of the call's "
        "next owner reached Twilio, median and worst; whole: until every place was warm and free "
        "again, the rest of the call included.",
        "",
        *_markdown_rows(HEAD, [cells(row) for row in verdict.rows]),
        "",
        "Broken: " + (f"{len(verdict.broken)}" if verdict.broken else "nothing."),
        *(f"- {line}" for line in verdict.broken),
    ]
    if verdict.not_begun:
        lines += ["", f"No time was left for: {', '.join(verdict.not_begun)}."]
    return "\n".join(lines) + "\n"


def _markdown_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
