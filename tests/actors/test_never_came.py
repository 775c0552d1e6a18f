"""A caller hangs up between the place they were given and the actor that was to serve them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from actors.node.switchboard import ATTACHED_WITHIN_S, SwitchboardActor
from otto.health.pool import Place, WarmPool

pytestmark = pytest.mark.looptime


def switchboard(has: str | None) -> Any:
    """One with a single actor, leased to CA1 and redeemed; `has`: the call it says it serves."""

    async def status() -> str | None:
        return has

    made: Any = object.__new__(SwitchboardActor)
    made._pool = WarmPool(1, 100, 5.0)
    made._actors = {"call-1": SimpleNamespace(status=SimpleNamespace(remote=status))}
    made._knows_the_living = asyncio.Event()
    made._knows_the_living.set()
    made._pool.add("call-1")
    made._pool.ready("call-1")
    lease = made._pool.lease("CA1", 0.0)
    assert made._pool.redeem(lease.token, "CA1", 0.0) == "call-1"
    return made


async def test_the_place_of_a_call_that_never_came_is_free_again() -> None:
    """It would be busy for ever, and after some months of callers in a hurry no place be left."""
    made = switchboard(has=None)
    waiting = asyncio.create_task(made._take_back("call-1", "CA1"))
    await asyncio.sleep(ATTACHED_WITHIN_S - 1)
    assert made._pool.count(Place.BUSY) == 1
    await waiting
    assert made._pool.count(Place.IDLE) == 1


async def test_a_call_that_is_being_served_keeps_its_place() -> None:
    made = switchboard(has="CA1")
    await made._take_back("call-1", "CA1")
    assert made._pool.serving("CA1") == "call-1"


async def test_a_place_that_was_given_on_meanwhile_is_nobody_elses_business() -> None:
    made = switchboard(has=None)
    waiting = asyncio.create_task(made._take_back("call-1", "CA1"))
    await asyncio.sleep(1)
    await made.idle("call-1")
    lease = made._pool.lease("CA2", 1.0)
    assert made._pool.redeem(lease.token, "CA2", 1.0) == "call-1"
    await waiting
    assert made._pool.serving("CA2") == "call-1"
