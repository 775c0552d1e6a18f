"""The pool of call actors: filled, adopted after a restart, and made whole again, gently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from ray.exceptions import ActorDiedError

from actors.node import call_pool as call_pool_module
from actors.node.call_pool import (
    ATTACHED_WITHIN_S,
    FENCED_PATIENCE_S,
    RESTART_DELAY_S,
    TAKEN_OVER_WITHIN_S,
    CallPool,
)
from actors.runtime.handle import Handle
from otto.events import Worker
from otto.health.breaker import ProviderHealth
from otto.health.pool import Place, WarmPool
from otto.telephony.switchboard_port import CallerFacts, Serving
from tests.support.handles import handle_of

pytestmark = pytest.mark.looptime

PREFIX = "call-aaaaaaaa-"
SIZE, CAPACITY = 2, 3
WARMING_S = 2.0
FACTS = CallerFacts("+18155550123", "+18155550199")


class FakeCallActor:
    """A call actor's process: takes its time to get warm, says what it serves, and may die."""

    def __init__(self, name: str, serves: str | None = None) -> None:
        self.name = name
        self.serves = serves
        self.avoided: list[frozenset[str]] = []
        self.finishing = False
        self.gently: bool | None = None
        self.warm_fault: Exception | None = None
        self.is_stopped = False
        self._dead = asyncio.Event()

    async def warm(self, phrases: Any, avoided: frozenset[str], gently: bool) -> None:
        self.gently = gently
        await asyncio.sleep(WARMING_S)
        if self.warm_fault is not None:
            raise self.warm_fault

    async def status(self) -> str | None:
        if self.is_stopped:
            await asyncio.Event().wait()
        return self.serves

    async def serving(self) -> Serving | None:
        call_sid = await self.status()
        return None if call_sid is None else Serving(call_sid, "stream-1", FACTS)

    async def hears_line(self, call_sid: str) -> bool:
        return await self.status() == call_sid

    async def stay(self) -> None:
        await self._dead.wait()
        raise ActorDiedError

    def avoid(self, providers: frozenset[str]) -> None:
        self.avoided.append(providers)

    def finish_call(self) -> None:
        self.finishing = True

    def die(self) -> None:
        self._dead.set()


class Node:
    """A pool with its rules, and everybody it has started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places = WarmPool(SIZE, 2, 5.0)
        self.started: list[FakeCallActor] = []
        self.killed: list[str] = []
        self.on_start: Callable[[FakeCallActor], None] = lambda actor: None
        self.living: dict[str, FakeCallActor] = {}
        monkeypatch.setattr(call_pool_module, "living_actors", lambda prefix: [*self.living])
        monkeypatch.setattr(call_pool_module, "find", lambda name: self.handle(self.living[name]))
        health = ProviderHealth(dict.fromkeys(Worker, ("primary",)))
        self.adopted: list[Serving] = []
        self.pool = CallPool(
            PREFIX, CAPACITY, self.places, health, _phrases, self._start, self.adopted.append
        )

    def _start(self, name: str) -> Handle[Any]:
        actor = FakeCallActor(name)
        self.on_start(actor)
        self.started.append(actor)
        return self.handle(actor)

    def handle(self, actor: FakeCallActor) -> Handle[Any]:
        made = handle_of(actor)
        made.kill = lambda: self.killed.append(actor.name)  # type: ignore[method-assign]
        return made

    def redeem(self, call_sid: str) -> str:
        """A call is given to a call actor, as the switchboard does it."""
        now_s = asyncio.get_running_loop().time()
        lease = self.places.lease(call_sid, now_s)
        name = self.places.redeem(lease.token, call_sid, now_s)
        assert name is not None
        self.pool.give(name, call_sid, frozenset())
        return name

    def of(self, name: str) -> FakeCallActor:
        return next(actor for actor in self.started if actor.name == name)


async def _phrases() -> Any:
    return object()


@pytest.fixture
async def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(monkeypatch)


async def test_what_is_missing_is_started_at_once_and_the_reserve_one_by_one(node: Node) -> None:
    began = asyncio.get_running_loop().time()
    await node.pool.fill(SIZE)
    assert asyncio.get_running_loop().time() - began == WARMING_S
    assert [actor.name for actor in node.started] == [f"{PREFIX}1", f"{PREFIX}2"]
    assert node.places.count(Place.IDLE) == SIZE
    await node.pool.fill_up()
    assert node.places.count(Place.IDLE) == CAPACITY
    await node.pool.fill_up()
    assert len(node.started) == CAPACITY, "a repeat starts nobody"


async def test_after_a_restart_the_living_are_taken_over_with_their_calls(node: Node) -> None:
    node.living = {
        f"{PREFIX}4": FakeCallActor(f"{PREFIX}4", serves="CA4"),
        f"{PREFIX}7": FakeCallActor(f"{PREFIX}7"),
        f"{PREFIX}7.stt": FakeCallActor("a worker of the one before"),
    }
    await node.pool.adopt_living()
    assert node.places.serving("CA4") == f"{PREFIX}4"
    assert node.adopted == [Serving("CA4", "stream-1", FACTS)]
    assert node.places.count(Place.IDLE) == 1
    await node.pool.fill_up()
    assert [actor.name for actor in node.started] == [f"{PREFIX}8"], "no name is given twice"


async def test_whether_a_line_is_heard_is_asked_of_the_call_actor_and_not_for_long(
    node: Node,
) -> None:
    await node.pool.fill(1)
    (actor,) = node.started
    actor.serves = "CA1"
    assert await node.pool.hears_line(actor.name, "CA1")
    assert not await node.pool.hears_line(actor.name, "CA2")
    assert not await node.pool.hears_line("call-of-nobody", "CA1")
    actor.is_stopped = True
    began = asyncio.get_running_loop().time()
    assert not await node.pool.hears_line(actor.name, "CA1")
    assert asyncio.get_running_loop().time() - began < 1


async def test_one_that_never_got_warm_before_the_restart_is_ended(node: Node) -> None:
    stuck = FakeCallActor(f"{PREFIX}1")
    stuck.is_stopped = True
    node.living = {stuck.name: stuck}
    await node.pool.adopt_living()
    assert (node.killed, len(node.places.members)) == ([stuck.name], 0)


async def test_the_dead_are_replaced_gently_and_one_at_a_time(node: Node) -> None:
    await node.pool.fill(CAPACITY)
    for actor in [*node.started]:
        actor.die()
    await asyncio.sleep(WARMING_S * 1.5)
    assert len(node.started) == CAPACITY + 2, "the second waits until the first is warm"
    await asyncio.sleep(WARMING_S * 2)
    assert node.places.count(Place.IDLE) == CAPACITY
    assert {actor.gently for actor in node.started[CAPACITY:]} == {True}


async def test_a_call_that_lost_its_actor_has_the_processor_first(node: Node) -> None:
    await node.pool.fill(CAPACITY)
    node.of(node.redeem("CA1")).die()
    await asyncio.sleep(TAKEN_OVER_WITHIN_S - 0.1)
    assert len(node.started) == CAPACITY
    await asyncio.sleep(0.2)
    assert len(node.started) == CAPACITY + 1


async def test_one_that_has_served_enough_is_retired_and_replaced(node: Node) -> None:
    await node.pool.fill(1)
    for call in range(2):
        name = node.redeem(f"CA{call}")
        node.pool.release(name)
    assert node.killed == [f"{PREFIX}1"]
    await asyncio.sleep(RESTART_DELAY_S + WARMING_S + 0.1)
    assert [*node.places.members] == [f"{PREFIX}2"]
    assert node.places.count(Place.IDLE) == 1


async def test_one_that_cannot_be_warmed_is_given_up_and_tried_again_later(node: Node) -> None:
    def first_is_unfit(actor: FakeCallActor) -> None:
        actor.warm_fault = None if node.started else ActorDiedError()

    node.on_start = first_is_unfit
    await node.pool.fill(1)
    assert (node.killed, node.places.count(Place.IDLE)) == ([f"{PREFIX}1"], 0)
    await asyncio.sleep(RESTART_DELAY_S + WARMING_S + 0.1)
    assert node.places.count(Place.IDLE) == 1


async def test_a_fenced_one_that_never_lets_go_is_ended(node: Node) -> None:
    await node.pool.fill(CAPACITY)
    first = node.redeem("CA1")
    second = node.redeem("CA1")  # the call is taken over
    assert (second != first, node.places.fenced()) == (True, [first])
    await asyncio.sleep(FENCED_PATIENCE_S + 0.1)
    assert node.killed == [first]


async def test_a_fenced_one_that_lets_go_is_kept(node: Node) -> None:
    await node.pool.fill(CAPACITY)
    first = node.redeem("CA1")
    node.of(node.redeem("CA1")).serves = "CA1"
    node.pool.release(first)
    await asyncio.sleep(FENCED_PATIENCE_S + 0.1)
    assert node.killed == []


async def test_the_place_of_a_call_that_never_came_is_free_again(node: Node) -> None:
    """A caller hangs up between the place they were given and the actor that was to serve them: it
    would be busy for ever, and after some months of callers in a hurry no place be left."""
    await node.pool.fill(1)
    node.redeem("CA1")
    await asyncio.sleep(ATTACHED_WITHIN_S - 1)
    assert node.places.count(Place.BUSY) == 1
    await asyncio.sleep(1.1)
    assert node.places.count(Place.IDLE) == 1


async def test_a_call_that_is_being_served_keeps_its_place(node: Node) -> None:
    await node.pool.fill(1)
    name = node.redeem("CA1")
    node.of(name).serves = "CA1"
    await asyncio.sleep(ATTACHED_WITHIN_S + 1)
    assert node.places.serving("CA1") == name


async def test_a_place_that_was_given_on_meanwhile_is_nobody_elses_business(node: Node) -> None:
    await node.pool.fill(1)
    name = node.redeem("CA1")
    await asyncio.sleep(1)
    node.pool.release(name)
    assert node.redeem("CA2") == name
    node.of(name).serves = "CA2"
    await asyncio.sleep(ATTACHED_WITHIN_S + 1)
    assert node.places.serving("CA2") == name


async def test_everybody_is_told_what_to_avoid_and_only_when_it_is_news(node: Node) -> None:
    await node.pool.fill(SIZE)
    for _ in range(2):
        node.pool.avoid(frozenset({"stt:primary"}))
    assert [actor.avoided for actor in node.started] == [[frozenset({"stt:primary"})]] * SIZE


async def test_only_calls_in_progress_are_asked_to_end(node: Node) -> None:
    await node.pool.fill(SIZE)
    name = node.redeem("CA1")
    node.pool.finish_calls()
    assert {actor.name: actor.finishing for actor in node.started} == {
        actor.name: actor.name == name for actor in node.started
    }
