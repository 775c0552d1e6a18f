"""Opening hours as the dealership's file writes them: `07:30-18:00`, `18:00-24:00`, `18:00-02:00`.

A stretch belongs to the day on which it opens, and may go on past midnight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""In the order of `date.weekday()`."""
MIDNIGHT = time(0)
LONGEST_NIGHT_MINUTES = 12 * 60
"""Past midnight for longer is more likely written the wrong way round."""


class Interval(BaseModel):
    """A stretch of opening time, in wall-clock time of the location. One that closes no later than
    it opens closes on the next day; at 00:00, it is open up to midnight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opens: time
    closes: time

    @property
    def is_past_midnight(self) -> bool:
        """Whether a part of it is on the next day."""
        return MIDNIGHT < self.closes <= self.opens

    @property
    def minutes(self) -> int:
        """Its length on the clock: that of a day on which no clock is changed."""
        opens, closes = (moment.hour * 60 + moment.minute for moment in (self.opens, self.closes))
        return closes - opens + (0 if self.closes > self.opens else 24 * 60)

    def closing_day(self, day: date) -> date:
        """The date on which it closes when it opens on `day`."""
        return day if self.closes > self.opens else day + timedelta(days=1)


def overlap(earlier: tuple[Interval, ...], later: tuple[Interval, ...]) -> str | None:
    """What is wrong between the hours of a day and those of the next, if anything is."""
    night = earlier[-1] if earlier else None
    if night is None or not later or not night.is_past_midnight:
        return None
    if later[0].opens >= night.closes:
        return None
    return f"{_written(later[0])} begins before {_written(night)} of the day before has ended"


def _intervals(value: Any) -> Any:
    """`07:30-18:00`, a list of such, or `closed`."""
    if isinstance(value, str):
        value = () if value.strip().lower() == "closed" else (value,)
    if not isinstance(value, list | tuple):
        raise ValueError("must be written like 07:30-18:00, or: closed")
    return tuple(_interval(part) if isinstance(part, str) else part for part in value)


def _interval(text: str) -> dict[str, time]:
    written = re.fullmatch(r"(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)", text.strip())
    if written is None:
        raise ValueError(f"'{text}' is not written like 07:30-18:00")
    hour, minute, last_hour, last_minute = (int(part) for part in written.groups())
    if (hour, minute, last_hour, last_minute) == (0, 0, 0, 0):
        raise ValueError(f"'{text}' is either 00:00-24:00 or: closed")
    if (last_hour, last_minute) == (24, 0):
        last_hour = 0
    try:
        return {"opens": time(hour, minute), "closes": time(last_hour, last_minute)}
    except ValueError:
        raise ValueError(
            f"'{text}' has a time that does not exist (00:00 to 23:59)\n"
            "closing at midnight is written 24:00"
        ) from None


def _in_order(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    for one in intervals:
        if one.is_past_midnight and one.minutes > LONGEST_NIGHT_MINUTES:
            raise ValueError(
                f"closes {one.closes:%H:%M} is before opens {one.opens:%H:%M}\n"
                f"hours past midnight, like 18:00-02:00, may last {LONGEST_NIGHT_MINUTES // 60}"
                " hours"
            )
    for earlier, later in pairwise(intervals):
        if later.opens < earlier.closes or earlier.closes <= earlier.opens:
            raise ValueError(f"{_written(later)} begins before {_written(earlier)} has ended")
    return intervals


def _written(one: Interval) -> str:
    closes = "24:00" if one.closes == MIDNIGHT else f"{one.closes:%H:%M}"
    return f"{one.opens:%H:%M}-{closes}"


Intervals = Annotated[tuple[Interval, ...], BeforeValidator(_intervals), AfterValidator(_in_order)]


class WeekHours(BaseModel):
    """Opening hours by weekday; readable like a mapping: `hours["tuesday"]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    monday: Intervals
    tuesday: Intervals
    wednesday: Intervals
    thursday: Intervals
    friday: Intervals
    saturday: Intervals
    sunday: Intervals

    def __getitem__(self, weekday: str) -> tuple[Interval, ...]:
        if weekday not in WEEKDAYS:
            raise KeyError(weekday)
        intervals: tuple[Interval, ...] = getattr(self, weekday)
        return intervals

    def items(self) -> Iterator[tuple[str, tuple[Interval, ...]]]:
        """Weekday names with their intervals, Monday first."""
        return ((weekday, self[weekday]) for weekday in WEEKDAYS)

    @model_validator(mode="after")
    def _nights_end_in_time(self) -> Self:
        faults = [
            f"{tomorrow.capitalize()}: {fault}"
            for today, tomorrow in pairwise((*WEEKDAYS, WEEKDAYS[0]))
            if (fault := overlap(self[today], self[tomorrow]))
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self
