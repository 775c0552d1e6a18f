"""Where a sentence goes on after its voice broke off: no word lost, none said twice but the cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otto.speech.remainder import TYPICAL_MS_PER_CHAR, Pace, rest_of

SENTENCES = st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=20).map(
    " ".join
)


@given(SENTENCES, st.floats(0, 1), st.floats(40, 100))
def test_with_the_pace_known_the_cut_word_is_said_again_and_no_other(
    text: str, share: float, ms_per_char: float
) -> None:
    said_ms = share * len(text) * ms_per_char
    rest = rest_of(text, said_ms, ms_per_char)
    assert text.endswith(rest)
    begins = len(text) - len(rest)
    assert begins <= share * len(text) + 1  # nothing is lost, but the space before a word
    if rest and share < 0.999:
        cut_word = rest.split()[0]
        assert begins + len(cut_word) >= share * len(text) - 1  # nothing before it is said again


@given(SENTENCES, st.floats(0, 1), st.floats(0.9, 1.1))
def test_a_pace_wrong_by_a_tenth_misses_by_a_tenth_of_what_was_said(
    text: str, share: float, wrong: float
) -> None:
    said_ms = share * len(text) * 62.0
    begins = len(text) - len(rest_of(text, said_ms, 62.0 * wrong))
    assert begins - share * len(text) <= 0.12 * share * len(text) + 1


def test_nothing_is_left_of_a_sentence_that_was_said() -> None:
    assert rest_of("It is ready.", 12 * 62.0, 62.0) == ""
    assert rest_of("It is ready.", 0, 62.0) == "It is ready."
    assert rest_of("It is ready.", 4 * 62.0, 62.0) == "is ready."


def test_the_pace_is_measured_once_there_is_enough_to_measure() -> None:
    pace = Pace()
    pace.learn("primary", "Yes.", 8 * 1000)
    assert pace.ms_per_char("primary") == TYPICAL_MS_PER_CHAR
    pace.learn("primary", "a" * 96, 8 * 5000)
    assert pace.ms_per_char("primary") == 60.0
    assert pace.ms_per_char("fallback") == TYPICAL_MS_PER_CHAR
