"""A call's session is kept when the store comes and goes, and only by the call's owner."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from otto.dialogue.session.store import Fenced, Opened
from otto.dialogue.session.writer import RETRY_MAX_S, SessionWriter

CALL = "CA1"
pytestmark = pytest.mark.looptime


class Store:
    """One session, with the store's rules; `away` makes every request fail, `slow_s` late."""

    def __init__(self) -> None:
        self.epoch = 0
        self.state: dict[str, Any] | None = None
        self.writes = 0
        self.at_once = 0
        self.away = False
        self.slow_s = 0.0

    async def open(self, call_sid: str, epoch: int) -> Opened:
        if self.away:
            raise ConnectionError
        self.epoch = max(epoch, self.epoch + 1)
        return Opened(self.epoch, self.state, None if self.state is None else 1.0)

    async def commit(self, call_sid: str, epoch: int, state: dict[str, Any]) -> None:
        assert self.at_once == 0, "two writes of one session at once"
        self.at_once += 1
        try:
            await asyncio.sleep(self.slow_s)
        finally:
            self.at_once -= 1
        if self.away:
            raise ConnectionError
        if epoch < self.epoch:
            raise Fenced(call_sid)
        self.epoch, self.state = epoch, json.loads(json.dumps(state))
        self.writes += 1


class Owner:
    """A keeper with the state it keeps."""

    def __init__(self, store: Store, at_us: int) -> None:
        self.state: dict[str, Any] = {"epoch": 1, "turn": 0}
        self.fenced = 0
        self.kept: list[bytes] = []
        self.keeper = SessionWriter(store, CALL, self.kept.append, clock_us=lambda: at_us)
        self.keeper.on_fenced = self._on_fenced

    def _on_fenced(self) -> None:
        self.fenced += 1

    def turn(self, number: int) -> None:
        self.state["turn"] = number
        self.keeper.changed(lambda: self.state)


async def test_turns_taken_while_the_store_is_away_are_written_when_it_is_back() -> None:
    store = Store()
    owner = Owner(store, 1000)
    await owner.keeper.open()
    owner.turn(1)
    await asyncio.sleep(0.1)
    store.away = True
    for number in range(2, 30):
        owner.turn(number)
        await asyncio.sleep(1)
    assert store.state == {"epoch": 1, "turn": 1}
    store.away = False
    await asyncio.sleep(RETRY_MAX_S + 0.1)
    assert store.state == {"epoch": 1, "turn": 29}
    assert not owner.keeper.away
    await owner.keeper.close()


async def test_a_call_begun_while_the_store_was_away_gets_its_session_later() -> None:
    store = Store()
    store.away = True
    owner = Owner(store, 1000)
    assert await owner.keeper.open() == (1, None, None)
    owner.turn(1)
    await asyncio.sleep(20)
    store.away = False
    await asyncio.sleep(RETRY_MAX_S + 0.1)
    assert store.state == {"epoch": 1, "turn": 1}
    assert owner.fenced == 0
    await owner.keeper.close()


async def test_its_own_opening_carried_out_late_does_not_fence_an_owner() -> None:
    """A server that hung carries out what it was sent when it wakes up."""
    store = Store()
    store.away = True
    owner = Owner(store, 1000)
    await owner.keeper.open()
    owner.turn(1)
    store.away = False
    await store.open(CALL, 1000)
    await asyncio.sleep(RETRY_MAX_S + 0.1)
    assert store.state == {"epoch": 1, "turn": 1}
    await owner.keeper.close()


async def test_an_owner_without_epoch_does_not_steal_from_its_successor() -> None:
    store = Store()
    store.away = True
    old = Owner(store, 1000)
    await old.keeper.open()
    old.turn(1)
    await asyncio.sleep(0.1)
    store.away = False
    heir = Owner(store, 2000)
    await heir.keeper.open()
    heir.turn(7)
    await asyncio.sleep(RETRY_MAX_S + 0.1)
    assert old.fenced == 1
    assert heir.fenced == 0
    assert store.state == {"epoch": 1, "turn": 7}
    old.turn(2)
    await old.keeper.close()
    assert store.state == {"epoch": 1, "turn": 7}, "a fenced owner wrote"
    await heir.keeper.close()


async def test_of_two_who_opened_without_the_store_the_later_one_has_the_call() -> None:
    for order in ("old first", "heir first"):
        store = Store()
        store.away = True
        old, heir = Owner(store, 1000), Owner(store, 2000)
        for owner in (old, heir):
            await owner.keeper.open()
        store.away = False
        for owner in (old, heir) if order == "old first" else (heir, old):
            owner.turn(3)
            await asyncio.sleep(0.1)
        old.turn(4)
        await asyncio.sleep(0.1)
        assert (old.fenced, heir.fenced) == (1, 0), order
        for owner in (old, heir):
            await owner.keeper.close()


async def test_a_slow_store_gets_one_write_at_a_time_and_the_latest_state() -> None:
    store = Store()
    store.slow_s = 0.8
    owner = Owner(store, 1000)
    await owner.keeper.open()
    for number in range(20):
        owner.turn(number)
        await asyncio.sleep(0.1)
    await owner.keeper.close()
    assert store.state == {"epoch": 1, "turn": 19}
    assert store.writes <= 4


async def test_closing_while_the_store_is_away_does_not_hold_the_call_actor() -> None:
    store = Store()
    owner = Owner(store, 1000)
    await owner.keeper.open()
    store.away = True
    owner.turn(1)
    before = asyncio.get_running_loop().time()
    await owner.keeper.close()
    assert asyncio.get_running_loop().time() - before < 0.1


async def test_the_next_owner_counts_on_and_gets_the_state() -> None:
    store = Store()
    first = Owner(store, 1000)
    await first.keeper.open()
    first.turn(1)
    await asyncio.sleep(0.1)
    count, saved, _ = await Owner(store, 500).keeper.open()
    assert count == 2
    assert saved == {"epoch": 1, "turn": 1}
