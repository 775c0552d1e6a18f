"""Words as a recogniser hears them: mended, numbers in digits, and the times among them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)


@dataclass(frozen=True, slots=True)
class Time:
    """A time Otto spoke of; what was not said is None. `minute_of_day` counts from midnight."""

    minute_of_day: int
    weekday: str | None = None
    month: str | None = None
    day: int | None = None

    @property
    def said(self) -> str:
        """The time in words that can be read back: "Tuesday, November 24 at 9:00 AM"."""
        hour, minute = divmod(self.minute_of_day, 60)
        clock = f"{(hour - 1) % 12 + 1}:{minute:02d} {'AM' if hour < 12 else 'PM'}"
        date = f"{self.month.capitalize()} {self.day}" if self.month else ""
        day = ", ".join(part for part in (self.weekday and self.weekday.capitalize(), date) if part)
        return f"{day} at {clock}" if day else clock

    def agrees(self, other: Time) -> bool:
        """Whether both may mean the same: nothing both say differs."""
        if self.minute_of_day != other.minute_of_day:
            return False
        pairs = (
            (self.weekday, other.weekday),
            (self.month, other.month),
            (self.day, other.day),
        )
        return all(a is None or b is None or a == b for a, b in pairs)


def preferred(times: tuple[Time, ...], prefer: str) -> Time:
    """The one of `times` that meets most of `prefer`; the earliest named when several do."""

    def fit(time: Time) -> int:
        weekday = bool(time.weekday and time.weekday in prefer)
        morning = "morning" in prefer and time.minute_of_day < 720
        afternoon = "afternoon" in prefer and time.minute_of_day >= 720
        return 2 * weekday + morning + afternoon

    return max(times, key=fit) if prefer != "last" else times[-1]


# --- Mending --------------------------------------------------------------------------------

_KEYWORDS = (
    *WEEKDAYS,
    *MONTHS,
    *("birth", "birthday", "date", "phone", "number", "telephone", "vehicle", "service", "name"),
    *("digits", "characters", "morning", "afternoon", "appointment", "booked", "scheduled"),
    *(
        "confirmed",
        "transfer",
        "cancel",
        "cancelled",
        "connecting",
        "goodbye",
        "anything",
        "repeat",
        "opening",
        "openings",
    ),
    *("available", "prefer", "calling", "today", "moment", "mileage", "identification", "reserved"),
)
_ORDINARY = frozenset(
    "names dates services vehicles phones numbers open opens opened confirm prefers preferred "
    "preference transferring transferred something calls there their these where would could "
    "should sounds schedule booking appointments mornings day days monday's earth worth breath "
    "tomorrow numbers match matches march much may made name's same game things nothing everything "
    "afternoons prefer repeats moments scheduling opening's connect connected confirming "
    "rescheduled".split()
)
_MISHEARD = {
    **dict.fromkeys(("witch", "wich", "whitch"), "which"),
    **dict.fromkeys(("berth", "burth", "bert", "births"), "birth"),
    **dict.fromkeys(("nam", "nane", "nayme"), "name"),
    **dict.fromkeys(("vim", "vinn", "veen"), "vin"),
    **dict.fromkeys(("apointment", "a-point-ment"), "appointment"),
    **dict.fromkeys(("tooth day", "tues", "tuesdays"), "tuesday"),
    **dict.fromkeys(("wensday", "wendsday", "wed"), "wednesday"),
}
"""Homophones and near homophones a telephone recogniser writes, too short to be mended by form."""
_UNITS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split()
    )
} | {
    word: value
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
        "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth".split(),
        start=1,
    )
}
_TENS = {
    word: value * 10
    for value, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2
    )
} | {"twentieth": 20, "thirtieth": 30}


@lru_cache(maxsize=4096)
def _mend(word: str) -> str:
    """`word`, or the keyword it is a near miss of."""
    word = _MISHEARD.get(word, word)
    if len(word) < 5 or word in _KEYWORDS or word in _ORDINARY or word.isdigit():
        return word
    near = get_close_matches(word, _KEYWORDS, n=1, cutoff=0.84)
    return near[0] if near else word


def normalise(sentence: str) -> str:
    """Lower case without punctuation; numbers in digits, times as `9:30 am`; keywords mended."""
    text = sentence.lower().replace("’", "'").replace("o'clock", "oclock")
    text = re.sub(r"(?<![^\W\d])([ap])\.?\s?m\b\.?", r"\1m", text)
    text = re.sub(r"'(re|ve|ll|s|m|d)\b", r" \1", text).replace("n't", " not")
    text = re.sub(r"(?<=\d)\.(?=\d\d\b)", ":", text)
    text = re.sub(r"(\d)(am|pm)\b", r"\1 \2", text)
    text = re.sub(r"(\d+)(?:st|nd|rd|th)\b", r"\1", text)
    text = re.sub(r"[^\w:\s]|_|(?<!\d):|:(?!\d)", " ", text)
    text = " ".join(_digits([_mend(word) for word in text.split()]))
    for pattern, clock in _CLOCKS:
        text = pattern.sub(clock, text)
    return text


_HOUR = r"(?P<hour>1[0-2]|0?[1-9])"
_MONTH_DAY = rf"\b(?:{'|'.join(MONTHS)}) (?:the )?(?=\d)"


def _quarter_to(match: re.Match[str]) -> str:
    return f"{(int(match['hour']) - 2) % 12 + 1}:45"


def _half_of_day(match: re.Match[str]) -> str:
    return f"{match['clock']} {'am' if match['part'] == 'morning' else 'pm'}"


def _apart(match: re.Match[str]) -> str:
    """ "7 30 am" is a time; "November 12 10 am" is a day of the month and an hour."""
    if match["date"]:
        return match[0]
    return f"{int(match['hour'])}:{match['minute']} {match['half']}"


_Replacement = str | Callable[[re.Match[str]], str]
_CLOCKS: tuple[tuple[re.Pattern[str], _Replacement], ...] = (
    (re.compile(rf"\b{_HOUR} oclock\b"), r"\g<hour>:00"),
    (re.compile(r"\boclock\b ?"), ""),
    (re.compile(rf"\b(?:a )?half past {_HOUR}\b(?!:)"), r"\g<hour>:30"),
    (re.compile(rf"\b(?:a )?quarter (?:past|after) {_HOUR}\b(?!:)"), r"\g<hour>:15"),
    (re.compile(rf"\b(?:a )?quarter (?:to|of|till|before) {_HOUR}\b(?!:)"), _quarter_to),
    # "730 am", "1130 am": a recogniser's favourite way of writing them.
    (
        re.compile(rf"\b{_HOUR}(?P<minute>[0-5]\d) (?P<half>am|pm)\b"),
        r"\g<hour>:\g<minute> \g<half>",
    ),
    (
        re.compile(
            rf"(?P<date>{_MONTH_DAY}|\bthe )?\b{_HOUR} (?P<minute>[0-5]\d) (?P<half>am|pm)\b"
        ),
        _apart,
    ),
    # The same with no half of the day: "at seven thirty", "at 730 or".
    (
        re.compile(
            rf"\bat {_HOUR}(?: (?P<minute>00|15|30|45)\b|(?P<joined>00|15|30|45)"
            r"(?= (?:or|and|on|which|does|is|would)\b|$))(?! (?:am|pm|minutes|dollars))"
        ),
        lambda match: f"at {match['hour']}:{match['minute'] or match['joined']}",
    ),
    (
        re.compile(
            r"(?P<clock>\b\d{1,2}:[0-5]\d|\bat \d{1,2}) (?:in the|this) "
            r"(?P<part>morning|afternoon|evening)\b"
        ),
        _half_of_day,
    ),
)
"""The ways a time of day is put, and the one way the rest of this file reads it; in this order."""


def _digits(words: list[str]) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        following = words[at + 1] if at + 1 < len(words) else ""
        if word in _TENS:
            unit = _UNITS.get(following, 0)
            joins = 1 <= unit <= 9
            out.append(str(_TENS[word] + (unit if joins else 0)))
            at += 2 if joins else 1
        elif word in {"oh", "o"} and _one_digit(following) and out and out[-1].isdigit():
            out.append(f"0{_one_digit(following)}")
            at += 2
        elif word in _UNITS and not (word == "second" and out and out[-1] in {"one", "1", "a"}):
            out.append(str(_UNITS[word]))
            at += 1
        elif word != "o":
            out.append(word)
            at += 1
        else:
            at += 1
    return out


def _one_digit(word: str) -> str:
    """The digit `word` is or names, "" when it is none."""
    if len(word) == 1 and word.isdigit():
        return word
    return str(_UNITS[word]) if _UNITS.get(word, 10) < 10 else ""


# --- Times ----------------------------------------------------------------------------------

_TIME = re.compile(
    rf"(?P<weekday>{'|'.join(WEEKDAYS)})s?\b"
    rf"|\b(?P<month>{'|'.join(MONTHS)}) (?:the )?(?P<day>3[01]|[12]\d|0?[1-9])\b(?!:)"
    r"|\b(?P<hour>1[0-2]|0?[1-9])(?::(?P<minute>[0-5]\d))? ?(?P<half>am|pm)\b"
    r"|\b(?P<hour24>1[0-9]|2[0-3]|0?[1-9]):(?P<minute24>[0-5]\d)\b"
    r"|\bat (?P<bare>1[0-2]|[1-9])\b(?!:| am| pm)|\b(?P<noon>noon)\b"
)


def times_in(text: str) -> tuple[Time, ...]:
    """The times of day in a normalised text, each with the day it was said with, if any."""
    found: list[Time] = []
    weekday: str | None = None
    month: str | None = None
    day: int | None = None
    dated = False  # a day was said and its time is still to come, or just came
    for match in _TIME.finditer(text):
        if match["weekday"]:
            # "9 AM on Tuesday": the day belongs to the times before it that had none.
            weekday, month, day, dated = match["weekday"], None, None, True
            continue
        if match["month"]:
            if not dated:
                weekday = None
            month, day, dated = match["month"], int(match["day"]), True
            continue
        dated = False
        found.append(Time(_minute_of_day(match), weekday, month, day))
    if dated and found and all(time.weekday is time.month is None for time in found):
        found = [Time(time.minute_of_day, weekday, month, day) for time in found]
    return tuple(dict.fromkeys(found))


def _minute_of_day(match: re.Match[str]) -> int:
    if match["noon"]:
        return 720
    if match["half"]:
        hour = int(match["hour"]) % 12 + (12 if match["half"] == "pm" else 0)
        return hour * 60 + int(match["minute"] or 0)
    hour = int(match["hour24"] or match["bare"])
    # No half of the day was said: a workshop's 1 to 6 is after noon.
    return (hour + 12 if 1 <= hour <= 6 else hour) * 60 + int(match["minute24"] or 0)
