"""The sandbox's first words: progress, its one line of addresses, or why it cannot."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from cluster.errors import StackError
from cluster.progress import Progress
from cluster.sandbox_process import SandboxProcess
from cluster.stack import Stack
from config.sandbox_endpoints import SandboxEndpoints

ENDPOINTS = dict.fromkeys(SandboxEndpoints.model_fields, "x") | {"pid": 1, "clock_ahead_s": 0.0}


def start(workdir: Path, code: str, told: list[str]) -> SandboxProcess:
    (workdir / "logs").mkdir()
    return SandboxProcess(workdir, told.append, [sys.executable, "-u", "-c", code])


def test_ready_with_progress_and_no_key_in_the_log(workdir: Path) -> None:
    told: list[str] = []
    line = json.dumps(ENDPOINTS | {"api_key": "secret-key"})
    code = f"import time; print('progress: warming'); print('''{line}'''); time.sleep(60)"
    sandbox = start(workdir, code, told)
    assert sandbox.wait_ready(10).api_key == "secret-key"
    sandbox.end()
    assert told == ["warming"]
    assert "secret-key" not in (workdir / "logs" / "sandbox.log").read_text()


def test_its_last_words_are_the_reason(workdir: Path) -> None:
    code = "import sys; print('sandbox: the disk is full', file=sys.stderr); sys.exit(2)"
    sandbox = start(workdir, code, [])
    with pytest.raises(StackError, match="could not start: the disk is full"):
        sandbox.wait_ready(10)
    sandbox.end()


def test_silence_is_not_waited_for_for_ever(workdir: Path) -> None:
    sandbox = start(workdir, "import time; time.sleep(60)", [])
    with pytest.raises(StackError, match="not ready within"):
        sandbox.wait_ready(0.2)
    sandbox.end()


def test_it_has_begun_when_it_says_what_it_does(workdir: Path) -> None:
    sandbox = start(workdir, "import time; print('progress: warming'); time.sleep(60)", [])
    sandbox.wait_begun(10)
    sandbox.end()


def test_one_that_cannot_begin_says_why_at_once(workdir: Path) -> None:
    code = "import sys; sys.exit('sandbox: numpy is not installed here')"
    sandbox = start(workdir, code, [])
    with pytest.raises(StackError, match="could not start: numpy is not installed here"):
        sandbox.wait_begun(10)
    sandbox.end()


def test_nothing_else_is_started_when_the_sandbox_cannot(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(workdir / "state", sandbox_arguments=["--option", "nonsense"])
    monkeypatch.setattr(stack, "_start_ray", lambda *_: pytest.fail("Ray was started"))
    try:
        with pytest.raises(StackError, match="the sandbox could not start: --option nonsense"):
            stack.up(Progress(Console(quiet=True)))
    finally:
        stack.down()
