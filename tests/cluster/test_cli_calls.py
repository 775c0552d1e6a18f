"""`otto call`: who calls, how their line is, and what it exits with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cluster import cli, cli_calls, live_call, record
from cluster.errors import StackError
from config.settings import Settings

DONE = {
    "call_sid": "CA1",
    "status": "completed",
    "done_as": "You're booked.",
    "satisfied": True,
    "missed": [],
    "wrong": [],
}


class Sandbox:
    """Keeps what it is asked, and tells one outcome."""

    def __init__(self, **outcome: Any) -> None:
        self.outcome = DONE | outcome
        self.placed: list[dict[str, Any]] = []

    def request(self, path: str, *, method: str = "GET", body: Any = None) -> Any:
        if method == "POST":
            self.placed.append(json.loads(json.dumps(body)))
            return {"call_sid": "CA1"}
        return self.outcome

    def lines(self, path: str, timeout_s: float) -> list[Any]:
        return []


class Following:
    """Instead of the terminal's live view."""

    def __init__(self, *_: Any) -> None: ...

    def follow(self) -> None: ...


@pytest.fixture
def otto(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(sandbox: Sandbox, *arguments: str) -> Any:
        running = type("Running", (), {"control": sandbox})()
        monkeypatch.setattr(record, "running", lambda: running)
        monkeypatch.setattr(live_call, "LiveCall", Following)
        monkeypatch.setattr(cli_calls, "load_settings", Settings)
        return CliRunner().invoke(cli.app, ["call", *arguments])

    return run


def test_a_caller_and_their_line_are_asked_for_by_options(otto: Any) -> None:
    sandbox = Sandbox()
    options = "--persona maria --seed 4 --voice deep --pace 1.2 --noise crowd --snr 10 --loss 2"
    done = otto(sandbox, *options.split(), "--twist", "hesitates", "--twist", "swears")
    assert done.exit_code == 0, done.output
    (body,) = sandbox.placed
    assert body["persona"] == "maria" and body["traits"] == {
        "seed": 4,
        "voice": "deep",
        "pace": 1.2,
        "noise": "crowd",
        "snr_db": 10.0,
        "loss_percent": 2.0,
        "twists": ["hesitates", "swears"],
    }


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ({"satisfied": False, "missed": ["book"]}, "did not hear that this was done: book"),
        ({"satisfied": False, "wrong": ["vehicle"]}, "done is not theirs: vehicle"),
        ({"status": "failed", "satisfied": True}, "failed"),
    ],
)
def test_a_call_that_is_not_what_the_caller_wanted_is_a_failed_call(
    otto: Any, outcome: dict[str, Any], says: str
) -> None:
    done = otto(Sandbox(**outcome))
    assert done.exit_code == 1 and says in done.output
    assert otto(Sandbox()).exit_code == 0


@pytest.mark.parametrize("is_nested", [True, False])
def test_a_scenarios_caller_calls(otto: Any, workdir: Path, is_nested: bool) -> None:
    caller = "based_on: maria\ngoal: {days: [2026-12-01]}\nseed: 3\ntwists: [swears]\n"
    if is_nested:
        caller = "flow: book\npersona:\n" + "".join(f"  {line}\n" for line in caller.splitlines())
    (workdir / "caller.yaml").write_text(caller, encoding="utf-8")
    sandbox = Sandbox()
    assert otto(sandbox, "--scenario", "caller.yaml", "--seed", "9").exit_code == 0
    assert sandbox.placed == [
        {
            "persona": "maria",
            "goal": {"days": ["2026-12-01"]},
            "traits": {"seed": 9, "twists": ["swears"]},
        }
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [("[", "cannot be read"), ("- 1", "holds no caller"), ("persona: 3", "holds no caller")],
)
def test_a_file_that_holds_no_caller_is_named(
    otto: Any, workdir: Path, text: str, says: str
) -> None:
    (workdir / "caller.yaml").write_text(text, encoding="utf-8")
    refused = otto(Sandbox(), "--scenario", "caller.yaml")
    assert isinstance(refused.exception, StackError)
    assert "caller.yaml" in str(refused.exception) and says in str(refused.exception)


def test_noise_needs_a_level(otto: Any) -> None:
    refused = otto(Sandbox(), "--noise", "road")
    assert isinstance(refused.exception, StackError) and "--snr" in str(refused.exception)


def test_the_demo_names_the_flows_there_are() -> None:
    refused = CliRunner().invoke(cli.app, ["demo", "--flow", "fly"])
    assert isinstance(refused.exception, StackError)
    assert "book, new-customer, reschedule, cancel, status" in str(refused.exception)
    assert cli_calls.EXIT_FAILED == 1
