"""Times as Google's Calendar takes and gives them: RFC 3339, days, and names of zones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.errors import GoogleError, invalid

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds, as Google writes `created` and `updated`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_zone(moment: datetime, zone: ZoneInfo) -> str:
    """With seconds and the zone's offset, as Google writes the times of events."""
    return moment.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_time(text: Any, name: str) -> datetime:
    """A parameter's RFC 3339 time with its offset. Raises `GoogleError` 400."""
    moment = _moment(text)
    if moment is None or moment.tzinfo is None:
        raise GoogleError(
            400, "badRequest", f"Bad Request: {name} must be RFC 3339 with an offset."
        )
    return moment


def span(event: Mapping[str, Any], time_zone: str) -> tuple[datetime, datetime]:
    """When the event begins and ends (exclusive). Raises `GoogleError` 400 when it cannot say."""
    return edge(event.get("start"), "start", time_zone), edge(event.get("end"), "end", time_zone)


def edge(value: Any, name: str, time_zone: str) -> datetime:
    """The moment that a start or an end names; days begin in the calendar's `time_zone`."""
    if not isinstance(value, dict) or not (value.get("dateTime") or value.get("date")):
        raise GoogleError(400, "required", f"Missing {name} time.")
    zone = value.get("timeZone")
    if zone is not None and not is_zone(zone):
        raise GoogleError(400, "invalid", f"Invalid time zone definition for {name} time.")
    if not value.get("dateTime"):
        day = day_of(value, name)
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone or time_zone))
    moment = _moment(value["dateTime"])
    if moment is None:
        raise invalid(name)
    if moment.tzinfo is None:
        if zone is None:
            raise GoogleError(400, "required", f"Missing time zone definition for {name} time.")
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment


def day_of(value: Mapping[str, Any], name: str) -> date:
    """The day that an all-day start or end names."""
    text = value.get("date")
    if isinstance(text, str) and _DAY.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise invalid(name) from None
        # The first and the last year have moments that UTC cannot say.
        if 1 < day.year < 9999:
            return day
    raise invalid(name)


def is_zone(name: Any) -> bool:
    """Whether the time zone database knows it."""
    try:
        ZoneInfo(name)
    except (KeyError, TypeError, ValueError, OSError):
        return False
    return True


def zone_of(name: str, parameter: str) -> ZoneInfo:
    """The zone that a request asks for. Raises `GoogleError` 400."""
    if not is_zone(name):
        raise GoogleError(400, "invalid", "Invalid time zone.", parameter=parameter)
    return ZoneInfo(name)


def _moment(text: Any) -> datetime | None:
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if 1 < moment.year < 9999 else None
