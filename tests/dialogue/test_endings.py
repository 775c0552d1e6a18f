"""How calls end, in virtual time: nobody is hung up with something untold, and whoever asked for a
person gets one, whatever is said on the way."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from otto.dialogue.session.state import Directive
from otto.events import Transcript
from otto.media_link.events import LineStopped
from tests.support.call import BORN, READ_BACK, Call, ScriptedModel, Step

pytestmark = pytest.mark.looptime

IDENTIFY = ("identify_caller", {"phone_number": None})
VERIFY = ("verify_caller", {"date_of_birth": BORN.isoformat(), "vin_last_six": None})
FIND = ("find_openings", {"services": ["oil_change"], "when": "tomorrow"})
HOURS = ("dealership_info", {"topic": "hours", "service": None, "date": None})
TRANSFER = ("transfer_to_person", {"reason": "asked"})
END = ("end_call", {"reason": "done"})
CALLBACK = ("request_callback", {"reason": "oil change", "when": None, "phone_number": None})
CONNECTING = "I'll connect you with somebody at the service desk now, please hold on."


async def offered(ring: Any, **settings: Any) -> tuple[Call, tuple[str, dict[str, Any]]]:
    """A verified caller who has been offered times, and the booking of the first."""
    call: Call = await ring(**settings)
    await call.turn("An oil change", Step("", (IDENTIFY,)), Step("Your date of birth?"))
    await call.turn("March 12th 1984", Step("", (VERIFY,)), Step("", (FIND,)), Step(READ_BACK))
    slot = next(iter(call.conversation.session.offers))
    return call, ("book_appointment", {"slot_id": slot, "vehicle_ref": None, "notes": None})


def take_first(call: Call) -> None:
    offer = next(iter(call.conversation.session.offers.values()))
    call.book.taken = {datetime.fromisoformat(offer.starts_at)}


# A batch


@pytest.mark.parametrize("is_reversed", [False, True], ids=["book first", "end first"])
async def test_a_goodbye_beside_a_booking_that_failed_does_not_hang_up(
    ring: Any, is_reversed: bool
) -> None:
    """Heard: "you are all set", and then that the time was taken, and other times."""
    call, booking = await offered(ring)
    take_first(call)
    calls = (END, booking) if is_reversed else (booking, END)
    await call.turn(
        "Yes", Step("You are all set. Goodbye!", calls), Step("I'm sorry, nine is taken. Ten?")
    )
    assert call.telephone.said[-1] == "I'm sorry, nine is taken. Ten?"
    assert not call.conversation.ended.is_set()
    statuses = {result["status"] for result in call.results()[-2:]}
    assert statuses == {"taken", "not_yet"}
    await call.conversation.close()


async def test_a_booking_that_was_made_is_told_before_the_goodbye(ring: Any) -> None:
    call, booking = await offered(ring)
    await call.turn(
        "Yes",
        Step("I'll book that. Goodbye!", (booking, END)),
        Step("You're booked. Goodbye!", (END,)),
    )
    assert call.telephone.said[-1] == "You're booked. Goodbye!"
    assert call.conversation.session.outcome == "done"
    assert [result["status"] for result in call.results()[-3:]] == ["booked", "not_yet", "ending"]
    await call.conversation.close()


async def test_a_booking_that_hangs_beside_a_goodbye_is_told_of(ring: Any) -> None:
    call, booking = await offered(ring, tool_timeout_s=2.0)
    call.book.gate.clear()
    await call.turn("Yes", Step("Goodbye!", (END, booking)), Step("It's taking very long."))
    assert call.telephone.said[-1] == "It's taking very long."
    assert not call.conversation.ended.is_set()
    call.book.gate.set()
    await call.conversation.close()


async def test_a_locked_caller_is_told_so_before_anything_ends(ring: Any) -> None:
    call = await ring(verification_attempts=1)
    await call.turn("Hi", Step("", (IDENTIFY,)), Step("Your date of birth?"))
    wrong = ("verify_caller", {"date_of_birth": "1999-01-01", "vin_last_six": None})
    await call.turn("January", Step("Goodbye!", (wrong, END)), Step("I can't verify you."))
    assert call.telephone.said[-1] == "I can't verify you."
    assert not call.conversation.ended.is_set()
    await call.conversation.close()


@pytest.mark.parametrize("calls", [(TRANSFER, END), (END, TRANSFER), (END, TRANSFER, END)])
async def test_a_person_beats_a_goodbye(ring: Any, calls: Any) -> None:
    call = await ring()
    await call.turn("My bill is wrong", Step("Thank you, goodbye!", calls))
    assert call.conversation.session.directive is Directive.TRANSFER
    assert call.conversation.session.outcome == "transferred"
    await call.conversation.close()


async def test_two_goodbyes_are_one(ring: Any) -> None:
    call = await ring()
    await call.turn("Bye", Step("Goodbye!", (END, END)))
    assert call.telephone.said[-1] == "Goodbye!"
    assert call.conversation.session.outcome == "done"
    await call.conversation.close()


async def test_a_question_is_not_hung_up_on(ring: Any) -> None:
    """Heard: "Is there anything else?", and Otto waits for the answer."""
    call = await ring()
    await call.turn("Thanks", Step("You're welcome. Is there anything else?", (END,)))
    assert not call.conversation.ended.is_set()
    await call.turn("Your hours", Step("Seven to six. Goodbye.", (END,)))
    assert call.conversation.session.outcome == "done"
    await call.conversation.close()


async def test_a_wordless_goodbye_waits_for_what_an_earlier_round_came_to(ring: Any) -> None:
    """Not heard: "thank you for calling, goodbye" with nothing about the booking before it."""
    call, booking = await offered(ring)
    take_first(call)
    await call.turn(
        "Yes", Step("", (booking,)), Step("", (END,)), Step("I'm sorry, that was taken. Ten?")
    )
    assert call.telephone.said[-1] == "I'm sorry, that was taken. Ten?"
    assert call.context.phrases.goodbye not in call.telephone.said
    await call.conversation.close()


async def test_a_call_back_that_was_noted_may_end_with_its_promise(ring: Any) -> None:
    call = await ring()
    await call.turn("Call me back", Step("Somebody will call you. Goodbye!", (CALLBACK, END)))
    assert call.conversation.session.outcome == "done"
    assert len(call.people.callbacks) == 1
    await call.conversation.close()


async def test_a_person_beside_what_is_still_to_be_told_comes_right_after_it(ring: Any) -> None:
    """Heard: "connecting you", that the time was taken, and then the desk, asked for once."""
    call, booking = await offered(ring)
    take_first(call)
    await call.turn(
        "Nine, and then a person",
        Step("I'll book it and connect you.", (booking, TRANSFER)),
        Step("I'm sorry, nine was taken."),
    )
    assert call.telephone.said[-2:] == [
        "I'm sorry, nine was taken.",
        call.context.phrases.transferring,
    ]
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


async def test_a_person_whose_call_could_not_be_read_comes_all_the_same(ring: Any) -> None:
    call = await ring()
    unusable = ("transfer_to_person", {"to": "x" * 400})
    await call.turn("My bill is wrong", Step("", (unusable,)), Step("One moment."))
    assert call.telephone.said[-2:] == ["One moment.", call.context.phrases.transferring]
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


# Over the last sentence


async def leaving(ring: Any, *steps: Step, after_s: float = 1.5, **settings: Any) -> Call:
    """A call whose last sentence has been audible for `after_s` seconds."""
    call: Call = await ring(**settings)
    call.language_model.script += steps
    await call.say("My bill is wrong")
    await asyncio.sleep(0.2 + 0.1 + after_s)
    return call


POLITE = [
    "Thank you so much.",
    "Oh great, thanks a lot!",
    "Okay, thank you, bye.",
    "mm-hmm",
    "Yes please.",
    "Okay, I'll hold.",
    "Have a nice day!",
]


@pytest.mark.parametrize("text", POLITE)
@pytest.mark.parametrize("interim", [False, True], ids=["final", "interim first"])
async def test_thanks_do_not_cancel_the_transfer(ring: Any, text: str, interim: bool) -> None:
    """Heard: all of "I'll connect you…", and the desk."""
    call = await leaving(ring, Step(CONNECTING, (TRANSFER,)))
    if interim:
        await call.say(text.rsplit(" ", 1)[0], final=False)
    await call.say(text)
    await asyncio.wait_for(call.conversation.ended.wait(), 15)
    session = call.conversation.session
    assert (session.directive, session.outcome) == (Directive.TRANSFER, "transferred")
    assert session.turns[-1].heard == CONNECTING
    assert len(call.language_model.requests) == 1, "the model was not asked about thanks"
    await call.conversation.close()


async def test_thanks_before_the_tool_call_has_come_do_not_cancel_it_either(ring: Any) -> None:
    """The model says "I'll connect you" first and calls the tool two seconds later."""
    late = Step("I'll connect you with somebody. |Please hold on for a moment.", (TRANSFER,))
    late.pace_s = 2.5
    call = await leaving(ring, late)
    await call.say("Thank you so much.")
    await asyncio.wait_for(call.conversation.ended.wait(), 15)
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


async def test_thanks_for_the_desk_that_trouble_brings_do_not_cancel_it(ring: Any) -> None:
    call = await ring()
    call.language_model.script.append(Step("We", fails=True))
    await call.say("When can I come")
    await asyncio.sleep(2.0)
    assert call.telephone.said[-1] == call.context.phrases.trouble
    await call.say("Okay, thank you.")
    await asyncio.wait_for(call.conversation.ended.wait(), 15)
    assert call.conversation.session.outcome == "model_failed"
    assert len(call.language_model.requests) == 1
    await call.conversation.close()


async def test_whoever_interrupts_the_trouble_is_served_and_still_gets_the_desk(ring: Any) -> None:
    """Heard: the answer, for the model is back; in silence then the desk that was promised."""
    call = await ring()
    call.language_model.script += [Step("We", fails=True), Step("Tuesday at nine.")]
    await call.say("When can I come")
    await asyncio.sleep(2.0)
    await call.say("Wait, try again please")
    await call.until_quiet()
    assert call.telephone.said[-1] == "Tuesday at nine."
    await asyncio.wait_for(call.conversation.ended.wait(), 30)
    assert call.conversation.session.outcome == "model_failed"
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


@pytest.mark.parametrize(
    "text", ["Thank you, bye-bye!", "No, that's all, thanks.", "You too. See you Tuesday."]
)
async def test_a_goodbye_is_answered_by_none(ring: Any, text: str) -> None:
    call = await leaving(ring, Step("Thank you for calling, have a great day!", (END,)))
    await call.say(text)
    await asyncio.wait_for(call.conversation.ended.wait(), 15)
    assert call.conversation.session.outcome == "done"
    assert len(call.language_model.requests) == 1
    await call.conversation.close()


@pytest.mark.parametrize(
    "text",
    ["Wait, one more thing.", "Thank you, but what are your hours?", "Actually, book me Tuesday."],
)
async def test_second_thoughts_over_the_transfer_are_answered_and_the_history_is_true(
    ring: Any, text: str
) -> None:
    """Heard: the answer; in silence then "I'll connect you", and the desk: the wish stands."""
    call = await leaving(ring, Step(CONNECTING, (TRANSFER,)), Step("From seven to six."))
    await call.say(text)
    await call.until_quiet()
    assert call.telephone.said[-1] == "From seven to six."
    messages, _ = call.language_model.requests[-1]
    told = [json.loads(m["content"]) for m in messages if m["role"] == "tool"]
    assert [result["status"] for result in told] == ["interrupted"]
    assert "not been connected" in told[0]["advice"]
    await asyncio.wait_for(call.conversation.ended.wait(), 30)
    assert call.telephone.said[-1] == call.context.phrases.transferring
    assert call.context.phrases.still_there not in call.telephone.said
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()
    assert call.people.records[0].outcome == "transferred"


async def test_a_model_that_only_takes_leave_does_not_hang_up_whoever_wants_a_person(
    ring: Any,
) -> None:
    """Heard: "From seven to six. Goodbye!", "I'll connect you", and the desk."""
    call = await leaving(
        ring, Step(CONNECTING, (TRANSFER,)), Step("From seven to six. Goodbye!", (END,))
    )
    await call.say("Wait, what are your hours?")
    await asyncio.wait_for(call.conversation.ended.wait(), 30)
    assert call.telephone.said[-2:] == [
        "From seven to six. Goodbye!",
        call.context.phrases.transferring,
    ]
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


@pytest.mark.parametrize(
    "text", ["No, I don't want a person.", "Oh no, never mind.", "Please don't connect me!"]
)
async def test_a_wish_that_is_withdrawn_is_gone(ring: Any, text: str) -> None:
    call = await leaving(ring, Step(CONNECTING, (TRANSFER,)), Step("Of course. How can I help?"))
    await call.say(text)
    await call.until_quiet()
    assert call.conversation.session.promised is None
    await call.turn("What are your hours", Step("Seven to six. Goodbye.", (END,)))
    assert call.conversation.session.directive is Directive.HANG_UP
    await call.conversation.close()


async def test_whoever_wants_nothing_else_after_all_is_not_connected(ring: Any) -> None:
    call = await leaving(ring, Step(CONNECTING, (TRANSFER,)), Step("Seven to six. Anything else?"))
    await call.say("Wait, what are your hours?")
    await call.until_quiet()
    await call.turn("No.", Step("Goodbye!", (END,)))
    assert call.conversation.session.outcome == "done"
    await call.conversation.close()


async def test_whoever_takes_leave_after_all_is_not_connected(ring: Any) -> None:
    call = await leaving(ring, Step(CONNECTING, (TRANSFER,)), Step("From seven to six."))
    await call.say("Wait, what are your hours?")
    await call.until_quiet()
    await call.turn("Great, that's all I need, bye", Step("Goodbye!", (END,)))
    assert call.conversation.session.outcome == "done"
    await call.conversation.close()


async def test_thanks_to_somebody_who_cannot_hear_are_a_sign_of_life(ring: Any) -> None:
    """ "I can't hear you, so I'll hang up": whoever says "thank you" then is there."""
    call = await ring(no_input_s=3, no_input_prompts=0)
    call.language_model.script.append(Step("There you are."))
    await asyncio.sleep(3.0)
    assert call.telephone.said[-1] == call.context.phrases.silent_goodbye
    await asyncio.sleep(1.0)
    await call.say("Yes, thank you")
    await call.until_quiet()
    assert call.telephone.said[-1] == "There you are."
    await call.conversation.close()


async def test_a_goodbye_that_was_interrupted_is_not_said_to_have_happened(ring: Any) -> None:
    call = await leaving(ring, Step("Thank you very much for calling us.", (END,)), Step("Sure."))
    await call.say("oh wait, my wipers")
    await call.until_quiet()
    assert [result["status"] for result in call.results()] == ["interrupted"]
    assert call.conversation.session.promised is None
    await call.conversation.close()


async def test_a_transfer_whose_tool_ran_while_the_caller_went_on_is_not_said_to_happen(
    ring: Any,
) -> None:
    """The caller speaks while a slow tool runs beside the transfer: the answer is thrown away, and
    what the tools did reaches the history as it was."""
    call, booking = await offered(ring)
    call.book.gate.clear()
    call.language_model.script += [Step("", (TRANSFER, booking)), Step("You're booked. Wipers?")]
    await call.say("Yes")
    await asyncio.sleep(1.0)
    await call.say("oh and also new wipers please")
    await asyncio.sleep(1.0)
    call.book.gate.set()
    await call.until_quiet()
    assert [result["status"] for result in call.results()[-2:]] == ["not_yet", "booked"]
    assert not call.conversation.ended.is_set()
    assert call.conversation.session.promised is not None
    await call.conversation.close()


async def test_a_caller_who_hangs_up_over_the_transfer_was_not_transferred(ring: Any) -> None:
    call = await leaving(ring, Step(CONNECTING, (TRANSFER,)))
    call.conversation.on_line(LineStopped())
    await call.conversation.close()
    assert call.people.records[0].outcome == "caller_hung_up"
    assert [result["status"] for result in call.results()] == ["interrupted"]


async def heir_of(ring: Any, dead: Call, *steps: Step) -> Call:
    await asyncio.sleep(0)
    dead.kill()
    language_model = ScriptedModel()
    language_model.script += steps
    call: Call = await ring(memory=dead.memory, language_model=language_model, book=dead.book)
    return call


async def test_the_next_owner_knows_that_the_transfer_was_interrupted_and_keeps_the_wish(
    ring: Any,
) -> None:
    call = await leaving(
        ring, Step(CONNECTING, (TRANSFER,)), Step("From seven to six.", delay_s=5.0)
    )
    await call.say("Wait, what are your hours?")
    await asyncio.sleep(1.0)
    heir = await heir_of(ring, call, Step("From seven to six."))
    assert [result["status"] for result in heir.results()] == ["interrupted"]
    assert heir.telephone.said == [heir.context.phrases.cut_off, "From seven to six."]
    await asyncio.wait_for(heir.conversation.ended.wait(), 30)
    assert heir.conversation.session.directive is Directive.TRANSFER
    await heir.conversation.close()


async def test_the_next_owner_finishes_a_transfer_over_which_thanks_were_said(ring: Any) -> None:
    call = await leaving(ring, Step(CONNECTING, (TRANSFER,)))
    await call.say("Thank you so much")
    heir = await heir_of(ring, call)
    assert heir.conversation.ended.is_set()
    assert heir.conversation.session.directive is Directive.TRANSFER
    assert [result["status"] for result in heir.results()] == ["transferring"]
    await heir.conversation.close()


async def test_an_interrupted_transfer_of_the_next_owner_is_retracted_too(ring: Any) -> None:
    """The tool's result stands in an entry without words, which nothing of the reply points at."""
    call = await leaving(ring, Step("", (TRANSFER,)), after_s=0.5)
    await asyncio.sleep(0)
    call.kill()
    model = ScriptedModel()
    model.script.append(Step("From seven to six."))
    heir: Call = await ring(memory=call.memory, language_model=model, greeted=False)
    await asyncio.sleep(4.0)
    await heir.say("Wait, what are your hours?")
    await heir.until_quiet()
    assert [result["status"] for result in heir.results()] == ["interrupted"]
    assert heir.telephone.said[-1] == "From seven to six."
    await heir.conversation.close()


async def test_what_was_taken_since_is_no_opening_any_more(ring: Any) -> None:
    call, booking = await offered(ring)
    take_first(call)
    await call.turn("Yes", Step("", (booking,)), Step("Nine is gone. Ten?"))
    first = next(r for r in call.results() if r["status"] == "ok" and "openings" in r)
    slot = booking[1]["slot_id"]
    assert [o.get("status") for o in first["openings"] if o["slot_id"] == slot] == ["taken"]
    assert all("status" not in o for o in first["openings"] if o["slot_id"] != slot)
    await call.conversation.close()


@pytest.mark.parametrize("end", [True, False], ids=["pause", "in mid-speech"])
async def test_thanks_that_go_on_are_more_than_thanks(ring: Any, end: bool) -> None:
    call = await leaving(ring, Step(CONNECTING, (TRANSFER,)), Step("Until six."))
    conversation = call.conversation
    await call.say("Thank you so much", end=end)
    conversation.on_event(Transcript("but until when are you open", True, True, 0, 0))
    await call.until_quiet()
    assert call.telephone.said[-1] == "Until six."
    assert not conversation.ended.is_set()
    await conversation.close()
