"""The results of a benchmark, as rows and as a page of Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SHOWN_FROM_CPU_S = 0.01
"""Kinds of processes that cost less than this are left out of the page."""


@dataclass
class Standing:
    """What a system costs with no call on the line, in CPU seconds a minute.

    `stack` is there however many calls there are: Ray, Serve, the dashboard, the shared actors.
    `place` is what one warm place in the pool costs by existing.
    """

    mode: str
    places: int
    ready_s: float
    house_cpu_s: float
    place_cpu_s: float
    by_process: dict[str, float]
    pss_mb: float

    def for_calls(self, calls: int) -> float:
        """CPU seconds a minute of a pool of so many places."""
        return self.house_cpu_s + calls * self.place_cpu_s


@dataclass
class Result:
    """One row of the table. Milliseconds; None where it does not apply.

    CPU is in seconds a call-minute. `marginal`: what calls add to the standing cost. `gross`:
    with the standing cost of a pool of exactly that many places.
    """

    mode: str
    calls: int
    served: int = 0
    booked: int = 0
    call_minutes: float = 0.0
    twiml_ms: float | None = None
    greeting_ms: float | None = None
    wait_p50_ms: float | None = None
    """All of a turn's wait, the vendors' time included."""
    wait_p95_ms: float | None = None
    added_p50_ms: float | None = None
    added_p95_ms: float | None = None
    otto_p50_ms: float | None = None
    otto_p95_ms: float | None = None
    turns: int = 0
    answers: float | None = None
    """Answers that the model was asked for, for each turn; with speculation some for nothing."""
    barge_in_ms: float | None = None
    """From the recogniser's words to `clear`; see interrupting.py for this and the next five."""
    interruptions: int = 0
    stop_p50_ms: float | None = None
    stop_p95_ms: float | None = None
    """From the caller's first sound to `clear`."""
    false_stops: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of each kind: how many sounds were made, and how many of them stopped Otto."""
    coughs: int = 0
    resume_ms: float | None = None
    """After a noise that stopped Otto."""
    late_frame_ms: float = 0.0
    marginal_cpu_s: float = 0.0
    gross_cpu_s: float = 0.0
    uss_mb_per_call: float | None = None
    pss_mb_per_call: float | None = None
    marginal_by_process: dict[str, float] = field(default_factory=dict)
    slow_turns: list[dict[str, Any]] = field(default_factory=list)
    """The turns with the largest `added_ms`, as the caller measured them."""
    slow_stages: list[dict[str, Any]] = field(default_factory=list)
    """The turns with the largest `otto_ms`, as Otto noted them."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One kind of fault. Milliseconds of silence after the strike."""

    fault: str
    about: str
    calls: int
    served: int
    p50_ms: float
    worst_ms: float
    beyond_ms: float
    """Of the median: what the fault added to an ordinary answer."""
    taken_over_ms: float | None = None
    """Median: until audio of the call's next owner reached Twilio; None: it kept its owner."""


def page(
    results: list[Result],
    standing: list[Standing],
    recoveries: list[Recovery],
    about: dict[str, Any],
) -> str:
    """Everything as Markdown; CPU also as a multiple of the baseline with as many calls."""
    lines = [
        f"# Benchmark of {about['at']}",
        "",
        ", ".join(f"{name}: {value}" for name, value in about.items() if name != "at"),
        *(_calls(results) if results else []),
        *(_standing(standing) if standing else []),
        *(_recoveries(recoveries) if recoveries else []),
    ]
    return "\n".join(lines) + "\n"


def _calls(results: list[Result]) -> list[str]:
    baselines = {result.calls: result for result in results if result.mode == "baseline"}
    return [
        "",
        *_table(
            "mode | calls | served | booked | TwiML ms | greeting ms "
            "| wait p50 ms | wait p95 ms | added p50 ms | added p95 ms "
            "| beyond the baseline p50 ms | p95 ms "
            "| Otto's own p50 ms | p95 ms | turns | answers / turn | barge-in ms "
            "| stop p50 ms | p95 ms | false stops | resume ms | caller late ms",
            [
                [
                    *(row.mode, row.calls, row.served, row.booked),
                    *(_number(row.twiml_ms), _number(row.greeting_ms)),
                    *(_number(row.wait_p50_ms), _number(row.wait_p95_ms)),
                    *(_number(row.added_p50_ms), _number(row.added_p95_ms)),
                    _beyond(row.added_p50_ms, baselines.get(row.calls), "added_p50_ms"),
                    _beyond(row.added_p95_ms, baselines.get(row.calls), "added_p95_ms"),
                    *(_number(row.otto_p50_ms), _number(row.otto_p95_ms)),
                    *(row.turns, _number(row.answers, 2)),
                    *(_number(row.barge_in_ms), _number(row.stop_p50_ms)),
                    *(_number(row.stop_p95_ms), _false_stops(row), _number(row.resume_ms)),
                    _number(row.late_frame_ms),
                ]
                for row in results
            ],
        ),
        "",
        "CPU seconds a call-minute (the sandbox, with its callers and vendors, is not counted):",
        "",
        *_table(
            "mode | calls | marginal | × baseline | gross | × baseline | USS MB | PSS MB a call",
            [
                [
                    *(row.mode, row.calls),
                    _number(row.marginal_cpu_s, 2),
                    _times(row.marginal_cpu_s, baselines.get(row.calls), "marginal_cpu_s"),
                    _number(row.gross_cpu_s, 2),
                    _times(row.gross_cpu_s, baselines.get(row.calls), "gross_cpu_s"),
                    *(_number(row.uss_mb_per_call), _number(row.pss_mb_per_call)),
                ]
                for row in results
            ],
        ),
        "",
        "Marginal CPU seconds a call-minute, by kind of process:",
        "",
        *(f"- {row.mode}, {row.calls} calls: {_parts(row.marginal_by_process)}" for row in results),
    ]


def _standing(rows: list[Standing]) -> list[str]:
    return [
        "",
        "Standing cost: CPU seconds a minute with no call on the line:",
        "",
        *_table(
            "mode | places | ready s | stack | a place | all | PSS MB",
            [
                [
                    *(one.mode, one.places, _number(one.ready_s)),
                    *(_number(one.house_cpu_s, 2), _number(one.place_cpu_s, 2)),
                    *(_number(one.for_calls(one.places), 2), _number(one.pss_mb)),
                ]
                for one in rows
            ],
        ),
        "",
        "Standing CPU seconds a minute, by kind of process:",
        "",
        *(f"- {one.mode}, {one.places} places: {_parts(one.by_process)}" for one in rows),
    ]


def _recoveries(rows: list[Recovery]) -> list[str]:
    return [
        "",
        "Silence after a fault, Ray sub-actors, vendors at their usual pace:",
        "",
        *_table(
            "fault | calls | served | p50 s | worst s | beyond an ordinary answer s "
            "| taken over ms",
            [
                [
                    *(f"{row.fault} ({row.about})", row.calls, row.served),
                    *(_number(row.p50_ms / 1000, 2), _number(row.worst_ms / 1000, 2)),
                    *(f"{row.beyond_ms / 1000:+.2f}", _number(row.taken_over_ms)),
                ]
                for row in rows
            ],
        ),
    ]


def _table(head: str, rows: list[list[Any]]) -> list[str]:
    return [
        f"| {head} |",
        "|" + "---|" * (head.count("|") + 1),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
    ]


def _times(value: float, baseline: Result | None, name: str) -> str:
    if baseline is None or not getattr(baseline, name):
        return "–"
    return f"{value / getattr(baseline, name):.1f}×"


def _beyond(value: float | None, baseline: Result | None, name: str) -> str:
    baseline_value = None if baseline is None else getattr(baseline, name)
    return "–" if value is None or baseline_value is None else f"{value - baseline_value:.0f}"


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _false_stops(row: Result) -> str:
    kinds = row.false_stops.values()
    return (
        f"{sum(k['stops'] for k in kinds)} of {sum(k['sounds'] for k in kinds)}" if kinds else "–"
    )


def _parts(by_process: dict[str, float]) -> str:
    shown = sorted(by_process.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {cpu:.2f}" for name, cpu in shown if cpu >= SHOWN_FROM_CPU_S)
