"""Dates and times as a person says them: one wording, used by tools, text messages and errors."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo


def describe_start(starts_at: datetime, tz: ZoneInfo) -> str:
    """An appointment's start in the dealership's zone: "Tuesday, November 24 at 9:00 AM".

    Of a time that the clock shows twice it is said which: "1:30 AM, before the clocks go back".
    """
    local = starts_at.astimezone(tz)
    said = f"{describe_date(local.date())} at {describe_time(local.time())}"
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return said
    return f"{said}, {'after' if local.fold else 'before'} the clocks go back"


def describe_date(day: date, *, today: date | None = None) -> str:
    """ "Tuesday, November 24"; with `today` given, the year is added when it is another one."""
    text = f"{day:%A}, {day:%B} {day.day}"
    return f"{text}, {day.year}" if today is not None and day.year != today.year else text


def describe_time(moment: time) -> str:
    """ "9:00 AM", "12:30 PM": what `otto.speech` knows how to pronounce."""
    hour = moment.hour % 12 or 12
    return f"{hour}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"


def ordinal(number: int) -> str:
    """1 -> "1st", 22 -> "22nd", 13 -> "13th"."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def join_spoken(parts: list[str], *, last: str = "and") -> str:
    """ "a", "a and b", "a, b, and c"."""
    if len(parts) < 3:
        return f" {last} ".join(parts)
    return f"{', '.join(parts[:-1])}, {last} {parts[-1]}"
