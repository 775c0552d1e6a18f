"""Twilio's REST API: text messages, calls to the desk, and what a running call does next.

The SDK is synchronous, so each request runs in a small pool of threads of its own. Faults become
`TwilioRestError`, without Twilio's message: it quotes telephone numbers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from config.settings import TwilioSettings

TIMEOUT_S = 10.0
THREADS = 4
LOOKED_AT = 50
"""How many of the newest texts to a number are looked through."""
CLOCKS_DIFFER_BY = timedelta(seconds=30)
"""At most, Twilio's and the database's; Twilio's times are whole seconds, besides."""

UNSUBSCRIBED = 21610
"""The number has answered STOP: the carrier's word that it wants no texts from us."""
_PASSING = frozenset(
    {
        14107,  # too many messages a second
        20429,  # too many requests
        21611,  # our number's queue is full
        30001,  # our account's queue is full
        30003,  # the handset is off or out of reach
        30008,  # unknown to the carrier
        30009,  # a part was lost
        30022,  # the carrier's rate for our number
        30023,  # the carrier's limit for today
        30027,  # the same, T-Mobile's
        30410,  # the carrier did not answer in time
        30500,  # the carrier's own error
    }
)
"""Twilio's errors that pass by themselves, whatever their HTTP status."""
_OURS_TO_MEND = frozenset(
    {
        20003,  # wrong token
        20005,  # account not active
        20006,  # access denied
        21212,  # our own number is not valid
        21601,  # our own number cannot text
        21603,  # no number of ours was given
        21606,  # our own number is not the account's
        21607,  # our own number is not enabled
        21659,  # the same, with a sender's pool
        21660,  # our own number is another account's
        30002,  # account suspended
        30032,  # our toll-free number is not verified
        30034,  # our number is not registered
    }
)
"""Those that a person can mend on our side while the request waits."""
_PASSING_STATUS = frozenset({401, 402, 403, 407, 408, 409, 423, 425, 429})
"""A refusal of whoever asks, or of the moment; any other 4xx is one of what is asked."""

T = TypeVar("T")


def may_succeed_later(code: int, status: int) -> bool:
    """Whether the same request may be taken another time, by Twilio's error and HTTP status.

    A server's fault or a limit passes, and what is wrong with our account can be mended. What is
    left is about the request itself (a number that does not exist, is no mobile's, is in a region
    that is not allowed, has unsubscribed; a body that is too long) and would be refused again for
    the same reason, so a 4xx that nobody here knows is final. Codes:
    https://www.twilio.com/docs/api/errors
    """
    if status >= 500 or status < 400 or status in _PASSING_STATUS:
        return True
    return code in _PASSING or code in _OURS_TO_MEND


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

    @property
    def was_refused(self) -> bool:
        """Whether nothing was done for sure. A server's fault, or none to answer, says nothing of
        what became of the request."""
        return 400 <= self.status < 500 and self.status != 408


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

    async def has_sent(self, to: str, body: str, since: datetime) -> bool:
        """Whether a text with this body went from our number to `to` since then. The list is not
        narrowed by `DateSent`, which a text that is still queued does not have."""
        earliest = since - CLOCKS_DIFFER_BY
        found = await self._run(
            "messages",
            lambda: self._client.messages.list(to=to, from_=self._from, limit=LOOKED_AT),
        )
        # A trial account puts a sentence of Twilio's before the text.
        return any(
            (one.body or "").endswith(body)
            and one.date_created is not None
            and one.date_created >= earliest
            for one in found
        )

    async def redirect(self, call_sid: str, url: str) -> None:
        """Have the running call fetch its TwiML from `url`, whatever it is doing: a caller who
        waits in a conference leaves it."""
        await self._run(
            "redirect", lambda: self._client.calls(call_sid).update(url=url, method="POST")
        )

    async def call(self, to: str, url: str, status_url: str, ring_s: int) -> str:
        """Call `to` (E.164) from our number; whoever answers within `ring_s` gets the TwiML at
        `url`. `status_url` is told when the call is over, however it ended. Gives its SID."""
        made = await self._run(
            "call",
            lambda: self._client.calls.create(
                to=to,
                from_=self._from,
                url=url,
                method="POST",
                status_callback=status_url,
                status_callback_method="POST",
                # Terminal states all come as "completed": busy, failed, no-answer, canceled.
                status_callback_event=["completed"],
                timeout=ring_s,
            ),
        )
        return cast("str", made.sid)

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
            code, status = error.code or 0, error.status
            raise TwilioRestError(what, code, status, may_succeed_later(code, status)) from None
        except TwilioException as error:
            code, status = _of_a_page(error)
            raise TwilioRestError(what, code, status, may_succeed_later(code, status)) from None
        except OSError as error:  # requests' exceptions are OSErrors
            raise TwilioRestError(what, 0, 0, is_retryable=True) from error.__cause__
        except (ValueError, KeyError):  # an answer that is not Twilio's
            raise TwilioRestError(what, 0, 0, is_retryable=True) from None


def _of_a_page(error: TwilioException) -> tuple[int, int]:
    """Twilio's error and HTTP status of a list, which the SDK reads in a way of its own; 0, 0 for
    what is no answer."""
    status = getattr(error.args[-1], "status_code", 0) if error.args else 0
    try:
        code = int(json.loads(error.args[-1].text)["code"]) if status else 0
    except (ValueError, KeyError, TypeError):
        code = 0
    return code, status
