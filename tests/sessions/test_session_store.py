"""A session has one owner at a time, and what it committed survives it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.settings import RedisSettings
from otto.dialogue.session.store import Fenced, SessionStore, wall_clock_us
from otto.storage.redis import make_redis
from otto.storage.redis_keys import SESSION

CALL = "CA0123456789abcdef0123456789abcdef"


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    client = make_redis(RedisSettings(url=SecretStr(valkey_url)))
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis) -> SessionStore:
    return SessionStore(redis, ttl_s=120)


async def _open(store: SessionStore, call_sid: str = CALL) -> tuple[int, dict[str, Any] | None]:
    opened = await store.open(call_sid, wall_clock_us())
    return opened.epoch, opened.state


async def test_the_next_owner_gets_the_last_committed_state(store: SessionStore) -> None:
    first, state = await _open(store)
    assert state is None
    await store.commit(CALL, first, {"turn": 1, "said": "Grüß Gott – “hello”"})
    await store.commit(CALL, first, {"turn": 2, "said": "Grüß Gott – “hello”"})
    second, state = await _open(store)
    assert second > first
    assert state == {"turn": 2, "said": "Grüß Gott – “hello”"}


async def test_a_slow_owner_given_up_for_dead_cannot_write(store: SessionStore) -> None:
    dead, _ = await _open(store)
    alive, _ = await _open(store)
    await store.commit(CALL, alive, {"by": "alive"})
    with pytest.raises(Fenced):
        await store.commit(CALL, dead, {"by": "dead"})
    assert (await store.peek(CALL))[0] == {"by": "alive"}


async def test_of_many_who_open_at_once_exactly_one_can_write(store: SessionStore) -> None:
    now = wall_clock_us()
    opened = await asyncio.gather(*(store.open(CALL, now - number) for number in range(50)))
    epochs = [epoch for epoch, *_ in opened]
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
    epoch, _ = await _open(store)
    [key] = await redis.keys("*")
    assert 110 < await redis.ttl(key) <= 120
    await redis.expire(key, 5)
    await store.commit(CALL, epoch, {})
    state, ttl_s = await store.peek(CALL)
    assert state == {}
    assert 110 < ttl_s <= 120


async def test_calls_do_not_see_each_other(store: SessionStore) -> None:
    one, _ = await _open(store, "CA1")
    await _open(store, "CA2")
    await _open(store, "CA2")
    await store.commit("CA1", one, {"call": 1})
    assert (await store.peek("CA2"))[0] is None


async def test_a_server_that_forgot_its_scripts_gets_them_again(
    store: SessionStore, redis: Redis
) -> None:
    epoch, _ = await _open(store)
    await redis.script_flush()
    await store.commit(CALL, epoch, {"turn": 1})
    await redis.script_flush()
    assert (await _open(store))[1] == {"turn": 1}


async def test_a_server_that_lost_its_data_lets_the_owner_write_on(
    store: SessionStore, redis: Redis
) -> None:
    await _open(store)
    epoch, _ = await _open(store)
    await redis.flushall()
    await store.commit(CALL, epoch, {"turn": 3})
    newer, state = await _open(store)
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
    with pytest.raises((RedisError, TimeoutError)):
        await SessionStore(client, 60).open(CALL, 1)
    assert time.monotonic() - started < 0.2
    await client.aclose()
    server.close()


async def test_a_connection_cut_by_the_server_is_replaced(
    store: SessionStore, redis: Redis, valkey_url: str
) -> None:
    epoch, _ = await _open(store)
    async with Redis.from_url(valkey_url) as other:
        await other.client_kill_filter(_type="normal", skipme=True)
    await store.commit(CALL, epoch, {"turn": 1})
    assert (await store.peek(CALL))[0] == {"turn": 1}


async def test_an_opening_carried_out_late_by_a_server_that_hung_takes_nothing_over(
    store: SessionStore,
) -> None:
    now = wall_clock_us()
    heir = (await store.open(CALL, now)).epoch
    await store.open(CALL, now - 5_000_000)  # sent five seconds ago by an owner that is long dead
    await store.commit(CALL, heir, {"by": "heir"})
    assert (await store.peek(CALL))[0] == {"by": "heir"}


async def test_a_newcomer_whose_clock_is_a_little_behind_still_takes_over(
    store: SessionStore,
) -> None:
    now = wall_clock_us()
    first = (await store.open(CALL, now)).epoch
    second = (await store.open(CALL, now - 500_000)).epoch
    await store.commit(CALL, second, {"by": "second"})
    with pytest.raises(Fenced):
        await store.commit(CALL, first, {"by": "first"})


async def test_after_data_loss_a_zombie_cannot_fence_its_successor(
    store: SessionStore, redis: Redis
) -> None:
    zombie, _ = await _open(store)
    await redis.flushall()
    heir, _ = await _open(store)
    with pytest.raises(Fenced):
        await store.commit(CALL, zombie, {"by": "zombie"})
    await store.commit(CALL, heir, {"by": "heir"})


async def test_a_write_that_arrives_after_a_later_one_is_dropped(
    store: SessionStore, redis: Redis
) -> None:
    epoch, _ = await _open(store)
    await store.commit(CALL, epoch, {"turn": 1})
    await store.commit(CALL, epoch, {"turn": 2})
    [key] = await redis.keys("*")
    await store._commit(keys=[key], args=[epoch, 1, '{"turn": 1}', 60])
    assert (await store.peek(CALL))[0] == {"turn": 2}


async def test_an_owners_own_opening_carried_out_after_its_first_write_does_not_fence_it(
    store: SessionStore,
) -> None:
    """A server that hung may take two connections' requests in the wrong order."""
    now = wall_clock_us()
    await store.commit(CALL, now, {"turn": 1})
    await store.open(CALL, now)
    await store.commit(CALL, now, {"turn": 2})
    assert (await store.peek(CALL))[0] == {"turn": 2}


class Clock:
    """A node's wall clock, wrong by so much."""

    def __init__(self, wrong_by_s: float = 0.0) -> None:
        self.wrong_by_s = wrong_by_s

    def __call__(self) -> int:
        return wall_clock_us() + int(self.wrong_by_s * 1e6)


async def age_of(store: SessionStore) -> float:
    opened = await store.open(CALL, wall_clock_us())
    assert opened.age_s is not None
    return opened.age_s


async def test_nobody_knows_the_age_of_what_was_never_written(store: SessionStore) -> None:
    assert (await store.open(CALL, wall_clock_us())).age_s is None
    assert (await store.open(CALL, wall_clock_us())).age_s is None, "opening writes nothing"


async def test_the_age_is_told_by_the_stores_clock(store: SessionStore, redis: Redis) -> None:
    """An opener whose clock is an hour wrong gets the same answer as one whose clock is right."""
    epoch, _ = await _open(store)
    await store.commit(CALL, epoch, {"turn": 1})
    [key] = await redis.keys("*")
    written = int(await redis.hget(key, "written") or 0)
    await redis.hset(key, "written", written - 50 * 60 * 1_000_000)
    for wrong_by_s in (0.0, 3600.0, -3600.0):
        late = SessionStore(redis, 120, Clock(wrong_by_s))
        opened = await late.open(CALL, Clock(wrong_by_s)())
        assert opened.age_s is not None
        assert 3000 <= opened.age_s < 3060


@pytest.mark.parametrize(("wrong_by_s", "oldest_s"), [(0.0, 1.0), (3600.0, 1.0)])
async def test_a_writer_whose_clock_is_ahead_makes_nothing_younger(
    redis: Redis, wrong_by_s: float, oldest_s: float
) -> None:
    store = SessionStore(redis, 120, Clock(wrong_by_s))
    await store.commit(CALL, (await _open(store))[0], {"turn": 1})
    assert 0 <= await age_of(store) < oldest_s + 60


async def test_a_write_that_is_carried_out_late_counts_from_when_it_was_sent(redis: Redis) -> None:
    """As a server does that hung for an hour, and has read on since."""
    hung = SessionStore(redis, 120, Clock(-3600.0))
    await hung.commit(CALL, (await _open(hung))[0], {"turn": 1})
    assert await age_of(hung) > 3590


# What is not ours


@pytest.mark.parametrize(
    "fields",
    [
        {"epoch": 7, "sequence": 1, "state": "garbage"},
        {"epoch": 7, "sequence": 1, "state": b"\xff\xfe"},
        {"epoch": 7, "sequence": 1, "state": "[]"},
        {"epoch": 7, "sequence": 1, "state": "null"},
        {"epoch": 7, "sequence": 1, "state": '"text"'},
        {"epoch": "seven", "sequence": "one", "state": "{", "written": "yesterday"},
        {"epoch": 7, "sequence": 1, "state": '{"turn": 1}', "layout": "of another release"},
        {"nothing": "of ours"},
    ],
)
async def test_a_session_that_cannot_be_read_is_none_and_can_be_written(
    fields: dict[str, Any], store: SessionStore, redis: Redis
) -> None:
    await redis.hset(SESSION.of(CALL), mapping=fields)  # type: ignore[misc]
    epoch, state = await _open(store)
    assert state is None
    await store.commit(CALL, epoch, {"turn": 2})
    assert (await store.peek(CALL))[0] == {"turn": 2}
    assert (await _open(store))[1] == {"turn": 2}


@pytest.mark.parametrize("kind", ["string", "list", "set"])
async def test_a_key_of_the_wrong_type_is_no_session(
    kind: str, store: SessionStore, redis: Redis
) -> None:
    key = SESSION.of(CALL)
    commands = {"string": "SET", "list": "RPUSH", "set": "SADD"}
    await redis.execute_command(commands[kind], key, "x")  # type: ignore[no-untyped-call]
    epoch, state = await _open(store)
    assert state is None
    await store.commit(CALL, epoch, {"turn": 1})
    assert (await _open(store))[1] == {"turn": 1}


async def test_what_another_release_wrote_still_fences(store: SessionStore, redis: Redis) -> None:
    """Whose the call is means the same in every layout."""
    old, _ = await _open(store)
    later = {"epoch": old + 5, "sequence": 1, "state": "{}", "layout": "2"}
    await redis.hset(SESSION.of(CALL), mapping=later)  # type: ignore[misc]
    with pytest.raises(Fenced):
        await store.commit(CALL, old, {"turn": 1})


async def test_a_session_of_a_release_that_names_no_layout_is_read(
    store: SessionStore, redis: Redis
) -> None:
    epoch, _ = await _open(store)
    await store.commit(CALL, epoch, {"turn": 1})
    await redis.hdel(SESSION.of(CALL), "layout")  # type: ignore[misc]
    assert (await _open(store))[1] == {"turn": 1}
