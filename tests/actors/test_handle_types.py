"""Calls between actors are checked by mypy: what would fail in the middle of a call fails there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """\
from actors.call.actor import CallActor
from actors.call.stt import SttActor
from actors.call.worker_actor import WorkerActor
from actors.runtime.handle import Handle, find, start
from config.settings import Settings

call: Handle[CallActor] = find("call-1")
stt: Handle[SttActor] = start(
    SttActor, {}, "INFO", Settings().deepgram, Settings().link
)


async def good() -> str | None:
    call.tell(CallActor.avoid, frozenset({"stt:primary"}))
    await stt.ask(WorkerActor.is_taken)
    await stt.ask(SttActor.attach, "host:1", "token", from_ms=1200)
    return await call.ask(CallActor.status)
"""
MISTAKES = {
    "no such method": ("await call.ask(CallActor.state)", "attr-defined"),
    "another actor's method": ("await call.ask(SttActor.detach)", "arg-type"),
    "a method by its name": ('await call.ask("status")', "arg-type"),
    "a wrong argument": ('call.tell(CallActor.avoid, ["stt:primary"])', "arg-type"),
    "an argument too few": ('stt.submit(SttActor.attach, "host:1")', "call-arg"),
    "an unknown keyword": ('stt.submit(SttActor.attach, "host:1", "t", since=1)', "call-arg"),
    "a wrong result": ("return await call.ask(CallActor.status)", "arg-type"),
    "a wrong argument of the constructor": (
        'start(SttActor, {}, "INFO", "key", Settings().link)',
        "arg-type",
    ),
    "an actor of no known class": ('nobody = find("call-1")', "var-annotated"),
}


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says of each mistake, and of the lines that make none."""
    module = tmp_path_factory.mktemp("types") / "calls.py"
    lines = [
        f"async def mistake_{number}() -> int | None: {line}; return None"
        for number, (line, _) in enumerate(MISTAKES.values())
    ]
    module.write_text(PROGRAM + "\n".join(lines))
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(module)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    first = PROGRAM.count("\n") + 1
    of_line = dict(enumerate(MISTAKES, start=first))
    found: dict[str, list[str]] = {}
    for line in run.stdout.splitlines():
        if ": error: " in line:
            number = int(line.removeprefix(str(module)).split(":")[1])
            found.setdefault(of_line.get(number, "good"), []).append(line)
    return found


@pytest.mark.timeout(330)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_call_between_actors_is_an_error_of_types(
    mistake: str, errors: dict[str, list[str]]
) -> None:
    (error,) = errors[mistake]
    assert error.endswith(f"[{MISTAKES[mistake][1]}]")


@pytest.mark.timeout(330)
def test_a_right_call_is_none(errors: dict[str, list[str]]) -> None:
    assert "good" not in errors
