"""What is answered without the model, whichever model speaks: by the caller's own words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from otto.crm.records import OptOut
from otto.dialogue.prompts import danger_sentence
from otto.dialogue.session.state import Directive
from otto.storage.errors import StoreUnavailable
from tests.dialogue.test_late_tools import IDENTIFY, SlowPeople
from tests.support.call import MARIA, Call, Step

pytestmark = pytest.mark.looptime

NEVER = Step("I can book you an inspection in three weeks.")
"""What a model might say that reads nothing of it."""


def heard(call: Call) -> str:
    """What was heard of Otto's last words."""
    return [turn.heard for turn in call.conversation.session.turns if turn.speaker == "otto"][-1]


async def ended(call: Call, text: str) -> str:
    """The outcome of a call in which the caller says that; the model was not asked."""
    call.language_model.script.append(NEVER)
    await call.say(text)
    await call.until_quiet()
    await call.conversation.close()
    assert call.language_model.requests == []
    assert call.conversation.session.directive is Directive.TRANSFER
    return call.conversation.session.outcome or ""


@pytest.mark.parametrize(
    "text",
    ["The brake pedal goes to the floor.", "I smell gas in the car", "it's smoking under the hood",
     "hi, I wanted an oil change but my steering wheel locked up"],
)  # fmt: skip
async def test_danger_is_never_booked_days_away(ring: Any, text: str) -> None:
    call = await ring()
    assert await ended(call, text) == "danger"
    assert "don't drive the car" in heard(call) and "call 911" in heard(call)


def test_the_towing_number_is_said_where_the_file_has_one() -> None:
    assert "+13125550102" in danger_sentence("+13125550102")
    assert "tow" not in danger_sentence(None)


@pytest.mark.parametrize(
    "text", ["Representative!", "let me speak to a human", "get me the manager"]
)
async def test_a_person_comes_at_once(ring: Any, text: str) -> None:
    assert await ended(await ring(), text) == "transferred"


async def test_a_person_comes_from_any_state(ring: Any) -> None:
    call = await ring()
    await call.turn("I need an oil change", Step("What is your date of birth?"))
    asked = len(call.language_model.requests)
    await call.say("I want to talk to somebody")
    await call.until_quiet()
    assert len(call.language_model.requests) == asked
    assert call.conversation.session.directive is Directive.TRANSFER
    said = [entry.text for entry in call.conversation.session.history.entries[-2:]]
    assert said[0] == "I want to talk to somebody", "the desk's record has the caller's words"
    await call.conversation.close()


async def test_another_language_gets_an_apology_and_a_person(ring: Any) -> None:
    call = await ring()
    assert await ended(call, "hola, necesito un cambio de aceite") == "other_language"
    assert "only speak English" in heard(call)


async def test_what_otto_is_he_says_truly_and_goes_on(ring: Any) -> None:
    call = await ring()
    await call.say("wait, are you a robot?")
    await call.until_quiet()
    assert "automated assistant, not a person" in heard(call)
    assert call.language_model.requests == []
    await call.turn("okay, I need an oil change", Step("Which day?"))
    assert heard(call) == "Which day?"
    await call.conversation.close()


async def test_an_opt_out_is_written_down_before_it_is_confirmed(ring: Any) -> None:
    call = await ring()
    await call.say("stop calling me")
    await call.until_quiet()
    assert call.people.opt_outs == [OptOut(MARIA.phone, "voice")]
    assert "won't call or text this number" in heard(call)
    assert call.language_model.requests == []
    await call.conversation.close()


async def test_an_opt_out_that_nobody_could_keep_is_not_confirmed(ring: Any) -> None:
    call = await ring()

    async def away(wish: OptOut) -> None:
        raise StoreUnavailable("too_slow")

    call.people.opt_out = away
    assert await ended(call, "take me off your list") == "opt_out_failed"
    assert not any("won't call or text" in turn.heard for turn in call.conversation.session.turns)


async def test_what_a_tool_comes_to_is_told_first(ring: Any) -> None:
    """What is running is not left untold because its caller wants a person meanwhile."""
    call = await ring(people=SlowPeople())
    people: Any = call.people
    people.hold(MARIA.phone)
    call.language_model.script += [
        Step("", (IDENTIFY,)),
        Step("I found you. I'll connect you now.", (("transfer_to_person", {"reason": "asked"}),)),
    ]
    await call.say("it's this number")
    await asyncio.sleep(1.5)
    await call.say("get me a person")
    people.gates[MARIA.phone].set()
    await call.until_quiet()
    assert heard(call).startswith("I found you.")
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


@pytest.mark.parametrize("text", ["I need an oil change", "my brakes squeak", "don't connect me"])
async def test_everything_else_is_the_models(ring: Any, text: str) -> None:
    call = await ring()
    await call.turn(text, Step("All right."))
    assert heard(call) == "All right."
    await call.conversation.close()
