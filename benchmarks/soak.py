"""`make soak`: a thousand short calls, and whether anything grew with them.

Callers of every kind ring, a few more at once than there are places: they ask, want a person, say
nothing, book, are refused, hang up in the greeting, in the answer and in the middle of a tool.
Every few seconds it is counted what there is of memory, tasks, file descriptors, Redis keys,
database connections and actors; afterwards, too, when all is quiet again. A first call for each
place comes before that, for what a place loads and opens once.

    python -m benchmarks.soak                       1,000 calls, half of them in each mode
    python -m benchmarks.soak --calls 100 --mode inline

Exit status: 0 when nothing grew and every call got somewhere, 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks.chaos.census import callbacks
from benchmarks.chaos.judging import REACHED, Outcome, outcome_of
from benchmarks.chaos.stack_probe import StackProbe, left_behind, running
from benchmarks.machine import facts, ports, write
from benchmarks.soak_plan import Manner, SoakCall, is_time_to_leave, soak_calls
from benchmarks.soak_sampling import Sampler
from benchmarks.soak_slopes import Finding, Sample, judge
from cluster.stack import signals_as_exceptions

SURPLUS = 2
"""So many more callers at once than there are places: they are refused."""
FIRST_BOOKINGS = 4
SAMPLE_EVERY_S = 5.0
CALL_LIMIT_S = 240.0
WHOLE_LIMIT_S = 90.0
QUIET_S = 75.0
"""Afterwards: longer than the shortest life of a session in Redis, and than idle sockets live."""
QUICK_CALL = {
    "OTTO_CALL_NO_INPUT_S": "4",
    "REDIS_SESSION_TTL_S": "60",
    "REDIS_CUSTOMER_TTL_S": "30",
}
"""Shorter than in life, so that silent callers and what is kept for a while come to their end."""
PERSONAS = {Manner.PERSON: "wants-a-person", Manner.SILENT: "silent", Manner.BOOKS: "load"}


@dataclass(slots=True)
class Run:
    """One mode's calls and what was counted."""

    mode: str
    outcomes: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    took_s: float = 0.0
    broken: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


class Soak:
    """Places the calls of a run, somewhat more at a time than there are places, and samples
    meanwhile."""

    def __init__(
        self, probe: StackProbe, run: Run, calls: list[SoakCall], places: int, quiet_s: float
    ) -> None:
        self._probe = probe
        self._run = run
        self._calls = iter(calls)
        self._count = len(calls)
        self._places = places
        self._quiet_s = quiet_s
        self._ended = 0
        self._finished: list[tuple[SoakCall, dict[str, Any], list[dict[str, Any]]]] = []

    async def go(self, out: Console) -> None:
        """All of it; fills in the run."""
        sampler = Sampler(self._probe)
        began = time.monotonic()
        try:
            await self._probe.warm_up(WHOLE_LIMIT_S)
            await self._first_calls()
            before = await sampler.take(0)
            sampling = asyncio.create_task(self._sample(sampler, out))
            try:
                at_once = range(self._places + SURPLUS)
                await asyncio.gather(*(self._one_after_another() for _ in at_once))
            finally:
                sampling.cancel()
                await asyncio.gather(sampling, return_exceptions=True)
            self._run.took_s = time.monotonic() - began
            if await self._probe.whole(WHOLE_LIMIT_S) is None:
                self._run.broken.append(f"the pool is not whole: {await self._probe.pool()}")
            await asyncio.sleep(self._quiet_s)
            after = await sampler.take(self._count)
        finally:
            await sampler.aclose()
        self._run.findings = judge(before, self._run.samples, after)
        self._run.broken += [line for each in self._run.findings for line in each.broken]
        await self._judge_calls()

    async def _first_calls(self) -> None:
        """What is loaded, or connected and kept, once: by each place with its first call, by the
        shared actors and their threads with the first bookings."""
        places = self._places
        for manner, count in ((Manner.ASKS, places), (Manner.BOOKS, min(places, FIRST_BOOKINGS))):
            calls = [SoakCall(self._count + each, manner, None) for each in range(count)]
            sids = await asyncio.gather(*(self._place(call) for call in calls))
            await asyncio.gather(*(self._probe.finished(sid, CALL_LIMIT_S) for sid in sids))
            await self._probe.whole(WHOLE_LIMIT_S)

    async def _sample(self, sampler: Sampler, out: Console) -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            sample = await sampler.take(self._ended)
            self._run.samples.append(sample)
            megabytes = sample.values.get("MB in all", 0.0)
            out.print(
                f"[dim]{self._run.mode}[/dim] {self._ended} of {self._count} calls, "
                f"{megabytes:.0f} MB, {sample.values['actors']:.0f} actors"
            )

    async def _one_after_another(self) -> None:
        for call in self._calls:
            sid = await self._place(call)
            if call.hang_up_after_s is not None:
                await self._leave(sid, call)
            record = await self._probe.finished(sid, CALL_LIMIT_S)
            self._finished.append((call, record, await self._probe.events(sid)))
            self._ended += 1

    async def _place(self, call: SoakCall) -> str:
        number = f"+1312555{1000 + call.number % 9000}"
        more: dict[str, Any] = {"from": number}
        if call.manner is Manner.BOOKS:
            person = {"first_name": "Robin", "last_name": "Walker", "phone": number}
            car = {"known": False, "year": 2020, "make": "Honda", "model": "Civic"}
            more["facts"] = person | car
        elif call.manner not in PERSONAS:
            more["goal"] = {"kind": "ask", "questions": ["How much is an oil change?"]}
        return await self._probe.place(PERSONAS.get(call.manner, "window-shopper"), **more)

    async def _leave(self, sid: str, call: SoakCall) -> None:
        async with aclosing(self._probe.follow(sid)) as events:
            async for event in events:
                if is_time_to_leave(call.manner, event):
                    await asyncio.sleep(call.hang_up_after_s or 0.0)
                    await self._probe.act(sid, hang_up=True)
                    return

    async def _judge_calls(self) -> None:
        listed = await callbacks(self._probe)
        for call, record, events in self._finished:
            sid, may_leave = record["call_sid"], call.hang_up_after_s is not None
            outcome = outcome_of(record, events, sid in listed, hung_up=may_leave)
            if call.manner is Manner.SILENT and outcome is Outcome.ANSWERED:
                outcome = Outcome.SENTENCE  # was told goodbye, having asked nothing
            self._run.outcomes[str(outcome)] = self._run.outcomes.get(str(outcome), 0) + 1
            self._run.refused += not record["measured"]["streams"]
            if outcome not in REACHED:
                self._run.broken.append(f"call {sid} ({call.manner}) ended as “{outcome}”")


def table(run: Run) -> Table:
    """For a terminal; what broke its bound is red."""
    shown = Table(title=_title(run), title_justify="left")
    for name in HEAD:
        shown.add_column(name, justify="left" if name == "quantity" else "right")
    for finding in run.findings:
        shown.add_row(*cells(finding), style="red" if finding.broken else "")
    return shown


HEAD = ("quantity", "before", "most", "after", "per 100 calls", "bound")


def cells(finding: Finding) -> tuple[str, ...]:
    """A quantity as it is printed."""
    found, bound = finding.slope, finding.bound.per_100
    return (
        finding.quantity,
        *(f"{value:.0f}" for value in (finding.before, finding.most, finding.after)),
        "–" if found is None else f"{found.per_100:+.2f} ± {found.error:.2f}",
        "" if bound is None else f"{bound:g}",
    )


def _title(run: Run) -> str:
    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(run.outcomes.items()))
    return f"{run.mode}: {outcomes}; {run.refused} without a stream; {run.took_s:.0f} s"


def markdown(runs: list[Run], about: dict[str, Any]) -> str:
    """All of it for a file."""
    lines = [
        f"# Soak of {about['at']}",
        "",
        ", ".join(f"{name}: {value}" for name, value in about.items() if name != "at"),
    ]
    for run in runs:
        lines += ["", f"## {_title(run)}", ""]
        rows = (HEAD, ["---"] * len(HEAD), *(cells(finding) for finding in run.findings))
        lines += [f"| {' | '.join(row)} |" for row in rows]
        lines += ["", *([f"- broken: {line}" for line in run.broken] or ["Nothing broken."])]
    return "\n".join(lines) + "\n"


def soak(mode: str, calls: list[SoakCall], pool: int, quiet_s: float, out: Console) -> Run:
    """A stack of its own for one mode's calls."""
    environment = {
        **ports(),
        **QUICK_CALL,
        "OTTO_POOL_SIZE": str(pool),
        "OTTO_POOL_SUB_ACTORS": mode,
    }
    run = Run(mode)

    async def go(probe: StackProbe) -> None:
        async with probe.connected():
            await Soak(probe, run, calls, pool, quiet_s).go(out)

    with tempfile.TemporaryDirectory(prefix="otto-soak-", dir="/var/tmp") as folder:
        with running(Path(folder), environment, out) as probe:
            asyncio.run(go(probe))
        run.broken += [f"process {line} outlived the stack" for line in left_behind(probe.stack_id)]
    return run


def shares(mode: str, calls: list[SoakCall]) -> Iterator[tuple[str, list[SoakCall]]]:
    """The modes of a run with their calls: all, or half of them each."""
    if mode != "both":
        yield mode, calls
        return
    half = len(calls) // 2
    yield "inline", calls[:half]
    yield "ray", calls[half:]


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--mode", choices=("both", "ray", "inline"), default="both")
    parser.add_argument("--pool", type=int, default=10, help="places in the pool")
    parser.add_argument("--quiet-s", type=float, default=QUIET_S, help="before the last count")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    out = Console(stderr=True)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    about = {**facts(), **vars(given)}
    runs: list[Run] = []
    with signals_as_exceptions():
        for mode, calls in shares(given.mode, soak_calls(given.seed, given.calls)):
            runs.append(soak(mode, calls, given.pool, given.quiet_s, out))
            Console().print(table(runs[-1]))
    write("soak", about, {"runs": [asdict(run) for run in runs]}, markdown(runs, about))
    broken = [f"{run.mode}: {line}" for run in runs for line in run.broken]
    for line in broken:
        out.print(f"broken: {line}", style="red", markup=False, soft_wrap=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
