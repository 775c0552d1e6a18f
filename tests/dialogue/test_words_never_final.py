"""Words that a recogniser never makes final, and ends that are of other words."""

from __future__ import annotations

import pytest

from config.settings import CallSettings
from otto.dialogue.turns.floor import Action, Input, State
from otto.dialogue.turns.taker import TurnTaker
from otto.events import Transcript, UtteranceEnd


@pytest.fixture
def turns() -> TurnTaker:
    return TurnTaker(CallSettings(barge_in_words=2))


def interim(text: str, start_ms: int, end_ms: int) -> Transcript:
    return Transcript(text, False, False, start_ms, end_ms)


def final(text: str, start_ms: int, end_ms: int, *, stops: bool = False) -> Transcript:
    return Transcript(text, True, stops, start_ms, end_ms)


BLUE = interim("it is the blue one", 1000, 2500)


def test_an_interim_is_the_turn_at_the_end_of_its_utterance(turns: TurnTaker) -> None:
    turns.hear(BLUE, 2.0)
    assert turns.hear(UtteranceEnd(2500), 3.0) == (Action.REPLY,)
    turn = turns.take()
    assert (turn.text, turn.end_ms) == ("it is the blue one", 2500)


def test_an_interim_of_which_nothing_more_is_heard_is_the_turn(turns: TurnTaker) -> None:
    turns.hear(BLUE, 2.0)
    assert turns.due_s is not None and turns.due_s <= 5.0
    assert turns.check(turns.due_s) == (Action.REPLY,)
    assert turns.take().text == "it is the blue one"


def test_the_interim_behind_a_final_belongs_to_the_turn(turns: TurnTaker) -> None:
    turns.hear(final("it is", 1000, 1500), 1.6)
    turns.hear(interim("the blue one", 1500, 2500), 2.5)
    assert turns.hear(UtteranceEnd(2500), 3.5) == (Action.REPLY,)
    assert turns.take().text == "it is the blue one"


@pytest.mark.parametrize(
    ("late", "rest"),
    [
        (final("It is the blue one.", 1000, 2500, stops=True), ""),
        (final("it is the blue one", 1100, 4200, stops=True), ""),
        (final("it's the blue one", 1000, 2700, stops=True), ""),
        (final("it is the blue one please", 1000, 4400, stops=True), "please"),
        (final("and a red one", 2600, 4400, stops=True), "and a red one"),
    ],
)
def test_a_final_that_comes_too_late_is_no_second_turn(
    turns: TurnTaker, late: Transcript, rest: str
) -> None:
    turns.hear(BLUE, 2.0)
    turns.hear(UtteranceEnd(2500), 3.0)
    turns.take()
    actions = turns.hear(late, 3.5)
    assert turns.take().text == rest
    assert bool(actions) == bool(rest)


def test_an_end_that_is_older_than_the_newest_words_ends_nothing(turns: TurnTaker) -> None:
    turns.hear(final("an oil change", 1000, 2000), 2.1)
    turns.hear(final("and new tires please", 4000, 5500), 5.6)
    assert turns.hear(UtteranceEnd(2000), 5.7) == ()
    assert turns.hear(UtteranceEnd(0), 5.8) == ()
    assert turns.hear(UtteranceEnd(5480), 6.6) == (Action.REPLY,)
    assert turns.take().text == "an oil change and new tires please"


def test_an_old_end_does_not_settle_an_interim(turns: TurnTaker) -> None:
    turns.hear(final("an oil change", 1000, 2000), 2.1)
    turns.hear(interim("and new", 4000, 4800), 4.9)
    assert turns.hear(UtteranceEnd(2000), 5.0) == ()
    assert turns.hear(final("and new tires please", 4000, 5500, stops=True), 5.6)
    assert turns.take().text == "an oil change and new tires please"


def test_an_interim_that_is_taken_back_leaves_the_end_to_the_words_before(
    turns: TurnTaker,
) -> None:
    turns.hear(final("an oil change please", 1000, 2000), 2.1)
    turns.hear(interim("uh", 2400, 2700), 2.8)
    turns.hear(final("", 2300, 2900), 2.9)
    assert turns.hear(UtteranceEnd(2000), 3.1) == (Action.REPLY,)
    assert turns.take().text == "an oil change please"


def test_a_noise_while_otto_speaks_is_still_none(turns: TurnTaker) -> None:
    turns.note(Input.SAY)
    assert turns.hear(interim("the other", 1000, 1500), 1.6) == (Action.CLEAR,)
    assert turns.hear(UtteranceEnd(1500), 2.6) == (Action.UNPAUSE,)
    assert turns.state is State.THINKING


def test_an_end_without_any_words_is_nothing(turns: TurnTaker) -> None:
    assert turns.hear(UtteranceEnd(0), 1.0) == ()
    assert turns.due_s is None
