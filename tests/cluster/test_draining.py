"""The end of a stack with calls in progress: they finish, up to a limit, and nobody waits twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors import deployment
from cluster import cli, stack
from cluster.processes import Recorded
from cluster.record import StackRecord
from cluster.stack import Stack
from config.settings import Settings


class House:
    """The actors, as far as draining asks them."""

    def __init__(self, counts: list[int]) -> None:
        self.counts = counts
        self.asked: list[str] = []

    def drain(self) -> None:
        self.asked.append("drain")

    def finish_calls(self) -> None:
        self.asked.append("finish_calls")

    def calls_in_progress(self) -> int:
        return self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(stack, "DRAIN_POLL_S", 0.0)
    monkeypatch.setattr(stack, "WIND_UP_S", 0.05)
    found = Stack(tmp_path)
    found.settings = Settings(drain_s=0.05)
    found.record = StackRecord("id", Recorded(1, "born"), origin="http://127.0.0.1:1")
    return found


def use(monkeypatch: pytest.MonkeyPatch, actors: House) -> None:
    for name in ("drain", "finish_calls", "calls_in_progress"):
        monkeypatch.setattr(deployment, name, getattr(actors, name))


def test_it_waits_for_the_calls_and_says_how_many_there_are(
    running: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    actors = House([3, 3, 1, 0])
    use(monkeypatch, actors)
    said: list[int] = []
    running.drain(said.append)
    assert said == [3, 1]
    assert actors.asked == ["drain"]


def test_a_call_that_never_ends_is_asked_to_and_then_ended(
    running: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    actors = House([1])
    use(monkeypatch, actors)
    running.drain(lambda calls: None)
    assert actors.asked == ["drain", "finish_calls"]


def test_an_answer_that_does_not_come_does_not_keep_the_stack_up(
    running: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> int:
        raise ConnectionError("Ray is gone")

    monkeypatch.setattr(deployment, "drain", lambda: None)
    monkeypatch.setattr(deployment, "calls_in_progress", broken)
    running.drain(lambda calls: None)


def test_the_second_ctrl_c_ends_at_once(
    running: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def again() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(deployment, "drain", lambda: None)
    monkeypatch.setattr(deployment, "calls_in_progress", again)
    cli._drain(running)
    assert "ending now" in capsys.readouterr().out


def test_a_stack_that_is_not_up_has_nothing_to_wait_for(tmp_path: Path) -> None:
    Stack(tmp_path).drain(lambda calls: pytest.fail("nobody is there"))
