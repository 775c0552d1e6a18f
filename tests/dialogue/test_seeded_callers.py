"""Whole calls of callers whose wording varies and who make it harder, in virtual time: what a
caller thinks of the call is what is in the book."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.caller.mind import Mind
from sandbox.caller.personas import persona
from sandbox.caller.profile import TwistKind
from tests.dialogue.test_whole_calls import Receptionist
from tests.support.call import Call

pytestmark = pytest.mark.looptime

CALLERS = [
    ("symptom", 2),
    ("new-customer", 3),
    ("rambler", 4),
    ("keypad", 5),
]
HARMLESS = [
    TwistKind.GIVES_WRONG_BIRTH_DATE_FIRST,
    TwistKind.CHANGES_EVERY_ANSWER,
    TwistKind.ANSWERS_BESIDE_THE_POINT,
    TwistKind.ASKS_INSTEAD_OF_YES,
    TwistKind.SAYS_WAIT,
    TwistKind.HESITATES,
    TwistKind.REPAIRS,
    TwistKind.ASKS_IF_ROBOT,
    TwistKind.INSISTS_ON_YESTERDAY,
]
"""What costs a turn or two, and hinders nobody in the end."""
FATAL = [TwistKind.HANGS_UP, TwistKind.GOES_SILENT, TwistKind.WANTS_PERSON]


async def held(ring: Any, caller: Mind, number: str) -> Call:
    """A whole call, over when nobody has anything to say."""
    call: Call = await ring(language_model=Receptionist(), greeted=False, caller=number)
    turns, heard_up_to = call.conversation.session.turns, 0
    for _ in range(30):
        await call.until_quiet()
        said = " ".join(turn.heard for turn in turns[heard_up_to:] if turn.speaker == "otto")
        heard_up_to = len(turns)
        reply = (caller.hear(said) if said else None) or caller.waited(3_000)
        if call.conversation.ended.is_set() or reply is None:
            return call
        for key in reply.keys:
            call.press(key)
        if reply.text:
            await call.say(reply.text)
        if reply.hang_up:
            return call
    raise AssertionError("a call without end")


@pytest.mark.parametrize(("name", "seed"), CALLERS)
async def test_whatever_their_wording_they_book_what_they_want(
    ring: Any, name: str, seed: int
) -> None:
    who = persona(name, traits={"seed": seed})
    caller = Mind(who)
    call = await held(ring, caller, who.facts.phone)
    assert caller.outcome.is_satisfied and len(call.book.bookings) == 1
    await call.conversation.close()


@pytest.mark.parametrize("twist", HARMLESS)
async def test_who_makes_it_harder_books_all_the_same(ring: Any, twist: TwistKind) -> None:
    who = persona("maria", {"prefer": "first"}, traits={"twists": [twist]})
    caller = Mind(who)
    call = await held(ring, caller, who.facts.phone)
    assert caller.outcome.is_satisfied and len(call.book.bookings) == 1
    await call.conversation.close()


@pytest.mark.parametrize("twist", FATAL)
async def test_who_does_not_want_it_any_more_has_nothing_booked(
    ring: Any, twist: TwistKind
) -> None:
    who = persona("maria", {"prefer": "first"}, traits={"twists": [twist]})
    caller = Mind(who)
    call = await held(ring, caller, who.facts.phone)
    assert "book" not in caller.outcome.reached and not call.book.bookings
    await call.conversation.close()
