"""What is said when a call ends: courtesy stops nothing, and second thoughts do."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.turns.courtesy import Parting, announced, asks, is_courtesy, plain, withdraws

DESK = "I'll connect you with the service desk. Please hold on."
THANKS = [
    *("Thank you so much", "thanks", "Thanks a lot, bye.", "okay thank you", "Bye-bye", "Goodbye"),
    *("Have a nice day", "You too, thanks", "Thank you very much for your help", "mm-hmm okay"),
    *("I appreciate it.", "Great, thank you so much, have a wonderful day!", "See you Tuesday"),
    *("Alright then, thank you", "That's great, thanks", "all right bye now", "God bless you"),
    *("Oh thank you, you’ve been very helpful", "Thanks for everything", "Take care", "uh huh"),
    *("Okay, great, thanks Otto", "you have a good one", "same to you", "Talk to you later"),
    *("Perfect.", "Happy Thanksgiving", "Thank you. Thank you so much.", "no problem"),
]
AGREEMENT = ["yes please", "Okay I'll hold", "I'll wait, thank you", "sure, go ahead", "hello?"]
DONE = ["No thank you", "no that's all, thanks", "No, I'm good, bye", "nothing else thank you"]
CONTENT = [
    *("wait", "wait one more thing", "Thank you but can you book me Tuesday", "stop", "hold on"),
    *("what are your hours", "sorry what", "thanks, one more question", "no wait", "Tuesday"),
    *("oh and my tires", "I have a problem", "thank you can I", "see you Tuesday at nine right"),
    *("I don't want to hold", "no I don't want a person", "good question what about tires", "no"),
    *("actually never mind", "", "   ", "?!", "not a person please", "is it Tuesday"),
]


@pytest.mark.parametrize("text", THANKS)
@pytest.mark.parametrize("parting", list(Parting))
def test_thanks_and_goodbyes_are_courtesy(text: str, parting: Parting) -> None:
    assert is_courtesy(text, parting)
    assert is_courtesy(text.upper(), parting)


@pytest.mark.parametrize("text", CONTENT)
@pytest.mark.parametrize("parting", list(Parting))
def test_what_has_content_is_not(text: str, parting: Parting) -> None:
    assert not is_courtesy(text, parting)


@pytest.mark.parametrize("text", AGREEMENT)
def test_agreement_stops_no_transfer_but_a_goodbye_is_not_agreed_to(text: str) -> None:
    assert is_courtesy(text, Parting.PERSON)
    assert not is_courtesy("yes", Parting.GOODBYE)
    assert not is_courtesy("hello?", Parting.GOODBYE)


@pytest.mark.parametrize("text", DONE)
def test_nothing_else_is_courtesy_to_a_goodbye(text: str) -> None:
    assert is_courtesy(text, Parting.GOODBYE)


@pytest.mark.parametrize("text", ["thank", "thank you so", "have a", "I really", "see you"])
def test_interim_words_that_may_become_courtesy_do_not_stop_otto(text: str) -> None:
    assert is_courtesy(text, Parting.PERSON, is_final=False)
    assert not is_courtesy("wait", Parting.PERSON, is_final=False)
    assert not is_courtesy("no", Parting.PERSON, is_final=False)


@given(
    st.lists(st.sampled_from(THANKS), max_size=2),
    st.sampled_from(["wait", "Tuesday", "my brakes", "how much", "why", "don't", "but", "stop"]),
    st.lists(st.sampled_from(THANKS), max_size=2),
    st.sampled_from(list(Parting)),
)
def test_one_word_of_content_among_thanks_is_heard(
    before: list[str], content: str, after: list[str], parting: Parting
) -> None:
    assert not is_courtesy(" ".join([*before, content, *after]), parting)


@given(st.lists(st.sampled_from(THANKS), min_size=1, max_size=3), st.sampled_from(list(Parting)))
def test_thanks_upon_thanks_are_thanks(texts: list[str], parting: Parting) -> None:
    assert is_courtesy(", ".join(texts), parting) or len(plain(" ".join(texts)).split()) > 30


@given(st.text(max_size=300), st.text(max_size=300), st.booleans())
def test_no_text_is_too_odd(text: str, asked: str, is_final: bool) -> None:
    for parting in Parting:
        assert is_courtesy(text, parting, is_final=is_final) in {True, False}
    assert withdraws(text, asked) in {True, False}
    announced(text)
    assert asks(text) in {True, False}


def test_a_long_speech_is_judged_at_once() -> None:
    for unit in ("bye ", "thank you ", "don't want to be to be ", "have a good one you too "):
        began_s = time.process_time()
        for _ in range(20):
            is_courtesy(unit * 5 + "x", Parting.GOODBYE)
            withdraws(unit * 500 + "x", DESK)
        assert (time.process_time() - began_s) / 20 < 0.1, "CPU time of this process alone"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        *((text, "Seven to six.") for text in ("no I don't want a person", "don't transfer me")),
        *((text, "Seven to six.") for text in ("I don't need to talk to anybody", "bye")),
        *((text, "Seven to six.") for text in ("that's all, thanks", "I'd rather book it here")),
        *((text, DESK) for text in ("never mind", "no thanks", "forget it", "no need")),
        *((text, DESK) for text in ("cancel that", "I don't want that", "don’t connect me")),
        ("No.", "Do you still want to talk to a person?"),
        ("No, that is fine.", "Is there anything else?"),
    ],
)
def test_a_wish_is_withdrawn(text: str, asked: str) -> None:
    assert withdraws(text, asked)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        *((text, DESK) for text in ("wait one more thing", "what are your hours", "thank you")),
        *((text, DESK) for text in ("I want a person", "I don't have my VIN", "I don't know")),
        *((text, DESK) for text in ("I don't want an oil change", "no wait what are your hours")),
        ("No thanks", "Would you like a loaner car?"),
        ("No.", "Is it a Honda?"),
        ("never mind", "We have Tuesday at nine."),
    ],
)
def test_a_wish_stands(text: str, asked: str) -> None:
    assert not withdraws(text, asked)


@pytest.mark.parametrize(
    ("said", "parting"),
    [
        (DESK, Parting.PERSON),
        ("Let me connect you.", Parting.PERSON),
        ("I'm transferring you now.", Parting.PERSON),
        ("Let me put you through.", Parting.PERSON),
        ("Thank you for calling. Goodbye.", Parting.GOODBYE),
        ("Have a great day!", Parting.GOODBYE),
        ("I can connect you with a person if you like.", None),
        ("Shall I connect you?", None),
        ("We have Tuesday at nine.", None),
        ("", None),
    ],
)
def test_otto_is_known_to_take_leave_by_what_it_says(said: str, parting: Parting | None) -> None:
    assert announced(said) is parting
