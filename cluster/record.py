"""`.otto/stack.json`: what runs, where it answers, and which processes belong to it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

from cluster.errors import StackError
from cluster.loopback import Control
from cluster.processes import Recorded, is_alive
from config.settings import STATE_DIR

FILE = "stack.json"
LOCK = "stack.lock"


@dataclass(frozen=True, slots=True)
class StackRecord:
    """One stack. Addresses are empty until they answer."""

    stack_id: str
    owner: Recorded
    """The process of `otto up` (or of `otto demo`)."""
    origin: str = ""
    """Where Twilio's webhooks reach Otto, e.g. http://127.0.0.1:8000"""
    dashboard: str = ""
    sandbox: str = ""
    """The sandbox's control address; empty when every vendor is live."""
    sandbox_token: str = field(default="", repr=False)
    """What the sandbox asks for before it lets itself be steered."""
    drain_s: float = 0.0
    """How long its owner lets calls in progress go on when it is asked to end."""
    processes: tuple[Recorded, ...] = ()

    @property
    def control(self) -> Control | None:
        """The sandbox's control API; None when every vendor is live."""
        return Control(self.sandbox, self.sandbox_token) if self.sandbox else None

    @property
    def is_running(self) -> bool:
        return is_alive(self.owner)

    def save(self, state_dir: Path = STATE_DIR) -> None:
        """Write it, all or nothing, for its owner only."""
        path = state_dir / FILE
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)  # its mode would be kept
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=1)
        fresh.replace(path)

    def with_processes(self, processes: Iterable[Recorded]) -> StackRecord:
        """Adds processes, forgetting those that have ended."""
        merged = {p for p in (*self.processes, *processes) if is_alive(p)}
        return replace(self, processes=tuple(sorted(merged, key=lambda p: p.pid)))


def load(state_dir: Path = STATE_DIR) -> StackRecord | None:
    """The stack that was recorded here last, running or crashed; None when there is none."""
    try:
        found = json.loads((state_dir / FILE).read_text(encoding="utf-8"))
        found["owner"] = Recorded(**found["owner"])
        found["processes"] = tuple(Recorded(**process) for process in found["processes"])
        return StackRecord(**found)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def running(state_dir: Path = STATE_DIR) -> StackRecord:
    """The stack that runs here and answers. Raises StackError when none does."""
    found = load(state_dir)
    if found is None or not found.is_running:
        raise StackError("no stack is running here: start one with `otto up`")
    if not found.origin:
        raise StackError("the stack is still starting: wait until `otto up` says it is ready")
    return found


def take_lock(state_dir: Path = STATE_DIR) -> IO[str]:
    """Only one stack a state folder. Keep the file open as long as the stack lives: the system
    takes the lock back when the process ends, however it ends. Raises StackError when taken."""
    path = state_dir / LOCK
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StackError(
            f"another stack is running in {state_dir.resolve()}: end it with `otto down`"
        ) from None
    return file
