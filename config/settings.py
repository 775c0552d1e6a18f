"""One typed `Settings`, read once at start and handed to every actor.

Each vendor is either *live* (all its settings are given) or played by the *sandbox*. Which, is
never guessed from half a configuration: with no vendor setting at all, the sandbox plays all of
them; with any, every vendor must be complete unless `OTTO_SANDBOX` names it. The error names the
setting that is missing, because the reader is an operator with a terminal, not a stack trace.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ENV_FILE = ".env"
STATE_DIR = Path(".otto")
"""Where the embedded stack keeps its data, logs and addresses, below the working directory."""


class SettingsError(Exception):
    """The configuration cannot be used. The message is one line per fault, for a person."""


class Vendor(StrEnum):
    """Everything outside that Otto talks to."""

    TWILIO = "twilio"
    DEEPGRAM = "deepgram"
    OPENAI = "openai"
    GOOGLE = "google"
    POSTGRES = "postgres"
    REDIS = "redis"


class SandboxEndpoints(BaseModel):
    """Where the sandbox listens: the JSON line that `python -m sandbox` prints when it is ready."""

    pid: int
    http: str
    """Control: faults, calls, messages, e.g. http://127.0.0.1:9100"""
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


class _Group(BaseSettings):
    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)


class TwilioSettings(_Group):
    """Twilio's account and the public address it reaches us at."""

    model_config = SettingsConfigDict(env_prefix="TWILIO_")

    account_sid: str = ""
    auth_token: SecretStr = SecretStr("")
    phone_number: str = ""
    """The number Otto answers and calls from, E.164."""
    api_url: str = ""
    """Set only to reach something other than Twilio's own API host."""


class DeepgramSettings(_Group):
    """Deepgram, both ways. Milliseconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="DEEPGRAM_")

    api_key: SecretStr = SecretStr("")
    url: str = "wss://api.deepgram.com"
    listen_model: str = "nova-2-phonecall"
    language: str = "en-US"
    endpointing_ms: int = Field(300, ge=10, le=5000)
    utterance_end_ms: int = Field(1000, ge=1000, le=5000)
    keywords: list[str] = []
    """Words to listen for harder, `word:boost`; Nova-2 only."""
    keep_alive_s: float = Field(4.0, gt=0, lt=10)
    """Ten seconds with neither audio nor KeepAlive close the socket."""
    speak_model: str = "aura-2-thalia-en"
    flushes_per_minute: int = Field(18, ge=1, le=20)
    """Deepgram warns above 20 Flush messages in 60 s; we stay below."""
    connect_timeout_s: float = Field(5.0, gt=0)
    first_audio_timeout_s: float = Field(3.0, gt=0)
    fallback_url: str = ""
    """Where to turn when the other does not answer; empty: the same address."""
    fallback_api_key: SecretStr = SecretStr("")
    """Empty: the same key."""
    fallback_listen_model: str = ""
    fallback_speak_model: str = ""
    """With none of URL and model there is no fallback; a model alone is one at the same URL."""

    @property
    def has_listen_fallback(self) -> bool:
        """Whether there is a second recogniser."""
        return bool(self.fallback_url or self.fallback_listen_model)

    @property
    def has_speak_fallback(self) -> bool:
        """Whether there is a second voice."""
        return bool(self.fallback_url or self.fallback_speak_model)

    def as_fallback(self) -> DeepgramSettings:
        """These settings as the fallback's."""
        return self.model_copy(
            update={
                "url": self.fallback_url or self.url,
                "api_key": self.fallback_api_key
                if self.fallback_api_key.get_secret_value()
                else self.api_key,
                "listen_model": self.fallback_listen_model or self.listen_model,
                "speak_model": self.fallback_speak_model or self.speak_model,
            }
        )


class OpenAISettings(_Group):
    """The language model: OpenAI, or any server with its chat completions API."""

    model_config = SettingsConfigDict(env_prefix="OPENAI_")

    api_key: SecretStr = SecretStr("")
    base_url: str = "https://api.openai.com/v1"
    model: str = "gpt-4o"
    temperature: float | None = None
    """Not sent when unset: some models refuse it."""
    reasoning_effort: str | None = None
    max_completion_tokens: int | None = 600
    first_token_timeout_s: float = Field(6.0, gt=0)
    """All attempts together. With a fallback to ask, the first gets half of it."""
    between_tokens_timeout_s: float = Field(3.0, gt=0)
    connect_timeout_s: float = Field(3.0, gt=0)
    max_retries: int = Field(1, ge=0, le=2)
    fallback_model: str = ""
    fallback_base_url: str = ""
    fallback_api_key: SecretStr = SecretStr("")
    """What is empty is as above; with neither model nor URL there is no fallback."""

    @property
    def has_fallback(self) -> bool:
        """Whether there is a second model."""
        return bool(self.fallback_model or self.fallback_base_url)

    def as_fallback(self) -> OpenAISettings:
        """These settings as the fallback's."""
        return self.model_copy(
            update={
                "model": self.fallback_model or self.model,
                "base_url": self.fallback_base_url or self.base_url,
                "api_key": self.fallback_api_key
                if self.fallback_api_key.get_secret_value()
                else self.api_key,
            }
        )


class GoogleSettings(_Group):
    """Google Calendar: an OAuth refresh token of the account that owns the bays' calendars."""

    model_config = SettingsConfigDict(env_prefix="GOOGLE_")

    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    refresh_token: SecretStr = SecretStr("")
    calendar_url: str = ""
    """Set only to reach something other than Google's own API host."""
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105  an address, not a secret
    timeout_s: float = Field(10.0, gt=0)


class DatabaseSettings(_Group):
    """PostgreSQL over asyncpg."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_")

    url: SecretStr = SecretStr("")
    pooled: bool = False
    """True behind PgBouncer (Neon's pooled host): prepared statements are then not cached."""
    pool_size: int = Field(5, ge=1)
    command_timeout_s: float = Field(5.0, gt=0)
    connect_timeout_s: float = Field(15.0, gt=0)
    """Long enough for a Neon compute that has gone to sleep."""

    @field_validator("url")
    @classmethod
    def _use_asyncpg(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        for scheme in ("postgres://", "postgresql://"):
            if url.startswith(scheme):
                return SecretStr("postgresql+asyncpg://" + url.removeprefix(scheme))
        return value


class RedisSettings(_Group):
    """Redis or Valkey."""

    model_config = SettingsConfigDict(env_prefix="REDIS_")

    url: SecretStr = SecretStr("")
    timeout_s: float = Field(1.0, gt=0)
    """No call waits longer than this for its session to be written."""
    session_ttl_s: int = Field(3600, ge=60)
    customer_ttl_s: int = Field(300, ge=1)


class CallSettings(_Group):
    """How a call is held."""

    model_config = SettingsConfigDict(env_prefix="OTTO_CALL_")

    audio_chunk_ms: int = Field(400, ge=20, le=2000)
    """Size of an audio chunk to Twilio; a mark follows each, so it bounds how well we know what
    was heard."""
    barge_in_words: int = Field(2, ge=1)
    """Interim words needed to interrupt Otto, unless one of them is an immediate word."""
    false_interruption_s: float = Field(1.2, gt=0)
    """Otto was stopped, and nothing that means anything has followed for so long: it goes on."""
    unfinished_hold_s: float = Field(1.2, ge=0)
    """How long Otto waits, after the recogniser's pause, for the rest of "on Tuesday and…"."""
    dictation_hold_s: float = Field(2.2, ge=0)
    """The same while a number, a date or a spelling is being dictated."""
    longest_hold_s: float = Field(6.0, gt=0)
    """No turn is held longer than this after its last word, whatever noise follows."""
    keypad_timeout_s: float = Field(3.0, gt=0)
    """Keyed digits are complete when no other follows for so long, or with `#`."""
    no_input_s: float = Field(8.0, gt=0)
    no_input_prompts: int = Field(2, ge=0)
    on_recogniser_lost: Literal["transfer", "keypad"] = "transfer"
    """When the recogniser is lost for good: connect the caller with the desk after an apology,
    or go on by keypad, where one key connects them."""
    max_duration_s: float = Field(1200.0, gt=0)
    limit_warning_s: float = Field(60.0, ge=0)
    """How long before `max_duration_s` the caller is told; 0: not at all."""
    limit_grace_s: float = Field(20.0, gt=0)
    """After `max_duration_s` Otto says so and ends; so long after it the line is given up even
    if somebody is talking."""
    stalled_s: float = Field(20.0, gt=0)
    """An answer with no sign of life for so long is given up: better a person than silence."""
    speculate: bool = False
    """Begin an answer when the caller's turn is likely, but not certain, to be over."""
    max_tool_rounds: int = Field(6, ge=1)
    model_filler_s: float = Field(3.0, gt=0)
    """With no word of an answer so long after the caller's turn, Otto says "one moment"."""
    tool_filler_s: float = Field(1.5, gt=0)
    tool_timeout_s: float = Field(10.0, gt=0)
    verification_attempts: int = Field(3, ge=1)
    stream_start_timeout_s: float = Field(5.0, gt=0)
    token_ttl_s: float = Field(60.0, gt=0)
    """How long a reserved call actor waits for Twilio to open the stream."""


class PoolSettings(_Group):
    """The warm call actors of a node."""

    model_config = SettingsConfigDict(env_prefix="OTTO_POOL_")

    size: int = Field(2, ge=1)
    resume_reserve: int = Field(1, ge=0)
    """Call actors beyond `size`, for calls that have lost theirs."""
    spares: int = Field(1, ge=0)
    """Warm workers of each kind (ears, mind, voice) beyond those of the call actors, for calls
    that have lost one; with inline workers there are none."""
    max_lag_ms: float = Field(400.0, gt=0)
    """While a process of the node is later than this, no new call is taken."""
    calls_per_actor: int = Field(200, ge=1)
    """An actor retires after this many calls, so that nothing can accumulate in it for ever."""
    sub_actors: Literal["ray", "inline"] = "ray"


class Settings(BaseSettings):
    """All of it. Build it with `load_settings`, which turns faults into one clear message."""

    model_config = SettingsConfigDict(env_prefix="OTTO_", extra="ignore", env_ignore_empty=True)

    sandbox: Annotated[frozenset[Vendor], NoDecode] = frozenset()
    """The vendors the sandbox plays. Unset: all when no vendor is configured, otherwise none."""
    public_origin: str = ""
    """Where Twilio reaches us, scheme and host, e.g. https://otto.example.com. Signatures are
    checked against it, never against the Host header."""
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    dashboard_port: int = Field(8265, ge=1, le=65535)
    location: str = ""
    """Which location of the dealership's file this line belongs to; empty: the first."""
    dealership_file: Path = Path(__file__).with_name("dealership.yaml")
    journal_dir: Path = Field(STATE_DIR / "kept", validate_default=True)
    """Where callbacks and records of calls wait on disk while PostgreSQL is away; made absolute.
    It must outlive the process: on a cluster, a volume of the node."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    link_host: str = "127.0.0.1"
    """Where the media link listens; the node's private address in a cluster of several."""
    voice_replicas: int = Field(2, ge=1)
    """Processes that answer webhooks. Twilio does not repeat one that failed: while a single
    process is replaced, callers hear an error."""
    media_replicas: int = Field(2, ge=1)
    """Processes that hold media streams. The calls of one that dies come back at once through
    another; if it was the only one, after seconds."""
    drain_s: float = Field(120.0, ge=0)
    """How long calls in progress may go on once the end has been asked for."""

    twilio: TwilioSettings = Field(default_factory=TwilioSettings)
    deepgram: DeepgramSettings = Field(default_factory=DeepgramSettings)
    openai: OpenAISettings = Field(default_factory=OpenAISettings)
    google: GoogleSettings = Field(default_factory=GoogleSettings)
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    call: CallSettings = Field(default_factory=CallSettings)
    pool: PoolSettings = Field(default_factory=PoolSettings)

    @field_validator("sandbox", mode="before")
    @classmethod
    def _split_sandbox(cls, value: Any) -> Any:
        if isinstance(value, str):
            names = [name.strip().lower() for name in value.split(",") if name.strip()]
            if names == ["all"]:
                return frozenset(Vendor)
            return frozenset() if names == ["none"] else frozenset(names)
        return value

    @field_validator("journal_dir")
    @classmethod
    def _make_absolute(cls, value: Path) -> Path:
        return value.absolute()

    @field_validator("public_origin")
    @classmethod
    def _check_origin(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
            raise ValueError("must be a scheme and a host, like https://otto.example.com")
        return f"{parts.scheme}://{parts.netloc}"

    @model_validator(mode="after")
    def _plain_http_only_at_home(self) -> Self:
        parts = urlsplit(self.public_origin)
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("OTTO_PUBLIC_ORIGIN must be https: Twilio streams over wss only")
        return self

    @property
    def stream_url(self) -> str:
        """The public WebSocket address of the media ingress."""
        return "ws" + self.public_origin.removeprefix("http") + "/media/stream"


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

_GROUP_OF = {
    Vendor.TWILIO: "twilio",
    Vendor.DEEPGRAM: "deepgram",
    Vendor.OPENAI: "openai",
    Vendor.GOOGLE: "google",
    Vendor.POSTGRES: "database",
    Vendor.REDIS: "redis",
}


def load_settings(endpoints: SandboxEndpoints | None = None, **overrides: Any) -> Settings:
    """Read the environment and `.env`, decide who is live, and fill in the sandbox's addresses.

    `endpoints` are the running sandbox's; without them, those it left in the state folder are
    used. Raises `SettingsError` with one line per fault.
    """
    settings = read_settings(**overrides)
    if not settings.sandbox:
        return settings
    found = endpoints or read_endpoints()
    if found is None:
        names = ", ".join(sorted(settings.sandbox))
        raise SettingsError(f"the sandbox (for {names}) is not running: start it with `otto up`")
    return with_sandbox(settings, found)


def read_settings(**overrides: Any) -> Settings:
    """The settings as given, checked for completeness, before any sandbox address is known."""
    env_file = Path(ENV_FILE) if Path(ENV_FILE).is_file() else None
    groups: dict[str, type[_Group]] = {
        "twilio": TwilioSettings,
        "deepgram": DeepgramSettings,
        "openai": OpenAISettings,
        "google": GoogleSettings,
        "database": DatabaseSettings,
        "redis": RedisSettings,
        "call": CallSettings,
        "pool": PoolSettings,
    }
    faults: list[str] = []
    values: dict[str, Any] = {}
    for name, group in groups.items():
        given = overrides.pop(name, {})
        try:
            values[name] = group(_env_file=env_file, **given)
        except ValidationError as error:
            faults += _explain(error, group.model_config.get("env_prefix", ""))
    if faults:
        raise SettingsError("\n".join(faults))
    try:
        settings = Settings(_env_file=env_file, **values, **overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(error, "OTTO_"))) from None

    configured = {vendor for vendor in Vendor if any(_given(settings, vendor).values())}
    if "sandbox" not in settings.model_fields_set and not configured:
        settings = settings.model_copy(update={"sandbox": frozenset(Vendor)})
    for vendor in Vendor:
        given_here = _given(settings, vendor)
        if vendor in settings.sandbox:
            faults += [
                f"{name} is set, but OTTO_SANDBOX says the sandbox plays {vendor}: remove one"
                for name, is_given in given_here.items()
                if is_given
            ]
        else:
            faults += [
                f"{name} is missing" for name, is_given in given_here.items() if not is_given
            ]
    if Vendor.TWILIO not in settings.sandbox and not settings.public_origin:
        faults.append("OTTO_PUBLIC_ORIGIN is missing: the https address Twilio reaches Otto at")
    if faults:
        hint = "set them, or name the vendors the sandbox shall play in OTTO_SANDBOX"
        raise SettingsError("\n".join([*faults, hint]))
    if not settings.public_origin:
        origin = f"http://127.0.0.1:{settings.port}"
        settings = settings.model_copy(update={"public_origin": origin})
    return settings


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
            "calendar_url": endpoints.google_calendar_url,
            "token_url": endpoints.google_token_url,
        },
        Vendor.POSTGRES: {"url": SecretStr(endpoints.database_url)},
        Vendor.REDIS: {"url": SecretStr(endpoints.redis_url)},
    }
    groups = {
        _GROUP_OF[vendor]: getattr(settings, _GROUP_OF[vendor]).model_copy(update=filled[vendor])
        for vendor in settings.sandbox
    }
    return settings.model_copy(update=groups)


def read_endpoints(state_dir: Path = STATE_DIR) -> SandboxEndpoints | None:
    """The addresses a running sandbox left in the state folder, or None."""
    try:
        return SandboxEndpoints.model_validate(
            json.loads((state_dir / "sandbox.json").read_text(encoding="utf-8"))
        )
    except (OSError, ValueError):
        return None


def _given(settings: Settings, vendor: Vendor) -> dict[str, bool]:
    group = getattr(settings, _GROUP_OF[vendor])
    found = {}
    for attribute, name in _REQUIRED[vendor]:
        value = getattr(group, attribute)
        found[name] = bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
    return found


def _explain(error: ValidationError, prefix: str) -> list[str]:
    """One line a fault, with the setting's name and without its value, which may be a secret."""
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        where = "__".join(str(part) for part in fault["loc"])
        name = f"{prefix}{where}".upper() if where else prefix.rstrip("_") or "settings"
        message = fault["msg"].removeprefix("Value error, ")
        lines.append(message if message.startswith(("OTTO_", name)) else f"{name}: {message}")
    return lines
