"""When a location is open: as instants for the booking rules, and as sentences for callers.

The file gives wall-clock times; instants come from them through the location's zone, so a day on
which the clocks change is an hour shorter or longer than it reads. A wall-clock time that the
change skips (02:30 on 14 March 2027 in New York) stands for the instant an hour later on the new
clock; one that occurs twice opens at its first and closes at its second occurrence, but for
midnight, which ends the day. Hours past midnight belong to the day on which they begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.dealership import WEEKDAYS, Interval, Location
from config.opening_hours import MIDNIGHT
from config.public_holidays import OBSERVED
from otto.language.spoken_times import describe_date, describe_time, join_spoken


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A stretch of time between two aware UTC instants, `ends_at` excluded."""

    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: Period) -> bool:
        """Whether they share an instant; periods that only touch do not."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def to_instant(day: date, wall: time, tz: ZoneInfo, *, fold: int = 0) -> datetime:
    """The UTC instant of a wall-clock time; `fold` 1 picks the second of two."""
    return datetime.combine(day, wall.replace(fold=fold), tz).astimezone(UTC)


def open_periods(location: Location, day: date) -> tuple[Period, ...]:
    """The instants between which the location is open, from when it opens on a local date, in
    order; none if closed."""
    tz = location.zone
    periods = (
        Period(to_instant(day, one.opens, tz), _closing(one, day, tz))
        for one in location.intervals_on(day)
    )
    # An interval that a clock change swallows whole is no time at all.
    return tuple(period for period in periods if period.starts_at < period.ends_at)


def periods_reaching(location: Location, day: date) -> tuple[Period, ...]:
    """The open periods of a local date, and those of the day before that reach into it. Where the
    last one goes on without a break on the next day, as around the clock, so does the period."""
    before, own, after = (open_periods(location, day + timedelta(days=days)) for days in (-1, 0, 1))
    midnight = local_day(location, day).starts_at
    if own and after and own[-1].ends_at == after[0].starts_at:
        own = (*own[:-1], Period(own[-1].starts_at, after[0].ends_at))
    return (*(one for one in before if one.ends_at > midnight), *own)


def local_day(location: Location, day: date) -> Period:
    """Midnight to midnight of a local date: 23, 24 or 25 hours."""
    tz = location.zone
    tomorrow = day + timedelta(days=1)
    return Period(to_instant(day, time(0), tz), to_instant(tomorrow, time(0), tz))


def describe_day(location: Location, day: date) -> str:
    """One sentence: "On Tuesday, November 24 we are open from 7:30 AM to 6:00 PM."

    Says why when a holiday or a special day is the reason.
    """
    is_open = "open " if location.intervals_on(day) else ""
    return f"On {describe_date(day)} we are {is_open}{open_on(location, day)}."


def open_on(location: Location, day: date) -> str:
    """When it is open: "from 7:30 AM to 6:00 PM", or "closed for Thanksgiving Day"."""
    intervals, reason = location.intervals_on(day), _reason(location, day)
    if not intervals:
        return f"closed for {reason}" if reason else "closed"
    return f"{_spoken(intervals)} because of {reason}" if reason else _spoken(intervals)


def describe_week(location: Location, today: date) -> str:
    """The regular week, days with equal hours together, then what differs in the next 7 days.

    "We are open Monday through Friday from 7:30 AM to 6:00 PM, and Saturday from 8:00 AM to
    2:00 PM. We are closed on Sunday."
    """
    groups: list[tuple[list[str], tuple[Interval, ...]]] = []
    for weekday, intervals in location.hours.items():
        if groups and groups[-1][1] == intervals:
            groups[-1][0].append(weekday)
        else:
            groups.append(([weekday], intervals))
    opened = [f"{_spoken_days(days)} {_spoken(hours)}" for days, hours in groups if hours]
    closed = [_spoken_days(days) for days, hours in groups if not hours]
    sentences = []
    if opened:
        sentences.append(f"We are open {', and '.join(opened)}.")
    if closed:
        sentences.append(f"We are closed on {join_spoken(closed)}.")
    for ahead in range(7):
        day = today + timedelta(days=ahead)
        if location.intervals_on(day) != location.hours[WEEKDAYS[day.weekday()]]:
            sentences.append(describe_day(location, day))
    return " ".join(sentences)


def _closing(one: Interval, day: date, tz: ZoneInfo) -> datetime:
    fold = 0 if one.closes == MIDNIGHT else 1
    return to_instant(one.closing_day(day), one.closes, tz, fold=fold)


def _spoken(intervals: Sequence[Interval]) -> str:
    return join_spoken([_hours(one) for one in intervals])


def _hours(one: Interval) -> str:
    if one.opens == one.closes:
        return "around the clock"
    opens, closes = (
        "midnight" if moment == MIDNIGHT else describe_time(moment)
        for moment in (one.opens, one.closes)
    )
    return f"from {opens} to {closes}"


def _spoken_days(days: Sequence[str]) -> str:
    names = [day.capitalize() for day in days]
    return f"{names[0]} through {names[-1]}" if len(names) > 2 else join_spoken(names)


def _reason(location: Location, day: date) -> str:
    for special in location.special_hours:
        if special.date == day:
            return special.reason
    if day in location.closed_dates or location.holidays is None:
        return ""
    name = location.holidays.name_on(day) or ""
    # As it is said, without brackets: "Christmas Day, observed".
    return f"{name.removesuffix(OBSERVED)}, observed" if name.endswith(OBSERVED) else name
