"""Limits counted in a real PostgreSQL: by several connections at once, and over time.

Time is moved by writing `at`, never by waiting for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.settings import DatabaseSettings
from otto.storage.database import make_engine
from otto.storage.limits import Limit, count, left
from tests.support.pools import warm

HOUR_S = 3600.0


@pytest.fixture(autouse=True)
async def _clean(engine: AsyncEngine) -> AsyncIterator[None]:
    yield
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE limit_events"))


def limit(subject: str = "call CA1", at_most: int = 3, window_s: float = HOUR_S) -> Limit:
    return Limit("text", subject, at_most, window_s)


async def once(engine: AsyncEngine, key: str, *limits: Limit) -> bool:
    async with engine.begin() as connection:
        return await count(connection, key, limits)


async def age(engine: AsyncEngine, key: str, seconds: float) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE limit_events SET at = clock_timestamp() - make_interval(secs => :s)"
                " WHERE key = :key"
            ),
            {"s": seconds, "key": key},
        )


async def test_so_many_and_no_more(engine: AsyncEngine) -> None:
    assert [await once(engine, str(n), limit()) for n in range(5)] == [True] * 3 + [False] * 2


async def test_what_nothing_limits_is_never_too_many(engine: AsyncEngine) -> None:
    assert [await once(engine, f"key-{n}") for n in range(5)] == [True] * 5


async def test_the_same_event_again_counts_once_and_is_never_refused(engine: AsyncEngine) -> None:
    assert [await once(engine, "one", limit(at_most=1)) for _ in range(3)] == [True] * 3
    assert not await once(engine, "two", limit(at_most=1))


async def test_subjects_and_kinds_are_counted_apart(engine: AsyncEngine) -> None:
    tight = limit(at_most=1)
    assert await once(engine, "one", tight)
    assert await once(engine, "two", limit("call CA2", at_most=1))
    assert await once(engine, "two", Limit("booking", tight.subject, 1, HOUR_S))
    assert not await once(engine, "two", tight)


async def test_an_event_that_one_limit_refuses_is_counted_by_none(engine: AsyncEngine) -> None:
    call, number = limit("call CA1", at_most=9), limit("to abc", at_most=1)
    assert await once(engine, "one", call, number)
    assert not await once(engine, "two", call, number)
    async with engine.begin() as connection:
        assert await left(connection, "three", [call]) == 8


async def test_what_is_rolled_back_was_not_counted(engine: AsyncEngine) -> None:
    with pytest.raises(RuntimeError):
        async with engine.begin() as connection:
            assert await count(connection, "one", [limit(at_most=1)])
            raise RuntimeError
    assert await once(engine, "two", limit(at_most=1))


async def test_the_window_slides(engine: AsyncEngine) -> None:
    for key, seconds in (("old", HOUR_S + 1), ("young", HOUR_S - 60)):
        await once(engine, key, limit(at_most=2))
        await age(engine, key, seconds)
    assert await once(engine, "now", limit(at_most=2))
    assert not await once(engine, "next", limit(at_most=2))
    await age(engine, "young", HOUR_S + 1)
    assert await once(engine, "next", limit(at_most=2))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ages=st.lists(st.floats(0, 4 * HOUR_S).filter(lambda s: abs(s - HOUR_S) > 30), max_size=8),
    at_most=st.integers(1, 6),
)
def test_only_what_is_in_the_window_counts(
    postgres_url: str, ages: list[float], at_most: int
) -> None:
    async def check() -> None:
        engine = make_engine(DatabaseSettings(url=SecretStr(postgres_url)))
        wanted = limit("any", at_most)
        async with engine.begin() as connection:
            await connection.execute(text("TRUNCATE limit_events"))
            for index in range(len(ages)):
                assert await count(connection, f"e{index}", [limit("any", 100)])
        for index, seconds in enumerate(ages):
            await age(engine, f"e{index}", seconds)
        young = sum(seconds < HOUR_S for seconds in ages)
        async with engine.begin() as connection:
            assert await left(connection, "new", [wanted]) == max(0, at_most - young)
        await engine.dispose()

    asyncio.run(check())


@pytest.mark.parametrize("at_most", [1, 3, 7])
async def test_of_many_at_once_exactly_so_many_are_counted(
    postgres_url: str, engine: AsyncEngine, at_most: int
) -> None:
    """Twelve tasks over three pools: as several processes would be."""
    pools = [make_engine(DatabaseSettings(url=SecretStr(postgres_url))) for _ in range(3)]
    await warm(*pools)
    shared, own = limit("to abc", at_most), [limit(f"call CA{n}", 9) for n in range(12)]
    # Each in an order of its own: nobody may wait for somebody who waits for them.
    orders = [[shared, own[n]] if n % 2 else [own[n], shared] for n in range(12)]
    counted = await asyncio.gather(
        *(once(pools[n % 3], f"e{n}", *orders[n]) for n in range(12)),
    )
    assert sum(counted) == at_most
    for pool in pools:
        await pool.dispose()


async def test_who_comes_second_waits_for_the_firsts_outcome(engine: AsyncEngine) -> None:
    tight = limit(at_most=1)
    async with engine.connect() as connection, connection.begin() as first:
        assert await count(connection, "one", [tight])
        second = asyncio.create_task(once(engine, "two", tight))
        done, _ = await asyncio.wait({second}, timeout=0.2)
        assert not done
        await first.rollback()
    assert await second
