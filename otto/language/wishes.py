"""When a caller would like to come, as a value: the result of reading their words.

A wish is a list of choices, any of which will do; a choice is a set of days and the hours wished
on each of them. What cannot be told from the words alone is no wish but a question, `Ask`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

EVERY_WEEKDAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Hours:
    """Local times of day at which an appointment may begin, both included; None: no limit but the
    opening hours. `wished` is the start to be nearest to; None: the earlier, the better."""

    earliest: time | None = None
    latest: time | None = None
    wished: time | None = None

    def __contains__(self, moment: time) -> bool:
        after = self.earliest is None or self.earliest <= moment
        return after and (self.latest is None or moment <= self.latest)

    @property
    def exact(self) -> time | None:
        """The one start that was named ("at nine"), else None."""
        return self.earliest if self.earliest == self.latest else None


ANY_TIME = Hours()


@dataclass(frozen=True, slots=True)
class DaySet:
    """Days from `first` to `last` (None: as far ahead as bookings go), both included, on these
    weekdays (Monday is 0), less the stretches in `without`."""

    first: date
    last: date | None
    weekdays: frozenset[int] = EVERY_WEEKDAY
    without: tuple[tuple[date, date], ...] = ()

    def __contains__(self, day: date) -> bool:
        return (
            self.first <= day
            and (self.last is None or day <= self.last)
            and day.weekday() in self.weekdays
            and not any(low <= day <= high for low, high in self.without)
        )

    def days(self, until: date) -> Iterator[date]:
        """The days up to `until`, in order."""
        day, last = self.first, until if self.last is None else min(self.last, until)
        while day <= last:
            if day in self:
                yield day
            day += timedelta(days=1)

    @property
    def single(self) -> date | None:
        """The one day it is, else None."""
        return self.first if self.first == self.last else None

    def less(self, other: DaySet) -> DaySet:
        """Without `other`, which is a stretch of days or weekdays for good."""
        if other.weekdays != EVERY_WEEKDAY:
            return replace(self, weekdays=self.weekdays - other.weekdays)
        return replace(self, without=(*self.without, (other.first, other.last or date.max)))

    def within(self, other: DaySet) -> DaySet:
        """What both hold: "Tuesdays" within "December"."""
        lasts = [one.last for one in (self, other) if one.last is not None]
        return DaySet(
            max(self.first, other.first),
            min(lasts) if lasts else None,
            self.weekdays & other.weekdays,
            self.without + other.without,
        )

    def holds_any(self, until: date) -> bool:
        """Whether any day up to `until` is left in it."""
        return next(self.days(until), None) is not None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the things that would do: these days, at these hours."""

    days: DaySet
    hours: Hours = ANY_TIME


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: any of the choices, at least one."""

    choices: tuple[Choice, ...]

    def hours_on(self, day: date) -> tuple[Hours, ...]:
        """The hours wished on that day; empty when the day was not asked for."""
        return tuple(choice.hours for choice in self.choices if day in choice.days)

    @property
    def exact(self) -> tuple[date, time] | None:
        """The day and time that was named, if it was a single one."""
        if len(self.choices) != 1:
            return None
        day, moment = self.choices[0].days.single, self.choices[0].hours.exact
        return None if day is None or moment is None else (day, moment)


@dataclass(frozen=True, slots=True)
class Ask:
    """The words leave open what is meant: `question` can be said to the caller as it is."""

    question: str
