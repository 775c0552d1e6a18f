"""Which secrets a process is given: those it needs, and no others.

Whoever breaks into a process has what it holds. The ingress, which strangers reach, can check
Twilio's signatures and nothing else; what a caller says is heard, thought about and spoken where
neither the database nor the calendar can be opened. What is no secret (addresses, limits) stays.

A recogniser, a language model and a synthesiser of their own are given one group of settings
(`actors/call/workers.py`); a call actor and its switchboard hold the keys of these three, since
they start them, or are them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, SecretStr

from config.settings import Settings


class Role(StrEnum):
    """Kinds of processes that are given the settings."""

    INGRESS = "ingress"
    SWITCHBOARD = "switchboard"
    CALL = "call"
    CALENDAR = "calendar"
    CRM = "crm"


_SPEECH_AND_MODEL = frozenset(
    {
        "deepgram.api_key",
        "deepgram.fallback_api_key",
        "openai.api_key",
        "openai.fallback_api_key",
    }
)
SECRETS_OF: Final[Mapping[Role, frozenset[str]]] = {
    Role.INGRESS: frozenset({"twilio.auth_token", "twilio.auth_token_secondary"}),
    Role.SWITCHBOARD: _SPEECH_AND_MODEL | {"redis.url"},
    Role.CALL: _SPEECH_AND_MODEL | {"redis.url"},
    Role.CALENDAR: frozenset(
        {
            "database.url",
            "google.client_secret",
            "google.refresh_token",
            "google.service_account_key",
            "twilio.auth_token",
        }
    ),
    Role.CRM: frozenset({"database.url", "redis.url"}),
}
"""A secret that is not listed is given to nobody."""
OPERATORS_ALONE: Final = frozenset({"database.migration_url"})
"""Secrets of the `otto` command, which hands them to no process."""


def settings_for(role: Role, settings: Settings) -> Settings:
    """`settings` with every secret empty that `role` does not need."""
    return _without(settings, SECRETS_OF[role])


def secrets_in(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, SecretStr]]:
    """Every secret setting, as (`group.field`, value)."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretStr):
            yield prefix + name, value
        elif isinstance(value, BaseModel):
            yield from secrets_in(value, f"{prefix}{name}.")


def _without(settings: Settings, kept: frozenset[str]) -> Settings:
    groups = {name.partition(".")[0] for name, _ in secrets_in(settings)}
    emptied = {
        group: getattr(settings, group).model_copy(
            update={
                name.partition(".")[2]: SecretStr("")
                for name, _ in secrets_in(settings)
                if name.startswith(f"{group}.") and name not in kept
            }
        )
        for group in groups
    }
    return settings.model_copy(update=emptied)
