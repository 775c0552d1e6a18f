"""Wishes for a day and a time as the labelled sets write them, said on a Wednesday in November."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from otto.language.times import resolve_wish
from otto.language.wishes import Ask, Choice, Hours, Wish

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=CHICAGO)
HORIZON_DAYS = 60
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def hours_on(day: date) -> list[tuple[time, time]]:
    """When the workshop of the sets is open."""
    if day.weekday() == 6 or day == date(2026, 11, 26):
        return []
    return [(time(8), time(14))] if day.weekday() == 5 else [(time(7, 30), time(18))]


def resolve(phrase: str, about: datetime | None = None, now: datetime = NOW) -> Wish | Ask:
    """What the phrase asks for; `about`: the start that is being talked about."""
    return resolve_wish(phrase, now=now, hours_on=hours_on, horizon_days=HORIZON_DAYS, about=about)


def _clock(moment: time) -> str:
    return f"{moment.hour}:{moment.minute:02d}"


def _hours_in_words(hours: Hours) -> str:
    if hours.exact is not None:
        return f" at {_clock(hours.exact)}"
    low, high, wished = hours.earliest, hours.latest, hours.wished
    if wished and low and high and (high.hour - low.hour, high.minute) == (2, low.minute):
        return f" about {_clock(wished)}"
    near = f" near {_clock(wished)}" if wished else ""
    if low and high and high.minute != 59:
        return f" {_clock(low)}-{_clock(high)}{near}"
    said = f" from {_clock(low)}" if low else ""
    if high:
        is_before = high.minute == 59
        said += f" before {high.hour + 1}:00" if is_before else f" to {_clock(high)}"
    return said + near


def _choice_in_words(choice: Choice) -> str:
    days = choice.days
    text = f"{days.first:%m-%d}"
    if days.single is None:
        text += f"..{days.last:%m-%d}" if days.last else ".."
    if len(days.weekdays) < 7:
        text += f" ({','.join(NAMES[one] for one in sorted(days.weekdays))})"
    for low, high in days.without:
        text += f" not {low:%m-%d}" + ("" if low == high else f"..{high:%m-%d}")
    return text + _hours_in_words(choice.hours)


def in_words(found: Wish | Ask) -> str:
    """The wish as a label says it; "ask" for a question."""
    if isinstance(found, Ask):
        return "ask"
    return " or ".join(_choice_in_words(choice) for choice in found.choices)
