"""`make bench`: what Otto adds to a call, and what it costs, beside a bare relay in the same run.

Callers and vendors are the sandbox's, with known audio and fixed delays, so that what is left is
ours. For each number of calls and each way of running, one stack is started, warm for exactly
that many calls, and the calls are placed within half a second:

    floor    benchmarks/floor.py: one asyncio process, no actors, state or safety
    inline   call actors with their workers on the same loop
    ray      call actors with three worker actors each (the default)

A turn's vendor time is known: endpointing, the final's delay, the model's first token for each
round of tools, the voice's first byte. What the caller waits beyond that is *added*. How many
rounds a turn took is told by the wait itself, because one round is longer than anything added
should be.

    python -m benchmarks --modes floor,inline,ray --calls 1,5,10,20
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

RESULTS = Path(__file__).with_name("results")
ENDPOINTING_MS = 300
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
CALL_LIMIT_S = 240.0
FLOOR_PORT = 9300


@dataclass
class Cost:
    """CPU and memory of one family of processes."""

    cpu_s: float
    uss_mb: float
    processes: int


@dataclass
class Result:
    """One row of the table. Milliseconds; None where it does not apply."""

    mode: str
    calls: int
    served: int = 0
    booked: int = 0
    call_minutes: float = 0.0
    twiml_ms: float | None = None
    greeting_ms: float | None = None
    added_p50_ms: float | None = None
    added_p95_ms: float | None = None
    turns: int = 0
    barge_in_ms: float | None = None
    cpu_s_per_call_minute: float = 0.0
    idle_cpu_s_per_minute: float = 0.0
    uss_mb: float = 0.0
    mb_per_call: float | None = None
    ready_s: float = 0.0
    cpu_by_process: dict[str, float] = field(default_factory=dict)


def family(root: int, apart: Iterable[int] = ()) -> list[psutil.Process]:
    """A process and its descendants, without the families of those in `apart`."""
    left_out = set(apart)
    found: list[psutil.Process] = []
    queue = [psutil.Process(root)]
    while queue:
        process = queue.pop()
        if process.pid in left_out:
            continue
        found.append(process)
        try:
            queue += process.children()
        except psutil.NoSuchProcess:
            continue
    return found


def snapshot(processes: Iterable[psutil.Process]) -> dict[tuple[int, str], float]:
    """CPU seconds so far by (pid, kind of process)."""
    found = {}
    for process in processes:
        try:
            times = process.cpu_times()
            found[process.pid, kind(process)] = times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return found


def kind(process: psutil.Process) -> str:
    """What a process is: `ray::SttActor.stay` is an SttActor."""
    try:
        line = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return "gone"
    text = line[0] if line else process.name()
    if text.startswith("ray::"):
        return text.removeprefix("ray::").partition(".")[0].partition(":")[0]
    return Path(text).name


def spent(before: dict[Any, float], after: dict[Any, float]) -> dict[str, float]:
    """CPU seconds between two snapshots, by kind."""
    by_kind: dict[str, float] = {}
    before_by_pid = {pid: seconds for (pid, _), seconds in before.items()}
    for (pid, name), seconds in after.items():
        by_kind[name] = by_kind.get(name, 0.0) + seconds - before_by_pid.get(pid, 0.0)
    return by_kind


def memory_mb(processes: Iterable[psutil.Process]) -> dict[str, float]:
    """Unshared memory by kind of process."""
    found: dict[str, float] = {}
    for process in processes:
        try:
            name = kind(process)
            found[name] = found.get(name, 0.0) + process.memory_full_info().uss / 2**20
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


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


async def place_calls(http: httpx.AsyncClient, sandbox: str, calls: int) -> list[dict[str, Any]]:
    """Place the calls within half a second and wait for all of them; their records."""
    sids = []
    for number in range(calls):
        body = {
            "persona": "load",
            "speech": "known",
            "from": f"+1312555{2000 + number}",
            "facts": {
                "first_name": "Robin",
                "last_name": "Walker",
                "phone": f"+1312555{2000 + number}",
                "known": False,
                "year": 2020,
                "make": "Honda",
                "model": "Civic",
            },
        }
        answer = await http.post(f"{sandbox}/sandbox/calls", json=body)
        answer.raise_for_status()
        sids.append(answer.json()["call_sid"])
        await asyncio.sleep(0.5 / calls)
    return [await finished(http, sandbox, sid) for sid in sids]


async def barge_in_ms(http: httpx.AsyncClient, sandbox: str) -> float | None:
    """From the interim that interrupts Otto to `clear` on Twilio's socket: median of one call with
    a caller in a hurry. Both ends are on this machine's monotonic clock."""
    answer = await http.post(
        f"{sandbox}/sandbox/calls", json={"persona": "hurried", "speech": "known"}
    )
    answer.raise_for_status()
    record = await finished(http, sandbox, answer.json()["call_sid"])
    log = (await http.get(f"{sandbox}/sandbox/deepgram/log")).json()
    entries = log["entries"] if isinstance(log, dict) else log
    words = [entry["at"] * 1000 for entry in entries if entry.get("text")]
    waits = []
    for clear in record["measured"]["clears"]:
        before = [at for at in words if at <= clear["monotonic_ms"]]
        if before:
            waits.append(clear["monotonic_ms"] - before[-1])
    return _median(waits)


async def finished(http: httpx.AsyncClient, sandbox: str, sid: str) -> dict[str, Any]:
    """The record of a call, once it is over."""
    deadline = time.monotonic() + CALL_LIMIT_S
    while True:
        record: dict[str, Any] = (await http.get(f"{sandbox}/sandbox/calls/{sid}")).json()
        if record["over"]:
            return record
        if time.monotonic() > deadline:
            raise TimeoutError(f"call {sid} did not end in {CALL_LIMIT_S:.0f} s")
        await asyncio.sleep(1.0)


async def measure(
    mode: str, calls: int, sandbox: str, root: int, apart: Iterable[int], settle_s: float
) -> Result:
    """Place `calls` calls and measure the family of `root`, without the sandbox's."""
    apart = tuple(apart)
    result = Result(mode, calls)
    async with httpx.AsyncClient(timeout=30.0) as http:
        (await http.post(f"{sandbox}/sandbox/options", json=OPTIONS)).raise_for_status()
        await asyncio.sleep(3.0)
        idle = snapshot(family(root, apart))
        await asyncio.sleep(settle_s)
        before = snapshot(family(root, apart))
        result.idle_cpu_s_per_minute = sum(spent(idle, before).values()) * 60 / settle_s
        records = await place_calls(http, sandbox, calls)
        after = snapshot(family(root, apart))
        memory = memory_mb(family(root, apart))
        if calls == 1:
            result.barge_in_ms = await barge_in_ms(http, sandbox)
    by_kind = spent(before, after)
    minutes = sum(record["duration_s"] for record in records) / 60
    measured = [record["measured"] for record in records]
    waits = [
        turn["latency_ms"]
        for each in measured
        for turn in each["turns"]
        if turn["latency_ms"] is not None and not turn["interrupting"]
    ]
    added = [added_ms(wait) for wait in waits]
    result.served = sum(each["greeting_ms"] is not None for each in measured)
    result.booked = sum(bool(record["booked"]) for record in records)
    result.call_minutes = minutes
    result.twiml_ms = _median(each["twiml_ms"] for each in measured)
    result.greeting_ms = _median(each["greeting_ms"] for each in measured)
    result.turns = len(waits)
    result.added_p50_ms = quantile(added, 0.5)
    result.added_p95_ms = quantile(added, 0.95)
    result.cpu_s_per_call_minute = sum(by_kind.values()) / minutes
    result.cpu_by_process = {
        name: round(seconds / minutes, 3)
        for name, seconds in sorted(by_kind.items(), key=lambda item: -item[1])
        if seconds / minutes >= 0.005
    }
    result.uss_mb = sum(memory.values())
    serving = sum(memory.get(name, 0.0) for name in _CALL_PROCESSES)
    result.mb_per_call = serving / calls if serving else None
    return result


_CALL_PROCESSES = ("CallActor", "SttActor", "LlmActor", "TtsActor")


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


# The two systems under test


@asynccontextmanager
async def otto(mode: str, calls: int, folder: Path) -> AsyncIterator[tuple[str, int, list[int]]]:
    """Otto's whole stack in a process of its own; yields sandbox, root pid and the sandbox's."""
    environment = {
        **os.environ,
        "OTTO_POOL_SIZE": str(calls),
        "OTTO_POOL_SUB_ACTORS": mode,
        "OTTO_PORT": "8400",
        "OTTO_DASHBOARD_PORT": "8465",
    }
    command = [sys.executable, "-m", "benchmarks.stack", str(folder)]
    async with _process(command, environment) as (process, ready):
        yield ready["sandbox"], process.pid, [ready["sandbox_pid"]]


@asynccontextmanager
async def floor(folder: Path) -> AsyncIterator[tuple[str, int, list[int]]]:
    """The bare relay, and a sandbox without database for it."""
    command = [sys.executable, "-m", "sandbox", "--state-dir", str(folder), "--speech", "known"]
    async with _process([*command, "--die-with-parent"], dict(os.environ)) as (_, endpoints):
        environment = {**os.environ, "OTTO_PORT": str(FLOOR_PORT)}
        relay = [sys.executable, "-m", "benchmarks.floor", "--port", str(FLOOR_PORT)]
        relay += ["--state-dir", str(folder)]
        async with _process(relay, environment) as (process, ready):
            async with httpx.AsyncClient() as http:
                number = {"voice_url": ready["voice_url"], "status_callback_url": None}
                await http.put(f"{endpoints['http']}/sandbox/number", json=number)
            yield endpoints["http"], process.pid, []


@asynccontextmanager
async def _process(
    command: list[str], environment: dict[str, str]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """A process that says with one line of JSON that it is ready, and ends on SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 400)
        if not line:
            raise RuntimeError(f"{' '.join(command[1:])} ended before it was ready")
        yield process, json.loads(line)
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 90)


# The table


def facts() -> dict[str, Any]:
    """The machine, for the results' file."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "machine": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "vendors_ms": {
            "endpointing": ENDPOINTING_MS + FINAL_DELAY_MS,
            "model": MODEL_MS,
            "voice": VOICE_MS,
        },
    }


def table(results: list[Result], about: dict[str, Any]) -> str:
    """The results as Markdown, CPU also as a multiple of the floor."""
    floors = [result for result in results if result.mode == "floor"]

    def times_floor(result: Result) -> str:
        same = next((one for one in floors if one.calls == result.calls), None)
        same = same or (floors[-1] if floors else None)
        if same is None or result.mode == "floor":
            return ""
        return f"{result.cpu_s_per_call_minute / same.cpu_s_per_call_minute:.1f}×"

    def number(value: float | None, digits: int = 0) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    lines = [
        f"# Benchmark of {about['at']}",
        "",
        ", ".join(f"{name}: {value}" for name, value in about.items() if name != "at"),
        "",
        "| mode | calls | served | booked | TwiML ms | greeting ms | added p50 ms | added p95 ms "
        "| turns | barge-in ms | CPU s / call-min | × floor | idle CPU s / min | MB / call "
        "| ready s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        lines.append(
            f"| {result.mode} | {result.calls} | {result.served} | {result.booked} "
            f"| {number(result.twiml_ms)} | {number(result.greeting_ms)} "
            f"| {number(result.added_p50_ms)} | {number(result.added_p95_ms)} | {result.turns} "
            f"| {number(result.barge_in_ms)} "
            f"| {number(result.cpu_s_per_call_minute, 2)} | {times_floor(result)} "
            f"| {number(result.idle_cpu_s_per_minute, 2)} | {number(result.mb_per_call)} "
            f"| {number(result.ready_s)} |"
        )
    lines += ["", "CPU seconds a call-minute, by kind of process:", ""]
    for result in results:
        parts = ", ".join(f"{name} {cpu:.2f}" for name, cpu in result.cpu_by_process.items())
        lines.append(f"- {result.mode}, {result.calls} calls: {parts}")
    return "\n".join(lines) + "\n"


async def main(modes: list[str], counts: list[int], settle_s: float) -> None:
    """Measure everything asked for and write the results after each row."""
    RESULTS.mkdir(exist_ok=True)
    about = facts()
    name = about["at"].replace(":", "").replace("+0000", "Z")
    results: list[Result] = []
    for calls in counts:
        for mode in modes:
            with tempfile.TemporaryDirectory(prefix="otto-bench-", dir="/var/tmp") as folder:
                began = time.monotonic()
                system = floor(Path(folder)) if mode == "floor" else otto(mode, calls, Path(folder))
                async with system as (sandbox, root, apart):
                    ready_s = time.monotonic() - began
                    result = await measure(mode, calls, sandbox, root, apart, settle_s)
                    result.ready_s = ready_s
            results.append(result)
            print(json.dumps(asdict(result)), flush=True)
            (RESULTS / f"{name}.md").write_text(table(results, about), encoding="utf-8")
            data = {"about": about, "results": [asdict(one) for one in results]}
            (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
    print(table(results, about))


def cli() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modes", default="floor,inline,ray")
    parser.add_argument("--calls", default="1,5,10,20")
    parser.add_argument("--settle-s", type=float, default=10.0)
    given = parser.parse_args()
    asyncio.run(
        main(given.modes.split(","), [int(n) for n in given.calls.split(",")], given.settle_s)
    )
