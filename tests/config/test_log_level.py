"""`OTTO_LOG_LEVEL` is the least that a process writes; a value it cannot have is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import structlog

from config.loading import read_settings
from config.settings import LogLevel, SettingsError
from otto import logs
from tests.support.logs import written
from tests.support.operator import forget_settings

LEVELS: tuple[LogLevel, ...] = ("DEBUG", "INFO", "WARNING", "ERROR")
_log = structlog.get_logger()


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_below_the_level_does_not_come(level: LogLevel) -> None:
    with written() as text:
        logs.configure(level)
        for name in LEVELS:
            getattr(_log, name.lower())(f"a_{name.lower()}_event")
    come = [name for name in LEVELS if f"a_{name.lower()}_event" in text.getvalue()]
    assert come == list(LEVELS[LEVELS.index(level) :])


@pytest.mark.parametrize("level", LEVELS)
def test_a_librarys_debug_and_info_lines_never_come(level: LogLevel) -> None:
    """They hold what callers said."""
    with written():
        logs.configure(level)
        library = logging.getLogger("openai._base_client")
        assert not library.isEnabledFor(logging.INFO)
        assert library.isEnabledFor(logging.ERROR)


@pytest.mark.parametrize("given", ["WARNING", "warning"])
def test_the_level_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str) -> None:
    forget_settings(monkeypatch, tmp_path)
    monkeypatch.setenv("OTTO_LOG_LEVEL", given)
    assert read_settings().log_level == "WARNING"


def test_a_level_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forget_settings(monkeypatch, tmp_path)
    monkeypatch.setenv("OTTO_LOG_LEVEL", "chatty")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    (told,) = str(caught.value).splitlines()
    assert told.startswith("OTTO_LOG_LEVEL: ") and "'DEBUG', 'INFO', 'WARNING' or 'ERROR'" in told
