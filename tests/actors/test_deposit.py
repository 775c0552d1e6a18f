"""An actor that others look up by name is started with a key, not with its secrets."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydantic import SecretStr

from actors.runtime import deposit as module
from actors.runtime.deposit import Deposit, collected, deposit
from config.roles import Role
from config.settings import DatabaseSettings, RedisSettings, Settings


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, bytes]:
    """What Ray's head keeps."""
    kept: dict[bytes, bytes] = {}

    def put(key: bytes, value: bytes, *, namespace: bytes) -> None:
        kept[namespace + key] = value

    def get(key: bytes, *, namespace: bytes) -> Any:
        return kept.get(namespace + key)

    monkeypatch.setattr(module, "_internal_kv_put", put)
    monkeypatch.setattr(module, "_internal_kv_get", get)
    return kept


SETTINGS = Settings(
    database=DatabaseSettings(url=SecretStr("postgresql://u:of-the-database@localhost/o")),
    redis=RedisSettings(url=SecretStr("redis://:of-redis@localhost")),
)


def test_what_travels_with_the_actor_holds_no_secret(store: dict[bytes, bytes]) -> None:
    travels = pickle.dumps(deposit(Role.CRM, SETTINGS))
    assert b"of-the-database" not in travels and b"of-redis" not in travels


def test_it_collects_what_its_role_needs_as_often_as_it_starts(store: dict[bytes, bytes]) -> None:
    kept = deposit(Role.SWITCHBOARD, SETTINGS)
    for _ in range(2):
        settings = collected(kept)
        assert settings.redis.url.get_secret_value() == "redis://:of-redis@localhost"
        assert not settings.database.url.get_secret_value()
    assert not any(b"of-the-database" in value for value in store.values())


def test_a_later_start_does_not_change_what_an_actor_was_given(store: dict[bytes, bytes]) -> None:
    first = deposit(Role.CRM, SETTINGS)
    deposit(Role.CRM, SETTINGS.model_copy(update={"redis": RedisSettings()}))
    assert collected(first).redis.url.get_secret_value() == "redis://:of-redis@localhost"


def test_settings_that_are_gone_are_said(store: dict[bytes, bytes]) -> None:
    with pytest.raises(LookupError, match="bring the actors up again"):
        collected(Deposit("settings:crm:nobody"))


def test_settings_themselves_are_taken_as_they_are() -> None:
    assert collected(SETTINGS) is SETTINGS
