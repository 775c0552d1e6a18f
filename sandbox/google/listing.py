"""`events.list`: what of a calendar is shown to whom asks, page by page, and what is new.

The rules are those of the reference
(https://developers.google.com/workspace/calendar/api/v3/reference/events/list) and of the guide to
synchronisation (https://developers.google.com/workspace/calendar/api/guides/sync): the last page
has a sync token, also when the first request was narrowed to a range of time; a sync token forbids
the filters; a page token belongs to its query; deleted events appear when they are asked for or
when they are news, and then only their ids are sure to be there.

Where Google says no more than "undefined" this is strict, so that a client's slip shows: a sync
token is refused (400) to a query with another `singleEvents` or other `eventTypes` than the first
one had. What a narrowed client may have seen is always told, also after it has left the range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google import recurrence, tokens
from sandbox.google.discovery import Query
from sandbox.google.errors import GoogleError, bad_parameter
from sandbox.google.store import Calendar, CalendarStore
from sandbox.google.times import in_zone, parse_time, span, zone_of

DEFAULT_PAGE = 250
LARGEST_PAGE = 2500
UPDATED_MIN_REACHES = timedelta(days=28)
"""Google only says "too far in the past"; its clients report about four weeks."""
_NOT_WITH_SYNC = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMax",
    "timeMin",
    "updatedMin",
)
_NO_SYNC_AFTER = tuple(set(_NOT_WITH_SYNC) - {"timeMin", "timeMax"})
"""What a list may have been narrowed by so that it gives no sync token at its end."""
_HOW_IT_LOOKS = {"pageToken", "maxResults", "fields", "timeZone"}
"""What may be another for the next page, because it does not say what is listed."""
_SHOWN_OF_DELETED = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
_SHOWN_OF_PRIVATE = (*_SHOWN_OF_DELETED, "start", "end", "visibility", "updated", "created")
_SEARCHED = ("summary", "description", "location")
Event = dict[str, Any]


def list_events(
    store: CalendarStore,
    calendar: Calendar,
    query: Query,
    largest_page: int = LARGEST_PAGE,
    series_id: str = "",
) -> dict[str, Any]:
    """The answer of `events.list`, or of `events.instances` for one series. `query` holds every
    parameter's values."""
    zone = zone_of(query.get("timeZone", [calendar.timeZone])[-1], "timeZone")
    listed = {name: values for name, values in query.items() if name not in _HOW_IT_LOOKS}
    page: Mapping[str, Any] = {}
    if "pageToken" in query:
        page = tokens.read_page(query["pageToken"][-1], store.life, calendar.id, listed)
    wish = _wish(store, calendar, query, series_id)
    found = wish.found(store, calendar)
    if "after" in page:
        found = [(key, event) for key, event in found if key > page["after"]]
    size = min(_page_size(query), largest_page)
    # The sync token covers everything up to the *first* page: changes made while the client was
    # turning pages come with the next sync.
    revision = page.get("revision", store.revision)
    answer = {
        "kind": "calendar#events",
        "etag": f'"p{calendar.revision:016d}"',
        "summary": calendar.summary,
        "description": calendar.description,
        "updated": _last_update(calendar),
        "timeZone": zone.key,
        "accessRole": calendar.access_role,
        "defaultReminders": [],
        "items": [wish.shown(event, calendar, zone) for _, event in found[:size]],
    }
    token = {"life": store.life, "collection": calendar.id, "revision": revision}
    if len(found) > size:
        following = {"kind": "page", "after": found[size - 1][0], "query": listed}
        answer["nextPageToken"] = tokens.give(token | following)
    elif not any(name in query for name in _NO_SYNC_AFTER):
        answer["nextSyncToken"] = tokens.give(token | {"kind": "sync", "wish": wish.kept()})
    return answer


def shown(event: Mapping[str, Any], calendar: Calendar, zone: ZoneInfo) -> Event:
    """The event as the account sees it, its times in `zone`."""
    is_private = event.get("visibility") in {"private", "confidential"}
    if not calendar.allows("writer" if is_private else "reader"):
        event = {name: event[name] for name in _SHOWN_OF_PRIVATE if name in event}
    times = {
        name: _in_zone(event[name], zone)
        for name in ("start", "end", "originalStartTime")
        if name in event
    }
    return {**event, **times}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a query asks for, beside how it is to look."""

    query: Query
    is_expanded: bool
    types: list[str]
    begin: str | None
    finish: str | None
    since: int | None
    """Only what changed after this revision; None: everything."""
    has_deleted: bool
    series_id: str = ""
    """Only this one's instances; "" for all events."""

    def kept(self) -> dict[str, Any]:
        """What a sync token remembers of it."""
        return {
            "single": self.is_expanded,
            "types": self.types,
            "timeMin": self.begin,
            "timeMax": self.finish,
        }

    def found(self, store: CalendarStore, calendar: Calendar) -> list[tuple[list[Any], Event]]:
        """The events in order, each with the key it is ordered by."""
        begin, finish = _time(self.begin, "timeMin"), _time(self.finish, "timeMax")
        if begin is not None and finish is not None and finish <= begin:
            raise GoogleError(400, "timeRangeEmpty", parameter="timeMax")
        events = self._events(store, calendar, begin, finish)
        for name, test in self._tests(store, calendar, begin, finish).items():
            if name in self.query or name == "":
                events = filter(test, events)
        order = self.query.get("orderBy", [""])[-1]
        if order == "startTime" and not self.is_expanded:
            message = "The requested ordering is not available for the particular query."
            raise GoogleError(400, "badRequest", message)
        keyed = [(self._key(event, calendar, order), event) for event in events]
        return sorted(keyed, key=lambda pair: pair[0])

    def shown(self, event: Event, calendar: Calendar, zone: ZoneInfo) -> Event:
        """The event as this query's answer has it."""
        is_news = self.since is not None and not self.has_deleted
        if event["status"] == "cancelled" and is_news:
            event = {name: event[name] for name in _SHOWN_OF_DELETED if name in event}
        return shown(event, calendar, zone)

    def _events(
        self,
        store: CalendarStore,
        calendar: Calendar,
        begin: datetime | None,
        finish: datetime | None,
    ) -> Iterator[Event]:
        """Expanded where it is asked for, not filtered yet but by the time of instances."""
        until = finish or store.horizon(begin)
        for event in store.since(calendar, -1 if self.since is None else self.since):
            if not self.is_expanded:
                if not _is_left_over(event, calendar):
                    yield event
            elif not recurrence.is_series(event):
                yield event
            else:
                for each in recurrence.instances(event, calendar.timeZone, begin, until):
                    if each["id"] not in calendar.events:
                        yield each

    def _tests(
        self,
        store: CalendarStore,
        calendar: Calendar,
        begin: datetime | None,
        finish: datetime | None,
    ) -> dict[str, Any]:
        """By parameter, what an event must be like; "" is for every query."""
        query, zone = self.query, calendar.timeZone

        def is_wanted(event: Event) -> bool:
            if self.series_id not in {"", event["id"], event.get("recurringEventId")}:
                return False
            if self.types and event["eventType"] not in self.types:
                return False
            if event["status"] == "cancelled" and not self._has_cancelled(event, calendar):
                return False
            return self._may_be_known(event, calendar) or _is_within(event, zone, begin, finish)

        tests: dict[str, Any] = {"": is_wanted}
        if "updatedMin" in query:
            least = parse_time(query["updatedMin"][-1], "updatedMin")
            if least < store.clock() - UPDATED_MIN_REACHES:
                raise GoogleError(410, "updatedMinTooLongAgo", parameter="updatedMin")
            tests["updatedMin"] = lambda event: datetime.fromisoformat(event["updated"]) >= least
        if "iCalUID" in query:
            tests["iCalUID"] = lambda event: event["iCalUID"] == query["iCalUID"][-1]
        if "q" in query:
            tests["q"] = lambda event: _speaks_of(event, query["q"][-1])
        for kind in ("private", "shared"):
            name = f"{kind}ExtendedProperty"
            pairs = [_property(pair, name) for pair in query.get(name, ())]
            tests[name] = _has_all(kind, pairs)
        return tests

    def _has_cancelled(self, event: Event, calendar: Calendar) -> bool:
        if self.has_deleted or self.since is not None or "updatedMin" in self.query:
            return True
        # A cancelled instance says what the series, which goes on, no longer has.
        series = calendar.events.get(event.get("recurringEventId", ""))
        return not self.is_expanded and series is not None and series["status"] != "cancelled"

    def _may_be_known(self, event: Event, calendar: Calendar) -> bool:
        """Whether the client may have seen it, before it left the range."""
        if self.since is None:
            return False
        born = calendar.births.get(event["id"])
        if born is None:
            born = calendar.births.get(event.get("recurringEventId", ""), 0)
        return born <= self.since

    def _key(self, event: Event, calendar: Calendar, order: str) -> list[Any]:
        """Must not change while pages are turned, except for what the next sync tells."""
        if order == "startTime":
            return [span(event, calendar.timeZone)[0].timestamp(), event["id"]]
        if order == "updated":
            return [datetime.fromisoformat(event["updated"]).timestamp(), event["id"]]
        name = event["id"] if event["id"] in calendar.revisions else event["recurringEventId"]
        by = calendar.births if self.since is None else calendar.revisions
        return [by.get(name, 0), event["id"]]


def _wish(store: CalendarStore, calendar: Calendar, query: Query, series_id: str) -> _Wish:
    asked = {name: values[-1] for name, values in query.items()}
    is_expanded = asked.get("singleEvents") == "true"
    types = sorted(query.get("eventTypes", ()))
    has_deleted = asked.get("showDeleted") == "true"
    if "syncToken" not in asked:
        begin, finish = asked.get("timeMin"), asked.get("timeMax")
        return _Wish(query, is_expanded, types, begin, finish, None, has_deleted, series_id)
    forbidden = [name for name in _NOT_WITH_SYNC if name in asked]
    if forbidden:
        message = f"Sync token cannot be used with query restrictions: {forbidden[0]}."
        raise bad_parameter(forbidden[0], message)
    if asked.get("showDeleted") == "false":
        raise bad_parameter("showDeleted", "Sync tokens always tell what was deleted.")
    token = tokens.read_sync(
        asked["syncToken"], store.life, calendar.id, store.revision, store.synced_from
    )
    kept = token["wish"]
    for name, first, now in (
        ("singleEvents", kept["single"], is_expanded),
        ("eventTypes", kept["types"], types),
    ):
        if first != now:
            raise bad_parameter(name, f"Not what the sync token was given for: {name}.")
    since = token["revision"]
    return _Wish(query, is_expanded, types, kept["timeMin"], kept["timeMax"], since, has_deleted)


def _is_left_over(event: Event, calendar: Calendar) -> bool:
    """A cancelled instance of a rule that its series no longer has: it matters to those who
    expand."""
    if event["status"] != "cancelled" or "recurringEventId" not in event:
        return False
    series = calendar.events.get(event["recurringEventId"], {})
    if not recurrence.is_series(series):
        return True
    return recurrence.instance(series, event["id"], calendar.timeZone) is None


def _is_within(
    event: Event, time_zone: str, begin: datetime | None, finish: datetime | None
) -> bool:
    """Whether it ends after `begin` and starts before `finish`; of a series: any of it."""
    if recurrence.is_series(event) and (begin is not None or finish is not None):
        until = finish or datetime.max.replace(tzinfo=UTC)
        return next(recurrence.instances(event, time_zone, begin, until), None) is not None
    start, end = span(event, time_zone)
    return (begin is None or end > begin) and (finish is None or start < finish)


def _time(text: str | None, name: str) -> datetime | None:
    return None if text is None else parse_time(text, name)


def _in_zone(edge: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """A start or an end by the clock of `zone`; days have none."""
    if "dateTime" not in edge:
        return dict(edge)
    moment = datetime.fromisoformat(edge["dateTime"])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(edge["timeZone"]))
    own = edge.get("timeZone", zone.key)
    return {**edge, "dateTime": in_zone(moment, zone), "timeZone": own}


def _property(pair: str, parameter: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not name or not equals:
        raise bad_parameter(parameter, "Extended property constraints are name=value.")
    return name, value


def _has_all(kind: str, pairs: Iterable[tuple[str, str]]) -> Any:
    def has_all(event: Event) -> bool:
        properties = event.get("extendedProperties", {}).get(kind, {})
        return all(properties.get(name) == value for name, value in pairs)

    return has_all


def _speaks_of(event: Event, words: str) -> bool:
    people = [event.get("organizer", {}), *event.get("attendees", ())]
    parts = [str(event.get(name, "")) for name in _SEARCHED]
    parts += [str(one.get(name, "")) for one in people for name in ("displayName", "email")]
    text = " ".join(parts).lower()
    return all(word in text for word in words.lower().split())


def _page_size(query: Query) -> int:
    return min(int(query.get("maxResults", [str(DEFAULT_PAGE)])[-1]), LARGEST_PAGE)


def _last_update(calendar: Calendar) -> str:
    updated = [event["updated"] for event in calendar.events.values()]
    return max(updated, default="2026-01-01T00:00:00.000Z")
