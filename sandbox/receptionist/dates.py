"""Dates and times in the caller's words: dates of birth, wished-for days, clock times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sandbox.receptionist.words import NUMBER_WORDS, Number, close, closest, normalise, numbers

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
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_SHORT_MONTHS = {month[:3]: month for month in MONTHS} | {"sept": "september"}
_SHORT_DAYS = {day[:3]: day for day in WEEKDAYS} | {"tues": "tuesday", "thurs": "thursday"}
_OLDEST_YEAR = 1900
_YOUNGEST_CALLER_YEARS = 15
"""Two digits of a year are the latest that makes the caller at least this old."""

PartOfDay = Literal["morning", "afternoon"]


# --- Dates of birth -----------------------------------------------------------------------------


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


# --- The day a caller would like ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DayWish:
    """When the caller wants to come, in words `find_openings` takes. All None: any time."""

    first: str | None = None
    last: str | None = None
    part: PartOfDay | None = None
    weekdays: tuple[str, ...] = ()
    day_of_month: int | None = None
    words: str = ""
    """What the caller said: that is what is passed on."""

    @property
    def names_a_day(self) -> bool:
        return self.first is not None


_ANY_DAY = re.compile(
    r"\b(any ?day|any ?time|whenever|as soon as|soonest|earliest|asap|first available"
    r"|next available|no preference|doesnt matter|dont care|dont mind|whatever|up to you"
    r"|what do you have|whats available|what (times|days|openings)|when can (i|you)"
    r"|you pick|flexible|any of them|first opening|next opening|sooner the better)\b"
)
_RELATIVE = (
    "day after tomorrow",
    "tomorrow",
    "today",
    "this weekend",
    "next week",
    "this week",
    "later this week",
)
_AFTERNOON = re.compile(r"\b(afternoons?|after (?:lunch|noon|work|school)|evenings?|pm|tonight)\b")
_MORNING = re.compile(r"\b(mornings?|before (?:noon|lunch|work)|first thing|am)\b")


def day_wish(text: str) -> DayWish | None:
    """The day or part of day asked for in `text`, or None when it says nothing of the sort."""
    heard = " ".join(_weekday(word) or word for word in normalise(text).split())
    part: PartOfDay | None = None
    if _AFTERNOON.search(heard):
        part = "afternoon"
    elif _MORNING.search(re.sub(r"\bgood morning\b|\bi am\b", "", heard)):
        part = "morning"
    days = _days(heard)
    if days:
        weekdays = tuple(day for day in WEEKDAYS if re.search(rf"\b{day}\b", heard))
        number = _day_of_month(heard)
        last = days[-1] if len(days) > 1 else None
        return DayWish(days[0], last, part, weekdays, number, text.strip())
    if part or _ANY_DAY.search(heard):
        return DayWish(part=part, words=text.strip())
    return None


def _weekday(word: str) -> str | None:
    if word in _SHORT_DAYS and word not in {"sun", "sat", "wed", "mon"}:
        return _SHORT_DAYS[word]
    singular = word[:-1] if word.endswith("days") else word
    if not singular.endswith(("day", "dey", "dy", "die", "days")):
        return None
    return closest(singular, WEEKDAYS, 0.77) if singular not in {"holiday", "someday"} else None


def _days(heard: str) -> list[str]:
    """The days named, in the order named, each in plain words ("next tuesday", "the 25th")."""
    found: list[tuple[int, str]] = []
    rest = heard

    def take(pattern: str, phrase: str | None = None) -> None:
        nonlocal rest
        for match in re.finditer(pattern, rest):
            found.append((match.start(), phrase or " ".join(match[0].split())))
        rest = re.sub(pattern, lambda match: " " * len(match[0]), rest)

    weekday = "|".join(WEEKDAYS)
    for month in MONTHS:
        for short in (month, month[:3]):
            day = r"(?:the )?(\d{1,2})(?:st|nd|rd|th)?"
            for pattern in (rf"\b{short} {day}\b", rf"\b{day} (?:of )?{short}\b"):
                for match in re.finditer(pattern, rest):
                    found.append((match.start(), f"{month} {int(match[1])}"))
                rest = re.sub(pattern, lambda match: " " * len(match[0]), rest)
        spoken = re.search(rf"\b{month} (?:the )?((?:\w+ ?){{1,2}})", rest)
        if spoken and month != "may":
            said = numbers(spoken[1].split())
            if said and said[0].first == 0 and 1 <= said[0].value <= 31:
                found.append((spoken.start(), f"{month} {said[0].value}"))
                rest = rest.replace(spoken[0], " " * len(spoken[0]))
    take(rf"\b(?:{weekday}) the (?:\d{{1,2}}(?:st|nd|rd|th)?)\b")
    take(rf"\b(?:next |this )?(?:{weekday})(?: next week| of next week)\b")
    take(rf"\b(?:next |this )?(?:{weekday})\b")
    for phrase in _RELATIVE:
        take(rf"\b{phrase}\b", phrase)
    number = _day_of_month(rest)
    if number is not None:
        found.append((len(heard), f"the {number}{_suffix(number)}"))
    return [phrase for _, phrase in sorted(found)]


def _day_of_month(heard: str) -> int | None:
    """A day said as "the 25th" or "the twenty fifth"; "the first one" is a choice, not a day."""
    match = re.search(r"\b(\d{1,2})(?:st|nd|rd|th)\b(?! one)", heard)
    if match and 1 <= int(match[1]) <= 31:
        return int(match[1])
    words = heard.split()
    for number in numbers(words):
        last, before = words[number.last], words[number.first - 1] if number.first else ""
        ordinal = last.endswith(("th", "first", "second", "third", "tieth")) and not last.isdigit()
        if ordinal and before in {"the", "on"} and 4 <= number.value <= 31 and last in NUMBER_WORDS:
            return number.value
    return None


def _suffix(day: int) -> str:
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


# --- Times on the clock -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A time as said. `hour` is 1 to 12 when `half` is unknown; `minute` is None for "at nine"."""

    hour: int
    minute: int | None
    half: Literal["am", "pm"] | None = None

    def fits(self, hour: int, minute: int) -> bool:
        """Whether it may mean `hour`:`minute` of a 24-hour clock."""
        if self.half and (hour >= 12) != (self.half == "pm"):
            return False
        return hour % 12 == self.hour % 12 and (self.minute is None or self.minute == minute)


_MINUTES = {"thirty": 30, "fifteen": 15, "fourty five": 45, "forty five": 45, "oclock": 0, "30": 30}
_HOUR_WORDS = {word: value for word, value in NUMBER_WORDS.items() if 1 <= value <= 12}


def clock_times(text: str) -> list[ClockTime]:
    """Times said in `text`: "nine", "9:30", "nine thirty", "930", "half past nine", "noon"."""
    heard = normalise(text)
    # The "2" of "December 2 at 2:30" is a day.
    heard = re.sub(rf"\b({'|'.join([*MONTHS, *_SHORT_MONTHS])}) \d{{1,2}}\b(?!:)", r"\1", heard)
    heard = re.sub(r"\b(\d{1,2})(am|pm)\b", r"\1 \2", heard)
    heard = re.sub(r"\bo clock\b", "oclock", heard)
    heard = re.sub(r"\b([ap]) m\b", r"\1m", heard)
    heard = re.sub(r"\b(noon|midday)\b", "12:00 pm", heard)
    heard = re.sub(r"\b(half past|quarter past|quarter to) (\w+)", _turn_round, heard)
    hour = r"(?:\d{1,2}|" + "|".join(_HOUR_WORDS) + ")"
    minute = "|".join([*_MINUTES, "00", "15", "45"])
    pattern = (
        rf"\b(?:(\d{{1,2}}):(\d\d)|(\d{{1,2}})(00|15|30|45)|({hour})(?: ({minute}))?)"
        rf"(?: (am|pm|in the morning|in the afternoon))?\b(?! (?:one|choice|option|opening)\b)"
    )
    found = []
    for match in re.finditer(pattern, heard):
        hour_text = match[1] or match[3] or match[5]
        minute_text = match[2] or match[4] or match[6]
        if match[5] and match[5] in _ORDINAL_HOURS:
            continue
        value = int(hour_text) if hour_text.isdigit() else _HOUR_WORDS[hour_text]
        half = _half(match[7]) or ("pm" if 13 <= value <= 18 else None)
        if not 1 <= value <= 18 or (value == 1 and match[5] == "one" and not _is_time(heard)):
            continue
        minutes = None
        if minute_text:
            minutes = int(minute_text) if minute_text.isdigit() else _MINUTES[minute_text]
        found.append(ClockTime((value - 1) % 12 + 1, minutes, half))
    return found


_ORDINAL_HOURS = frozenset(word for word in _HOUR_WORDS if word.endswith(("th", "st", "nd", "rd")))


def _turn_round(match: re.Match[str]) -> str:
    word = match[2]
    hour = int(word) if word.isdigit() else _HOUR_WORDS.get(word, 0)
    if match[1] == "quarter to":
        return f"{(hour - 2) % 12 + 1}:45"
    return f"{hour}:{30 if match[1] == 'half past' else 15}"


def _half(words: str | None) -> Literal["am", "pm"] | None:
    if not words:
        return None
    return "am" if words in {"am", "in the morning"} else "pm"


def _is_time(heard: str) -> bool:
    """Whether the word "one" may be a time here, and not "this one" or "the one on Tuesday"."""
    return bool(
        re.search(r"\b(at|around|about|for) one\b|\bone (oclock|thirty|pm|works)\b", heard)
    ) or (close(heard, "one") or heard in {"one please", "one is fine", "one is good"})
