"""One typed `Settings`, read once at start and handed to every actor.

The groups it is composed of are defined beside it, and imported from here.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.calls import CallSettings, PoolSettings
from config.clock import PinnedClock
from config.environment import PROMPTS_DIR, STATE_DIR, SettingsError
from config.hosts import is_loopback
from config.limits import LimitSettings
from config.link import LinkSettings
from config.privacy import RetentionSettings
from config.vendors import (
    DatabaseSettings,
    DeepgramSettings,
    GoogleSettings,
    OpenAISettings,
    RedisSettings,
    TwilioSettings,
    Vendor,
)

__all__ = [
    "OWN_TABLE",
    "STATE_DIR",
    "CallSettings",
    "DatabaseSettings",
    "DeepgramSettings",
    "GoogleSettings",
    "LimitSettings",
    "LinkSettings",
    "LogLevel",
    "OpenAISettings",
    "PoolSettings",
    "RedisSettings",
    "RetentionSettings",
    "Settings",
    "SettingsError",
    "TwilioSettings",
    "Vendor",
]

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

OWN_TABLE = "table"
"""The dealer management system of a dealership that has none: a table of Otto's own."""


class Settings(BaseSettings):
    """All of it. `loading.read_settings` builds it, and turns faults into one clear message."""

    model_config = SettingsConfigDict(
        env_prefix="OTTO_", extra="ignore", env_ignore_empty=True, str_strip_whitespace=True
    )

    sandbox: Annotated[frozenset[Vendor], NoDecode] = frozenset()
    """The vendors the sandbox plays. Unset: all when no vendor is configured, otherwise none."""
    allow_cleartext: Annotated[frozenset[Vendor], NoDecode] = frozenset()
    """The vendors that may be reached in clear text elsewhere than on this machine."""
    public_origin: str = ""
    """Where Twilio reaches us, scheme and host, e.g. https://otto.example.com. Signatures are
    checked against it, never against the Host header."""
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    max_connections: int = Field(16_384, ge=256)
    """Connections that the front door holds at once, streams included; fewer where the system
    gives a process less than two descriptors for each (`ulimit -n`)."""
    trusted_proxies: str = "127.0.0.0/8,::1/128"
    """Networks of the load balancers in front, with commas: what they say in X-Forwarded-For is
    believed, and their own connections are not counted."""
    unlimited_sources: str = ""
    """Networks whose requests and connections are never limited, with commas."""
    dashboard_port: int = Field(8265, ge=1, le=65535)
    location: str = ""
    """Which location of the dealership's file this line belongs to; empty: the first."""
    dealership_file: Path = Path(__file__).with_name("dealership.yaml")
    prompts_dir: Path = PROMPTS_DIR
    """The folder of the files that say how the model does its job (`otto.dialogue.flow`)."""
    dealer_system: str = Field(OWN_TABLE, pattern=r"^(table|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$")
    """Which dealer management system knows the repair orders: `table`, or the class of an adapter
    as module:Class (`otto.crm.repair_orders.DealerSystem`)."""
    journal_dir: Path = Field(STATE_DIR / "kept", validate_default=True)
    """Where callbacks and records of calls wait on disk while PostgreSQL is away; made absolute.
    It must outlive the process: on a cluster, a volume of the node."""
    log_level: LogLevel = "INFO"
    """The least that is logged. Every process is given it; see `otto.logs`."""
    voice_replicas: int = Field(2, ge=1)
    """Processes that answer webhooks. Twilio does not repeat one that failed: while a single
    process is replaced, callers hear an error."""
    media_replicas: int = Field(2, ge=1)
    """Processes that hold media streams. The calls of one that dies come back at once through
    another; if it was the only one, after seconds."""
    clock: Annotated[PinnedClock | None, NoDecode] = None
    """What the clock shows at the start, for product, SQL and sandbox; see `config.clock`. Refused
    unless the sandbox plays every vendor."""
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
    limits: LimitSettings = Field(default_factory=LimitSettings)
    link: LinkSettings = Field(default_factory=LinkSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)

    @field_validator("sandbox", "allow_cleartext", mode="before")
    @classmethod
    def _split_vendors(cls, value: Any) -> Any:
        if isinstance(value, str):
            names = [name.strip().lower() for name in value.split(",") if name.strip()]
            if names == ["all"]:
                return frozenset(Vendor)
            return frozenset() if names == ["none"] else frozenset(names)
        return value

    @field_validator("clock", mode="before")
    @classmethod
    def _pin_clock(cls, value: Any) -> Any:
        return PinnedClock.read(value) if isinstance(value, str) else value

    @field_validator("journal_dir")
    @classmethod
    def _make_absolute(cls, value: Path) -> Path:
        return value.absolute()

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("trusted_proxies", "unlimited_sources")
    @classmethod
    def _check_networks(cls, value: str) -> str:
        return ",".join(str(ip_network(part.strip())) for part in value.split(",") if part.strip())

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
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("OTTO_PUBLIC_ORIGIN must be https: Twilio streams over wss only")
        return self

    @property
    def stream_url(self) -> str:
        """The public WebSocket address of the media ingress."""
        return "ws" + self.public_origin.removeprefix("http") + "/media/stream"
