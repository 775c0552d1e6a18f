"""Digits keyed on the telephone, as a turn of the caller. Sans-I/O.

    keys       0 4 1 2 1 9 8 8 ┐            # ┐             2 ┐
    complete   by its length ──┘   by hand ───┘   by Otto's question (1 yes, 2 no) ┘

or when no key follows for a while, which is the owner's clock to tell. `*` takes back what was
keyed. The words a turn becomes are for a reader of transcripts: a model, and the record.
"""

from __future__ import annotations

from datetime import date

from otto.dialogue.turns.completeness import PHONE_DIGITS, Expected

DATE_DIGITS = 8
"""MMDDYYYY, as Americans write a date."""
LONGEST = 24
"""More keys than any number asked for here: somebody plays, or a line is faulty."""
OPERATOR = "0"


class Keypad:
    """The keys pressed since the last turn."""

    def __init__(self) -> None:
        self.digits = ""

    def press(self, key: str, expected: Expected, before: str = "") -> bool:
        """Take one key; whether the number is complete with it.

        `before` are digits of the same number that were spoken. `#` completes, `*` takes back.
        """
        if key == "#":
            return True
        if key == "*":
            self.digits = ""
            return False
        if key.isdecimal() and len(self.digits) < LONGEST:
            self.digits += key
        return _is_complete(before + self.digits, expected)

    def take(self) -> str:
        """The digits so far; the next key begins anew."""
        digits, self.digits = self.digits, ""
        return digits


def _is_complete(digits: str, expected: Expected) -> bool:
    match expected:
        case Expected.YES_NO:
            return digits in {"1", "2"}
        case Expected.DATE:
            return len(digits) == DATE_DIGITS
        case Expected.PHONE:
            return len(digits) == PHONE_DIGITS + digits.startswith("1")
        case _:
            return False


def in_words(digits: str, expected: Expected) -> str:
    """What keyed `digits` mean as an answer to what was expected.

    The part in square brackets is a remark, not something the caller said.
    """
    if expected is Expected.YES_NO and digits in {"1", "2"}:
        return f"{'Yes' if digits == '1' else 'No'}. [Keyed {digits} on the telephone keypad.]"
    if digits == OPERATOR:
        return "I would like to speak to a person. [Keyed 0 on the telephone keypad.]"
    return f"Keyed on the telephone keypad: {_written(digits, expected)}"


def _written(digits: str, expected: Expected) -> str:
    """Digits as such a number is written, so that nobody has to guess which is the month."""
    if expected is Expected.DATE and len(digits) in {6, DATE_DIGITS}:
        month, day, year = digits[:2], digits[2:4], digits[4:]
        try:
            date(int(year) if len(year) == 4 else 2000, int(month), int(day))
        except ValueError:
            return digits
        return f"{month}/{day}/{year}"
    if expected is Expected.PHONE and len(digits) >= PHONE_DIGITS:
        area, office, line = digits[-10:-7], digits[-7:-4], digits[-4:]
        return f"{area}-{office}-{line}"
    return digits
