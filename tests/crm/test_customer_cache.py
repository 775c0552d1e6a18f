"""Copies of customers in Redis: never older than the last write, and never a reason to fail."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from config.settings import RedisSettings
from otto.crm import cache_invalidations
from otto.crm.cache_invalidations import CacheInvalidations
from otto.crm.customer_cache import (
    LAYOUT,
    LEASE_MS,
    NOBODY_TTL_S,
    CustomerCache,
    Customers,
    layout_of,
)
from otto.crm.customers import Customer, NewCustomer, NewVehicle, Vehicle
from otto.crm.service import CrmService
from otto.storage.errors import StoreUnavailable
from otto.storage.redis import make_redis
from otto.storage.redis_keys import CUSTOMERS, CUSTOMERS_LEASE, Key
from otto.storage.tables import CacheInvalidationRow, CustomerRow
from sandbox.services.valkey import Valkey
from tests.support.wire import Wire

TTL_S = 60
NOWHERE = "redis://127.0.0.1:9/0"  # the discard port
_numbers = itertools.count(100)


@dataclass
class Book:
    """A database that counts how often it is asked, and answers when it is let."""

    customers: Customers
    asked: int = 0
    gate: asyncio.Event | None = None

    async def fetch(self) -> Customers:
        self.asked += 1
        found = self.customers  # as of now, whenever it is told
        if self.gate is not None:
            await self.gate.wait()
        return found


def client(url: str, timeout_s: float = 1.0) -> Redis:
    return make_redis(RedisSettings(url=SecretStr(url), timeout_s=timeout_s))


@pytest.fixture
def phone() -> str:
    return f"+1414555{next(_numbers):04d}"


@pytest.fixture
def maria(phone: str) -> Customer:
    car = Vehicle(7, 2019, "Honda", "Civic", None, 40_000)
    return Customer(1, "María", "李", phone, (car,))


@pytest.fixture
def book(maria: Customer) -> Book:
    return Book((maria,))


@pytest.fixture
def cache(redis: Redis) -> CustomerCache:
    return CustomerCache(redis, TTL_S)


@pytest.fixture
async def elsewhere(valkey_url: str) -> AsyncIterator[CustomerCache]:
    """The cache of another process."""
    redis = client(valkey_url)
    yield CustomerCache(redis, TTL_S)
    await redis.aclose()


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


# Hits, misses and nobody


async def test_a_copy_answers_for_every_process(
    cache: CustomerCache, elsewhere: CustomerCache, book: Book, phone: str
) -> None:
    for reader in (cache, cache, elsewhere):
        assert await reader.find(phone, book.fetch) == book.customers
    assert book.asked == 1


async def test_that_nobody_has_a_number_is_remembered_briefly(
    cache: CustomerCache, redis: Redis, phone: str
) -> None:
    nobody = Book(())
    for _ in range(3):
        assert await cache.find(phone, nobody.fetch) == ()
    assert nobody.asked == 1
    assert 0 < await redis.ttl(CUSTOMERS.of(phone)) <= NOBODY_TTL_S * 1.1
    nobody.customers = (Customer(1, "Ann", "Reed", phone, ()),)
    await cache.forget(phone)
    assert await cache.find(phone, nobody.fetch) == nobody.customers, "at once all the same"


async def test_what_was_filled_together_does_not_end_together(
    cache: CustomerCache, redis: Redis, maria: Customer
) -> None:
    numbers = [f"+1608555{n:04d}" for n in range(40)]
    for number in numbers:
        await cache.find(number, Book((replace(maria, phone=number),)).fetch)
    lives_ms = [await redis.pttl(CUSTOMERS.of(number)) for number in numbers]
    assert all(TTL_S * 880 <= each <= TTL_S * 1100 for each in lives_ms)
    assert max(lives_ms) - min(lives_ms) > TTL_S * 50


# Many at once


@pytest.mark.parametrize("redis_is_away", [False, True])
async def test_a_hundred_callers_on_one_number_ask_the_database_once(
    redis_is_away: bool, cache: CustomerCache, book: Book, phone: str
) -> None:
    away = client(NOWHERE)
    reader = CustomerCache(away, TTL_S) if redis_is_away else cache
    found = await asyncio.gather(*(reader.find(phone, book.fetch) for _ in range(100)))
    assert found == [book.customers] * 100
    assert book.asked == 1
    await away.aclose()


async def test_more_callers_than_connections_wait_their_turn(
    cache: CustomerCache, redis: Redis, maria: Customer
) -> None:
    books = {f"+1920555{n:04d}": Book((maria,)) for n in range(400)}
    for _ in range(2):
        await asyncio.gather(*(cache.find(number, book.fetch) for number, book in books.items()))
    assert {book.asked for book in books.values()} == {1}
    assert await redis.dbsize() == 400


async def test_processes_that_miss_at_once_ask_the_database_once(
    valkey_url: str, book: Book, phone: str
) -> None:
    clients = [client(valkey_url) for _ in range(8)]
    book.gate = asyncio.Event()
    finds = [
        asyncio.create_task(CustomerCache(each, TTL_S).find(phone, book.fetch)) for each in clients
    ]
    await settled(lambda: book.asked > 0)
    await asyncio.sleep(0.05)
    book.gate.set()
    assert await asyncio.gather(*finds) == [book.customers] * 8
    assert book.asked == 1
    for each in clients:
        await each.aclose()


async def test_a_reader_that_died_is_waited_for_only_so_long(
    cache: CustomerCache, redis: Redis, book: Book, phone: str
) -> None:
    await redis.set(CUSTOMERS_LEASE.of(phone), "a dead reader's", px=LEASE_MS)
    assert await cache.find(phone, book.fetch) == book.customers
    assert book.asked == 1 and not await redis.exists(CUSTOMERS.of(phone))


async def test_a_reader_that_failed_gives_its_lease_back(
    cache: CustomerCache, redis: Redis, book: Book, phone: str
) -> None:
    async def away() -> Customers:
        raise StoreUnavailable("away")

    finds = [cache.find(phone, away) for _ in range(5)]
    for found in await asyncio.gather(*finds, return_exceptions=True):
        assert isinstance(found, StoreUnavailable)
    assert not await redis.exists(CUSTOMERS_LEASE.of(phone))
    assert await cache.find(phone, book.fetch) == book.customers


async def test_a_caller_who_hangs_up_takes_nobody_s_answer_along(
    cache: CustomerCache, book: Book, phone: str
) -> None:
    book.gate = asyncio.Event()
    first, second = (asyncio.create_task(cache.find(phone, book.fetch)) for _ in range(2))
    await settled(lambda: book.asked == 1)
    first.cancel()
    await asyncio.sleep(0)
    book.gate.set()
    assert await second == book.customers and book.asked == 1


# Writes


async def test_a_value_read_before_a_write_is_never_stored_after_it(
    cache: CustomerCache, elsewhere: CustomerCache, book: Book, maria: Customer, phone: str
) -> None:
    book.gate = asyncio.Event()
    reading = asyncio.create_task(cache.find(phone, book.fetch))
    await settled(lambda: book.asked == 1)
    new = book.customers = (replace(maria, first_name="Mary"),)
    await elsewhere.forget(phone)  # a write is committed while the reader holds the old row
    book.gate.set()
    assert await reading == (maria,)
    for reader in (cache, elsewhere):
        assert await reader.find(phone, book.fetch) == new


async def test_who_asks_after_a_write_does_not_get_an_answer_from_before_it(
    cache: CustomerCache, elsewhere: CustomerCache, book: Book, maria: Customer, phone: str
) -> None:
    book.gate = asyncio.Event()
    reading = asyncio.create_task(cache.find(phone, book.fetch))
    await settled(lambda: book.asked == 1)
    new = book.customers = (replace(maria, first_name="Mary"),)
    await elsewhere.forget(phone)  # a write is committed while the reader holds the old row
    # Who asks now does not take the answer that is on its way.
    later = asyncio.create_task(cache.find(phone, book.fetch))
    others = asyncio.create_task(elsewhere.find(phone, book.fetch))
    await settled(lambda: book.asked == 2)
    book.gate.set()
    assert await reading == (maria,)
    assert await later == await others == new
    assert await cache.find(phone, book.fetch) == new


async def test_a_copy_that_could_not_be_deleted_is_not_read_by_who_knows(
    valkey_url: str, book: Book, maria: Customer, phone: str
) -> None:
    async with Wire(valkey_url) as wire:
        redis, time_s = client(wire.url, 0.2), itertools.count(step=10.0)
        cache = CustomerCache(redis, TTL_S, clock=lambda: next(time_s))
        await cache.find(phone, book.fetch)
        await wire.refuse()
        assert not await cache.forget(phone)
        book.customers = (replace(maria, first_name="Mary"),)
        await wire.mend()
        assert await cache.find(phone, book.fetch) == book.customers
        await redis.aclose()


# What is not ours


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"garbage",
        b"\x00\xff\xfe",
        b'{"id": 1}',
        b"{server}",
        b"{layout} {server}",
        b"{layout} {server} ",
        b"{layout} {server} null",
        b"{layout} {server} {}",
        b'{layout} {server} [{"id": 1}]',
        b'{layout} {server} [{"id":"1","first_name":"","last_name":"","phone":"","vehicles":[]}]',
        b'{layout} {server} [{"id":1,"first_name":"","last_name":"","phone":"","vehicles":[1]}]',
        b"{layout} {server} [[[[",
        b'{layout} {server} "\xff"',
        b"00000000 {server} []",  # another release's
        b"{layout} 0123456789abcdef []",  # another life of the server's
        b"{layout}  []",
    ],
)
async def test_what_cannot_be_read_is_a_miss(
    value: bytes, cache: CustomerCache, redis: Redis, book: Book, phone: str
) -> None:
    server = (await redis.info("server"))["run_id"].encode()
    value = value.replace(b"{layout}", LAYOUT.encode()).replace(b"{server}", server)
    await redis.set(CUSTOMERS.of(phone), value)
    for _ in range(2):
        assert await cache.find(phone, book.fetch) == book.customers
    assert book.asked == 1, "and is replaced by what can be"


@pytest.mark.parametrize("which", [CUSTOMERS, CUSTOMERS_LEASE])
@pytest.mark.parametrize("kind", ["list", "hash", "set", "string"])
async def test_a_key_of_the_wrong_type_is_a_miss(
    kind: str, which: Key, cache: CustomerCache, redis: Redis, book: Book, phone: str
) -> None:
    put = {
        "list": lambda key: redis.rpush(key, "x"),
        "hash": lambda key: redis.hset(key, "x", "y"),
        "set": lambda key: redis.sadd(key, "x"),
        "string": lambda key: redis.set(key, "x"),  # a lease without an end, in its place
    }[kind]
    await put(which.of(phone))  # type: ignore[no-untyped-call]
    for _ in range(2):
        assert await cache.find(phone, book.fetch) == book.customers
    assert book.asked == 1


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps(text).encode()))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_raise(valkey_server: str, value: bytes) -> None:
    async def look() -> None:
        redis = client(valkey_server)
        server = (await redis.info("server"))["run_id"]
        book = Book((Customer(1, "A", "B", "+14145550000", ()),))
        for prefix in ("", f"{LAYOUT} {server} "):
            await redis.set(CUSTOMERS.of("+14145550000"), prefix.encode() + value)
            found = await CustomerCache(redis, TTL_S).find("+14145550000", book.fetch)
            assert found == book.customers or json.loads(value) == []
        await redis.flushall()
        await redis.aclose()

    asyncio.run(look())


def test_a_release_whose_customers_look_different_has_another_layout() -> None:
    @dataclass
    class Vehicle2:
        id: int

    @dataclass
    class Vehicle3:
        id: str

    Vehicle2.__name__ = Vehicle3.__name__ = "Vehicle"
    assert len({layout_of(Vehicle), layout_of(Vehicle2), layout_of(Vehicle3)}) == 3
    assert layout_of(Customer, Vehicle) == LAYOUT


async def test_a_server_that_comes_back_with_old_data_is_not_believed(
    tmp_path: Path, book: Book, maria: Customer, phone: str
) -> None:
    """Its disk holds a copy that was deleted since, or could not be."""
    server = Valkey(tmp_path / "valkey", durable=True)
    redis = client(server.start())
    cache = CustomerCache(redis, TTL_S)
    await cache.find(phone, book.fetch)
    await redis.aclose()
    server.stop()
    book.customers = (replace(maria, first_name="Mary"),)
    redis = client(server.start())
    assert await redis.exists(CUSTOMERS.of(phone)), "it did come back with it"
    cache = CustomerCache(redis, TTL_S)
    for _ in range(2):
        assert await cache.find(phone, book.fetch) == book.customers
    assert book.asked == 2
    await redis.aclose()
    server.discard()


async def test_a_server_that_will_not_say_who_it_is_keeps_nothing(
    valkey_url: str, book: Book, phone: str
) -> None:
    """As where INFO is forbidden by an access list: no copy could be believed."""
    with BlockingRedis.from_url(valkey_url) as admin:
        admin.execute_command("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-info")
        host = valkey_url.rpartition("@")[2]
        redis = client(f"redis://limited:pw@{host}")
        cache = CustomerCache(redis, TTL_S)
        for _ in range(2):
            assert await cache.find(phone, book.fetch) == book.customers
        assert book.asked == 2 and not admin.exists(CUSTOMERS.of(phone))
        await redis.aclose()
        admin.execute_command("ACL", "DELUSER", "limited")


# Writers that Redis does not hear


async def test_a_writer_without_redis_is_heard_of_when_it_is_back(
    engine: AsyncEngine, redis: Redis, phone: str
) -> None:
    away = client(NOWHERE, 0.2)
    cache = CustomerCache(redis, TTL_S)
    reader = CrmService(engine, "main", cache)
    writer = CrmService(engine, "main", CustomerCache(away, TTL_S))
    assert await reader.find_by_phone(phone) == ()
    made = await writer.create_customer(NewCustomer(phone, "Ann", "Reed", phone, date(1990, 1, 2)))
    # Nobody reaches Redis: what is noted stays.
    unreached = CacheInvalidations(engine, CustomerCache(away, TTL_S))
    assert await unreached.deliver() == 0
    del writer  # its process has died, and what it owed with it
    assert await CacheInvalidations(engine, cache).deliver() == 1
    assert await reader.find_by_phone(phone) == (made,)
    assert await CacheInvalidations(engine, cache).deliver() == 0
    await away.aclose()


async def test_changes_by_those_who_know_nothing_of_copies_are_heard_of(
    engine: AsyncEngine, redis: Redis, phone: str
) -> None:
    cache = CustomerCache(redis, TTL_S)
    crm, notes = CrmService(engine, "main", cache), CacheInvalidations(engine, cache)
    second, third = phone.replace("+1414", "+1608"), phone.replace("+1414", "+1920")
    made = await crm.create_customer(NewCustomer(phone, "Ann", "Reed", phone, date(1990, 1, 2)))
    await crm.add_phone(made.id, second)
    await crm.add_vehicle(NewVehicle(phone, made.id, 2019, "Honda", "Civic"))
    await notes.deliver()

    async def seen_after(statement: str) -> list[Customers]:
        for number in (phone, second, third):
            await crm.find_by_phone(number)
        async with engine.begin() as connection:
            await connection.execute(text(statement))
        await notes.deliver()
        return [await crm.find_by_phone(number) for number in (phone, second, third)]

    only = f"= {made.id}"
    before, _, _ = await seen_after("SELECT 1")
    ann, _, none = await seen_after(f"UPDATE customers SET first_name = 'Anna' WHERE id {only}")
    assert (before[0].first_name, ann[0].first_name, none) == ("Ann", "Anna", ())
    seen = await seen_after(f"UPDATE vehicles SET model = 'Accord' WHERE customer_id {only}")
    assert [who[0].vehicles[0].model for who in seen[:2]] == ["Accord", "Accord"]
    insert = "INSERT INTO vehicles (customer_id, year, make, model)"
    seen = await seen_after(f"{insert} VALUES ({made.id}, 2023, 'Tesla', 'Model 3')")
    assert [len(who[0].vehicles) for who in seen[:2]] == [2, 2]
    seen = await seen_after(
        f"UPDATE customer_phones SET phone = '{third}' WHERE customer_id {only}"
    )
    assert [len(who) for who in seen] == [1, 0, 1]
    seen = await seen_after(f"UPDATE customers SET phone = '{second}' WHERE id {only}")
    assert [len(who) for who in seen] == [0, 1, 1]
    seen = await seen_after(f"DELETE FROM vehicles WHERE customer_id {only}")
    assert [who[0].vehicles for who in seen[1:]] == [(), ()]
    seen = await seen_after(f"DELETE FROM customers WHERE id {only}")
    assert seen == [(), (), ()]


async def test_an_import_of_thousands_is_delivered_and_leaves_no_numbers(
    engine: AsyncEngine, redis: Redis
) -> None:
    cache = CustomerCache(redis, TTL_S)
    notes, crm = CacheInvalidations(engine, cache), CrmService(engine, "main", cache)
    assert await crm.find_by_phone("+12175550000") == ()
    imported = text(
        "INSERT INTO customers (location_id, first_name, last_name, phone)"
        " SELECT 'main', 'Robin', 'Walker', '+1217555' || lpad(n::text, 4, '0')"
        " FROM generate_series(0, 1999) AS n"
    )
    async with engine.begin() as connection:
        await connection.execute(imported)
    # Several deliver at once: each note is delivered, by one of them or another.
    others = [CacheInvalidations(engine, CustomerCache(redis, TTL_S)) for _ in range(3)]
    delivered = await asyncio.gather(*(each.deliver() for each in (notes, *others)))
    assert sum(delivered) == 2000
    assert len(await crm.find_by_phone("+12175550000")) == 1
    async with engine.connect() as connection:
        left = select(func.count()).select_from(CacheInvalidationRow)
        assert await connection.scalar(left) == 0


async def test_a_note_that_is_not_committed_is_delivered_after_its_commit(
    engine: AsyncEngine, redis: Redis, phone: str
) -> None:
    cache = CustomerCache(redis, TTL_S)
    crm, notes = CrmService(engine, "main", cache), CacheInvalidations(engine, cache)
    made = await crm.create_customer(NewCustomer(phone, "Ann", "Reed", phone, date(1990, 1, 2)))
    await notes.deliver()
    async with engine.begin() as connection:
        changed = update(CustomerRow).where(CustomerRow.id == made.id).values(first_name="Anna")
        await connection.execute(changed)
        assert await notes.deliver() == 0, "nobody waits for it, and it is not passed over"
        assert (await crm.find_by_phone(phone))[0].first_name == "Ann"
    assert await notes.deliver() == 1
    assert (await crm.find_by_phone(phone))[0].first_name == "Anna"


async def test_notes_wait_for_redis_and_are_delivered_by_themselves(
    engine: AsyncEngine, valkey_url: str, phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_invalidations, "POLL_S", 0.02)
    async with Wire(valkey_url) as wire:
        redis, time_s = client(wire.url, 0.2), itertools.count(step=10.0)
        await wire.refuse()
        cache = CustomerCache(redis, TTL_S, clock=lambda: next(time_s))
        await CrmService(engine, "main").create_customer(
            NewCustomer(phone, "Ann", "Reed", phone, date(1990, 1, 2))
        )
        delivering = asyncio.create_task(CacheInvalidations(engine, cache).run())

        async def waiting() -> int:
            async with engine.connect() as connection:
                noted = select(func.count()).where(CacheInvalidationRow.phone == phone)
                return int(await connection.scalar(noted) or 0)

        await asyncio.sleep(0.1)
        assert await waiting() == 1 and not delivering.done()
        await wire.mend()
        async with asyncio.timeout(10):
            while await waiting():
                await asyncio.sleep(0.02)
        delivering.cancel()
        await redis.aclose()
