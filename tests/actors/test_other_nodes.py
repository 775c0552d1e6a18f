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
