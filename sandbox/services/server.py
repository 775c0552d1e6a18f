"""A server of the sandbox: started, stopped and started again on the same port and data.

It can also be *paused*: all its processes stand still, as under a host that hangs. Connections
are accepted by the kernel and nobody answers, which is the worst thing a server can do.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import psutil

from sandbox.services.child import (
    Deadline,
    FolderLock,
    ServiceError,
    check_port,
    explain,
    explain_output,
    free_port,
    size,
    stop_child,
    tail,
)

PORT_ATTEMPTS = 5
PORT_PATIENCE_S = 5.0
"""A restarted server wants its port back; somebody's connection may have it for a moment."""

State = Literal["running", "paused", "stopped"]


class Server(ABC):
    """What PostgreSQL and Valkey have in common. `folder` holds the data.

    `port` 0 takes a free one at the first start, and that one again ever after. Every method
    blocks; call them one at a time.
    """

    what: str
    """The name for people."""
    stop_steps: Sequence[tuple[signal.Signals, float]]
    """The signals that end it, each with the seconds it is given."""
    bind_failed: str
    """What it writes when its port is taken."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self._asked_port = port
        self._port = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._lock: FolderLock | None = None
        self._is_paused = False

    @property
    def pid(self) -> int | None:
        """The server's process id while there is one."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def state(self) -> State:
        """Whether it serves, stands still or is not there."""
        if self.pid is None:
            return "stopped"
        return "paused" if self._is_paused else "running"

    def start(self) -> str:
        """Start on the kept data, or make it; returns the URL with the password.

        Raises `ServiceError`.
        """
        if self._child is not None:
            raise ServiceError(f"{self.what} has been started already")
        try:
            return self._start()
        except OSError as error:
            self.stop()
            raise explain(error, self.what, self.folder) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server in order, data kept. Safe to repeat."""
        if self._child is not None:
            self.resume()  # who stands still cannot end
            stop_child(self._child, self.stop_steps)
            self._child = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def pause(self) -> None:
        """Let all its processes stand still. Raises `ServiceError` when it is not running."""
        if self.pid is None:
            raise ServiceError(f"{self.what} is not running")
        self._is_paused = True
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on; harmless when it does."""
        if self._is_paused:
            self._is_paused = False
            self._signal(signal.SIGCONT)

    def discard(self) -> None:
        """Stop and delete the data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # For the servers

    @abstractmethod
    def _start(self) -> str: ...

    def _own_folder(self) -> None:
        """Raises `ServiceError` when another live process owns the data."""
        self._lock = FolderLock(self.folder / "lock", f"the data of {self.what}")
        self._lock.acquire()

    def _launch(
        self,
        log: Path,
        begin: Callable[[int], subprocess.Popen[bytes]],
        is_ready: Callable[[subprocess.Popen[bytes], int], bool],
    ) -> int:
        """Begin the server on a port, and wait until it is ready; returns the port.

        Somebody may take a free port before the server does: then another is tried.
        """
        fixed = self._asked_port or self._port
        if fixed:
            self._await_port(fixed)
        for attempt in range(1, PORT_ATTEMPTS + 1):
            port = fixed or free_port()
            offset = size(log)
            self._child = begin(port)
            if is_ready(self._child, port):
                self._port = port
                return port
            stop_child(self._child, self.stop_steps[-1:])
            self._child = None
            said = tail(log, offset)
            if fixed or self.bind_failed not in said or attempt == PORT_ATTEMPTS:
                raise explain_output(said, self.what, self.folder)
        raise AssertionError("the loop returns or raises")

    def _await_port(self, port: int) -> None:
        deadline = Deadline(0 if self._asked_port else PORT_PATIENCE_S)
        while True:
            try:
                check_port(port, self.what)
            except ServiceError:
                if not deadline.pause():
                    raise
            else:
                return

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(pid)
            # The parent first: then it makes no more children, and restarts none.
            for process in (parent, *parent.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
