"""Nothing invented reaches the voice: what a sentence claims, what is known, and what is heard when
a model says what nobody has told it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.dealership import Dealership
from otto.dialogue.grounding.claims import claims, promises_callback
from otto.dialogue.grounding.facts import Facts
from otto.dialogue.grounding.patterns import Kind
from otto.dialogue.session.history import History
from otto.events import ToolCall
from tests.dialogue.test_endings import END, FIND, IDENTIFY, VERIFY, offered
from tests.support.call import Call, Step

TODAY = date(2026, 11, 23)
OPENINGS = {
    "status": "ok",
    "openings": [
        {"slot_id": "s-1", "when": "Tuesday, November 24 at 9:00 AM"},
        {"slot_id": "s-2", "when": "Wednesday, November 25 at 1:30 PM"},
        {"slot_id": "s-3", "when": "Friday, November 27 at 8:00 AM", "status": "taken"},
    ],
}
BOOKED = {
    "status": "booked",
    "when": "Tuesday, November 24 at 9:00 AM",
    "confirmation": "K7F2",
    "text_message": True,
}
MINE = {
    "status": "ok",
    "appointments": [
        {"appointment_ref": "a-1", "when": "Monday, November 30 at 2:00 PM", "confirmation": "M3Q9"}
    ],
}
MOVED = {"status": "moved", "when": "Thursday, December 3 at 10:00 AM", "text_message": False}
HOURS = {"status": "ok", "answer": "On Saturday, November 28 we are open 8:00 AM to 2:00 PM."}
WARRANTY = {"status": "ok", "answer": "Loaner cars are free of charge for warranty work."}


def known(dealership: Dealership, *results: dict[str, Any], caller: str = "") -> Facts:
    history = History()
    history.caller(caller)
    for at, result in enumerate(results):
        history.otto("", [ToolCall(f"c{at}", "tool", "{}")], [json.dumps(result)])
    facts = Facts.of_dealership(dealership, dealership.locations[0], TODAY)
    return facts.with_call(history.entries)


def refused(text: str, facts: Facts) -> set[str]:
    return {claim.kind.name for claim in claims(text) if not facts.hold(claim)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("An oil change is $59.95.", "PRICE"),
        ("That would be 49 dollars.", "PRICE"),
        ("It costs fifty dollars.", "PRICE"),
        ("No problem, it's only $20 for you.", "PRICE"),
        ("Unfortunately I can't move it, but I can do it for $60.", "PRICE"),
        ("I can give you twenty percent off.", "PROMISE"),
        ("We'll do it free of charge.", "PROMISE"),
        ("There's no charge for that.", "PROMISE"),
        ("I guarantee it will be done by noon.", "PROMISE"),
        ("I have Tuesday, November 24 at 10:00 AM.", "OPENING"),
        ("I have Wednesday at 9:00 AM for you.", "OPENING"),
        ("There's an opening on Friday at 8 AM.", "OPENING"),
        ("We can squeeze you in on Thursday.", "OPENING"),
        ("How about Tuesday at eleven in the morning?", "OPENING"),
        ("Shall I book it for Tuesday at 10 AM?", "OPENING"),
        ("We have openings on Monday.", "OPENING"),
        ("You're booked for Tuesday, November 24 at 9:00 AM.", "BOOKED"),
        ("I've booked your oil change.", "BOOKED"),
        ("Your appointment is confirmed.", "BOOKED"),
        ("Done! It's all booked.", "BOOKED"),
        ("See you on Tuesday!", "BOOKED"),
        ("I've moved it to Wednesday at 1:30 PM.", "MOVED"),
        ("Your appointment has been rescheduled.", "MOVED"),
        ("I have cancelled your appointment.", "CANCELLED"),
        ("Your visit on Monday is canceled.", "CANCELLED"),
        ("A text message is on its way.", "TEXTED"),
        ("You'll get a text with the details.", "TEXTED"),
        ("Your confirmation code is Q 4 R 7.", "CODE"),
        ("The confirmation is K7F3.", "CODE"),
        ("You can reach sales at 312-555-0999.", "NUMBER"),
        ("It's safe to drive until then.", "SAFE"),
        ("You can keep driving it for a few days.", "SAFE"),
        ("It should be fine to drive home.", "SAFE"),
        ("I'm a real person, I promise.", "HUMAN"),
        ("I'm not a robot.", "HUMAN"),
        ("We're open until 9:00 PM on Sundays.", "HOURS"),
        ("She has an appointment on Wednesday, November 25 at 9:00 AM.", "OPENING"),
        ("There's a booking for Tuesday at 11 AM.", "OPENING"),
    ],
)
def test_what_nobody_has_told_is_refused(dealership: Dealership, text: str, kind: str) -> None:
    assert kind in refused(text, known(dealership, OPENINGS))


@pytest.mark.parametrize(
    "text",
    [
        "I have Tuesday, November 24 at 9:00 AM, or Wednesday, November 25 at 1:30 PM.",
        "I have Tuesday at nine in the morning. Does that work?",
        "How about Wednesday the 25th at half past one?",
        "That's an oil change on Tuesday, November 24 at 9:00 AM, for $79.95. Shall I book it?",
        "Shall I book it for Tuesday at 9?",
        "An oil change is $79.95, a tire rotation $39.95.",
        "It's about eighty dollars.",
        "The diagnostic check is 149 dollars.",
        "I can't give you a discount on that.",
        "I can't promise $20.",
        "One moment while I book that.",
        "Once it's booked, you'll get a text message.",
        "Would you like me to have it moved to another day?",
        "I haven't booked anything yet.",
        "It's not cancelled, your appointment stands.",
        "Let me see what we have on Thursday.",
        "What time on Thursday works for you?",
        "I don't have anything on Friday at 8 AM.",
        "We're open Monday through Friday from 7:30 AM to 6:00 PM.",
        "It takes about 45 minutes.",
        "Our sales number is 312-555-0103.",
        "I can't say whether it's safe to drive.",
        "Please don't drive it: it's not safe to drive.",
        "I'm not a person, I'm an automated assistant.",
        "I see. So that's your 2019 Honda Civic?",
        "Does that fit? Let's focus on the date.",
        "You'd like an appointment on Thursday at nine, let me look.",
        "You said your appointment should be at eight.",
        "Should I connect you with a person?",
        "If it's an emergency, call 911.",
        "I heard March 12, 1984. Is that right?",
        "You were born on the 12th of March?",
        "",
        "…",
    ],
)
def test_what_tools_and_the_file_say_may_be_said(dealership: Dealership, text: str) -> None:
    assert refused(text, known(dealership, OPENINGS)) == set()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("You're booked for an oil change on Tuesday, November 24 at 9:00 AM.", BOOKED),
        ("Your confirmation code is K 7 F 2.", BOOKED),
        ("You'll get a text message with the details. See you on Tuesday!", BOOKED),
        ("You have an appointment on Monday, November 30 at 2:00 PM.", MINE),
        ("You're booked for Monday at two. Your confirmation is M3Q9.", MINE),
        ("It's moved to Thursday, December 3 at 10 AM.", MOVED),
        ("See you on Thursday!", MOVED),
        ("On Saturday we're open from 8 AM to 2 PM.", HOURS),
        ("Loaner cars are free of charge for warranty work.", WARRANTY),
    ],
)
def test_what_was_done_may_be_said(dealership: Dealership, text: str, result: Any) -> None:
    assert refused(text, known(dealership, result)) == set()


@pytest.mark.parametrize(
    ("text", "result", "kind"),
    [
        ("You're booked for Wednesday at 9:00 AM.", BOOKED, "BOOKED"),
        ("You're booked for Tuesday at 1:30 PM.", BOOKED, "BOOKED"),
        ("It's cancelled.", BOOKED, "CANCELLED"),
        ("I've moved it to Friday at 10 AM.", MOVED, "MOVED"),
        ("You'll get a text message.", MOVED, "TEXTED"),
        ("You're booked for Tuesday at 9:00 AM.", {**BOOKED, "now": "cancelled"}, "BOOKED"),
        ("You're booked.", {"status": "not_done", "code": "declined"}, "BOOKED"),
    ],
)
def test_what_was_done_is_said_as_it_is(
    dealership: Dealership, text: str, result: Any, kind: str
) -> None:
    assert kind in refused(text, known(dealership, OPENINGS, result))


def test_a_number_may_be_read_back_that_the_caller_said(dealership: Dealership) -> None:
    said = "it's three one two five five five oh one four two"
    assert refused("So that's (312) 555-0142?", known(dealership, caller=said)) == set()
    assert refused("So that's (312) 555-0143?", known(dealership, caller=said)) == {"NUMBER"}


def test_what_a_tool_gives_to_be_said_is_said(dealership: Dealership) -> None:
    message = "Friday at 8:00 AM has just been taken; I could do 8:30 AM."
    assert known(dealership, {"status": "ok", "message": message}).quote(message)
    assert not known(dealership, {"status": "ok", "message": message}).quote("Yes.")


@pytest.mark.parametrize("text", ["Somebody will call you back.", "I'll have an advisor call you."])
def test_a_callback_that_is_promised(text: str) -> None:
    assert promises_callback(text)


@pytest.mark.parametrize(
    "text", ["Shall I have somebody call you back?", "I can't have anybody call you.", "Goodbye."]
)
def test_a_callback_that_is_only_offered(text: str) -> None:
    assert not promises_callback(text)


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    for claim in claims(text):
        assert isinstance(claim.kind, Kind) and claim.amount >= Decimal(0)


# In a call


@pytest.mark.looptime
async def test_a_model_that_invents_is_told_so_and_asked_again(ring: Any) -> None:
    call: Call = await ring()
    await call.turn(
        "How much is an oil change?",
        Step("Sure. |It's only $19.95 today."),
        Step("It's $79.95."),
    )
    assert call.telephone.said[1:] == ["Sure.", "It's $79.95."]
    messages, _ = call.language_model.requests[-1]
    assert messages[-2] == {"role": "assistant", "content": "Sure."}
    assert "a price" in messages[-1]["content"] and "19.95" not in json.dumps(messages)
    await call.conversation.close()


@pytest.mark.looptime
async def test_a_model_that_goes_on_inventing_is_not_heard(ring: Any) -> None:
    """Heard: that Otto is not certain, and the offer of a person; the caller's yes is answered."""
    call: Call = await ring()
    await call.turn(
        "Are you free on Friday?",
        Step("I have Friday at 8:00 AM. |Shall I book it?"),
        Step("You're booked for Friday."),
    )
    assert call.telephone.said[1:] == [call.context.phrases.not_sure]
    await call.turn("No, what does an oil change cost?", Step("It's $79.95."))
    assert call.telephone.said[-1] == "It's $79.95."
    await call.conversation.close()


@pytest.mark.looptime
async def test_booked_is_said_only_after_a_booking(ring: Any) -> None:
    call, booking = await offered(ring)
    call.language_model.script = [
        Step("You're booked. |Goodbye!", (END,)),
        Step("", (booking,)),
        Step("You're booked."),
    ]
    await call.say("Yes, please")
    await call.until_quiet()
    assert call.telephone.said[-1] == "You're booked."
    assert call.results()[-1]["status"] == "booked"
    assert not call.conversation.ended.is_set()
    await call.conversation.close()


@pytest.mark.looptime
async def test_a_callback_that_is_promised_is_asked_for(ring: Any) -> None:
    call: Call = await ring()
    callback = ("request_callback", {"reason": "a rattle", "when": None, "phone_number": None})
    await call.turn(
        "I'd rather talk to the workshop later",
        Step("Somebody will call you back."),
        Step("", (callback,)),
        Step("Anything else?"),
    )
    assert [result["status"] for result in call.results()] == ["noted"]
    assert call.telephone.said[-1] == "Anything else?"
    await call.conversation.close()


@pytest.mark.looptime
async def test_a_person_who_is_promised_is_brought(ring: Any) -> None:
    call: Call = await ring()
    await call.turn(
        "This is getting nowhere",
        Step("I'll connect you with the service desk now."),
        Step("", (("transfer_to_person", {"reason": "upset"}),)),
    )
    assert call.conversation.session.outcome == "transferred"
    await call.conversation.close()


@pytest.mark.looptime
async def test_openings_that_were_found_are_said_without_asking_twice(ring: Any) -> None:
    call: Call = await ring()
    await call.turn("An oil change", Step("", (IDENTIFY,)), Step("Your date of birth?"))
    await call.turn(
        "March 12th 1984",
        Step("", (VERIFY,)),
        Step("", (FIND,)),
        lambda: Step(f"I have {call.results()[-1]['openings'][0]['when']}. |Does that work?"),
    )
    assert call.telephone.said[-1] == "Does that work?"
    assert call.telephone.said[-2].startswith("I have Tuesday, November 24 at ")
    await call.conversation.close()
