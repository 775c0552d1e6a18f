"""Google's OAuth token endpoint and Calendar v3, played.

Paths, field names and types follow the discovery document that ships inside
google-api-python-client (calendar v3); error bodies carry `errors[].reason` as the reference
lists them, because that is what clients decide their retries by.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.google.consent import SCOPE, Consent, ConsentError
from sandbox.google.listing import free_busy, list_events
from sandbox.google.page import calendar_page
from sandbox.google.service_accounts import GRANT, ServiceAccount
from sandbox.google.store import ACCOUNT, Calendar, CalendarStore, GoogleError
from sandbox.http_faults import HangUp, Silence, in_between
from sandbox.world import World

API = "/google/calendar/v3"
STATE_FILE = "google-calendar.json"
TOKEN_LIFETIME_S = 3599
SAVE_DELAY_S = 0.3
_REASONS = {
    400: ("badRequest", "Bad Request"),
    401: ("authError", "Invalid Credentials"),
    403: ("userRateLimitExceeded", "User Rate Limit Exceeded"),
    404: ("notFound", "Not Found"),
    409: ("duplicate", "The requested identifier already exists."),
    410: ("fullSyncRequired", "Sync token is no longer valid, a full sync is required."),
    412: ("conditionNotMet", "Precondition Failed"),
    429: ("rateLimitExceeded", "Rate Limit Exceeded"),
}

Handler = Callable[[Request], Awaitable[Response]]


def routes(world: World) -> list[BaseRoute]:
    """The stand-in's routes: /google/token, /google/calendar/v3/…, /sandbox/calendar."""
    google = world.google = Google(world)
    return google.routes()


class Google:
    """One account with its calendars and the access tokens it has given out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tokens: dict[str, datetime] = {}
        self.consent = Consent()
        self.service_account = ServiceAccount()
        state_dir = world.state_dir
        self.store = CalendarStore(world.clock, state_dir / STATE_FILE if state_dir else None)
        self.store.changed = self._save_soon
        self._saves = state_dir is not None
        self._saver: asyncio.Task[None] | None = None

    def routes(self) -> list[BaseRoute]:
        table: Iterable[tuple[str, str, Handler]] = (
            ("POST", "/calendars", self._insert_calendar),
            ("GET", "/calendars/{calendar}", self._get_calendar),
            ("PATCH", "/calendars/{calendar}", self._change_calendar),
            ("PUT", "/calendars/{calendar}", self._change_calendar),
            ("DELETE", "/calendars/{calendar}", self._delete_calendar),
            ("GET", "/users/me/calendarList", self._list_calendars),
            ("GET", "/users/me/calendarList/{calendar}", self._get_list_entry),
            ("POST", "/calendars/{calendar}/events", self._insert),
            ("GET", "/calendars/{calendar}/events", self._list),
            ("GET", "/calendars/{calendar}/events/{event}", self._get),
            ("PATCH", "/calendars/{calendar}/events/{event}", self._patch),
            ("PUT", "/calendars/{calendar}/events/{event}", self._update),
            ("DELETE", "/calendars/{calendar}/events/{event}", self._delete),
            ("POST", "/freeBusy", self._free_busy),
        )
        return [
            Route("/google/token", self._token, methods=["POST"]),
            *self.consent.routes(),
            Route("/sandbox/calendar", self._page, methods=["GET"]),
            *(Route(API + path, self._guard(handler), methods=[m]) for m, path, handler in table),
        ]

    # --- Around every request -------------------------------------------------------------------

    def _guard(self, handler: Handler) -> Handler:
        """`handler` behind the faults and the access token, its errors in Google's shape."""

        async def guarded(request: Request) -> Response:
            await asyncio.sleep(self._world.options.rest_ms / 1000)
            fault = await self._world.faults.meet("google")
            kind = fault.kind if fault is not None else None
            if kind == "refuse":
                return HangUp()
            if kind == "stall":
                return Silence()
            if fault is not None and kind in {"answer", "drip"}:
                return in_between(fault)
            if kind == "fail" and fault is not None:
                reason, message = _REASONS.get(fault.status, ("backendError", "Backend Error"))
                return _error(GoogleError(fault.status, fault.says or reason, message))
            try:
                self._check_token(request)
                answer = await handler(request)
            except GoogleError as error:
                answer = _error(error)
            # A drop loses the answer, not the effect: the case that retries must survive.
            return HangUp() if kind == "drop" else answer

        return guarded

    def _check_token(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        expires = self._tokens.get(token)
        if scheme.lower() != "bearer" or expires is None or expires <= self._world.clock():
            raise GoogleError(401, "authError", "Invalid Credentials")

    async def _token(self, request: Request) -> Response:
        """OAuth 2.0: an access token for a refresh token, for a code (RFC 6749, 6 and 4.1.3) or
        for what a service account has signed (RFC 7523)."""
        await asyncio.sleep(self._world.options.rest_ms / 1000)
        fault = await self._world.faults.meet("google.token")
        if fault is not None and fault.kind in {"refuse", "drop"}:
            return HangUp()
        if fault is not None and fault.kind == "stall":
            return Silence()
        if fault is not None and fault.kind in {"answer", "drip"}:
            return in_between(fault)
        if fault is not None and fault.status in {400, 401}:
            return _oauth_error(400, "invalid_grant", "Token has been expired or revoked.")
        if fault is not None:
            return _oauth_error(fault.status, "internal_failure", "Internal error.")
        # Not `request.form()`: that needs a parser package even for plain fields.
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            told = self._grant(form, str(request.url))
        except ConsentError as error:
            status = 401 if error.code == "invalid_client" else 400
            return _oauth_error(status, error.code, error.description)
        now = self._world.clock()
        self._tokens = {token: end for token, end in self._tokens.items() if end > now}
        token = "ya29." + secrets.token_urlsafe(32)
        self._tokens[token] = now + timedelta(seconds=TOKEN_LIFETIME_S)
        return JSONResponse(
            {
                "access_token": token,
                "expires_in": TOKEN_LIFETIME_S,
                "scope": SCOPE,
                "token_type": "Bearer",
                **told,
            }
        )

    def _grant(self, form: dict[str, str], address: str) -> dict[str, Any]:
        """Whether whoever asks may have an access token; what they are told beside it."""
        kind = form.get("grant_type")
        if kind == GRANT:
            if not self.service_account.is_signed(form.get("assertion", ""), address):
                raise ConsentError("invalid_grant", "Invalid JWT Signature.")
            return {}
        if kind not in {"refresh_token", "authorization_code"}:
            raise ConsentError("unsupported_grant_type", "Invalid grant_type.")
        if not _same(form.get("client_secret"), self._world.api_key) or not form.get("client_id"):
            raise ConsentError("invalid_client", "The OAuth client was not found.")
        if kind == "authorization_code":
            return self.consent.exchange(form, self._world.api_key)
        if not _same(form.get("refresh_token"), self._world.api_key):
            raise ConsentError("invalid_grant", "Token has been expired or revoked.")
        return {}

    def _calendar(self, request: Request) -> Calendar:
        return self.store.calendar(request.path_params["calendar"])

    def _writable(self, request: Request) -> Calendar:
        calendar = self._calendar(request)
        if calendar.access_role not in {"owner", "writer"}:
            message = "You need to have writer access to this calendar."
            raise GoogleError(403, "requiredAccessLevel", message)
        return calendar

    # --- Calendars ------------------------------------------------------------------------------

    async def _insert_calendar(self, request: Request) -> Response:
        return JSONResponse(_calendar_json(self.store.insert_calendar(await _body(request))))

    async def _get_calendar(self, request: Request) -> Response:
        return JSONResponse(_calendar_json(self._calendar(request)))

    async def _change_calendar(self, request: Request) -> Response:
        calendar = self._calendar(request)
        _check_match(request, _calendar_json(calendar)["etag"])
        return JSONResponse(
            _calendar_json(self.store.change_calendar(calendar, await _body(request)))
        )

    async def _delete_calendar(self, request: Request) -> Response:
        self.store.delete_calendar(self._calendar(request))
        return Response(status_code=204)

    async def _list_calendars(self, request: Request) -> Response:
        entries = [_list_entry(calendar) for calendar in self.store.calendars.values()]
        etag = f'"p{self.store.revision:016d}"'
        return JSONResponse({"kind": "calendar#calendarList", "etag": etag, "items": entries})

    async def _get_list_entry(self, request: Request) -> Response:
        return JSONResponse(_list_entry(self._calendar(request)))

    # --- Events ---------------------------------------------------------------------------------

    async def _insert(self, request: Request) -> Response:
        return _event(self.store.insert(self._writable(request), await _body(request)))

    async def _list(self, request: Request) -> Response:
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        for name in ("alt", "prettyPrint", "key", "quotaUser", "fields"):
            query.pop(name, None)
        return JSONResponse(list_events(self.store, self._calendar(request), query))

    async def _get(self, request: Request) -> Response:
        event = self.store.get(self._calendar(request), request.path_params["event"])
        if request.headers.get("if-none-match") == event["etag"]:
            return Response(status_code=304, headers={"ETag": event["etag"]})
        return _event(event)

    async def _patch(self, request: Request) -> Response:
        calendar, event_id = self._matching(request)
        return _event(self.store.patch(calendar, event_id, await _body(request)))

    async def _update(self, request: Request) -> Response:
        calendar, event_id = self._matching(request)
        return _event(self.store.update(calendar, event_id, await _body(request)))

    async def _delete(self, request: Request) -> Response:
        calendar, event_id = self._matching(request)
        self.store.delete(calendar, event_id)
        return Response(status_code=204)

    def _matching(self, request: Request) -> tuple[Calendar, str]:
        """The calendar and event id, the event's etag being the one the client knows."""
        calendar, event_id = self._writable(request), request.path_params["event"]
        _check_match(request, self.store.get(calendar, event_id)["etag"])
        return calendar, event_id

    async def _free_busy(self, request: Request) -> Response:
        return JSONResponse(free_busy(self.store, await _body(request)))

    async def _page(self, request: Request) -> Response:
        return calendar_page(self.store, request, self._world.clock())

    # --- The file -------------------------------------------------------------------------------

    def _save_soon(self) -> None:
        """Several changes in a row are saved together; leaving the world saves at once."""
        if self._saves and (self._saver is None or self._saver.done()):
            self._saver = self._world.spawn(self._save_later(), name="google-calendar-save")

    async def _save_later(self) -> None:
        try:
            await asyncio.sleep(SAVE_DELAY_S)
        finally:
            self.store.save()


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise GoogleError(400, "parseError", "Parse Error") from None
    if not isinstance(body, dict):
        raise GoogleError(400, "parseError", "Parse Error")
    return body


def _check_match(request: Request, etag: str) -> None:
    expected = request.headers.get("if-match")
    if expected is not None and expected not in {"*", etag}:
        raise GoogleError(412, "conditionNotMet", "Precondition Failed")


def _event(event: dict[str, Any]) -> Response:
    return JSONResponse(event, headers={"ETag": event["etag"]})


def _calendar_json(calendar: Calendar) -> dict[str, Any]:
    return {
        "kind": "calendar#calendar",
        "etag": f'"{calendar.revision:016d}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "description": calendar.description,
        "timeZone": calendar.timeZone,
    }


def _list_entry(calendar: Calendar) -> dict[str, Any]:
    return {
        **_calendar_json(calendar),
        "kind": "calendar#calendarListEntry",
        "accessRole": calendar.access_role,
        "selected": True,
        "primary": calendar.id == ACCOUNT,
        "defaultReminders": [],
    }


def _error(error: GoogleError) -> Response:
    entry: dict[str, Any] = {
        "domain": "global",
        "reason": error.reason,
        "message": error.message,
    }
    if error.status == 401:
        entry |= {"location": "Authorization", "locationType": "header"}
    body = {"errors": [entry], "code": error.status, "message": error.message}
    return JSONResponse({"error": body}, status_code=error.status)


def _oauth_error(status: int, code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description}, status_code=status)


def _same(given: Any, expected: str) -> bool:
    return isinstance(given, str) and secrets.compare_digest(given.encode(), expected.encode())
