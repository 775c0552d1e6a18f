"""When callers want to come: whether they say so, and in which words. `find_openings` reads them.

Only what chooses among openings that were offered is read here: weekdays, days of the month, parts
of the day and times on the clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sandbox.receptionist.understanding.dates import MONTHS
from sandbox.receptionist.understanding.words import (
    NUMBER_WORDS,
    close,
    closest,
    normalise,
    numbers,
)

WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_SHORT_DAYS = {day[:3]: day for day in WEEKDAYS} | {"tues": "tuesday", "thurs": "thursday"}
_SHORT_MONTHS = {month[:3]: month for month in MONTHS} | {"sept": "september"}

PartOfDay = Literal["morning", "afternoon"]

_DAYS = rf"(?:{'|'.join(WEEKDAYS)})"
_MAY = r"may(?= \w*\d| (?:the )?\w+(?:th|st|nd|rd|first|second|third)\b)"
_MONTH = rf"(?:{'|'.join(MONTHS[:4] + MONTHS[5:])}|{_MAY})"
_FEW = r"(?:an?|one|two|three|four|five|six|ten|a couple(?: of)?|a few|couple(?: of)?|\d+)"
_HOLIDAYS = (
    r"(?:christmas|thanksgiving|new year'?s|labor day|memorial day|columbus day|veterans day|easter"
    r"|halloween|(?:fourth|4th) of july|independence day|presidents'? day|mlk day|juneteenth)(?: "
    r"eve| day)?"
)
_NTH = (
    r"(?:\d{1,2}(?:st|nd|rd|th)|(?:twenty |thirty )?(?:first|second|third|fourth|fifth|sixth"
    r"|seventh|eighth|ninth)|"
    r"(?:tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth"
    r"|nineteenth|twentieth|thirtieth))"
)
_DAY = re.compile(
    rf"\b(?:{_DAYS}s?|day after tomorrow|tomorrow|today|tonight|this (?:morning|afternoon|evening"
    rf"|week(?:end)?|month)|next (?:week(?:end)?|month|year)|the week (?:after|of)|(?:in )?{_FEW} "
    rf"(?:days?|weeks?|months?)(?: from (?:now|today|tomorrow)| after| later| earlier)?|week from "
    rf"\w+"
    rf"|(?:the )?(?:end|beginning|middle|start) of (?:the|this|next) (?:week|month|year)|weekends?"
    rf"|weekdays?|{_HOLIDAYS}|{_MONTH}(?: (?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)?\b|{_NTH}))?"
    rf"|the {_NTH}(?= of|[,.!?]|$| (?:at|in|works?|would|or|and|please|if|then|through|to"
    rf"|instead)\b)"
    rf"|\d{{1,2}}(?:st|nd|rd|th)|a day (?:earlier|later|sooner|before|after)|the (?:next|same"
    rf"|following|other) day|that day|the one after|the day (?:after|before)|the week)\b"
)
_ANY = re.compile(
    r"\b(any ?day|any ?time|whenever|as (soon|early) as( possible)?|soonest|earliest|asap|first "
    r"available|next available|no preference|doesnt matter|dont care|dont mind|whatever|up to you"
    r"|what do you have|whats available|what (times|days|openings)|when can (i|you)"
    r"|you pick|flexible|any of them|first opening|next opening|sooner the better|first thing"
    r"|what (else )?(do )?you (have|got)|(your|the) next (opening|slot)|right away|anything)\b"
)
_PART = re.compile(
    r"\b((an?|half an?|one|two|\d+) (hours?|minutes?)|mornings?|afternoons?|evenings?|noon(ish)?"
    r"|midday|lunch( ?time)?|(after|before) (work"
    r"|school|lunch|noon)|first thing|end of (the )?day|early|earlier|later|sooner|late)\b"
)
_AFTERNOON = re.compile(r"\b(afternoons?|after (?:lunch|noon|work|school)|evenings?|pm|tonight)\b")
_MORNING = re.compile(r"\b(mornings?|before (?:noon|lunch|work)|first thing|am)\b")
_GREETING = re.compile(
    r"\bgood (?:morning|afternoon|evening)\b|\bi am\b|\bthis is\b", re.IGNORECASE
)
_TOLD = re.compile(
    r"\b(came on|started|broke|began|happened|noticed|was|were|did|had|died|went|heard|dropped"
    r"|left|got"
    r"|since|yesterday|last (night|week|month|year|time)|for (the )?(last|past)|ago|every|been"
    r"|called|bought|told|said i)\b"
)
"""What is told with one of these has happened, and is no wish."""
_ASKED = re.compile(
    r"\b(can|could|would|like|prefer|best|works?|work|come|bring|appointments?|book|schedule|please"
    r"|sometime|any|need|want|available|free|openings?|in for|fit|squeeze|get in|for)\b"
)


@dataclass(frozen=True, slots=True)
class When:
    """When the caller would like to come: `words` are theirs, and what is passed on."""

    words: str
    weekdays: tuple[str, ...] = ()
    day_of_month: int | None = None
    part: PartOfDay | None = None
    names_a_day: bool = False


def when(text: str) -> When | None:
    """What `text` says of a day, a part of one or a time of day, other than a bare number; None
    when it says nothing of the sort."""
    plain = _GREETING.sub(" ", text)
    heard = " ".join(_weekday(word) or word for word in normalise(plain).split())
    names_a_day = _DAY.search(heard) is not None
    if not names_a_day and not _ANY.search(heard) and not _PART.search(heard):
        return None
    weekdays = tuple(day for day in WEEKDAYS if re.search(rf"\b{day}s?\b", heard))
    part = _part(heard)
    return When(text.strip(), weekdays, _day_of_month(heard), part, names_a_day)


_VAGUELY = re.compile(
    r"\b(yesterday|last (week|month|year)|holidays?|birthday|new year|\d+ish|days?|weeks?|months?"
    r"|meeting|vacation|break|school|work|payday|the (1st|2nd|3rd|\d+th))\b"
)


def says_when(text: str) -> bool:
    """Whether an answer to the question when says anything about it, however vague: what it means,
    or what has to be asked, the tool tells."""
    heard = normalise(text)
    return bool(when(text) or clock_times(text) or _VAGUELY.search(heard))


def volunteered(text: str) -> When | None:
    """When the caller wants to come, said beside something else: only the words that say it, and
    not what has happened then ("the light came on this morning")."""
    for sentence in re.split(r"(?<=[.!?;])\s+", text):
        said = when(sentence)
        heard = normalise(sentence)
        if said is None or (_TOLD.search(heard) and not _ASKED.search(_TOLD.sub(" ", heard))):
            continue
        if (
            _TOLD.search(heard)
            and not said.weekdays
            and not re.search(r"\b(tomorrow|next|on the|this (week|friday))\b", heard)
        ):
            continue
        if said.names_a_day or clock_times(sentence) or _ASKED.search(heard):
            return When(
                _span(sentence), said.weekdays, said.day_of_month, said.part, said.names_a_day
            )
    return None


_BEFORE = frozenset(
    "on the not any but except next this after before between by sometime around about at from for "
    "until "
    "till in early late first last every either maybe or of day week two three a couple only "
    "possibly".split()
)
_TIME = (
    r"(?:\d{1,2}(?::\d\d)?\s?(?:[ap]\.?\s?m\b\.?|o'?clock)|(?:at|around|about|after|before|between"
    r"|by|until|till"
    r"|to|from|and|or) (?:\d{1,2}(?::\d\d)?|one|two|three|four|five|six|seven|eight|nine|ten"
    r"|eleven|twelve)"
    r"(?: (?:thirty|fifteen|forty five|o'?clock))?(?:\s?[ap]\.?\s?m\b\.?)?(?! (?:mile|miles"
    r"|thousand|tires?|cars?))|\d{1,2}:\d\d)"
)
_SPANS = re.compile(f"{_DAY.pattern}|{_PART.pattern}|{_ANY.pattern}|{_TIME}", re.IGNORECASE)
_AFTERWARDS = re.compile(
    r"^,? (?:or |and )?(?:later|after|earlier|works?|if possible|onwards?|sharp|ish|instead)\b"
)


def _span(sentence: str) -> str:
    """The words of the sentence from the first to the last that tell a time."""
    plain = sentence.replace("’", "'")
    plain = re.sub(r"[A-Za-z]+", lambda m: _weekday(m[0].lower()) or m[0], plain)
    found = [
        match.span() for match in _SPANS.finditer(_GREETING.sub(lambda m: "_" * len(m[0]), plain))
    ]
    if not found:
        return sentence.strip()
    begin, end = found[0][0], found[-1][1]
    while (before := re.search(r"([A-Za-z]+),? $", plain[:begin])) and before[1].lower() in _BEFORE:
        if re.search(r"\b(?:me|come|it|her|get|car|bring) in,? $", plain[:begin], re.IGNORECASE):
            break
        begin = before.start()
    more = _AFTERWARDS.search(plain[end:])
    return plain[begin : end + (more.end() if more else 0)].strip(" ,")


def day_words(text: str) -> str | None:
    """The one day that `text` names, in its own words: "Thanksgiving", "next Saturday"."""
    heard = " ".join(_weekday(word) or word for word in normalise(text).split())
    heard = heard.replace("tonight", "today").replace("new years", "new year's")
    found = re.search(rf"\b(?:next |this )?{_DAYS}\b|{_DAY.pattern}", heard)
    return re.sub(r"(?<=day)s$", "", found[0]) if found else None


def _part(heard: str) -> PartOfDay | None:
    if _AFTERNOON.search(heard):
        return "afternoon"
    return "morning" if _MORNING.search(heard) else None


def _weekday(word: str) -> str | None:
    if word in _SHORT_DAYS and word not in {"sun", "sat", "wed", "mon"}:
        return _SHORT_DAYS[word]
    singular = word[:-1] if word.endswith("days") else word
    if not singular.endswith(("day", "dey", "dy", "die", "days")):
        return None
    return closest(singular, WEEKDAYS, 0.77) if singular not in _NO_WEEKDAYS else None


_NO_WEEKDAYS = frozenset(
    {"holiday", "someday", "today", "everyday", "birthday", "weekday", "midday"}
)


def _day_of_month(heard: str) -> int | None:
    """A day said as "the 25th", "November 25", "the twenty fifth"; "the first one" is a choice."""
    match = re.search(
        rf"\b(?:{_MONTH}|{'|'.join(_SHORT_MONTHS)}) (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b", heard
    )
    match = match or re.search(r"\b(\d{1,2})(?:st|nd|rd|th)\b(?! one)", heard)
    if match and 1 <= int(match[1]) <= 31:
        return int(match[1])
    words = heard.split()
    for number in numbers(words):
        last, before = words[number.last], words[number.first - 1] if number.first else ""
        ordinal = last.endswith(("th", "first", "second", "third", "tieth")) and not last.isdigit()
        of_a_month = before in MONTHS or (
            before == "the" and words[number.last + 1 : number.last + 2] == ["of"]
        )
        if not ordinal or last not in NUMBER_WORDS or not 1 <= number.value <= 31:
            continue
        if of_a_month or (before in {"the", "on"} and number.value >= 4):
            return number.value
    return None


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
