"""Names and corrections of what was read back, labelled by hand; and what is said back."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.sets import load
from otto.language.common_names import COMMON_NAMES, is_common
from otto.language.corrections import CONFUSABLE, corrected, reworded
from otto.language.names import NameSaid, corrected_name, read_name
from otto.language.read_backs import (
    agreed,
    birth_said,
    email_said,
    is_question_about,
    name_said,
    phone_said,
    spelled_with_words,
    vin_said,
)
from otto.language.vin import CHECK_POSITION, LENGTH, check_digit, normalise_vin

LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=12)
VIN_CHARACTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


@pytest.mark.parametrize(("said", "right"), load("names"))
def test_the_name_a_caller_says(said: str, right: str) -> None:
    found = read_name(said)
    assert (found.whole if found else "none") == right


@pytest.mark.parametrize(("known", "said", "right"), load("corrections"))
def test_a_correction_is_carried_out_only_where_it_means_one_thing(
    known: str, said: str, right: str
) -> None:
    if len(known) == LENGTH:
        ways = corrected(known, said, _fits)
        assert ([*ways] if len(ways) == 1 else ["ask"]) == [right]
        return
    first, _, last = known.partition(" ")
    found = corrected_name(NameSaid(first, last), said)
    assert (found.whole if found else "ask") == right


def _fits(vin: str) -> bool:
    return vin[CHECK_POSITION] == check_digit(vin)


@given(st.text(max_size=60))
def test_whatever_is_said_a_name_has_only_letters_that_were_said(said: str) -> None:
    found = read_name(said)
    if found is not None and not any(mark in said.lower() for mark in ("with", "no ", "has")):
        spelled = {word.lower() for word in found.spelled}
        for word in found.whole.lower().split():
            assert word in spelled or word in said.lower().replace("\u2019", "'"), word


@given(st.sampled_from(sorted(COMMON_NAMES)), LETTERS)
def test_a_last_name_that_is_spelled_is_taken_as_it_is_spelled(first: str, last: str) -> None:
    run = " ".join(last.upper())
    found = read_name(f"first name {first}, last name {run}")
    assert found is not None and found.last.lower() == last


@given(st.text(VIN_CHARACTERS, min_size=LENGTH, max_size=LENGTH), st.text(max_size=40))
def test_a_correction_of_a_vin_keeps_its_length_and_its_check_digit(vin: str, said: str) -> None:
    vin = vin[:CHECK_POSITION] + check_digit(vin) + vin[CHECK_POSITION + 1 :]
    for other in corrected(vin, said, _fits):
        assert len(other) == LENGTH and _fits(other) and other != vin


@given(st.data())
def test_one_character_that_was_misheard_is_put_right_by_its_word(data: st.DataObject) -> None:
    """The confusable pairs that the check digit does not tell apart, too."""
    pair = data.draw(st.sampled_from(["CT", "GP", "EV", "AJ", "H8"]))
    rest = data.draw(st.text("RWU245", min_size=LENGTH, max_size=LENGTH))
    at = data.draw(st.integers(0, LENGTH - 1).filter(lambda place: place != CHECK_POSITION))
    right = rest[:at] + pair[0] + rest[at + 1 :]
    right = right[:CHECK_POSITION] + check_digit(right) + right[CHECK_POSITION + 1 :]
    wrong = right[:at] + pair[1] + right[at + 1 :]
    assert _fits(wrong), "only the caller's ear tells them apart"
    said = f"no, {spelled_with_words(pair[0]).replace('as in', 'as in')}, not {pair[1]}"
    assert corrected(wrong, said, _fits) == {right}


@given(LETTERS, st.text(max_size=40))
def test_what_is_said_of_a_name_never_raises(name: str, said: str) -> None:
    assert name not in reworded(name, said)


def test_every_pair_that_the_check_digit_lets_pass_is_confusable() -> None:
    for one, other in ("CT", "GP", "EV", "AJ", "H8"):
        assert any(one in group and other in group for group in CONFUSABLE)
    # 8 is no letter of the table; it stands for itself there.
    assert check_digit("A" * LENGTH) == check_digit("J" * LENGTH)


# What is said back


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (NameSaid("John", "Smith"), "John Smith"),
        (NameSaid("John", "Smyth"), "John Smyth, Smyth spelled S, M, Y, T, H"),
        (
            NameSaid("John", "Smith", frozenset({"Smith"})),
            "John Smith, Smith spelled S, M, I, T, H",
        ),
        (NameSaid("Li", "Wei"), "Li Wei, Wei spelled W, E, I"),
        (NameSaid("Suharto"), "Suharto, Suharto spelled S, U, H, A, R, T, O"),
    ],
)
def test_a_name_that_may_be_written_otherwise_is_spelled(name: NameSaid, said: str) -> None:
    assert name_said(name) == said


def test_what_else_is_said_back() -> None:
    assert phone_said("+13125550142") == "(312) 555-0142"
    assert phone_said("+442079460018") == "+44 20 7946 0018"
    assert email_said("maria.alvarez@gmail.com") == "maria.alvarez@gmail.com"
    assert email_said("mx7@gmail.com") == "mx7@gmail.com, mx spelled M, X"
    assert birth_said(date(1984, 3, 12)) == "born March 12, 1984"
    assert spelled_with_words("1Hg8") == "1, H as in Henry, G as in George, 8"
    assert is_common("Maria Alvarez") and not is_common("Maria Alvares")


@given(st.text(VIN_CHARACTERS, min_size=LENGTH, max_size=LENGTH))
def test_a_vin_that_is_said_back_is_understood_as_the_same(vin: str) -> None:
    vin = vin[:CHECK_POSITION] + check_digit(vin) + vin[CHECK_POSITION + 1 :]
    said = vin_said(vin)
    assert normalise_vin(said.removeprefix("the VIN ")) == vin
    assert is_question_about(f"That's {said}. Is that right?", [vin])


@pytest.mark.parametrize(
    ("heard", "is_about"),
    [
        ("That's a 2021 Toyota Corolla. Is that right?", True),
        ("So, a 2021 Toyota  Corolla, correct?", True),
        ("That's a 2020 Toyota Corolla. Is that right?", False),
        ("I have a 2021 Toyota Corolla here.", False),
        ("", False),
    ],
)
def test_what_was_read_back_is_found_in_what_was_heard(heard: str, is_about: bool) -> None:
    assert is_question_about(heard, ["2021 Toyota Corolla"]) is is_about


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Yes.", True),
        ("Yes. What times do you have?", True),
        ("Yes, 2021 Toyota Corolla.", True),
        ("that's correct", True),
        ("No.", False),
        ("No, it's a 2020.", False),
        ("Yes, but it's a 2020", False),
        ("Yes. No, wait, it's a 2020.", None),
        ("What?", None),
        ("", None),
        ("Smith with a y", None),
    ],
)
def test_whether_what_was_said_back_is_right(answer: str, right: bool | None) -> None:
    assert agreed(answer, ["2021 Toyota Corolla"]) is right
