"""What the tests of Google's side share."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from config.settings import GoogleSettings
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
