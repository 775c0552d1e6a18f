"""Knowing our processes from everybody else's, also after a crash and after a reboot.

A process is recorded by its id *and* its birth, because ids are given out again. Everything the
stack starts also inherits a tag in its environment, so that what was started after the last
record is found too. Both are needed: processes that rewrite their title (Ray's agents,
PostgreSQL) lose their visible environment, and a record is only as fresh as its last writing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

TAG = "OTTO_STACK"
"""The environment variable that every process of a stack inherits; its value is the stack's id."""
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Recorded:
    """One process: `birth` is opaque and differs for every process that ever has this id."""

    pid: int
    birth: str


def birth(pid: int) -> str | None:
    """When the process was born, or None when there is none. Zombies count as gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _birth_elsewhere(pid)
    except (OSError, UnicodeDecodeError):
        return None
    # After the name in brackets: field 3 is the state, field 22 the start in ticks since boot.
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def _birth_elsewhere(pid: int) -> str | None:
    """Without /proc (macOS)."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def record(pid: int) -> Recorded | None:
    born = birth(pid)
    return None if born is None else Recorded(pid, born)


def is_alive(process: Recorded) -> bool:
    return birth(process.pid) == process.birth


def children(pid: int, *, recursive: bool = False) -> set[Recorded]:
    """The process' own children as they are now; recursive: theirs too, and so on."""
    try:
        found = psutil.Process(pid).children(recursive)
    except psutil.Error:
        return set()
    return {known for child in found if (known := record(child.pid))}


def family(pid: int, without: Iterable[Recorded] = ()) -> set[Recorded]:
    """The process' descendants as they are now: without itself, and without those children (and
    all that is theirs) which somebody else in this process has started."""
    return children(pid, recursive=True).difference(
        without, *(children(other.pid, recursive=True) for other in without)
    )


def tagged(stack_id: str) -> set[Recorded]:
    """Every process that carries the stack's tag, without this one and its ancestors."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = set()
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(TAG) == stack_id and (known := record(process.pid)):
                found.add(known)
    return found


def wait_gone(processes: Iterable[Recorded], timeout_s: float) -> set[Recorded]:
    """Wait for all to end; returns those that are still there."""
    left = set(processes)
    deadline = time.monotonic() + timeout_s
    while left := {process for process in left if is_alive(process)}:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_S)
    return left


def end(processes: Iterable[Recorded], grace_s: float) -> set[Recorded]:
    """Ask all to end, wait, then make them. Returns those that even so remain."""
    left = set(processes)
    for name, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        for process in left:
            if is_alive(process):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process.pid, name)
        left = wait_gone(left, patience_s)
    return left
