"""How long a caller waits when something breaks: by kind of fault, several calls each.

The faults and the way they are struck are those of `make chaos`; here the same few are struck
again and again, nothing else happens, and what counts is the longest silence of each call after
the strike, beside that of calls in which nothing breaks.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.chaos.driving import Driver
from benchmarks.chaos.faults import FAULTS
from benchmarks.chaos.house import House, running
from benchmarks.chaos.judging import Outcome, outcome_of
from benchmarks.chaos.planning import plan
from benchmarks.chaos.timeline import gaps, worst
from benchmarks.chaos.trial import Trial
from benchmarks.machine import ports
from cluster.stack import signals_as_exceptions

YARDSTICK = "nothing"
STRUCK = (
    *("call-killed-speaking", "call-killed-thinking", "call-frozen"),
    *("stt-killed", "llm-killed", "tts-killed"),
    *("listen-dropped", "speak-dropped", "model-dropped", "stream-dropped"),
)
POOL = 6
SEED = 1
LIMIT_S = 120.0


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


def measure(repeat: int, log: Console) -> list[Recovery]:
    """Strike each fault `repeat` times on a stack of its own. Main thread only, and outside of any
    event loop."""
    # Names are beginnings of names: "nothing" alone would be its booking twin, too.
    chosen = [fault for fault in FAULTS if fault.name in (YARDSTICK, *STRUCK)]
    wanted = plan(SEED, chosen, whole=True, storm_calls=0, repeat=repeat)
    environment = {**ports(), "OTTO_POOL_SIZE": str(POOL), "OTTO_POOL_SUB_ACTORS": "ray"}

    async def go(house: House) -> list[Trial]:
        async with house.connected():
            await house.warm_up(LIMIT_S)
            driver = Driver(house, lambda line: log.print(f"[dim]{line}[/dim]"))
            return (await driver.run(wanted, minutes=60.0)).trials

    with (
        tempfile.TemporaryDirectory(prefix="otto-recovery-", dir="/var/tmp") as folder,
        signals_as_exceptions(),
        running(Path(folder), environment, log) as house,
    ):
        return summarise(asyncio.run(go(house)))


def summarise(trials: Sequence[Trial]) -> list[Recovery]:
    """A row for each kind of fault that was struck in a call, in the order of the trials."""
    silences: dict[str, list[float]] = {}
    served: dict[str, int] = {}
    abouts: dict[str, str] = {}
    for trial in trials:
        if not trial.record or trial.problem:
            continue
        name = trial.fault.name
        abouts[name] = trial.fault.about
        silences.setdefault(name, []).append(worst(gaps(trial.events), trial.struck_ms))
        outcome = outcome_of(trial.record, trial.events, on_callback_list=False, hung_up=False)
        served[name] = served.get(name, 0) + (outcome is Outcome.ANSWERED)
    usual_ms = statistics.median(silences.get(YARDSTICK, [0.0]))
    return [
        Recovery(
            fault=name,
            about=abouts[name],
            calls=len(found),
            served=served[name],
            p50_ms=statistics.median(found),
            worst_ms=max(found),
            beyond_ms=statistics.median(found) - usual_ms,
        )
        for name, found in silences.items()
    ]


def table(rows: Sequence[Recovery]) -> list[str]:
    """As lines of Markdown."""
    return [
        "Silence after a fault, Ray sub-actors, vendors at their usual pace:",
        "",
        "| fault | calls | served | p50 s | worst s | beyond an ordinary answer s |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row.fault} ({row.about}) | {row.calls} | {row.served} | {row.p50_ms / 1000:.2f} "
            f"| {row.worst_ms / 1000:.2f} | {row.beyond_ms / 1000:+.2f} |"
            for row in rows
        ),
    ]
