"""Otto's embedded stack for a benchmark: prints one line of JSON when ready, ends on SIGTERM."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import structlog
from rich.console import Console

from cluster.progress import Progress
from cluster.stack import Stack
from config.settings import read_endpoints


def main(folder: Path) -> None:
    """Bring the stack up with its data in `folder`, by the environment's settings."""
    # Standard output is for the one line of JSON.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    stack = Stack(folder, sandbox_arguments=["--speech", "known"])
    try:
        stack.up(Progress(Console(stderr=True)))
        endpoints = read_endpoints(folder)
        assert endpoints is not None
        ready = {
            "sandbox": endpoints.http,
            "sandbox_pid": endpoints.pid,
            "database_url": endpoints.database_url,
        }
        print(json.dumps(ready), flush=True)
        done.wait()
    finally:
        stack.down()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
