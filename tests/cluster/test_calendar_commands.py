"""`otto db seed` and `otto calendar …` over a real database and the sandbox's Google."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cluster import calendar_admin, cli_calendar, database
from cluster.errors import StackError
from config.settings import DatabaseSettings, Settings, Vendor
from otto.storage.database import make_engine
from sandbox.app import serve
from sandbox.world import Options, World
from tests.scheduling.google_support import google_settings

BOTH = frozenset({Vendor.POSTGRES, Vendor.GOOGLE})


@dataclass
class Otto:
    """The commands, with the settings of a database and a Google of the test's own."""

    settings: Settings
    world: World

    async def run(self, *arguments: str) -> Result:
        """The command as it is typed; it runs a loop of its own."""
        result = await asyncio.to_thread(CliRunner().invoke, cli_calendar.app, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    async def execute(self, statement: str) -> Any:
        engine = make_engine(self.settings.database)
        async with engine.begin() as connection:
            done = await connection.execute(text(statement))
            found = done.all() if done.returns_rows else None
        await engine.dispose()
        return found


@pytest.fixture
async def otto(
    make_database: Callable[[str | None], str], _template: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Otto]:
    world = World(Options(rest_ms=0))
    async with serve(world):
        settings = Settings(
            sandbox=BOTH,
            google=google_settings(world),
            database=DatabaseSettings(url=SecretStr(make_database(_template))),
        )
        monkeypatch.setattr(cli_calendar, "_settings", lambda: settings)
        monkeypatch.setattr(cli_calendar, "out", Console(highlight=False, width=250))
        yield Otto(settings, world)


async def test_after_the_seed_database_and_calendar_agree(otto: Otto) -> None:
    told = await database.fill(otto.settings)
    assert told.endswith("the calendars agree")
    store = otto.world.google.store
    events = sum(len(calendar.events) for calendar in store.calendars.values())
    (ahead,) = await otto.execute(
        "SELECT count(*) FROM appointment_lines WHERE google_event_id IS NOT NULL"
    )
    assert events == ahead[0] > 50
    result = await otto.run("reconcile")
    assert (result.exit_code, result.output) == (0, "the book and the calendars agree\n")
    # A second seed tells nobody anything.
    assert "already=True" in await database.fill(otto.settings)
    assert sum(len(calendar.events) for calendar in store.calendars.values()) == events


@pytest.mark.parametrize(
    ("played", "sentence"),
    [
        (frozenset(), "the database and Google Calendar are live"),
        (frozenset({Vendor.GOOGLE}), "the database is live"),
        (frozenset({Vendor.POSTGRES}), "Google Calendar is live"),
    ],
)
async def test_nobody_invented_goes_where_people_are(
    otto: Otto, played: frozenset[Vendor], sentence: str
) -> None:
    live = otto.settings.model_copy(update={"sandbox": played})
    with pytest.raises(StackError, match=sentence):
        await database.fill(live)
    assert await otto.execute("SELECT id FROM customers") == []
    assert otto.world.google.store.calendars == {}


async def test_a_live_google_is_told_of_nobody_at_the_start(otto: Otto) -> None:
    """The sandbox's database has its people, and their book stays empty."""
    settings = otto.settings.model_copy(update={"sandbox": frozenset({Vendor.POSTGRES})})
    dealership = calendar_admin.load_dealership(settings.dealership_file)
    await database.prepare(settings, dealership, lambda _: None)
    assert await otto.execute("SELECT count(*) FROM customers") == [(200,)]
    assert await otto.execute("SELECT id FROM outbox UNION ALL SELECT 1 FROM appointments") == []


async def test_dead_rows_are_listed_and_told_again(otto: Otto) -> None:
    await database.fill(otto.settings)
    assert (await otto.run("dead")).output == "nothing is dead\n"
    await otto.execute(
        "UPDATE outbox SET done_at = NULL, next_attempt_at = 'infinity', attempts = 24,"
        " last_error = 'http_400_invalid' WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT 2)"
    )
    listed = await otto.run("dead")
    assert listed.exit_code == 1
    assert listed.output.count("http_400_invalid") == 2
    status = await otto.run("status")
    assert status.exit_code == 1
    assert "otto calendar dead" in status.output
    with pytest.raises(StackError, match="no dead calendar row has the id 999999"):
        await otto.run("replay", "999999")
    assert (await otto.run("replay")).exit_code == 2
    assert "2 are told again" in (await otto.run("replay", "--all")).output
    assert await otto.execute("SELECT max(attempts) FROM outbox WHERE done_at IS NULL") == [(0,)]
    assert (await otto.run("replay", "--all")).output == "nothing is dead\n"


async def test_reconcile_shows_mends_and_says_what_it_did(otto: Otto) -> None:
    await database.fill(otto.settings)
    store = otto.world.google.store
    calendar = next(each for each in store.calendars.values() if len(each.events) > 3)
    lost, moved, renamed = sorted(calendar.events)[:3]
    shown = await otto.run("reconcile")
    assert shown.exit_code == 0
    del calendar.events[lost]
    calendar.revisions.pop(lost)
    store.patch(calendar, renamed, {"summary": "Somebody else"})
    shown = await otto.run("reconcile")
    assert shown.exit_code == 1
    assert "booked, and not in the calendar" in shown.output
    assert "other words in the calendar" in shown.output
    assert "Somebody" not in shown.output, "no words of anybody"
    mended = await otto.run("reconcile", "--apply")
    assert mended.exit_code == 0
    assert "made again" in mended.output
    assert "written again" in mended.output
    assert (await otto.run("reconcile")).output == "the book and the calendars agree\n"
    assert moved in calendar.events


async def test_what_somebody_has_looked_at_is_shown_no_longer(otto: Otto) -> None:
    await database.fill(otto.settings)
    await otto.execute(
        "INSERT INTO calendar_conflicts (kind, code, location_id, bay_id, calendar_id,"
        " google_event_id) VALUES ('move_refused', 'taken', 'main', 'bay-1',"
        " 'bay-1@ottos-auto.example', 'abcde')"
    )
    status = await otto.run("status")
    assert status.exit_code == 1
    assert "it was put back" in status.output
    assert (await otto.run("seen")).exit_code == 2
    (conflict,) = await otto.execute("SELECT id FROM calendar_conflicts")
    assert "1 is shown no longer" in (await otto.run("seen", str(conflict[0]))).output
    assert (await otto.run("seen", str(conflict[0]))).exit_code == 1
    assert (await otto.run("status")).exit_code == 0


async def test_a_google_that_is_away_is_a_sentence(otto: Otto) -> None:
    otto.world.faults.add("google", "fail", status=503)
    with pytest.raises(StackError, match=r"Google Calendar cannot be used \(http_503_.*otto check"):
        await otto.run("reconcile")
