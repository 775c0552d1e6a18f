"""`otto up` brings everything up; whatever way it ends, nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster import loopback, processes, record
from cluster.record import StackRecord

ROOT = Path(__file__).parents[2]
OTTO = [sys.executable, "-m", "cluster"]
READY_S = 300.0

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(600)]


def start(folder: Path) -> tuple[subprocess.Popen[bytes], StackRecord]:
    with (folder / "up.log").open("wb") as log:
        owner = subprocess.Popen(
            [*OTTO, "up"], cwd=folder, stdout=log, stderr=log, env=environment(),
        )  # fmt: skip
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and owner.poll() is None:
        found = record.load(folder / ".otto")
        if found and found.origin and "Otto is ready" in (folder / "up.log").read_text():
            return owner, found
        time.sleep(0.2)
    owner.kill()
    down(folder)
    raise AssertionError((folder / "up.log").read_text())


def environment() -> dict[str, str]:
    small = {"OTTO_POOL_SIZE": "1", "OTTO_POOL_SUB_ACTORS": "inline"}
    return {**os.environ, "PYTHONPATH": str(ROOT), **small}


def down(folder: Path) -> str:
    done = subprocess.run(
        [*OTTO, "down"], cwd=folder, env=environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


def assert_nothing_left(stack: StackRecord, folder: Path) -> None:
    assert processes.wait_gone(stack.processes, 10) == set()
    assert processes.tagged(stack.stack_id) == set()
    assert record.load(folder / ".otto") is None
    assert loopback.status(f"{stack.origin}/healthz") is None


def test_up_serves_and_every_way_down_leaves_nothing(workdir: Path) -> None:
    owner, stack = start(workdir)
    assert loopback.status(f"{stack.origin}/readyz") == 200
    assert loopback.status(stack.dashboard) is not None
    assert len(stack.processes) > 10
    owner.send_signal(signal.SIGINT)
    assert owner.wait(90) == 0
    assert_nothing_left(stack, workdir)

    owner, stack = start(workdir)  # the second start finds the data of the first
    owner.kill()
    owner.wait()
    down(workdir)
    assert_nothing_left(stack, workdir)
