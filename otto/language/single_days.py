"""Single days: the readers behind the rules of `date_rules.py` that mean one day each.

A reader gets the match of its rule and today's date.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta
from functools import lru_cache

import holidays
from dateutil.relativedelta import relativedelta

from otto.language.date_words import MONTHS, WEEKDAYS, normalise
from otto.language.days import NOT_UNDERSTOOD, DateError, Days, day_of
from otto.language.spoken_times import ordinal

RECENTLY_PASSED_DAYS = 60


def relative_day(found: re.Match[str], today: date) -> Days:
    offsets = {"today": 0, "now": 0, "tomorrow": 1, "yesterday": -1}
    return day_of(today + timedelta(days=offsets[found[0]]))


def weekday(found: re.Match[str], today: date) -> Days:
    which = found["which"] or ""
    wanted = WEEKDAYS.index(found["weekday"])
    monday = today - timedelta(days=today.weekday())
    if which == "last":
        return day_of(monday + timedelta(days=wanted - 7))
    if which == "next" or found["tail"] == "next week":
        return day_of(monday + timedelta(days=7 + wanted))
    if found["tail"] == "after next":
        return day_of(monday + timedelta(days=14 + wanted))
    ahead = (wanted - today.weekday()) % 7
    if ahead == 0 and which != "this":
        ahead = 7
    return day_of(today + timedelta(days=ahead))


def day_of_month(found: re.Match[str], today: date) -> Days:
    number = int(found["day"].removesuffix("th"))
    if not 1 <= number <= 31:
        raise DateError(NOT_UNDERSTOOD)
    for months in range(4):  # no three months in a row lack a 31st
        candidate = today + relativedelta(months=months, day=number)
        if candidate.day == number and candidate >= today:
            return day_of(candidate)
    raise DateError(NOT_UNDERSTOOD)


def month_and_day(found: re.Match[str], today: date) -> Days:
    year = found.groupdict().get("year")
    month = MONTHS.index(found["month"])
    return day_of(calendar_day(year, month, int(found["day"]), today))


def numeric(found: re.Match[str], today: date) -> Days:
    """US order, month first; the other order only where it cannot be misread (25/11)."""
    month, day = int(found["a"]), int(found["b"])
    if month > 12 >= day:
        month, day = day, month
    if not 1 <= month <= 12:
        raise DateError(NOT_UNDERSTOOD)
    return day_of(calendar_day(found["year"], month, day, today))


def iso(found: re.Match[str], today: date) -> Days:
    month = int(found["month"])
    if not 1 <= month <= 12:
        raise DateError(NOT_UNDERSTOOD)
    return day_of(calendar_day(found["year"], month, int(found["day"]), today))


def calendar_day(year: str | None, month: int, day: int, today: date) -> date:
    if year is None:
        chosen = today.year
        month_end = calendar.monthrange(chosen, month)[1]
        this_year = date(chosen, month, min(max(day, 1), month_end))
        if this_year < today - timedelta(days=RECENTLY_PASSED_DAYS):
            chosen += 1
    else:
        chosen = int(year) + (2000 if len(year) == 2 else 0)
    if not 1 <= chosen <= 9999:
        raise DateError(NOT_UNDERSTOOD)
    days = calendar.monthrange(chosen, month)[1]
    if not 1 <= day <= days:
        raise DateError(
            f"{calendar.month_name[month]} has only {days} days in {chosen}; "
            f"there is no {ordinal(day)}. Which day did you mean?"
        )
    return date(chosen, month, day)


HOLIDAY_NAMES = {
    "xmas": "christmas",
    "turkey": "thanksgiving",
    "mlk": "martin luther king jr",
    "martin luther king": "martin luther king jr",
    "president": "washington birthday",
    "presidents": "washington birthday",
    "4th july": "independence",
    "juneteenth": "juneteenth national independence",
    "newyears": "newyear",
    "veteran": "veterans",
}
"""Callers' names of holidays, in our spelling, by those of the holidays library."""


def holiday(found: re.Match[str], today: date) -> Days:
    eve = timedelta(days=1 if found["eve"] is not None else 0)
    return day_of(holiday_named(found["name"], today + eve) - eve)


AFTER_THANKSGIVING = {"black friday": 1, "cyber monday": 4}
"""Days by which they follow it."""


def after_thanksgiving(found: re.Match[str], today: date) -> Days:
    days = timedelta(days=AFTER_THANKSGIVING[found[0]])
    return day_of(holiday_named("thanksgiving", today - days) + days)


def holiday_named(name: str, today: date) -> date:
    """The next such holiday from `today` on. Raises `DateError` when none is called so."""
    wanted = HOLIDAY_NAMES.get(name, name)
    for day, known in (*_holidays_of(today.year), *_holidays_of(today.year + 1)):
        if known == wanted and day >= today:
            return day
    raise DateError(NOT_UNDERSTOOD)


@lru_cache(maxsize=8)
def _holidays_of(year: int) -> tuple[tuple[date, str], ...]:
    """The year's public holidays in order, by their names in our spelling."""
    known = holidays.country_holidays("US", years=year, observed=False)
    return tuple((day, normalise(name).removesuffix(" day")) for day, name in sorted(known.items()))
