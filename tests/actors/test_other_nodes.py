"""A node that cannot take a call asks the others before the caller is sent elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from actors.node.client import SwitchboardHandle
from otto.telephony.switchboard_port import CallerFacts, Reservation
from tests.support.handles import handle_of

FACTS = CallerFacts("+18155550123", "+18155550199")
HERE, THERE = "switchboard-aaaaaaaa", "switchboard-bbbbbbbb"


class Switchboard:
    """A node's switchboard, as far as reserving goes."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0
        self.known = 0

    async def knows(self, call_sid: str) -> int:
        return self.known

    async def reserve(self, *arguments: Any) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def handle(monkeypatch: pytest.MonkeyPatch, here: Any, there: Any) -> SwitchboardHandle:
    boards = {HERE: Switchboard(here), THERE: Switchboard(there)}
    made = SwitchboardHandle()
    monkeypatch.setattr(made, "_here", lambda: handle_of(boards[HERE]))
    monkeypatch.setattr(made, "_find", lambda name: handle_of(boards[name]))
    monkeypatch.setattr(made, "_find_others", lambda: (THERE,))
    made.boards = boards  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("reason", ["full", "draining", "overloaded"])
async def test_a_call_that_this_node_cannot_take_goes_to_one_that_can(
    monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    made = handle(monkeypatch, Reservation(None, reason), Reservation("bbbbbbbb.token"))
    assert (await made.reserve("CA1", FACTS)).token == "bbbbbbbb.token"


@pytest.mark.parametrize("answer", [Reservation(None, "draining"), TimeoutError(), ValueError()])
async def test_when_the_others_cannot_either_the_reason_is_this_nodes(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    made = handle(monkeypatch, Reservation(None, "full"), answer)
    assert await made.reserve("CA1", FACTS) == Reservation(None, "full")


async def test_a_vendor_that_is_out_is_out_everywhere_and_a_free_place_asks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for here in (Reservation(None, "vendor_out"), Reservation("aaaaaaaa.token")):
        made = handle(monkeypatch, here, Reservation("bbbbbbbb.token"))
        assert await made.reserve("CA1", FACTS) == here
        assert made.boards[THERE].asked == 0  # type: ignore[attr-defined]


class Board:
    """A switchboard that knows some calls, and remembers what it was asked."""

    def __init__(self, known: int = 0, gives: Any = None) -> None:
        self.known = known
        self.gives = gives
        self.asked: list[tuple[Any, ...]] = []

    async def knows(self, call_sid: str) -> int:
        return self.known

    async def _answer(self, *asked: Any) -> Any:
        self.asked.append(asked)
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives

    async def reserve(self, *arguments: Any) -> Any:
        return await self._answer("reserve", *arguments)

    async def redeem(self, *arguments: Any) -> Any:
        return await self._answer("redeem", *arguments)

    async def take_over(self, *arguments: Any) -> Any:
        return await self._answer("take_over", *arguments)

    async def resume_directive(self, *arguments: Any) -> Any:
        return await self._answer("resume_directive", *arguments)

    async def stream_ended(self, *arguments: Any) -> None:
        await self._answer("stream_ended", *arguments)

    async def call_ended(self, *arguments: Any) -> None:
        await self._answer("call_ended", *arguments)


def cluster(monkeypatch: pytest.MonkeyPatch, here: Board, there: Board) -> SwitchboardHandle:
    boards = {HERE: here, THERE: there}

    def find(name: str) -> Any:
        if name not in boards:
            raise ValueError(name)
        return handle_of(boards[name])

    made = SwitchboardHandle()
    monkeypatch.setattr(made, "_here", lambda: find(HERE))
    monkeypatch.setattr(made, "_find", find)
    monkeypatch.setattr(made, "_find_others", lambda: (THERE,))
    return made


async def test_a_webhook_that_comes_to_another_node_is_answered_by_the_one_that_has_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    same = Reservation("bbbbbbbb.token")
    here, there = Board(gives=Reservation("aaaaaaaa.other")), Board(2, same)
    made = cluster(monkeypatch, here, there)
    assert await made.reserve("CA1", FACTS) == same
    there.gives = Reservation(None, "standing")
    assert await made.reserve("CA1", FACTS, resume=True) == there.gives
    assert here.asked == [], "no second actor"
    there.gives = "hangup"
    assert await made.resume_directive("CA1") == "hangup"


async def test_a_call_whose_node_is_full_or_gone_comes_back_on_this_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = Reservation("aaaaaaaa.token")
    for answer in (Reservation(None, "full"), ValueError("gone")):
        made = cluster(monkeypatch, Board(gives=mine), Board(1, answer))
        assert await made.reserve("CA1", FACTS, resume=True) == mine


async def test_a_node_that_holds_the_stream_outweighs_one_that_once_had_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, there = Board(2, Reservation(None, "standing")), Board(1, Reservation("bbbbbbbb.x"))
    made = cluster(monkeypatch, here, there)
    assert (await made.reserve("CA1", FACTS, resume=True)).reason == "standing"
    assert there.asked == []


async def test_a_token_is_redeemed_where_it_was_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = Board(), Board(gives=("an actor", FACTS))
    made = cluster(monkeypatch, here, there)
    redeemed = await made.redeem("bbbbbbbb.token", "CA1", "stream-1")
    assert redeemed is not None
    assert redeemed.facts == FACTS
    assert there.asked == [("redeem", "bbbbbbbb.token", "CA1", "stream-1")]
    assert here.asked == []


@pytest.mark.parametrize(
    "token",
    [
        *("", ".", "token", "bbbbbbbb.", ".token", "bbbbbbbb.to ken", "bbbbbbbb.ü", "bbbbbbbb.t\n"),
        *("b" * 17 + ".t", "bbbbbbbb." + "t" * 65, "../bbbbbbbb.t", "\ud800.t", "cccccccc.token"),
    ],
)
async def test_what_is_no_token_asks_no_switchboard(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    here, there = Board(), Board()
    assert await cluster(monkeypatch, here, there).redeem(token, "CA1", "stream-1") is None
    assert here.asked == there.asked == []


async def test_a_stream_that_lost_its_actor_may_get_one_of_another_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = Board(gives=("an actor", FACTS))
    made = cluster(monkeypatch, Board(gives="full"), there)
    taken = await made.take_over("CA1", FACTS, "stream-1")
    assert not isinstance(taken, str)
    for reason in ("superseded", "ended"):
        there.asked.clear()
        refusing = cluster(monkeypatch, Board(gives=reason), there)
        assert await refusing.take_over("CA1", FACTS, "stream-1") == reason
        assert there.asked == [], "it is no question of places"


async def test_ends_are_told_to_all_for_it_may_be_anyones_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, there = Board(), Board(gives=ValueError("gone"))
    made = cluster(monkeypatch, here, there)
    await made.stream_ended("CA1", "stream-1")
    await made.call_ended("CA1", "completed")
    told = [("stream_ended", "CA1", "stream-1"), ("call_ended", "CA1", "completed")]
    assert here.asked == there.asked == told
