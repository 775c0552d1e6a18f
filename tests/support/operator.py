"""An operator's settings: what a test may find in the environment, and nothing of the machine's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PREFIXES = ("OTTO_", "TWILIO_", "DEEPGRAM_", "OPENAI_", "GOOGLE_", "DATABASE_", "REDIS_")
LIVE = {
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "0f1e2d3c4b5a69788796a5b4c3d2e1f7",
    "TWILIO_PHONE_NUMBER": "+13125550100",
    "DEEPGRAM_API_KEY": "deepgram-secret",
    "OPENAI_API_KEY": "openai-secret",
    "GOOGLE_CLIENT_ID": "id",
    "GOOGLE_CLIENT_SECRET": "google-secret",
    "GOOGLE_REFRESH_TOKEN": "refresh-secret",
    "DATABASE_URL": "postgres://user:database-secret@db.example/otto?sslmode=require",
    "REDIS_URL": "rediss://:redis-secret@redis.example:6380/0",
    "OTTO_PUBLIC_ORIGIN": "https://otto.example.com/",
}


def forget_settings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No setting from the machine the test runs on: neither its environment nor its `.env`."""
    for name in os.environ:
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.chdir(folder)


def set_all(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
