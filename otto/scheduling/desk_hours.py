"""Whether a person is at the service desk, and when one will be: the location's opening hours.

closed = closed_desk(location, now)      # None: somebody is there
closed.promise                           # "when we open at 7:30 AM on Monday"
closed.opens_at                          # the same, as an instant: what a callback promises
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from config.dealership import Location
from otto.language.spoken_times import describe_date, describe_time
from otto.scheduling.hours import open_periods, periods_reaching

LOOKED_AHEAD_DAYS = 60
"""A workshop that is closed for longer promises no time."""
BY_WEEKDAY_DAYS = 6
"""So far ahead a weekday names one day only."""


@dataclass(frozen=True, slots=True)
class ClosedDesk:
    """Nobody is at the desk."""

    opens_at: datetime | None
    """The instant, UTC, at which somebody will be; None: not within `LOOKED_AHEAD_DAYS`."""
    promise: str
    """When that is, for the end of a sentence: "when we open at 7:30 AM on Monday"."""


def closed_desk(location: Location, now: datetime) -> ClosedDesk | None:
    """None while the location is open at `now`, an aware instant."""
    local = now.astimezone(location.zone)
    if any(one.starts_at <= now < one.ends_at for one in periods_reaching(location, local.date())):
        return None
    opens_at = next_opening(location, now)
    if opens_at is None:
        return ClosedDesk(None, "as soon as we open again")
    return ClosedDesk(opens_at, f"when we open {describe_opening(opens_at, now, location.zone)}")


def next_opening(location: Location, now: datetime) -> datetime | None:
    """The first instant after `now` at which the location opens."""
    today = now.astimezone(location.zone).date()
    for ahead in range(LOOKED_AHEAD_DAYS + 1):
        for period in open_periods(location, today + timedelta(days=ahead)):
            if period.starts_at > now:
                return period.starts_at.astimezone(UTC)
    return None


def describe_opening(opens_at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """ "at 7:30 AM today", "at 7:30 AM tomorrow", "at 7:30 AM on Monday", and further ahead
    "at 7:30 AM on Monday, December 7"."""
    local, today = opens_at.astimezone(zone), now.astimezone(zone).date()
    days = (local.date() - today).days
    if days < 2:
        day = "tomorrow" if days else "today"
    elif days <= BY_WEEKDAY_DAYS:
        day = f"on {local:%A}"
    else:
        day = f"on {describe_date(local.date(), today=today)}"
    return f"at {describe_time(local.time())} {day}"
