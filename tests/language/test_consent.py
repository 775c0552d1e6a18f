"""Answers to "Shall I book it?", labelled by hand, and what must never count as one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.sets import load
from otto.language.consent import Answer, judge

CASES = load("consent")
READ_BACK = ("oil change", "Honda Civic", "civic", "Tuesday", "November 24", "7:30", "7:30 AM")


@pytest.mark.parametrize(("said", "comes_to"), CASES)
def test_an_answer_is_judged_by_its_meaning(said: str, comes_to: str) -> None:
    assert judge(said) == comes_to


@pytest.mark.parametrize(
    "said",
    ["yes, Tuesday", "Tuesday at 7:30 is perfect", "yes for the Honda Civic", "okay the oil change",
     "yes on Tuesday, November 24 at 7:30 AM please"],
)  # fmt: skip
def test_what_was_read_back_may_be_repeated(said: str) -> None:
    assert judge(said, "book", READ_BACK) is Answer.AGREES
    assert judge(said) is not Answer.AGREES


@pytest.mark.parametrize(
    "said",
    ["yes, Wednesday", "Tuesday at 8:30", "yes for the Accord", "Tuesday", "7:30", "November 25",
     "yes at 7:30 PM", "yes the oil change and the brakes", "not Tuesday", "the Honda Civic"],
)  # fmt: skip
def test_what_differs_from_it_and_it_alone_agree_to_nothing(said: str) -> None:
    assert judge(said, "book", READ_BACK) is not Answer.AGREES


@pytest.mark.parametrize(
    "said", ["yes cancel it", "go ahead and cancel", "please cancel it", "yes"]
)
def test_a_cancellation_is_agreed_to_in_its_own_words(said: str) -> None:
    assert judge(said, "cancel") is Answer.AGREES


@pytest.mark.parametrize("said", ["keep it", "book it", "no keep it", "don't cancel it", "cancel"])
def test_other_words_cancel_nothing(said: str) -> None:
    wanted = said == "cancel"
    assert (judge(said, "cancel") is Answer.AGREES) == wanted


AGREEMENTS = [said for said, comes_to in CASES if comes_to == "agrees"]
OTHERS = [said for said, comes_to in CASES if comes_to not in {"agrees", "unclear"}]


@given(st.sampled_from(AGREEMENTS), st.sampled_from(OTHERS), st.sampled_from([" ", ", ", ". "]))
def test_consent_with_something_else_is_none(agreed: str, other: str, between: str) -> None:
    """Only "no" and thinking aloud before consent may turn into it: "no" and "that's perfect"."""
    assert judge(agreed + between + other) is not Answer.AGREES
    is_no = other.startswith(("can't", "nah", "nope", "uh-uh"))
    if not is_no and "no" not in re.findall(r"\w+", other) and judge(other) is not Answer.WAITS:
        assert judge(other + between + agreed) is not Answer.AGREES


@given(st.text(max_size=60))
def test_whatever_is_said_it_is_judged(said: str) -> None:
    assert isinstance(judge(said), Answer)


@given(st.lists(st.sampled_from(["mumble", "brakes", "maybe", "not", "zebra"]), min_size=1))
def test_one_word_that_is_none_of_consent_is_enough(words: list[str]) -> None:
    assert judge("yes " + " ".join(words) + " please") is not Answer.AGREES
