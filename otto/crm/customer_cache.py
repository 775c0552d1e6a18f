"""Customers in Redis for a while, so that a call's look-ups do not wait for the database.

The copy is never older than the last write. Deleting it after the commit is not enough: a reader
who fetched the old row before the commit could store it after the deletion. So a reader who
misses gets a *lease*, a write revokes it, and only its holder may fill the copy:

    reader  miss, lease 7 ── reads old row ──────────────── fill with lease 7: refused
    writer                      commit ── delete + revoke

Redis is a help, never a condition: when it is away, everything goes to the database, and nobody
else waits for Redis for some seconds. A deletion that could not be made is owed, and until it is
made that customer is not read from Redis.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from otto.crm.customers import Customer, Vehicle
from otto.storage.redis import timeout_s_of
from otto.storage.redis_keys import CUSTOMERS, CUSTOMERS_LEASE

_log = structlog.get_logger()

LEASE_S = 10
"""Longer than any read of the database may take."""
AWAY_S = 5.0
"""How long Redis is left alone after it has failed."""

# KEYS: customer, lease; ARGV: new token, its seconds. Returns the copy, or nil and hands out the
# lease to whoever asks last: of several readers at once one fills, which is enough.
_GET = """
local copy = redis.call('GET', KEYS[1])
if not copy then redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2]) end
return copy
"""

# KEYS: customer, lease; ARGV: token, copy, its seconds.
_PUT = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
"""


class CustomerCache:
    """Customers by E.164 number, each kept for `ttl_s` seconds. Never raises Redis' errors."""

    def __init__(
        self, redis: Redis, ttl_s: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = redis
        self._ttl_s = ttl_s
        self._clock = clock
        self._timeout_s = timeout_s_of(redis)
        self._away_until = 0.0
        self._get = redis.register_script(_GET)
        self._put = redis.register_script(_PUT)
        self._owed: set[str] = set()

    async def get(self, phone: str) -> tuple[tuple[Customer, ...] | None, str | None]:
        """The copy of everybody with the number, or None with a lease to `put` one (None also when
        Redis is away)."""
        if phone in self._owed and not await self.forget(phone):
            return None, None
        lease = secrets.token_hex(8)
        try:
            copy = await self._ask(lambda: self._get(keys=_keys(phone), args=[lease, LEASE_S]))
        except _Away:
            return None, None
        if copy is None:
            return None, lease
        return _loads(copy), None

    async def put(self, phone: str, customers: tuple[Customer, ...], lease: str) -> bool:
        """Keep a copy; False when a write came between, or Redis is away."""
        copy = json.dumps([asdict(customer) for customer in customers])
        arguments: list[str | int] = [lease, copy, self._ttl_s]
        try:
            filled = await self._ask(lambda: self._put(keys=_keys(phone), args=arguments))
        except _Away:
            return False
        return bool(filled)

    async def forget(self, phone: str) -> bool:
        """Delete the copy and revoke any lease; call it after the commit. False: still owed."""
        self._owed.add(phone)
        try:
            await self._ask(lambda: self._redis.delete(*_keys(phone)))
        except _Away:
            return False
        self._owed.discard(phone)
        return True

    async def _ask(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """Redis' answer, within the client's timeout. Raises `_Away`, at once after a failure."""
        if self._clock() < self._away_until:
            raise _Away
        try:
            async with asyncio.timeout(self._timeout_s):
                return await request()
        except (RedisError, OSError) as error:
            _log.warning("customer_cache_away", error=type(error).__name__)
            self._away_until = self._clock() + AWAY_S
            raise _Away from None


class _Away(Exception):
    """Redis does not answer, or did not a moment ago."""


def _keys(phone: str) -> list[str]:
    return [CUSTOMERS % phone, CUSTOMERS_LEASE % phone]


def _loads(copy: bytes | str) -> tuple[Customer, ...]:
    return tuple(
        Customer(**fields | {"vehicles": tuple(Vehicle(**each) for each in fields["vehicles"])})
        for fields in json.loads(copy)
    )
