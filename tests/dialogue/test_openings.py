"""Who goes on is not talked over: the start of a call, and the moment before an answer."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import CallSettings
from otto.dialogue.turns.completeness import Expected
from otto.dialogue.turns.floor import Action, Input, State
from otto.dialogue.turns.opening import says_no_wish
from otto.dialogue.turns.patience import VOICE_S
from otto.events import SpeechStarted, Transcript, TurnResumed
from tests.dialogue.test_turn_taking import Clocked, interim, said
from tests.support.call import Call, Step

GREETING = "Thank you for calling. How can I help you today?"
STORY_S = CallSettings().story_hold_s


@pytest.fixture
def turns() -> Clocked:
    made = Clocked()
    made.asked(GREETING)
    return made


STORIES = [
    "Hi, good morning.",
    "High good morning.",
    "Yes, hi.",
    "Hello, this is Walter.",
    "My name is Karen Miller.",
    "I was in last week with my truck.",
    "So I was driving to work this morning.",
    "We bought a car from you last year.",
    "My wife told me about you.",
    "It's me again.",
    "I was in on Tuesday with my truck.",
]


@pytest.mark.parametrize("text", STORIES)
def test_a_greeting_or_a_story_without_a_wish_is_waited_for_a_little(
    turns: Clocked, text: str
) -> None:
    assert turns.hear(said(text)) == ()
    assert turns.wait(min(STORY_S, 1.0) - 0.1) == ()
    assert turns.hear(interim("I'd like")) == ()
    assert turns.hear(said("I'd like an oil change.")) == (Action.REPLY,)
    assert turns.take().text == f"{text} I'd like an oil change."


@pytest.mark.parametrize("text", STORIES)
def test_who_says_no_more_is_answered_all_the_same(turns: Clocked, text: str) -> None:
    turns.hear(said(text))
    assert turns.wait(1.5) == (Action.REPLY,)
    assert turns.take().text == text


@pytest.mark.parametrize(
    "text",
    [
        "I need an oil change.",
        "My brakes are squeaking.",
        "The check engine light came on.",
        "What time do you close?",
        "is my car ready",
        "Could I talk to a person, please?",
        "I need new tires put on",
        "do you know who I should talk to",
        "I'd like to speak with Bob.",
        "Hi, I have to cancel my appointment.",
        "Tuesday",
        "Hi, tomorrow morning?",
    ],
)
def test_a_wish_a_request_or_a_question_ends_at_the_pause(turns: Clocked, text: str) -> None:
    assert turns.hear(said(text)) == (Action.REPLY,)


@pytest.mark.parametrize("expected", [each for each in Expected if each is not Expected.WISH])
def test_only_where_a_wish_is_waited_for(expected: Expected) -> None:
    assert not says_no_wish("I was in last week with my truck.", expected)
    assert says_no_wish("I was in last week with my truck.", Expected.WISH)


# The moment before an answer


def thinking(turns: Clocked) -> Clocked:
    turns.hear(said("I need an oil change."))
    turns.take()
    assert turns.state is State.THINKING
    return turns


@pytest.mark.parametrize("voice", [SpeechStarted(1400), TurnResumed()], ids=str)
def test_a_voice_holds_the_answer_until_its_words_are_there(
    turns: Clocked, voice: SpeechStarted | TurnResumed
) -> None:
    thinking(turns)
    assert turns.hear(voice) == (Action.CLEAR,)
    assert turns.wait(0.6) == ()
    assert turns.hear(interim("and could you")) == ()
    assert turns.hear(said("and could you rotate the tires?")) == (Action.CANCEL, Action.REPLY)


def test_a_cough_costs_the_answer_no_more_than_its_own_length(turns: Clocked) -> None:
    thinking(turns)
    turns.hear(SpeechStarted(1400))
    assert turns.wait(0.4) == ()
    assert turns.hear(said("")) == (Action.UNPAUSE,)


def test_a_voice_that_says_nothing_is_waited_for_once(turns: Clocked) -> None:
    thinking(turns)
    turns.hear(SpeechStarted(1400))
    assert turns.wait(VOICE_S - 0.1) == ()
    assert turns.wait(0.2) == (Action.UNPAUSE,)
    assert turns.hear(SpeechStarted(2400)) == (), "a noisy room does not keep Otto silent"
    assert turns.state is State.THINKING
    turns.hear(said("And rotate the tires, please."))
    turns.take()
    assert turns.hear(SpeechStarted(9000)) == (Action.CLEAR,), "the next answer waits again"


def test_a_voice_stops_nothing_that_can_be_heard(turns: Clocked) -> None:
    thinking(turns)
    turns.note(Input.AUDIO)
    assert turns.hear(SpeechStarted(1400)) == ()
    assert turns.state is State.SPEAKING


@pytest.mark.looptime
async def test_the_answer_that_waited_is_said_whole(ring: Any) -> None:
    call: Call = await ring()
    call.language_model.script.append(Step("An oil change, certainly.", delay_s=0.4))
    await call.say("I need an oil change.")
    call.conversation.on_event(SpeechStarted(0))
    await call.until_quiet()
    assert call.telephone.said[1:] == ["An oil change, certainly."]
    turn = call.conversation.session.turns[-1]
    assert turn.heard == turn.text
    assert len(call.language_model.requests) == 1, "nothing was asked for twice"
    await call.conversation.close()


@pytest.mark.looptime
async def test_who_goes_on_before_the_answer_hears_one_answer_to_all(ring: Any) -> None:
    call: Call = await ring()
    call.language_model.script += [Step("Too early."), Step("Both, certainly.")]
    await call.say("I need an oil change.")
    call.conversation.on_event(SpeechStarted(0))
    await call.say("And could you rotate the tires?")
    await call.until_quiet()
    assert call.telephone.said[1:] == ["Both, certainly."]
    await call.conversation.close()


def test_words_never_said_do_not_hold_up_who_keys(turns: Clocked) -> None:
    thinking(turns)
    turns.hear(SpeechStarted(1400))
    assert turns.press("0", turns.now_s) == (Action.CANCEL,)
    assert turns.state is State.LISTENING
    assert turns.hear(Transcript("", True, True, 0, 0)) == ()
