"""What `otto customer` does: everything that is held about the person at a number, wherever it
lies, shown or erased."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncEngine

from cluster.database import database_errors
from cluster.errors import StackError
from config.clock import utc_now
from config.dealership import Dealership, load_dealership
from config.settings import Settings
from otto.crm.cache_invalidations import CacheInvalidations
from otto.crm.customer_cache import CustomerCache
from otto.crm.person import THE_ONLY_ONE, Person, Which, WhichPerson, person_at
from otto.crm.personal_data import AppointmentsAhead, erase_person, export_person
from otto.dialogue.session.store import SessionStore, StoredSession
from otto.language.phone import PhoneError, parse_phone
from otto.storage.database import make_engine
from otto.storage.redis import make_redis
from otto.storage.spool import Spool, SpoolEntry

__all__ = ["Which", "erase", "export"]


@dataclass(frozen=True, slots=True)
class _Stores:
    engine: AsyncEngine
    sessions: SessionStore
    cache: CustomerCache
    spools: tuple[Spool, ...]


async def export(settings: Settings, number: str, which: Which = THE_ONLY_ONE) -> dict[str, Any]:
    """`otto customer export`: JSON-ready. Raises StackError."""
    phone = _phone(number)
    async with _stores(settings) as stores:
        person = await _person(stores, phone, which)
        tables = await export_person(stores.engine, phone, which)
        sessions = [
            session
            for session in await _sessions(stores, person)
            if person.is_theirs(session.state.get("customer_id"), *_numbers(session))
        ]
        waiting = [
            asdict(entry)
            for spool in stores.spools
            for entry in await spool.waiting()
            if _is_about(entry, person, doubtful=False)
        ]
    return {
        "number": phone,
        "exported_at": utc_now().isoformat(),
        "database": tables,
        "sessions": [session.state for session in sessions],
        "spool": waiting,
    }


async def erase(
    settings: Settings, number: str, which: Which = THE_ONLY_ONE, *, cancel_appointments: bool
) -> dict[str, int]:
    """`otto customer erase`: how many of what were erased. Raises StackError, and has then changed
    nothing, when the person is on the line or expected at the dealership, or somebody else has the
    number, too, and nobody has said who is meant."""
    phone = _phone(number)
    async with _stores(settings) as stores:
        person = await _person(stores, phone, which)
        found = await _sessions(stores, person)
        longest_s = settings.call.max_duration_s + settings.call.limit_grace_s
        if any(not session.is_over and session.age_s < longest_s for session in found):
            raise StackError(
                "a call with this number is in progress, or was cut off minutes ago: "
                "erase the number when that is over"
            )
        try:
            erased = await erase_person(
                stores.engine, phone, which, cancel_appointments=cancel_appointments
            )
        except AppointmentsAhead as ahead:
            raise StackError(str(ahead)) from None
        sessions = [
            session
            for session in found
            if person.is_theirs(session.state.get("customer_id"), *_numbers(session), doubtful=True)
        ]
        for session in sessions:
            await stores.sessions.forget(session.call_sid)
        await stores.cache.forget(*person.numbers)
        # The notes of the erasure hold the numbers: where Redis does not take them now, whoever
        # keeps the customers delivers them, and they go then.
        await CacheInvalidations(stores.engine, stores.cache).deliver()
        purged = [
            await spool.purge(lambda entry: _is_about(entry, person, doubtful=True))
            for spool in stores.spools
        ]
    counts = {**erased, "sessions": len(sessions), "spool": sum(purged)}
    return {what: count for what, count in counts.items() if count}


async def _person(stores: _Stores, phone: str, which: Which) -> Person:
    async with stores.engine.connect() as connection:
        try:
            return await person_at(connection, phone, which)
        except WhichPerson as unclear:
            raise StackError(str(unclear)) from None


async def _sessions(stores: _Stores, person: Person) -> list[StoredSession]:
    found = [
        session
        for number in sorted(person.numbers)
        for session in await stores.sessions.of_number(number)
    ]
    return list({session.call_sid: session for session in found}.values())


def _numbers(session: StoredSession) -> list[str | None]:
    return [session.state.get(field) for field in ("caller", "called", "phone")]


def _phone(number: str) -> str:
    try:
        return parse_phone(number)
    except PhoneError as error:
        raise StackError(str(error)) from None


def _is_about(entry: SpoolEntry, person: Person, *, doubtful: bool) -> bool:
    payload = entry.payload
    numbers = [payload.get(field) for field in ("phone", "from_number", "to_number")]
    return person.is_theirs(payload.get("customer_id"), *numbers, doubtful=doubtful)


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[_Stores]:
    dealership = load_dealership(settings.dealership_file)
    engine, redis = make_engine(settings.database.as_operator), make_redis(settings.redis)
    try:
        with database_errors():
            try:
                yield _Stores(
                    engine,
                    SessionStore(redis, settings.redis.session_ttl_s),
                    CustomerCache(redis, settings.redis.customer_ttl_s),
                    _spools(redis, settings, dealership),
                )
            except RedisError as error:
                raise StackError(f"Redis cannot be used ({type(error).__name__})") from None
    finally:
        await redis.aclose()
        await engine.dispose()


def _spools(redis: Redis, settings: Settings, dealership: Dealership) -> tuple[Spool, ...]:
    return tuple(Spool(redis, settings.journal_dir, place.id) for place in dealership.locations)
