"""The sandbox's addresses fill in the settings of the vendors it plays, and of no other."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from config.loading import read_settings
from config.sandbox_endpoints import (
    SandboxEndpoints,
    load_settings,
    read_endpoints,
    with_sandbox,
)
from config.settings import Settings, SettingsError, Vendor
from tests.support.operator import LIVE, forget_settings, set_all

ENDPOINTS = SandboxEndpoints(
    pid=1,
    http="http://127.0.0.1:9100",
    control_token="control",
    deepgram_url="ws://127.0.0.1:9100/deepgram",
    openai_base_url="http://127.0.0.1:9100/openai/v1",
    google_calendar_url="http://127.0.0.1:9100/google/calendar/v3/",
    google_token_url="http://127.0.0.1:9100/google/token",
    twilio_api_url="http://127.0.0.1:9100/twilio",
    database_url="postgresql+asyncpg://otto:x@127.0.0.1:5433/otto",
    redis_url="redis://:x@127.0.0.1:6380/0",
    account_sid="ACsandbox",
    auth_token="token",
    api_key="key",
    phone_number="+18155550100",
)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_settings(monkeypatch, tmp_path)


def test_with_nothing_set_the_sandbox_plays_everybody() -> None:
    settings = load_settings(ENDPOINTS)
    assert settings.sandbox == frozenset(Vendor)
    assert settings.public_origin == "http://127.0.0.1:8000"
    assert settings.stream_url == "ws://127.0.0.1:8000/media/stream"
    assert settings.twilio.account_sid == "ACsandbox"
    assert settings.google.calendar_url == ENDPOINTS.google_calendar_url
    assert settings.database.url.get_secret_value() == ENDPOINTS.database_url


def test_with_everything_set_nobody_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, LIVE)
    settings = load_settings()
    assert settings.sandbox == frozenset()
    assert settings.public_origin == "https://otto.example.com"
    assert settings.stream_url == "wss://otto.example.com/media/stream"
    assert settings.database.url.get_secret_value().startswith("postgresql+asyncpg://user:")


def test_named_vendors_are_played_and_the_others_live(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"OPENAI_API_KEY": "openai-secret"})
    set_all(monkeypatch, {"OTTO_SANDBOX": "twilio, deepgram,google,postgres,redis"})
    settings = load_settings(ENDPOINTS)
    assert Vendor.OPENAI not in settings.sandbox
    assert settings.openai.api_key.get_secret_value() == "openai-secret"
    assert settings.openai.base_url == "https://api.openai.com/v1"
    assert settings.deepgram.url == ENDPOINTS.deepgram_url


def test_a_sandbox_that_does_not_run_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="is not running: start it with `otto up`"):
        load_settings()


def test_the_endpoints_are_found_where_the_sandbox_left_them(tmp_path: Path) -> None:
    assert read_endpoints(tmp_path) is None
    (tmp_path / "sandbox.json").write_text("{half a fi")
    assert read_endpoints(tmp_path) is None
    (tmp_path / "sandbox.json").write_text(ENDPOINTS.model_dump_json())
    assert read_endpoints(tmp_path) == ENDPOINTS


def test_settings_survive_the_way_to_an_actor() -> None:
    settings = with_sandbox(read_settings(), ENDPOINTS)
    arrived: Settings = pickle.loads(pickle.dumps(settings))
    assert arrived == settings
    assert arrived.twilio.auth_token.get_secret_value() == ENDPOINTS.auth_token


def test_a_sandbox_with_second_providers_is_its_own_fallback() -> None:
    """So that what happens in a vendor's outage can be seen without any account."""
    endpoints = ENDPOINTS.model_copy(
        update={
            "deepgram_fallback_url": "ws://127.0.0.1:9100/deepgram-b",
            "openai_fallback_base_url": "http://127.0.0.1:9100/openai-b/v1",
        }
    )
    settings = load_settings(endpoints)
    assert settings.deepgram.has_listen_fallback and settings.deepgram.has_speak_fallback
    there = settings.deepgram.as_fallback()
    assert there.url == endpoints.deepgram_fallback_url
    assert there.api_key.get_secret_value() == endpoints.api_key
    assert there.speak_model == settings.deepgram.speak_model
    assert settings.openai.as_fallback().base_url == endpoints.openai_fallback_base_url
    assert not load_settings(ENDPOINTS).openai.has_fallback
