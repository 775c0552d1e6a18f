"""`make audit`: does the world know of weaknesses in what the lock files install?

uv asks OSV (https://osv.dev), which needs a network; so it is no part of the tests. It knows
projects and scripts but no lock files like ours, so each is handed to it as a script that wants
exactly the same. Exit status: 0 when nothing is known, 1 when something is, 2 when nobody could
be asked.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cluster.bootstrap import VENV, index_for_uv
from cluster.locked import LOCKS, Pinned, read_lock

ROOT = Path(__file__).resolve().parent.parent
CANNOT = 2
FOUND = 1


def script(pins: list[Pinned]) -> str:
    """A script that wants these packages and does nothing. https://peps.python.org/pep-0723/"""
    wanted = [f"#   {_quoted(pin.requirement)}," for pin in pins]
    python = '# requires-python = ">=3.11,<3.12"'
    return "\n".join(["# /// script", python, "# dependencies = [", *wanted, "# ]", "# ///", ""])


def audit(lock: Path, *arguments: str) -> int:
    """Ask about one lock file; uv's words go to the terminal. Returns 0, `FOUND` or `CANNOT`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{lock.stem}.py"
        file.write_text(script(read_lock(lock)), encoding="utf-8")
        command = [str(VENV / "bin" / "uv"), "audit", "--preview-features", "audit-command"]
        done = subprocess.run(
            [*command, "--script", str(file), *arguments],
            # As in bootstrap.py; nothing is installed here.
            env={**os.environ, **index_for_uv(), "UV_INDEX_STRATEGY": "unsafe-best-match"},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    sys.stdout.write(done.stdout)
    # uv ends with 1, too, when it finds no such versions to ask about.
    return done.returncode if "known vulnerabilit" in done.stdout else CANNOT


def main(arguments: list[str]) -> int:
    """All lock files. `arguments` go to `uv audit`, such as --ignore GHSA-…"""
    results = {}
    for name in LOCKS:
        sys.stdout.write(f"--- {name}\n")
        sys.stdout.flush()
        results[name] = audit(ROOT / name, *arguments)
    if CANNOT in results.values():
        sys.stderr.write("audit: not everything could be asked about: is there a network?\n")
        return CANNOT
    return FOUND if any(results.values()) else 0


def _quoted(requirement: str) -> str:
    return '"' + requirement.replace('"', "'") + '"'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
