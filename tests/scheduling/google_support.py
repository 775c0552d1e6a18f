"""What the tests of Google's side share."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from config.settings import GoogleSettings
from otto.scheduling.mirror.book import PlannedEvent
from sandbox.world import World


def google_settings(world: World, **changes: Any) -> GoogleSettings:
    """How the sandbox's Google is reached, as the account's owner."""
    given: dict[str, Any] = {
        "client_id": "otto",
        "client_secret": SecretStr(world.api_key),
        "refresh_token": SecretStr(world.api_key),
        "token_file": None,
        "calendar_url": f"{world.http_url}/google/calendar/v3/",
        "token_url": f"{world.http_url}/google/token",
        "auth_url": f"{world.http_url}/google/o/oauth2/v2/auth",
        "timeout_s": 2.0,
    }
    return GoogleSettings(**(given | changes))


class FakeBook:
    """A book with one event, or without it."""

    def __init__(self, planned: PlannedEvent | None) -> None:
        self._planned = planned
        self.told_of: list[tuple[str, str]] = []

    async def planned(self, event_id: str) -> PlannedEvent | None:
        return self._planned

    async def told(self, event_id: str, etag: str) -> None:
        self.told_of.append((event_id, etag))

    async def look(self, calendar_id: str, event_id: str) -> str:
        return "1"

    async def parting(self, calendar_id: str, event_id: str) -> None: ...
