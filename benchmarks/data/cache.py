"""What the copies of customers in Redis are worth, and cost, with 200,000 customers.

The yardstick is a look-up in the database, one after the other. A *stampede* is a hundred callers
at once on one number that nobody has asked for: its operation is all of them, and `questions` says
how often the database was asked. `bytes_a_customer`: what Redis takes for one, of all of them kept.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from pydantic import SecretStr
from redis.asyncio import Redis

from benchmarks.data.filling import CUSTOMERS, phone
from benchmarks.data.measuring import Bench, Row, database, one_by_one, row
from config.settings import RedisSettings
from otto.crm.customer_cache import CustomerCache
from otto.crm.customers import Customer
from otto.crm.service import CrmService
from otto.storage.database import make_engine
from otto.storage.redis import make_redis
from otto.storage.redis_keys import CUSTOMERS as COPIES

PART = "customer cache, 200,000 customers"
BOOK = 200_000
ASKED = 1_000
CALLERS = 100
PROCESSES = 4
STAMPEDES = 20
TTL_S = 3600
"""Longer than the run: no copy ends by itself meanwhile."""
PIECE = 1_000


class Counted(CrmService):
    """Counts how often the database is asked."""

    questions = 0

    async def _ask(self, phone: str) -> tuple[Customer, ...]:
        type(self).questions += 1
        return await super()._ask(phone)


async def measure(bench: Bench) -> list[Row]:
    """Every case on one book; each finds what the ones before have left."""
    url = await bench.copy("empty")
    await _grow(url)
    redis, engine = _redis(bench), make_engine(database(url))
    await redis.flushall()
    plain = Counted(engine, "main")
    cached = CrmService(engine, "main", CustomerCache(redis, TTL_S))
    times = bench.times(ASKED)
    ids = random.Random(1).sample(range(1, BOOK + 1), 2 * times + 400)
    known, strangers = [phone(n) for n in ids], [phone(n + BOOK) for n in ids]
    fresh = iter(known[times + 2 :])  # of which nobody has asked

    async def find(service: CrmService, numbers: Sequence[str], number: int) -> None:
        await service.find_by_phone(numbers[number])

    async def case(name: str, service: CrmService, numbers: Sequence[str]) -> Row:
        return await one_by_one(PART, name, times, lambda n: find(service, numbers, n))

    rows = [
        await case("no cache", plain, known),
        await case("miss, and the copy made", cached, known),
        await case("hit", cached, known),
        await case("nobody's number, for the first time", cached, strangers),
        await case("nobody's number, remembered", cached, strangers),
        await _stampede("100 callers, no cache", bench, [plain], fresh),
    ]
    async with _processes(bench, url, 1) as several:
        rows.append(await _stampede("100 callers", bench, several, fresh))
    async with _processes(bench, url, PROCESSES) as several:
        rows.append(await _stampede(f"100 callers in {PROCESSES} processes", bench, several, fresh))
    bytes_each = await _keep_all(redis, known[0])
    full = await case("hit, with everybody kept", cached, known[::-1])
    rows.append(replace(full, notes={"bytes_a_customer": bytes_each}))
    await engine.dispose()
    await redis.aclose()
    return [replace(one, ratio=round(one.per_s / rows[0].per_s, 2)) for one in rows]


# Inside


def _redis(bench: Bench) -> Redis:
    return make_redis(RedisSettings(url=SecretStr(bench.valkey)))


async def _grow(url: str) -> None:
    """Make the book as big as it shall be."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        # Nobody has copies of them yet, so nobody need hear of them.
        await connection.execute("SET session_replication_role = replica")
        ids = range(CUSTOMERS + 1, BOOK + 1)
        await connection.copy_records_to_table(
            "customers",
            columns=["location_id", "first_name", "last_name", "phone"],
            records=[("main", "Robin", f"Walker {number}", phone(number)) for number in ids],
        )
        await connection.copy_records_to_table(
            "vehicles",
            columns=["customer_id", "year", "make", "model"],
            records=[(number, 2020, "Honda", "Civic") for number in ids],
        )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


@asynccontextmanager
async def _processes(bench: Bench, url: str, count: int) -> AsyncIterator[list[CrmService]]:
    """Services that share nothing but the servers, as processes do."""
    engines = [make_engine(database(url)) for _ in range(count)]
    clients = [_redis(bench) for _ in range(count)]
    try:
        yield [
            Counted(engine, "main", CustomerCache(redis, TTL_S))
            for engine, redis in zip(engines, clients, strict=True)
        ]
    finally:
        for engine, redis in zip(engines, clients, strict=True):
            await engine.dispose()
            await redis.aclose()


async def _stampede(
    name: str, bench: Bench, services: Sequence[CrmService], numbers: Iterator[str]
) -> Row:
    """Callers at once on one number, again and again on new ones."""
    times = bench.times(STAMPEDES)
    for service in services:  # connections
        await service.find_by_phone(next(numbers))
    Counted.questions, took_ms, began = 0, [], time.perf_counter()
    for _ in range(times):
        number, since = next(numbers), time.perf_counter()
        turns = itertools.islice(itertools.cycle(services), CALLERS)
        await asyncio.gather(*(service.find_by_phone(number) for service in turns))
        took_ms.append((time.perf_counter() - since) * 1000)
    wall_s = time.perf_counter() - began
    return row(PART, name, took_ms, wall_s, questions=round(Counted.questions / times, 2))


async def _keep_all(redis: Redis, sample: str) -> int:
    """Keep a copy of every customer; returns how many bytes of memory one takes."""
    copy: Any = await redis.get(COPIES.of(sample))  # bytes
    await redis.flushall()
    before = int((await redis.info("memory"))["used_memory"])
    for first in range(1, BOOK + 1, PIECE):
        async with redis.pipeline(transaction=False) as pipe:
            for number in range(first, first + PIECE):
                key = phone(number)
                pipe.set(COPIES.of(key), copy.replace(sample.encode(), key.encode()), ex=TTL_S)
            await pipe.execute()
    after = int((await redis.info("memory"))["used_memory"])
    return round((after - before) / BOOK)
