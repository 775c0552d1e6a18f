"""Who is live and who is played by the sandbox is said, never guessed; faults name the setting."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from config.settings import (
    SandboxEndpoints,
    Settings,
    SettingsError,
    Vendor,
    load_settings,
    read_endpoints,
    read_settings,
    with_sandbox,
)

LIVE = {
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "twilio-secret",
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
ENDPOINTS = SandboxEndpoints(
    pid=1,
    http="http://127.0.0.1:9100",
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
    """No setting from the machine the test runs on."""
    prefixes = ("OTTO_", "TWILIO_", "DEEPGRAM_", "OPENAI_", "GOOGLE_", "DATABASE_", "REDIS_")
    for name in os.environ:
        if name.startswith(prefixes):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _set(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def _faults() -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings()
    return str(caught.value)


def test_with_nothing_set_the_sandbox_plays_everybody() -> None:
    settings = load_settings(ENDPOINTS)
    assert settings.sandbox == frozenset(Vendor)
    assert settings.public_origin == "http://127.0.0.1:8000"
    assert settings.stream_url == "ws://127.0.0.1:8000/media/stream"
    assert settings.twilio.account_sid == "ACsandbox"
    assert settings.google.calendar_url == ENDPOINTS.google_calendar_url
    assert settings.database.url.get_secret_value() == ENDPOINTS.database_url


def test_with_everything_set_nobody_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, LIVE)
    settings = load_settings()
    assert settings.sandbox == frozenset()
    assert settings.public_origin == "https://otto.example.com"
    assert settings.stream_url == "wss://otto.example.com/media/stream"
    assert settings.database.url.get_secret_value().startswith("postgresql+asyncpg://user:")


@pytest.mark.parametrize("missing", sorted(LIVE))
def test_half_a_configuration_never_falls_back(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    _set(monkeypatch, {name: value for name, value in LIVE.items() if name != missing})
    assert f"{missing} is missing" in _faults()


def test_an_empty_value_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, LIVE | {"REDIS_URL": ""})
    assert "REDIS_URL is missing" in _faults()


def test_named_vendors_are_played_and_the_others_live(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"OPENAI_API_KEY": "openai-secret"})
    _set(monkeypatch, {"OTTO_SANDBOX": "twilio, deepgram,google,postgres,redis"})
    settings = load_settings(ENDPOINTS)
    assert Vendor.OPENAI not in settings.sandbox
    assert settings.openai.api_key.get_secret_value() == "openai-secret"
    assert settings.openai.base_url == "https://api.openai.com/v1"
    assert settings.deepgram.url == ENDPOINTS.deepgram_url


def test_a_key_for_a_vendor_that_is_played_is_a_contradiction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _set(monkeypatch, {"OTTO_SANDBOX": "all", "DEEPGRAM_API_KEY": "deepgram-secret"})
    told = _faults()
    assert "DEEPGRAM_API_KEY is set, but OTTO_SANDBOX says the sandbox plays deepgram" in told
    assert "deepgram-secret" not in told


def test_sandbox_none_wants_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"OTTO_SANDBOX": "none"})
    assert _faults().count("is missing") == len(LIVE)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OTTO_SANDBOX", "twillio", "OTTO_SANDBOX"),
        ("OTTO_PUBLIC_ORIGIN", "http://otto.example.com", "OTTO_PUBLIC_ORIGIN must be https"),
        ("OTTO_PUBLIC_ORIGIN", "otto.example.com", "OTTO_PUBLIC_ORIGIN: must be a scheme"),
        ("OTTO_PORT", "99999", "OTTO_PORT"),
        ("DEEPGRAM_ENDPOINTING_MS", "soon", "DEEPGRAM_ENDPOINTING_MS"),
        ("OTTO_CALL_AUDIO_CHUNK_MS", "1", "OTTO_CALL_AUDIO_CHUNK_MS"),
        ("OTTO_POOL_SUB_ACTORS", "threads", "OTTO_POOL_SUB_ACTORS"),
    ],
)
def test_a_bad_value_names_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    _set(monkeypatch, {name: value})
    faults = _faults()
    assert faults.startswith(told)
    assert len(faults.splitlines()) == 1


def test_the_env_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("OTTO_PORT=8100\nOTTO_CALL_NO_INPUT_S=5\nREDIS_TIMEOUT_S=0.5\n")
    _set(monkeypatch, {"OTTO_PORT": "8200"})
    settings = read_settings()
    assert (settings.port, settings.call.no_input_s, settings.redis.timeout_s) == (8200, 5.0, 0.5)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, LIVE)
    assert "secret@" not in repr(read_settings()) and "-secret" not in repr(read_settings())


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
