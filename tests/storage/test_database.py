"""Migrations bring an empty database to exactly the tables that the code declares."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.settings import DatabaseSettings
from otto.storage.database import (
    current_revision,
    head_revision,
    make_engine,
    migrate,
    sync_dealership,
)
from otto.storage.tables import AppointmentRow, Base, BayRow, CustomerRow, ServiceRow


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
        with pytest.raises(TimeoutError):
            await connection.execute(text("SELECT pg_sleep(30)"))
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
            await connection.execute(
                insert(AppointmentRow).values(
                    location_id="main",
                    bay_id=bay,
                    customer_id=customer_id,
                    service_code="oil_change",
                    starts_at=start,
                    ends_at=start + timedelta(minutes=45),
                    status=status,
                    idempotency_key=key,
                )
            )

    await book("first", nine)
    with pytest.raises(IntegrityError, match="ex_appointments_bay_time"):
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
