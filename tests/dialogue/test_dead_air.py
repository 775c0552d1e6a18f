"""Nobody listens to silence, or holds the line for ever: fillers, limits, keys and lost workers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from otto.dialogue.session.state import Directive, Identity
from otto.events import Transcript, Worker, WorkerFailed
from tests.support.call import READ_BACK, Call, Step

pytestmark = pytest.mark.looptime

IDENTIFY = ("identify_caller", {"phone_number": None})
HOURS = ("dealership_info", {"topic": "hours", "service": None, "date": None})
VERIFY = ("verify_caller", {"date_of_birth": "1984-03-12", "vin_last_six": None})


def now_s() -> float:
    return asyncio.get_running_loop().time()


def asked(call: Call) -> list[str]:
    """What the model was shown of the caller, in its last request."""
    messages, _ = call.language_model.requests[-1]
    return [m["content"] for m in messages if m["role"] == "user"]


async def booking(ring: Any, first: str = "", **settings: Any) -> Call:
    """A call whose booking hangs at the moment."""
    call: Call = await ring(**settings)
    await call.turn("Oil change", Step(calls=(IDENTIFY,)), Step("Your birthday?"))
    await call.turn("March 12th 1984", Step(calls=(VERIFY,)), Step("When would you like?"))
    find = ("find_openings", {"services": ["oil_change"], "when": "tomorrow"})
    await call.turn("Tomorrow", Step(calls=(find,)), Step(READ_BACK))
    slot = call.results()[-1]["openings"][0]["slot_id"]
    call.book.gate.clear()
    call.language_model.script.append(Step(first, (("book_appointment", {"slot_id": slot}),)))
    await call.say("Yes")
    await asyncio.sleep(0.3)
    return call


# Fillers


@pytest.mark.parametrize("mode", ["keypad", "transfer"])
async def test_ears_that_are_lost_during_the_last_sentence_change_nothing(
    ring: Any, mode: str
) -> None:
    """Heard: all of "I'll connect you", and the desk: nothing more has to be heard."""
    call = await ring(on_recogniser_lost=mode)
    call.conversation.on_event(WorkerFailed(Worker.LLM, "died", "test"))
    await asyncio.sleep(1.0)
    call.conversation.on_event(WorkerFailed(Worker.STT, "died", "test"))
    await asyncio.wait_for(call.conversation.ended.wait(), 30)
    assert call.telephone.said[-1] == call.context.phrases.trouble
    assert call.conversation.session.outcome == "model_failed"
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


async def test_a_key_that_means_nothing_does_not_stop_the_clock_of_silence(ring: Any) -> None:
    call = await ring(no_input_s=4)
    call.press("#")
    await asyncio.wait_for(call.conversation.ended.wait(), 60)
    assert call.context.phrases.still_there in call.telephone.said
    assert call.conversation.session.outcome == "no_response"
    await call.conversation.close()


async def test_a_slow_model_is_bridged_once_and_not_with_a_litany(ring: Any) -> None:
    call = await ring(model_filler_s=2.0)
    await call.turn("Hello", Step("Hi there.", delay_s=12.0))
    assert call.telephone.said[1:] == [call.context.phrases.one_moment, "Hi there."]
    messages = call.conversation.session.history.messages("")
    assert messages[-1]["content"] == "Hi there.", "the filler is no part of the answer"
    await call.conversation.close()


async def test_a_quick_model_needs_no_filler(ring: Any) -> None:
    call = await ring(model_filler_s=2.0)
    await call.turn("Hello", Step("Hi there.", delay_s=1.5))
    assert call.telephone.said[1:] == ["Hi there."]
    await call.conversation.close()


async def test_silence_after_let_me_book_that_is_bridged_once_it_lasts(ring: Any) -> None:
    call = await booking(ring, "One moment while I book that.", tool_filler_s=1.0)
    await asyncio.sleep(3.0)
    phrases = call.context.phrases
    assert call.telephone.said[-1] == "One moment while I book that."
    await asyncio.sleep(5.0)
    assert call.telephone.said[-1] == phrases.still_working
    assert phrases.one_moment not in call.telephone.said
    call.language_model.script.append(Step("Booked."))
    call.book.gate.set()
    await call.until_quiet()
    assert call.telephone.said[-1] == "Booked."
    assert call.telephone.said.count(phrases.still_working) == 1
    await call.conversation.close()


async def test_a_question_asked_while_a_booking_hangs_is_not_met_with_silence(ring: Any) -> None:
    call = await booking(ring, model_filler_s=2.0)
    call.language_model.script.append(Step("It is booked, and we open at seven."))
    await call.say("and when do you open")
    await asyncio.sleep(3.0)
    assert call.telephone.said[-1] == call.context.phrases.one_moment
    call.book.gate.set()
    await call.until_quiet()
    assert call.telephone.said[-1] == "It is booked, and we open at seven."
    assert [m["role"] for m in call.language_model.requests[-1][0][-3:]] == [
        "assistant",
        "tool",
        "user",
    ]
    assert len(call.book.bookings) == 1
    await call.conversation.close()


async def test_a_result_that_comes_during_the_apology_adds_nothing_to_it(ring: Any) -> None:
    call = await booking(ring)
    await call.say("and when do you open")
    call.conversation.on_event(WorkerFailed(Worker.STT, "dropped", "test"))
    await asyncio.sleep(1.0)
    call.book.gate.set()
    await asyncio.wait_for(call.conversation.ended.wait(), 30)
    assert call.telephone.said[-1] == call.context.phrases.cannot_hear
    await call.conversation.close()
    assert call.results()[-1]["status"] == "booked"
    messages = call.conversation.session.history.messages("")
    assert messages[-1] == {"role": "user", "content": "and when do you open"}


# Limits


async def test_a_model_that_says_nothing_at_all_ends_with_a_person(ring: Any) -> None:
    call = await ring(stalled_s=15.0)
    await call.turn("Hello", Step("Never.", delay_s=10_000.0))
    assert call.telephone.said[-1] == call.context.phrases.trouble
    assert call.conversation.session.outcome == "stalled"
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


async def test_a_voice_that_plays_nothing_does_not_hold_the_line_for_ever(ring: Any) -> None:
    call = await ring(stalled_s=15.0)
    call.telephone.is_dead = True
    call.language_model.script.append(Step("Hi."))
    await call.say("Hello")
    await asyncio.wait_for(call.conversation.ended.wait(), 60)
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


async def test_the_caller_is_told_before_the_time_is_up(ring: Any) -> None:
    call = await ring(max_duration_s=60, limit_warning_s=30, no_input_s=100)
    await asyncio.sleep(35)
    phrases = call.context.phrases
    assert call.telephone.said[1:] == [phrases.time_is_short]
    await asyncio.wait_for(call.conversation.ended.wait(), 60)
    assert call.telephone.said[2:] == [phrases.time_is_up]
    assert call.conversation.session.outcome == "time_limit"
    await call.conversation.close()


async def test_the_warning_does_not_talk_over_an_answer(ring: Any) -> None:
    call = await ring(max_duration_s=60, limit_warning_s=45, no_input_s=100)
    await asyncio.sleep(14.5 - (now_s() - call.anchor_s))
    long = "This is quite a long answer, which takes its time to say."
    await call.turn("Hello", Step(long))
    await asyncio.sleep(5)
    assert call.telephone.said[1:] == [long, call.context.phrases.time_is_short]
    assert call.telephone.cleared == []
    await call.conversation.close()


async def test_a_caller_who_talks_on_and_on_is_cut_off_by_the_hard_cap(ring: Any) -> None:
    call = await ring(max_duration_s=30, limit_warning_s=0, limit_grace_s=10)
    while not call.conversation.ended.is_set() and now_s() - call.anchor_s < 120:
        await call.say("and another thing is that", end=False)
    assert now_s() - call.anchor_s < 42
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


# A number in pieces


async def test_a_number_said_with_pauses_is_one_turn_for_the_model(ring: Any) -> None:
    call = await ring()
    await call.turn("Hi", Step("What is your phone number?"))
    call.language_model.script.append(Step("Thank you."))
    for piece in ("three one two", "five five five", "oh one four two"):
        await asyncio.sleep(1.0)
        await call.say(piece)
    await call.until_quiet()
    assert asked(call)[-1] == "three one two five five five oh one four two"
    assert len(call.language_model.requests) == 2
    await call.conversation.close()


async def test_a_number_that_outlasts_the_hold_is_still_one_number(ring: Any) -> None:
    call = await ring(dictation_hold_s=0.5)
    await call.turn("Hi", Step("What is your phone number?"))
    call.language_model.script += [Step("That is too short.", delay_s=2.0), Step("Thank you.")]
    await call.say("three one two")
    await asyncio.sleep(1.0)
    await call.say("five five five oh one four two")
    await call.until_quiet()
    assert asked(call)[-1] == "three one two five five five oh one four two"
    assert "That is too short." not in call.telephone.said
    await call.conversation.close()


# Keys


async def press(call: Call, keys: str) -> None:
    for key in keys:
        await asyncio.sleep(0.3)
        call.press(key)


async def test_a_keyed_date_of_birth_reaches_the_model_in_words(ring: Any) -> None:
    call = await ring()
    await call.turn("Hi", Step(calls=(IDENTIFY,)), Step("What is your date of birth?"))
    call.language_model.script += [Step(calls=(VERIFY,)), Step("Thank you.")]
    await press(call, "03121984")
    await call.until_quiet()
    assert asked(call)[-1] == "Keyed on the telephone keypad: 03/12/1984"
    assert call.conversation.session.identity is Identity.VERIFIED
    await call.conversation.close()


async def test_keys_interrupt_otto_and_are_not_lost(ring: Any) -> None:
    call = await ring()
    call.language_model.script += [
        Step("A very long answer about all that we can do for you."),
        Step("Ok."),
    ]
    await call.say("What can you do")
    await asyncio.sleep(1.5)
    await press(call, "4")
    assert call.telephone.cleared[-1] == call.telephone.generations[-1]
    await call.until_quiet()
    assert asked(call)[-1] == "Keyed on the telephone keypad: 4"
    assert call.telephone.said[-1] == "Ok."
    await call.conversation.close()


# Lost workers


async def test_without_a_recogniser_one_key_connects_the_caller(ring: Any) -> None:
    call = await ring(on_recogniser_lost="keypad")
    call.conversation.on_event(WorkerFailed(Worker.STT, "dropped", "test"))
    await asyncio.sleep(4)
    assert call.telephone.said[-1] == call.context.phrases.keypad_only
    await press(call, "1")
    await call.until_quiet()
    assert call.telephone.said[-1] == call.context.phrases.transferring
    assert call.conversation.session.directive is Directive.TRANSFER
    assert call.language_model.requests == []
    await call.conversation.close()


async def test_without_a_recogniser_the_conversation_goes_on_by_keys(ring: Any) -> None:
    call = await ring(on_recogniser_lost="keypad")
    await call.turn("Hi", Step(calls=(IDENTIFY,)), Step("What is your date of birth?"))
    call.conversation.on_event(WorkerFailed(Worker.STT, "dropped", "test"))
    await call.until_quiet()
    call.language_model.script += [Step(calls=(VERIFY,)), Step("Thank you.")]
    await press(call, "03121984#")
    await call.until_quiet()
    assert call.conversation.session.identity is Identity.VERIFIED
    await asyncio.wait_for(call.conversation.ended.wait(), 60)
    assert call.telephone.said[-1] == call.context.phrases.cannot_hear, "and silence ends it"
    await call.conversation.close()


async def test_a_key_during_the_apology_keeps_the_call(ring: Any) -> None:
    call = await ring()
    call.conversation.on_event(WorkerFailed(Worker.STT, "dropped", "test"))
    await asyncio.sleep(2)
    call.language_model.script.append(Step("What can I do for you?"))
    await press(call, "5")
    await call.until_quiet()
    assert call.telephone.said[-1] == "What can I do for you?"
    assert not call.conversation.ended.is_set()
    await call.conversation.close()


async def test_a_replaced_model_goes_on_and_says_nothing_twice(ring: Any) -> None:
    call = await ring()
    call.language_model.script += [
        Step("We have brakes. |Never comes.", pace_s=1000.0),
        Step("We have brakes. |And tires."),
    ]
    await call.say("When can I come")
    await asyncio.sleep(1.0)
    call.conversation.on_replaced(Worker.LLM)
    await call.until_quiet()
    assert call.telephone.said[1:] == ["We have brakes.", "And tires."]
    assert call.telephone.cleared == []
    messages = call.conversation.session.history.messages("")
    assert messages[-1]["content"] == "We have brakes. And tires."
    await call.conversation.close()


async def test_a_model_replaced_before_its_first_word_is_asked_the_same_again(ring: Any) -> None:
    call = await ring()
    call.language_model.script += [Step("Lost.", delay_s=1000.0), Step("We have brakes.")]
    await call.say("When can I come")
    await asyncio.sleep(0.5)
    call.conversation.on_replaced(Worker.LLM)
    await call.until_quiet()
    assert call.language_model.requests[-1] == call.language_model.requests[-2]
    assert call.telephone.said[1:] == ["We have brakes."]
    await call.conversation.close()


async def test_a_replaced_voice_says_what_was_not_heard(ring: Any) -> None:
    call = await ring()
    whole = "We have brakes seen to in the morning, or tires seen to in the afternoon."
    call.language_model.script.append(Step(whole))
    await call.say("When can I come")
    await asyncio.sleep(3.0)
    call.conversation.on_replaced(Worker.TTS)
    await call.until_quiet()
    assert whole.endswith(call.telephone.said[-1])
    assert len(call.telephone.said[-1]) < len(whole)
    messages = call.conversation.session.history.messages("")
    assert messages[-1]["content"] == whole
    await call.conversation.close()


async def test_a_new_recogniser_is_not_worth_a_word(ring: Any) -> None:
    call = await ring()
    call.conversation.on_replaced(Worker.STT)
    await call.turn("Hello", Step("Hi."))
    assert call.telephone.said[1:] == ["Hi."]
    await call.conversation.close()


# Guesses


def interim(text: str) -> Transcript:
    return Transcript(text, False, False, 0, 0)


@pytest.mark.parametrize(("speculate", "waited_s"), [(False, 0.7), (True, 0.3)])
async def test_a_right_guess_saves_the_pause(ring: Any, speculate: bool, waited_s: float) -> None:
    call = await ring(speculate=speculate)
    call.language_model.script.append(Step("Certainly.", delay_s=0.6))
    call.conversation.on_event(interim("I need an oil change."))
    await asyncio.sleep(0.1)
    await call.say("I need an oil change.")
    began_s = now_s()
    while call.telephone.said[-1] != "Certainly.":
        await asyncio.sleep(0.01)
    assert now_s() - began_s == pytest.approx(waited_s - 0.1, abs=0.02)
    await call.until_quiet()
    assert len(call.language_model.requests) == 1
    messages = call.conversation.session.history.messages("")
    assert [m["role"] for m in messages[1:]] == ["assistant", "user", "assistant"]
    await call.conversation.close()


async def test_a_wrong_guess_is_thrown_away_unseen(ring: Any) -> None:
    call = await ring(speculate=True)
    end_call = ("end_call", {"reason": "done"})
    call.language_model.script += [
        Step("Goodbye!", (end_call,), delay_s=0.1),
        Step("Both, certainly."),
    ]
    call.conversation.on_event(interim("I need an oil change."))
    await asyncio.sleep(1.0)
    assert call.telephone.said[1:] == []
    assert call.results() == []
    await call.turn("I need an oil change and new wipers.")
    await asyncio.sleep(3)
    assert call.telephone.said[1:] == ["Both, certainly."]
    assert call.results() == []
    assert not call.conversation.ended.is_set()
    await call.conversation.close()


async def test_a_guess_that_would_act_acts_only_when_the_turn_is_over(ring: Any) -> None:
    call = await ring(speculate=True)
    call.language_model.script += [Step(calls=(HOURS,), delay_s=0.1), Step("We open at seven.")]
    call.conversation.on_event(interim("When do you open?"))
    await asyncio.sleep(1.0)
    assert call.results() == []
    await call.turn("When do you open?")
    assert len(call.results()) == 1
    assert len(call.language_model.requests) == 2
    assert call.telephone.said[1:] == ["We open at seven."]
    await call.conversation.close()
