"""Which of several things a caller means: by its place, or openings by their day and time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sandbox.receptionist.understanding.agreement import yes_or_no
from sandbox.receptionist.understanding.times import clock_times, when
from sandbox.receptionist.understanding.words import normalise

_PLACES = (
    (r"\b(first(?! (of|thing|week))|1st one|earlier|earliest|former)\b", 0),
    (r"\b(second(?! of)|2nd one)\b", 1),
    (r"\b(third(?! of)|3rd one)\b", 2),
    (r"\b(last|later|latest|latter)\b", -1),
)
_WHEN = re.compile(
    r"(?P<weekday>[a-z]+day),?\s+(?P<month>[a-z]+)\s+(?P<day>\d+).*?"
    r"\b(?P<hour>\d{1,2}):(?P<minute>\d\d)\s*(?P<half>[ap])\.?m",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(none|neither|not|week|weeks|month|next|after(?! all)|before|except|any(thing|thing else)? "
    r"(earlier|later|sooner"
    r"|else|other)|something|another|different|else|days?|hours?|that day|tomorrow|today"
    r"|end of"
    r"|between|until|till|(an?|the) hour|bit|little|half hour|minutes)\b"
)
"""What no opening offered answers by itself: the calendar has to be asked with these words."""


def choose_place(text: str, count: int) -> int | None:
    """Which of `count` things is meant by its place: "the first one", "number two", "the last"."""
    heard = normalise(text)
    if re.search(r"\b(none|neither|something|anything|any other)\b", heard):
        return None
    for pattern, place in _PLACES:
        if re.search(pattern, heard) and place < count:
            return place % count
    number = re.search(r"\b(?:number|option|choice) (one|two|three|1|2|3)\b", heard)
    if number:
        place = {"one": 0, "two": 1, "three": 2, "1": 0, "2": 1, "3": 2}[number[1]]
        return place if place < count else None
    return None


def names(text: str, when_told: str) -> bool:
    """Whether the day and the time of this opening are said, as far as either is."""
    return bool(choose_openings(text, [when_told], by_place=False))


def choose_openings(text: str, whens: Sequence[str], *, by_place: bool = True) -> list[int]:
    """The openings (indexes into `whens`, "Tuesday, November 24 at 9:00 AM") the caller may mean.

    One: chosen. Several: still open which. None: none of these is meant, or not by these words.
    Without `by_place` only days and times count, not "the first one" or a yes.
    """
    heard = normalise(text)
    if _ELSEWHERE.search(heard):
        return []
    parsed = {at: match for at, each in enumerate(whens) if (match := _WHEN.search(each))}
    left = list(parsed)
    said = when(text)
    constrained = False
    if said and said.weekdays:
        left = [at for at in left if parsed[at]["weekday"].lower() in said.weekdays]
        constrained = True
    if said and said.day_of_month:
        left = [at for at in left if int(parsed[at]["day"]) == said.day_of_month]
        constrained = True
    if said and said.part:
        half = {"morning": "a", "afternoon": "p"}[said.part]
        left, constrained = [at for at in left if parsed[at]["half"].lower() == half], True
    times = clock_times(text)
    if times and left:
        fitting = [at for at in left if any(time.fits(*_clock(parsed[at])) for time in times)]
        left, constrained = fitting, True
    if not by_place:
        return left if constrained else []
    place = choose_place(text, len(left) if constrained and left else len(whens))
    if place is not None:
        return [left[place]] if constrained and left else [place]
    if constrained:
        return left
    return [0] if len(whens) == 1 and yes_or_no(text) else []


def _clock(match: re.Match[str]) -> tuple[int, int]:
    hour = int(match["hour"]) % 12 + (12 if match["half"].lower() == "p" else 0)
    return hour, int(match["minute"])
