"""Google Calendar v3 through the official client, for asyncio.

The client is synchronous and httplib2 is not thread-safe, so each thread of a small executor has
a connection of its own; the credentials are shared and refreshed under a lock. Event ids are
ours: a repeated insert answers 409 and is settled by looking, so no retry makes a second event.

Facts from Google's API reference and error guide: 429, 5xx and 403 with a rate-limit reason may
be retried; other 403 may not; a delete of what is gone is a success; freebusy reports a failing
calendar inside a 200. `invalid_grant` on a token refresh is final until a person signs in again.
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
from typing import Any, TypeVar

import google_auth_httplib2
import httplib2  # type: ignore[import-untyped]
from google.auth import exceptions as google_auth
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from config.settings import GoogleSettings
from otto.scheduling.hours import Period

T = TypeVar("T")

SCOPE = "https://www.googleapis.com/auth/calendar"
THREADS = 4
MAX_FREEBUSY_CALENDARS = 50
"""Google's limit for one freeBusy query."""
CONFLICT_ROUNDS = 3
"""How often an upsert looks again when somebody else changed the event in between."""
FINGERPRINT = "otto_fingerprint"
"""Private extended property: which of our writes the event carries."""
_RATE_LIMIT_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})


class CalendarError(Exception):
    """Google did not do it. `code` names why and is safe to log: it holds no content."""

    retryable = False

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CalendarUnavailable(CalendarError):
    """Not now: the network, a rate limit or Google's own fault. Try again later."""

    retryable = True


class CalendarAuthError(CalendarError):
    """Google no longer accepts our sign-in. Final until a person signs in again."""


class CalendarRejected(CalendarError):
    """Google refuses this request for good: a missing calendar, no right to it, a bad event."""


class EventGone(CalendarRejected):
    """The event was deleted in Google. Its id stays reserved, and it is not revived: whoever
    deleted it meant it."""


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """Taken periods by calendar, and the calendars that Google could not read: those count as
    unavailable, never as free."""

    busy: Mapping[str, tuple[Period, ...]]
    unavailable: frozenset[str]


class GoogleCalendar:
    """One Google account's calendars. Use from one event loop; `close` at the end.

    Every method raises `CalendarUnavailable`, `CalendarAuthError` or `CalendarRejected`.
    """

    def __init__(self, settings: GoogleSettings) -> None:
        self._settings = settings
        self._credentials = _SharedCredentials(
            None,
            refresh_token=settings.refresh_token.get_secret_value(),
            token_uri=settings.token_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret.get_secret_value(),
            scopes=[SCOPE],
        )
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

    async def close(self) -> None:
        """Wait for what is running and release the threads and their connections."""
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    # In a thread of the executor

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: _classified(lambda: self._on_a_live_connection(work))
        )

    def _on_a_live_connection(self, work: Callable[[], T]) -> T:
        """Do it, once more when the connection turns out to be dead: all of it may be repeated.

        httplib2 keeps a connection that breaks while a request is sent, and every later request
        on it fails as well; so whatever fails on the network, its connection is not used again.
        """
        for is_last in (False, True):
            try:
                return work()
            except OSError as error:
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
                )
            )
        except HttpError as error:
            if error.resp.status != 409:
                raise
        for _ in range(CONFLICT_ROUNDS):
            existing = self._get(calendar_id, event_id)
            if existing.get("status") == "cancelled":
                raise EventGone("gone")
            private = existing.get("extendedProperties", {}).get("private", {})
            if private.get(FINGERPRINT) == mark:
                return existing
            request = events.patch(
                calendarId=calendar_id, eventId=event_id, body=event, sendUpdates="none"
            )
            request.headers["If-Match"] = existing["etag"]
            try:
                return _event(request)
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
            request.execute()
        except HttpError as error:
            if error.resp.status == 412:
                raise CalendarRejected("changed") from None
            if error.resp.status not in (404, 410):
                raise

    def _get(self, calendar_id: str, event_id: str) -> dict[str, Any]:
        return _event(self._service().events().get(calendarId=calendar_id, eventId=event_id))

    def _free_busy(
        self, calendar_ids: Sequence[str], starts_at: datetime, ends_at: datetime
    ) -> FreeBusy:
        query = {
            "timeMin": starts_at.isoformat(),
            "timeMax": ends_at.isoformat(),
            "items": [{"id": calendar_id} for calendar_id in calendar_ids],
        }
        answer = self._service().freebusy().query(body=query).execute()
        found = answer.get("calendars", {})
        unavailable = {
            name for name in calendar_ids if found.get(name, {"errors": 1}).get("errors")
        }
        return FreeBusy(
            busy={
                name: tuple(
                    sorted(Period(_utc(one["start"]), _utc(one["end"])) for one in each["busy"])
                )
                for name, each in found.items()
                if name not in unavailable
            },
            unavailable=frozenset(unavailable),
        )

    def _service(self) -> Any:
        """This thread's client, made at its first use; the discovery document is in the package."""
        if not hasattr(self._local, "service"):
            http = google_auth_httplib2.AuthorizedHttp(
                self._credentials,
                http=httplib2.Http(timeout=self._settings.timeout_s),
                max_refresh_attempts=1,
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

    def _hang_up(self) -> None:
        """Close this thread's connections; its next request makes new ones."""
        if hasattr(self._local, "service"):
            self._local.service.close()
            del self._local.service


class _SharedCredentials(Credentials):
    """Credentials that several threads may find expired at once: one refreshes, the rest wait."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._refreshing = threading.Lock()

    def refresh(self, request: Any) -> None:
        stale = self.token
        with self._refreshing:
            if self.token == stale or not self.valid:
                super().refresh(request)  # type: ignore[no-untyped-call]


def fingerprint(body: Mapping[str, Any]) -> str:
    """A short digest of an event's body as we write it."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _marked(body: Mapping[str, Any], mark: str) -> dict[str, Any]:
    extended = body.get("extendedProperties", {})
    private = {**extended.get("private", {}), FINGERPRINT: mark}
    return {**body, "extendedProperties": {**extended, "private": private}}


def _event(request: Any) -> dict[str, Any]:
    found: dict[str, Any] = request.execute()
    return found


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _classified(work: Callable[[], T]) -> T:
    """Run it and turn whatever the libraries raise into one of ours, without its content."""
    try:
        return work()
    except CalendarError:
        raise
    except HttpError as error:
        raise _from_http(error.resp.status, _reason(error)) from None
    except google_auth.RefreshError as error:
        code = _oauth_code(error)
        if error.retryable and code != "invalid_grant":
            raise CalendarUnavailable("token_unavailable") from None
        raise CalendarAuthError(code) from None
    except (google_auth.TransportError, httplib2.HttpLib2Error, OSError) as error:
        raise CalendarUnavailable(f"network_{type(error).__name__}") from None
    except json.JSONDecodeError:
        raise CalendarUnavailable("bad_answer") from None


def _from_http(status: int, reason: str) -> CalendarError:
    code = f"http_{status}_{reason}" if reason else f"http_{status}"
    if status == 401:  # the client has refreshed the token once and tried again by now
        return CalendarAuthError(code)
    if status in (408, 429) or status >= 500 or (status == 403 and reason in _RATE_LIMIT_REASONS):
        return CalendarUnavailable(code)
    return CalendarRejected(code)


def _reason(error: HttpError) -> str:
    """Google's machine-readable reason, e.g. rateLimitExceeded; "" when there is none."""
    try:
        reason = json.loads(error.content)["error"]["errors"][0]["reason"]
    except (ValueError, LookupError, TypeError):
        return ""
    return reason if isinstance(reason, str) and reason.isalnum() else ""


def _oauth_code(error: google_auth.RefreshError) -> str:
    """The OAuth error code of a failed refresh, e.g. invalid_grant."""
    for part in error.args:
        if isinstance(part, Mapping) and isinstance(part.get("error"), str):
            return str(part["error"])
    return "refresh_failed"
