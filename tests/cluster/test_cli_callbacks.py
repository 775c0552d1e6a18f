"""`otto callback`: whoever was promised the earliest time is called first, and leaves the list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from cluster import cli, cli_callbacks
from config.settings import DatabaseSettings, Settings
from otto.crm.records import Callback
from otto.crm.service import CrmService

EARLY, LATE = "+17735550171", "+17735550172"


@pytest.fixture
async def settings(
    engine: AsyncEngine, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    made = Settings(database=DatabaseSettings(url=SecretStr(postgres_url)))
    monkeypatch.setattr(cli_callbacks, "load_settings", lambda: made)
    monkeypatch.setattr(cli_callbacks, "out", Console(width=200, highlight=False))
    crm = CrmService(engine, "main")
    monday = datetime(2099, 11, 30, 13, 30, tzinfo=UTC)
    await crm.calls.request_callback(Callback("b", LATE, "a bill", "CA2", monday))
    await crm.calls.request_callback(Callback("a", EARLY, "the brakes", "CA1"))
    elsewhere = CrmService(engine, "elsewhere")
    await elsewhere.calls.request_callback(Callback("c", "+17735550173", "a tow", "CA3"))
    return made


def otto(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, ["callback", *arguments])


def test_those_who_wait_are_listed_and_leave_when_called(settings: Settings) -> None:
    listed = otto("list").output
    assert listed.index(EARLY) < listed.index(LATE)
    assert "as soon as possible" in listed and "Monday, November 30 at 7:30 AM" in listed
    assert "+17735550173" not in listed, "another location's"
    first = next(line for line in listed.splitlines() if EARLY in line).split()[1]
    assert otto("done", first).output == f"{first} is done\n"
    assert EARLY not in otto("list").output
    assert EARLY in otto("list", "--all").output


@pytest.mark.parametrize("which", ["999999", "0"])
def test_nobody_is_done_who_does_not_wait(settings: Settings, which: str) -> None:
    refused = otto("done", which)
    assert refused.exception is not None
    assert f"no callback {which} waits here" in str(refused.exception)
