"""Answers that go wrong, in HTTP and below it: somebody in between, half an answer, silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from http import HTTPStatus

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from sandbox.faults import Fault

TRANSPORT = "sandbox.transport"
"""The ASGI extension that hands out the connection itself: see `sandbox.app`."""


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


class Bytes(Response):
    """What is put on the wire is these bytes, whether or not they are HTTP, and then its end."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = scope["extensions"][TRANSPORT]["connection"]
        transport.write(self._text)
        transport.close()
        await until_gone(receive)


async def in_between(
    fault: Fault | None,
    answer: Callable[[], Awaitable[Response]],
    failure: Callable[[int, str], Response],
) -> Response:
    """The answer, or what the fault makes of it. `failure` words the vendor's error for a status
    and what the fault says.

    `drop`, and `drip` or `cut` without a text of their own, lose the answer and not the effect: the
    case that retries must survive.
    """
    if fault is None:
        return await answer()
    if fault.kind == "refuse":
        return HangUp()
    if fault.kind == "stall":
        return Silence()
    if fault.kind == "fail":
        return failure(fault.status, fault.says)
    if fault.kind == "garble":
        return Bytes(fault.says.encode("utf-8", "surrogateescape") or b"\x15\x03\x01\x00\x02\x02(")
    said = _said(fault) if fault.says or fault.kind == "answer" else await answer()
    if fault.kind == "drip":
        parts = _byte_by_byte(bytes(said.body), fault.delay_ms / 1000)
        return StreamingResponse(parts, said.status_code, _headers(said, "content-length"))
    if fault.kind == "cut":
        return Bytes(_head(said) + bytes(said.body)[: len(said.body) // 2])
    return HangUp() if fault.kind == "drop" else said


def _said(fault: Fault) -> Response:
    """What a proxy, a login page or a broken server says in the vendor's place."""
    text = fault.says.encode("utf-8", "surrogateescape")
    headers = {"location": "/login"} if 300 <= fault.status < 400 else {}
    return Response(text, fault.status, headers, "text/html")


def _headers(said: Response, *but: str) -> dict[str, str]:
    return {name: value for name, value in said.headers.items() if name not in but}


def _head(said: Response) -> bytes:
    """A response's head as it is on the wire, the length of the whole body in it."""
    phrase = HTTPStatus(said.status_code).phrase
    lines: Iterable[str] = (f"{name}: {value}" for name, value in said.headers.items())
    return "\r\n".join((f"HTTP/1.1 {said.status_code} {phrase}", *lines, "", "")).encode("latin-1")


async def _byte_by_byte(text: bytes, pause_s: float) -> AsyncIterator[bytes]:
    for at in range(len(text)):
        yield text[at : at + 1]
        await asyncio.sleep(pause_s)


async def until_gone(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
