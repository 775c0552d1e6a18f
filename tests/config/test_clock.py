"""The one clock: the machine's, or a pinned one that everybody's keys refuse."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config import clock
from config.clock import PinnedClock
from config.loading import read_settings
from config.sandbox_endpoints import load_settings
from config.settings import SettingsError
from tests.config.test_sandbox_endpoints import ENDPOINTS

SHOWN = "2026-11-23T09:05:00-06:00"
WHEN = datetime.fromisoformat(SHOWN)
SOON = timedelta(seconds=20)


@pytest.fixture(autouse=True)
def _the_machines_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    clock.follow(None)


def test_the_clock_is_the_machines_unless_it_is_pinned() -> None:
    assert read_settings().clock is None
    assert not clock.is_pinned()
    assert clock.ahead() < timedelta(milliseconds=50)
    assert abs(clock.utc_now() - datetime.now(UTC)) < SOON


def test_a_pinned_clock_shows_what_it_was_set_to_and_runs_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTTO_CLOCK", SHOWN)
    pinned = read_settings().clock
    assert pinned is not None
    clock.follow(pinned)
    first = clock.utc_now()
    assert WHEN <= first < WHEN + SOON
    assert clock.utc_now() > first
    assert clock.utc_now().utcoffset() == timedelta()
    assert clock.is_pinned()


def test_settings_that_travel_to_another_process_show_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTTO_CLOCK", SHOWN)
    settings = read_settings()
    assert pickle.loads(pickle.dumps(settings)).clock == settings.clock


def test_a_process_that_comes_later_goes_by_the_sandboxs_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTTO_CLOCK", SHOWN)
    told = ENDPOINTS.model_copy(update={"clock_ahead_s": -86_400.0})
    assert load_settings(told).clock == PinnedClock(timedelta(days=-1))
    assert clock.ahead() - timedelta(days=-1) < timedelta(milliseconds=50)


@pytest.mark.parametrize(
    "given",
    [
        "yesterday",
        "2026-11-23",
        "2026-11-23T09:05:00",
        "2026-02-30T09:00:00Z",
        "1795000000",
        "09:05",
    ],
)
def test_a_clock_that_shows_no_moment_is_one_sentence(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTTO_CLOCK", given)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value) == (
        "OTTO_CLOCK: must be a date and time with a zone, like 2026-11-23T09:05:00-06:00"
    )


@pytest.mark.parametrize(
    ("real", "given"),
    [
        ("openai", {"OPENAI_API_KEY": "sk-live"}),
        ("postgres", {"DATABASE_URL": "postgresql://otto@127.0.0.1/otto"}),
        ("deepgram", {"DEEPGRAM_API_KEY": "live"}),
        (
            "google",
            {
                "GOOGLE_CLIENT_ID": "one",
                "GOOGLE_CLIENT_SECRET": "two",
                "GOOGLE_REFRESH_TOKEN": "three",
            },
        ),
    ],
)
def test_with_anything_real_around_it_a_pinned_clock_is_refused(
    real: str, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"twilio", "deepgram", "openai", "google", "postgres", "redis"} - {real}
    monkeypatch.setenv("OTTO_CLOCK", SHOWN)
    monkeypatch.setenv("OTTO_SANDBOX", ",".join(others))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value) == (
        f"OTTO_CLOCK is set, but {real} would go by the real time: remove it, or have the sandbox"
        " play every vendor (OTTO_SANDBOX=all)"
    )
    monkeypatch.delenv("OTTO_CLOCK")
    read_settings()
