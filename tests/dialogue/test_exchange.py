"""What was heard and answered, read from the history."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.exchange import MOST_ROUNDS, Exchange, Round
from otto.dialogue.session.history import CallerSaid, OttoSaid
from otto.dialogue.turns.completeness import Expected
from otto.dialogue.turns.keypad import in_words

READ_BACK = "That's an oil change on Tuesday. Shall I book it?"


def exchange(*entries: CallerSaid | OttoSaid) -> Exchange:
    return Exchange.of(entries)


def test_nobody_has_spoken() -> None:
    assert exchange() == Exchange((), "")
    greeted = exchange(OttoSaid("How can I help you?"))
    assert (greeted.heard, greeted.answer, greeted.since) == ("", "", "How can I help you?")
    assert greeted.own_words() == ""


def test_an_answer_belongs_to_all_that_was_heard_since_the_answer_before() -> None:
    found = exchange(
        OttoSaid("How can I help you?"),
        CallerSaid("An oil change on Tuesday"),
        OttoSaid("Let me see.", calls=[{"id": "1"}], results=["{}"]),
        OttoSaid(READ_BACK),
        CallerSaid("Yes"),
        OttoSaid("Great."),
    )
    assert found.heard == f"Let me see. {READ_BACK}"
    assert (found.answer, found.since) == ("Yes", "Great.")
    assert found.rounds[0] == Round("How can I help you?", "", "An oil change on Tuesday")


def test_a_caller_who_speaks_first_has_heard_nothing() -> None:
    found = exchange(CallerSaid("Hello"), OttoSaid("How can I help?"))
    assert (found.heard, found.answer) == ("", "Hello")


def test_turns_with_nothing_heard_between_them_are_one_answer() -> None:
    found = exchange(
        OttoSaid(READ_BACK),
        CallerSaid("Yes"),
        OttoSaid("", calls=[{"id": "1"}], results=["{}"]),
        OttoSaid("", unheard="You are booked."),
        CallerSaid("please"),
        CallerSaid("thank you"),
    )
    assert (found.heard, found.answer) == (READ_BACK, "Yes please thank you")
    assert len(found.rounds) == 1


def test_what_was_cut_off_is_not_heard() -> None:
    found = exchange(
        OttoSaid("That's an oil change on", unheard="Tuesday. Shall I book it?"), CallerSaid("Yes")
    )
    assert found.heard == "That's an oil change on"
    assert found.rounds[0].unheard == "Tuesday. Shall I book it?"


def test_what_was_cut_off_before_another_utterance_is_left_out() -> None:
    found = exchange(OttoSaid("First,", unheard="that"), OttoSaid("Second."), CallerSaid("Yes"))
    assert (found.rounds[0].heard, found.rounds[0].unheard) == ("First, Second.", "")


def test_keys_are_a_yes_and_a_no_however_they_were_taken() -> None:
    for expected in (Expected.YES_NO, Expected.ANYTHING):
        for key, answer in (("1", "Yes."), ("2", "No.")):
            found = exchange(OttoSaid(READ_BACK), CallerSaid(in_words(key, expected)))
            assert found.answer == answer, (expected, key)


def test_other_keys_are_no_answer_to_yes_or_no() -> None:
    for digits in ("12", "11", "3", "21", "3125550100"):
        keyed = in_words(digits, Expected.ANYTHING)
        assert exchange(OttoSaid(READ_BACK), CallerSaid(keyed)).answer == keyed


def test_the_callers_own_words_are_those_of_the_last_turns() -> None:
    found = exchange(
        CallerSaid("one"), OttoSaid("a"), CallerSaid("two"), OttoSaid("b"), CallerSaid("three")
    )
    assert found.own_words() == "one two three"
    assert found.own_words(2) == "two three"
    assert found.own_words(0) == ""


_ENTRIES = st.lists(
    st.one_of(
        st.builds(CallerSaid, st.sampled_from(["Yes", "no", "Tuesday", ""])),
        st.builds(
            OttoSaid,
            st.sampled_from(["", "Shall I book it?", "One moment."]),
            st.sampled_from(["", "cut"]),
        ),
    ),
    max_size=60,
)


@given(_ENTRIES)
def test_nothing_is_heard_that_was_not_and_nothing_is_said_twice(
    entries: list[CallerSaid | OttoSaid],
) -> None:
    found = Exchange.of(entries)
    assert len(found.rounds) <= MOST_ROUNDS
    heard = [entry.text for entry in entries if isinstance(entry, OttoSaid) and entry.text]
    told = [each.heard for each in found.rounds if each.heard] + [found.since] * bool(found.since)
    assert " ".join(heard).endswith(" ".join(told))
    said = [entry.text for entry in entries if isinstance(entry, CallerSaid) and entry.text]
    assert " ".join(said).endswith(" ".join(found.own_words().split()))
    assert all(each.heard for each in found.rounds[1:])
