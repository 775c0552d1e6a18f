"""Google Calendar v3 through the official client, for asyncio.

The client is synchronous and httplib2 is not thread-safe, so each thread of a small executor has
a connection of its own; the credentials are shared and refreshed under a lock. Event ids are
ours: a repeated insert answers 409 and is settled by looking, so no retry makes a second event.

Facts from Google's API reference: a delete of what is gone is a success; freebusy reports a
failing calendar inside a 200. What errors mean is in `google_errors`. Nothing is taken for done
that Google did not say in its own words: every answer is checked for what it must hold.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPException
from typing import Any, TypeVar

import google_auth_httplib2
import httplib2  # type: ignore[import-untyped]
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from config.settings import GoogleSettings
from otto.scheduling.deadline import Deadline
from otto.scheduling.google_credentials import make_credentials
from otto.scheduling.google_errors import (
    CalendarRejected,
    CalendarUnavailable,
    EventGone,
    classified,
    reason_of,
)
from otto.scheduling.hours import Period

T = TypeVar("T")

THREADS = 4
MAX_FREEBUSY_CALENDARS = 50
"""Google's limit for one freeBusy query."""
CONFLICT_ROUNDS = 3
"""How often an upsert looks again when somebody else changed the event in between."""
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


class GoogleCalendar:
    """One Google account's calendars. Use from one event loop; `close` at the end.

    Every method raises a `CalendarError`, within `deadline_s` for each of its requests.
    """

    def __init__(self, settings: GoogleSettings) -> None:
        self._settings = settings
        self._making = threading.Lock()
        self._credentials: Any = None
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="google-calendar")
        self._local = threading.local()

    async def upsert_event(
        self, calendar_id: str, event_id: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make the event exist with this body, whether or not it does; returns Google's event.

        Repeating it is harmless: an event that already carries this body's fingerprint is left
        alone, also when staff have edited it since. `event_id` is 5 to 1024 of `[a-v0-9]`.
        """
        return await self._run(lambda: self._upsert(calendar_id, event_id, body))

    async def delete_event(self, calendar_id: str, event_id: str, *, etag: str = "") -> None:
        """Delete the event; one that is gone already is a success. With `etag`, only that
        version: `CalendarRejected("changed")` when somebody edited it."""
        await self._run(lambda: self._delete(calendar_id, event_id, etag))

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

    async def close(self) -> None:
        """Wait for what is running and release the threads and their connections."""
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    # In a thread of the executor

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: classified(lambda: self._on_a_live_connection(work))
        )

    def _on_a_live_connection(self, work: Callable[[], T]) -> T:
        """Do it, once more when the connection turns out to be dead: all of it may be repeated.

        httplib2 keeps a connection that breaks while a request is sent, and every later request
        on it fails as well; so whatever fails on the network, its connection is not used again.
        Its time limit is for each read: an answer that comes byte by byte is cut off here.
        """
        for is_last in (False, True):
            self._service()
            deadline = Deadline(self._local.http, self._settings.deadline_s)
            try:
                with deadline:
                    return work()
            except Exception as error:
                if deadline.has_passed:
                    self._hang_up()
                    raise CalendarUnavailable("deadline") from None
                if not isinstance(error, OSError | HTTPException):
                    raise
                self._hang_up()
                if is_last or not isinstance(error, ConnectionError):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _upsert(self, calendar_id: str, event_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        mark = fingerprint(body)
        event = _marked(body, mark)
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
        for _ in range(CONFLICT_ROUNDS):
            existing = self._get(calendar_id, event_id)
            if existing.get("status") == "cancelled":
                raise EventGone("gone")
            if _mark_of(existing) == mark:
                return existing
            request = events.patch(
                calendarId=calendar_id, eventId=event_id, body=event, sendUpdates="none"
            )
            request.headers["If-Match"] = existing["etag"]
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
            if _content(request):
                raise CalendarUnavailable("bad_answer")  # Google says nothing at all
        except HttpError as error:
            if error.resp.status == 412:
                raise CalendarRejected("changed") from None
            if error.resp.status not in (404, 410) or reason_of(error.content) is None:
                raise

    def _get(self, calendar_id: str, event_id: str) -> dict[str, Any]:
        request = self._service().events().get(calendarId=calendar_id, eventId=event_id)
        return _event(request, event_id)

    def _access_role(self, calendar_id: str) -> str:
        asked = self._service().events()
        found = _answer(asked.list(calendarId=calendar_id, maxResults=1, fields="accessRole"))
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
        answer = _answer(self._service().freebusy().query(body=query))
        found = answer.get("calendars") if isinstance(answer, Mapping) else None
        if not isinstance(found, Mapping):
            raise CalendarUnavailable("bad_answer")
        periods = {name: _periods(found.get(name)) for name in calendar_ids}
        return FreeBusy(
            busy={name: taken for name, taken in periods.items() if taken is not None},
            unavailable=frozenset(name for name, taken in periods.items() if taken is None),
        )

    def _service(self) -> Any:
        """This thread's client, made at its first use; the discovery document is in the package."""
        if not hasattr(self._local, "service"):
            line = httplib2.Http(timeout=self._settings.timeout_s)
            line.follow_redirects = False  # Google sends nobody elsewhere; a login page does
            self._local.http = line
            http = google_auth_httplib2.AuthorizedHttp(
                self._sign_in(), http=line, max_refresh_attempts=1
            )
            options = (
                {"api_endpoint": self._settings.calendar_url}
                if self._settings.calendar_url
                else None
            )
            self._local.service = build(
                "calendar",
                "v3",
                http=http,
                client_options=options,
                static_discovery=True,
                cache_discovery=False,
            )
        return self._local.service

    def _sign_in(self) -> Any:
        """The credentials that all threads share."""
        with self._making:
            self._credentials = self._credentials or make_credentials(self._settings)
            return self._credentials

    def _hang_up(self) -> None:
        """Close this thread's connections; its next request makes new ones."""
        if hasattr(self._local, "service"):
            self._local.service.close()
            del self._local.service


def fingerprint(body: Mapping[str, Any]) -> str:
    """A short digest of an event's body as we write it."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _marked(body: Mapping[str, Any], mark: str) -> dict[str, Any]:
    extended = body.get("extendedProperties", {})
    private = {**extended.get("private", {}), FINGERPRINT: mark}
    return {**body, "extendedProperties": {**extended, "private": private}}


def _mark_of(event: Mapping[str, Any]) -> str | None:
    """Which of our writes an event of Google's carries."""
    extended = event.get("extendedProperties")
    private = extended.get("private") if isinstance(extended, Mapping) else None
    mark = private.get(FINGERPRINT) if isinstance(private, Mapping) else None
    return mark if isinstance(mark, str) else None


def _content(request: Any) -> bytes:
    """Send it; what came back, as it came: the client's own reading takes whatever is no JSON for
    a success."""
    request.postproc = lambda response, content: content
    content: bytes = request.execute()
    return content


def _answer(request: Any) -> Any:
    """Send it; the answer's JSON, None when it has no content."""
    content = _content(request)
    return json.loads(content) if content else None


def _event(request: Any, event_id: str) -> dict[str, Any]:
    found = _answer(request)
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
