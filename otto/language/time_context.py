"""Words that count from now, or from the start that is being talked about: "in an hour", "later
that day", "the week after", "half an hour earlier"."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from otto.language.clock import Clock, Half, Said
from otto.language.days import NOT_UNDERSTOOD, DateError
from otto.language.time_grammar import Day, Item, Time
from otto.language.wishes import DaySet

MAX_COUNT = 400
"""More hours or days than that are a mishearing."""

_Rule = Callable[[re.Match[str], datetime], list[Item]]


def _day(day: date) -> Day:
    return Day(DaySet(day, day))


def _week(monday: date) -> Day:
    return Day(DaySet(monday, monday + timedelta(days=6)))


def _start(moment: datetime) -> list[Item]:
    clock = Clock(moment.hour, moment.minute, "am" if moment.hour < 12 else "pm")
    return [_day(moment.date()), Time(Said(clock, clock, clock))]


def _in_hours(found: re.Match[str], now: datetime) -> list[Item]:
    count = int(found["count"])
    if count > MAX_COUNT:
        raise DateError(NOT_UNDERSTOOD)
    unit = timedelta(hours=1) if found["unit"] == "hour" else timedelta(minutes=1)
    moment = now + count * unit
    clock = Clock(moment.hour, moment.minute, "am" if moment.hour < 12 else "pm")
    return [_day(moment.date()), Time(Said(wished=clock, low=clock))]


def _shifted(found: re.Match[str], about: datetime) -> list[Item]:
    count = int(found["count"] or 1)
    if count > MAX_COUNT:
        raise DateError(NOT_UNDERSTOOD)
    count *= -1 if found["way"] in {"earlier", "sooner", "before"} else 1
    if found["unit"] in {"day", "week"}:
        return [_day(about.date() + timedelta(days=count * (7 if found["unit"] == "week" else 1)))]
    unit = timedelta(hours=1) if found["unit"] == "hour" else timedelta(minutes=1)
    # Wall clock: an hour later on the clock, whatever the zone does that night.
    return _start(about.replace(tzinfo=None) + count * unit)


def _before(found: re.Match[str], about: datetime) -> list[Item]:
    if "week" in found[0]:
        return [_week(about.date() - timedelta(days=about.weekday() + 7))]
    return [_day(about.date() - timedelta(days=1))]


def _same_day(found: re.Match[str], about: datetime) -> list[Item]:
    items: list[Item] = [_day(about.date())]
    clock = Clock(about.hour, about.minute, "am" if about.hour < 12 else "pm")
    if found["way"] == "later":
        after = about + timedelta(minutes=1)
        items.append(Time(Said(low=Clock(after.hour, after.minute, _half(after)))))
    elif found["way"] == "earlier":
        items.append(Time(Said(high=clock, before=True)))
    return items


def _half(moment: datetime) -> Half:
    return "am" if moment.hour < 12 else "pm"


def _same_week(found: re.Match[str], about: datetime) -> list[Item]:
    return [_week(about.date() - timedelta(days=about.weekday()))]


def _same_time(found: re.Match[str], about: datetime) -> list[Item]:
    return _start(about)[1:]


def _compiled(*rules: tuple[str, _Rule]) -> tuple[tuple[re.Pattern[str], _Rule], ...]:
    return tuple((re.compile(rf"{pattern}(?=$| )"), rule) for pattern, rule in rules)


_FROM_NOW = _compiled(
    (r"in (?:about |the next )?(?P<count>\d+) (?P<unit>hour|minute)s?", _in_hours),
    (r"(?P<count>\d+) (?P<unit>hour|minute)s? from now", _in_hours),
)
_FROM_THE_START = _compiled(
    (
        r"(?:an? )?(?P<count>\d+)? ?(?P<unit>day|week|hour|minute)s? "
        r"(?P<way>earlier|sooner|later)",
        _shifted,
    ),
    (
        r"(?:the )?(?:week|day) before(?: that| it)?(?=$| ,| please| <| would| works)"
        r"|(?:the )?previous (?:week|day)",
        _before,
    ),
    (
        r"(?:(?P<way>later|earlier)(?: on)?(?: in)? )?(?:that|the same|same) (?:same )?day",
        _same_day,
    ),
    (r"(?P<way>later|earlier) in (?:the )?day", _same_day),
    (r"(?:that|the same|same) week", _same_week),
    (r"(?:at )?(?:that|the same|same) time", _same_time),
)


def context_at(
    words: list[str], at: int, now: datetime, about: datetime | None
) -> tuple[list[Item], int] | None:
    """The items that begin at `words[at]`, and how many words they take; else None. `about` None:
    nothing is being talked about, and words that need it are left to the other rules."""
    text = " ".join(words[at:])
    origins = ((_FROM_NOW, now), (_FROM_THE_START, about and about.astimezone(now.tzinfo)))
    for rules, origin in origins:
        if origin is None:
            continue
        for pattern, rule in rules:
            found = pattern.match(text)
            if found is not None and found[0].strip():
                return rule(found, origin), len(found[0].split())
    return None
