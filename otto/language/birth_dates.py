"""Dates of birth as recognisers write them: every way to divide the numbers is tried, and none is
guessed. Pure.

"March twelfth nineteen eighty four", "3/12/84", "0 3 1 2 1 9 8 4", "the twelfth of March, 84",
"two thousand and five". A day that is not said whole, that does not exist, or that can be read in
two ways ("1 1 1 1 9 8 4") comes back as a question: a wrong date costs the caller one of few
attempts to prove who they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from otto.language.date_words import ABBREVIATED, MONTHS, ORDINALS
from otto.language.numbers import DIGITS, TEENS, TENS, read_number
from otto.language.spoken_times import describe_date

YOUNGEST_YEARS = 14
OLDEST_YEARS = 110
"""Between these a year of two digits is looked for, and a date of birth is believed."""

_CORRECTION = re.compile(
    r"\b(?:no|sorry|i mean|i meant|correction|wait|scratch that|make that|actually)\b"
)
_MONTH_NAMES = {name: number for number, name in enumerate(MONTHS) if name} | {
    short: MONTHS.index(long) for short, long in ABBREVIATED.items() if long in MONTHS
}
_NOT_NUMBERS = re.compile(
    r"\b(?:one (?:moment|second|sec|minute|more|of)"
    r"|(?:a|just a|wait a) (?:second|sec|moment|minute)"
    r"|to (?:be|you|verify)|for (?:you|me))\b"
)


class BirthDateError(ValueError):
    """No date of birth that can be used. The message can be said and holds nothing of it."""


WHOLE = "I need the month, the day and the year you were born. Please say it again."
MISSING_YEAR = "And the year, please?"
MISSING_DAY = "And which day of the month, please?"
TWO_WAYS = "I can read that in two ways. Please say the month by its name."
WHICH_YEAR = "Was that two thousand, or two thousand and a number? Please say the whole date again."
NOT_BELIEVED = "I did not get that as a date of birth. Please say it once more."
_NUMBER = rf"(?:[0-9]{{1,2}}(?::[0-9]{{2}})?|{'|'.join((*DIGITS, *TEENS, *TENS))})"
_CLOCK_TIMES = re.compile(
    rf"\b(?:at|around|by|until|till|after|before|from|between) (?:about )?{_NUMBER}"
    rf"(?: (?:o'clock|[ap]\.?m\b|{_NUMBER}))?"
)
"""Nobody is born "the twenty fifth at nine thirty"."""
_LETTERS = re.compile(r"(?<![\w'])[b-hj-np-z](?![\w'])")
"""Spelled: a VIN, a name."""
_TWO_THOUSAND_AND = re.compile(
    rf"\b(?:2000|two thousand) and\W*$|\b2000 (?:and )?(?:[0-9]|{'|'.join((*DIGITS, *TEENS))})\b"
)
"""Cut off, or written in two pieces: 2000, or the years behind it."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What was said of a date: the number of its month by name, and the digits before and behind
    it, group by group."""

    month: int | None
    before: tuple[str, ...]
    behind: tuple[str, ...]
    has_ordinal: bool = False
    """Whether the day is marked as one: "nineteenth"."""
    has_letters: bool = False
    """Whether something was spelled between them."""


def read_birth_date(text: str, today: date) -> date:
    """The date of birth that `text` says. Raises `BirthDateError`."""
    plain = _NOT_NUMBERS.sub(" ", text.lower().replace("\u2019", "'"))
    plain = _CLOCK_TIMES.sub(" ", plain)
    clauses = _CORRECTION.split(plain)
    if _TWO_THOUSAND_AND.search(clauses[-1]):
        raise BirthDateError(WHICH_YEAR)
    *earlier, last = map(_parts, clauses)
    said, found = last, set[date]()
    for before in reversed([piece for piece in earlier if piece.month is not None]):
        found = found or _corrected(before, said, today)
    found = found or _candidates(said, today)
    if not found and not (said.before or said.behind):
        found = _candidates(earlier[-1], today) if earlier else found
    if len(found) == 1:
        return found.pop()
    raise BirthDateError(TWO_WAYS if found else _what_lacks(said, today))


def read_back(day: date) -> str:
    """The date as Otto says it back: "March 12, 1984"."""
    return f"{describe_date(day).partition(', ')[2]}, {day.year}"


def _what_lacks(said: _Parts, today: date) -> str:
    numbers = [*said.before, *said.behind]
    if said.month is None and not numbers:
        return WHOLE
    if numbers[1:] and numbers[-1] in {"19", "20"}:
        numbers = numbers[:-1]  # the year has only begun
    if said.month is not None and len(numbers) == 1 and len(numbers[0]) <= 2:
        return MISSING_YEAR
    if said.month is not None and (_is_year_alone(said) or [*map(len, numbers)] == [4]):
        return MISSING_DAY
    return NOT_BELIEVED if sum(map(len, numbers)) >= 5 else WHOLE


def _candidates(said: _Parts, today: date) -> set[date]:
    """Every date that the numbers can be, divided where the caller divided them."""
    found: set[date] = set()
    if said.month is not None:
        if not said.before and _is_year_alone(said):
            return found
        if said.before:
            # "the twelfth of March 1984", "1984, March twelfth"
            pairs = [("".join(said.before), "".join(said.behind))]
        else:
            pairs = [
                ("".join(said.behind[:at]), "".join(said.behind[at:]))
                for at in range(1, len(said.behind))
            ]
        for one, other in pairs:
            found |= _day(other, str(said.month), one, today)
            if said.before and len(one) == 4:
                found |= _day(one, str(said.month), other, today)
        return found
    groups = said.behind if not said.has_letters else ()
    if len(groups) == 1:
        groups = _divided(groups[0])
    for first in range(1, len(groups)):
        for second in range(first + 1, len(groups)):
            one, two, three = (
                "".join(part) for part in (groups[:first], groups[first:second], groups[second:])
            )
            if len(one) == 4:
                found |= _day(one, two, three, today)
            elif int(one) > 12:
                found |= _day(three, two, one, today)  # day first, as it cannot be a month
            else:
                found |= _day(three, one, two, today)
    return found


def _is_year_alone(said: _Parts) -> bool:
    """Whether "March nineteen eighty four" names no day."""
    is_year = len(said.behind) == 2 and said.behind[0] in {"19", "20"} and len(said.behind[1]) == 2
    return is_year and not said.has_ordinal


def _divided(run: str) -> tuple[str, ...]:
    """Digits in one piece, as they are keyed or written: MMDDYYYY or MMDDYY."""
    return (run[:2], run[2:4], run[4:]) if len(run) in {6, 8} else (run,)


def _corrected(before: _Parts, after: _Parts, today: date) -> set[date]:
    """A date of which only a part was said again."""
    found: set[date] = set()
    numbers = [*after.before, *after.behind]
    if after.month is not None and not numbers:
        return _candidates(_Parts(after.month, before.before, before.behind), today)
    if before.month is None or (after.month is not None and len(numbers) != 1):
        return found
    month = after.month if after.month is not None else before.month
    whole = _candidates(_Parts(month, (), tuple(numbers)), today)
    if whole or len(numbers) != 1:
        return whole
    (one,) = numbers
    for known in _candidates(_Parts(month, before.before, before.behind), today):
        year = _years(one, today) if len(one) == 4 else ()
        found |= {known.replace(year=other) for other in year if _is_day(other, known)}
        if not year and 1 <= int(one) <= 31:
            found |= _day(str(known.year), str(month), one, today)
    return found


def _is_day(year: int, known: date) -> bool:
    return (known.month, known.day) != (2, 29) or year % 4 == 0


def _day(year: str, month: str, day: str, today: date) -> set[date]:
    if not (1 <= len(month) <= 2 and 1 <= len(day) <= 2 and year):
        return set()
    found = set()
    for whole in _years(year, today):
        try:
            born = date(whole, int(month), int(day))
        except ValueError:
            continue
        if YOUNGEST_YEARS <= (today - born).days / 365.2425 <= OLDEST_YEARS:
            found.add(born)
    return found


def _years(digits: str, today: date) -> tuple[int, ...]:
    if len(digits) == 4 and digits[:2] in {"19", "20"}:
        return (int(digits),)
    if len(digits) != 2 or digits in {"19", "20"}:
        return ()  # "March twelfth nineteen ..." goes on
    years = (1900 + int(digits), 2000 + int(digits))
    return tuple(year for year in years if YOUNGEST_YEARS <= today.year - year <= OLDEST_YEARS)


def _parts(text: str) -> _Parts:
    month, before, behind = None, [], []
    has_ordinal = re.search(r"\d(?:st|nd|rd|th)\b", text) is not None
    words = re.findall(r"[a-z']+|\d+", re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text))
    has_ordinal = has_ordinal or any(word in ORDINALS for word in words)
    at = 0
    while at < len(words):
        word = words[at]
        group = _number(words, at)
        if group is not None:
            behind.append(group[0])
            at += group[1]
            continue
        if word in _MONTH_NAMES and month is None and (word != "may" or _is_month(words, at)):
            month, before, behind = _MONTH_NAMES[word], behind, []
        at += 1
    has_letters = _LETTERS.search(text) is not None
    return _Parts(month, tuple(before), tuple(behind), has_ordinal, has_letters)


def _is_month(words: list[str], at: int) -> bool:
    """Whether "may" is the month: a number stands beside it, or nothing does."""
    near = [*_near(words, at)]
    return not near or any(_number([word], 0) for word in near)


def _near(words: list[str], at: int) -> Iterator[str]:
    for step in (-1, 1):
        place = at + step
        while 0 <= place < len(words) and words[place] in {"of", "the", "in", "day", "was"}:
            place += step
        if 0 <= place < len(words):
            yield words[place]


def _number(words: list[str], at: int) -> tuple[str, int] | None:
    """The digits that a word, or some, mean in a date, and how many words they take."""
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else ""
    if word in TENS and following in ORDINALS and ORDINALS[following] < 10:
        return TENS[word] + str(ORDINALS[following]), 2
    if word in TENS and words[at + 1 : at + 3] == ["two", "thousand"]:
        return TENS[word] + "0", 1  # "thirty, two thousand" is a day and a year
    if word in ORDINALS:
        return str(ORDINALS[word]), 1
    if word == "o" and not (following in DIGITS or following.isdecimal()):
        return None
    if word in TENS and following in {"oh", "o", "zero"} and at + 2 < len(words):
        unit = DIGITS.get(words[at + 2], words[at + 2])
        if unit.isdecimal() and len(unit) == 1:
            return f"{TENS[word]}00{unit}"[:1] + f"00{unit}", 3  # "twenty oh five" is 2005
    if word in TEENS and following in {"oh", "o", "zero"} and at + 2 < len(words):
        unit = DIGITS.get(words[at + 2], words[at + 2])
        if unit.isdecimal() and len(unit) == 1:
            return f"{TEENS[word]}0{unit}", 3  # "nineteen oh five"
    return read_number(words, at)
