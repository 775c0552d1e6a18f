"""Customers: found, verified, created once, cached without ever being stale."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from config.settings import RedisSettings, RetentionSettings
from otto.crm.customer_cache import CustomerCache
from otto.crm.customers import Customer, NewCustomer, NewVehicle
from otto.crm.records import Callback, CallRecord, TurnLine
from otto.crm.retention import RetentionSweeper
from otto.crm.service import CrmService
from otto.language.vin import VinError
from otto.storage.errors import CrmError
from otto.storage.redis import make_redis
from otto.storage.tables import CallbackRow, CallRow, CustomerRow, TurnRow

VIN = "1HGBH41JXMN109186"
OTHER_VIN = "1M8GDM9AXKP042788"
_numbers = itertools.count(100)


@pytest.fixture
def crm(engine: AsyncEngine, redis: Redis) -> CrmService:
    return CrmService(engine, "main", CustomerCache(redis, ttl_s=60))


@pytest.fixture
def new_phone() -> Callable[[], str]:
    return lambda: f"+1773555{next(_numbers):04d}"


async def _maria(crm: CrmService, phone: str) -> Customer:
    return await crm.create_customer(
        NewCustomer(f"maria:{phone}", " Maria ", "Alvarez", phone, date(1984, 3, 12))
    )


async def test_a_new_customer_is_found_by_number(
    crm: CrmService, new_phone: Callable[[], str]
) -> None:
    phone = new_phone()
    assert await crm.find_by_phone(phone) == ()
    made = await _maria(crm, phone)
    assert (made.first_name, made.last_name, made.phone, made.vehicles) == (
        "Maria",
        "Alvarez",
        phone,
        (),
    )
    assert await crm.find_by_phone(phone) == (made,)


async def test_creating_twice_with_one_key_makes_one_customer(
    crm: CrmService, new_phone: Callable[[], str]
) -> None:
    phone = new_phone()
    both = await asyncio.gather(*(_maria(crm, phone) for _ in range(5)))
    assert len({customer.id for customer in both}) == 1


@pytest.mark.parametrize(
    ("first", "phone", "born"),
    [
        ("", "+17735550198", None),
        ("x" * 61, "+17735550198", None),
        ("Eve", "7735550198", None),
        ("Eve", "+17735550198", date(1890, 1, 1)),
        ("Eve", "+17735550198", date(2999, 1, 1)),
    ],
)
async def test_bad_details_are_refused_without_being_repeated(
    crm: CrmService, first: str, phone: str, born: date | None
) -> None:
    with pytest.raises(CrmError) as caught:
        await crm.create_customer(NewCustomer("bad", first, "Adams", phone, born))
    told = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "Adams" not in told and "5550198" not in told


async def test_a_vehicle_is_added_once_and_seen_at_once(
    crm: CrmService, new_phone: Callable[[], str]
) -> None:
    customer = await _maria(crm, new_phone())
    assert (await crm.find_by_phone(customer.phone)) == (customer,)  # now in the cache
    added = await crm.add_vehicle(
        NewVehicle("v1", customer.id, 2019, "Honda", "Civic", "1HGBH41JXMN-1O9I86")
    )
    assert added.description == "2019 Honda Civic"
    assert added.vin == VIN
    assert (
        await crm.add_vehicle(NewVehicle("v1", customer.id, 2019, "Honda", "Civic", VIN)) == added
    )
    assert (
        await crm.add_vehicle(NewVehicle("v2", customer.id, 2019, "Honda", "Civic", VIN)) == added
    )
    (found,) = await crm.find_by_phone(customer.phone)
    assert found.vehicles == (added,)


async def test_vehicles_that_cannot_be(crm: CrmService, new_phone: Callable[[], str]) -> None:
    customer = await _maria(crm, new_phone())
    with pytest.raises(VinError):
        await crm.add_vehicle(NewVehicle("bad", customer.id, 2019, "Honda", "Civic", VIN[:-1]))
    with pytest.raises(CrmError):
        await crm.add_vehicle(NewVehicle("bad", customer.id, 1850, "Honda", "Civic"))
    with pytest.raises(CrmError):
        await crm.add_vehicle(NewVehicle("bad", -1, 2019, "Honda", "Civic"))
    with pytest.raises(CrmError):
        await crm.add_vehicle(NewVehicle("bad", customer.id, 2019, "", "Civic"))


async def test_the_cache_answers_without_the_database(
    crm: CrmService, engine: AsyncEngine, new_phone: Callable[[], str]
) -> None:
    customer = await _maria(crm, new_phone())
    await crm.add_vehicle(NewVehicle("v:cache", customer.id, 1989, "Bus", "Coach", OTHER_VIN))
    first = await crm.find_by_phone(customer.phone)
    # Behind the service's back, so only the cache can still answer as before.
    async with engine.begin() as connection:
        await connection.execute(
            update(CustomerRow).where(CustomerRow.id == customer.id).values(first_name="Changed")
        )
    assert await crm.find_by_phone(customer.phone) == first


async def test_everything_works_while_redis_is_away(
    engine: AsyncEngine, new_phone: Callable[[], str]
) -> None:
    away = make_redis(RedisSettings(url=SecretStr("redis://127.0.0.1:9/0"), timeout_s=0.2))
    crm = CrmService(engine, "main", CustomerCache(away, ttl_s=60))
    customer = await _maria(crm, new_phone())
    added = await crm.add_vehicle(NewVehicle("v:away", customer.id, 2019, "Honda", "Civic"))
    (found,) = await crm.find_by_phone(customer.phone)
    assert found.vehicles == (added,)
    await away.aclose()


async def test_a_callback_is_asked_for_once(crm: CrmService, engine: AsyncEngine) -> None:
    for _ in range(2):
        await crm.calls.request_callback(
            Callback("CA1:full", "+17735550177", "all lines busy", "CA1")
        )
    async with engine.connect() as connection:
        rows = (await connection.execute(select(CallbackRow.__table__))).all()
    assert [(row.phone, row.reason, row.location_id) for row in rows] == [
        ("+17735550177", "all lines busy", "main")
    ]
    with pytest.raises(CrmError) as caught:
        await crm.calls.request_callback(
            Callback("CA2:full", "anonymous-caller", "all lines busy", "CA2")
        )
    assert "anonymous" not in str(caught.value)


async def test_a_call_is_recorded_once_with_its_latest_turns(
    crm: CrmService, engine: AsyncEngine, new_phone: Callable[[], str]
) -> None:
    customer = await _maria(crm, new_phone())
    at = datetime(2026, 11, 23, 15, tzinfo=UTC)
    greeting = TurnLine(0, "otto", "Hello, this is Otto.", "Hello, this", {"tts": 80.5}, at)
    question = TurnLine(1, "caller", "Hi\x00 there", None, {}, at + timedelta(seconds=4))

    def record(turns: list[TurnLine], outcome: str | None, who: int | None) -> CallRecord:
        return CallRecord(
            call_sid="CAcall",
            from_number=customer.phone,
            to_number="+13125550100",
            direction="inbound",
            outcome=outcome,
            started_at=at,
            ended_at=at + timedelta(minutes=2),
            customer_id=who,
            sub_actors="inline",
            prompt_version="6b86b273ff34",
            turns=turns,
        )

    await crm.calls.record_call(record([greeting], None, -1))
    await crm.calls.record_call(record([greeting, question], "booked", customer.id))
    async with engine.connect() as connection:
        call = (await connection.execute(select(CallRow.__table__))).one()
        turns = (await connection.execute(select(TurnRow.__table__).order_by(TurnRow.index))).all()
        count = await connection.scalar(select(func.count()).select_from(CallRow))
    assert count == 1
    assert (call.outcome, call.customer_id, call.sub_actors) == ("booked", customer.id, "inline")
    assert call.prompt_version == "6b86b273ff34"
    assert call.ended_at - call.started_at == timedelta(minutes=2)
    assert [(turn.speaker, turn.text, turn.heard_text) for turn in turns] == [
        ("otto", "Hello, this is Otto.", "Hello, this"),
        ("caller", "Hi there", None),
    ]
    assert turns[0].latency == {"tts": 80.5}
    await crm.calls.record_call(record([], "booked", -1))


async def test_a_number_waits_for_a_few_callbacks_at_most(
    crm: CrmService, engine: AsyncEngine
) -> None:
    phone = "+17735550188"
    for n in range(8):
        await crm.calls.request_callback(Callback(f"CB{n}", phone, "lines busy", f"CA{n}"))

    async def keys() -> list[str]:
        async with engine.connect() as connection:
            wanted = select(CallbackRow.key).where(CallbackRow.phone == phone)
            return sorted(await connection.scalars(wanted))

    assert await keys() == [f"CB{n}" for n in range(5)]
    async with engine.begin() as connection:
        done = update(CallbackRow).where(CallbackRow.key == "CB0").values(done_at=func.now())
        await connection.execute(done)
    await crm.calls.request_callback(Callback("CB9", phone, "lines busy", "CA9"))
    assert await keys() == ["CB0", "CB1", "CB2", "CB3", "CB4", "CB9"], (
        "who was called may ask again"
    )


async def test_a_promised_time_is_kept_with_the_callback_and_the_summary_with_the_call(
    crm: CrmService, engine: AsyncEngine
) -> None:
    monday = datetime(2026, 11, 30, 13, 30, tzinfo=UTC)
    wish = Callback("CA8:callback", "+17735550163", "the brakes", "CA8", monday)
    assert Callback.load(json.loads(json.dumps(wish.dump()))) == wish
    assert Callback.load({"key": "k", "phone": "p", "reason": "r", "call_sid": None}) == Callback(
        "k", "p", "r", None
    )
    await crm.calls.request_callback(wish)
    record = CallRecord("CA8", None, None, "inbound", "transferred", monday, monday)
    summary = "A caller asks for a person. " + "x" * 600
    await crm.calls.record_call(replace(record, summary=summary))
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(CallbackRow.promised_at).where(CallbackRow.key == "CA8:callback")
        )
        assert rows.scalar_one() == monday
        kept = await connection.scalar(select(CallRow.summary).where(CallRow.call_sid == "CA8"))
    assert kept is not None and len(kept) == 500 and kept.startswith("A caller asks for a person.")
    sweeper = RetentionSweeper(engine, RetentionSettings())
    await sweeper.sweep(monday + timedelta(days=500))
    async with engine.connect() as connection:
        kept = await connection.scalar(select(CallRow.summary).where(CallRow.call_sid == "CA8"))
    assert kept is None, "it goes with what was said"
