"""How long a caller waits when something breaks: by kind of fault, several calls each.

The faults and the way they are struck are those of `make chaos`; here the same few are struck
again and again, nothing else happens, and what counts is the longest silence of each call after
the strike, beside that of calls in which nothing breaks. Half a minute for each strike.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.chaos.driving import Driver
from benchmarks.chaos.faults import FAULTS
from benchmarks.chaos.judging import Outcome, outcome_of
from benchmarks.chaos.planning import plan
from benchmarks.chaos.stack_probe import StackProbe, running
from benchmarks.chaos.timeline import gaps, worst
from benchmarks.chaos.trial import Trial
from benchmarks.machine import ports
from benchmarks.report import Recovery
from cluster.stack import signals_as_exceptions

YARDSTICK = "nothing"
STRUCK = (
    *("call-killed-speaking", "call-killed-thinking", "call-killed-without-redis", "call-frozen"),
    "media-killed",
    *("stt-killed", "llm-killed", "tts-killed"),
    *("listen-dropped", "speak-dropped", "model-dropped", "stream-dropped"),
)
POOL = 2
"""So that one call at a time is struck: several would wait for each other's spares."""
SEED = 1
LIMIT_S = 120.0


def measure(repeat: int, log: Console) -> list[Recovery]:
    """Strike each fault `repeat` times on a stack of its own. Main thread only, and outside of any
    event loop."""
    # Names are beginnings of names: "nothing" alone would be its booking twin, too.
    chosen = [fault for fault in FAULTS if fault.name in (YARDSTICK, *STRUCK)]
    wanted = plan(SEED, chosen, whole=True, storm_calls=0, repeat=repeat)
    environment = {**ports(), "OTTO_POOL_SIZE": str(POOL), "OTTO_POOL_SUB_ACTORS": "ray"}

    async def go(probe: StackProbe) -> list[Trial]:
        async with probe.connected():
            await probe.warm_up(LIMIT_S)
            driver = Driver(probe, lambda line: log.print(f"[dim]{line}[/dim]"))
            return (await driver.run(wanted, minutes=60.0)).trials

    with (
        tempfile.TemporaryDirectory(prefix="otto-recovery-", dir="/var/tmp") as folder,
        signals_as_exceptions(),
        running(Path(folder), environment, log) as probe,
    ):
        return summarise(asyncio.run(go(probe)))


def summarise(trials: Sequence[Trial]) -> list[Recovery]:
    """A row for each kind of fault that was struck in a call, in the order of the trials."""
    by_fault: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.record and not trial.problem:
            by_fault.setdefault(trial.fault.name, []).append(trial)
    usual = by_fault.get(YARDSTICK, [])
    usual_ms = statistics.median(map(_silence_ms, usual)) if usual else 0.0
    return [_row(struck, usual_ms) for struck in by_fault.values()]


def _row(struck: Sequence[Trial], usual_ms: float) -> Recovery:
    silences_ms = [_silence_ms(trial) for trial in struck]
    p50_ms = statistics.median(silences_ms)
    taken_over_ms = [ms for trial in struck if (ms := trial.taken_over_ms) is not None]
    return Recovery(
        fault=struck[0].fault.name,
        about=struck[0].fault.about,
        calls=len(struck),
        served=sum(_is_served(trial) for trial in struck),
        p50_ms=p50_ms,
        worst_ms=max(silences_ms),
        beyond_ms=p50_ms - usual_ms,
        taken_over_ms=statistics.median(taken_over_ms) if taken_over_ms else None,
    )


def _silence_ms(trial: Trial) -> float:
    return worst(gaps(trial.events), trial.struck_ms)


def _is_served(trial: Trial) -> bool:
    outcome = outcome_of(trial.record, trial.events, on_callback_list=False, hung_up=False)
    return outcome is Outcome.ANSWERED
