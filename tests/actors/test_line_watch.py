"""Before a call is given another actor, its line is looked at: not too short, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from actors.node.line_watch import WAIT_S, LineWatch
from otto.health.admission import Admission
from otto.health.calls import DOUBT_S, STANDING, CallerFacts, Calls
from otto.health.pool import WarmPool

pytestmark = pytest.mark.looptime

FACTS = CallerFacts("+18155550123", "+18155550199")
HearsLine = Callable[[str, str], Awaitable[bool]]


class Node:
    """A node with a call on stream-1, and a call actor that says what it hears."""

    def __init__(self) -> None:
        self.pool = WarmPool(2, 100, 60.0, "node.")
        for name in ("call-1", "call-2"):
            self.pool.add(name)
            self.pool.ready(name)
        self.calls = Calls(self.pool, Admission(self.pool, 400.0, lambda now_s: False))
        self.hears = True
        self.answers_after_s = 0.0
        self.asked: list[str] = []
        self.watch = LineWatch(self.calls, self.pool, self._hears_line)
        token = self.calls.reserve("CA1", FACTS, self.now).token or ""
        given = self.calls.redeem(token, "CA1", "stream-1", self.now)
        assert given is not None
        self.actor = given.actor_id

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _hears_line(self, name: str, call_sid: str) -> bool:
        self.asked.append(name)
        await asyncio.sleep(self.answers_after_s)
        return self.hears

    async def resumes(self) -> tuple[str | None, float]:
        """What a resume gets, and how long it took."""
        began = self.now
        await self.watch.wait_for_end("CA1")
        held = self.calls.reserve("CA1", FACTS, self.now, resume=True)
        return held.reason, self.now - began


async def test_a_stream_that_stands_is_waited_for_and_kept() -> None:
    node = Node()
    for _ in range(5):
        reason, took_s = await node.resumes()
        assert reason == STANDING
        assert WAIT_S <= took_s < WAIT_S + 0.1
    assert len(node.asked) <= 5 * 4, "a webhook that is sent again and again costs little"


async def test_a_call_that_is_quicker_than_the_word_of_its_end_waits_no_longer_than_that() -> None:
    node = Node()
    asyncio.get_running_loop().call_later(
        0.2, lambda: node.calls.ended(node.actor, "CA1", "resume")
    )
    reason, took_s = await node.resumes()
    assert reason is None
    assert took_s < 0.3


async def test_a_call_actor_that_is_slow_to_answer_holds_nobody_up() -> None:
    node = Node()
    node.answers_after_s = 0.5
    asyncio.get_running_loop().call_later(0.05, lambda: node.calls.stream_ended("CA1", "stream-1"))
    reason, took_s = await node.resumes()
    assert reason is None
    assert took_s < 0.1


async def test_a_call_that_nobody_holds_is_asked_of_nobody() -> None:
    node = Node()
    node.calls.stream_ended("CA1", "stream-1")
    assert await node.resumes() == (None, 0.0)
    assert node.asked == []


@pytest.mark.parametrize("what", ["its actor hears nothing", "its actor is gone"])
async def test_a_stream_that_nobody_can_speak_for_is_over_after_seconds(what: str) -> None:
    """The node that held it lost its power: a caller is told to come again, twice."""
    node = Node()
    if what == "its actor hears nothing":
        node.hears = False
    else:
        node.pool.lost(node.actor)
    began = node.now
    answers = []
    while True:
        reason, _ = await node.resumes()
        answers.append(reason)
        if reason is None:
            break
        await asyncio.sleep(1.0)  # the pause of the TwiML
    assert answers == [STANDING, STANDING, None] or answers == [STANDING, None]
    assert node.now - began < DOUBT_S + 2.5


async def test_a_doubt_that_was_wrong_is_forgotten() -> None:
    node = Node()
    node.hears = False
    await node.resumes()
    node.hears = True
    for _ in range(4):
        reason, _ = await node.resumes()
        assert reason == STANDING
        await asyncio.sleep(1.0)
