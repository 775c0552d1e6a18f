"""Whether a turn is over, by its words and the question: turns labelled by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.sets import load
from otto.dialogue.turns.completeness import Expected, Verdict, assess, expectation

TURNS = load("turns")


@pytest.mark.parametrize(("asked", "said", "is_over"), TURNS)
def test_a_turn_is_waited_for_only_where_something_has_to_come(
    asked: str, said: str, is_over: str
) -> None:
    verdict = assess(said, expectation(asked))
    assert (verdict in {Verdict.COMPLETE, Verdict.PLAIN}) == (is_over == "yes"), verdict


@given(st.text(max_size=80), st.sampled_from(Expected))
def test_whatever_is_said_there_is_a_verdict(said: str, expected: Expected) -> None:
    assert isinstance(assess(said, expected), Verdict)


WHICH_CAR = "What year, make and model is your car?"


@pytest.mark.parametrize(
    ("said", "is_over"),
    [
        ("A Ford Escape.", False),
        ("It's a Toyota, a Corolla,", False),
        ("a Ford", False),
        ("A Ford Escape. Two thousand fifteen, I think.", True),
        ("it's a Honda Civic from 2019", True),
        ("a '19 Civic", True),
        ("It's my wife's car.", True),
        ("I'm not sure.", True),
    ],
)
def test_a_car_without_its_year_is_waited_for(said: str, is_over: bool) -> None:
    assert expectation(WHICH_CAR) is Expected.VEHICLE
    assert (assess(said, Expected.VEHICLE) is not Verdict.UNFINISHED) is is_over


@pytest.mark.parametrize(
    ("said", "is_over"),
    [
        ("Tuesday, I think.", True),
        ("Around nine, I guess", True),
        ("It was last March, I believe.", True),
        ("Well, I think", False),
        ("Yeah, I guess", False),
        ("Tuesday is fine but I think", False),
    ],
)
def test_i_think_behind_all_of_it_begins_nothing(said: str, is_over: bool) -> None:
    assert (assess(said, Expected.ANYTHING) is not Verdict.UNFINISHED) is is_over
