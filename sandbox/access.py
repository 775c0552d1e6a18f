"""Who may steer the sandbox: whoever has its token. Other people's programs on this machine reach
the loopback as well.

A program sends `Authorization: Bearer TOKEN`. A browser that looks at something asks its user, who
gives the token as the password of any name; this counts for reading only, since a browser sends
what it has been told along with requests that another site makes it send.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

CONTROL = "/sandbox/"
"""What the paths begin with that steer; the others are the vendors', who ask for keys of theirs."""
READING = ("GET", "HEAD")
_REFUSAL = {"error": "the sandbox's token is needed: `otto sandbox-token` prints it"}


def guarded(routes: Iterable[BaseRoute], token: str) -> list[BaseRoute]:
    """The routes, those that steer behind the token."""
    found = []
    for route in routes:
        if isinstance(route, Route) and route.path.startswith(CONTROL):
            route.app = _Guard(route.app, token)
        found.append(route)
    return found


class _Guard:
    """What answers in a route's place until the token is given."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        given = _given(request.headers.get("authorization", ""), request.method in READING)
        if hmac.compare_digest(given.encode(), self._token.encode()):
            await self._app(scope, receive, send)
            return
        asking = {"WWW-Authenticate": 'Basic realm="sandbox", charset="UTF-8"'}
        await JSONResponse(_REFUSAL, 401, asking)(scope, receive, send)


def _given(header: str, is_reading: bool) -> str:
    """The token in a header; "" when there is none that counts."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic" or not is_reading:
        return ""
    try:
        return b64decode(value, validate=True).decode().partition(":")[2]
    except (Base64Error, UnicodeDecodeError):
        return ""
