"""`make bench`: what Otto adds to a call, and what it costs, beside a bare relay in the same run.

Callers and vendors are the sandbox's, with known audio and fixed delays, so that what is left is
ours. For each way of running one stack is started, with a warm pool as large as the largest
number of calls, and the numbers of calls are measured on it one after the other:

    baseline    benchmarks/baseline.py: one asyncio process, no actors, state or safety
    inline   call actors with their workers on the same loop
    ray      call actors with three worker actors each (the default)

A turn's vendor time is known: endpointing, the final's delay, the model's first token for each
round of tools, the voice's first byte. What the caller waits beyond that is *added*, measured at
the caller's end of the line; it includes the 20 ms grid of Twilio's frames and the stand-ins' own
time, which the baseline shows. How many rounds a turn took is told by the wait itself, because one
round is longer than anything added should be. *Otto's own* is what Otto notes of itself in the
record of the call.

CPU is told twice. *Standing*: what is spent with no call on the line, split into the stack (Ray,
Serve, the dashboard, whatever the number of calls) and one warm place in the pool. *Marginal*:
what calls add to it, per call-minute. *Gross* puts both together for a pool of exactly as many
places as calls, so it falls with the number of calls. The sandbox is never counted.

How soon Otto stops for a caller, how often for a sound that is no interruption, and how soon it
then goes on, is measured with calls of its own (interrupting.py); how long the caller waits when
something breaks, on a stack of its own (recovery.py).

    python -m benchmarks                                    about forty minutes
    python -m benchmarks --calls 1,5,10,20                  ten minutes more
    python -m benchmarks --modes ray --calls 5 --recovery 0 a part of it
    python -m benchmarks --modes "" --recovery 10           only what breaks
    python -m benchmarks --modes inline,inline-speculating  what it saves to guess

Callers are cut off after `--call-s` (0: never). A whole call, to the booking and goodbye, takes
about a minute and a half; the columns "booked" only counts those that got so far.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import structlog
from rich.console import Console

from benchmarks import call_records, load, machine, recovery
from benchmarks.family import CALL_PROCESSES, family, kind, memory, snapshot, spent
from benchmarks.interrupting import barge_in_ms, barge_ins_ms, false_stops, median, resumes_ms
from benchmarks.report import Recovery, Result, Standing, page
from benchmarks.systems import ENDPOINTING_MS, MODES, SPECULATING, System, bearer, start

FINAL_DELAY_MS = 50
MODEL_MS = 500
VOICE_MS = 100
OPTIONS = {
    "speech": "known",
    "listen_final_delay_ms": FINAL_DELAY_MS,
    "model_first_token_ms": MODEL_MS,
    "model_token_ms": 0,
    "speak_first_byte_ms": VOICE_MS,
    "speak_pace": 0,
}
QUIET_S = 3.0
"""Between two measurements: what a call leaves to be done belongs to that call."""
REST_TIMEOUT_S = 45.0
REST_SHARE = 0.85
REST_WINDOWS = 3
"""A system is at rest when it spends, so often, no less than this share of what it spent before."""
SLOW_TURNS = 5
"""So many of the slowest turns of a row are kept in the results, with their stages."""


async def standing_cost(
    mode: str, places: int, system: System, ready_s: float, settle_s: float
) -> Standing:
    """Measure a system with no call on the line.

    Its places are counted: the switchboard keeps some more than it gives to new calls.
    """
    await _at_rest(system)
    before = snapshot(family(system.root, system.apart))
    began_s = time.monotonic()
    await asyncio.sleep(settle_s)
    processes = family(system.root, system.apart)
    used = spent(before, snapshot(processes))
    a_minute = 60 / (time.monotonic() - began_s)
    places = sum(kind(process) == CALL_PROCESSES[0] for process in processes) or places
    by_process = {name: round(cpu * a_minute, 3) for name, cpu in used.items()}
    in_places = sum(by_process.get(name, 0.0) for name in CALL_PROCESSES)
    pss_mb = sum(each.pss_mb for each in memory(processes).values())
    stack = sum(by_process.values()) - in_places
    return Standing(mode, places, ready_s, stack, in_places / places, by_process, pss_mb)


async def _at_rest(system: System) -> None:
    """Wait until nothing is being started any more: spare actors come up after the first ones."""
    used = spent_before = float("inf")
    quiet = 0
    deadline_s = time.monotonic() + REST_TIMEOUT_S
    while time.monotonic() < deadline_s:
        before = snapshot(family(system.root, system.apart))
        await asyncio.sleep(QUIET_S)
        spent_before, used = (
            used,
            sum(spent(before, snapshot(family(system.root, system.apart))).values()),
        )
        quiet = quiet + 1 if used >= REST_SHARE * spent_before else 0
        if quiet == REST_WINDOWS:
            return


async def measure(
    http: httpx.AsyncClient,
    system: System,
    standing: Standing,
    calls: int,
    first: int,
    call_s: float,
) -> Result:
    """Place `calls` calls, from the customer number `first` on, and measure what they cost."""
    result = Result(standing.mode, calls)
    answers = await load.answers(http, system)
    before = snapshot(family(system.root, system.apart))
    began_s = time.monotonic()
    sids = await load.place(http, system, calls, first)
    deadline_s = began_s + call_s if call_s else None
    records = await asyncio.gather(*(load.finished(http, system, sid, deadline_s) for sid in sids))
    await asyncio.sleep(QUIET_S)
    processes = family(system.root, system.apart)
    used = spent(before, snapshot(processes))
    minutes = (time.monotonic() - began_s) / 60
    _fill_cost(result, standing, used, minutes, sum(r["duration_s"] for r in records) / 60)
    _fill_waits(result, records)
    if result.turns:
        result.answers = (await load.answers(http, system) - answers) / result.turns
    if system.database_url:
        _fill_stages(result, await call_records.stages(system.database_url, sids))
    serving = [each for name, each in memory(processes).items() if name in CALL_PROCESSES]
    if serving:
        result.uss_mb_per_call = sum(each.uss_mb for each in serving) / standing.places
        result.pss_mb_per_call = sum(each.pss_mb for each in serving) / standing.places
    return result


def _fill_cost(
    result: Result,
    standing: Standing,
    used: dict[str, float],
    minutes: float,
    call_minutes: float,
) -> None:
    result.call_minutes = call_minutes
    result.marginal_by_process = {
        name: round((cpu - standing.by_process.get(name, 0.0) * minutes) / call_minutes, 3)
        for name, cpu in sorted(used.items(), key=lambda item: -item[1])
    }
    result.marginal_cpu_s = sum(result.marginal_by_process.values())
    result.gross_cpu_s = result.marginal_cpu_s + standing.for_calls(result.calls) / result.calls


def _fill_waits(result: Result, records: list[dict[str, Any]]) -> None:
    measured = [record["measured"] for record in records]
    turns = [
        {"added_ms": added_ms(turn["latency_ms"]), "latency_ms": turn["latency_ms"], **where}
        for call, each in enumerate(measured)
        for turn in each["turns"]
        if turn["latency_ms"] is not None and not turn["interrupting"]
        for where in [{"call": call, "turn": turn["index"], "began_ms": turn["began_ms"]}]
    ]
    turns.sort(key=lambda turn: -turn["added_ms"])
    result.served = sum(each["greeting_ms"] is not None for each in measured)
    result.booked = sum(bool(record["booked"]) for record in records)
    result.twiml_ms = median(each["twiml_ms"] for each in measured)
    result.greeting_ms = median(each["greeting_ms"] for each in measured)
    result.turns = len(turns)
    waits = [turn["latency_ms"] for turn in turns]
    result.wait_p50_ms, result.wait_p95_ms = quantile(waits, 0.5), quantile(waits, 0.95)
    if not result.mode.endswith(SPECULATING):  # what the vendors take is not waited for in full
        added = [turn["added_ms"] for turn in turns]
        result.added_p50_ms, result.added_p95_ms = quantile(added, 0.5), quantile(added, 0.95)
    result.late_frame_ms = max(each["latest_frame_ms"] for each in measured)
    result.slow_turns = turns[:SLOW_TURNS]


def _fill_stages(result: Result, stages: list[dict[str, Any]]) -> None:
    own = [each["otto_ms"] for each in stages]
    result.otto_p50_ms, result.otto_p95_ms = quantile(own, 0.5), quantile(own, 0.95)
    stages.sort(key=lambda each: -each["otto_ms"])
    result.slow_stages = [
        {name: round(value) if isinstance(value, float) else value for name, value in each.items()}
        for each in stages[:SLOW_TURNS]
    ]


async def _interrupt(row: Result, http: httpx.AsyncClient, system: System) -> None:
    row.barge_in_ms = await barge_in_ms(http, system)
    if row.mode != "baseline":  # the relay takes every word for an interruption
        stops = await barge_ins_ms(http, system)
        row.interruptions = len(stops)
        row.stop_p50_ms, row.stop_p95_ms = quantile(stops, 0.5), quantile(stops, 0.95)
        found = await false_stops(http, system)
        row.false_stops = {name: asdict(each) for name, each in found.items()}
        resumes = await resumes_ms(http, system)
        row.coughs, row.resume_ms = len(resumes), median(resumes)


def added_ms(latency_ms: float) -> float:
    """What of a turn's wait is not the vendors'."""
    rest = latency_ms - ENDPOINTING_MS - FINAL_DELAY_MS - VOICE_MS
    rounds = max(1, int(rest // MODEL_MS))
    return rest - rounds * MODEL_MS


def quantile(values: list[float], share: float) -> float | None:
    """The value that `share` of the values do not exceed."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@dataclass(slots=True)
class Series:
    """Everything of a run, written to its files after each row."""

    about: dict[str, Any]
    standing: list[Standing] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)

    def page(self) -> str:
        """As Markdown."""
        return page(self.results, self.standing, self.recoveries, self.about)

    def write(self) -> None:
        """As Markdown and as JSON."""
        data = asdict(self)
        machine.write("", data.pop("about"), data, self.page())


async def calls_of_all_modes(given: argparse.Namespace, series: Series) -> None:
    """Every mode with every number of calls."""
    for mode in filter(None, given.modes.split(",")):
        counts = [int(number) for number in given.calls.split(",")]
        places = max(counts)
        with tempfile.TemporaryDirectory(prefix="otto-bench-", dir="/var/tmp") as folder:
            began_s = time.monotonic()
            async with start(mode, places, Path(folder)) as system, httpx.AsyncClient() as http:
                http.timeout = httpx.Timeout(30.0)
                http.headers.update(bearer(system.control_token))
                ready_s = time.monotonic() - began_s
                options = await http.post(f"{system.sandbox}/sandbox/options", json=OPTIONS)
                options.raise_for_status()
                await asyncio.sleep(QUIET_S)
                standing = await standing_cost(mode, places, system, ready_s, given.settle_s)
                series.standing.append(standing)
                first = 0
                for calls in counts:
                    row = await measure(http, system, standing, calls, first, given.call_s)
                    first += calls
                    if calls == min(counts) and given.interruptions:
                        await _interrupt(row, http, system)
                    series.results.append(row)
                    print(json.dumps(asdict(row)), flush=True)
                    series.write()


def cli() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modes", default=",".join(MODES), help=f"of {', '.join(MODES)}")
    parser.add_argument("--calls", default="5,10", help="numbers of calls at once")
    parser.add_argument("--settle-s", type=float, default=12.0, help="standing cost: how long")
    parser.add_argument("--call-s", type=float, default=60.0, help="callers hang up then; 0: never")
    parser.add_argument("--interruptions", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--recovery", type=int, default=2, help="strike each fault so often")
    given = parser.parse_args()
    vendors_ms = {"endpointing": ENDPOINTING_MS + FINAL_DELAY_MS}
    about = {**machine.facts(), "vendors_ms": {**vendors_ms, "model": MODEL_MS, "voice": VOICE_MS}}
    series = Series(about)
    asyncio.run(calls_of_all_modes(given, series))
    if given.recovery:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        series.recoveries = recovery.measure(given.recovery, Console(stderr=True))
    series.write()
    print(series.page())
