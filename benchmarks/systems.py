"""The systems under test, each with a sandbox of its own: Otto's stack, and the bare relay."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from benchmarks import call_records

BASELINE_PORT = 9300
OTTO_PORT = "8400"
DASHBOARD_PORT = "8465"
READY_TIMEOUT_S = 400.0
END_TIMEOUT_S = 90.0
LAST_WORDS = 2000
ENDPOINTING_MS = 300
MODES = ("baseline", "inline", "ray")
SPECULATING = "-speculating"
"""Behind a mode of Otto's: an answer is begun before the end of the turn is certain."""


@dataclass(frozen=True)
class System:
    """One that is up: its process' id is `root`; those in `apart` are the outside world's."""

    sandbox: str
    control_token: str
    root: int
    apart: tuple[int, ...] = ()
    database_url: str = ""
    """Its database; empty when it has none."""
    customers: list[dict[str, Any]] = field(default_factory=list)
    """Facts of customers who are in its database, for callers to know."""


def start(mode: str, places: int, folder: Path) -> AbstractAsyncContextManager[System]:
    """Bring up `mode` (see `MODES`, `SPECULATING`), with a warm pool of `places`, its data in
    `folder`."""
    return _baseline(folder) if mode == "baseline" else _otto(mode, places, folder)


@asynccontextmanager
async def _otto(mode: str, places: int, folder: Path) -> AsyncIterator[System]:
    environment = {
        **os.environ,
        "OTTO_POOL_SIZE": str(places),
        "OTTO_POOL_SUB_ACTORS": mode.removesuffix(SPECULATING),
        "OTTO_CALL_SPECULATE": str(mode.endswith(SPECULATING)),
        "OTTO_PORT": OTTO_PORT,
        "OTTO_DASHBOARD_PORT": DASHBOARD_PORT,
        "DEEPGRAM_ENDPOINTING_MS": str(ENDPOINTING_MS),
    }
    command = [sys.executable, "-m", "benchmarks.stack", str(folder)]
    async with _process(command, environment) as (process, ready):
        apart = (ready["sandbox_pid"],)
        url = ready["database_url"]
        customers = await call_records.customers(url)
        token = ready["control_token"]
        yield System(ready["sandbox"], token, process.pid, apart, url, customers)


@asynccontextmanager
async def _baseline(folder: Path) -> AsyncIterator[System]:
    """The bare relay keeps no book: any caller is somebody it knows."""
    command = [sys.executable, "-m", "sandbox", "--state-dir", str(folder), "--speech", "known"]
    async with _process([*command, "--die-with-parent"], dict(os.environ)) as (_, endpoints):
        environment = {**os.environ, "DEEPGRAM_ENDPOINTING_MS": str(ENDPOINTING_MS)}
        relay = [sys.executable, "-m", "benchmarks.baseline", "--port", str(BASELINE_PORT)]
        relay += ["--state-dir", str(folder)]
        async with _process(relay, environment) as (process, ready):
            async with httpx.AsyncClient(headers=bearer(endpoints["control_token"])) as http:
                number = {"voice_url": ready["voice_url"], "status_callback_url": None}
                await http.put(f"{endpoints['http']}/sandbox/number", json=number)
            yield System(endpoints["http"], endpoints["control_token"], process.pid)


def bearer(token: str) -> dict[str, str]:
    """The header with which the sandbox lets itself be steered."""
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def _process(
    command: list[str], environment: dict[str, str]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """A process that says with one line of JSON that it is ready, and ends on SIGTERM."""
    with tempfile.TemporaryFile() as remarks:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=subprocess.PIPE, stderr=remarks
        )
        try:
            yield process, await _ready(process, command, remarks)
        finally:
            if process.returncode is None:
                process.terminate()
                await asyncio.wait_for(process.wait(), END_TIMEOUT_S)


async def _ready(
    process: asyncio.subprocess.Process, command: list[str], remarks: IO[bytes]
) -> dict[str, Any]:
    """Its line. Raises RuntimeError with its last words when it ends before."""
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), READY_TIMEOUT_S)
    if line:
        ready: dict[str, Any] = json.loads(line)
        return ready
    remarks.seek(0)
    last_words = remarks.read().decode(errors="replace")[-LAST_WORDS:]
    raise RuntimeError(f"{' '.join(command[1:])} ended before it was ready: {last_words}")
