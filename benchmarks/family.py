"""What a family of processes costs: CPU seconds and memory, by kind of process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

CALL_PROCESSES = ("CallActor", "SttActor", "LlmActor", "TtsActor")
"""The kinds of which there is one for each place in the pool."""


class Memory(NamedTuple):
    """Megabytes. `uss`: what would be free if the process ended. `pss`: its fair share, too, of
    what it shares with others (libraries, the object store)."""

    uss_mb: float
    pss_mb: float


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


def kind(process: psutil.Process) -> str:
    """What a process is: `ray::SttActor.stay` is an SttActor, a module or script is its name."""
    try:
        line = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return "gone"
    text = line[0] if line else process.name()
    if text.startswith("ray::"):
        return text.removeprefix("ray::").partition(".")[0].partition(":")[0]
    name = Path(text).name
    if not name.startswith("python"):
        return name
    given = [word for word in line[1:] if not word.startswith("-")]
    return Path(given[0]).name if given else name


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


def spent(
    before: Mapping[tuple[int, str], float], after: Mapping[tuple[int, str], float]
) -> dict[str, float]:
    """CPU seconds between two snapshots, by kind. What ended in between is left out."""
    by_kind: dict[str, float] = {}
    before_by_pid = {pid: seconds for (pid, _), seconds in before.items()}
    for (pid, name), seconds in after.items():
        by_kind[name] = by_kind.get(name, 0.0) + seconds - before_by_pid.get(pid, 0.0)
    return by_kind


def memory(processes: Iterable[psutil.Process]) -> dict[str, Memory]:
    """Memory by kind of process."""
    found: dict[str, Memory] = {}
    for process in processes:
        try:
            name, info = kind(process), process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        uss_mb, pss_mb = found.get(name, (0.0, 0.0))
        found[name] = Memory(uss_mb + info.uss / 2**20, pss_mb + info.pss / 2**20)
    return found
