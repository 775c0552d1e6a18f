"""Who has the floor: each test is a moment of a call that went wrong somewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.turns import (
    TRANSITIONS,
    Action,
    Input,
    State,
    TurnTaker,
    takes_the_floor,
)
from otto.speech.events import SpeechStarted, Transcript, UtteranceEnd


def said(text: str, *, final: bool = True, end: bool = True, end_ms: int = 1000) -> Transcript:
    return Transcript(text, final, final and end, 0, end_ms)


def interim(text: str) -> Transcript:
    return Transcript(text, False, False, 0, 500)


@pytest.fixture
def turns() -> TurnTaker:
    return TurnTaker(barge_in_words=2)


def speaking(turns: TurnTaker) -> TurnTaker:
    turns.note(Input.SAY)
    assert turns.state is State.SPEAKING
    return turns


def test_a_finished_turn_is_answered(turns: TurnTaker) -> None:
    assert turns.hear(interim("I need an")) == ()
    assert turns.hear(said("I need an oil change.", end_ms=1800)) == (Action.REPLY,)
    turn = turns.take()
    assert (turn.text, turn.end_ms) == ("I need an oil change.", 1800)
    assert turns.state is State.THINKING


def test_segments_are_joined_until_the_caller_stops(turns: TurnTaker) -> None:
    assert turns.hear(said("My number is", end=False)) == ()
    assert turns.hear(said("three one two", end=False)) == ()
    assert turns.hear(said("five five five.")) == (Action.REPLY,)
    assert turns.take().text == "My number is three one two five five five."


def test_utterance_end_closes_a_turn_whose_speech_final_never_came(turns: TurnTaker) -> None:
    turns.hear(said("An oil change", end=False))
    assert turns.hear(UtteranceEnd(900)) == (Action.REPLY,)


def test_utterance_end_without_words_is_no_turn(turns: TurnTaker) -> None:
    assert turns.hear(UtteranceEnd(900)) == ()
    assert turns.state is State.LISTENING


def test_an_empty_final_is_no_turn(turns: TurnTaker) -> None:
    assert turns.hear(said("")) == ()
    assert turns.state is State.LISTENING


def test_barge_in_needs_words_not_noise(turns: TurnTaker) -> None:
    speaking(turns)
    assert turns.hear(SpeechStarted(100)) == ()
    assert turns.hear(interim("the")) == ()
    assert turns.hear(interim("the other day")) == (Action.CLEAR, Action.CANCEL)
    assert turns.state is State.INTERRUPTED
    assert turns.hear(said("the other day would be better")) == (Action.REPLY,)


def test_mhm_does_not_stop_otto(turns: TurnTaker) -> None:
    speaking(turns)
    for text in ("mhm", "Mm-hmm.", "okay", "uh huh, right"):
        assert turns.hear(interim(text)) == ()
        assert turns.hear(said(text)) == ()
    assert turns.state is State.SPEAKING
    turns.note(Input.PLAYED)
    turns.hear(said("Tuesday"))
    assert turns.take().text == "Tuesday", "a backchannel must not leak into the next turn"


def test_stop_alone_interrupts(turns: TurnTaker) -> None:
    speaking(turns)
    assert turns.hear(interim("stop")) == (Action.CLEAR, Action.CANCEL)


def test_a_one_word_answer_given_early_is_not_lost(turns: TurnTaker) -> None:
    speaking(turns)
    actions = turns.hear(said("Tuesday"))
    assert actions == (Action.CLEAR, Action.CANCEL, Action.REPLY)
    assert turns.take().text == "Tuesday"


def test_a_caller_who_goes_on_after_an_early_endpoint_is_not_talked_over(turns: TurnTaker) -> None:
    turns.hear(said("I need an oil change"))
    turns.take()
    assert turns.hear(interim("and also")) == (Action.CANCEL,)
    assert turns.state is State.LISTENING
    assert turns.hear(said("and also new brakes")) == (Action.REPLY,)


def test_a_discarded_goodbye_does_not_hang_up(turns: TurnTaker) -> None:
    speaking(turns)
    turns.note(Input.CLOSE)
    assert turns.hear(interim("oh wait one thing")) == (Action.CLEAR, Action.CANCEL)
    assert turns.note(Input.PLAYED) == (), "the echo of the goodbye's mark comes late"
    assert turns.hear(said("wait, one more thing")) == (Action.REPLY,)
    assert turns.state is State.THINKING


def test_the_goodbye_ends_the_call_when_it_was_heard(turns: TurnTaker) -> None:
    speaking(turns)
    turns.note(Input.CLOSE)
    assert turns.note(Input.PLAYED) == (Action.FINISH,)
    assert turns.state is State.ENDED
    assert turns.hear(said("hello?")) == (), "nothing is answered after the end"


def test_silence_is_asked_about_only_while_otto_waits(turns: TurnTaker) -> None:
    assert turns.note(Input.SILENCE) == (Action.PROMPT,)
    speaking(turns)
    assert turns.note(Input.SILENCE) == ()


def test_an_interruption_that_never_becomes_words_is_followed_up(turns: TurnTaker) -> None:
    speaking(turns)
    turns.hear(interim("no but"))
    assert turns.note(Input.SILENCE) == (Action.PROMPT,)
    assert turns.state is State.LISTENING


@pytest.mark.parametrize(
    ("text", "final", "expected"),
    [
        ("mhm", True, False),
        ("", True, False),
        ("yes", False, True),
        ("okay no", False, True),
        ("okay the", False, True),
        ("well", False, False),
        ("well", True, True),
        ("right right right", False, False),
    ],
)
def test_what_takes_the_floor(text: str, final: bool, expected: bool) -> None:
    assert takes_the_floor(text, 2, final=final) is expected


def test_every_state_can_be_left_and_every_action_is_used() -> None:
    left = {state for state, _ in TRANSITIONS}
    assert left == set(State) - {State.ENDED}
    used = {action for _, actions in TRANSITIONS.values() for action in actions}
    assert used == set(Action)


_events = st.one_of(
    st.builds(interim, st.sampled_from(["", "mhm", "stop", "the other one", "no"])),
    st.builds(
        said,
        st.sampled_from(["", "mhm", "Tuesday at nine", "no"]),
        end=st.booleans(),
    ),
    st.builds(UtteranceEnd, st.integers(0, 10_000)),
    st.builds(SpeechStarted, st.integers(0, 10_000)),
    st.sampled_from(list(Input)),
)


@given(st.lists(_events, max_size=40))
def test_a_reply_always_has_words_and_nothing_happens_after_the_end(events: list[object]) -> None:
    turns = TurnTaker(barge_in_words=2)
    ended = False
    for event in events:
        # TURN_END is made by `hear`, from words; from outside it is never noted.
        if event is Input.TURN_END:
            continue
        actions = turns.note(event) if isinstance(event, Input) else turns.hear(event)  # type: ignore[arg-type]
        assert not (ended and actions)
        if Action.REPLY in actions:
            assert turns.state is State.THINKING
            assert turns.take().text
        ended = turns.state is State.ENDED
