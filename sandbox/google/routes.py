"""Google over HTTP: the token endpoint, the Calendar API, and what staff and tests do beside them.

Methods, paths, parameters and schemas are those of Google's discovery document
(`sandbox.google.discovery`). What holds for every method is here: access tokens, faults, a method
in `X-HTTP-Method-Override` (Google's client uses it where an address would be longer than 2048
characters, with the query in the body), conditional reads, partial answers.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.google.api import Answer, CalendarApi, Call
from sandbox.google.consent import OAuthError
from sandbox.google.control import control_routes
from sandbox.google.discovery import (
    Method,
    Query,
    check_body,
    check_query,
    method,
    read_body,
    schema,
)
from sandbox.google.errors import GoogleError, of_fault
from sandbox.google.fields import partial
from sandbox.google.push import Channels
from sandbox.google.sign_in import SignIn
from sandbox.google.store import CalendarStore
from sandbox.http_faults import in_between
from sandbox.world import World

API = "/google/calendar/v3"
STATE_FILE = "google-calendar.json"
SAVE_DELAY_S = 0.3
_FORM = "application/x-www-form-urlencoded"
_READS = ("GET",)


def routes(world: World) -> list[BaseRoute]:
    """The stand-in's routes: /google/token, /google/calendar/v3/…, /sandbox/calendar,
    /sandbox/google/…"""
    google = world.google = Google(world)
    return google.routes()


class Google:
    """The HTTP around one account: see the package's other modules for what it does."""

    def __init__(self, world: World) -> None:
        self._world = world
        state_dir = world.state_dir
        self.store = CalendarStore(world.clock, state_dir / STATE_FILE if state_dir else None)
        self.store.changed = self._save_soon
        self.channels = Channels(world, self.store)
        self.sign_in = SignIn(world)
        self.consent, self.service_account = self.sign_in.consent, self.sign_in.service_account
        self._api = CalendarApi(world, self.store, self.channels)
        self._saves = state_dir is not None
        self._saver: asyncio.Task[None] | None = None

    def routes(self) -> list[BaseRoute]:
        paths: dict[str, dict[str, Method]] = defaultdict(dict)
        for name in self._api.methods:
            known = method(name)
            paths[known.path][known.verb] = known
        # Of two paths that fit, the one with fewer placeholders is meant.
        ordered = sorted(paths.items(), key=lambda pair: pair[0].count("{"))
        return [
            Route("/google/token", self._token, methods=["POST"]),
            *self.consent.routes(),
            *control_routes(self._world, self.store, self.sign_in, self.channels),
            *(
                Route(API + path, self._endpoint(verbs), methods=[*verbs, "POST"])
                for path, verbs in ordered
            ),
        ]

    # --- The API --------------------------------------------------------------------------------

    def _endpoint(self, verbs: Mapping[str, Method]) -> Callable[[Request], Awaitable[Response]]:
        """What answers on one path."""

        async def answered(request: Request) -> Response:
            await request.body()  # a connection that is closed with bytes unread is reset
            await asyncio.sleep(self._world.options.rest_ms / 1000)
            verb = request.method
            if verb == "POST":
                verb = request.headers.get("x-http-method-override", verb).upper()
            called = verbs.get(verb)
            if called is None:
                return _error(GoogleError(404, "notFound"))
            names = (called.name, request.path_params.get("calendarId", ""))
            fault = await self._world.faults.meet("google", only=names)
            return await in_between(fault, lambda: self._answer(called, request), _failure)

        return answered

    async def _answer(self, called: Method, request: Request) -> Response:
        try:
            user = self.sign_in.user_of(request.headers.get("authorization", ""))
            is_form = request.headers.get("content-type", "").startswith(_FORM)
            is_query = called.verb in _READS and request.method == "POST" and is_form
            text = request.url.query
            if is_query:
                text = (await request.body()).decode("utf-8", "replace")
            query = parse_qs(text, keep_blank_values=True)
            check_query(called, query)
            body: dict[str, Any] = {}
            if called.request:
                body = read_body(await request.body())
                check_body(body, schema(called.request))
            if_match = request.headers.get("if-match", "")
            call = Call(request.path_params, query, body, if_match, user)
            answer = self._api.methods[called.name](call)
            return _response(called, answer, query, request.headers.get("if-none-match", ""))
        except GoogleError as error:
            return _error(error)

    # --- The token endpoint ---------------------------------------------------------------------

    async def _token(self, request: Request) -> Response:
        await request.body()
        await asyncio.sleep(self._world.options.rest_ms / 1000)
        fault = await self._world.faults.meet("google.token")
        return await in_between(fault, lambda: self._token_answer(request), _token_failure)

    async def _token_answer(self, request: Request) -> Response:
        # Not `request.form()`: that needs a parser package even for plain fields.
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            return JSONResponse(self.sign_in.token(form, str(request.url)))
        except OAuthError as error:
            status = 401 if error.code == "invalid_client" else 400
            return _oauth_error(status, error)

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


def _response(called: Method, answer: Answer, query: Query, known: str) -> Response:
    """What is answered, in part where `fields` asks for it; 304 when the client has it already."""
    if answer is None:
        return Response(status_code=204)
    etag = answer.get("etag")
    headers = {} if etag is None else {"ETag": etag}
    if "fields" in query:
        answer = partial(answer, query["fields"][-1], called.response)
    versions = [each.strip().removeprefix("W/") for each in known.split(",")]
    if called.verb in _READS and etag is not None and (etag in versions or "*" in versions):
        return Response(status_code=304, headers=headers)
    return JSONResponse(answer, headers=headers)


def _error(error: GoogleError) -> Response:
    return JSONResponse(error.as_json(), status_code=error.status)


def _failure(status: int, says: str) -> Response:
    return _error(of_fault(status, says))


def _token_failure(status: int, says: str) -> Response:
    if status in {400, 401}:
        error = OAuthError(says or "invalid_grant", "Token has been expired or revoked.")
        return _oauth_error(400, error)
    return _oauth_error(status, OAuthError(says or "internal_failure", "Internal error."))


def _oauth_error(status: int, error: OAuthError) -> Response:
    body = {"error": error.code, "error_description": error.description}
    return JSONResponse(body, status_code=status)
