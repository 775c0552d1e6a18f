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
