"""The customers' book while PostgreSQL is stopped, hangs, is full or comes back."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from config.settings import DatabaseSettings, RedisSettings
from otto.crm.customer_cache import CustomerCache
from otto.crm.customers import IdentityClaim, NewCustomer, NewVehicle
from otto.crm.records import Callback, CallRecord, TurnLine
from otto.crm.service import CrmService
from otto.storage.database import make_engine
from otto.storage.errors import CrmError, StoreUnavailable
from otto.storage.guard import DatabaseGuard
from otto.storage.redis import make_redis
from otto.storage.spool import Spool
from otto.storage.tables import CallbackRow, CallRow, TurnRow
from tests.support.wire import Wire

DEADLINE_S = 0.5
SLACK_S = 0.35
"""For two busy cores; a hang would be seconds."""
PHONE = "+17735550188"
BEGAN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@pytest.fixture
def box(redis: Redis, tmp_path: Path) -> Spool:
    return Spool(redis, tmp_path, "main")


@pytest.fixture
def crm(behind_wire: AsyncEngine, box: Spool) -> CrmService:
    return CrmService(behind_wire, "main", guard=DatabaseGuard(DEADLINE_S, pause_s=0.05), spool=box)


async def break_it(wire: Wire, how: str) -> None:
    if how == "stopped":
        await wire.refuse()
    else:
        wire.black_hole = True


def record(call_sid: str, *, minutes: int = 5, outcome: str = "done") -> CallRecord:
    ended = BEGAN + timedelta(minutes=minutes)
    turns = (TurnLine(0, "caller", "hello", "hello", {"total_ms": 900.0}, BEGAN),)
    return CallRecord(
        call_sid, PHONE, "+13125550100", "inbound", outcome, BEGAN, ended, turns=turns
    )


async def count(engine: AsyncEngine, column: Any, value: str) -> int:
    async with engine.connect() as connection:
        found = await connection.scalar(
            select(func.count()).select_from(column.class_).where(column == value)
        )
    return int(found or 0)


@pytest.mark.parametrize("how", ["stopped", "hangs"])
async def test_nobody_waits_longer_than_the_deadline_and_the_pool_recovers(
    how: str, wire: Wire, crm: CrmService
) -> None:
    assert await crm.find_by_phone(PHONE) == ()
    await break_it(wire, how)
    for ask in (
        lambda: crm.find_by_phone(PHONE),
        lambda: crm.verify(IdentityClaim(PHONE, "k", date_of_birth=date(1984, 3, 12))),
        lambda: crm.create_customer(NewCustomer("k", "Ann", "Lee", PHONE)),
        lambda: crm.add_vehicle(NewVehicle("k", 1, 2019, "Honda", "Civic")),
    ):
        began_s = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await ask()
        assert time.monotonic() - began_s < DEADLINE_S + SLACK_S
    await wire.mend()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await crm.find_by_phone(PHONE) == ()
                break
            except StoreUnavailable:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", ["stopped", "hangs"])
async def test_a_callback_and_a_record_are_kept_and_delivered_once(
    how: str, wire: Wire, crm: CrmService, box: Spool, engine: AsyncEngine
) -> None:
    sid = f"CA-{how}"
    await crm.find_by_phone(PHONE)
    await break_it(wire, how)
    for _ in range(2):  # the model, or Ray, may ask twice
        await crm.calls.request_callback(
            Callback(f"{sid}:callback", PHONE, "wants an oil change", sid)
        )
    await crm.calls.record_call(record(sid))
    with pytest.raises(StoreUnavailable):
        await box.deliver_all(crm.calls.take_in)
    assert await count(engine, CallbackRow.call_sid, sid) == 0
    await wire.mend()
    carrier = asyncio.create_task(crm.calls.deliver_kept())
    async with asyncio.timeout(10):
        while not await count(engine, CallRow.call_sid, sid):
            await asyncio.sleep(0.05)
    while not carrier.done():  # `asyncio.wait_for` in redis-py may lose a cancellation
        carrier.cancel()
        await asyncio.wait({carrier}, timeout=0.1)
    await box.deliver_all(crm.calls.take_in)
    assert await count(engine, CallbackRow.call_sid, sid) == 1
    assert await count(engine, CallRow.call_sid, sid) == 1
    assert await count(engine, TurnRow.call_sid, sid) == 1
    assert await box.deliver_all(crm.calls.take_in) == 0


async def test_a_record_that_had_to_wait_does_not_undo_a_later_one(
    wire: Wire, crm: CrmService, box: Spool, engine: AsyncEngine
) -> None:
    """The line was lost, the call resumed elsewhere and ended: the later record counts."""
    await wire.refuse()
    await crm.calls.record_call(record("CA-later", minutes=2, outcome="line_lost"))
    await CrmService(engine, "main").calls.record_call(record("CA-later", minutes=5))
    await wire.mend()
    await asyncio.sleep(0.1)
    await box.deliver_all(crm.calls.take_in)
    async with engine.connect() as connection:
        outcome = await connection.scalar(
            select(CallRow.outcome).where(CallRow.call_sid == "CA-later")
        )
    assert outcome == "done"


async def test_a_number_that_nobody_can_call_is_refused_also_while_away(
    wire: Wire, crm: CrmService, box: Spool
) -> None:
    await wire.refuse()
    with pytest.raises(CrmError):
        await crm.calls.request_callback(Callback("k", "anonymous", "all lines busy", "CA1"))
    await wire.mend()
    await asyncio.sleep(0.1)
    assert await box.deliver_all(crm.calls.take_in) == 0


async def test_without_a_place_to_keep_it_the_caller_is_told(
    behind_wire: AsyncEngine, wire: Wire, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    nowhere = Spool(None, tmp_path / "file", "main")
    crm = CrmService(behind_wire, "main", guard=DatabaseGuard(DEADLINE_S), spool=nowhere)
    await wire.refuse()
    with pytest.raises(StoreUnavailable):
        await crm.calls.request_callback(Callback("k", PHONE, "all lines busy", "CA1"))


async def test_a_server_with_no_connection_left_is_away(
    postgres_url: str, engine: AsyncEngine
) -> None:
    plain = postgres_url.replace("+asyncpg", "")
    owner = await asyncpg.connect(plain)
    await owner.execute(
        "DROP ROLE IF EXISTS few; CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 1"
    )
    few = f"postgresql+asyncpg://few:few@{postgres_url.rpartition('@')[2]}"
    holder = await asyncpg.connect(few.replace("+asyncpg", ""))
    full = make_engine(DatabaseSettings(url=SecretStr(few), command_timeout_s=DEADLINE_S))
    try:
        began_s = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await CrmService(full, "main", guard=DatabaseGuard(DEADLINE_S)).find_by_phone(PHONE)
        assert time.monotonic() - began_s < DEADLINE_S + SLACK_S
    finally:
        await full.dispose()
        await holder.close()
        await owner.execute("DROP ROLE few")
        await owner.close()


async def test_backends_that_were_ended_are_replaced_unnoticed(
    crm: CrmService, engine: AsyncEngine
) -> None:
    """A restart, or an administrator, ends the connections that wait in the pool."""
    await crm.find_by_phone(PHONE)
    async with engine.connect() as connection:
        await connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert await crm.find_by_phone(PHONE) == ()


async def test_a_cache_that_hangs_is_waited_for_once(valkey_url: str, engine: AsyncEngine) -> None:
    async with Wire(valkey_url) as wire:
        client = make_redis(RedisSettings(url=SecretStr(wire.url), timeout_s=0.2))
        crm = CrmService(engine, "main", CustomerCache(client, ttl_s=60))
        customer = await crm.create_customer(NewCustomer("cache", "Ann", "Lee", "+17735550189"))
        assert await crm.find_by_phone(customer.phone) == (customer,)
        wire.black_hole = True
        began_s = time.monotonic()
        for _ in range(5):
            assert await crm.find_by_phone(customer.phone) == (customer,)
        assert time.monotonic() - began_s < 0.2 + SLACK_S
        wire.black_hole = False
        await client.aclose()
