"""Answers that go wrong below HTTP: a connection closed without a word, a server that is silent."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


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


async def until_gone(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
