"""Telephone numbers as networks write them and callers say them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.sets import load
from config.phone_numbers import NumberKind, callable_number, checked_number, phone_number
from otto.language.phone import WITHHELD_WORDS, PhoneError, caller_number, parse_phone, said_number

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

LETTERS = "abc def ghi jkl mno pqrs tuv wxyz".split()
KEYPAD = {str(key): letters for key, letters in enumerate(LETTERS, start=2)}


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


@pytest.mark.parametrize(
    ("written", "region", "kind"),
    [
        ("+13125550142", "US", NumberKind.ORDINARY),
        ("(312) 555-0142", "US", NumberKind.ORDINARY),
        ("416-555-0142", "CA", NumberKind.ORDINARY),
        ("+1 809 555 0142", "DO", NumberKind.ORDINARY),
        ("+49 30 901820", "DE", NumberKind.ORDINARY),
        ("+1 600 555 1234", "CA", NumberKind.ORDINARY),
        ("1-800-555-0199", "US", NumberKind.TOLL_FREE),
        ("900-555-0142", "US", NumberKind.COSTLY),
        ("+1 312 976 0142", "US", NumberKind.COSTLY),
        ("+1 312 555 1212", "US", NumberKind.COSTLY),
        ("+1 500 555 0006", "US", NumberKind.COSTLY),
        ("+44 7012 345678", "GB", NumberKind.COSTLY),
        ("+33 899 12 34 56", "FR", NumberKind.COSTLY),
        ("+49 1801 234567", "DE", NumberKind.COSTLY),
        ("+881 6123 45678", "001", NumberKind.COSTLY),
        ("+882 1612 34567", "001", NumberKind.COSTLY),
        ("+979 123 456 789", "001", NumberKind.COSTLY),
    ],
)
def test_where_a_number_is_and_what_calling_it_means(
    written: str, region: str, kind: NumberKind
) -> None:
    number = phone_number(written)
    assert number is not None
    assert (number.region, number.kind) == (region, kind)
    assert callable_number(written) == (None if kind is NumberKind.COSTLY else number.e164)


@pytest.mark.parametrize(
    "written",
    [
        *("", "+", "911", "+1911", "12345", "5550142", "+1 000 000 0000", "+1 555 555 5555"),
        *(
            "+999 123456",
            "+1 312 555 0142 0142",
            "312-555-0142 x7",
            "tel:+13125550142",
            "+1312FLOWERS",
        ),
        *("+1\u0663125550142", "+1 312 555 0142\nBcc: +19005550142", "1" * 5_000, "(" * 5_000),
    ],
)
def test_what_is_in_no_plan_is_no_number(written: str) -> None:
    assert phone_number(written) is None


@pytest.mark.parametrize(
    "sent",
    [
        *("+266696687", "+7378742833", "+17378742833", "7378742833", "+2562533", "+8656696"),
        *("+86282452253", "86282452253", "+7748283", "+94844353", "+6622553743", "+688632732"),
        *(
            "",
            " ",
            "anonymous",
            "Anonymous",
            "UNKNOWN",
            "Restricted",
            "unavailable",
            "null",
            "+464",
        ),
        *("sip:alice@example.com", "sip:+13125550142@example.com", "client:otto", "alice", "*67"),
        *("1001", "22395", "+22395", "911", "+10000000000", "+19005550142", "+13129760142"),
        *("+881612345678", "+979123456789", "+447012345678", "+13125550142x7", "+1312555014\u0662"),
    ],
)
def test_who_cannot_be_called_back_has_no_number(sent: str) -> None:
    assert caller_number(sent) is None


@pytest.mark.parametrize("prefix", ["", "+", "+1", "1"])
@pytest.mark.parametrize("word", WITHHELD_WORDS)
def test_a_word_spelt_on_the_keypad_is_no_number(word: str, prefix: str) -> None:
    keys = {letter: key for key, letters in KEYPAD.items() for letter in letters}
    assert caller_number(prefix + "".join(keys[letter] for letter in word)) is None


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ("+13125550142", "+13125550142"),
        ("3125550142", "+13125550142"),
        ("13125550142", "+13125550142"),
        ("+14165550142", "+14165550142"),
        ("+4930901820", "+4930901820"),
        ("+18005550199", "+18005550199"),
    ],
)
def test_who_can_be_called_back(sent: str, number: str) -> None:
    assert caller_number(sent) == number


def test_a_number_that_spells_a_word_may_still_be_said() -> None:
    assert parse_phone("seven three seven, eight seven four, two eight three three") == (
        "+17378742833"
    )


@pytest.mark.parametrize("said", ["nine hundred five five five oh one four two", "+881612345678"])
def test_a_said_number_that_costs_is_asked_for_again(said: str) -> None:
    with pytest.raises(PhoneError, match="ordinary one") as caught:
        parse_phone(said)
    assert "142" not in str(caught.value)


@given(st.text(max_size=60) | st.from_regex(r"\A\+?[0-9 ()./-]{0,45}\Z"))
def test_a_number_keeps_itself_however_it_came(text: str) -> None:
    for read in (callable_number, caller_number):
        number = read(text)
        if number is not None:
            assert number.startswith("+") and 7 <= len(number) - 1 <= 15 and number.isascii()
            assert callable_number(number, region=None) == number


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("13125550100", "not a telephone number like"),
        ("sip:desk@example.com", "not a telephone number like"),
        ("+13125550", "that exists"),
        ("+19005550100", "costs whoever calls it"),
    ],
)
def test_an_operator_is_told_what_is_wrong_with_a_number(written: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        checked_number(written)


CASES = load("phones")


@pytest.mark.parametrize(("said", "right"), CASES)
def test_a_number_is_found_among_words_and_never_guessed(said: str, right: str) -> None:
    if right.startswith("+"):
        assert parse_phone(said) == right
    else:
        with pytest.raises(PhoneError, match=right):
            parse_phone(said)


@pytest.mark.parametrize(
    "said", ["this number", "the number I'm calling from", "Use the same number, please.",
             "the one you see on your screen", "it's the one I'm calling from"],
)  # fmt: skip
def test_the_number_they_call_from_can_be_meant(said: str) -> None:
    assert said_number(said, "+17735550111") == "+17735550111"
    assert said_number(said, "anonymous") is None
    assert said_number("312 555 0142, not this number", "+17735550111") == "+13125550142"
