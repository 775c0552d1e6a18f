"""`events.list` and `freeBusy`: what of a calendar is shown to whom asks, page by page.

The rules are those of the Calendar API's reference: a sync token forbids the filters, a page
token belongs to its query, deleted events appear when they are asked for or when they are news.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.store import Calendar, CalendarStore, GoogleError, parse_time, span

DEFAULT_PAGE = 250
LARGEST_PAGE = 2500
MOST_FREE_BUSY = 50
_NOT_WITH_SYNC = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)


def list_events(
    store: CalendarStore, calendar: Calendar, query: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The answer of `events.list`. `query` holds every parameter's values."""
    asked = {name: values[-1] for name, values in query.items()}
    page = _read_token(asked["pageToken"], "pageToken") if "pageToken" in asked else {}
    filters = {
        name: value for name, value in query.items() if name not in {"pageToken", "maxResults"}
    }
    if page and page.get("filters") != filters:
        raise GoogleError(400, "invalid", "Invalid page token value.")
    found = _select(store, calendar, asked, query)
    size = _page_size(asked.get("maxResults"))
    # The sync token covers everything up to the *first* page: changes made while the client was
    # turning pages come with the next sync.
    revision, start = page.get("revision", store.revision), page.get("start", 0)
    answer = {
        "kind": "calendar#events",
        "etag": f'"p{calendar.revision:016d}"',
        "summary": calendar.summary,
        "description": calendar.description,
        "updated": _last_update(calendar),
        "timeZone": asked.get("timeZone", calendar.timeZone),
        "accessRole": calendar.access_role,
        "defaultReminders": [],
        "items": found[start : start + size],
    }
    if start + size < len(found):
        following = {"revision": revision, "start": start + size, "filters": filters}
        answer["nextPageToken"] = _token(following)
    elif not any(name in asked for name in _NOT_WITH_SYNC):
        answer["nextSyncToken"] = _token(
            {"calendar": calendar.id, "life": store.life, "sync": revision}
        )
    return answer


def _select(
    store: CalendarStore,
    calendar: Calendar,
    asked: Mapping[str, str],
    query: Mapping[str, list[str]],
) -> list[dict[str, Any]]:
    if "syncToken" in asked:
        forbidden = [name for name in _NOT_WITH_SYNC if name in asked]
        if forbidden:
            message = f"Sync token cannot be used with query restrictions: {forbidden[0]}."
            raise GoogleError(400, "invalidParameter", message)
        token = _read_token(asked["syncToken"], "syncToken")
        if (
            token.get("calendar") != calendar.id
            or token.get("sync", store.revision + 1) > store.revision
        ):
            raise _gone()
        return list(store.since(calendar, token["sync"]))
    events: Iterable[dict[str, Any]] = store.since(calendar, -1)
    if asked.get("showDeleted", "false") != "true" and "updatedMin" not in asked:
        events = (event for event in events if event["status"] != "cancelled")
    if "updatedMin" in asked:
        least = parse_time(asked["updatedMin"], "updatedMin")
        events = (event for event in events if datetime.fromisoformat(event["updated"]) >= least)
    zone = calendar.timeZone
    if "timeMin" in asked:
        begin = parse_time(asked["timeMin"], "timeMin")
        events = (event for event in events if span(event, zone)[1] > begin)
    if "timeMax" in asked:
        finish = parse_time(asked["timeMax"], "timeMax")
        if "timeMin" in asked and finish <= begin:
            raise GoogleError(400, "timeRangeEmpty", "The specified time range is empty.")
        events = (event for event in events if span(event, zone)[0] < finish)
    if "q" in asked:
        events = (event for event in events if _speaks_of(event, asked["q"]))
    if "iCalUID" in asked:
        events = (event for event in events if event["iCalUID"] == asked["iCalUID"])
    for kind in ("private", "shared"):
        for pair in query.get(f"{kind}ExtendedProperty", ()):
            events = _with_property(events, kind, pair)
    return _ordered(list(events), asked, zone)


def _with_property(events: Iterable[dict[str, Any]], kind: str, pair: str) -> list[dict[str, Any]]:
    key, _, value = pair.partition("=")
    return [
        event
        for event in events
        if event.get("extendedProperties", {}).get(kind, {}).get(key) == value
    ]


def _ordered(
    events: list[dict[str, Any]], asked: Mapping[str, str], zone: str
) -> list[dict[str, Any]]:
    order = asked.get("orderBy")
    if order == "startTime":
        if asked.get("singleEvents") != "true":
            message = "The requested ordering is not available for the particular query."
            raise GoogleError(400, "badRequest", message)
        return sorted(events, key=lambda event: span(event, zone)[0])
    if order == "updated":
        return sorted(events, key=lambda event: event["updated"])
    if order is not None:
        raise GoogleError(400, "invalidParameter", f"Invalid value '{order}' for: orderBy.")
    return events


def _speaks_of(event: Mapping[str, Any], words: str) -> bool:
    text = " ".join(str(event.get(name, "")) for name in ("summary", "description", "location"))
    return all(word in text.lower() for word in words.lower().split())


def _page_size(given: str | None) -> int:
    if given is None:
        return DEFAULT_PAGE
    if not given.isdigit() or int(given) < 1:
        raise GoogleError(400, "invalidParameter", "Invalid value for: maxResults.")
    return min(int(given), LARGEST_PAGE)


def _last_update(calendar: Calendar) -> str:
    updated = [event["updated"] for event in calendar.events.values()]
    return max(updated, default="2026-01-01T00:00:00.000Z")


def _token(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _read_token(text: str, name: str) -> dict[str, Any]:
    try:
        content = json.loads(base64.urlsafe_b64decode(text.encode()))
    except ValueError:
        content = None
    if isinstance(content, dict):
        return content
    if name == "syncToken":
        raise _gone()
    raise GoogleError(400, "invalid", "Invalid page token value.")


def _gone() -> GoogleError:
    message = "Sync token is no longer valid, a full sync is required."
    return GoogleError(410, "fullSyncRequired", message)


# --- Free and busy ------------------------------------------------------------------------------


def free_busy(store: CalendarStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `freeBusy`: a calendar that cannot be read has its error inside the 200."""
    begin = parse_time(body.get("timeMin"), "timeMin")
    finish = parse_time(body.get("timeMax"), "timeMax")
    if finish <= begin:
        raise GoogleError(400, "timeRangeEmpty", "The specified time range is empty.")
    items = body.get("items") or []
    if len(items) > MOST_FREE_BUSY:
        raise GoogleError(400, "tooManyCalendarsRequested", "Too many calendars requested.")
    zone = ZoneInfo(body.get("timeZone") or "UTC")
    calendars: dict[str, Any] = {}
    for item in items:
        calendar_id = str(item.get("id", ""))
        try:
            calendar = store.calendar(calendar_id)
        except GoogleError:
            error = {"domain": "global", "reason": "notFound"}
            calendars[calendar_id] = {"errors": [error], "busy": []}
            continue
        calendars[calendar_id] = {"busy": _busy(calendar, begin, finish, zone)}
    return {
        "kind": "calendar#freeBusy",
        "timeMin": _utc(begin),
        "timeMax": _utc(finish),
        "calendars": calendars,
    }


def _busy(
    calendar: Calendar, begin: datetime, finish: datetime, zone: ZoneInfo
) -> list[dict[str, str]]:
    """The occupied stretches inside the range, in order, overlapping ones joined."""
    spans = sorted(
        span(event, calendar.timeZone)
        for event in calendar.events.values()
        if event["status"] != "cancelled" and event.get("transparency") != "transparent"
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
    return [{"start": _local(start, zone), "end": _local(end, zone)} for start, end in joined]


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
