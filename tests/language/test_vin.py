"""VINs as written and as read out; the check digit against an independent implementation."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from vininfo import Vin

from benchmarks.understanding.sets import load
from otto.language.vin import VinError, check_digit, normalise_vin, normalise_vin_tail

VIN = "1HGBH41JXMN109186"
CHARACTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
NATO = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar "
    "papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu"
).split()
DIGITS = "zero one two three four five six seven eight nine".split()

vins = st.text(CHARACTERS, min_size=17, max_size=17).map(
    lambda vin: vin[:8] + check_digit(vin) + vin[9:]
)


@pytest.mark.parametrize(
    "said",
    [
        VIN,
        VIN.lower(),
        "1HGBH-41JX MN109186",
        "1HGBH41JXMNIO9I86",  # written with the letters I and O
        "one H G B H four one J X M N one zero nine one eight six",
        "one hotel golf bravo hotel four one juliet x-ray mike november one oh nine one eight six",
        "1, H as in Henry, G as in George, B as in boy, H as in hotel, 4, 1, J as in John, "
        "X as in X-ray, M as in Mary, N as in Nancy, 1, 0, 9, 1, 8, 6",
        "The VIN is 1HG BH 41 JX MN ten nine eighteen six",
        "one aitch gee bee aitch four one jay ex em en one zero nine one eight six",
        "1 H G B H 4 1 J X N as in Mary M like Nancy 1 O 9 1 8 6",
        "one H G B H forty one J X M N one oh nine one eight six",
    ],
)
def test_ways_to_say_one_vin(said: str) -> None:
    assert normalise_vin(said) == VIN


def test_double_letters_and_digits() -> None:
    said = "double one double u as in whiskey triple A 1"
    with pytest.raises(VinError, match="I got 7 characters"):
        normalise_vin(said)
    assert normalise_vin_tail("double four double u, X, oh, 7") == "44WX07"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", "I got 0 characters"),
        (VIN[:-1], "I got 16 characters"),
        (VIN + "7", "I got 18 characters"),
        (VIN[:-1] + "7", "check digit"),
        ("it is on the windscreen", "neither a letter nor a digit"),
    ],
)
def test_what_is_no_vin_gets_a_sentence_without_it(said: str, words: str) -> None:
    with pytest.raises(VinError, match=words) as caught:
        normalise_vin(said)
    assert "1HG" not in str(caught.value)


@pytest.mark.parametrize("said", ["109186", "one oh nine one eight six", VIN, "1 O 9 I 8 6"])
def test_the_tail_is_the_last_six(said: str) -> None:
    assert normalise_vin_tail(said) == "109186"


@given(vins)
def test_the_check_digit_agrees_with_another_implementation(vin: str) -> None:
    known = Vin(vin)
    # vininfo answers False unread for makers that it knows not to use check digits.
    assume(getattr(known.assembler, "uses_sae_checkdigit", True))
    assert known.verify_checksum(check_year=False)


@given(vins)
def test_a_vin_read_out_comes_back(vin: str) -> None:
    spoken = " ".join(DIGITS[int(c)] if c.isdecimal() else NATO[ord(c) - ord("A")] for c in vin)
    assert normalise_vin(spoken) == vin
    as_in = ", ".join(
        DIGITS[int(c)] if c.isdecimal() else f"{c} as in {NATO[ord(c) - ord('A')]}" for c in vin
    )
    assert normalise_vin(as_in) == vin


@given(vins, st.integers(0, 16), st.permutations("0123456789"))
def test_a_misheard_digit_is_noticed(vin: str, at: int, digits: list[str]) -> None:
    # Letters that share a value (A, J and 1) cannot be told apart by a check digit; digits can.
    said, heard, *_ = digits
    if at != 8:
        vin = vin[:at] + said + vin[at + 1 :]
        vin = vin[:8] + check_digit(vin) + vin[9:]
    assume(vin[at] != heard)
    with pytest.raises(VinError):
        normalise_vin(vin[:at] + heard + vin[at + 1 :])


@pytest.mark.parametrize("said", ["i'm um " * 25 + "zebra " * 4, "1 H G i'm 2"])
def test_an_apostrophe_is_no_character(said: str) -> None:
    with pytest.raises(VinError):
        normalise_vin(said)


@given(st.text(max_size=80))
def test_anything_at_all_is_a_vin_or_a_vin_error(text: str) -> None:
    try:
        vin = normalise_vin(text)
    except VinError:
        return
    assert normalise_vin(vin) == vin


CASES = load("vins")


@pytest.mark.parametrize(("said", "right"), CASES)
def test_what_callers_read_out(said: str, right: str) -> None:
    is_tail = len(right) == 6 or right.startswith("I need")
    read = normalise_vin_tail if is_tail else normalise_vin
    if right.isalnum():
        assert read(said) == right
    else:
        with pytest.raises(VinError, match=right):
            read(said)


@pytest.mark.parametrize("said", ["Lima 37", "mike 5 9", "F 5 8 6 3 1 2", "Echo 4 7 november 1"])
def test_a_tail_is_never_made_of_a_words_letters(said: str) -> None:
    with pytest.raises(VinError, match="last 6"):
        normalise_vin_tail(said)
