"""Otto's embedded stack for a benchmark: prints one line of JSON when ready, ends on SIGTERM."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import structlog
from rich.console import Console

from cluster.embedded import embedded


def main(folder: Path, speech: str = "known") -> None:
    """Bring the stack up with its data in `folder`, by the environment's settings."""
    # Standard output is for the one line of JSON.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    with embedded(folder, {}, speech=speech, log=Console(stderr=True)) as stack:
        sandbox = stack.sandbox
        ready = {
            "sandbox": sandbox.http,
            "control_token": sandbox.control_token,
            "sandbox_pid": sandbox.pid,
            "database_url": sandbox.database_url,
        }
        print(json.dumps(ready), flush=True)
        done.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
