"""Why openings are not what was asked for, as a sentence for the caller: one for each `Why`."""

from __future__ import annotations

from datetime import date, timedelta

from otto.language.spoken_times import describe_date, describe_time
from otto.scheduling.availability.looking import Visit
from otto.scheduling.hours import describe_day, open_periods
from otto.scheduling.openings import Why

_NO_PLACE = {
    "wait": "On {day} there is no place left in the waiting room.",
    "loaner": "On {day} all our loaner cars are out.",
    "shuttle": "On {day} our shuttle is full.",
}
NEVER = {
    "wait": "I am sorry, we cannot let customers wait while we work on their car.",
    "loaner": "I am sorry, we have no loaner cars.",
    "shuttle": "I am sorry, we have no shuttle.",
}
"""What is said of a transport that the location does not have."""


def sentence_of(why: Why, visit: Visit, day: date, staff: str | None = None) -> str:
    """What to tell the caller. `day` is the local date it is about, `staff` whom they asked for."""
    location = visit.location
    named = describe_date(day)
    match why:
        case Why.CLOSED | Why.OUTSIDE_HOURS:
            return describe_day(location, day)
        case Why.TOO_LONG:
            closing = max(
                (one.ends_at.astimezone(location.zone) for one in open_periods(location, day)),
                default=None,
            )
            until = "" if closing is None else f", and on {named} we close at "
            until += "" if closing is None else describe_time(closing.time())
            return f"That takes {_length(visit.duration)}{until}."
        case Why.TOO_SOON:
            return f"For that we need {_length(visit.notice)} of notice."
        case Why.OFF_GRID:
            return f"Our appointments begin every {location.slot_minutes} minutes."
        case Why.VEHICLE_BOOKED:
            return "That vehicle has an appointment with us then already."
        case Why.TAKEN:
            return "That time is taken."
        case Why.STAFF:
            member = location.staff_called(staff or "")
            if member is None:
                return "I could not find who you would like to have."
            if visit.with_staff is None:
                return f"{member.name} does not do that work."
            return f"{member.name} is not free then."
        case Why.TRANSPORT:
            texts = NEVER if location.places_a_day(visit.transport) == 0 else _NO_PLACE
            return texts[visit.transport].format(day=named)
        case Why.TOO_FAR:
            return f"Up to {named}, as far ahead as we book, nothing is free."


def _length(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes % (24 * 60) == 0 and minutes:
        return _counted(minutes // (24 * 60), "day")
    hours, rest = divmod(minutes, 60)
    parts = [_counted(hours, "hour")] if hours else []
    parts += [_counted(rest, "minute")] if rest or not hours else []
    return " and ".join(parts)


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
