"""Google's notices that a calendar has changed: told to whoever follows it, when they are genuine.

A notice has no body, and says everything in headers; an answer of 5xx is asked for again.
https://developers.google.com/workspace/calendar/api/guides/push
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable

import structlog
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from otto.scheduling.google.channel_token import PATH, is_genuine
from otto.telephony.switchboard_port import SwitchboardClient

_log = structlog.get_logger()

TELLING_TIMEOUT_S = 3.0
__all__ = ["PATH", "calendar_notice"]

_CHANNEL = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}", re.ASCII)
"""What Google takes for a channel's id."""


def calendar_notice(
    keys: Iterable[SecretStr], switchboard: SwitchboardClient
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint. `keys`: what our channels' tokens are made of."""
    known = tuple(key.get_secret_value() for key in keys)

    async def endpoint(request: Request) -> Response:
        channel_id = request.headers.get("x-goog-channel-id", "")
        token = request.headers.get("x-goog-channel-token", "")
        if not _CHANNEL.fullmatch(channel_id) or not is_genuine(known, channel_id, token):
            return Response(status_code=403)
        if request.headers.get("x-goog-resource-state") == "sync":
            return Response(status_code=204)  # the channel has begun
        try:
            async with asyncio.timeout(TELLING_TIMEOUT_S):
                await switchboard.calendar_changed()
        except Exception as error:
            _log.warning("calendar_notice_not_told", error=type(error).__name__)
            return Response(status_code=503)
        return Response(status_code=204)

    return endpoint
