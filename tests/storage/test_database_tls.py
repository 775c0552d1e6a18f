"""What a PostgreSQL URL says about TLS is what is done, or more: never less."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from config.postgres_url import MODES, read_postgres_url
from config.settings import DatabaseSettings
from otto.storage.database import make_engine

BASE = "postgresql+asyncpg://u:p@db.example/otto"


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        ("", "prefer"),
        *((f"?sslmode={mode}", mode) for mode in MODES),
        ("?ssl=verify-full", "verify-full"),
        ("?ssl=true", "require"),
        ("?sslmode=require&channel_binding=require", "verify-full"),
        ("?channel_binding=require", "verify-full"),
        ("?sslmode=verify-ca&channel_binding=require", "verify-full"),
        ("?sslmode=require&channel_binding=prefer", "require"),
        ("?sslmode=require&channel_binding=disable", "require"),
        ("?sslmode=require&sslrootcert=/ca.pem", "verify-ca"),
        ("?sslmode=require&sslrootcert=system", "verify-full"),
        ("?sslmode=verify-ca&sslrootcert=system", "verify-full"),
    ],
)
def test_what_is_done_is_what_libpq_would_do_or_more(query: str, mode: str) -> None:
    url = read_postgres_url(BASE + query)
    assert url.mode == mode
    assert url.is_verified == mode.startswith("verify")
    assert url.is_encrypted == (mode in ("require", "verify-ca", "verify-full"))
    assert not url.plain.query


def test_channel_binding_is_reported_and_not_dropped() -> None:
    told = read_postgres_url(BASE + "?sslmode=require&channel_binding=require").describe()
    assert "certificate and name checked" in told and "channel_binding=require" in told
    assert "not checked" in read_postgres_url(BASE + "?sslmode=require").describe()


def test_other_parameters_are_left_to_the_driver() -> None:
    url = read_postgres_url(BASE + "?sslmode=require&target_session_attrs=read-write")
    assert dict(url.plain.query) == {"target_session_attrs": "read-write"}


# Against a server that speaks TLS


def _certificates(folder: Path, name: str) -> Path:
    """A certificate for the host `name`, signed by itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@asynccontextmanager
async def _server(certificate: Path, greet: bytes = b"S") -> AsyncIterator[tuple[int, list[bytes]]]:
    """Its port, and what it was told behind the request for TLS: a client's first message."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(8)
            writer.write(greet)
            if greet == b"S":
                await writer.start_tls(context)
            told.append(await reader.read(8))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], told


async def _connect(port: int, query: str) -> BaseException:
    url = f"postgresql+asyncpg://u:p@localhost:{port}/otto{query}"
    engine = make_engine(DatabaseSettings(url=SecretStr(url), connect_timeout_s=0.2))
    try:
        with pytest.raises(Exception) as caught:
            await engine.connect()
        return caught.value
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    ("name", "query", "goes_on"),
    [
        ("localhost", "?sslmode=require", True),
        ("localhost", "?sslmode=verify-full&sslrootcert={}", True),
        ("localhost", "?sslmode=require&channel_binding=require&sslrootcert={}", True),
        ("localhost", "?sslmode=require&channel_binding=require", False),
        ("localhost", "?sslmode=verify-full", False),
        ("localhost", "?sslmode=verify-ca", False),
        ("elsewhere.example", "?sslmode=verify-ca&sslrootcert={}", True),
        ("elsewhere.example", "?sslmode=require&sslrootcert={}", True),
        ("elsewhere.example", "?sslmode=verify-full&sslrootcert={}", False),
        ("elsewhere.example", "?channel_binding=require&sslrootcert={}", False),
    ],
)
async def test_a_server_that_cannot_prove_itself_is_told_nothing(
    tmp_path: Path, name: str, query: str, goes_on: bool
) -> None:
    certificate = _certificates(tmp_path, name)
    async with _server(certificate) as (port, told):
        error = await _connect(port, query.format(certificate))
        assert any(told) is goes_on
        assert isinstance(error, ssl.SSLCertVerificationError) is not goes_on


async def test_a_server_without_tls_is_told_nothing_either(tmp_path: Path) -> None:
    async with _server(_certificates(tmp_path, "localhost"), greet=b"N") as (port, told):
        await _connect(port, "?channel_binding=require")
        assert not any(told)
