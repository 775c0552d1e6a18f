"""What of an event a client may say, and what of it Google refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.google import recurrence
from sandbox.google.errors import GoogleError, invalid
from sandbox.google.times import span

WRITABLE = (
    "summary description location start end extendedProperties transparency visibility colorId "
    "status attendees recurrence reminders source guestsCanInviteOthers guestsCanModify "
    "guestsCanSeeOtherGuests anyoneCanAddSelf"
).split()
_TYPES = ("default", "outOfOffice", "focusTime", "workingLocation", "birthday")
_STATUSES = ("confirmed", "tentative", "cancelled")
_CHOICES = {
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
}


def new_event(
    event_id: str, body: Mapping[str, Any], now: str, creator: str, organizer: tuple[str, str]
) -> dict[str, Any]:
    """An event as it is when it has just been made."""
    email, name = organizer
    return {
        "kind": "calendar#event",
        "id": event_id,
        "status": "confirmed",
        "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
        "created": now,
        "creator": {"email": creator},
        "organizer": {"email": email, "displayName": name, "self": True},
        "iCalUID": body.get("iCalUID") or f"{event_id}@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": body.get("eventType") or "default",
        **merged({}, writable(body)),
    }


def writable(body: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What of `body` can be written to `before`: an instance has no recurrence of its own."""
    is_instance = before is not None and "recurringEventId" in before
    return {
        key: value
        for key, value in body.items()
        if key in WRITABLE and not (is_instance and key == "recurrence")
    }


def merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`before` with the changes: null removes, maps are merged key by key, lists are replaced."""
    after = dict(before)
    for key, value in changes.items():
        if value is None:
            after.pop(key, None)
        elif isinstance(value, Mapping):
            old = before.get(key)
            after[key] = merged(old if isinstance(old, Mapping) else {}, value)
        else:
            after[key] = value
    return after


def check_event(event: Mapping[str, Any], time_zone: str) -> None:
    """Raises `GoogleError` 400 for an event that cannot be."""
    start, end = span(event, time_zone)
    if ("date" in event["start"]) != ("date" in event["end"]) or _is_both(event):
        raise GoogleError(400, "invalid", "Invalid start/end: both must be dates or both times.")
    if end <= start:
        raise GoogleError(400, "timeRangeEmpty", parameter="timeMax")
    if event["status"] not in _STATUSES:
        raise invalid("status")
    if event["eventType"] not in _TYPES:
        raise invalid("eventType")
    for name, choices in _CHOICES.items():
        if event.get(name, choices[0]) not in choices:
            raise invalid(name)
    for kind in event.get("extendedProperties", {}):
        if kind not in {"private", "shared"}:
            raise invalid("extendedProperties")
    recurrence.check(event, time_zone)


def _is_both(event: Mapping[str, Any]) -> bool:
    """A day and a time in one edge: of a patch that forgot to remove the other."""
    return any("date" in event[edge] and "dateTime" in event[edge] for edge in ("start", "end"))
