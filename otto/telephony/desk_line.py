"""What is asked of Twilio's REST API for a handover: call the desk, end that call, fetch a caller
back. None of it raises; a caller's webhook waits for it, so each has its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import structlog

from config.settings import TwilioSettings
from otto.tasks import Tasks

if TYPE_CHECKING:
    from otto.telephony.rest import TwilioRest

log = structlog.get_logger()

RING_TIMEOUT_S: Final = 4.0
"""Twilio waits 15 s for the webhook that waits for this, and the caller hears nothing meanwhile."""
TRIES: Final = 3
"""For what has to be done: ending a call, fetching a caller back."""
BETWEEN_TRIES_S: Final = 0.5
INSISTED_S: Final = 6.0
"""All tries together."""


class DeskLine:
    """Twilio's REST API, for the desk's calls. The SDK is loaded by the first of them: most of the
    ingress' processes never need it."""

    def __init__(self, settings: TwilioSettings) -> None:
        self._settings = settings
        self._client: TwilioRest | None = None
        self._tasks = Tasks()

    async def ring(self, number: str, url: str, status_url: str, ring_s: int) -> str:
        """Call the desk; the SID of that call, or "" when Twilio does not do it in time. A call
        that is placed after that is ended at once."""
        rest = await self._rest()
        placing = self._tasks.spawn(rest.call(number, url, status_url, ring_s))
        try:
            async with asyncio.timeout(RING_TIMEOUT_S):
                return await asyncio.shield(placing)
        except TimeoutError:
            log.error("desk_not_called", error="TimeoutError")
            self._tasks.spawn(self._end_late(placing))
        except Exception as error:
            log.error("desk_not_called", error=str(error))  # it holds no number
        return ""

    async def hang_up(self, leg: str) -> bool:
        """End the desk's call, if it has not ended; whether Twilio did it."""
        rest = await self._rest()
        return await self._insist("desk_not_let_go", lambda: rest.hang_up(leg))

    async def redirect(self, call_sid: str, url: str) -> bool:
        """Fetch the caller back to `url`; whether Twilio does it."""
        rest = await self._rest()
        return await self._insist("caller_not_fetched", lambda: rest.redirect(call_sid, url))

    async def _end_late(self, placing: asyncio.Task[str]) -> None:
        try:
            leg = await placing
        except Exception:
            return
        await self.hang_up(leg)

    async def _insist(self, event: str, request: Callable[[], Awaitable[None]]) -> bool:
        try:
            async with asyncio.timeout(INSISTED_S):
                return await self._try(event, request)
        except TimeoutError:
            log.warning(event, error="TimeoutError")
            return False

    async def _try(self, event: str, request: Callable[[], Awaitable[None]]) -> bool:
        from otto.telephony.rest import TwilioRestError

        for attempt in range(TRIES):
            try:
                await request()
            except TwilioRestError as error:
                if error.was_refused and not error.is_retryable:
                    # The call is over already (21220), or there is none.
                    log.info(event, error=error.code)
                    return False
                log.warning(event, error=error.code)
                if attempt + 1 < TRIES:
                    await asyncio.sleep(BETWEEN_TRIES_S)
            else:
                return True
        return False

    async def _rest(self) -> TwilioRest:
        if self._client is None:
            # Half a second of imports, away from the loop that answers webhooks.
            made = await asyncio.to_thread(_make, self._settings)
            self._client = self._client or made
        return self._client


def _make(settings: TwilioSettings) -> TwilioRest:
    from otto.telephony.rest import TwilioRest

    return TwilioRest(settings)
