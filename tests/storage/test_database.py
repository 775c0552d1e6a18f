"""Migrations bring an empty database to exactly the tables that the code declares."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.settings import DatabaseSettings
from otto.crm.customers import NewCustomer, NewVehicle
from otto.crm.service import CrmService
from otto.storage import database
from otto.storage.database import (
    current_revision,
    head_revision,
    make_engine,
    migrate,
    sync_dealership,
)
from otto.storage.errors import StoreUnavailable
from otto.storage.guard import DatabaseGuard, is_slow
from otto.storage.tables import Base, BayRow, CustomerRow, ServiceRow
from tests.support.appointments import write_appointment
from tests.support.pooler import picky_pooler
from tests.support.wire import Wire


async def test_migrations_make_what_the_tables_declare(engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_two_starts_at_once_migrate_one_empty_database(empty_postgres_url: str) -> None:
    assert await current_revision(empty_postgres_url) is None
    await asyncio.gather(migrate(empty_postgres_url), migrate(empty_postgres_url))
    assert await current_revision(empty_postgres_url) == head_revision()


async def test_plain_and_pooled_engines_reach_the_database(postgres_url: str) -> None:
    for pooled in (False, True):
        url = SecretStr(f"{postgres_url}?sslmode=disable&channel_binding=prefer")
        engine = make_engine(DatabaseSettings(url=url, pooled=pooled))
        async with engine.connect() as connection:
            for _ in range(3):
                assert await connection.scalar(select(func.count(CustomerRow.id))) == 0
        await engine.dispose()


async def test_a_statement_that_hangs_is_cut_off(postgres_url: str) -> None:
    engine = make_engine(DatabaseSettings(url=SecretStr(postgres_url), command_timeout_s=0.2))
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as slow:
            await connection.execute(text("SELECT pg_sleep(30)"))
    await engine.dispose()
    assert is_slow(slow.value)  # the server says so: it is not away


async def _one(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SELECT 1"))


async def test_a_connection_in_use_is_not_asked_whether_it_stands(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(DatabaseSettings(url=SecretStr(wire.url)))
    await _one(engine)
    await _one(engine)  # by now the statement is prepared
    before = wire.requests
    await _one(engine)
    assert wire.requests - before == 3  # BEGIN, SELECT, COMMIT
    # One that has rested is asked first.
    monkeypatch.setattr(database, "TRUSTED_S", 0.0)
    await _one(engine)
    assert wire.requests - before > 6
    assert wire.connections == 1
    await engine.dispose()


@pytest.mark.parametrize("rested", [False, True])
async def test_a_connection_that_is_gone_is_replaced_before_anything_is_asked_over_it(
    rested: bool, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(DatabaseSettings(url=SecretStr(wire.url)))
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(_one(engine))
    if rested:  # it broke without a word: only by asking does it show
        monkeypatch.setattr(database, "TRUSTED_S", 0.0)
        wire.cut_after(b";")
    else:
        await wire.refuse()
        await wire.mend()
    before = wire.connections
    for _ in range(3):
        await _one(engine)
    assert wire.connections > before
    await engine.dispose()


LIMITS = {
    "lock_timeout": "2s",
    "statement_timeout": "4s",
    "idle_in_transaction_session_timeout": "20s",
}


async def _limits_in(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        shown = {name: str(await connection.scalar(text(f"SHOW {name}"))) for name in LIMITS}
    await engine.dispose()
    return shown


async def test_the_server_knows_the_limits(postgres_url: str) -> None:
    settings = DatabaseSettings(url=SecretStr(postgres_url), command_timeout_s=5)
    assert await _limits_in(make_engine(settings)) == LIMITS


async def test_behind_a_pooler_each_transaction_knows_them(postgres_url: str) -> None:
    """It refuses them at the start of a connection, which may serve somebody else afterwards."""
    async with picky_pooler(postgres_url) as pooled_url:
        plain = make_engine(DatabaseSettings(url=SecretStr(pooled_url), connect_timeout_s=1))
        with pytest.raises(DBAPIError, match="unsupported startup parameter"):
            await _limits_in(plain)
        await plain.dispose()
        url = SecretStr(pooled_url)
        engine = make_engine(DatabaseSettings(url=url, pooled=True, command_timeout_s=5))
        assert await _limits_in(engine) == LIMITS
        raw = await asyncpg.connect(pooled_url.replace("+asyncpg", ""))
        assert await raw.fetchval("SHOW statement_timeout") == "0"
        await raw.close()


async def test_the_session_keeps_no_limit_of_a_transaction(postgres_url: str) -> None:
    engine = make_engine(DatabaseSettings(url=SecretStr(postgres_url), pooled=True, pool_size=1))
    async with engine.connect() as connection:
        assert await connection.scalar(text("SHOW statement_timeout")) == "4s"
    async with engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        driver = (await autocommit.get_raw_connection()).driver_connection
        assert driver is not None
        assert await driver.fetchval("SHOW statement_timeout") == "0"
    await engine.dispose()


@pytest.mark.parametrize("pooled", [False, True])
async def test_a_locked_row_stops_nobody_else(pooled: bool, postgres_url: str) -> None:
    settings = DatabaseSettings(
        url=SecretStr(postgres_url), pooled=pooled, command_timeout_s=1.0, pool_size=2
    )
    engine, guard = make_engine(settings), DatabaseGuard(settings.command_timeout_s)
    crm = CrmService(engine, "main", guard=guard)
    phones = [f"+1312555{'01' if pooled else '02'}{number:02}" for number in range(2)]
    for phone in phones:
        await crm.create_customer(NewCustomer(phone, "Maria", "Lopez", phone, None))
    locker = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    try:
        async with locker.transaction():
            await locker.execute("SELECT 1 FROM customers WHERE phone = $1 FOR UPDATE", phones[0])
            (customer,) = await crm.find_by_phone(phones[0])  # a reader does not wait
            vehicle = NewVehicle(f"v{pooled}", customer.id, 2019, "Honda", "Civic", None)
            waiting = asyncio.create_task(crm.add_vehicle(vehicle))
            while not waiting.done():
                assert await crm.find_by_phone(phones[1])
            with pytest.raises(StoreUnavailable) as slow:
                await waiting
            assert slow.value.reason == "slow"
            assert await crm.find_by_phone(phones[1])
        assert (await crm.add_vehicle(vehicle)).make == "Honda"
    finally:
        await locker.close()
        await engine.dispose()


async def test_the_first_connection_waits_for_a_server_that_is_not_there_yet() -> None:
    with_nobody = SecretStr("postgresql+asyncpg://otto:x@127.0.0.1:9/otto")  # the discard port
    engine = make_engine(DatabaseSettings(url=with_nobody, connect_timeout_s=0.5))
    started = asyncio.get_running_loop().time()
    with pytest.raises(OSError):
        await engine.connect()
    assert 0.05 < asyncio.get_running_loop().time() - started < 5
    await engine.dispose()


async def test_the_database_refuses_two_cars_in_one_bay(
    engine: AsyncEngine, dealership: Dealership
) -> None:
    await sync_dealership(engine, dealership)
    nine = datetime(2026, 11, 24, 15, tzinfo=UTC)

    async with engine.begin() as connection:
        customer_id = await connection.scalar(
            insert(CustomerRow)
            .values(location_id="main", first_name="A", last_name="B", phone="+13125550199")
            .returning(CustomerRow.id)
        )

    async def book(key: str, start: datetime, status: str = "booked", bay: str = "bay-1") -> None:
        async with engine.begin() as connection:
            await write_appointment(
                connection,
                key,
                customer_id=customer_id,
                bay_id=bay,
                starts_at=start,
                status=status,
            )

    await book("first", nine)
    with pytest.raises(IntegrityError, match="ex_appointment_lines_bay_time"):
        await book("overlap", nine + timedelta(minutes=44))
    await book("touching", nine + timedelta(minutes=45))
    await book("other bay", nine, bay="bay-2")
    await book("cancelled", nine, status="cancelled")
    with pytest.raises(IntegrityError, match="uq_appointments_idempotency_key"):
        await book("first", nine + timedelta(days=1))


async def test_what_left_the_file_is_kept_but_inactive(
    engine: AsyncEngine, dealership: Dealership
) -> None:
    location = dealership.locations[0]
    smaller = dealership.model_copy(
        update={
            "services": dealership.services[:-1],
            "locations": (location.model_copy(update={"bays": location.bays[:-1]}),),
        }
    )
    await asyncio.gather(sync_dealership(engine, dealership), sync_dealership(engine, dealership))
    await sync_dealership(engine, smaller)
    async with engine.connect() as connection:
        gone = await connection.scalars(select(ServiceRow.code).where(~ServiceRow.active))
        assert gone.all() == [dealership.services[-1].code]
        closed = await connection.scalars(select(BayRow.id).where(~BayRow.active))
        assert closed.all() == [location.bays[-1].id]
    await sync_dealership(engine, dealership)
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).where(~ServiceRow.active)) == 0
