"""`freebusy.query`: when calendars are busy; a calendar that cannot be read has its error inside
the 200 (https://developers.google.com/workspace/calendar/api/v3/reference/freebusy/query)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.errors import GoogleError
from sandbox.google.store import Calendar, CalendarStore
from sandbox.google.times import in_zone, parse_time, rfc3339, span, zone_of

MOST_CALENDARS = 50


def free_busy(store: CalendarStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `freebusy.query`. Raises `GoogleError` 400."""
    begin = parse_time(body.get("timeMin"), "timeMin")
    finish = parse_time(body.get("timeMax"), "timeMax")
    if finish <= begin:
        raise GoogleError(400, "timeRangeEmpty", parameter="timeMax")
    items = body.get("items") or []
    if len(items) > MOST_CALENDARS:
        raise GoogleError(400, "tooManyCalendarsRequested", "Too many calendars requested.")
    zone = zone_of(body.get("timeZone") or "UTC", "timeZone")
    calendars: dict[str, Any] = {}
    for item in items:
        calendar_id = str(item.get("id") or "")
        try:
            calendar = store.calendar(calendar_id)
            if not calendar.allows("freeBusyReader"):
                raise GoogleError(404, "notFound")
        except GoogleError:
            error = {"domain": "global", "reason": "notFound"}
            calendars[calendar_id] = {"errors": [error], "busy": []}
            continue
        calendars[calendar_id] = {"busy": _busy(store, calendar, begin, finish, zone)}
    return {
        "kind": "calendar#freeBusy",
        "timeMin": rfc3339(begin),
        "timeMax": rfc3339(finish),
        "calendars": calendars,
    }


def _busy(
    store: CalendarStore, calendar: Calendar, begin: datetime, finish: datetime, zone: ZoneInfo
) -> list[dict[str, str]]:
    """The occupied stretches inside the range, in order, overlapping ones joined."""
    spans = sorted(
        span(event, calendar.timeZone)
        for event in store.occurrences(calendar, begin, finish)
        if event.get("transparency") != "transparent"
    )
    joined: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if end <= begin or start >= finish:
            continue
        start, end = max(start, begin), min(end, finish)
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return [{"start": in_zone(start, zone), "end": in_zone(end, zone)} for start, end in joined]
