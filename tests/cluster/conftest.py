"""A working folder of the test's own, with none of the vendors' settings around."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

PREFIXES = ("OTTO_", "TWILIO_", "DEEPGRAM_", "OPENAI_", "GOOGLE_", "DATABASE_", "REDIS_")


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, empty; the environment holds no setting of Otto's."""
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    structlog.reset_defaults()  # the command sends its log to the folder
