"""Clear text and tokens that can be guessed stop the start, with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.hosts import is_loopback
from config.loading import read_settings
from config.settings import SettingsError
from tests.support.operator import LIVE, forget_settings, set_all


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_settings(monkeypatch, tmp_path)


def _faults(monkeypatch: pytest.MonkeyPatch, **changed: str) -> list[str]:
    set_all(monkeypatch, LIVE | changed)
    try:
        read_settings()
    except SettingsError as error:
        return str(error).splitlines()
    return []


IN_CLEAR = [
    ("redis", "REDIS_URL", "redis://:s@redis.internal:6379/0"),
    ("redis", "REDIS_URL", "redis://10.0.0.7"),
    ("redis", "REDIS_URL", "redis://127.0.0.1@redis.internal"),
    ("redis", "REDIS_URL", "redis:///0?host=redis.internal"),
    ("redis", "REDIS_URL", "\x01redis://redis.internal"),
    ("redis", "REDIS_URL", "redis://0.0.0.0"),
    ("redis", "REDIS_URL", "redis://redis.internal/?connection_class=SSLConnection"),
    ("postgres", "DATABASE_URL", "postgresql://u:p@db.internal/otto"),
    ("postgres", "DATABASE_URL", "postgresql://u:p@192.168.0.5/otto?sslmode=prefer"),
    ("postgres", "DATABASE_URL", "postgres://u:p@db.internal/otto?sslmode=allow"),
    ("postgres", "DATABASE_URL", "postgresql://u:p@db.internal/otto?sslmode=disable"),
    ("postgres", "DATABASE_URL", "postgresql://u:p@db.internal/otto?channel_binding=prefer"),
    ("postgres", "DATABASE_URL", "postgresql://u:p@127.0.0.1/otto?host=db.internal:5432"),
    ("postgres", "DATABASE_URL", "postgresql://u:p@/otto?host=/run/pg&host=db.internal"),
    ("postgres", "DATABASE_URL", "postgresql://u:p@localhost.internal/otto"),
    ("openai", "OPENAI_BASE_URL", "http://llm.internal/v1"),
    ("openai", "OPENAI_BASE_URL", "HTTP://10.1.2.3:8080/v1"),
    ("openai", "OPENAI_FALLBACK_BASE_URL", "http://localhost.evil.example/v1"),
    ("deepgram", "DEEPGRAM_URL", "ws://deepgram.internal"),
    ("deepgram", "DEEPGRAM_FALLBACK_URL", "ws://[fd00::1]:8080"),
    ("google", "GOOGLE_TOKEN_URL", "http://oauth.internal/token"),
    ("google", "GOOGLE_CALENDAR_URL", "http://calendar.internal/"),
    ("twilio", "TWILIO_API_URL", "http://twilio.internal"),
]


@pytest.mark.parametrize(("vendor", "name", "address"), IN_CLEAR)
def test_clear_text_to_elsewhere_stops_the_start_unless_it_is_allowed(
    monkeypatch: pytest.MonkeyPatch, vendor: str, name: str, address: str
) -> None:
    (fault,) = _faults(monkeypatch, **{name: address})
    assert fault.startswith(name)
    assert fault.endswith(f"or allow it with OTTO_ALLOW_CLEARTEXT={vendor}")
    assert ":p@" not in fault and ":s@" not in fault
    others = {"redis", "postgres", "openai", "deepgram", "google", "twilio"} - {vendor}
    for allowed, left in ((",".join(others), [fault]), (f"google, {vendor.upper()}", [])):
        changed = {name: address, "OTTO_ALLOW_CLEARTEXT": allowed}
        assert _faults(monkeypatch, **changed) == left


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("REDIS_URL", "redis://127.0.0.1:6379/0"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "unix:///run/redis.sock"),
        ("REDIS_URL", "rediss://redis.internal"),
        ("DATABASE_URL", "postgresql://u:p@localhost/otto"),
        ("DATABASE_URL", "postgresql://u:p@[::1]:5433/otto?sslmode=disable"),
        ("DATABASE_URL", "postgresql:///otto?host=/var/run/postgresql"),
        ("DATABASE_URL", "postgresql://u:p@db.internal/otto?sslmode=require"),
        ("DATABASE_URL", "postgresql://u:p@db.internal/otto?ssl=require"),
        ("DATABASE_URL", "postgresql://u:p@db.internal/otto?channel_binding=require"),
        ("DATABASE_URL", "postgresql://u:p@a,b/otto?sslmode=verify-full&sslrootcert=system"),
        ("OPENAI_BASE_URL", "http://127.9.9.9:8000/v1"),
        ("OPENAI_BASE_URL", "http://LOCALHOST./v1"),
        ("DEEPGRAM_URL", "ws://[::ffff:127.0.0.1]:9"),
        ("OPENAI_FALLBACK_BASE_URL", "https://llm.internal/v1"),
    ],
)
def test_what_stays_here_or_is_encrypted_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    assert _faults(monkeypatch, **{name: address}) == []


@pytest.mark.parametrize(
    ("name", "address", "told"),
    [
        ("OPENAI_BASE_URL", "llm.internal/v1", "must be an address like https://host"),
        ("OPENAI_BASE_URL", "https:///v1", "must be an address like https://host"),
        ("OPENAI_BASE_URL", "https://llm.internal:many/v1", "must be an address like"),
        ("OPENAI_BASE_URL", "http://llm.internal\\@127.0.0.1/v1", "must be an address like"),
        ("DEEPGRAM_URL", "https://api.deepgram.com", "must be an address like wss://host"),
        ("GOOGLE_TOKEN_URL", "ftp://127.0.0.1/", "must be an address like https://host"),
        ("REDIS_URL", "http://redis.internal", "must be an address like rediss://"),
        ("REDIS_URL", "redis://host:port", "must be an address like rediss://"),
        ("DATABASE_URL", "mysql://u:p@db.internal/otto", "must begin with postgresql://"),
        ("DATABASE_URL", "db.internal", "must be an address like postgresql://"),
        ("DATABASE_URL", "postgresql://u:p@h:port/otto", "must be an address like postgresql://"),
        ("DATABASE_URL", "postgresql://u:p@s@127.0.0.1/otto", "is written %40"),
        ("DATABASE_URL", "postgresql://u:p@h/o?sslmode=REQUIRE", "sslmode must be one of"),
        ("DATABASE_URL", "postgresql://u:p@h/o?channel_binding=yes", "channel_binding must be"),
        ("DATABASE_URL", "postgresql://u:p@h/o?sslmode=disable&sslmode=require", "given twice"),
        ("DATABASE_URL", "postgresql://h/o?sslmode=disable&channel_binding=require", "contradicts"),
        ("DATABASE_URL", "postgresql://h/o?sslmode=verify-ca&sslrootcert=/no", "/no is not there"),
        ("DATABASE_URL", "postgresql://h/o?sslmode=require&sslcert=/no", "/no is not there"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str, told: str
) -> None:
    (fault,) = _faults(monkeypatch, **{name: address, "OTTO_ALLOW_CLEARTEXT": "redis,postgres"})
    assert fault.startswith(name) and told in fault
    assert "p@" not in fault


@pytest.mark.parametrize("blank", [" ", "\t", "  \n"])
@pytest.mark.parametrize("name", sorted(set(LIVE)))
def test_what_is_blank_is_missing(monkeypatch: pytest.MonkeyPatch, name: str, blank: str) -> None:
    faults = _faults(monkeypatch, **{name: blank})
    assert faults[0].startswith(f"{name} is missing")


@pytest.mark.parametrize(
    "token",
    [
        "your_auth_token",
        "changeme",
        "12345",
        "x" * 32,
        "0123456789abcdef" * 2,
        "your_auth_token_from_the_console_",
        "[AuthToken]" * 3,
        "0f1e2d3c4b5a69788796a5b4c3d2e1f",
        "０f1e2d3c4b5a69788796a5b4c3d2e1f7",
    ],
)
@pytest.mark.parametrize("name", ["TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN_SECONDARY"])
def test_a_token_that_can_be_guessed_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, token: str
) -> None:
    (fault,) = _faults(monkeypatch, **{name: token})
    assert fault.startswith(f"{name} is not a token of Twilio's")
    assert token not in fault


def test_two_tokens_are_valid_while_one_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(
        monkeypatch, LIVE | {"TWILIO_AUTH_TOKEN_SECONDARY": "9" + "8a7b6c5d4e3f2" * 2 + "19283"}
    )
    twilio = read_settings().twilio
    assert [token.get_secret_value()[:3] for token in twilio.signing_tokens] == ["0f1", "98a"]


def test_white_space_around_a_value_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(
        monkeypatch,
        LIVE | {"OPENAI_API_KEY": " k1 \n", "OTTO_PUBLIC_ORIGIN": " https://o.example "},
    )
    settings = read_settings()
    assert settings.openai.api_key.get_secret_value() == "k1"
    assert settings.public_origin == "https://o.example"


@pytest.mark.parametrize("name", ["redis,valkey", "everything"])
def test_an_unknown_vendor_is_no_exception(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert _faults(monkeypatch, OTTO_ALLOW_CLEARTEXT=name)[0].startswith("OTTO_ALLOW_CLEARTEXT")


def test_vendors_that_the_sandbox_plays_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"OTTO_SANDBOX": "all", "DEEPGRAM_URL": "ws://elsewhere.example"})
    read_settings()


@given(st.text())
def test_only_this_machine_is_loopback(host: str) -> None:
    assert not is_loopback(host) or host.lower().strip("[]").startswith(
        ("127.", "::", "localhost", "0:")
    )


@given(st.ip_addresses())
def test_addresses_of_this_machine(address: object) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address
    assert is_loopback(str(address)) == mapped.is_loopback  # type: ignore[attr-defined]
