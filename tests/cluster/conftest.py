"""A working folder of the test's own, with none of the vendors' settings around."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.support.operator import forget_settings


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, empty; the environment holds no setting of Otto's."""
    forget_settings(monkeypatch, tmp_path)
    yield tmp_path
    structlog.reset_defaults()  # the command sends its log to the folder
