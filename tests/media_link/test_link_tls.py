"""The media link by TLS, over real sockets: who may join, who is left outside, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from pydantic import ValidationError

from config.link import LinkSettings
from otto.media_link import connection as connection_module
from otto.media_link import server as server_module
from otto.media_link.client import Control, connect_control, connect_downlink, connect_uplink
from otto.media_link.events import LineStopped
from otto.media_link.frames import Role
from otto.media_link.link import Link
from otto.media_link.server import LinkServer
from otto.media_link.tls import LinkTls, LinkTlsError, link_tls
from tests.support.certificates import Authority

FRAME = bytes(range(160))
AUDIO = bytes(range(256)) * 300
CLOSED = (ConnectionError, ssl.SSLError)


class Sink:
    def __init__(self) -> None:
        self.audio = b""
        self.lost = asyncio.Event()

    def on_audio(self, generation: int, mulaw: bytes) -> None:
        self.audio += mulaw

    def on_mark(self, generation: int, index: int) -> None: ...
    def on_clear(self, generation: int) -> None: ...
    def on_hangup(self) -> None: ...
    def on_control_attached(self) -> None: ...
    def on_control_lost(self) -> None:
        self.lost.set()


class Node:
    """A link server with one call."""

    def __init__(self, tls: LinkTls | None) -> None:
        self.server = LinkServer(tls=tls)
        self.sink = Sink()
        self.link: Link

    async def control(self, tls: LinkTls | None) -> Control:
        return await connect_control(self.server.address, self.link.invite(Role.CONTROL), tls)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def node(authority: Authority) -> AsyncIterator[Node]:
    made = Node(LinkTls(authority.settings("server")))
    await made.server.start()
    made.link = made.server.open("CA1", made.sink)
    yield made
    await made.server.close()
    async with asyncio.timeout(5):
        while made.server.connections:
            await asyncio.sleep(0.01)


@pytest.fixture
def worker(authority: Authority) -> LinkTls:
    """Of another node, with a certificate of its own."""
    return LinkTls(authority.settings("worker"))


async def test_a_call_goes_both_ways_by_tls(node: Node, worker: LinkTls) -> None:
    control = await node.control(worker)
    address = node.server.address
    uplink = await connect_uplink(address, await control.invite(Role.UPLINK), tls=worker)
    downlink = await connect_downlink(address, await control.invite(Role.DOWNLINK), worker)
    for number in range(50):
        node.link.push_audio(number * 20, FRAME)
    heard = b""
    while len(heard) < 50 * len(FRAME):
        _, more = await uplink.read() or (0, b"")
        heard += more
    assert heard == FRAME * 50
    downlink.send_audio(1, AUDIO)
    await downlink.drain()
    async with asyncio.timeout(5):
        while node.sink.audio != AUDIO:
            await asyncio.sleep(0.01)
    node.link.push_event(LineStopped())
    assert await control.read() == LineStopped()
    node.link.close("stop")
    assert await control.read() is None
    assert await uplink.read() is None


async def test_what_a_worker_that_stalls_is_sent_is_bounded(node: Node, worker: LinkTls) -> None:
    """Back-pressure is the transport's, and TLS has another one."""
    uplink = await connect_uplink(node.server.address, node.link.invite(Role.UPLINK), tls=worker)
    uplink._end._transport.pause_reading()
    for number in range(3000):  # a minute
        node.link.push_audio(number * 20, FRAME)
        if number % 50 == 0:
            await asyncio.sleep(0)
    assert node.link.dropped_frames > 0
    node.link.close("stop")


async def test_a_worker_that_dies_is_lost_at_once(node: Node, worker: LinkTls) -> None:
    control = await node.control(worker)
    control._end._transport.abort()
    await asyncio.wait_for(node.sink.lost.wait(), 5)


async def test_a_client_in_clear_text_stays_outside(node: Node) -> None:
    with pytest.raises(CLOSED):
        await node.control(None)
    assert node.link.attached == frozenset()


async def test_a_server_in_clear_text_gets_no_token(worker: LinkTls) -> None:
    made = Node(None)
    await made.server.start()
    made.link = made.server.open("CA1", made.sink)
    with pytest.raises(CLOSED):
        await made.control(worker)
    await made.server.close()


@pytest.mark.parametrize("who", ["another authority's", "expired", "for servers only"])
async def test_a_worker_with_a_bad_certificate_stays_outside(
    node: Node, authority: Authority, tmp_path: Path, who: str
) -> None:
    settings = {
        "another authority's": lambda: Authority(tmp_path, "stranger").settings(
            "mallory", ca=authority.path
        ),
        "expired": lambda: authority.settings("old", days=-1),
        "for servers only": lambda: authority.settings(
            "half", uses=(ExtendedKeyUsageOID.SERVER_AUTH,)
        ),
    }[who]()
    with pytest.raises(CLOSED):
        await node.control(LinkTls(settings))
    assert node.link.attached == frozenset()


async def test_a_worker_without_a_certificate_stays_outside(
    node: Node, authority: Authority, worker: LinkTls
) -> None:
    worker.client = ssl.create_default_context(cafile=str(authority.path))
    with pytest.raises(CLOSED):
        await node.control(worker)
    assert node.link.attached == frozenset()


@pytest.mark.parametrize("who", ["another authority's", "expired", "another address", "a client's"])
async def test_a_worker_tells_no_token_to_an_ingress_with_a_bad_certificate(
    authority: Authority, worker: LinkTls, tmp_path: Path, who: str
) -> None:
    settings = {
        "another authority's": lambda: Authority(tmp_path, "stranger").settings(
            "mallory", ca=authority.path
        ),
        "expired": lambda: authority.settings("old", days=-1),
        "another address": lambda: authority.settings("far", names=("10.1.2.3", "otto.test")),
        "a client's": lambda: authority.settings("half", uses=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
    }[who]()
    made = Node(LinkTls(settings))
    await made.server.start()
    made.link = made.server.open("CA1", made.sink)
    with pytest.raises(ssl.SSLCertVerificationError):
        await made.control(worker)
    assert len(made.server._invitations) == 1, "its token was not used"
    await made.server.close()


async def test_nodes_may_share_a_name(authority: Authority) -> None:
    """Where addresses come and go, a certificate cannot name them."""
    settings = authority.settings("shared", names=("otto-link",))
    tls = LinkTls(settings.model_copy(update={"tls_name": "otto-link"}))
    made = Node(tls)
    await made.server.start()
    made.link = made.server.open("CA1", made.sink)
    await (await made.control(tls)).close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await made.control(LinkTls(settings))
    await made.server.close()


@pytest.mark.parametrize("says", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00" + b"\x01" * 100])
async def test_a_stranger_who_stalls_in_the_handshake_is_closed(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, says: bytes
) -> None:
    monkeypatch.setattr(connection_module, "HANDSHAKE_TIMEOUT_S", 0.1)
    server = LinkServer(tls=LinkTls(authority.settings("server")))
    await server.start()
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(says)
    async with asyncio.timeout(5):
        while await reader.read(1000):
            pass
    assert server.connections == 0
    writer.close()
    await server.close()


async def test_a_server_that_stalls_in_the_handshake_costs_seconds_at_most(
    worker: LinkTls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "HANDSHAKE_TIMEOUT_S", 0.1)
    silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(0), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(4):
            await connect_control(f"127.0.0.1:{port}", "token", worker)
    silent.close()


# Renewing


def renew(authority: Authority, file: str, **issued: Any) -> None:
    for path in authority.issue(file, **issued):
        later = time.time_ns() + 10**9
        os.utime(path, ns=(later, later))


async def test_a_server_looks_by_itself_whether_its_certificate_was_renewed(
    authority: Authority, worker: LinkTls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PING_EVERY_S", 0.01)
    monkeypatch.setattr(server_module, "REFRESH_EVERY_S", 0.01)
    made = Node(LinkTls(authority.settings("server", days=-1)))
    await made.server.start()
    made.link = made.server.open("CA1", made.sink)
    renew(authority, "server")
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(ssl.SSLCertVerificationError):
                await (await made.control(worker)).close()
                break
    await made.server.close()


async def test_a_certificate_that_was_renewed_serves_the_next_connection(
    authority: Authority,
) -> None:
    tls = LinkTls(authority.settings("node", days=-1))
    made = Node(tls)
    await made.server.start()
    made.link = made.server.open("CA1", made.sink)
    with pytest.raises(ssl.SSLCertVerificationError):
        await made.control(tls)
    renew(authority, "node")
    await (await made.control(tls)).close()  # the client looks, and both are of this process
    await made.server.close()


@pytest.mark.parametrize("content", [b"", b"half a certif", None])
async def test_a_renewal_that_cannot_be_used_leaves_what_was(
    authority: Authority, content: bytes | None
) -> None:
    settings = authority.settings("node")
    tls = LinkTls(settings)
    assert settings.tls_cert is not None
    if content is None:
        settings.tls_cert.unlink()
    else:
        settings.tls_cert.write_bytes(content)
    made = Node(tls)
    await made.server.start()
    made.link = made.server.open("CA1", made.sink)
    await (await made.control(tls)).close()
    await made.server.close()


# Before anything starts


def test_what_will_work_is_proved_and_says_until_when(authority: Authority) -> None:
    days = (LinkTls(authority.settings(days=30)).prove("127.0.0.1") - time.time()) / 86400
    assert 29 < days < 31


@pytest.mark.parametrize(
    ("issued", "says"),
    [
        ({"days": -1}, "expired"),
        ({"names": ("10.1.2.3",)}, "mismatch"),
        ({"uses": (ExtendedKeyUsageOID.CLIENT_AUTH,)}, "purpose"),
        ({"uses": (ExtendedKeyUsageOID.SERVER_AUTH,)}, "purpose"),
    ],
)
def test_what_will_not_work_is_told_in_a_sentence(
    authority: Authority, issued: dict[str, Any], says: str
) -> None:
    with pytest.raises(LinkTlsError, match=says):
        LinkTls(authority.settings(**issued)).prove("127.0.0.1")


def test_another_authoritys_certificate_is_told(authority: Authority, tmp_path: Path) -> None:
    settings = Authority(tmp_path, "stranger").settings("mallory", ca=authority.path)
    with pytest.raises(LinkTlsError, match="issuer"):
        LinkTls(settings).prove("127.0.0.1")


@pytest.mark.parametrize("which", ["tls_cert", "tls_key", "tls_ca"])
@pytest.mark.parametrize("content", [None, b"", b"\x00\xff nonsense"])
def test_a_file_that_is_not_there_or_is_something_else_is_named(
    authority: Authority, which: str, content: bytes | None
) -> None:
    settings = authority.settings()
    path: Path = getattr(settings, which)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(LinkTlsError) as caught:
        LinkTls(settings)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_with_a_passphrase_or_of_another_certificate_is_told_and_asks_nobody(
    authority: Authority,
) -> None:
    with pytest.raises(LinkTlsError, match="passphrase"):
        LinkTls(authority.settings("locked", passphrase=b"secret"))
    _, key = authority.issue("other")
    with pytest.raises(LinkTlsError, match="KEY"):
        LinkTls(authority.settings("mine").model_copy(update={"tls_key": key}))


def test_without_certificates_there_is_no_tls() -> None:
    assert link_tls(LinkSettings()) is None


# The settings


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9", "[::1]"])
def test_this_machine_needs_no_certificate(host: str) -> None:
    assert LinkSettings(host=host).is_local


@pytest.mark.parametrize(
    "host",
    """10.0.0.5 192.168.1.2 203.0.113.7 169.254.1.1 100.64.0.1 fd00::1 ::ffff:10.0.0.5 node
    otto.internal localhost.example.com 127.0.0.1.example.com""".split(),
)
def test_an_address_that_others_reach_is_refused_without_tls(
    authority: Authority, host: str
) -> None:
    with pytest.raises(ValidationError, match="clear text"):
        LinkSettings(host=host)
    assert LinkSettings(host=host, allow_cleartext=True).host == host
    given = authority.settings().model_dump(include={"tls_cert", "tls_key", "tls_ca"})
    assert LinkSettings(host=host, **given).has_tls


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]", "*", "0", "0:0:0:0:0:0:0:0", ""])
def test_every_address_is_none(host: str) -> None:
    with pytest.raises(ValidationError, match="one address"):
        LinkSettings(host=host, allow_cleartext=True)


@pytest.mark.parametrize("given", [("tls_cert",), ("tls_key", "tls_ca"), ("tls_cert", "tls_key")])
def test_half_of_tls_is_refused_and_the_rest_named(given: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        LinkSettings(**{name: Path("file") for name in given})  # type: ignore[arg-type]
    for name in {"tls_cert", "tls_key", "tls_ca"} - set(given):
        assert f"OTTO_LINK_{name.upper()}" in str(caught.value)
