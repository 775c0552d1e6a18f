"""Sessions while a real Valkey is stopped or hangs, and when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.settings import RedisSettings
from otto.dialogue.session.store import SessionStore
from otto.dialogue.session.writer import SessionWriter
from otto.storage.redis import make_redis
from sandbox.services.valkey import Valkey

TIMEOUT_S = 0.2
SLACK_S = 0.3
"""For two busy cores; a hang would be seconds."""
CALL = "CA1"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey")
    server.start()
    yield server
    server.discard()


@pytest.fixture
async def store(valkey: Valkey) -> AsyncIterator[SessionStore]:
    valkey.stop()
    url = SecretStr(valkey.start())
    client: Redis = make_redis(RedisSettings(url=url, timeout_s=TIMEOUT_S))
    yield SessionStore(client, ttl_s=60)
    valkey.resume()
    await client.aclose()


def break_it(valkey: Valkey, how: str) -> None:
    valkey.stop() if how == "stopped" else valkey.pause()


def mend(valkey: Valkey, how: str) -> None:
    if how == "stopped":
        valkey.start()
    else:
        valkey.resume()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("how", ["stopped", "hangs"])
async def test_every_question_costs_the_timeout_at_most(
    how: str, valkey: Valkey, store: SessionStore
) -> None:
    epoch = (await store.open(CALL, 1_000_000)).epoch
    break_it(valkey, how)
    for ask in (
        lambda: store.open(CALL, 4_000_000),
        lambda: store.commit(CALL, epoch, {"turn": 1}),
        lambda: store.peek(CALL),
    ):
        began_s = time.monotonic()
        with pytest.raises((RedisError, OSError)):
            await ask()
        assert time.monotonic() - began_s < TIMEOUT_S + SLACK_S
    mend(valkey, how)
    # The same client, once it is back; a server that hung has carried the second opening out.
    await store.commit(CALL, 4_000_000, {"turn": 2})
    assert (await store.peek(CALL))[0] == {"turn": 2}


@pytest.mark.parametrize("how", ["stopped", "hangs"])
async def test_a_call_in_progress_goes_on_and_is_written_when_the_store_is_back(
    how: str, valkey: Valkey, store: SessionStore
) -> None:
    fenced: list[bool] = []
    kept: list[bytes] = []
    keeper = SessionWriter(store, CALL, kept.append)
    keeper.on_fenced = lambda: fenced.append(True)
    await keeper.open()
    keeper.changed(lambda: {"epoch": 1, "turn": 1})
    await asyncio.sleep(0.1)
    break_it(valkey, how)
    keeper.changed(lambda: {"epoch": 1, "turn": 2})
    await until(lambda: keeper.away)
    mend(valkey, how)
    await until(lambda: not keeper.away)
    assert (await store.peek(CALL))[0] == {"epoch": 1, "turn": 2}
    await keeper.close()
    assert not fenced
    assert len(kept) >= 3, "the line has both states, and the one that was written in the end"


@pytest.mark.parametrize("how", ["stopped", "hangs"])
async def test_a_call_that_began_without_the_store_keeps_its_session_and_its_place(
    how: str, valkey: Valkey, store: SessionStore
) -> None:
    """A server that hung carries the opening out when it wakes up: that must not fence the one
    who sent it, nor may a dead predecessor's late opening or write undo a successor's."""
    fenced: list[str] = []
    kept: list[bytes] = []
    break_it(valkey, how)
    clock = iter([10_000_000, 20_000_000]).__next__
    zombie = SessionWriter(store, CALL, kept.append, clock)
    zombie.on_fenced = lambda: fenced.append("zombie")
    heir = SessionWriter(store, CALL, kept.append, clock)
    heir.on_fenced = lambda: fenced.append("heir")
    for keeper in (zombie, heir):
        began_s = time.monotonic()
        assert await keeper.open() == (1, None, None)
        assert time.monotonic() - began_s < TIMEOUT_S + SLACK_S
    zombie.changed(lambda: {"by": "zombie"})
    heir.changed(lambda: {"by": "heir"})
    mend(valkey, how)
    await until(lambda: not heir.away)

    def zombie_goes_on() -> bool:
        zombie.changed(lambda: {"by": "zombie"})
        return bool(fenced)

    await until(zombie_goes_on)
    assert fenced == ["zombie"]
    await heir.close()
    await zombie.close()
    assert (await store.peek(CALL))[0] == {"by": "heir"}
