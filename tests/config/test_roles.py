"""Every process is given the secrets it needs, and no others: a table says which."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest
from pydantic import SecretStr

from config.environment import without
from config.loading import GROUPS, secret_names
from config.roles import OPERATORS_ALONE, SECRETS_OF, Role, secrets_in, settings_for
from config.settings import Settings

LOWER = "database_url"
NAMES = sorted(name for name, _ in secrets_in(Settings()))


def _full() -> Settings:
    """Settings in which every secret is its own name."""
    settings = Settings()
    for name in NAMES:
        group, _, field = name.partition(".")
        changed = getattr(settings, group).model_copy(update={field: SecretStr(f"secret:{name}")})
        settings = settings.model_copy(update={group: changed})
    return settings


ROWS = {
    Role.INGRESS: {"twilio.auth_token", "twilio.auth_token_secondary"},
    Role.SWITCHBOARD: {
        "deepgram.api_key", "deepgram.fallback_api_key", "openai.api_key",
        "openai.fallback_api_key", "redis.url",
    },
    Role.CALL: {
        "deepgram.api_key", "deepgram.fallback_api_key", "openai.api_key",
        "openai.fallback_api_key", "redis.url",
    },
    Role.CALENDAR: {
        "database.url", "google.client_secret", "google.refresh_token",
        "google.service_account_key", "twilio.auth_token",
    },
    Role.CRM: {"database.url", "redis.url"},
}  # fmt: skip


@pytest.mark.parametrize("role", Role)
def test_a_process_holds_what_its_row_says_and_nothing_else(role: Role) -> None:
    given = settings_for(role, _full())
    held = {name for name, value in secrets_in(given) if value.get_secret_value()}
    assert held == ROWS[role] == SECRETS_OF[role]
    travelled = pickle.dumps(given)
    for name in NAMES:
        assert (f"secret:{name}".encode() in travelled) is (name in held)


@pytest.mark.parametrize("role", Role)
def test_what_is_no_secret_stays(role: Role) -> None:
    full, given = _full().model_dump(), settings_for(role, _full()).model_dump()
    for name in NAMES:
        group, _, field = name.partition(".")
        full[group].pop(field), given[group].pop(field)
    assert given == full


def test_the_settings_themselves_are_left_alone() -> None:
    full = _full()
    settings_for(Role.INGRESS, full)
    assert all(value.get_secret_value() for _, value in secrets_in(full))


def test_the_table_names_secrets_that_there_are_and_misses_none() -> None:
    handed_out = set().union(*SECRETS_OF.values())
    assert handed_out | OPERATORS_ALONE == set(NAMES)
    assert not handed_out & OPERATORS_ALONE
    assert set(SECRETS_OF) == set(Role)


def test_every_secret_setting_is_kept_from_processes_that_inherit() -> None:
    expected = set()
    for name in NAMES:
        group, _, field = name.partition(".")
        expected.add(f"{GROUPS[group].model_config['env_prefix']}{field}".upper())
    assert secret_names() == expected
    assert {"DATABASE_URL", "OPENAI_API_KEY", "TWILIO_AUTH_TOKEN_SECONDARY"} <= expected


def test_every_group_of_settings_is_read() -> None:
    settings = Settings.model_fields.items()
    assert set(GROUPS) == {n for n, field in settings if hasattr(field.annotation, "model_fields")}


def test_processes_started_meanwhile_inherit_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k1")
    monkeypatch.setenv(LOWER, "k2")
    monkeypatch.setenv("OPENAI_MODEL", "kept")
    with without(secret_names()):
        said = subprocess.run(
            [sys.executable, "-c", "import os; print(dict(os.environ))"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    assert "k1" not in said and "k2" not in said and "kept" in said
    assert (os.environ["OPENAI_API_KEY"], os.environ[LOWER]) == ("k1", "k2")


def test_the_environment_comes_back_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "k3")
    with pytest.raises(OSError, match="no"), without(secret_names()):
        raise OSError("no")
    assert os.environ["REDIS_URL"] == "k3"
