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


HOMOPHONES = {
    "won": "1", "to": "2", "too": "2", "tree": "3", "free": "3", "for": "4", "fore": "4",
    "fife": "5", "sex": "6", "ate": "8", "nein": "9", "owe": "0", "ow": "0",
}  # fmt: skip
"""How recognisers write digits that are words too; digits only among digits."""


def read_number(words: list[str], at: int) -> tuple[str, int] | None:
    """The digits that begin at `words[at]` and how many words they take; None when none do.

    "double five" → ("55", 2); "forty two" → ("42", 2); "eight hundred" → ("800", 2); "three
    hundred twelve" → ("312", 3).
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
        return _round(words, at, found, ZEROS[following])
    return found, 1


def _round(words: list[str], at: int, found: str, zeros: str) -> tuple[str, int]:
    """Hundreds or thousands, with the tens that stand in place of their last zeros: "three hundred
    twelve" is 312 and "two thousand one" 2001, but in "eight hundred five five five" the fives are
    digits of their own."""
    behind = at + 2
    if words[behind : behind + 1] == ["and"]:
        behind += 1
    word = words[behind] if behind < len(words) else ""
    if word in TENS or word in TEENS or (word in DIGITS and (behind > at + 2 or len(zeros) == 3)):
        tens = read_number(words, behind)
        if tens is not None and len(tens[0]) <= 2:
            kept = found + zeros[: len(zeros) - len(tens[0])]
            return kept + tens[0], behind - at + tens[1]
    return found + zeros, 2
