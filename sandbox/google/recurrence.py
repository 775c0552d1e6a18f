"""Recurring events: one event that stands for many, and the many that it stands for.

RRULE, EXRULE, RDATE and EXDATE are read by python-dateutil. Facts from Google's guide to recurring
events (https://developers.google.com/workspace/calendar/api/guides/recurringevents) and its
reference: DTSTART and DTEND lines are not allowed, a time zone is required, and the rule is
expanded in it, by the clock on the wall; an instance has an id of its own, names its series in
`recurringEventId`, and keeps in `originalStartTime` when it should have been.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rruleset, rrulestr

from sandbox.google.errors import GoogleError
from sandbox.google.times import in_zone, is_zone, span

MOST_INSTANCES = 1000
"""Of one series in one answer."""
LONGEST = timedelta(days=366 * 30)
"""After so long a series without an end ends: a rule that fits no day must not be searched on."""
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[A-Z]+=[^:;]+)*):(\S+)", re.IGNORECASE)
_STAMP = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")
_INSTANCE = re.compile(r"(.+)_(\d{8}(?:T\d{6}Z)?)")


def is_series(event: Mapping[str, Any]) -> bool:
    """Whether the event stands for many."""
    return bool(event.get("recurrence"))


def check(event: Mapping[str, Any], time_zone: str) -> None:
    """Raises `GoogleError` 400 when a recurrence cannot be expanded."""
    lines = event.get("recurrence")
    if lines is None:
        return
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise _wrong()
    start = event["start"]
    if lines and "dateTime" in start and not start.get("timeZone"):
        raise GoogleError(400, "required", "Missing time zone definition for start time.")
    if lines:
        _starts(event, time_zone)


def instances(
    series: Mapping[str, Any], time_zone: str, begin: datetime | None, finish: datetime
) -> Iterator[dict[str, Any]]:
    """The instances that end after `begin` and start before `finish`, in order; those that were
    changed are not known here."""
    first_start, first_end = span(series, time_zone)
    length = first_end - first_start
    found = 0
    for start in _starts(series, time_zone):
        moment = start.astimezone(UTC)
        if moment >= finish or found == MOST_INSTANCES:
            return
        if begin is None or moment + length > begin:
            found += 1
            yield _instance(series, start, length)


def instance(series: Mapping[str, Any], instance_id: str, time_zone: str) -> dict[str, Any] | None:
    """The instance with that id; None when the series has none."""
    first_start, first_end = span(series, time_zone)
    for start in _starts(series, time_zone):
        found = _id_of(series, start)
        if found == instance_id:
            return _instance(series, start, first_end - first_start)
        # Both are the same prefix and a stamp, which sorts as time does.
        if found > instance_id:
            return None
    return None


def series_id(instance_id: str) -> str:
    """The id of the series that an instance's id is made of; "" when it is no such id."""
    parts = _INSTANCE.fullmatch(instance_id)
    return parts[1] if parts else ""


def _instance(series: Mapping[str, Any], start: datetime, length: timedelta) -> dict[str, Any]:
    own = {name: value for name, value in series.items() if name != "recurrence"}
    begins = _edge(series, "start", start)
    return {
        **own,
        "id": _id_of(series, start),
        "recurringEventId": series["id"],
        "originalStartTime": begins,
        "start": begins,
        "end": _edge(series, "end", start + length),
    }


def _edge(series: Mapping[str, Any], name: str, moment: datetime) -> dict[str, str]:
    if "date" in series["start"]:
        return {"date": moment.date().isoformat()}
    zone = series[name].get("timeZone") or series["start"]["timeZone"]
    return {"dateTime": in_zone(moment, ZoneInfo(zone)), "timeZone": zone}


def _id_of(series: Mapping[str, Any], start: datetime) -> str:
    if "date" in series["start"]:
        return f"{series['id']}_{start:%Y%m%d}"
    return f"{series['id']}_{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _starts(series: Mapping[str, Any], time_zone: str) -> rruleset:
    """When the instances begin, in the series' own zone."""
    is_days = "date" in series["start"]
    # A day has no hours to shift: it is counted in UTC.
    zone = "UTC" if is_days else series["start"]["timeZone"]
    start = span(series, "UTC" if is_days else time_zone)[0].astimezone(ZoneInfo(zone))
    return _expanded(tuple(series["recurrence"]), start.replace(tzinfo=None), zone, is_days)


@lru_cache(maxsize=512)
def _expanded(lines: tuple[str, ...], start: datetime, zone: str, is_days: bool) -> rruleset:
    own = ZoneInfo(zone)
    begins = start.replace(tzinfo=own)
    found = rruleset(cache=True)
    found.rdate(begins)
    for line in lines:
        parts = _LINE.fullmatch(line.strip())
        if parts is None:
            raise _wrong(line)
        kind, options, value = parts[1].lower(), parts[2], parts[3]
        try:
            if kind.endswith("rule"):
                getattr(found, kind)(_rule(value, begins, is_days))
            else:
                for stamp in value.split(","):
                    getattr(found, kind)(_stamped(stamp, _zone_in(options) or zone, own, is_days))
        except (ValueError, KeyError, TypeError, OverflowError):
            raise _wrong(line) from None
    return found


def _rule(text: str, begins: datetime, is_days: bool) -> rrule:
    pairs = dict(part.upper().split("=", 1) for part in text.rstrip(";").split(";"))
    if pairs.get("FREQ") not in _FREQUENCIES or ("COUNT" in pairs and "UNTIL" in pairs):
        raise ValueError("a frequency that calendars do not have, or two ends")
    until = begins + LONGEST
    if "UNTIL" in pairs:
        stamp = pairs.pop("UNTIL")
        own = begins.tzinfo or UTC
        until = min(until, _stamped(stamp, str(own), own, is_days))
        if "T" not in stamp and not is_days:
            until += timedelta(days=1, seconds=-1)  # the whole of its last day
    rule = rrulestr(";".join("=".join(pair) for pair in pairs.items()), dtstart=begins)
    if not isinstance(rule, rrule):
        raise ValueError("more than a rule")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # COUNT and our own last day
        return rule.replace(until=until)


def _stamped(text: str, zone: str, own: Any, is_days: bool) -> datetime:
    parts = _STAMP.fullmatch(text.upper())
    if parts is None or not is_zone(zone):
        raise ValueError("no time of iCalendar's")
    hours = "000000" if is_days else parts[2] or "000000"
    is_utc = parts[3] or is_days  # a day is counted in UTC, and its zone is that
    named = UTC if is_utc else ZoneInfo(zone)
    moment = datetime.strptime(f"{parts[1]}{hours}", "%Y%m%d%H%M%S").replace(tzinfo=named)
    return moment.astimezone(own)


def _zone_in(options: str) -> str:
    found = re.search(r";TZID=([^;:]+)", options, re.IGNORECASE)
    return found[1] if found else ""


def _wrong(line: str = "") -> GoogleError:
    return GoogleError(400, "invalid", f"Invalid recurrence rule. {line}".strip())
