"""Reads the settings and decides which vendors are live.

Each vendor is either *live* (all its settings are given) or played by the *sandbox*. Which, is
never guessed from half a configuration: with no vendor setting at all, the sandbox plays all of
them; with any, every vendor must be complete unless `OTTO_SANDBOX` names it. The error names the
setting that is missing, because the reader is an operator with a terminal, not a stack trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr, ValidationError

from config.addresses import faults_of
from config.environment import SettingsGroup, env_file, explain, names_given
from config.google_sign_in import signed_in
from config.renamed import old_names
from config.settings import (
    CallSettings,
    DatabaseSettings,
    DeepgramSettings,
    GoogleSettings,
    LimitSettings,
    LinkSettings,
    OpenAISettings,
    PoolSettings,
    RedisSettings,
    RetentionSettings,
    Settings,
    SettingsError,
    TwilioSettings,
    Vendor,
)

GROUPS: dict[str, type[SettingsGroup]] = {
    "twilio": TwilioSettings,
    "deepgram": DeepgramSettings,
    "openai": OpenAISettings,
    "google": GoogleSettings,
    "database": DatabaseSettings,
    "redis": RedisSettings,
    "call": CallSettings,
    "pool": PoolSettings,
    "limits": LimitSettings,
    "link": LinkSettings,
    "retention": RetentionSettings,
}

TOKEN_LENGTH = 32
"""Of Twilio's auth tokens."""

# What makes a vendor complete: (attribute, setting's name). All empty: not configured.
_REQUIRED: dict[Vendor, tuple[tuple[str, str], ...]] = {
    Vendor.TWILIO: (
        ("account_sid", "TWILIO_ACCOUNT_SID"),
        ("auth_token", "TWILIO_AUTH_TOKEN"),
        ("phone_number", "TWILIO_PHONE_NUMBER"),
    ),
    Vendor.DEEPGRAM: (("api_key", "DEEPGRAM_API_KEY"),),
    Vendor.OPENAI: (("api_key", "OPENAI_API_KEY"),),
    Vendor.GOOGLE: (
        ("client_id", "GOOGLE_CLIENT_ID"),
        ("client_secret", "GOOGLE_CLIENT_SECRET"),
        ("refresh_token", "GOOGLE_REFRESH_TOKEN"),
    ),
    Vendor.POSTGRES: (("url", "DATABASE_URL"),),
    Vendor.REDIS: (("url", "REDIS_URL"),),
}

_HELP = {"GOOGLE_REFRESH_TOKEN": ": `otto calendar login` gets one"}
_SERVICE_ACCOUNT = "GOOGLE_SERVICE_ACCOUNT_FILE"
"""Makes Google complete by itself."""

_GROUP_OF = {
    Vendor.TWILIO: "twilio",
    Vendor.DEEPGRAM: "deepgram",
    Vendor.OPENAI: "openai",
    Vendor.GOOGLE: "google",
    Vendor.POSTGRES: "database",
    Vendor.REDIS: "redis",
}


def read_settings(**overrides: Any) -> Settings:
    """The settings as given, checked for completeness, before any sandbox address is known.

    Raises `SettingsError` with one line per fault.
    """
    settings = _read(overrides)
    google, sign_in_faults = signed_in(settings.google)
    settings = settings.model_copy(update={"google": google})
    configured = any(any(_given(settings, vendor).values()) for vendor in Vendor)
    if "sandbox" not in settings.model_fields_set and not configured:
        settings = settings.model_copy(update={"sandbox": frozenset(Vendor)})
    faults = _incomplete(settings)
    if Vendor.GOOGLE not in settings.sandbox:
        faults += sign_in_faults
    if faults:
        faults.append("set them, or name the vendors the sandbox shall play in OTTO_SANDBOX")
    faults += _guessable(settings) + _unclocked(settings) + faults_of(settings)
    if faults:
        raise SettingsError("\n".join(faults))
    if not settings.public_origin:
        origin = f"http://127.0.0.1:{settings.port}"
        settings = settings.model_copy(update={"public_origin": origin})
    return settings


def read_group(name: str) -> SettingsGroup:
    """One group of settings by itself, where the others need not be complete. Raises
    `SettingsError`."""
    group = GROUPS[name]
    try:
        return group(_env_file=env_file())
    except ValidationError as error:
        raise SettingsError(
            "\n".join(explain(error, group.model_config.get("env_prefix", "")))
        ) from None


def with_vendors(settings: Settings, values: Mapping[Vendor, Mapping[str, Any]]) -> Settings:
    """`settings` with these values for the vendors that the sandbox plays."""
    groups = {
        _GROUP_OF[vendor]: getattr(settings, _GROUP_OF[vendor]).model_copy(update=values[vendor])
        for vendor in settings.sandbox
    }
    return settings.model_copy(update=groups)


def secret_names() -> frozenset[str]:
    """The environment variables that hold secrets."""
    return frozenset(
        f"{group.model_config.get('env_prefix', '')}{name}".upper()
        for group in GROUPS.values()
        for name, field in group.model_fields.items()
        if field.annotation is SecretStr
    )


def _read(overrides: dict[str, Any]) -> Settings:
    """What the environment and `.env` say, each value checked by itself."""
    file = env_file()
    faults = old_names(names_given())
    values: dict[str, Any] = {}
    for name, group in GROUPS.items():
        given = overrides.pop(name, {})
        try:
            values[name] = group(_env_file=file, **given)
        except ValidationError as error:
            faults += explain(error, group.model_config.get("env_prefix", ""))
    if faults:
        raise SettingsError("\n".join(faults))
    try:
        return Settings(_env_file=file, **values, **overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(explain(error, "OTTO_"))) from None


def _incomplete(settings: Settings) -> list[str]:
    """A sentence for each setting that is missing, or contradicts `OTTO_SANDBOX`."""
    faults: list[str] = []
    for vendor in Vendor:
        given = _given(settings, vendor)
        if vendor in settings.sandbox:
            faults += [
                f"{name} is set, but OTTO_SANDBOX says the sandbox plays {vendor}: remove one"
                for name, is_given in given.items()
                if is_given
            ]
        else:
            faults += [
                f"{name} is missing{_HELP.get(name, '')}"
                for name, is_given in given.items()
                if not is_given
            ]
    if Vendor.TWILIO not in settings.sandbox and not settings.public_origin:
        faults.append("OTTO_PUBLIC_ORIGIN is missing: the https address Twilio reaches Otto at")
    return faults


def _guessable(settings: Settings) -> list[str]:
    """A sentence for each of Twilio's tokens that cannot be one: whoever guesses it signs for
    Twilio. A token is 32 hexadecimal digits; what documentation shows in its place is not."""
    if Vendor.TWILIO in settings.sandbox:
        return []
    twilio = settings.twilio
    named = (
        ("TWILIO_AUTH_TOKEN", twilio.auth_token.get_secret_value()),
        ("TWILIO_AUTH_TOKEN_SECONDARY", twilio.auth_token_secondary.get_secret_value()),
    )
    return [
        f"{name} is not a token of Twilio's: copy the 32 characters from Twilio's console"
        for name, token in named
        if token and not _is_token(token)
    ]


def _unclocked(settings: Settings) -> list[str]:
    """A sentence when the clock is pinned and somebody real would not follow it."""
    real = sorted(frozenset(Vendor) - settings.sandbox)
    if settings.clock is None or not real:
        return []
    return [
        f"OTTO_CLOCK is set, but {', '.join(real)} would go by the real time: remove it, or have"
        " the sandbox play every vendor (OTTO_SANDBOX=all)"
    ]


def _is_token(value: str) -> bool:
    """Long enough, of letters and digits, and not the same few again and again."""
    is_repeating = value in (value + value)[1:-1]
    return len(value) >= TOKEN_LENGTH and value.isascii() and value.isalnum() and not is_repeating


def _given(settings: Settings, vendor: Vendor) -> dict[str, bool]:
    group = getattr(settings, _GROUP_OF[vendor])
    if vendor is Vendor.GOOGLE and settings.google.has_service_account:
        return {_SERVICE_ACCOUNT: True}
    return {name: bool(getattr(group, attribute)) for attribute, name in _REQUIRED[vendor]}
