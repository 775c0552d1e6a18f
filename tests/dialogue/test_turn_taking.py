"""Who has the floor: each test is a moment of a call that went wrong somewhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import CallSettings
from otto.dialogue.turns.barge_in import takes_the_floor
from otto.dialogue.turns.floor import TRANSITIONS, Action, Input, State
from otto.dialogue.turns.taker import TurnTaker
from otto.events import SpeechStarted, Transcript, UtteranceEnd


def said(text: str, *, final: bool = True, end: bool = True, end_ms: int = 1000) -> Transcript:
    return Transcript(text, final, final and end, 0, end_ms)


def interim(text: str, voice_ms: int | None = None) -> Transcript:
    return Transcript(text, False, False, 0, 500, voice_ms=voice_ms)


class Clocked(TurnTaker):
    """A turn taker with a clock that stands still until it is moved."""

    def __init__(self) -> None:
        super().__init__(CallSettings(barge_in_words=2))
        self.now_s = 100.0

    def hear(  # type: ignore[override]
        self, event: SpeechStarted | Transcript | UtteranceEnd
    ) -> tuple[Action, ...]:
        return super().hear(event, self.now_s)

    def key(self, keys: str) -> tuple[Action, ...]:
        """Press keys, half a second apart; what followed from them all."""
        actions: tuple[Action, ...] = ()
        for key in keys:
            self.now_s += 0.5
            actions += self.press(key, self.now_s)
        return actions

    def wait(self, seconds: float) -> tuple[Action, ...]:
        """Time passes, with `check` called when it asks to be."""
        until_s, actions = self.now_s + seconds, ()
        while self.due_s is not None and self.due_s <= until_s:
            self.now_s = self.due_s
            actions += self.check(self.now_s)
        self.now_s = until_s
        return actions


@pytest.fixture
def turns() -> Clocked:
    return Clocked()


def speaking(turns: TurnTaker) -> TurnTaker:
    turns.note(Input.SAY)
    assert turns.state is State.SPEAKING
    return turns


def test_a_finished_turn_is_answered(turns: Clocked) -> None:
    assert turns.hear(interim("I need an")) == ()
    assert turns.hear(said("I need an oil change.", end_ms=1800)) == (Action.REPLY,)
    turn = turns.take()
    assert (turn.text, turn.end_ms) == ("I need an oil change.", 1800)
    assert turns.state is State.THINKING


def test_segments_are_joined_until_the_caller_stops(turns: Clocked) -> None:
    assert turns.hear(said("I would like", end=False)) == ()
    assert turns.hear(said("to have my oil", end=False)) == ()
    assert turns.hear(said("changed on Tuesday.")) == (Action.REPLY,)
    assert turns.take().text == "I would like to have my oil changed on Tuesday."


def test_utterance_end_closes_a_turn_whose_speech_final_never_came(turns: Clocked) -> None:
    turns.hear(said("An oil change", end=False))
    assert turns.hear(UtteranceEnd(900)) == (Action.REPLY,)


def test_utterance_end_without_words_is_no_turn(turns: Clocked) -> None:
    assert turns.hear(UtteranceEnd(900)) == ()
    assert turns.state is State.LISTENING


def test_an_empty_final_is_no_turn(turns: Clocked) -> None:
    assert turns.hear(said("")) == ()
    assert turns.state is State.LISTENING


def test_barge_in_needs_words_not_noise(turns: Clocked) -> None:
    speaking(turns)
    assert turns.hear(SpeechStarted(100)) == ()
    assert turns.hear(interim("the")) == ()
    assert turns.hear(interim("the other day")) == (Action.CLEAR,)
    assert turns.state is State.INTERRUPTED
    assert turns.hear(said("the other day would be better")) == (Action.CANCEL, Action.REPLY)


def test_mhm_does_not_stop_otto(turns: Clocked) -> None:
    speaking(turns)
    for text in ("mhm", "Mm-hmm.", "okay", "uh huh, right"):
        assert turns.hear(interim(text)) == ()
        assert turns.hear(said(text)) == ()
    assert turns.state is State.SPEAKING
    turns.note(Input.PLAYED)
    turns.hear(said("Tuesday"))
    assert turns.take().text == "Tuesday", "a backchannel must not leak into the next turn"


@pytest.mark.parametrize("word", ["Tuesday", "I", "but", "wait", "no", "can", "how much"])
def test_one_word_with_a_voice_behind_it_interrupts(turns: Clocked, word: str) -> None:
    speaking(turns)
    assert turns.hear(interim(word, voice_ms=200)) == (Action.CLEAR,)


@pytest.mark.parametrize("word", ["wait", "stop", "the", "no", "hot", "what the"])
def test_a_cough_that_is_taken_for_a_word_does_not(turns: Clocked, word: str) -> None:
    speaking(turns)
    assert turns.hear(interim(word, voice_ms=20)) == ()
    assert turns.hear(said("")) == ()
    assert turns.state is State.SPEAKING
    turns.hear(interim(word, voice_ms=20))
    assert Action.CLEAR in turns.hear(said(f"{word} please")), (
        "who whispers has no pitch; but the recogniser is sure in the end"
    )


@pytest.mark.parametrize(
    "text",
    ["mhm", "uh huh", "yeah", "Okay.", "I see.", "got it", "sounds good", "oh okay", "of course"],
)
def test_who_listens_aloud_does_not_interrupt_however_loud(turns: Clocked, text: str) -> None:
    speaking(turns)
    words = text.split()
    for guess in (words[0], text):
        if guess != "I":
            assert turns.hear(interim(guess, voice_ms=250)) == ()
    assert turns.hear(said(text)) == ()
    assert turns.state is State.SPEAKING


def test_a_cough_does_not_hold_up_the_answer_that_is_being_made(turns: Clocked) -> None:
    turns.hear(said("I need an oil change"))
    turns.take()
    assert turns.hear(interim("the", voice_ms=0)) == ()
    assert turns.hear(interim("the", voice_ms=180)) == (Action.CLEAR,)


@pytest.mark.parametrize(("voice_ms", "stops"), [(59, False), (60, True)])
def test_how_much_voice_is_enough_is_a_setting(voice_ms: int, stops: bool) -> None:
    assert takes_the_floor("but", 2, final=False, voice_ms=voice_ms, enough_ms=60) is stops
    assert takes_the_floor("but", 2, final=False, voice_ms=voice_ms, enough_ms=0)


def test_stop_alone_interrupts(turns: Clocked) -> None:
    speaking(turns)
    assert turns.hear(interim("stop")) == (Action.CLEAR,)


def test_a_one_word_answer_given_early_is_not_lost(turns: Clocked) -> None:
    speaking(turns)
    actions = turns.hear(said("Tuesday"))
    assert actions == (Action.CLEAR, Action.CANCEL, Action.REPLY)
    assert turns.take().text == "Tuesday"


def test_a_caller_who_goes_on_after_an_early_endpoint_is_not_talked_over(turns: Clocked) -> None:
    turns.hear(said("I need an oil change"))
    turns.take()
    assert turns.hear(interim("and also")) == (Action.CLEAR,)
    assert turns.state is State.INTERRUPTED
    assert turns.hear(said("and also new brakes")) == (Action.CANCEL, Action.REPLY)


def test_a_discarded_goodbye_does_not_hang_up(turns: Clocked) -> None:
    speaking(turns)
    turns.note(Input.CLOSE)
    assert turns.hear(interim("oh wait one thing")) == (Action.CLEAR,)
    assert turns.note(Input.PLAYED) == (), "the echo of the goodbye's mark comes late"
    assert turns.hear(said("wait, what does it cost")) == (Action.CANCEL, Action.REPLY)
    assert turns.state is State.THINKING


def test_the_goodbye_ends_the_call_when_it_was_heard(turns: Clocked) -> None:
    speaking(turns)
    turns.note(Input.CLOSE)
    assert turns.note(Input.PLAYED) == (Action.FINISH,)
    assert turns.state is State.ENDED
    assert turns.hear(said("hello?")) == (), "nothing is answered after the end"


def test_silence_is_asked_about_only_while_otto_waits(turns: Clocked) -> None:
    assert turns.note(Input.SILENCE) == (Action.PROMPT,)
    speaking(turns)
    assert turns.note(Input.SILENCE) == ()


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


# A false interruption


@pytest.mark.parametrize(
    "nothing", [said(""), said("Mm-hmm."), said("okay"), UtteranceEnd(900)], ids=str
)
def test_a_cough_taken_for_words_costs_nothing_but_a_pause(
    turns: Clocked, nothing: Transcript | UtteranceEnd
) -> None:
    speaking(turns)
    assert turns.hear(interim("the other")) == (Action.CLEAR,)
    assert turns.hear(nothing) == (Action.UNPAUSE,)
    assert turns.state is State.THINKING
    assert turns.due_s is None


def test_an_interruption_the_recogniser_forgets_is_over_by_the_clock(turns: Clocked) -> None:
    speaking(turns)
    turns.hear(interim("no but"))
    assert turns.wait(1.1) == ()
    assert turns.wait(0.2) == (Action.UNPAUSE,)


def test_a_television_in_the_room_cannot_keep_otto_silent(turns: Clocked) -> None:
    speaking(turns)
    turns.hear(interim("no but"))
    actions: tuple[Action, ...] = ()
    for _ in range(20):
        turns.hear(SpeechStarted(0))
        actions += turns.wait(0.5)
    assert actions == (Action.UNPAUSE,), "a voice without words waits longest_hold_s at most"


def test_a_breath_does_not_cost_the_caller_the_answer_being_made(turns: Clocked) -> None:
    turns.hear(said("I need an oil change"))
    turns.take()
    assert turns.hear(interim("the")) == (Action.CLEAR,)
    assert turns.hear(said("")) == (Action.UNPAUSE,)
    assert turns.state is State.THINKING, "the answer goes on; without it there would be silence"


def test_um_while_otto_thinks_is_no_reason_to_think_again(turns: Clocked) -> None:
    turns.hear(said("I need an oil change"))
    turns.take()
    assert turns.hear(said("um")) == ()


def test_words_after_a_false_start_are_a_turn_and_nothing_is_unpaused(turns: Clocked) -> None:
    speaking(turns)
    turns.hear(interim("no wait"))
    assert turns.hear(said("no wait Wednesday")) == (Action.CANCEL, Action.REPLY)
    assert turns.wait(30) == ()


# The end of a turn


def test_a_turn_that_breaks_off_is_held_open_and_its_rest_belongs_to_it(turns: Clocked) -> None:
    assert turns.hear(said("On Tuesday, and")) == ()
    assert turns.wait(1.0) == ()
    assert turns.hear(said("um, in the morning.")) == (Action.REPLY,)
    assert turns.take().text == "On Tuesday, and um, in the morning."


def test_a_turn_that_breaks_off_for_good_is_answered_all_the_same(turns: Clocked) -> None:
    turns.hear(said("I would like the"))
    turns.hear(UtteranceEnd(900))
    assert turns.wait(2) == (Action.REPLY,)


def test_a_number_read_out_with_pauses_arrives_as_one(turns: Clocked) -> None:
    turns.asked("What is your phone number, with the area code?")
    assert turns.hear(said("three one two")) == ()
    assert turns.wait(1.8) == ()
    assert turns.hear(UtteranceEnd(900)) == ()
    assert turns.hear(said("five five five")) == ()
    assert turns.wait(1.8) == ()
    assert turns.hear(said("oh one four")) == ()
    assert turns.hear(said("two", end=False)) == (Action.REPLY,), "the tenth digit ends it"
    assert turns.take().text == "three one two five five five oh one four two"


def test_seven_digits_are_answered_when_no_more_come(turns: Clocked) -> None:
    turns.asked("What is your phone number?")
    turns.hear(said("555 0142"))
    assert turns.wait(3) == (Action.REPLY,)


def test_a_date_of_birth_in_three_breaths_is_one_date(turns: Clocked) -> None:
    turns.asked("To make sure it's you, what is your date of birth?")
    assert turns.hear(said("March")) == ()
    assert turns.hear(said("12th")) == ()
    assert turns.hear(said("nineteen", end=False)) == ()
    assert turns.hear(said("eighty four", end=False)) == (Action.REPLY,)
    assert turns.take().text == "March 12th nineteen eighty four"


def test_noise_does_not_hold_a_turn_open_for_ever(turns: Clocked) -> None:
    turns.asked("What is your phone number?")
    turns.hear(said("three one two"))
    actions: tuple[Action, ...] = ()
    for _ in range(20):
        turns.hear(SpeechStarted(0))
        actions += turns.wait(0.5)
    assert actions == (Action.REPLY,)


def test_a_turn_whose_end_the_recogniser_never_reports_is_answered(turns: Clocked) -> None:
    turns.hear(said("An oil change please", end=False))
    assert turns.wait(10) == (Action.REPLY,)


def test_an_interim_that_never_becomes_final_does_not_lose_the_words_before(
    turns: Clocked,
) -> None:
    turns.hear(said("An oil change", end=False))
    turns.hear(interim("and"))
    assert turns.wait(10) == (Action.REPLY,)
    assert turns.take().text == "An oil change"


def test_a_caller_who_goes_on_while_a_turn_is_held_is_not_talked_over(turns: Clocked) -> None:
    turns.hear(said("On Tuesday or"))
    assert turns.wait(1.0) == ()
    turns.hear(interim("no I mean"))
    assert turns.wait(1.0) == ()
    assert turns.hear(said("no I mean Wednesday")) == (Action.REPLY,)


def test_sure_said_a_moment_early_is_an_answer_and_not_lost(turns: Clocked) -> None:
    turns.asked("That's Tuesday at 9:00 AM. Shall I book it?")
    speaking(turns)
    assert turns.hear(said("Sure.")) == ()
    turns.now_s += 0.6
    assert turns.played(turns.now_s) == (Action.WAIT, Action.REPLY)
    assert turns.take().text == "Sure."


def test_okay_in_the_middle_of_an_explanation_books_nothing(turns: Clocked) -> None:
    turns.asked("That's Tuesday at 9:00 AM. Shall I book it?")
    speaking(turns)
    turns.hear(said("Okay."))
    turns.now_s += 3.0
    assert turns.played(turns.now_s) == (Action.WAIT,)


# Keys


def test_a_keyed_date_of_birth_ends_with_its_eighth_digit(turns: Clocked) -> None:
    turns.asked("What is your date of birth?")
    assert turns.key("0412198") == ()
    assert turns.key("8") == (Action.REPLY,)
    assert turns.take().text == "Keyed on the telephone keypad: 04/12/1988"


def test_keys_stop_otto_at_once_and_for_good(turns: Clocked) -> None:
    speaking(turns)
    assert turns.key("5") == (Action.CLEAR, Action.CANCEL)
    assert turns.state is State.LISTENING
    assert turns.wait(5) == (Action.REPLY,), "no key follows: that is the number"
    assert turns.take().text == "Keyed on the telephone keypad: 5"


def test_the_pound_key_ends_a_number_and_alone_is_nothing(turns: Clocked) -> None:
    speaking(turns)
    assert turns.key("#") == ()
    assert turns.state is State.SPEAKING
    turns.note(Input.PLAYED)
    assert turns.key("1234#") == (Action.REPLY,)
    assert turns.take().text == "Keyed on the telephone keypad: 1234"


def test_star_takes_back_what_was_keyed(turns: Clocked) -> None:
    turns.asked("What is your phone number?")
    turns.key("999*")
    assert turns.key("3125550142") == (Action.REPLY,)
    assert turns.take().text == "Keyed on the telephone keypad: 312-555-0142"


def test_everything_taken_back_is_silence_and_is_followed_up(turns: Clocked) -> None:
    turns.key("12*")
    assert turns.wait(5) == (Action.WAIT,)


@pytest.mark.parametrize(("key", "word"), [("1", "Yes."), ("2", "No.")])
def test_one_and_two_answer_a_yes_or_no_question(turns: Clocked, key: str, word: str) -> None:
    turns.asked("Shall I book it?")
    assert turns.key(key) == (Action.REPLY,)
    assert turns.take().text.startswith(word)


def test_zero_is_a_wish_for_a_person(turns: Clocked) -> None:
    turns.key("0")
    assert turns.wait(5) == (Action.REPLY,)
    assert turns.take().text.startswith("I would like to speak to a person.")


def test_a_number_begun_by_voice_and_finished_by_keys_is_one_number(turns: Clocked) -> None:
    turns.asked("What is your date of birth?")
    assert turns.hear(said("zero four")) == ()
    assert turns.key("121988") == (Action.REPLY,)
    assert turns.take().text == "Keyed on the telephone keypad: 04/12/1988"


def test_a_pause_in_speech_does_not_end_a_number_being_keyed(turns: Clocked) -> None:
    turns.asked("What is your date of birth?")
    turns.key("0412")
    assert turns.hear(said("one moment")) == ()
    assert turns.key("1988") == (Action.REPLY,)
    assert turns.take().text == "one moment Keyed on the telephone keypad: 04/12/1988"


def test_a_plain_yes_does_not_wait_for_the_recognisers_report(turns: Clocked) -> None:
    turns.asked("Shall I book it?")
    assert turns.hear(said("Yes, please.", end=False)) == ()
    assert turns.wait(0.4) == ()
    assert turns.wait(0.2) == (Action.REPLY,)


def test_a_yes_that_goes_on_with_but_is_heard_out(turns: Clocked) -> None:
    turns.asked("Shall I book it?")
    turns.hear(said("Yes", end=False))
    turns.hear(interim("but"))
    assert turns.wait(1.0) == ()
    assert turns.hear(said("but on Tuesday.")) == (Action.REPLY,)
    assert turns.take().text == "Yes but on Tuesday."


def test_the_late_end_of_an_earlier_utterance_unpauses_nothing(turns: Clocked) -> None:
    speaking(turns)
    turns.hear(Transcript("no wait", False, False, 5000, 5400))
    assert turns.hear(UtteranceEnd(3000)) == ()
    assert turns.state is State.INTERRUPTED
    assert turns.hear(UtteranceEnd(5400)) == (Action.UNPAUSE,)


# A likely end


def test_only_a_turn_that_looks_whole_is_worth_beginning_an_answer(turns: Clocked) -> None:
    turns.hear(interim("I need an oil"))
    assert turns.likely == ""
    turns.hear(interim("I need an oil change."))
    assert turns.likely == "I need an oil change."
    turns.hear(said("I need an oil change, and", end=False))
    assert turns.likely == ""


def test_after_the_end_nothing_is_due(turns: Clocked) -> None:
    turns.key("7")
    turns.note(Input.CLOSE)
    assert turns.note(Input.PLAYED) == (Action.FINISH,)
    assert turns.due_s is None


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
    st.sampled_from("0123456789*#"),
    st.floats(0, 10).map(lambda seconds: round(seconds, 2)),
)


@settings(deadline=None)
@given(st.lists(_events, max_size=40), st.sampled_from(["", "Shall I book it?", "Your VIN?"]))
def test_a_reply_always_has_words_and_nothing_happens_after_the_end(
    events: list[object], question: str
) -> None:
    turns = Clocked()
    turns.asked(question)
    ended = False
    for event in events:
        # These are made inside, from words and time; from outside they are never noted.
        if event in {Input.WORDS, Input.TURN_END, Input.NOTHING, Input.KEY}:
            continue
        match event:
            case Input():
                actions = turns.note(event)
            case str():
                actions = turns.key(event)
            case float():
                actions = turns.wait(event)
            case _:
                actions = turns.hear(event)  # type: ignore[arg-type]
        assert not (ended and actions)
        if Action.REPLY in actions:
            assert turns.state is State.THINKING
            assert turns.take().text
        ended = turns.state is State.ENDED
        if turns.state is State.INTERRUPTED or not (ended or turns.is_idle):
            assert turns.due_s is not None, "nobody waits for ever"
