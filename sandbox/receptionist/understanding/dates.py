"""Dates of birth: whether one is said, and whole. Which day it is, the tool reads itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from sandbox.receptionist.understanding.words import Number, closest, normalise, numbers

MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_SHORT_MONTHS = {month[:3]: month for month in MONTHS} | {"sept": "september"}
_OLDEST_YEAR = 1900
_YOUNGEST_CALLER_YEARS = 15
"""Two digits of a year are the latest that makes the caller at least this old."""


def says_part_of_one(text: str) -> bool:
    """Whether a month, or numbers as of a date, are in `text`: half a date is one too."""
    words = normalise(text).split()
    digits = "".join(number.digits for number in numbers(words))
    return len(digits) >= 2 or any(_month(word) for word in words)


def date_of_birth(text: str, today: date) -> date | None:
    """The date of birth in `text`, or None when there is none, or more than one reading.

    Knows "March twelfth nineteen eighty four", "3/12/1984", "3 12 84", "the 12th of March 1984",
    "1984-03-12", "oh three one two one nine eight four", "03121984". Numbers alone are read as
    month, day, year, as Americans say them; a first number above 12 is the day.
    """
    words = normalise(text).split()
    iso = re.search(r"\b((?:19|20)\d\d)-(\d\d?)-(\d\d?)\b", " ".join(words))
    if iso:
        return _valid(int(iso[1]), int(iso[2]), int(iso[3]), today)
    found = numbers(words)
    months = [(at, month) for at, word in enumerate(words) if (month := _month(word))]
    for at, month in months:
        after = [number for number in found if number.first > at]
        before = [number for number in found if number.last < at]
        for day, year in ((after[:1], before), (before[-1:], after)):
            # "The first of January nineteen ninety nine": day and year on either side.
            digits = "".join(number.digits for number in year)
            if len(digits) == 4 and day and day[0].value <= 31:
                born = _valid(int(digits), MONTHS.index(month) + 1, day[0].value, today)
                if born:
                    return born
        for around in (after, before[-1:] + after, before[-2:] + after):
            for run in _windows(around):
                partly = len(run) < len(around)
                born = _with_month(run, MONTHS.index(month) + 1, today, partly=partly)
                if born:
                    return born
    if months:
        return None
    for run in _windows(found):
        born = _numbers_only(run, today, partly=len(run) < len(found))
        if born:
            return born
    return None


def _windows(found: list[Number]) -> Iterator[list[Number]]:
    """Neighbouring numbers, longest run first: other numbers may stand around a date."""
    for size in range(min(len(found), 8), 0, -1):
        for start in range(len(found) - size + 1):
            yield found[start : start + size]


def _with_month(run: list[Number], month: int, today: date, *, partly: bool) -> date | None:
    digits = "".join(number.digits for number in run)
    readings: dict[date, int] = {}
    for cut in (1, 2):
        aligned = _aligned(run, today, cut)
        born = _valid(_year(digits[cut:], today), month, int(digits[:cut] or 0), today)
        if born and aligned >= partly:
            readings[born] = aligned
    return _best(readings)


def _numbers_only(run: list[Number], today: date, *, partly: bool) -> date | None:
    """Month, day and year from digits alone. `partly`: other numbers stand around these, so they
    count only when they are parted exactly as a date is."""
    digits = "".join(number.digits for number in run)
    if not 4 <= len(digits) <= 8 or (len(digits) < 6 and len(run) < 2):
        return None
    readings: dict[date, int] = {}
    for first in (1, 2):
        for second in (first + 1, first + 2):
            month, day = int(digits[:first] or 0), int(digits[first:second] or 0)
            aligned = _aligned(run, today, first, second)
            if month > 12 and aligned == 2:
                month, day = day, month
            born = _valid(_year(digits[second:], today), month, day, today)
            if born and aligned >= 2 * partly:
                weight = aligned + _in_one_word(run, first, second)
                readings[born] = max(weight, readings.get(born, 0))
    return _best(readings)


def _aligned(run: list[Number], today: date, *cuts: int) -> int:
    """How many of the cuts in the joined digits fall between two numbers as they were said.

    Negative when a cut goes through a number that is a year by itself.
    """
    ends, at = set(), 0
    for number in run:
        begin, at = at, at + len(number.digits)
        ends.add(at)
        is_year = len(number.digits) == 4 and _OLDEST_YEAR <= number.value <= today.year
        if is_year and any(begin < cut < at for cut in cuts):
            return -1
    return sum(cut in ends for cut in cuts)


def _in_one_word(run: list[Number], first: int, second: int) -> int:
    """1 when month and day were each said as one number: "one one nineteen ninety-nine" is no
    eleventh month. Digit by digit this tells nothing."""
    lengths = [len(number.digits) for number in run]
    return int(max(lengths) > 1 and lengths[:2] == [first, second - first])


def _best(readings: dict[date, int]) -> date | None:
    readings = {born: aligned for born, aligned in readings.items() if aligned >= 0}
    if not readings:
        return None
    most = max(readings.values())
    best = [born for born, aligned in readings.items() if aligned == most]
    return best[0] if len(best) == 1 else None


def _year(digits: str, today: date) -> int:
    """The year meant by four or two digits; 0 when they are no year."""
    if len(digits) == 4:
        return int(digits)
    if len(digits) != 2:
        return 0
    latest = today.year - _YOUNGEST_CALLER_YEARS
    year = latest - latest % 100 + int(digits)
    return year if year <= latest else year - 100


def _valid(year: int, month: int, day: int, today: date) -> date | None:
    if not _OLDEST_YEAR <= year <= today.year:
        return None
    try:
        born = date(year, month, day)
    except ValueError:
        return None
    return born if born <= today else None


def _month(word: str) -> str | None:
    if word in _SHORT_MONTHS:
        return _SHORT_MONTHS[word]
    if word in MONTHS:
        return word
    long_enough = [month for month in MONTHS if len(month) >= 5]
    return closest(word, long_enough, 0.75) if word not in _NOT_A_MONTH else None


_NOT_A_MONTH = frozenset({"remember", "number", "numbers", "member"})
