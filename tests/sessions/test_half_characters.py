"""Half a character in a session: it is replaced, and everything around it is written."""

from __future__ import annotations

from redis.asyncio import Redis

from otto.dialogue.session.store import SessionStore
from otto.dialogue.session.writer import SessionWriter

STATE = {"epoch": 1, "said": "Gr\ud83d\ude00ße, \ud83d half", "\ude00": 1}


async def test_a_state_with_half_a_character_is_written_and_read(redis: Redis) -> None:
    store = SessionStore(redis, 60)
    checkpoints: list[bytes] = []
    writer = SessionWriter(store, "CA1", checkpoints.append)
    await writer.open()
    writer.changed(lambda: dict(STATE))
    await writer.close()
    assert not writer.away
    read, _ = await store.peek("CA1")
    assert read == {"epoch": 1, "said": "Gr\U0001f600ße, \ufffd half", "\ufffd": 1}
    heir = SessionWriter(store, "CA1", lambda state: None)
    await redis.flushall()
    assert (await heir.open(checkpoints[-1]))[1] == read
