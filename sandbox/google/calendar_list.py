"""`calendarList`: the calendars that the account sees, and what it may do with each
(https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/list)."""

from __future__ import annotations

from typing import Any

from sandbox.google import tokens
from sandbox.google.discovery import Query
from sandbox.google.errors import bad_parameter
from sandbox.google.store import ACCOUNT, Calendar, CalendarStore

DEFAULT_PAGE = 100
LARGEST_PAGE = 250
_KIND = "calendar#calendarListEntry"
_COLLECTION = "calendarList"
_LEAST_SEEN = "freeBusyReader"


def list_calendars(store: CalendarStore, query: Query) -> dict[str, Any]:
    """The answer of `calendarList.list`: in pages, or what changed since a sync token."""
    least = query.get("minAccessRole", [""])[-1]
    since, after, revision = -1, "", store.revision
    if "syncToken" in query:
        if least:
            raise bad_parameter("minAccessRole")
        given = query["syncToken"][-1]
        since = tokens.read_sync(given, store.life, _COLLECTION, store.revision, store.synced_from)[
            "revision"
        ]
    if "pageToken" in query:
        page = tokens.read_page(query["pageToken"][-1], store.life, _COLLECTION, [least, since])
        after, revision = page["after"], page["revision"]
    entries = {
        calendar.id: list_entry(calendar)
        for calendar in store.calendars.values()
        if calendar.own_revision > since and calendar.allows(least or _LEAST_SEEN)
    }
    gone = {name for name, at in store.deleted.items() if since >= 0 and at > since}
    entries |= {name: {"kind": _KIND, "id": name, "deleted": True} for name in gone}
    names = sorted(name for name in entries if name > after)
    size = min(int(query.get("maxResults", [str(DEFAULT_PAGE)])[-1]), LARGEST_PAGE)
    answer: dict[str, Any] = {
        "kind": "calendar#calendarList",
        "etag": f'"p{store.revision:016d}"',
        "items": [entries[name] for name in names[:size]],
    }
    token = {"life": store.life, "collection": _COLLECTION, "revision": revision}
    if len(names) > size:
        following = {"kind": "page", "after": names[size - 1], "query": [least, since]}
        answer["nextPageToken"] = tokens.give(token | following)
    elif not least:
        answer["nextSyncToken"] = tokens.give(token | {"kind": "sync"})
    return answer


def list_entry(calendar: Calendar) -> dict[str, Any]:
    """A `CalendarListEntry` resource."""
    return {
        **calendar_json(calendar),
        "kind": _KIND,
        "accessRole": calendar.access_role,
        "selected": True,
        "primary": calendar.id == ACCOUNT,
        "defaultReminders": [],
    }


def calendar_json(calendar: Calendar) -> dict[str, Any]:
    """A `Calendar` resource."""
    return {
        "kind": "calendar#calendar",
        "etag": f'"{calendar.own_revision:016d}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "description": calendar.description,
        "timeZone": calendar.timeZone,
    }
