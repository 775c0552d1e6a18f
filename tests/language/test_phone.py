"""Telephone numbers as networks write them and callers say them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.language.phone import PhoneError, parse_phone

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize(
    "said",
    [
        "+13125550142",
        "3125550142",
        "1 312 555 0142",
        "(312) 555-0142",
        "312.555.0142",
        "three one two five five five zero one four two",
        "three one two, five five five, oh one four two",
        "Three-one-two, triple five, oh, one, forty two.",
        "three twelve double five five zero one four two",
        "It's area code three one two, and the number is 555 0142, please",
        "plus one three one two five five five o one four two",
        "three one two five five five 01:42",
        "my mobile is 312-555-0142 extension 7",
    ],
)
def test_ways_to_say_one_number(said: str) -> None:
    assert parse_phone(said) == "+13125550142"


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("eight hundred five five five oh one nine nine", "+18005550199"),
        ("seven seven three five five five one thousand", "+17735551000"),
        ("seven seven three five five five twenty oh one", "+17735552001"),
        ("+49 30 901820", "+4930901820"),
    ],
)
def test_grouped_and_foreign_numbers(said: str, number: str) -> None:
    assert parse_phone(said) == number


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", "did not get"),
        ("anonymous", "in digits"),
        ("client:otto", "in digits"),
        ("five five five zero one four two", "I got 7 digits"),
        ("312 555 01423", "I got 11 digits"),
        ("055 555 0142", "no such area code"),
        ("next Tuesday", "in digits"),
    ],
)
def test_what_is_no_number_gets_a_sentence_without_it(said: str, words: str) -> None:
    with pytest.raises(PhoneError, match=words) as caught:
        parse_phone(said)
    assert "0142" not in str(caught.value)


@given(
    area=st.sampled_from(["312", "773", "630", "847", "708", "815"]),
    last=st.integers(100, 199),
    separator=st.sampled_from([" ", ", ", "-", "... "]),
    oh=st.booleans(),
)
def test_digits_said_one_by_one_come_back(area: str, last: int, separator: str, oh: bool) -> None:
    digits = f"{area}5550{last}"
    spoken = separator.join("oh" if digit == "0" and oh else WORDS[int(digit)] for digit in digits)
    assert parse_phone(spoken) == f"+1{digits}"


@given(st.text(max_size=60))
def test_anything_at_all_is_a_number_or_a_phone_error(text: str) -> None:
    try:
        number = parse_phone(text)
    except PhoneError:
        return
    assert number.startswith("+") and number[1:].isdecimal() and number.isascii()
    assert parse_phone(number) == number
