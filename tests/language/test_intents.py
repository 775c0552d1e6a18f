"""What callers want by their own words, labelled by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.sets import load
from otto.language.intents import Intent, intents

CASES = load("intents")
URGENT = [said for said, wanted in CASES if wanted in {"danger", "person", "opt_out", "language"}]


@pytest.mark.parametrize(("said", "wanted"), CASES)
def test_what_callers_want(said: str, wanted: str) -> None:
    assert (",".join(intents(said)) or "none") == wanted


@given(
    st.sampled_from(["hi", "yeah hello there", "good morning, um", "okay so", "well, listen,"]),
    st.sampled_from(URGENT),
    st.sampled_from(["", "please", "thank you", "okay?", "right now"]),
)
def test_what_is_urgent_is_heard_among_courtesy(before: str, said: str, behind: str) -> None:
    if said not in {"operator", "agent"}:  # alone they are a intent, among others a word
        assert intents(f"{before} {said} {behind}")[0] is intents(said)[0]


@pytest.mark.parametrize(
    "said",
    [
        "my name is Maria Alvarez",
        "this is John Smith",
        "yes, the name is Sarah Lee",
        "the first name is Tony",
        "it is Mark, with a k",
    ],
)
def test_who_says_their_name_wants_nobody(said: str) -> None:
    assert Intent.PERSON not in intents(said)


@pytest.mark.parametrize("said", ["hi, is Mike there", "is Dave in today?", "can I talk to Lisa"])
def test_somebody_asked_for_by_name_is_a_person(said: str) -> None:
    assert Intent.PERSON in intents(said)


@given(st.text(max_size=120))
def test_whatever_is_said_the_kinds_are_known(said: str) -> None:
    assert all(isinstance(intent, Intent) for intent in intents(said))
