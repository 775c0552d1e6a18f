"""What PostgreSQL and Valkey have in common as children of the sandbox.

A child must not outlive the sandbox, whatever happens to it. Three things see to that:

1. the kernel sends the child a signal when its parent dies (Linux, `PR_SET_PDEATHSIG`);
2. one process at a time owns a data folder (`FolderLock`), so
3. a server found running in a folder that we own is an orphan, and is ended before a new start.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import psutil

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.02


class ServiceError(Exception):
    """A service of the sandbox cannot be started. The message is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class RunAs:
    """The system user that a child runs as, when it may not be ours."""

    name: str
    uid: int
    gid: int


class FolderLock:
    """Held by the process that owns a data folder; the kernel lets go when that process dies."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Raises `ServiceError` when another live process owns the folder."""
        file = self._path.open("a+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise ServiceError(
                f"{self._what} in {self._path.parent} is already in use by process {owner}: "
                "stop it first, or use another state folder"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let go; harmless when not held."""
        if self._file is not None:
            self._file.close()
            self._file = None


@cache
def _spawner() -> ThreadPoolExecutor:
    """The one thread that starts children.

    The kernel's parent-death signal fires when the *thread* that forked ends, so a child is never
    started on a passing worker thread. This one lives as long as the process.
    """
    return ThreadPoolExecutor(1, thread_name_prefix="spawn")


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    death_signal: signal.Signals,
    run_as: RunAs | None = None,
    stdin: bytes = b"",
    cwd: Path,
) -> subprocess.Popen[bytes]:
    """Start a child that gets `death_signal` when this process dies; its output goes to `log`."""
    on_linux = sys.platform.startswith("linux")
    libc = ctypes.CDLL(None, use_errno=True) if on_linux else None

    def in_child() -> None:
        # Runs after the change of user, which would clear the signal again.
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                preexec_fn=in_child,
                # A Ctrl-C in the terminal is for the sandbox, which ends its children in order.
                start_new_session=True,
                **identity(run_as),
            )
        assert child.stdin is not None
        try:
            child.stdin.write(stdin)
            child.stdin.close()
        except BrokenPipeError:
            pass  # it ended at once; the caller finds out why from its log
        return child

    return _spawner().submit(start).result()


def identity(run_as: RunAs | None) -> dict[str, Any]:
    """The arguments of `subprocess` that change to another user, or none."""
    if run_as is None:
        return {}
    return {"user": run_as.uid, "group": run_as.gid, "extra_groups": []}


def stop_child(
    child: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]
) -> None:
    """Send each signal in turn, waiting its seconds, until the child has ended."""
    for number, patience_s in (*steps, (signal.SIGKILL, 10.0)):
        if child.poll() is not None:
            return
        child.send_signal(number)
        try:
            child.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return


def stop_orphans(name: str, folder: Path, polite: signal.Signals, patience_s: float) -> int:
    """End every process called `name` whose working directory is `folder`; returns how many."""
    found = [process for process in psutil.process_iter(["name"]) if _is_at(process, name, folder)]
    for number in (polite, signal.SIGKILL):
        for process in found:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(found, timeout=patience_s)
        if not alive:
            break
    return len(found)


def _is_at(process: psutil.Process, name: str, folder: Path) -> bool:
    try:
        return process.info["name"].startswith(name) and Path(process.cwd()) == folder
    except (psutil.Error, OSError):
        return False


def free_port() -> int:
    """A loopback TCP port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_port(port: int, what: str) -> None:
    """Raises `ServiceError` when somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "another program uses it" if taken else error.strerror or str(error)
            raise ServiceError(f"{what} cannot listen on port {port}: {why}") from None


def explain(error: OSError, what: str, folder: Path) -> ServiceError:
    """The sentence for a failed file operation."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ServiceError(f"{what} cannot be started: the disk that holds {folder} is full")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        where = error.filename or folder
        return ServiceError(f"{what} cannot be started: no permission to write {where}")
    return ServiceError(f"{what} cannot be started in {folder}: {error.strerror or error}")


def explain_output(output: str, what: str, folder: Path) -> ServiceError:
    """The sentence for a server that ended at once, from what it wrote."""
    for words, sentence in (
        ("No space left on device", f"the disk that holds {folder} is full"),
        ("Disk quota exceeded", f"the disk quota for {folder} is used up"),
        ("Permission denied", f"no permission to write in {folder}"),
        ("Read-only file system", f"{folder} is on a read-only file system"),
        ("Address already in use", "its port is taken by another program"),
    ):
        if words in output:
            return ServiceError(f"{what} cannot be started: {sentence}")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return ServiceError(f"{what} cannot be started: {lines[-1] if lines else 'it said nothing'}")


def tail(log: Path, offset: int) -> str:
    """What was written to the log after `offset` bytes."""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            return file.read(20_000).decode(errors="replace")
    except OSError:
        return ""


def size(log: Path) -> int:
    """The log's length in bytes; 0 when there is none."""
    return log.stat().st_size if log.exists() else 0


class Deadline:
    """A wait with an end."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def pause(self) -> bool:
        """Sleep a moment; False once the time is over."""
        time.sleep(_POLL_S)
        return time.monotonic() < self._end
