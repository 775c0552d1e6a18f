"""TLS for connections of the media link that leave the machine.

Both ends show a certificate and check the other's: it must be signed by the authority that signs
the nodes' (`OTTO_LINK_TLS_CA`), and the ingress' must be for the address, or for the name that all
nodes share. Only TLS 1.3 is spoken, for both ends are ours.

Certificates are renewed while calls go on: files that have changed are read again, for the
connections that come. What cannot be used is reported, and the older ones stay.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

import structlog

from config.link import LinkSettings

log = structlog.get_logger()

REFRESH_EVERY_S: Final = 60.0
"""How often a server looks whether its certificate was renewed."""


class LinkTlsError(Exception):
    """The certificates cannot be used. One sentence for an operator, without what is in them."""


class LinkTls:
    """A process' certificates. Raises `LinkTlsError` when made of files that cannot be used."""

    def __init__(self, settings: LinkSettings) -> None:
        self._cert, self._key, self._ca = _files(settings)
        self.name = settings.tls_name or None
        """What the ingress' certificate must be for; None: the address that is connected to."""
        self._seen = self._stamp()
        self.server = self._make(ssl.PROTOCOL_TLS_SERVER)
        self.client = self._make(ssl.PROTOCOL_TLS_CLIENT)

    def refresh(self) -> None:
        """Read files that have changed. Cheap when none has."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._make(ssl.PROTOCOL_TLS_SERVER)  # a live context must not be left half changed
        except LinkTlsError as error:
            log.error("link_certificates_not_renewed", error=str(error))
            return
        for context in (self.server, self.client):
            context.load_cert_chain(self._cert, self._key)
            context.load_verify_locations(self._ca)
        log.info("link_certificates_renewed")

    def prove(self, address: str) -> float:
        """Have the two ends shake hands, as they will at that address; returns until when the
        certificate is good, in seconds since 1970. Raises `LinkTlsError`."""
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = self.server.wrap_bio(to_server, to_client, server_side=True)
        client = self.client.wrap_bio(to_client, to_server, server_hostname=self.name or address)
        try:
            for end in (client, server, client, server):
                _go_on(end)
        except ssl.SSLCertVerificationError as error:
            raise LinkTlsError(f"{self._cert}: {error.verify_message}") from None
        except ssl.SSLError as error:
            raise LinkTlsError(f"{self._cert}: {error.reason or 'no handshake'}") from None
        shown = client.getpeercert() or {}
        return float(ssl.cert_time_to_seconds(str(shown["notAfter"])))

    def _make(self, protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        if protocol == ssl.PROTOCOL_TLS_SERVER:
            context.num_tickets = 0  # nobody comes back: a token is good once
        try:
            context.load_verify_locations(self._ca)
        except (OSError, ValueError) as error:
            raise LinkTlsError(_reason("OTTO_LINK_TLS_CA", self._ca, error)) from None
        try:
            # Without it OpenSSL would ask the terminal for a passphrase.
            context.load_cert_chain(self._cert, self._key, password=_no_passphrase)
        except (OSError, ValueError) as error:
            files = Path(f"{self._cert} with {self._key}")
            raise LinkTlsError(_reason("OTTO_LINK_TLS_CERT and _KEY", files, error)) from None
        return context

    def _stamp(self) -> tuple[int, ...]:
        return tuple(_changed_at(path) for path in (self._cert, self._key, self._ca))


def link_tls(settings: LinkSettings) -> LinkTls | None:
    """What this process needs for the media link; None: it is in clear text. Raises
    `LinkTlsError`."""
    return LinkTls(settings) if settings.has_tls else None


def _files(settings: LinkSettings) -> tuple[Path, Path, Path]:
    cert, key, ca = settings.tls_cert, settings.tls_key, settings.tls_ca
    if cert is None or key is None or ca is None:
        raise LinkTlsError("the media link has no certificates: set OTTO_LINK_TLS_CERT")
    return cert, key, ca


def _go_on(end: ssl.SSLObject) -> None:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _reason(setting: str, path: Path, error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        why = error.reason or "no certificate in it"
    else:
        why = getattr(error, "strerror", None) or str(error)
    return f"{setting}: {path} cannot be used ({why})"
