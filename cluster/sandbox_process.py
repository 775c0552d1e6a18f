"""The sandbox as a child: started, listened to while it gets ready, ended."""

from __future__ import annotations

import collections
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster.errors import StackError
from config.sandbox_endpoints import SandboxEndpoints

PROGRESS = "progress:"
READY_TIMEOUT_S = 180.0
END_TIMEOUT_S = 15.0


class SandboxProcess:
    """`python -m sandbox`. Must be started in the main thread: the sandbox ends when the thread
    that started it does (that is what the kernel's parent-death signal watches)."""

    def __init__(
        self,
        state_dir: Path,
        tell: Callable[[str], None],
        command: list[str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        """`arguments` are added to the command; see `python -m sandbox --help`."""
        command = command or [
            sys.executable,
            "-m",
            "sandbox",
            "--state-dir",
            str(state_dir),
            "--die-with-parent",
            "--parent-pid",
            str(os.getpid()),
            *arguments,
        ]
        self._tell = tell
        self._log = state_dir / "logs" / "sandbox.log"
        self._begun = threading.Event()
        self._ready = threading.Event()
        self._endpoints: SandboxEndpoints | None = None
        self._last = collections.deque[str](maxlen=5)
        # A session of its own: Ctrl-C in the terminal is for us, and we end the sandbox in order.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="sandbox-output", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_begun(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Returns when it says what it does: it has found what it needs. Raises StackError with
        its last words when it ends instead."""
        self._begun.wait(timeout_s)
        if self._process.poll() is not None:
            self.wait_ready(0)

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> SandboxEndpoints:
        """Its addresses, once it serves. Raises StackError with its last words otherwise."""
        self._ready.wait(timeout_s)
        if self._endpoints is not None:
            return self._endpoints
        if self._process.poll() is None:
            raise StackError(f"the sandbox was not ready within {timeout_s:.0f} s: see {self._log}")
        last = self._last[-1] if self._last else f"exit code {self._process.returncode}"
        words = last.removeprefix("sandbox: ")
        raise StackError(f"the sandbox could not start: {words} (more in {self._log})")

    def end(self) -> None:
        """Ask it to end, which ends its PostgreSQL and Valkey in order."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=2)

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            with self._log.open("a", encoding="utf-8") as log:
                for line in self._process.stdout:
                    self._hear(line.rstrip("\n"), log.write)
                    log.flush()
        except OSError as error:  # the disk is full, for one
            self._last.append(f"{self._log}: {error.strerror}")
        finally:
            self._process.wait()
            self._begun.set()
            self._ready.set()

    def _hear(self, line: str, write: Callable[[str], object]) -> None:
        if self._endpoints is None and line.startswith("{"):
            try:
                self._endpoints = SandboxEndpoints.model_validate_json(line)
            except ValueError:
                pass
            else:
                self._begun.set()
                self._ready.set()
                return  # holds keys: not for the log
        if line.startswith(PROGRESS):
            self._begun.set()
            self._tell(line.removeprefix(PROGRESS).strip())
        elif line.strip():
            self._last.append(line.strip())
        write(line + "\n")


def discard_data(state_dir: Path) -> None:
    """Delete the data of a sandbox that has ended, wherever its database lies."""
    command = [sys.executable, "-m", "sandbox", "--state-dir", str(state_dir), "--discard"]
    subprocess.run(command, check=True, timeout=END_TIMEOUT_S)
