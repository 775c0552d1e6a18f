"""How long a customer takes to be known by the number: with the cache, without, and naively."""

from __future__ import annotations

import random
from dataclasses import replace

from pydantic import SecretStr

from benchmarks.data import naive
from benchmarks.data.filling import CUSTOMERS, phone
from benchmarks.data.measuring import Bench, Row, database, one_by_one
from config.settings import RedisSettings
from otto.crm.customer_cache import CustomerCache
from otto.crm.service import CrmService
from otto.storage.database import make_engine
from otto.storage.redis import make_redis

PART = "customers"
ASKED = 1_000
WARM = 200
"""Customers who call again: all of them are in the cache."""


async def measure(bench: Bench) -> list[Row]:
    """By number, sequentially; the yardstick is the database without a cache."""
    redis = make_redis(RedisSettings(url=SecretStr(bench.valkey)))
    engine = make_engine(database(bench.databases["a year"]))
    plain = CrmService(engine, "main")
    cached = CrmService(engine, "main", CustomerCache(redis, 300))
    numbers = [phone(number) for number in random.Random(1).sample(range(1, CUSTOMERS), WARM)]
    for number in numbers:
        await cached.find_by_phone(number)
    times = bench.times(ASKED)
    rows = [
        await one_by_one(
            PART, "cache off", times, lambda n: plain.find_by_phone(numbers[n % WARM])
        ),
        await one_by_one(
            PART, "cache on, known", times, lambda n: cached.find_by_phone(numbers[n % WARM])
        ),
        await one_by_one(
            PART, "naive", bench.times(WARM), lambda n: naive.customer(engine, numbers[n % WARM])
        ),
    ]
    await engine.dispose()
    await redis.aclose()
    return [replace(one, ratio=round(one.per_s / rows[0].per_s, 2)) for one in rows]
