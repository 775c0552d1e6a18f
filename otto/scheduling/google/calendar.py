"""Google Calendar v3: events, free and busy, what has changed, and word of changes.

Event ids are ours: a repeated insert answers 409 and is settled by looking, so no retry makes a
second event. What somebody else has moved is never written over unseen.

Facts from Google's API reference: a delete of what is gone is a success; freebusy reports a
failing calendar inside a 200. What errors mean is in `google_errors`. Nothing is taken for done
that Google did not say in its own words: every answer is checked for what it must hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from googleapiclient.errors import HttpError

from otto.scheduling.google.channels import GoogleChannels
from otto.scheduling.google.connection import answer_of, content_of
from otto.scheduling.google.errors import (
    CalendarRejected,
    CalendarUnavailable,
    EditedByStaff,
    EventGone,
    SyncTokenExpired,
    reason_of,
)
from otto.scheduling.google.seen_events import (
    FIELDS,
    WORDS,
    WRITTEN,
    Place,
    SeenEvent,
    private_of,
    seen_event,
    write_place,
)
from otto.scheduling.hours import Period

MAX_FREEBUSY_CALENDARS = 50
"""Google's limit for one freeBusy query."""
CONFLICT_ROUNDS = 3
"""How often an upsert looks again when somebody else changed the event in between."""
PAGE = 2500
"""Google's largest page of a list."""
WRITERS = frozenset({"writer", "owner"})
"""Access roles that let events be made."""
FINGERPRINT = "otto_fingerprint"
"""Private extended property: which of our writes the event carries."""


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """Taken periods by calendar, and the calendars that Google could not read: those count as
    unavailable, never as free."""

    busy: Mapping[str, tuple[Period, ...]]
    unavailable: frozenset[str]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new on a calendar, oldest first, and where the next reading goes on."""

    events: tuple[SeenEvent, ...]
    sync_token: str


class GoogleCalendar(GoogleChannels):
    """One Google account's calendars. Use from one event loop; `close` at the end.

    Every method raises a `CalendarError`, within `deadline_s` for each of its requests.
    """

    # Writing

    async def upsert_event(
        self, calendar_id: str, event_id: str, body: Mapping[str, Any], *, over: str = ""
    ) -> dict[str, Any]:
        """Make the event exist with this body, whether or not it does; returns Google's event.

        Repeating it is harmless: an event that already carries this body's fingerprint, and is
        when it says, is left alone. Raises `EditedByStaff` when somebody has moved it to another
        time than the body's, unless `over` names that very version, which is written over;
        `EventGone` when somebody has deleted it. `event_id` is 5 to 1024 of `[a-v0-9]`.
        """
        return await self._run(lambda: self._upsert(calendar_id, event_id, body, over))

    async def delete_event(self, calendar_id: str, event_id: str, *, etag: str = "") -> None:
        """Delete the event; one that is gone already is a success. With `etag`, only that
        version: `CalendarRejected("changed")` when somebody edited it."""
        await self._run(lambda: self._delete(calendar_id, event_id, etag))

    # Reading

    async def changes(
        self, calendar_id: str, zone: ZoneInfo, sync_token: str | None, since: datetime
    ) -> Changes:
        """What has changed since the token was given, deleted events included; without a token,
        all events that end after `since`, recurring ones one by one. Raises `SyncTokenExpired`
        when a full reading is needed."""
        query: dict[str, Any] = {"showDeleted": True}
        # A token remembers what it was first given for.
        query |= {"syncToken": sync_token} if sync_token else {"timeMin": since.isoformat()}
        items, token = await self._all_pages(calendar_id, query, FIELDS)
        seen = [seen_event(item, calendar_id, zone) for item in items]
        return Changes(tuple(one for one in seen if one is not None), token)

    async def standing_events(self, calendar_id: str, since: datetime) -> list[dict[str, Any]]:
        """Every event that ends after `since`, as Google has it, with its words."""
        query = {"timeMin": since.isoformat()}
        items, _ = await self._all_pages(calendar_id, query, f"{FIELDS},{WORDS}")
        return items

    async def find_event(
        self, calendar_id: str, zone: ZoneInfo, event_id: str, ical_uid: str, written: Place
    ) -> SeenEvent | None:
        """The standing event on the calendar that has that id, or that iCalendar id, or says that
        it was written there."""
        return await self._run(lambda: self._find(calendar_id, zone, event_id, ical_uid, written))

    async def see_event(self, calendar_id: str, zone: ZoneInfo, event_id: str) -> SeenEvent | None:
        """The event as it is now, deleted or not; None when there never was one."""
        return await self._run(lambda: self._see(calendar_id, zone, event_id))

    async def get_event(self, calendar_id: str, event_id: str) -> dict[str, Any]:
        """The event as Google has it; a deleted one has status `cancelled`."""
        return await self._run(lambda: self._get(calendar_id, event_id))

    async def free_busy(
        self, calendar_ids: Sequence[str], starts_at: datetime, ends_at: datetime
    ) -> FreeBusy:
        """Taken periods of the calendars between two aware instants, in order, as UTC."""
        parts = []
        for at in range(0, len(calendar_ids), MAX_FREEBUSY_CALENDARS):
            ids = calendar_ids[at : at + MAX_FREEBUSY_CALENDARS]
            parts.append(await self._run(partial(self._free_busy, ids, starts_at, ends_at)))
        return FreeBusy(
            busy={name: periods for part in parts for name, periods in part.busy.items()},
            unavailable=frozenset().union(*(part.unavailable for part in parts)),
        )

    async def access_role(self, calendar_id: str) -> str:
        """What the account may do there: freeBusyReader, reader, writer or owner. Told with
        every list of events, also of calendars that are not in the account's own list."""
        return await self._run(lambda: self._access_role(calendar_id))

    async def _all_pages(
        self, calendar_id: str, query: Mapping[str, Any], fields: str
    ) -> tuple[list[dict[str, Any]], str]:
        """The events, recurring ones one by one, and the token for what will change."""
        asked = {
            "calendarId": calendar_id,
            "singleEvents": True,
            "maxResults": PAGE,
            "fields": f"nextPageToken,nextSyncToken,items({fields})",
            **query,
        }
        events: list[dict[str, Any]] = []
        while True:
            found, following, token = await self._run(partial(self._page, dict(asked)))
            events += found
            if following is None:
                return events, token
            asked["pageToken"] = following

    # In a thread of the executor

    def _upsert(
        self, calendar_id: str, event_id: str, body: Mapping[str, Any], over: str
    ) -> dict[str, Any]:
        mark = fingerprint(body)
        event = _marked(body, mark, calendar_id)
        events = self._service().events()
        try:
            return _event(
                events.insert(
                    calendarId=calendar_id, body={**event, "id": event_id}, sendUpdates="none"
                ),
                event_id,
            )
        except HttpError as error:
            if error.resp.status != 409:
                raise
        wanted = _seen(event, calendar_id)
        for _ in range(CONFLICT_ROUNDS):
            existing = self._get(calendar_id, event_id)
            seen = _seen(existing, calendar_id)
            if seen.is_cancelled:
                raise EventGone("gone", seen)
            is_there = seen.period == wanted.period
            is_ours = private_of(existing).get(FINGERPRINT) == mark
            if is_there and is_ours and seen.etag != over:
                return existing
            if not (is_there or seen.written is None or seen.is_as_written or seen.etag == over):
                raise EditedByStaff("edited", seen)
            request = events.patch(
                calendarId=calendar_id, eventId=event_id, body=event, sendUpdates="none"
            )
            request.headers["If-Match"] = seen.etag
            try:
                return _event(request, event_id)
            except HttpError as error:
                if error.resp.status != 412:
                    raise
        raise CalendarUnavailable("changing")

    def _delete(self, calendar_id: str, event_id: str, etag: str) -> None:
        request = (
            self._service()
            .events()
            .delete(calendarId=calendar_id, eventId=event_id, sendUpdates="none")
        )
        if etag:
            request.headers["If-Match"] = etag
        try:
            if content_of(request):
                raise CalendarUnavailable("bad_answer")  # Google says nothing at all
        except HttpError as error:
            if error.resp.status == 412:
                raise CalendarRejected("changed") from None
            if error.resp.status not in (404, 410) or reason_of(error.content) is None:
                raise

    def _get(self, calendar_id: str, event_id: str) -> dict[str, Any]:
        request = self._service().events().get(calendarId=calendar_id, eventId=event_id)
        return _event(request, event_id)

    def _page(self, query: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None, str]:
        try:
            found = answer_of(self._service().events().list(**query))
        except HttpError as error:
            if error.resp.status == 410 and reason_of(error.content) is not None:
                raise SyncTokenExpired("sync_token_expired") from None
            raise
        if not isinstance(found, Mapping):
            raise CalendarUnavailable("bad_answer")
        items, following = found.get("items", []), found.get("nextPageToken")
        token = following or found.get("nextSyncToken")
        if not isinstance(items, list) or not isinstance(token, str):
            raise CalendarUnavailable("bad_answer")
        return [item for item in items if isinstance(item, dict)], following or None, token

    def _see(self, calendar_id: str, zone: ZoneInfo, event_id: str) -> SeenEvent | None:
        try:
            return seen_event(self._get(calendar_id, event_id), calendar_id, zone)
        except HttpError as error:
            if error.resp.status != 404 or reason_of(error.content) != "notFound":
                raise
            return None

    def _find(
        self, calendar_id: str, zone: ZoneInfo, event_id: str, ical_uid: str, written: Place
    ) -> SeenEvent | None:
        found = self._see(calendar_id, zone, event_id)
        if found is not None and not found.is_cancelled:
            return found
        asked = self._service().events()
        mark = f"{WRITTEN}={write_place(written)}"
        for query in ({"iCalUID": ical_uid}, {"privateExtendedProperty": mark}):
            if not all(query.values()):
                continue
            fields = f"items({FIELDS})"
            answer = answer_of(asked.list(calendarId=calendar_id, fields=fields, **query))
            items = answer.get("items", []) if isinstance(answer, Mapping) else None
            if not isinstance(items, list):
                raise CalendarUnavailable("bad_answer")
            for item in items:
                seen = seen_event(item, calendar_id, zone)
                if seen is not None and not seen.is_cancelled:
                    return seen
        return None

    def _access_role(self, calendar_id: str) -> str:
        asked = self._service().events()
        found = answer_of(asked.list(calendarId=calendar_id, maxResults=1, fields="accessRole"))
        role = found.get("accessRole") if isinstance(found, Mapping) else None
        if not isinstance(role, str):
            raise CalendarUnavailable("bad_answer")
        return role

    def _free_busy(
        self, calendar_ids: Sequence[str], starts_at: datetime, ends_at: datetime
    ) -> FreeBusy:
        query = {
            "timeMin": starts_at.isoformat(),
            "timeMax": ends_at.isoformat(),
            "items": [{"id": calendar_id} for calendar_id in calendar_ids],
        }
        answer = answer_of(self._service().freebusy().query(body=query))
        found = answer.get("calendars") if isinstance(answer, Mapping) else None
        if not isinstance(found, Mapping):
            raise CalendarUnavailable("bad_answer")
        periods = {name: _periods(found.get(name)) for name in calendar_ids}
        return FreeBusy(
            busy={name: taken for name, taken in periods.items() if taken is not None},
            unavailable=frozenset(name for name, taken in periods.items() if taken is None),
        )


def fingerprint(body: Mapping[str, Any]) -> str:
    """A short digest of an event's body as we write it."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _marked(body: Mapping[str, Any], mark: str, calendar_id: str) -> dict[str, Any]:
    """The body as it is sent: it says by itself what we made of it."""
    private = {**private_of(body), FINGERPRINT: mark}
    place = _seen({**body, "id": "-", "etag": "-"}, calendar_id).place
    if place is not None:
        private[WRITTEN] = write_place(place)
    extended = {**body.get("extendedProperties", {}), "private": private}
    return {**body, "extendedProperties": extended}


def _seen(event: Mapping[str, Any], calendar_id: str) -> SeenEvent:
    # Ours have an offset in their times: no zone is needed to read them.
    seen = seen_event({"id": "-", "etag": "-", **event}, calendar_id, ZoneInfo("UTC"))
    assert seen is not None
    return seen


def _event(request: Any, event_id: str) -> dict[str, Any]:
    found = answer_of(request)
    is_event = isinstance(found, dict) and found.get("id") == event_id
    if not is_event or not isinstance(found.get("etag"), str):
        raise CalendarUnavailable("bad_answer")
    return dict(found)


def _periods(calendar: Any) -> tuple[Period, ...] | None:
    """The taken periods of one calendar in freebusy's answer; None when they cannot be known."""
    if not isinstance(calendar, Mapping) or calendar.get("errors"):
        return None
    try:
        return tuple(
            sorted(Period(_utc(one["start"]), _utc(one["end"])) for one in calendar["busy"])
        )
    except (LookupError, TypeError, ValueError):
        return None


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
