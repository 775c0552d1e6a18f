"""The rules behind `dates.py`: a pattern over the normalised phrase, and the days it stands for.

The table at the end is the index: most specific first, the first full match decides. A rule gets
the match and today's date and may resolve a part of the phrase by the same table. Days may lie in
the past here; `dates.resolve_dates` judges that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from otto.language import single_days
from otto.language.date_words import MONTHS, WEEKDAYS
from otto.language.days import NOT_UNDERSTOOD, DateError, Days, day_of, month_of, week_of
from otto.language.spoken_times import describe_date

MAX_COUNT = 400
"""Above it, "in N weeks" is a mishearing."""


def resolve_text(text: str, today: date) -> Days:
    """The days of one normalised phrase. Raises `DateError` when no rule knows it."""
    for pattern, rule in _RULES:
        found = pattern.fullmatch(text)
        if found is not None:
            return rule(found, today)
    raise DateError(NOT_UNDERSTOOD)


def resolve_end(text: str, earliest: date, today: date) -> Days:
    """The end of a range that begins at `earliest`: "Monday to Wednesday", said on a Tuesday,
    means the Wednesday after that Monday. Words anchored to today stay anchored to it."""
    end = resolve_text(text, today)
    if end.last is not None and end.last < earliest and not _ANCHORED.search(text):
        return resolve_text(text, earliest)
    return end


def _nth_weekday(found: re.Match[str], today: date) -> Days:
    month = resolve_text(found["month"], today).first.replace(day=1)
    wanted = WEEKDAYS.index(found["weekday"])
    first = month + timedelta(days=(wanted - month.weekday()) % 7)
    if found["nth"] == "last":
        end = month + relativedelta(day=31)
        return day_of(end - timedelta(days=(end.weekday() - wanted) % 7))
    day = first + timedelta(weeks=int(found["nth"].removesuffix("th")) - 1)
    if day.month != month.month:
        raise DateError(NOT_UNDERSTOOD)
    return day_of(day)


def _weekday_beside(found: re.Match[str], today: date) -> Days:
    """ "The Friday before Christmas", "the Monday after the 20th"."""
    named = resolve_text(found["date"], today)
    wanted = WEEKDAYS.index(found["weekday"])
    if found["side"] == "before":
        day = named.first - timedelta(days=1)
        return day_of(day - timedelta(days=(day.weekday() - wanted) % 7))
    if named.last is None:
        raise DateError(NOT_UNDERSTOOD)
    day = named.last + timedelta(days=1)
    return day_of(day + timedelta(days=(wanted - day.weekday()) % 7))


def _counted_weekday(found: re.Match[str], today: date) -> Days:
    """ "Two Saturdays from now": the second one ahead."""
    count = int(found["count"])
    if not 1 <= count <= MAX_COUNT:
        raise DateError(NOT_UNDERSTOOD)
    first = today + timedelta(days=1)
    first += timedelta(days=(WEEKDAYS.index(found["weekday"]) - first.weekday()) % 7)
    return day_of(first + timedelta(weeks=count - 1))


def _checked_weekday(found: re.Match[str], today: date) -> Days:
    """A weekday said together with a date: both must name the same day."""
    named = resolve_text(found["date"], today)
    if named.kind != "day" or named.last is None or found["date"] in WEEKDAYS:
        raise DateError(NOT_UNDERSTOOD)
    wanted = WEEKDAYS.index(found["weekday"])
    if named.first.weekday() == wanted:
        return named
    off = (wanted - named.first.weekday() + 3) % 7 - 3
    nearest = named.first + timedelta(days=off)
    if nearest < today:
        nearest += timedelta(days=7)
    real = describe_date(named.first, today=today)
    raise DateError(
        f"{named.first:%B} {named.first.day} is a {named.first:%A}, not a {nearest:%A}. "
        f"Did you mean {real}, or {describe_date(nearest, today=today)}?"
    )


# --- longer periods ------------------------------------------------------------------------------


def _week(found: re.Match[str], today: date) -> Days:
    offset = {"next": 7, "last": -7}.get(found["which"] or "", 0)
    return week_of(today + timedelta(days=offset))


def _week_beside(found: re.Match[str], today: date) -> Days:
    """ "The week after Thanksgiving", "the weekend before Christmas"."""
    named = resolve_text(found["date"], today)
    offset = timedelta(days=-7 if found["side"] == "before" else 7)
    week = week_of((named.last or named.first) + offset)
    if found["unit"] == "week":
        return week
    saturday = week.first + timedelta(days=5)
    if found["side"] == "after" and named.kind == "day" and named.first.weekday() < 5:
        saturday -= timedelta(days=7)
    return Days(saturday, saturday + timedelta(days=1))


def _week_after_next(found: re.Match[str], today: date) -> Days:
    return week_of(today + timedelta(days=14))


def _nth_week(found: re.Match[str], today: date) -> Days:
    month = resolve_text(found["month"], today)
    if month.last is None:
        raise DateError(NOT_UNDERSTOOD)
    if found["nth"] == "last":
        return Days(month.last - timedelta(days=6), month.last)
    first = month.first + timedelta(weeks=int(found["nth"].removesuffix("th")) - 1)
    return Days(first, first + timedelta(days=6))


def _any_day(found: re.Match[str], today: date) -> Days:
    return resolve_text(found["date"], today)


def _week_around(found: re.Match[str], today: date) -> Days:
    return week_of(resolve_text(found["date"], today).first)


def _weekend(found: re.Match[str], today: date) -> Days:
    saturday = week_of(today).first + timedelta(days=5)
    saturday += timedelta(days=7 if found["which"] == "next" else 0)
    return Days(saturday, saturday + timedelta(days=1))


def _month(found: re.Match[str], today: date) -> Days:
    if found["name"]:
        month = MONTHS.index(found["name"])
        year = int(found["year"]) if found["year"] else today.year
        if not found["year"] and month < today.month:
            year += 1
        return month_of(date(year, month, 1))
    return month_of(today + relativedelta(months=1 if found["which"] == "next" else 0))


def _part_of_period(found: re.Match[str], today: date) -> Days:
    part = found["part"]
    period = resolve_text(found["period"], today)
    if period.kind not in {"week", "month"} or period.last is None:
        raise DateError(NOT_UNDERSTOOD)
    # Days from the period's first day, both included.
    bounds = {
        "week": {"early": (0, 2), "mid": (1, 3), "late": (3, 6), "end": (3, 6)},
        "month": {"early": (0, 9), "mid": (10, 19), "late": (20, 30), "end": (24, 30)},
    }[period.kind]
    same = {"beginning": "early", "start": "early", "middle": "mid", "later": "late"}
    if part in {"rest", "later"} and period.first <= today <= period.last:
        return Days(min(today + timedelta(days=part == "later"), period.last), period.last)
    low, high = bounds[same.get(part, part) if part != "rest" else "late"]
    if part == "end" and period.kind == "month":
        return Days(period.last - timedelta(days=6), period.last)
    first = period.first + timedelta(days=low)
    return Days(first, min(period.first + timedelta(days=high), period.last))


def _shift(day: date, count: int, unit: str) -> date:
    if count > MAX_COUNT:
        raise DateError(NOT_UNDERSTOOD)
    if unit == "month":
        return day + relativedelta(months=count)
    return day + timedelta(days=count * (7 if unit == "week" else 1))


def _in_some_time(found: re.Match[str], today: date) -> Days:
    unit = found["unit"] or found["units"]
    day = _shift(today, int(found["count"] or found["counted"]), unit)
    return day_of(day) if unit == "day" else Days(day, day + timedelta(days=6))


def _counted_from(found: re.Match[str], today: date) -> Days:
    origin = resolve_text(found["date"], today)
    if origin.last is None:
        raise DateError(NOT_UNDERSTOOD)
    count = int(found["count"] or 1)
    return Days(
        _shift(origin.first, count, found["unit"]),
        _shift(origin.last, count, found["unit"]),
        origin.kind,
    )


def _counted_before(found: re.Match[str], today: date) -> Days:
    origin = resolve_text(found["date"], today)
    return day_of(_shift(origin.first, -int(found["count"] or 1), found["unit"]))


def _day_in_month(found: re.Match[str], today: date) -> Days:
    """ "The 9th of this month", "the third of next month"."""
    if found["month"] == "month":
        return single_days.day_of_month(found, today)  # "the first of the month": the next one
    month = resolve_text(found["month"], today)
    number = int(found["day"])
    if month.last is None or not 1 <= number <= month.last.day:
        raise DateError(NOT_UNDERSTOOD)
    return day_of(month.last.replace(day=number))


def _new_year(found: re.Match[str], today: date) -> Days:
    return Days(single_days.holiday_named("newyear", today), None)


def _days_in_month(found: re.Match[str], today: date) -> Days:
    """ "The 23rd to the 25th of November", "between December 3 and 5"."""
    first, last = (
        single_days.calendar_day(found["year"], MONTHS.index(found["month"]), int(day), today)
        for day in (found["one"], found["two"])
    )
    if last < first:
        raise DateError(NOT_UNDERSTOOD)
    return Days(first, last)


def _next_some(found: re.Match[str], today: date) -> Days:
    return Days(today, _shift(today, int(found["count"] or 1), found["unit"]))


# --- open and joined ranges ----------------------------------------------------------------------


def _open(found: re.Match[str], today: date) -> Days:
    return Days(today, None)


def _after(found: re.Match[str], today: date) -> Days:
    last = resolve_text(found["date"], today).last
    if last is None:
        raise DateError(NOT_UNDERSTOOD)
    return Days(last + timedelta(days=1), None)


def _starting(found: re.Match[str], today: date) -> Days:
    return Days(resolve_text(found["date"], today).first, None)


def _before(found: re.Match[str], today: date) -> Days:
    end = resolve_text(found["date"], today)
    last = end.first - timedelta(days=1) if found["word"] == "before" else end.last
    if last is not None and last < today:
        return Days(last, last)
    return Days(today, last)


def _joined(found: re.Match[str], today: date) -> Days:
    one = resolve_text(found["one"], today)
    if found["word"] == "or":
        two = resolve_text(found["two"], today)
    else:
        two = resolve_end(found["two"], one.first, today)
    if one.last is None or two.last is None:
        raise DateError(NOT_UNDERSTOOD)
    if found["word"] == "or":
        return Days(min(one.first, two.first), max(one.last, two.last))
    return Days(one.first, two.last)


_ANY_WEEKDAY = f"(?P<weekday>{'|'.join(WEEKDAYS)})"
_ANY_MONTH = f"(?P<month>{'|'.join(MONTHS[1:])})"
_DAY_NUMBER = r"(?P<day>\d{1,2})(?:th)?"
_YEAR = r"(?: (?P<year>\d{4}))?"
_FROM_DAY = r"(?:from |between )?(?P<one>\d{1,2})(?:th)?"
_TO_DAY = r"(?P<two>\d{1,2})(?:th)?"
_TO = r"(?:to|through|thru|till?|until|and|-)"
_UNIT = r"(?P<unit>day|week|month)s?"

_ANCHORED = re.compile(r"\b(?:today|now|tomorrow|yesterday|this|next|last|in)\b")

_Rule = Callable[[re.Match[str], date], Days]

_RULES: tuple[tuple[re.Pattern[str], _Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (
            r"|(?:as )?soon(?:est)?(?: as)?(?: possible)?|asap|earliest(?: possible)?|anyday|"
            r"whenever|flexible|(?:next|1th|earliest|soonest) (?:available|opening|appointment)"
            r"(?: (?:day|appointment|opening|time))?",
            _open,
        ),
        (r"today|now|tomorrow|yesterday", single_days.relative_day),
        ("|".join(single_days.AFTER_THANKSGIVING), single_days.after_thanksgiving),
        (r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", single_days.iso),
        (r"(?P<a>\d{1,2})[/-](?P<b>\d{1,2})(?:[/-](?P<year>\d{4}|\d{2}))?", single_days.numeric),
        (rf"{_ANY_MONTH} {_DAY_NUMBER}{_YEAR}", single_days.month_and_day),
        (rf"{_DAY_NUMBER} {_ANY_MONTH}{_YEAR}", single_days.month_and_day),
        # A small number by itself is more often a time of day.
        (r"(?P<day>\d{1,2}th|1[3-9]|2\d|3[01])", single_days.day_of_month),
        (
            rf"(?:on )?{_DAY_NUMBER} (?:in )?(?P<month>(?:(?:this|next) )?month)",
            _day_in_month,
        ),
        (rf"{_FROM_DAY} {_TO} {_TO_DAY} {_ANY_MONTH}{_YEAR}", _days_in_month),
        (rf"(?:from|between)? ?{_ANY_MONTH} {_FROM_DAY} {_TO} {_TO_DAY}{_YEAR}", _days_in_month),
        (
            rf"(?:(?P<which>this|next|last|coming|this coming) )?{_ANY_WEEKDAY}"
            r"(?: (?P<tail>this week|next week|after next))?",
            single_days.weekday,
        ),
        (rf"(?P<which>next) week {_ANY_WEEKDAY}(?P<tail>)", single_days.weekday),
        (rf"(?P<which>this) week {_ANY_WEEKDAY}(?P<tail>)", single_days.weekday),
        (r"week after next", _week_after_next),
        (r"(?:in )?(?:(?P<which>this|next|last) )?week", _week),
        (r"(?:(?P<which>this|next|coming|this coming) )?weekend", _weekend),
        (
            r"(?:in )?(?:(?P<which>this|next) month|"
            rf"(?P<name>{'|'.join(MONTHS[1:])}){_YEAR}|month)",
            _month,
        ),
        (
            rf"(?P<nth>[1-5]th|last) {_ANY_WEEKDAY} (?:in )?"
            rf"(?P<month>(?:(?:this|next) )?month|{'|'.join(MONTHS[1:])})",
            _nth_weekday,
        ),
        (rf"{_ANY_WEEKDAY} (?P<side>before|after) (?P<date>(?!next$).+)", _weekday_beside),
        (rf"(?:in )?(?P<count>\d+) {_ANY_WEEKDAY}s? from (?:now|today)", _counted_weekday),
        (r"(?P<unit>week|weekend) (?P<side>before|after) (?P<date>(?!next$).+)", _week_beside),
        (rf"(?P<count>\d*) ?{_UNIT} before (?P<date>.+)", _counted_before),
        (r"in newyear", _new_year),
        (
            r"(?:in )?(?P<part>early|beginning|start|mid|middle|later?|end|rest)(?: in)? "
            r"(?P<period>.+)",
            _part_of_period,
        ),
        (r"between (?P<one>.+) (?P<word>and) (?P<two>.+)", _joined),
        (
            r"(?:from )?(?P<one>.+) (?P<word>to|through|thru|till?|until|or|and|-) (?P<two>.+)",
            _joined,
        ),
        (
            rf"in (?P<count>\d+) {_UNIT}|(?P<counted>\d+) (?P<units>day|week|month)s? out",
            _in_some_time,
        ),
        (rf"(?P<count>\d+) {_UNIT} (?:from|after) (?P<date>.+)", _counted_from),
        (rf"(?P<count>){_UNIT} (?:from|after) (?P<date>.+)", _counted_from),
        (rf"(?:in )?(?:next|within|within next) (?P<count>\d*) ?{_UNIT}", _next_some),
        (
            rf"(?P<nth>[1-4]th|last) week (?:in )?"
            rf"(?P<month>(?:this |next )?month|{'|'.join(MONTHS[1:])})",
            _nth_week,
        ),
        (r"anyday (?P<date>.+)", _any_day),
        (r"after (?P<date>.+)", _after),
        (
            r"(?:from|starting|beginning|since|starting from|notbefore)(?: on)? "
            r"(?P<date>.+?)(?: on| onwards?)?",
            _starting,
        ),
        (
            r"(?P<word>before|by|until|till?|no later than|not later than|notafter) "
            r"(?P<date>.+)",
            _before,
        ),
        (r"week (?P<date>.+)", _week_around),
        (r"(?P<date>thanksgiving|christmas|newyear) week", _week_around),
        (rf"{_ANY_WEEKDAY} (?P<date>.+)", _checked_weekday),
        (rf"(?P<date>.+) {_ANY_WEEKDAY}", _checked_weekday),
        (r"(?P<name>[a-z ]+?)(?: day)?(?P<eve> eve)?", single_days.holiday),
    )
)
