"""The machine and the program, for a result's file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).parent / "results"


def facts() -> dict[str, Any]:
    """What a reader must know to compare figures. `load`: what else ran when it began."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "machine": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "commit": subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip(),
    }


def ports() -> dict[str, str]:
    """Ports of this process' own for a stack, so that it disturbs no other one."""
    offset = os.getpid() % 5_000
    return {"OTTO_PORT": str(20_000 + offset), "OTTO_DASHBOARD_PORT": str(25_000 + offset)}


def write(kind: str, about: dict[str, Any], data: dict[str, Any], markdown: str) -> Path:
    """Write a result as JSON and Markdown; returns the path of the JSON.

    Its name is the kind (none for the benchmark proper) and the time of the run.
    """
    RESULTS.mkdir(exist_ok=True)
    stamp = str(about["at"]).replace(":", "").replace("+0000", "Z")
    path = RESULTS / (f"{kind}-{stamp}.json" if kind else f"{stamp}.json")
    path.write_text(json.dumps({"about": about, **data}, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(markdown, encoding="utf-8")
    return path
