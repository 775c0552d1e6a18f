"""The media link: where it listens, and what protects it between nodes."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

from pydantic import field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from config.environment import SettingsGroup
from config.hosts import is_loopback

NODE: Final = "node"
"""For `host`: each node's own address, as Ray knows it."""
_TLS: Final = ("OTTO_LINK_TLS_CERT", "OTTO_LINK_TLS_KEY", "OTTO_LINK_TLS_CA")


RAY_TLS_FILES: Final = ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")
"""What Ray reads when RAY_USE_TLS is 1. https://docs.ray.io/en/latest/ray-core/configure.html"""


class LinkSettings(SettingsGroup):
    """Where a call's audio goes between the ingress and the workers, and by what means."""

    model_config = SettingsConfigDict(env_prefix="OTTO_LINK_")

    host: str = "127.0.0.1"
    """Where the link listens and is reached: this machine alone, "node", or an address."""
    tls_cert: Path | None = None
    """This node's certificate, PEM, with the chain up to the authority. Both ends of a connection
    show theirs, so it must be good for servers and for clients."""
    tls_key: Path | None = None
    """Its private key, PEM, without a passphrase."""
    tls_ca: Path | None = None
    """The authority that signs the nodes' certificates and nobody else's: who has one may join."""
    tls_name: str = ""
    """The name that nodes' certificates are for, when they share one; empty: the node's address."""
    allow_cleartext: bool = False
    """Between nodes without TLS. Whoever is on their network then hears the calls."""

    @field_validator("tls_cert", "tls_key", "tls_ca")
    @classmethod
    def _make_absolute(cls, value: Path | None) -> Path | None:
        # Ray's workers have a working directory of their own.
        return None if value is None else value.absolute()

    @field_validator("host")
    @classmethod
    def _one_address(cls, value: str) -> str:
        host = value.removeprefix("[").removesuffix("]")
        if host in {"", "*", "0"} or _is_every_address(host):
            raise ValueError("OTTO_LINK_HOST must be one address, at which workers reach this node")
        return host

    @property
    def is_local(self) -> bool:
        """Whether nothing of it leaves this machine."""
        return is_loopback(self.host)

    @property
    def has_tls(self) -> bool:
        return self.tls_cert is not None

    @model_validator(mode="after")
    def _closed_or_local(self) -> Self:
        given = (self.tls_cert, self.tls_key, self.tls_ca)
        if any(given) and not all(given):
            missing = [name for name, value in zip(_TLS, given, strict=True) if not value]
            raise ValueError(f"{' and '.join(missing)} must be set, too: TLS takes all three")
        if not (self.is_local or self.has_tls or self.allow_cleartext):
            raise ValueError(
                f"OTTO_LINK_HOST={self.host} would carry calls between nodes in clear text: set "
                f"{', '.join(_TLS)}, or OTTO_LINK_ALLOW_CLEARTEXT=true on a network of your own"
            )
        return self


def ray_environment(link: LinkSettings) -> dict[str, str]:
    """What has Ray speak TLS with the link's certificates; empty where it need not, or where they
    are for a shared name, which Ray does not know."""
    if link.is_local or not link.has_tls or link.tls_name:
        return {}
    files = (link.tls_cert, link.tls_key, link.tls_ca)
    return {"RAY_USE_TLS": "1", **dict(zip(RAY_TLS_FILES, map(str, files), strict=True))}


def ray_fault(link: LinkSettings, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Why Ray's own traffic between nodes, its token first, could be read, and what to do; None: it
    could not, or may. Whoever has the token runs code on every node."""
    if link.is_local or link.allow_cleartext:
        return None
    if environment.get("RAY_USE_TLS", "").lower() not in {"1", "true"}:
        return (
            "Ray would carry its token between nodes in clear text",
            f"start it everywhere with RAY_USE_TLS=1 and {', '.join(RAY_TLS_FILES)}, or set "
            "OTTO_LINK_ALLOW_CLEARTEXT=true on a network of your own",
        )
    for name in RAY_TLS_FILES:
        if not Path(environment.get(name, "") or "/nowhere").is_file():
            return f"RAY_USE_TLS is set, but {name} names no file", "set it where Ray starts"
    return None


def _is_every_address(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
