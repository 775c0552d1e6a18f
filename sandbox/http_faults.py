"""Answers that go wrong below HTTP: a connection closed without a word, a server that is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from sandbox.faults import Fault


class HangUp(Response):
    """No answer at all: the connection is closed instead.

    ASGI has no word for it. Uvicorn closes the connection when the head of a response turns out
    to be impossible, so an impossible one is sent, and nothing of it reaches the wire.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        impossible = [(b"not a header\r\n", b"")]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": impossible})
        except Exception:
            return


class Silence(Response):
    """No answer either, but the connection stays open for as long as the client waits."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await until_gone(receive)


def in_between(fault: Fault) -> Response:
    """What a proxy, a login page or a broken server says in the vendor's place."""
    text = fault.says.encode("utf-8", "surrogateescape")
    headers = {"location": "/login"} if 300 <= fault.status < 400 else {}
    if fault.kind == "drip":
        parts = _byte_by_byte(text, fault.delay_ms / 1000)
        return StreamingResponse(parts, fault.status, headers, "text/html")
    return Response(text, fault.status, headers, "text/html")


async def _byte_by_byte(text: bytes, pause_s: float) -> AsyncIterator[bytes]:
    for at in range(len(text)):
        yield text[at : at + 1]
        await asyncio.sleep(pause_s)


async def until_gone(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
