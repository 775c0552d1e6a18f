"""Sessions in Redis, fenced by an epoch.

A session belongs to whoever opened it last. `open` raises the epoch; `commit` is refused for an
older one, so a call actor that was given up for dead, but was only slow, can no longer write.
Both are one Lua script each: nothing can come between the check and the write.
"""

from __future__ import annotations

import json
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from config.settings import RedisSettings
from otto.dialogue.redis_keys import SESSION

# KEYS[1] session; ARGV[1] TTL in seconds. Returns {epoch, state or false}.
_OPEN = """
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {epoch, redis.call('HGET', KEYS[1], 'state')}
"""

# KEYS[1] session; ARGV[1] epoch, ARGV[2] state, ARGV[3] TTL in seconds. Returns 1, or 0 when
# fenced. A Redis that has lost the session takes the epoch of the first who writes again.
_COMMIT = """
local newest = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if newest > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'state', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class Fenced(Exception):
    """A newer owner has opened this session: stop serving the call."""


def make_redis(settings: RedisSettings) -> Redis:
    """A client for one event loop, with a pool. Opens nothing yet.

    No command takes longer than `timeout_s`, except that a connection found broken is replaced
    once. Vendor defaults (5 s, several retries) are too patient for a telephone call.
    """
    return Redis.from_url(
        settings.url.get_secret_value(),
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        health_check_interval=30,
    )


class SessionStore:
    """The sessions of all calls. Redis' own errors pass through: the call goes on without."""

    def __init__(self, redis: Redis, ttl_s: int) -> None:
        self._redis = redis
        self._ttl_s = ttl_s
        # Sent by their hash; redis-py loads them again where the server has forgotten them.
        self._open = redis.register_script(_OPEN)
        self._commit = redis.register_script(_COMMIT)

    async def open(self, call_sid: str) -> tuple[int, dict[str, Any] | None]:
        """Take the session over: returns the new epoch and the state last committed, if any."""
        epoch, state = await self._open(keys=[SESSION % call_sid], args=[self._ttl_s])
        return int(epoch), _loads(state)

    async def commit(self, call_sid: str, epoch: int, state: dict[str, Any]) -> None:
        """Store the state. Raises `Fenced` when somebody has opened the session since."""
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
        done = await self._commit(keys=[SESSION % call_sid], args=[epoch, text, self._ttl_s])
        if not int(done):
            raise Fenced(f"epoch {epoch} of call {call_sid} is over")

    async def peek(self, call_sid: str) -> tuple[dict[str, Any] | None, int]:
        """The state and the seconds until it expires (0: there is none); takes nothing over."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hget(SESSION % call_sid, "state")
            pipe.ttl(SESSION % call_sid)
            state, ttl_s = await pipe.execute()
        return _loads(state), max(0, int(ttl_s))


def _loads(state: bytes | str | None) -> dict[str, Any] | None:
    if state is None:
        return None
    loaded: dict[str, Any] = json.loads(state)
    return loaded
