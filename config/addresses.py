"""Which of the vendors' addresses would be reached in clear text.

What goes there holds keys, customers' data or what callers say, so clear text is for this machine
alone: a private address is still read by whoever is on its network. `OTTO_ALLOW_CLEARTEXT` makes
exceptions, by vendor. Decided before anything is connected, and from the parts that the clients
themselves read an address into.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config.hosts import is_loopback
from config.postgres_url import POOLER, PostgresUrl, PostgresUrlError, read_postgres_url
from config.vendors import Vendor

if TYPE_CHECKING:
    from config.settings import Settings

SECURED: Mapping[str, str] = {"http": "https", "ws": "wss"}
"""A scheme in clear text, and the one that is not."""
_UNREADABLE = re.compile(r"[\x00-\x20\x7f\\]")
"""What clients read differently: one takes for the host what another takes for a password."""


def faults_of(settings: Settings) -> list[str]:
    """A sentence for each address of a live vendor that cannot be used as it is."""
    found = []
    for vendor in Vendor:
        if vendor in settings.sandbox:
            continue
        for fault in _FAULTS[vendor](settings):
            if not isinstance(fault, _InClear):
                found.append(fault)
            elif vendor not in settings.allow_cleartext:
                found.append(f"{fault}, or allow it with OTTO_ALLOW_CLEARTEXT={vendor}")
    return found


class _InClear(str):
    """A sentence about clear text: it may be allowed."""


def _web(name: str, address: str, clear: str) -> Iterator[str]:
    """`clear`: the scheme in clear text that the client speaks, with its secured twin."""
    if not address:
        return
    secured = SECURED[clear]
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in (clear, secured) or _UNREADABLE.search(address):
        yield f"{name} must be an address like {secured}://host"
    elif parts.scheme == clear and not is_loopback(host):
        yield _InClear(f"{name} is reached in clear text ({clear}): use {secured}")


def _twilio(settings: Settings) -> Iterator[str]:
    yield from _web("TWILIO_API_URL", settings.twilio.api_url, "http")


def _deepgram(settings: Settings) -> Iterator[str]:
    yield from _web("DEEPGRAM_URL", settings.deepgram.url, "ws")
    yield from _web("DEEPGRAM_FALLBACK_URL", settings.deepgram.fallback_url, "ws")


def _openai(settings: Settings) -> Iterator[str]:
    yield from _web("OPENAI_BASE_URL", settings.openai.base_url, "http")
    yield from _web("OPENAI_FALLBACK_BASE_URL", settings.openai.fallback_base_url, "http")


def _google(settings: Settings) -> Iterator[str]:
    yield from _web("GOOGLE_CALENDAR_URL", settings.google.calendar_url, "http")
    yield from _web("GOOGLE_TOKEN_URL", settings.google.token_url, "http")
    yield from _web("GOOGLE_AUTH_URL", settings.google.auth_url, "http")


def _postgres(settings: Settings) -> Iterator[str]:
    database = settings.database
    url = yield from _postgres_url("DATABASE_URL", database.url.get_secret_value())
    if url is not None and url.is_neons_pooler and not database.pooled:
        yield "DATABASE_URL is Neon's pooled endpoint: set DATABASE_POOLED=true"
    given = database.migration_url.get_secret_value()
    url = yield from _postgres_url("DATABASE_MIGRATION_URL", given)
    if url is not None and url.is_neons_pooler:
        yield f"DATABASE_MIGRATION_URL must be the direct endpoint: take {POOLER} out of its host"


def _postgres_url(name: str, given: str) -> Generator[str, None, PostgresUrl | None]:
    if not given:
        return None
    try:
        url = read_postgres_url(given)
    except PostgresUrlError as error:
        yield f"{name}: {error}"
        return None
    yield from (f"{name}: the file {path} is not there" for path in url.missing_files())
    is_local = all(host.startswith("/") or is_loopback(host) for host in url.hosts)
    if not url.is_encrypted and not is_local:
        yield _InClear(
            f"{name} may be reached in clear text (sslmode={url.mode}): "
            "add sslmode=verify-full, or require where its certificate cannot be checked"
        )
    return url


def _redis(settings: Settings) -> Iterator[str]:
    # late: only who starts Otto needs it here
    from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection, parse_url

    given = settings.redis.url.get_secret_value()
    if not given:
        return
    try:
        parts = parse_url(given)
    except ValueError:
        yield "REDIS_URL must be an address like rediss://:password@host:6379/0"
        return
    is_closed = parts.get("connection_class") in (SSLConnection, UnixDomainSocketConnection)
    if not is_closed and not is_loopback(parts.get("host", "localhost")):
        yield _InClear("REDIS_URL is reached in clear text (redis): use rediss")


_FAULTS = {
    Vendor.TWILIO: _twilio,
    Vendor.DEEPGRAM: _deepgram,
    Vendor.OPENAI: _openai,
    Vendor.GOOGLE: _google,
    Vendor.POSTGRES: _postgres,
    Vendor.REDIS: _redis,
}
