"""The commands of the first screen exist and run what they say."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VIRTUAL_ENV": "/nowhere"}
    if path is not None:
        environment["PATH"] = path
    return subprocess.run(
        [shutil.which("make") or "make", "--no-print-directory", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "runs"),
    [
        ("demo", ".venv/bin/otto demo"),
        ("up", ".venv/bin/otto up"),
        ("down", ".venv/bin/otto down"),
        ("test", '-m pytest -m "not slow and not ray"'),
        ("test", '-m pytest -m "not slow and ray"'),
        ("slow", "-m pytest -m slow"),
        ("types", "mypy --strict"),
        ("contracts", "lint-imports"),
        ("attack", "-m benchmarks.attack"),
        ("setup", "cluster/bootstrap.py"),
    ],
)
def test_target_runs_its_command(target: str, runs: str) -> None:
    done = make("--dry-run", "--always-make", target)
    assert done.returncode == 0
    assert runs in done.stdout


def test_without_python_there_is_one_clear_sentence(tmp_path: Path) -> None:
    for tool in ("sh", "pwd", "cksum", "cut", "echo"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    done = make("--always-make", "setup", path=str(tmp_path))
    assert done.returncode == 2
    assert "Otto needs Python 3.11" in done.stderr


def test_an_activated_environment_is_not_what_the_environment_is_made_with() -> None:
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = make("--dry-run", "--always-make", "setup", path=path)
    (line,) = (line for line in done.stdout.splitlines() if "bootstrap.py" in line)
    assert ".venv/bin" not in line


def test_no_file_of_the_set_up_names_a_package_index() -> None:
    for name in ("Makefile", "requirements.lock", "requirements-setup.lock", ".ci/run"):
        lines = (ROOT / name).read_text().splitlines()
        assert not [line for line in lines if line.startswith(("--index", "--extra-index", "-i "))]
        assert "://" not in (ROOT / name).read_text()
