"""The vendors: what Otto must be told of each, and how it deals with it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from config.environment import STATE_DIR, SettingsGroup
from config.phone_numbers import checked_number


class Vendor(StrEnum):
    """Everything outside that Otto talks to."""

    TWILIO = "twilio"
    DEEPGRAM = "deepgram"
    OPENAI = "openai"
    GOOGLE = "google"
    POSTGRES = "postgres"
    REDIS = "redis"


class TwilioSettings(SettingsGroup):
    """Twilio's account and the public address it reaches us at."""

    model_config = SettingsConfigDict(env_prefix="TWILIO_")

    account_sid: str = ""
    auth_token: SecretStr = SecretStr("")
    """The one that Otto itself signs in with."""
    auth_token_secondary: SecretStr = SecretStr("")
    """What Twilio may sign with as well, while a token is being replaced."""
    phone_number: str = ""
    """The number Otto answers and calls from, E.164."""
    api_url: str = ""
    """Set only to reach something other than Twilio's own API host."""
    desk_ring_s: int = Field(25, ge=5, le=120)
    """How long the service desk's telephone rings before the caller comes back to Otto."""
    hold_music_url: str = ""
    """A short piece (ten to twenty seconds) that Twilio plays between two sentences to a caller who
    waits for the desk; empty: silence. An https address that Twilio can reach."""

    @field_validator("hold_music_url")
    @classmethod
    def _is_https(cls, value: str) -> str:
        if value and urlsplit(value).scheme != "https":
            raise ValueError("must be an https address")
        return value

    @field_validator("phone_number")
    @classmethod
    def _exists(cls, value: str) -> str:
        return checked_number(value) if value else value

    @property
    def signing_tokens(self) -> tuple[SecretStr, ...]:
        """The tokens that Twilio's signatures may be made with."""
        tokens = (self.auth_token, self.auth_token_secondary)
        return tuple(token for token in tokens if token.get_secret_value())


class DeepgramSettings(SettingsGroup):
    """Deepgram, both ways. Milliseconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="DEEPGRAM_")

    api_key: SecretStr = SecretStr("")
    url: str = "wss://api.deepgram.com"
    listen_model: str = "nova-2-phonecall"
    """`flux-…` is the recogniser that decides turns itself, with the settings that say so; the rest
    of those that begin with `endpointing` or `utterance` then mean nothing."""
    language: str = "en-US"
    endpointing_ms: int = Field(300, ge=10, le=5000)
    utterance_end_ms: int = Field(1000, ge=1000, le=5000)
    keywords: list[str] = []  # noqa: RUF012  pydantic copies it
    """Words to listen for harder, `word:boost`; Nova-2 only."""
    eot_threshold: float = Field(0.7, ge=0.5, le=1.0)
    """Flux: how sure it has to be that the caller's turn is over. Higher: it waits longer."""
    eager_eot_threshold: float = Field(0.5, ge=0, le=0.9)
    """Flux: the same for beginning an answer that nobody hears before the turn is over; 0: none."""
    eot_timeout_ms: int = Field(5000, ge=500, le=60_000)
    """Flux: after so much silence the turn is over, however it sounded."""
    keyterms: list[str] = []  # noqa: RUF012  pydantic copies it
    """Flux: words to listen for harder."""
    keep_alive_s: float = Field(4.0, gt=0, lt=10)
    """Ten seconds with neither audio nor KeepAlive close the socket."""
    speak_model: str = "aura-2-thalia-en"
    spanish_listen_model: str = "nova-2"
    """For calls in Spanish (`OTTO_CALL_SPANISH`): nova-2-phonecall knows English only."""
    spanish_language: str = "es"
    spanish_speak_model: str = "aura-2-celeste-es"
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

    @model_validator(mode="after")
    def _eager_is_earlier(self) -> DeepgramSettings:
        eager = self.eager_eot_threshold
        if eager and not 0.3 <= eager <= self.eot_threshold:
            raise ValueError(
                "DEEPGRAM_EAGER_EOT_THRESHOLD is 0, or between 0.3 and DEEPGRAM_EOT_THRESHOLD"
            )
        return self

    @property
    def is_flux(self) -> bool:
        """Whether the recogniser decides turns itself."""
        return self.listen_model.startswith("flux-")

    @property
    def has_listen_fallback(self) -> bool:
        """Whether there is a second recogniser."""
        return bool(self.fallback_url or self.fallback_listen_model)

    @property
    def has_speak_fallback(self) -> bool:
        """Whether there is a second voice."""
        return bool(self.fallback_url or self.fallback_speak_model)

    def in_spanish(self) -> DeepgramSettings:
        """These settings with the Spanish recogniser and voice, at the fallback's address too."""
        return self.model_copy(
            update={
                "listen_model": self.spanish_listen_model,
                "language": self.spanish_language,
                "keywords": [],
                "speak_model": self.spanish_speak_model,
                "fallback_listen_model": "",
                "fallback_speak_model": "",
            }
        )

    def as_fallback(self) -> DeepgramSettings:
        """These settings as the fallback's."""
        return self.model_copy(
            update={
                "url": self.fallback_url or self.url,
                "api_key": self.fallback_api_key or self.api_key,
                "listen_model": self.fallback_listen_model or self.listen_model,
                "speak_model": self.fallback_speak_model or self.speak_model,
            }
        )


class OpenAISettings(SettingsGroup):
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
    """All attempts together. The first gets half of it, while another one is to be had."""
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
                "api_key": self.fallback_api_key or self.api_key,
            }
        )


class GoogleSettings(SettingsGroup):
    """Google Calendar: who Otto is to it (an OAuth client with a person's consent, or a service
    account), and how it is reached."""

    model_config = SettingsConfigDict(env_prefix="GOOGLE_")

    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    refresh_token: SecretStr = SecretStr("")
    """Of the account that owns the bays' calendars. Empty: what `otto calendar login` left."""
    token_file: Path | None = Field(STATE_DIR / "google" / "token.json", validate_default=True)
    """Where `otto calendar login` leaves its token; made absolute. None once it is not needed."""
    service_account_file: Path | None = None
    """A service account's key, instead of a client: the calendars are shared with its address."""
    service_account_key: SecretStr = SecretStr("")
    """The same as the JSON itself, for platforms that keep secrets in the environment."""
    auth_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    """Where a person's browser is sent to consent."""
    calendar_url: str = ""
    """Set only to reach something other than Google's own API host."""
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105  an address, not a secret
    timeout_s: float = Field(10.0, gt=0)
    """Without a byte from Google for so long, a request has failed."""
    deadline_s: float = Field(20.0, gt=0)
    """A whole request, however slowly its answer comes in."""

    poll_s: float = Field(30.0, ge=1)
    """How often the calendars are read for what staff have done."""
    push: bool = True
    """Have Google say at once that a calendar has changed, where `OTTO_PUBLIC_ORIGIN` is https."""

    @property
    def has_service_account(self) -> bool:
        """Whether Otto is a service account to Google, not a person."""
        return bool(self.service_account_file or self.service_account_key.get_secret_value())

    @field_validator("token_file", "service_account_file")
    @classmethod
    def _make_absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.absolute()


class DatabaseSettings(SettingsGroup):
    """PostgreSQL over asyncpg."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_")

    url: SecretStr = SecretStr("")
    migration_url: SecretStr = SecretStr("")
    """With the role that owns the tables, past any pooler: for the `otto` command alone. Empty:
    the same as `url`."""
    pooled: bool = False
    """True behind PgBouncer (Neon's pooled host): prepared statements are then not cached."""
    pool_size: int = Field(5, ge=1)
    command_timeout_s: float = Field(5.0, gt=0)
    connect_timeout_s: float = Field(15.0, gt=0)
    """Long enough for a Neon compute that has gone to sleep."""

    @property
    def as_operator(self) -> DatabaseSettings:
        """These settings for what only an operator does: changing tables, restoring, erasing."""
        if not self.migration_url.get_secret_value():
            return self
        return self.model_copy(update={"url": self.migration_url, "pooled": False})

    @field_validator("url", "migration_url")
    @classmethod
    def _use_asyncpg(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        for scheme in ("postgres://", "postgresql://"):
            if url.startswith(scheme):
                return SecretStr("postgresql+asyncpg://" + url.removeprefix(scheme))
        return value


class RedisSettings(SettingsGroup):
    """Redis or Valkey."""

    model_config = SettingsConfigDict(env_prefix="REDIS_")

    url: SecretStr = SecretStr("")
    timeout_s: float = Field(1.0, gt=0)
    """No call waits longer than this for its session to be written."""
    session_ttl_s: int = Field(3600, ge=60)
    customer_ttl_s: int = Field(300, ge=1)
