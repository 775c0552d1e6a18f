"""Twilio's REST API: text messages, transfer and hang-up of a running call.

The SDK is synchronous, so each request runs in a small pool of threads of its own. Faults become
`TwilioRestError`, without Twilio's message: it quotes telephone numbers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from config.settings import TwilioSettings

TIMEOUT_S = 10.0
THREADS = 4
_RETRYABLE_STATUS = frozenset({429, 500, 502, 503, 504})

T = TypeVar("T")


class TwilioRestError(Exception):
    """A request that Twilio refused or never answered.

    `code` is Twilio's error number (0: it was not reached), `is_retryable` says whether the same
    request may succeed later.
    """

    def __init__(self, what: str, code: int, status: int, is_retryable: bool) -> None:
        super().__init__(f"twilio: {what} failed (error {code}, HTTP {status})")
        self.code = code
        self.status = status
        self.is_retryable = is_retryable


class _ElsewhereClient(TwilioHttpClient):  # type: ignore[misc]
    """The SDK's own transport, aimed at another origin than https://api.twilio.com."""

    def __init__(self, api_url: str) -> None:
        super().__init__(timeout=TIMEOUT_S)
        self._api_url = api_url.rstrip("/")

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return super().request(method, self._api_url + target, *args, **kwargs)


class TwilioRest:
    """One account. Make it once per process; `close` when done."""

    def __init__(self, settings: TwilioSettings) -> None:
        http = _ElsewhereClient(settings.api_url) if settings.api_url else None
        self._client = Client(
            settings.account_sid,
            settings.auth_token.get_secret_value(),
            http_client=http or TwilioHttpClient(timeout=TIMEOUT_S),
        )
        self._from = settings.phone_number
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="twilio")

    async def send_message(self, to: str, body: str) -> str:
        """Send a text to `to` (E.164) from our number; gives the message's SID."""
        message = await self._run(
            "message", lambda: self._client.messages.create(to=to, from_=self._from, body=body)
        )
        return cast("str", message.sid)

    async def transfer(self, call_sid: str, twiml: str) -> None:
        """Replace the running call's TwiML, which ends its stream."""
        await self._run("transfer", lambda: self._client.calls(call_sid).update(twiml=twiml))

    async def hang_up(self, call_sid: str) -> None:
        """End the call."""
        await self._run("hang-up", lambda: self._client.calls(call_sid).update(status="completed"))

    async def close(self) -> None:
        """Let the threads go; requests under way end by themselves."""
        self._threads.shutdown(wait=False)

    async def _run(self, what: str, request: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, request)
        except TwilioRestException as error:
            retryable = error.status in _RETRYABLE_STATUS
            raise TwilioRestError(what, error.code or 0, error.status, retryable) from None
        except (TwilioException, OSError) as error:  # requests' exceptions are OSErrors
            raise TwilioRestError(what, 0, 0, is_retryable=True) from error.__cause__
