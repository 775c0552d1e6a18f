"""A PostgreSQL URL as libpq's documentation means it, for asyncpg, which reads less of it.

The parameters about TLS are taken out of the URL, because SQLAlchemy hands what it finds there to
asyncpg, and this is what they mean (https://www.postgresql.org/docs/current/libpq-ssl.html):

    disable, allow, prefer     may be clear text; prefer is the default
    require                    encrypted; the certificate is checked only if `sslrootcert` is given
    verify-ca, verify-full     the certificate is checked; verify-full: the host's name in it, too
    sslrootcert=system         the system's authorities, and nothing less than verify-full
    channel_binding=require    proves that nobody stands between. asyncpg cannot do it, so that the
                               certificate and the name are checked instead: verify-full

Where libpq would look for ~/.postgresql/root.crt, the system's authorities are asked. Neon hands
out `?sslmode=require&channel_binding=require`.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

DRIVER = "postgresql+asyncpg"
MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""From the least to the most."""
BINDINGS = ("disable", "prefer", "require")
SYSTEM = "system"
NEON = ".neon.tech"
POOLER = "-pooler"
"""How the first part of a pooled endpoint's name ends; the direct one's is the same without it."""
_TLS = ("sslmode", "ssl", "channel_binding", "sslrootcert", "sslcert", "sslkey")


class PostgresUrlError(ValueError):
    """The URL cannot be used. One sentence without the URL, which holds a password."""


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """What a URL asks for."""

    plain: URL
    """Without the parameters about TLS."""
    hosts: tuple[str, ...]
    """Names, addresses, and folders of sockets; empty: this machine."""
    mode: str
    """One of `MODES`: what is really done, which may be more than `sslmode` says."""
    root_cert: str
    """The file with the authorities that are trusted; "": the system's."""
    cert: str
    """The client's own certificate and key; "": none."""
    key: str
    wants_binding: bool
    """It asked for channel binding, and has `verify-full` instead."""

    @property
    def is_encrypted(self) -> bool:
        """Whether nothing is ever sent in clear text."""
        return MODES.index(self.mode) >= MODES.index("require")

    @property
    def is_verified(self) -> bool:
        """Whether the server has to prove who it is."""
        return MODES.index(self.mode) >= MODES.index("verify-ca")

    @property
    def is_neons(self) -> bool:
        """Whether it is Neon's, whose computes fall asleep."""
        return any(host.endswith(NEON) for host in self.hosts)

    @property
    def is_neons_pooler(self) -> bool:
        """Whether it is the pooled endpoint of a compute of Neon's: PgBouncer in transaction mode
        (https://neon.com/docs/connect/connection-pooling)."""
        return self.is_neons and any(host.partition(".")[0].endswith(POOLER) for host in self.hosts)

    def missing_files(self) -> list[str]:
        """Those of the files it names that are not there."""
        return [path for path in (self.root_cert, self.cert, self.key) if not _is_there(path)]

    def ssl_argument(self) -> ssl.SSLContext | str:
        """What asyncpg is given. Raises OSError when a file cannot be read."""
        if not (self.is_verified or self.cert):
            return self.mode  # asyncpg knows these by itself
        context = ssl.create_default_context(cafile=self.root_cert or None)
        context.check_hostname = self.mode == "verify-full"
        if not self.is_verified:
            context.verify_mode = ssl.CERT_NONE
        if self.cert:
            context.load_cert_chain(self.cert, self.key or None)
        return context

    def describe(self) -> str:
        """How the connection is protected, for a person."""
        if self.wants_binding:
            return (
                "TLS, certificate and name checked (instead of channel_binding=require, "
                "which asyncpg cannot do)"
            )
        return {
            "verify-full": "TLS, certificate and name checked",
            "verify-ca": "TLS, certificate checked, name not",
            "require": "TLS, certificate not checked (sslmode=verify-full would)",
            "disable": "clear text",
        }.get(self.mode, f"TLS only if the server wants it (sslmode={self.mode})")


def read_postgres_url(given: str) -> PostgresUrl:
    """Take a URL apart. Raises `PostgresUrlError`."""
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise PostgresUrlError(
            "must be an address like postgresql://user:password@host/database"
        ) from None
    if url.drivername != DRIVER:
        raise PostgresUrlError("must begin with postgresql://")
    if url.host and "@" in url.host:
        raise PostgresUrlError("an @ in the user's name or password is written %40")
    query = dict(url.query)
    asked = {name: query.get(name, "") for name in _TLS}
    repeated = [name for name, value in asked.items() if not isinstance(value, str)]
    if repeated:
        raise PostgresUrlError(f"{repeated[0]} is given twice")
    values = {name: str(value) for name, value in asked.items()}
    mode = _mode(values)
    root_cert = "" if values["sslrootcert"] == SYSTEM else values["sslrootcert"]
    hosts = query.get("host", ())
    listed = (hosts,) if isinstance(hosts, str) else tuple(hosts)
    return PostgresUrl(
        plain=url.difference_update_query(_TLS),
        hosts=tuple(filter(None, (url.host, *(_host(one) for one in listed)))),
        mode=mode,
        root_cert=root_cert if MODES.index(mode) >= MODES.index("verify-ca") else "",
        cert=values["sslcert"] if mode != "disable" else "",
        key=values["sslkey"] if mode != "disable" else "",
        wants_binding=values["channel_binding"] == "require",
    )


def _mode(values: dict[str, str]) -> str:
    """What is done of what was asked: the stricter of what the parameters demand together."""
    named = values["sslmode"] or values["ssl"]
    mode = {"": "prefer", "true": "require"}.get(named, named)
    binding = values["channel_binding"] or "prefer"
    if mode not in MODES:
        raise PostgresUrlError(f"sslmode must be one of {', '.join(MODES)}")
    if binding not in BINDINGS:
        raise PostgresUrlError(f"channel_binding must be one of {', '.join(BINDINGS)}")
    if binding == "require":
        if mode == "disable":
            raise PostgresUrlError("channel_binding=require contradicts sslmode=disable")
        return "verify-full"
    if MODES.index(mode) < MODES.index("require"):
        return mode
    if values["sslrootcert"] == SYSTEM:
        return "verify-full"
    if values["sslrootcert"] and mode == "require":
        return "verify-ca"
    return mode


def _host(listed: str) -> str:
    """A `host=` of the query: SQLAlchemy allows a port behind it."""
    if listed.startswith("/"):
        return listed
    name, _, port = listed.rpartition(":")
    return name if name and port.isdecimal() else listed


def _is_there(path: str) -> bool:
    return not path or Path(path).is_file()
