"""Sessions in Redis, fenced by an epoch.

A session belongs to whoever opened it last. `open` raises the epoch; `commit` is refused for an
older one, so a call actor that was given up for dead, but was only slow, can no longer write.
Both are one Lua script each: nothing can come between the check and the write.

Epochs are wall-clock microseconds chosen by the one who opens (see `writer.py`), and that is
what makes them hold when Redis does not: a server that has lost its data cannot give an old
number out again, and what a server that hung was sent and carries out when it wakes up, long
after the sender has given up, is recognised as old, or as the owner's own.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import structlog
from redis.asyncio import Redis

from otto.language.characters import to_json
from otto.storage.redis import timeout_s_of
from otto.storage.redis_keys import SESSION
from otto.storage.redis_scripts import COMMIT_SESSION, OPEN_SESSION, SESSION_LAYOUT

log = structlog.get_logger()

CLOCK_SKEW_US = 1_000_000
"""How far the clocks of two nodes may be apart. Somebody who opens with an epoch that is older by
no more than this is taken for a newcomer from such a node; older ones come from the past."""

REFUSED_TTL_S = 120
"""How long what was said outlives the last write when the caller wants no transcript: for the
next owner of a call whose line or actor was lost. A call in progress writes more often."""
SCAN_COUNT = 500


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it lies in Redis, last written `age_s` seconds ago."""

    call_sid: str
    state: dict[str, Any]
    age_s: int

    @property
    def is_over(self) -> bool:
        """Whether the call has ended, as far as its owner came to say so."""
        return bool(self.state.get("outcome"))


def wall_clock_us() -> int:
    """Microseconds since 1970: no two owners of a call begin in the same one."""
    return time.time_ns() // 1000


class Fenced(Exception):
    """A newer owner has opened this session: stop serving the call."""


class Opened(NamedTuple):
    """A session that was taken over: the epoch to commit with, the state last committed, if any,
    and for how many seconds it had not been written (None: nobody knows)."""

    epoch: int
    state: dict[str, Any] | None
    age_s: float | None


class Sessions(Protocol):
    """Where sessions are kept."""

    async def open(self, call_sid: str, epoch: int) -> Opened: ...
    async def commit(self, call_sid: str, epoch: int, state: dict[str, Any]) -> None: ...


class SessionStore:
    """The sessions of all calls. Redis' own errors and TimeoutError pass through (`SessionWriter`
    lets the call go on without); nothing takes longer than the client's timeout, retry included.
    """

    def __init__(
        self, redis: Redis, ttl_s: int, clock_us: Callable[[], int] = wall_clock_us
    ) -> None:
        self._clock_us = clock_us
        self._redis = redis
        self._ttl_s = ttl_s
        self._timeout_s = timeout_s_of(redis)
        self._sequence = itertools.count(1)
        # Sent by their hash; redis-py loads them again where the server has forgotten them.
        self._open = redis.register_script(OPEN_SESSION)
        self._commit = redis.register_script(COMMIT_SESSION)

    async def open(self, call_sid: str, epoch: int) -> Opened:
        """Take the session over with an epoch of the opener's clock, in microseconds.

        The epoch to commit with is a later one when the clocks of two nodes do not agree.
        """
        async with asyncio.timeout(self._timeout_s):
            given, state, age_us = await self._open(
                keys=[SESSION.of(call_sid)],
                args=[epoch, self._ttl_s, CLOCK_SKEW_US, SESSION_LAYOUT],
            )
        return Opened(int(given), _loads(state), None if age_us is None else int(age_us) / 1e6)

    async def commit(self, call_sid: str, epoch: int, state: dict[str, Any]) -> None:
        """Store the state. Raises `Fenced` when somebody has opened the session since."""
        # A state with half a character in it could never be written, nor any that follows.
        text = to_json(state)
        sequence = next(self._sequence)
        ttl_s = self._kept_s(state)
        sent = self._clock_us()
        async with asyncio.timeout(self._timeout_s):
            done = await self._commit(
                keys=[SESSION.of(call_sid)],
                args=[epoch, sequence, text, ttl_s, sent, CLOCK_SKEW_US, SESSION_LAYOUT],
            )
        if not int(done):
            raise Fenced(f"epoch {epoch} of call {call_sid} is over")

    async def peek(self, call_sid: str) -> tuple[dict[str, Any] | None, int]:
        """The state and the seconds until it expires (0: there is none); takes nothing over."""
        async with asyncio.timeout(self._timeout_s):
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hget(SESSION.of(call_sid), "state")
                pipe.ttl(SESSION.of(call_sid))
                state, ttl_s = await pipe.execute()
        return _loads(state), max(0, int(ttl_s))

    async def of_number(self, number: str) -> list[StoredSession]:
        """The sessions that are still kept of calls from or to an E.164 number, or in which it was
        given. Looks at every session there is."""
        found = []
        async for key in self._redis.scan_iter(match=SESSION.of("*"), count=SCAN_COUNT):
            call_sid = SESSION.name_in(str(key, "utf-8") if isinstance(key, bytes) else str(key))
            state, ttl_s = await self.peek(call_sid)
            if state and number in {state.get("caller"), state.get("called"), state.get("phone")}:
                found.append(StoredSession(call_sid, state, self._kept_s(state) - ttl_s))
        return found

    def _kept_s(self, state: dict[str, Any]) -> int:
        """How long such a state is kept after it was written."""
        return min(self._ttl_s, REFUSED_TTL_S) if state.get("transcript_refused") else self._ttl_s

    async def forget(self, call_sid: str) -> None:
        """Remove a session. Whoever still serves the call writes it again."""
        async with asyncio.timeout(self._timeout_s):
            await self._redis.delete(SESSION.of(call_sid))


def _loads(state: bytes | str | None) -> dict[str, Any] | None:
    """What can be read of a state; nothing of one that cannot."""
    if state is None:
        return None
    try:
        loaded = json.loads(state)
    except ValueError:
        loaded = None
    if not isinstance(loaded, dict):
        log.error("session_unreadable")
        return None
    return loaded
