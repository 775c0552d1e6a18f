"""Days as a phrase names them, before they are checked against the calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from dateutil.relativedelta import relativedelta

NOT_UNDERSTOOD = "Sorry, I did not catch which day you mean. Could you give me a date?"


class DateError(ValueError):
    """A phrase that names no usable date; `sentence` can be said to the caller as it is."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Days:
    """A range before it is checked: may lie in the past. `kind` tells "early" and "end" how."""

    first: date
    last: date | None
    kind: Literal["day", "week", "month", "other"] = "other"


def day_of(day: date) -> Days:
    return Days(day, day, "day")


def week_of(day: date) -> Days:
    monday = day - timedelta(days=day.weekday())
    return Days(monday, monday + timedelta(days=6), "week")


def month_of(day: date) -> Days:
    first = day.replace(day=1)
    return Days(first, first + relativedelta(day=31), "month")
