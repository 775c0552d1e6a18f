"""A session has one owner at a time, and what it committed survives it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.settings import RedisSettings
from otto.dialogue.session_store import Fenced, SessionStore, make_redis

CALL = "CA0123456789abcdef0123456789abcdef"


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    client = make_redis(RedisSettings(url=SecretStr(valkey_url)))
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis) -> SessionStore:
    return SessionStore(redis, ttl_s=120)


async def test_the_next_owner_gets_the_last_committed_state(store: SessionStore) -> None:
    first, state = await store.open(CALL)
    assert state is None
    await store.commit(CALL, first, {"turn": 1, "said": "Grüß Gott – “hello”"})
    await store.commit(CALL, first, {"turn": 2, "said": "Grüß Gott – “hello”"})
    second, state = await store.open(CALL)
    assert second > first
    assert state == {"turn": 2, "said": "Grüß Gott – “hello”"}


async def test_a_slow_owner_given_up_for_dead_cannot_write(store: SessionStore) -> None:
    dead, _ = await store.open(CALL)
    alive, _ = await store.open(CALL)
    await store.commit(CALL, alive, {"by": "alive"})
    with pytest.raises(Fenced):
        await store.commit(CALL, dead, {"by": "dead"})
    assert (await store.peek(CALL))[0] == {"by": "alive"}


async def test_of_many_who_open_at_once_exactly_one_can_write(store: SessionStore) -> None:
    opened = await asyncio.gather(*(store.open(CALL) for _ in range(50)))
    epochs = [epoch for epoch, _ in opened]
    assert len(set(epochs)) == 50

    async def commit(epoch: int) -> int | None:
        try:
            await store.commit(CALL, epoch, {"epoch": epoch})
        except Fenced:
            return None
        return epoch

    written = await asyncio.gather(*map(commit, epochs))
    assert [epoch for epoch in written if epoch] == [max(epochs)]


async def test_sessions_expire_and_every_commit_renews_them(
    store: SessionStore, redis: Redis
) -> None:
    assert await store.peek(CALL) == (None, 0)
    epoch, _ = await store.open(CALL)
    [key] = await redis.keys("*")
    assert 110 < await redis.ttl(key) <= 120
    await redis.expire(key, 5)
    await store.commit(CALL, epoch, {})
    state, ttl_s = await store.peek(CALL)
    assert state == {}
    assert 110 < ttl_s <= 120


async def test_calls_do_not_see_each_other(store: SessionStore) -> None:
    one, _ = await store.open("CA1")
    await store.open("CA2")
    await store.open("CA2")
    await store.commit("CA1", one, {"call": 1})
    assert (await store.peek("CA2"))[0] is None


async def test_a_server_that_forgot_its_scripts_gets_them_again(
    store: SessionStore, redis: Redis
) -> None:
    epoch, _ = await store.open(CALL)
    await redis.script_flush()
    await store.commit(CALL, epoch, {"turn": 1})
    await redis.script_flush()
    assert (await store.open(CALL))[1] == {"turn": 1}


async def test_a_server_that_lost_its_data_lets_the_owner_write_on(
    store: SessionStore, redis: Redis
) -> None:
    await store.open(CALL)
    epoch, _ = await store.open(CALL)
    await redis.flushall()
    await store.commit(CALL, epoch, {"turn": 3})
    newer, state = await store.open(CALL)
    assert state == {"turn": 3}
    assert newer > epoch


async def test_a_server_that_hangs_costs_the_timeout_and_no_more() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = SecretStr(f"redis://127.0.0.1:{port}/0")
    client = make_redis(RedisSettings(url=url, timeout_s=0.1))
    started = time.monotonic()
    with pytest.raises(RedisError):
        await SessionStore(client, 60).open(CALL)
    assert time.monotonic() - started < 1.0
    await client.aclose()
    server.close()


async def test_a_connection_cut_by_the_server_is_replaced(
    store: SessionStore, redis: Redis, valkey_url: str
) -> None:
    epoch, _ = await store.open(CALL)
    async with Redis.from_url(valkey_url) as other:
        await other.client_kill_filter(_type="normal", skipme=True)
    await store.commit(CALL, epoch, {"turn": 1})
    assert (await store.peek(CALL))[0] == {"turn": 1}
