"""The product's clock in SQL: in statements, in what tables fill in, behind a pooler."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config import clock
from config.clock import PinnedClock
from config.settings import DatabaseSettings
from otto.storage.clock import CLOCK, NOW, SETTING
from otto.storage.database import make_engine
from otto.storage.tables import CustomerRow, LimitEventRow

THEN = datetime(2031, 7, 4, 15, 0, tzinfo=UTC)
SOON = timedelta(seconds=20)


@pytest.fixture(params=[False, True], ids=["direct", "pooled"])
async def pinned(request: pytest.FixtureRequest, postgres_url: str) -> AsyncIterator[AsyncEngine]:
    clock.follow(PinnedClock.showing(THEN))
    settings = DatabaseSettings(url=SecretStr(postgres_url), pooled=request.param, pool_size=1)
    made = make_engine(settings)
    yield made
    await made.dispose()
    clock.follow(None)


async def test_sql_shows_the_pinned_clock(pinned: AsyncEngine) -> None:
    for _ in range(2):  # the second one on a connection that was used
        async with pinned.connect() as connection:
            for asked in (select(NOW), select(CLOCK), text("SELECT otto_clock()")):
                at = await connection.scalar(asked)
                assert THEN - SOON < at < THEN + SOON


async def test_tables_fill_in_the_pinned_time(pinned: AsyncEngine) -> None:
    async with pinned.begin() as connection:
        made = (
            insert(CustomerRow)
            .values(location_id="main", first_name="Ann", last_name="Lee", phone="+13125550177")
            .returning(CustomerRow.created_at)
        )
        assert abs(await connection.scalar(made) - THEN) < SOON
        counted = insert(LimitEventRow).values(kind="k", subject="s", key="c")
        assert abs(await connection.scalar(counted.returning(LimitEventRow.at)) - THEN) < SOON
        await connection.rollback()


async def test_a_clock_that_runs_by_itself_is_followed_from_transaction_to_transaction(
    pinned: AsyncEngine,
) -> None:
    for day in range(3):
        clock.use(lambda day=day: THEN + timedelta(days=day))
        async with pinned.connect() as connection:
            assert abs(await connection.scalar(select(NOW)) - THEN - timedelta(days=day)) < SOON


async def test_without_a_pinned_clock_nothing_is_told_and_nothing_is_added(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.current_setting(SETTING, True))) in (None, "")
        same = await connection.scalar(text("SELECT otto_now() = now()"))
        assert same is True
        apart = await connection.scalar(text("SELECT otto_clock() - clock_timestamp()"))
        assert abs(apart) < timedelta(seconds=1)


async def test_the_planner_sees_through_both(engine: AsyncEngine) -> None:
    """Inlined: an index on a time serves a comparison with them as with PostgreSQL's own."""
    async with engine.connect() as connection:
        plan = "\n".join(
            await connection.scalars(
                text("EXPLAIN VERBOSE SELECT id FROM outbox WHERE created_at > otto_now()")
            )
        )
        assert "otto_now" not in plan
        assert "now()" in plan
        plan = "\n".join(await connection.scalars(text("EXPLAIN VERBOSE SELECT otto_clock()")))
        assert "otto_clock()" not in plan.replace("AS otto_clock", "")


async def test_no_column_fills_in_another_clocks_time(engine: AsyncEngine) -> None:
    others = text(
        "SELECT c.relname || '.' || a.attname || ' = ' || pg_get_expr(d.adbin, d.adrelid)"
        " FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid"
        " JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
        " WHERE pg_get_expr(d.adbin, d.adrelid)"
        " ~* '(^|[^_a-z])(now|[a-z]+_timestamp)\\(|CURRENT_'"
    )
    async with engine.connect() as connection:
        assert list(await connection.scalars(others)) == []
        sources = text(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')"
            " AND proname NOT IN ('otto_now', 'otto_clock')"
            " AND prosrc ~* '(^|[^_a-z])(now|clock_timestamp)\\(|CURRENT_(TIME|DATE)'"
        )
        assert list(await connection.scalars(sources)) == []
