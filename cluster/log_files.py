"""`otto logs`: the last lines of several files, and what is added to them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import structlog
from rich.console import Console

from cluster.errors import StackError

POLL_S = 0.3
BLOCK_BYTES = 64 * 1024
PATTERNS = ("*.log", "ray/serve/*.log", "ray/worker-*.out", "ray/worker-*.err")
"""Below the logs' folder: the sandbox, the ingress' replicas, the actors."""


def write_to(path: Path) -> None:
    """Send this process' own log there instead of to the terminal; the folder may appear later."""

    class Lazy:
        def msg(self, message: str) -> None:
            with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as file:
                file.write(message + "\n")

        log = debug = info = warning = warn = error = critical = exception = msg

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *names: Lazy(),
        cache_logger_on_first_use=False,
    )


def show(folder: Path, name: str, lines: int, follow: bool, console: Console) -> None:
    """Print the ends of the log files whose name holds `name`; with `follow`, for ever.

    Raises StackError when there is no such file.
    """
    found = _find(folder, name)
    if not found:
        wanted = f" with {name!r} in its name" if name else ""
        raise StackError(f"there is no log{wanted} in {folder}: has the stack ever been started?")
    positions: dict[Path, int] = {}
    for path in found:
        tail = _tail(path, lines)
        positions[path] = path.stat().st_size
        for line in tail:
            _print(path, line, console)
    while follow:
        time.sleep(POLL_S)
        for path in _find(folder, name):
            size = path.stat().st_size
            at = positions.get(path, 0)
            if size > at:
                with path.open("rb") as file:
                    file.seek(at)
                    for raw in file.read(size - at).splitlines():
                        _print(path, raw.decode(errors="replace"), console)
            positions[path] = size


def _find(folder: Path, name: str) -> list[Path]:
    found = [path for pattern in PATTERNS for path in folder.glob(pattern) if name in path.name]
    return sorted((path for path in found if path.stat().st_size), key=lambda p: p.stat().st_mtime)


def _tail(path: Path, lines: int) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - BLOCK_BYTES))
        text = file.read().decode(errors="replace")
    return text.splitlines()[-lines:] if lines else []


def _print(path: Path, line: str, console: Console) -> None:
    console.print(f"{path.stem[:24]:<24} {line}", markup=False, soft_wrap=True)
