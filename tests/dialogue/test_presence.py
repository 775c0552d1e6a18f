""" "Hello?" into the silence: the answer is kept, and the caller hears that somebody is there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.fillers import BETWEEN_CHECKS_S, next_filler
from otto.dialogue.turns.presence import is_presence_check, may_become_presence_check
from otto.events import Transcript, Worker
from tests.dialogue.test_dead_air import HOURS, asked, booking, now_s
from tests.support.call import Call, Step

pytestmark = pytest.mark.looptime

CHECKS = (
    *("hello?", "Hello? Hello?", "are you there?", "You still there?", "Can you hear me?"),
    *("anybody there", "Is anyone there?", "um hello otto?", "Hello, can you hear me now?"),
    *("hello hello hello", "Hey. Are you still on the line?", "so, hello, are you there please"),
    *("Did we get cut off?", "Okay, hello?", "hello there"),
)
TURNS = (
    *("hello? I said Tuesday", "can you hear the noise my car makes", "are you there on Tuesday"),
    *("Hello, I need an oil change", "yes hello", "no", "um", "", "is anyone there on Sundays"),
    *("can you", "are you open", "hello Tuesday hello", "still", "please", "Otto"),
)


@pytest.mark.parametrize("text", CHECKS)
def test_what_asks_for_presence(text: str) -> None:
    assert is_presence_check(text)
    words = text.split()
    for count in range(1, len(words) + 1):
        begun = " ".join(words[:count])
        assert may_become_presence_check(begun) or count < 2, begun


@pytest.mark.parametrize("text", TURNS)
def test_what_asks_for_more_or_for_nothing(text: str) -> None:
    assert not is_presence_check(text)


@pytest.mark.parametrize(
    ("begun", "may"),
    [
        ("can", True),
        ("can you", True),
        ("hello are you", True),
        ("um hello is", True),
        ("can you also", False),
        ("hello I", False),
        ("Tuesday", False),
        ("um", False),
        ("", False),
    ],
)
def test_what_may_become_a_check(begun: str, may: bool) -> None:
    assert may_become_presence_check(begun) is may


@given(st.lists(st.sampled_from(CHECKS), min_size=1, max_size=4), st.sampled_from(["", "um", "so"]))
def test_checks_behind_one_another_are_checks(checks: list[str], filler: str) -> None:
    text = f"{filler} {' '.join(checks)}"
    assert is_presence_check(text)
    assert not is_presence_check(f"{text} Tuesday")
    assert not may_become_presence_check(f"{text} Tuesday")


@given(st.text(max_size=80))
def test_any_text_is_judged_and_a_check_may_become_one(text: str) -> None:
    assert may_become_presence_check(text) or not is_presence_check(text)


def test_fillers_vary_and_the_first_opens_an_answer_only() -> None:
    fillers = ("one", "two", "three", "four")
    said: list[str] = []
    for _ in range(7):
        said.append(next_filler(fillers, said))
    assert said == ["one", "two", "three", "four", "two", "three", "four"]
    assert next_filler(fillers, ["We open at seven."]) == "two"


# Whole calls


def sounds(call: Call) -> list[float]:
    """When something of each generation has become audible, loop time."""
    return sorted(call.telephone._playing_s.values())


async def slow(ring: Any, *steps: Step, text: str = "An oil change", **settings: Any) -> Call:
    """A call whose caller has said `text`, with a slow model."""
    call: Call = await ring(**settings)
    call.language_model.script += steps
    await call.say(text)
    return call


async def test_hello_every_two_seconds_asks_the_model_once_and_is_answered_at_once(
    ring: Any,
) -> None:
    call = await slow(ring, Step("Which day suits you?", delay_s=14.0))
    began_s, heard = now_s(), len(sounds(call))
    for _ in range(6):
        await asyncio.sleep(1.7)
        await call.say("Hello?")
    await call.until_quiet()
    phrases = call.context.phrases
    assert len(call.language_model.requests) == 1
    assert call.language_model.cancelled == []
    assert call.telephone.cleared == []
    assert sounds(call)[heard] - began_s == pytest.approx(2.1, abs=0.05)
    latency = call.conversation.session.turns[-1].latency
    assert latency["model_ms"] == pytest.approx(2000, abs=20), "until the filler, no longer"
    said = call.telephone.said[1:]
    assert said[-1] == "Which day suits you?"
    assert said[:-1] == list(phrases.fillers)
    messages = call.conversation.session.history.messages("")
    assert [m["content"] for m in messages[-2:]] == ["An oil change", "Which day suits you?"]
    await call.conversation.close()


async def test_two_checks_within_a_second_hear_one_filler(ring: Any) -> None:
    call = await slow(ring, Step("Which day?", delay_s=4.0))
    await asyncio.sleep(0.5)
    await call.say("Hello?")
    await asyncio.sleep(0.2)
    await call.say("Are you there?")
    await call.until_quiet()
    assert call.telephone.said[1:] == [call.context.phrases.one_moment, "Which day?"]
    await call.conversation.close()


async def test_a_check_too_soon_after_a_filler_is_answered_when_it_has_been_quiet(
    ring: Any,
) -> None:
    call = await slow(ring, Step("Which day?", delay_s=9.0))
    await asyncio.sleep(2.0)
    await call.say("Hello?")
    # "One moment, please." takes 1.1 s; half a second later they ask again.
    await asyncio.sleep(1.7)
    await call.say("Hello?")
    asked_s = now_s()
    phrases = call.context.phrases
    assert call.telephone.said[-1] == phrases.one_moment
    while call.telephone.said[-1] != phrases.still_working:
        await asyncio.sleep(0.05)
    assert BETWEEN_CHECKS_S - 1 < now_s() - asked_s < BETWEEN_CHECKS_S
    await call.until_quiet()
    await call.conversation.close()


async def test_more_than_a_check_is_a_turn_and_all_of_it_is_answered(ring: Any) -> None:
    call = await slow(ring, Step("Never.", delay_s=9.0), Step("Tuesday it is."), text="Tuesday")
    await asyncio.sleep(1.0)
    call.conversation.on_event(Transcript("Hello?", False, False, 0, 0))
    await asyncio.sleep(0.5)
    await call.say("Hello? I said Tuesday")
    await call.until_quiet()
    assert asked(call) == ["Tuesday", "Hello? I said Tuesday"]
    assert call.telephone.said[1:] == ["Tuesday it is."]
    await call.conversation.close()


@pytest.mark.parametrize(
    ("first_ends", "turn"), [(False, "Hello? I said Tuesday"), (True, "I said Tuesday")]
)
async def test_what_follows_a_check_is_a_turn(ring: Any, first_ends: bool, turn: str) -> None:
    call = await slow(ring, Step("Never.", delay_s=9.0), Step("Tuesday it is."), text="Monday")
    await asyncio.sleep(0.5)
    await call.say("Hello?", end=first_ends)
    await asyncio.sleep(0.5)
    await call.say("I said Tuesday")
    await call.until_quiet()
    assert asked(call) == ["Monday", turn]
    await call.conversation.close()


async def test_a_check_while_a_booking_hangs_is_bridged_and_books_once(ring: Any) -> None:
    call = await booking(ring, "Let me book that.", tool_filler_s=5.0)
    await asyncio.sleep(4.5)
    requests = len(call.language_model.requests)
    await call.say("Hello? Are you there?")
    await asyncio.sleep(0.2)
    assert call.telephone.said[-1] == call.context.phrases.still_working
    call.language_model.script.append(Step("Booked."))
    call.book.gate.set()
    await call.until_quiet()
    assert call.telephone.said[-1] == "Booked."
    assert (len(call.language_model.requests), len(call.book.requests)) == (requests + 1, 1)
    await call.conversation.close()


async def test_a_check_over_an_answer_does_not_stop_it(ring: Any) -> None:
    answer = "We have brakes seen to in the morning or tires seen to in the afternoon."
    call = await slow(ring, Step(answer))
    await asyncio.sleep(1.5)
    call.conversation.on_event(Transcript("hello hello", False, False, 0, 0))
    await call.say("Hello? Hello?")
    await call.until_quiet()
    assert call.telephone.said[1:] == [answer]
    assert call.telephone.cleared == []
    await call.conversation.close()


async def test_a_check_during_the_greeting_is_answered_by_the_greeting(ring: Any) -> None:
    call = await ring(greeted=False)
    await asyncio.sleep(0.5)
    await call.say("Hello?")
    await call.until_quiet()
    assert call.telephone.said == [call.context.phrases.greeting]
    assert call.language_model.requests == []
    await call.conversation.close()


async def test_a_barge_in_that_was_only_a_check_lets_otto_go_on(ring: Any) -> None:
    answer = "We have brakes seen to in the morning or tires seen to in the afternoon."
    call = await slow(ring, Step(answer))
    await asyncio.sleep(1.5)
    call.conversation.on_event(Transcript("the lower", False, False, 0, 0))
    assert call.telephone.cleared
    await call.say("Hello?")
    await call.until_quiet()
    assert len(call.language_model.requests) == 1
    assert answer.endswith(call.telephone.said[-1])
    messages = call.conversation.session.history.messages("")
    assert messages[-1]["content"] == answer
    await call.conversation.close()


async def test_a_check_in_a_gap_of_the_answer_is_heard_and_is_no_part_of_it(ring: Any) -> None:
    call = await slow(ring, Step("We have brakes.|Or tires.", pace_s=9.0))
    await asyncio.sleep(4.0)
    await call.say("Hello?")
    await call.until_quiet()
    still_working = call.context.phrases.still_working
    assert call.telephone.said[1:] == ["We have brakes.", still_working, "Or tires."]
    messages = call.conversation.session.history.messages("")
    assert messages[-1]["content"] == "We have brakes. Or tires."
    await call.conversation.close()


async def test_hello_while_nothing_is_made_is_a_turn(ring: Any) -> None:
    call = await ring()
    await asyncio.sleep(2.0)
    await call.turn("Hello?", Step("Hi, how can I help?"))
    assert call.telephone.said[1:] == ["Hi, how can I help?"]
    await call.conversation.close()


async def test_hello_answers_are_you_still_there(ring: Any) -> None:
    call = await ring(no_input_s=3.0)
    await asyncio.sleep(3.5)
    assert call.telephone.said[-1] == call.context.phrases.still_there
    await call.turn("Hello? Can you hear me?", Step("Yes, I can. Which day suits you?"))
    assert asked(call) == ["Hello? Can you hear me?"]
    assert call.telephone.said[-1] == "Yes, I can. Which day suits you?"
    await call.conversation.close()


async def test_hello_over_the_silent_goodbye_keeps_the_call(ring: Any) -> None:
    call = await ring(no_input_s=2.0, no_input_prompts=0)
    await asyncio.sleep(2.5)
    assert call.telephone.said[-1] == call.context.phrases.silent_goodbye
    await call.turn("Hello? I'm here", Step("There you are."))
    assert not call.conversation.ended.is_set()
    await call.conversation.close()


async def test_hmm_is_no_check_and_costs_nothing(ring: Any) -> None:
    call = await slow(ring, Step("Which day?", delay_s=2.0))
    await asyncio.sleep(0.5)
    await call.say("hmm")
    await call.until_quiet()
    assert call.telephone.said[1:] == ["Which day?"]
    await call.conversation.close()


async def test_a_key_after_a_check_is_a_turn(ring: Any) -> None:
    call = await slow(ring, Step("Never.", delay_s=9.0), Step("Good."))
    await asyncio.sleep(1.0)
    await call.say("Hello?")
    call.press("1")
    await call.until_quiet()
    assert asked(call)[-1].startswith("Keyed on the telephone keypad: 1")
    await call.conversation.close()


async def test_a_check_keeps_an_adopted_guess(ring: Any) -> None:
    call = await ring(speculate=True)
    call.language_model.script.append(Step("Which day?", delay_s=6.0))
    call.conversation.on_event(Transcript("I need an oil change.", False, False, 0, 0))
    await call.say("I need an oil change.")
    await asyncio.sleep(1.0)
    await call.say("Hello?")
    await call.until_quiet()
    assert call.telephone.said[1:] == [call.context.phrases.one_moment, "Which day?"]
    assert len(call.language_model.requests) == 1
    await call.conversation.close()


async def test_a_check_after_a_lost_model_waits_for_the_new_one(ring: Any) -> None:
    call = await slow(ring, Step("Lost.", delay_s=1000.0), Step("Which day?", delay_s=3.0))
    await asyncio.sleep(0.5)
    await call.say("Hello?")
    call.conversation.on_replaced(Worker.LLM)
    await call.until_quiet()
    assert call.telephone.said[1:] == [call.context.phrases.one_moment, "Which day?"]
    assert len(call.language_model.requests) == 2
    await call.conversation.close()


async def test_silence_counts_from_the_last_sound_heard_and_fillers_go_on(ring: Any) -> None:
    call = await slow(
        ring,
        Step("Which day?", delay_s=13.0),
        model_filler_s=2.0,
        filler_again_s=5.0,
    )
    began_s = now_s()
    at_s: list[float] = []
    while call.telephone.said[-1] != "Which day?":
        if len(call.telephone.said) > len(at_s) + 1:
            at_s.append(now_s() - began_s)
        await asyncio.sleep(0.01)
    phrases = call.context.phrases
    assert call.telephone.said[1:-1] == [phrases.one_moment, phrases.still_working]
    played_s = 0.1 + call.telephone.length_ms(phrases.one_moment) / 1000
    assert at_s == pytest.approx([2.0, 2.0 + played_s + 5.0], abs=0.05)
    await call.until_quiet()
    await call.conversation.close()


async def test_a_slow_round_behind_a_tool_is_bridged_too(ring: Any) -> None:
    call = await slow(ring, Step("Let me look.", (HOURS,)), Step("Seven.", delay_s=9.0))
    await call.until_quiet()
    still_working = call.context.phrases.still_working
    assert call.telephone.said[1:] == ["Let me look.", still_working, "Seven."]
    messages = call.conversation.session.history.messages("")
    assert [m["content"] for m in messages if m["role"] == "assistant"][-2:] == [
        "Let me look.",
        "Seven.",
    ]
    await call.conversation.close()


@pytest.mark.parametrize(("pace_s", "fillers"), [(6.0, 0), (14.0, 1)])
async def test_a_gap_in_an_answer_is_bridged_only_when_it_is_long(
    ring: Any, pace_s: float, fillers: int
) -> None:
    call = await slow(ring, Step("We have brakes.|Or tires.", pace_s=pace_s))
    await call.until_quiet()
    said = call.telephone.said[1:]
    assert said == ["We have brakes.", *[call.context.phrases.still_working] * fillers, said[-1]]
    messages = call.conversation.session.history.messages("")
    assert messages[-1]["content"] == "We have brakes. Or tires."
    await call.conversation.close()


async def test_a_check_after_a_takeover_is_answered_by_the_heir(ring: Any) -> None:
    call = await slow(ring, Step("Lost.", delay_s=9.0))
    await asyncio.sleep(1.0)
    call.kill()
    model = type(call.language_model)()
    model.script.append(Step("Which day?", delay_s=6.0))
    heir = await ring(memory=call.memory, language_model=model, greeted=False)
    await asyncio.sleep(4.5)
    await heir.say("Hello?")
    await heir.until_quiet()
    phrases = heir.context.phrases
    assert heir.telephone.said == [phrases.cut_off, phrases.still_working, "Which day?"]
    assert len(model.requests) == 1
    await heir.conversation.close()


async def test_hello_alone_over_the_silent_goodbye_keeps_the_call(ring: Any) -> None:
    call = await ring(no_input_s=2.0, no_input_prompts=0)
    await asyncio.sleep(2.5)
    await call.turn("Hello?", Step("There you are."))
    assert call.telephone.said[-1] == "There you are."
    await call.conversation.close()


async def test_fillers_are_no_sign_of_the_answer(ring: Any) -> None:
    call = await slow(ring, Step("Never.", delay_s=1000.0), stalled_s=15.0, filler_again_s=3.0)
    began_s = now_s()
    for _ in range(5):
        await call.say("Hello?")
        await asyncio.sleep(2.0)
    await call.until_quiet()
    assert call.telephone.said[-1] == call.context.phrases.trouble
    assert call.conversation.session.outcome == "stalled"
    assert now_s() - began_s < 30
    await call.conversation.close()
