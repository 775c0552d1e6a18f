"""Webhooks of Twilio's: their forms, read and checked before anybody acts on them.

Route("/twilio/voice", SignedWebhooks(settings).webhook(answer), methods=["POST"])
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from config.settings import Settings
from otto.telephony import forms
from otto.telephony.forms import Form, FormRefused, Refusal
from otto.telephony.signature import SignatureChecker

log = structlog.get_logger()

REFUSALS_TOLD_S = 1.0

Endpoint = Callable[[Request], Awaitable[Response]]


class SignedWebhooks:
    """The webhooks of one application."""

    def __init__(self, settings: Settings) -> None:
        self._checker = SignatureChecker(settings.public_origin, *settings.twilio.signing_tokens)
        self._refusals = Refusals("webhook_refused")

    def webhook(self, answer: Callable[[Form, str], Awaitable[Response]]) -> Endpoint:
        """An endpoint that gives `answer` the form and the query, both signed by Twilio."""

        async def endpoint(request: Request) -> Response:
            try:
                form = await _read_form(request)
                target = _target(request.scope)
                if not self._checker.is_webhook_signed(target, form, request.headers):
                    raise FormRefused(forms.NOT_SIGNED)
            except FormRefused as refused:
                self._refusals.tell(refused.refusal.reason)
                return _refused(refused.refusal)
            return await answer(form, target.partition("?")[2])

        return endpoint


class Refusals:
    """Says in the log that strangers were refused: once in `REFUSALS_TOLD_S`, and how many. A flood
    must not fill the disk, nor cost more than its refusals."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._count = 0
        self._quiet_until_s = float("-inf")

    def tell(self, reason: str) -> None:
        """One more was refused; `reason` is one of ours and holds nothing of the request."""
        self._count += 1
        now_s = time.monotonic()
        if now_s >= self._quiet_until_s:
            log.warning(self._event, reason=reason, count=self._count)
            self._count = 0
            self._quiet_until_s = now_s + REFUSALS_TOLD_S


async def _read_form(request: Request) -> Form:
    """The form of a request that is worth reading. Raises FormRefused."""
    refusal = forms.refuse_head(request.scope["query_string"], request.headers)
    if refusal is not None:
        raise FormRefused(refusal)
    body = bytearray()
    pieces = 0
    try:
        async with asyncio.timeout(forms.BODY_TIMEOUT_S):
            async for piece in request.stream():
                body += piece
                pieces += 1
                if len(body) > forms.MAX_FORM_BYTES:
                    raise FormRefused(forms.TOO_LARGE)
                if pieces > forms.MAX_PIECES:
                    raise FormRefused(forms.IN_PIECES)
    except (TimeoutError, ClientDisconnect):
        raise FormRefused(forms.TOO_SLOW) from None
    return forms.parse_form(bytes(body))


def _refused(refusal: Refusal) -> Response:
    """What is left of the body, or of the sender's patience, is not waited for."""
    return PlainTextResponse(refusal.reason, refusal.status, headers={"connection": "close"})


def _target(scope: Scope) -> str:
    """Path and query exactly as they came, because that is what was signed."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (raw.split(b"?", 1)[0] + (b"?" + query if query else b"")).decode("latin-1")
