"""`otto customer`: a person's data from every store, shown and erased."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from cluster import cli, customer_data
from cluster.errors import StackError
from config.settings import DatabaseSettings, RedisSettings, Settings
from otto.crm.customer_cache import CustomerCache
from otto.crm.customers import NewCustomer
from otto.crm.person import Which
from otto.crm.service import CrmService
from otto.dialogue.session.state import Session
from otto.dialogue.session.store import SessionStore
from otto.storage.spool import Spool, SpoolEntry

NUMBER = "+17735550142"
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture
def settings(postgres_url: str, valkey_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database=DatabaseSettings(url=SecretStr(postgres_url)),
        redis=RedisSettings(url=SecretStr(valkey_url)),
        journal_dir=tmp_path,
    )


@pytest.fixture
async def somebody(engine: AsyncEngine, redis: Redis, settings: Settings) -> Redis:
    """A customer with a session that is over, a cached copy and an entry in the spool."""
    crm = CrmService(engine, "main", CustomerCache(redis, 60))
    await crm.create_customer(NewCustomer("key", "Zebulon", "Quixano", NUMBER, None))
    await crm.find_by_phone(NUMBER)
    await put_session(redis, "CA1", outcome="done")
    payload = {"key": "k", "phone": NUMBER, "reason": "oil", "call_sid": "CA1"}
    await Spool(redis, settings.journal_dir, "main").keep(SpoolEntry("callback", "k", payload))
    return redis


async def put_session(
    redis: Redis,
    call_sid: str,
    *,
    outcome: str,
    transcript_refused: bool = False,
    customer_id: int | None = None,
) -> None:
    store = SessionStore(redis, 3600)
    session = Session.begin(call_sid, NUMBER, "+13125550100", NOW)
    session.outcome, session.transcript_refused = outcome, transcript_refused
    session.customer_id = customer_id
    await store.open(call_sid, 1)
    await store.commit(call_sid, 1, session.dump())


async def test_everything_is_shown_and_then_erased(settings: Settings, somebody: Redis) -> None:
    await put_session(somebody, "CA2", outcome="transferred")
    found = await customer_data.export(settings, "(773) 555-0142")
    assert found["database"]["customers"][0]["last_name"] == "Quixano"
    assert {state["call_sid"] for state in found["sessions"]} == {"CA1", "CA2"}
    assert [entry["key"] for entry in found["spool"]] == ["k"]
    json.dumps(found)

    erased = await customer_data.erase(settings, NUMBER, cancel_appointments=False)
    assert erased == {"customers": 1, "sessions": 2, "spool": 1}
    left = await customer_data.export(settings, NUMBER)
    assert (left["database"], left["sessions"], left["spool"]) == ({}, [], [])
    assert [key async for key in somebody.scan_iter("*7735550142*")] == []
    assert await customer_data.erase(settings, NUMBER, cancel_appointments=False) == {}


async def test_one_of_two_with_the_number_is_named(
    settings: Settings, engine: AsyncEngine, somebody: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = CrmService(engine, "main", CustomerCache(somebody, 60))
    ada = await crm.create_customer(NewCustomer("ada", "Ada", "Lovelace", NUMBER, date(2000, 2, 3)))
    await put_session(somebody, "CA7", outcome="done", customer_id=ada.id)
    for ask in (
        customer_data.export(settings, NUMBER),
        customer_data.erase(settings, NUMBER, cancel_appointments=False),
    ):
        with pytest.raises(StackError, match="2 customers have this number"):
            await ask
    hers = await customer_data.export(settings, NUMBER, Which("Ada Lovelace"))
    assert [state["call_sid"] for state in hers["sessions"]] == ["CA7"] and hers["spool"] == []
    monkeypatch.setattr(cli, "_settings", lambda: settings)
    arguments = ["customer", "erase", NUMBER, "--name", "Zebulon Quixano", "--yes"]
    run = await asyncio.to_thread(CliRunner().invoke, cli.app, arguments)
    assert run.exit_code == 0, run.output
    left = await customer_data.export(settings, NUMBER)
    assert left["database"] == hers["database"] and left["sessions"] == hers["sessions"]
    assert await crm.find_by_phone(NUMBER) == (ada,)
    assert await customer_data.erase(
        settings, NUMBER, Which(customer_id=ada.id), cancel_appointments=False
    ) == {"customers": 1, "sessions": 1}


@pytest.mark.parametrize("transcript_refused", [False, True])
async def test_whoever_is_on_the_line_is_not_erased_under_it(
    transcript_refused: bool, settings: Settings, somebody: Redis
) -> None:
    await put_session(somebody, "CA3", outcome="", transcript_refused=transcript_refused)
    with pytest.raises(StackError, match="in progress"):
        await customer_data.erase(settings, NUMBER, cancel_appointments=False)
    assert (await customer_data.export(settings, NUMBER))["database"]["customers"]


async def test_no_number_is_one_sentence(settings: Settings) -> None:
    for number in ("", "Zebulon", "123"):
        with pytest.raises(StackError) as refused:
            await customer_data.export(settings, number)
        assert number not in str(refused.value) or not number


def test_an_export_is_for_the_operator_alone(
    settings: Settings, somebody: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_settings", lambda: settings)
    to = tmp_path / "person.json"
    run = CliRunner().invoke(cli.app, ["customer", "export", NUMBER, "--to", str(to)])
    assert run.exit_code == 0, run.output
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert json.loads(to.read_text())["number"] == NUMBER
    again = CliRunner().invoke(cli.app, ["customer", "export", NUMBER, "--to", str(to)])
    assert isinstance(again.exception, FileExistsError)


def test_an_erasure_asks_first(
    settings: Settings, somebody: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_settings", lambda: settings)
    assert CliRunner().invoke(cli.app, ["customer", "erase", NUMBER], input="n\n").exit_code == 1
    done = CliRunner().invoke(cli.app, ["customer", "erase", NUMBER, "--yes"])
    assert done.exit_code == 0, done.output
    assert "1 customers" in done.output
    nothing = CliRunner().invoke(cli.app, ["customer", "erase", NUMBER, "--yes"])
    assert "nothing is held" in nothing.output
