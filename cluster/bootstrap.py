"""Make the environment in `.venv` from the lock files; run by `make setup` with plain Python 3.11.

Only the standard library is at hand here. uv does the work (a quarter of pip's time, measured
17 s against 125 s without any cache) and comes, hash-pinned, from requirements-setup.lock. It does
not read pip's configuration, so an index that is configured for pip is handed to it; and where uv
cannot do it for whatever reason, pip does: slower, with the same lock and the same hashes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = "requirements.lock"
SETUP_LOCK = "requirements-setup.lock"


def main(stamp: Path) -> int:
    """Build or refresh the environment; 0 when it is ready, 2 with a sentence when it is not."""
    started = time.monotonic()
    if sys.version_info[:2] != (3, 11):
        return _refuse(f"Otto needs Python 3.11; this is {sys.version.split()[0]}.")
    try:
        _make_venv()
        _install()
    except OSError as error:
        return _refuse(f"{error.filename or VENV}: {error.strerror}.")
    except subprocess.CalledProcessError as error:
        _say(str(error.output or "").strip()[-2000:])
        return _refuse(
            "The packages could not be installed: see above. "
            "Is a package index reachable, and is the disk full?"
        )
    for old in VENV.glob(".ready-*"):
        old.unlink()
    stamp.touch()
    _say(f"environment ready in {time.monotonic() - started:.0f} s")
    return 0


def _make_venv() -> None:
    home = VENV / ".home"
    if home.is_file() and home.read_text() == str(VENV) and _runs("-m", "pip", "--version"):
        return
    _say("making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-I", "-m", "venv", str(VENV)], check=False)
    if made.returncode:
        raise SystemExit(
            _refuse(
                "Python's venv module could not make .venv: see above. On Debian and Ubuntu it "
                "comes with the package python3.11-venv."
            )
        )
    home.write_text(str(VENV))


def _install() -> None:
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    project = ["--no-deps", "--no-build-isolation", "-e", "."]
    _say(f"installing from {LOCK}")
    try:
        _run([*pip, "install", "-q", "--require-hashes", "-r", SETUP_LOCK])
        uv = [str(VENV / "bin" / "uv"), "pip"]
        # Compiled now (20 s), or each of Ray's many processes compiles its imports for itself: 9.5
        # CPU-seconds instead of 3.2 for a call actor where Python may not write bytecode.
        compiled = ["--compile-bytecode", "--require-hashes", "-r", LOCK]
        _run([*uv, "install", "-q", *compiled], **index_for_uv())
        _run([*uv, "install", "-q", "--offline", *project])
    except subprocess.CalledProcessError:
        _say("uv could not do it: installing with pip instead, which takes some minutes")
        _run([*pip, "install", "-q", "--require-hashes", "-r", LOCK])
        _run([*pip, "install", "-q", *project])


def index_for_uv() -> dict[str, str]:
    """pip's configured indexes as uv's variables, unless uv has been told itself."""
    variables = {}
    for option, name in {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX"}.items():
        if name in os.environ:
            continue
        found = os.environ.get("PIP_" + option.upper().replace("-", "_")) or _pip_option(option)
        if found:
            variables[name] = " ".join(found.split())
    return variables


def _pip_option(option: str) -> str:
    for section in ("install", "global"):
        asked = subprocess.run(
            [str(PYTHON), "-m", "pip", "config", "get", f"{section}.{option}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode == 0:
            return asked.stdout.strip()
    return ""


def _runs(*arguments: str) -> bool:
    try:
        return subprocess.run([str(PYTHON), *arguments], capture_output=True).returncode == 0
    except OSError:
        return False


def _run(command: list[str], **variables: str) -> None:
    """Run quietly in the project's folder; what it said is kept for the error."""
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV), **variables}
    environment.setdefault("UV_LINK_MODE", "copy")
    # pip's rule, every index counts. uv's caution about it is for packages without hashes.
    environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )


def _say(message: str) -> None:
    sys.stderr.write(f"setup: {message}\n")


def _refuse(sentence: str) -> int:
    _say(sentence)
    return 2


if __name__ == "__main__":
    raise SystemExit(main(ROOT / sys.argv[1]))
