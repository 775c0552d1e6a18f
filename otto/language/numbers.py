"""Digits and letters as people say them, shared by telephone numbers and VINs."""

from __future__ import annotations

DIGITS = {
    "zero": "0",
    "oh": "0",
    "o": "0",
    "nought": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "niner": "9",
}
TEENS = {
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "thirteen": "13",
    "fourteen": "14",
    "fifteen": "15",
    "sixteen": "16",
    "seventeen": "17",
    "eighteen": "18",
    "nineteen": "19",
}
TENS = {
    "twenty": "2",
    "thirty": "3",
    "forty": "4",
    "fifty": "5",
    "sixty": "6",
    "seventy": "7",
    "eighty": "8",
    "ninety": "9",
}
ZEROS = {"hundred": "00", "thousand": "000"}
REPEATS = {"double": 2, "triple": 3, "treble": 3}


def read_number(words: list[str], at: int) -> tuple[str, int] | None:
    """The digits that begin at `words[at]` and how many words they take; None when none do.

    "double five" → ("55", 2); "forty two" → ("42", 2); "eight hundred" → ("800", 2).
    """
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else ""
    if word in REPEATS:
        digit = DIGITS.get(following, following)
        if len(digit) == 1 and digit.isdecimal():
            return digit * REPEATS[word], 2
        return None
    if word in TENS:
        unit = DIGITS.get(following, "0")
        # "twenty oh one" is 20-01, not 20 + 0 + 1 swallowed.
        return (TENS[word] + unit, 2) if unit != "0" else (TENS[word] + "0", 1)
    found = (
        DIGITS.get(word)
        or TEENS.get(word)
        or (word if word.isascii() and word.isdecimal() else None)
    )
    if found is None:
        return None
    if following in ZEROS:
        return found + ZEROS[following], 2
    return found, 1
