"""Our processes are known by id and birth, by tag, and by nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cluster import processes
from cluster.processes import TAG, Recorded

SLEEPER = [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True);"
    "time.sleep(60)",
]


def spawn(command: list[str], **environment: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    assert child.stdout is not None
    child.stdout.readline()  # it runs its own code now
    return child


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[str]]:
    child = spawn(SLEEPER)
    yield child
    child.kill()
    child.communicate()


def test_a_process_is_alive_until_it_ends(sleeper: subprocess.Popen[str]) -> None:
    known = processes.record(sleeper.pid)
    assert known is not None
    assert processes.is_alive(known)
    sleeper.kill()
    assert processes.wait_gone([known], 5) == set()


def test_an_unreaped_child_counts_as_gone(sleeper: subprocess.Popen[str]) -> None:
    known = processes.record(sleeper.pid)
    assert known is not None
    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # dead, still in the table
    assert not processes.is_alive(known)


def test_a_stranger_with_a_recycled_id_is_left_alone(sleeper: subprocess.Popen[str]) -> None:
    known = processes.record(sleeper.pid)
    assert known is not None
    former_owner = replace(known, birth=known.birth + "0")
    assert processes.end([former_owner], 0.1) == set()
    assert sleeper.poll() is None


def test_one_that_ignores_sigterm_is_killed() -> None:
    child = spawn(STUBBORN)
    known = processes.record(child.pid)
    assert known is not None
    assert processes.end([known], 0.2) == set()
    assert child.wait() == -signal.SIGKILL
    child.communicate()


def test_tagged_finds_exactly_the_stacks_processes(sleeper: subprocess.Popen[str]) -> None:
    stack_id = uuid.uuid4().hex
    child = spawn(SLEEPER, **{TAG: stack_id})
    try:
        assert {found.pid for found in processes.tagged(stack_id)} == {child.pid}
    finally:
        child.kill()
        child.communicate()


def test_family_knows_children(sleeper: subprocess.Popen[str]) -> None:
    assert sleeper.pid in {found.pid for found in processes.family(os.getpid())}


def test_children_of_somebody_else_in_this_process_are_not_family() -> None:
    parent = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen(['sleep', '60']); print(flush=True); time.sleep(60)"
    )
    stranger = spawn([sys.executable, "-c", parent])
    grandchildren = processes.children(stranger.pid)
    try:
        assert grandchildren
        before = processes.children(os.getpid())
        own = spawn(SLEEPER)
        found = processes.family(os.getpid(), before)
        assert {process.pid for process in found} == {own.pid}
        own.kill()
        own.communicate()
    finally:
        for process in grandchildren:
            os.kill(process.pid, signal.SIGKILL)
        stranger.kill()
        stranger.communicate()


def test_no_process_no_record() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert processes.record(child.pid) is None
    assert not processes.is_alive(Recorded(child.pid, "whatever"))
