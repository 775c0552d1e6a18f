"""What the sandbox says of itself, translated into Otto's settings."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from config import clock
from config.clock import PinnedClock
from config.loading import read_settings, with_vendors
from config.settings import STATE_DIR, Settings, SettingsError, Vendor

FILE = "sandbox.json"
"""Where a running sandbox leaves its line, in its state folder."""


class SandboxEndpoints(BaseModel):
    """Where the sandbox listens: the JSON line that `python -m sandbox` prints when it is ready."""

    pid: int
    http: str
    """Control: faults, calls, messages, e.g. http://127.0.0.1:9100"""
    control_token: str
    """Sent with everything that goes to `http`, as `Authorization: Bearer`."""
    deepgram_url: str
    openai_base_url: str
    deepgram_fallback_url: str = ""
    openai_fallback_base_url: str = ""
    google_calendar_url: str
    google_token_url: str
    twilio_api_url: str
    database_url: str
    redis_url: str
    account_sid: str
    auth_token: str
    api_key: str
    phone_number: str
    clock_ahead_s: float = 0.0
    """Of the machine's clock, where that is pinned."""


def load_settings(endpoints: SandboxEndpoints | None = None, **overrides: Any) -> Settings:
    """Read the environment and `.env`, decide who is live, and fill in the sandbox's addresses.

    `endpoints` are the running sandbox's; without them, those it left in the state folder are
    used. This process goes by the sandbox's clock from then on. Raises `SettingsError` with one
    line per fault.
    """
    settings = read_settings(**overrides)
    if not settings.sandbox:
        return settings
    found = endpoints or read_endpoints()
    if found is None:
        names = ", ".join(sorted(settings.sandbox))
        raise SettingsError(f"the sandbox (for {names}) is not running: start it with `otto up`")
    filled = with_sandbox(settings, found)
    clock.follow(filled.clock)
    return filled


def with_sandbox(settings: Settings, endpoints: SandboxEndpoints) -> Settings:
    """`settings` with the sandbox's addresses and keys for the vendors it plays."""
    key = SecretStr(endpoints.api_key)
    filled: dict[Vendor, dict[str, Any]] = {
        Vendor.TWILIO: {
            "account_sid": endpoints.account_sid,
            "auth_token": SecretStr(endpoints.auth_token),
            "phone_number": endpoints.phone_number,
            "api_url": endpoints.twilio_api_url,
        },
        Vendor.DEEPGRAM: {
            "api_key": key,
            "url": endpoints.deepgram_url,
            "fallback_url": endpoints.deepgram_fallback_url,
            "fallback_api_key": key,
        },
        Vendor.OPENAI: {
            "api_key": key,
            "base_url": endpoints.openai_base_url,
            "fallback_base_url": endpoints.openai_fallback_base_url,
            "fallback_api_key": key,
        },
        Vendor.GOOGLE: {
            "client_id": "sandbox",
            "client_secret": key,
            "refresh_token": key,
            "token_file": None,
            "calendar_url": endpoints.google_calendar_url,
            "token_url": endpoints.google_token_url,
        },
        Vendor.POSTGRES: {"url": SecretStr(endpoints.database_url)},
        Vendor.REDIS: {"url": SecretStr(endpoints.redis_url)},
    }
    ahead = timedelta(seconds=endpoints.clock_ahead_s)
    # The sandbox was told when everything started: another process would count from its own start.
    pinned = PinnedClock(ahead) if ahead else None
    return with_vendors(settings, filled).model_copy(update={"clock": pinned})


def read_endpoints(state_dir: Path = STATE_DIR) -> SandboxEndpoints | None:
    """The addresses a running sandbox left in the state folder, or None."""
    try:
        return SandboxEndpoints.model_validate(
            json.loads((state_dir / FILE).read_text(encoding="utf-8"))
        )
    except (OSError, ValueError):
        return None
