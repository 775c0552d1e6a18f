"""Who has a telephone number, in Redis for a while: a call's look-ups do not wait for the database.

The copy is never older than the last write. Deleting it after the commit is not enough: a reader
who fetched the old row before the commit could store it after the deletion. So a reader who
misses gets a *lease*, a write revokes it, and only its holder may fill the copy:

    reader  miss, lease 7 ── reads old row ──────────────── fill with lease 7: refused
    writer                      commit ── delete + revoke

Of many readers at once one has the lease; the others wait for its copy for a moment, and then ask
the database themselves. That nobody has a number is remembered, too, more briefly.

Redis is a help, never a condition: when it is away, everything goes to the database, and nobody
else waits for Redis for some seconds. A deletion that could not be made is owed, and until it is
made that number is not read from Redis here; for other processes the database remembers it
(`otto.crm.cache_invalidations`). What Redis holds that is not ours (another release's, another life
of the server's, garbage) is a miss: see `otto.storage.redis_scripts`.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import fields
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from otto.crm.customers import Customer, Vehicle
from otto.storage.redis import timeout_s_of
from otto.storage.redis_keys import CUSTOMERS, CUSTOMERS_LEASE
from otto.storage.redis_scripts import FILL_COPY, READ_COPY, RELEASE_LEASE
from otto.storage.single_flight import SingleFlight

_log = structlog.get_logger()

LEASE_MS = 3000
"""A reader that died fills nothing; the next one may, after this."""
WAIT_S = 0.25
"""How long a reader waits for another's copy before asking the database itself."""
LOOK_AGAIN_S = 0.02
AWAY_S = 5.0
"""How long Redis is left alone after it has failed."""
AT_ONCE = 32
"""Questions to Redis under way; more wait their turn. The client refuses what is beyond its hundred
connections, which would look as if Redis were away."""
NOBODY_TTL_S = 30
"""How long it is remembered that nobody has a number."""
JITTER = 0.1
"""Share by which a copy lives longer or shorter: what was filled together does not end together."""

Customers = tuple[Customer, ...]
Fetch = Callable[[], Awaitable[Customers]]


def layout_of(*shapes: type) -> str:
    """A name for how these dataclasses are laid out: another release's differs when theirs do."""
    drawn = [(shape.__name__, *((f.name, f.type) for f in fields(shape))) for shape in shapes]
    return hashlib.sha256(repr(drawn).encode()).hexdigest()[:8]


LAYOUT = layout_of(Customer, Vehicle)
_decoder = msgspec.json.Decoder(Customers)


class CustomerCache:
    """Customers by E.164 number, kept for about `ttl_s` seconds. Never raises Redis' errors."""

    def __init__(
        self, redis: Redis, ttl_s: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = redis
        self._ttl_s = ttl_s
        self._clock = clock
        self._timeout_s = timeout_s_of(redis)
        self._away_until = 0.0
        self._places = asyncio.Semaphore(AT_ONCE)
        self._read_copy = redis.register_script(READ_COPY)
        self._fill_copy = redis.register_script(FILL_COPY)
        self._release_lease = redis.register_script(RELEASE_LEASE)
        self._flights = SingleFlight[str, Customers]()
        self._owed: set[str] = set()

    async def find(self, phone: str, fetch: Fetch) -> Customers:
        """Who has the number: the copy, or else what `fetch` reads from the database. As new as
        every write that was over when this was called."""
        return await self._flights.ask(phone, lambda: self._find(phone, fetch))

    async def forget(self, *phones: str) -> bool:
        """Delete the copies and revoke any leases; call it after the commit. False: still owed."""
        self._owed.update(phones)
        try:
            await self._ask(lambda: self._delete(phones))
        except _Away:
            return False
        self._owed.difference_update(phones)
        return True

    # Inside

    async def _delete(self, phones: Iterable[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for phone in phones:
                pipe.delete(*_keys(phone))  # at once: a lease that outlived its copy would fill it
            await pipe.execute()

    async def _find(self, phone: str, fetch: Fetch) -> Customers:
        if phone in self._owed and not await self.forget(phone):
            return await fetch()
        gives_up_at = self._clock() + WAIT_S
        lease = secrets.token_hex(8)
        while True:
            try:
                what, copy = await self._ask(
                    lambda: self._read_copy(keys=_keys(phone), args=[LAYOUT, lease, LEASE_MS])
                )
            except _Away:
                return await fetch()
            if what == b"lease":
                return await self._fetch_and_fill(phone, fetch, lease)
            if what == b"copy":
                try:
                    return _decoder.decode(copy)
                except msgspec.DecodeError:
                    _log.warning("customer_copy_unreadable")
                    await self.forget(phone)
            if self._clock() >= gives_up_at:
                return await fetch()
            await asyncio.sleep(LOOK_AGAIN_S * (1 + random.random()))

    async def _fetch_and_fill(self, phone: str, fetch: Fetch, lease: str) -> Customers:
        try:
            customers = await fetch()
        except Exception:
            await self._give_back(phone, lease)
            raise
        ttl_s = (self._ttl_s if customers else min(self._ttl_s, NOBODY_TTL_S)) * _jitter()
        copy = msgspec.json.encode(customers)
        arguments: list[str | bytes | int] = [LAYOUT, lease, copy, round(ttl_s * 1000)]
        with suppress(_Away):
            await self._ask(lambda: self._fill_copy(keys=_keys(phone), args=arguments))
        return customers

    async def _give_back(self, phone: str, lease: str) -> None:
        with suppress(_Away):
            await self._ask(
                lambda: self._release_lease(keys=[CUSTOMERS_LEASE.of(phone)], args=[lease])
            )

    async def _ask(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """Redis' answer, within the client's timeout. Raises `_Away`, at once after a failure."""
        async with self._places:
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
    return [CUSTOMERS.of(phone), CUSTOMERS_LEASE.of(phone)]


def _jitter() -> float:
    return 1 + JITTER * random.uniform(-1, 1)
