"""A caller never waits longer for the database than the deadline, and rarely that long."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from otto.storage.errors import CrmError, StoreUnavailable
from otto.storage.guard import DatabaseGuard, is_away

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


def make_reach() -> DatabaseGuard:
    return DatabaseGuard(deadline_s=5.0, pause_s=2.0, clock=now)


async def hang() -> None:
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(2)  # a connection that does not answer is closed slowly


async def answer() -> int:
    return 42


async def test_a_database_that_hangs_costs_the_deadline_once() -> None:
    guard, began_s = make_reach(), now()
    with pytest.raises(StoreUnavailable):
        await guard.run(hang)
    assert now() - began_s == pytest.approx(5.0)
    for _ in range(10):  # the next callers are told at once
        with pytest.raises(StoreUnavailable):
            await guard.run(answer)
    assert now() - began_s == pytest.approx(5.0)


async def test_after_the_pause_one_tries_while_the_others_are_refused() -> None:
    guard = make_reach()
    with pytest.raises(StoreUnavailable):
        await guard.run(hang)
    await asyncio.sleep(2.1)
    probe = asyncio.create_task(guard.run(hang))
    await asyncio.sleep(0.1)
    began_s = now()
    with pytest.raises(StoreUnavailable):
        await guard.run(answer)
    assert now() == began_s
    with pytest.raises(StoreUnavailable):
        await probe
    assert now() - began_s < 1.0, "the one that tried waited as long as the first"
    await asyncio.sleep(2.1)
    assert await guard.run(answer) == 42
    assert await guard.run(answer) == 42
    assert not guard.away


async def test_one_broken_connection_is_not_a_database_that_is_away() -> None:
    guard, faults = make_reach(), [ConnectionResetError()]

    async def break_once() -> int:
        if faults:
            raise faults.pop()
        return 42

    assert await guard.run(break_once) == 42


async def test_a_no_of_the_database_is_passed_on_and_is_an_answer() -> None:
    async def refuse() -> None:
        raise CrmError("These details cannot be recorded.")

    guard = make_reach()
    with pytest.raises(CrmError):
        await guard.run(refuse)
    assert await guard.run(answer) == 42


class _Unique(Exception):
    sqlstate = "23505"


class _Cancelled(Exception):
    sqlstate = "57014"


class _Full(Exception):
    sqlstate = "53300"


def _wrapped(original: Exception, kind: type[DBAPIError] = DBAPIError) -> DBAPIError:
    return kind("INSERT", {}, original)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), True),
        (ConnectionRefusedError(), True),
        (PoolTimeout(), False),  # that of others who are slow
        (asyncpg.QueryCanceledError(), False),
        (asyncpg.LockNotAvailableError(), False),
        (asyncpg.DeadlockDetectedError(), False),
        (asyncpg.IdleInTransactionSessionTimeoutError(), False),
        (_wrapped(_Cancelled()), False),
        (asyncpg.TooManyConnectionsError(), True),
        (asyncpg.CannotConnectNowError(), True),
        (asyncpg.AdminShutdownError(), True),
        (asyncpg.ReadOnlySQLTransactionError(), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (_wrapped(_Full()), True),
        (_wrapped(_Unique(), IntegrityError), False),
        (asyncpg.InvalidPasswordError(), False),
        (ValueError(), False),
    ],
)
def test_away_is_told_from_no(error: Any, expected: bool) -> None:
    assert is_away(error) is expected


def test_the_error_survives_the_journey_between_actors() -> None:
    error = pickle.loads(pickle.dumps(StoreUnavailable("too_slow", outcome_unknown=True)))
    assert (error.reason, error.outcome_unknown) == ("too_slow", True)


async def test_a_slow_request_is_nobody_elses_trouble() -> None:
    async def locked() -> None:
        await asyncio.sleep(2)
        raise asyncpg.LockNotAvailableError

    guard = make_reach()
    with pytest.raises(StoreUnavailable) as slow:
        await guard.run(locked)
    assert slow.value.reason == "slow"
    assert not guard.away
    assert await guard.run(answer) == 42


async def test_a_request_that_hangs_while_others_are_answered_is_slow_itself() -> None:
    guard = make_reach()
    hanging = asyncio.create_task(guard.run(hang))
    await asyncio.sleep(4)
    assert await guard.run(answer) == 42
    with pytest.raises(StoreUnavailable) as slow:
        await hanging
    assert slow.value.reason == "slow"
    assert await guard.run(answer) == 42
