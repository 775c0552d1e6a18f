"""The front door's limits on a real HAProxy, with the configuration that Ray really writes."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from cluster import haproxy, ray_env
from cluster.haproxy import HaproxyError, Limits, guarded, limits_of

BINARY = haproxy.binary()
PROGRAM = ray_env.HAPROXY
SIGNED = {"X-Twilio-Signature": "good"}
LOOPBACK = ("127.0.0.0/8", "::1/128")
ENVIRONMENT = {
    "OTTO_PYTHON": sys.executable,
    "OTTO_MAX_CONNECTIONS": "1000", "OTTO_TRUSTED_PROXIES": "127.0.0.0/8",
    "OTTO_UNLIMITED_SOURCES": "",
}  # fmt: skip
STREAM = "/media/stream"
TIMES = {"HEAD_TIMEOUT_S": 1, "BODY_TIMEOUT_S": 1}


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def rays_configuration(folder, port, replica_port=1, **more):
    """As Ray's manager writes it for one application, with its own template."""
    from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
    from ray.serve.config import HTTPOptions

    backends = {
        name: BackendConfig(
            name=name, path_prefix=prefix, app_name=name, http_health_check_path=None,
            servers=[ServerConfig(name="replica", host="127.0.0.1", port=replica_port)],
        )
        for name, prefix in (("http-media", "/media"), ("http-voice", "/"))
    }  # fmt: skip
    config = HAProxyConfig(
        socket_path=str(folder / "a"), server_state_base=str(folder),
        server_state_file=str(folder / "state"), metrics_socket_path=str(folder / "m"),
        stats_port=free_port(), metrics_port=free_port(), nbthread=1,
        http_options=HTTPOptions(host="127.0.0.1", port=port), **more,
    )  # fmt: skip
    path = folder / "haproxy.cfg"
    HAProxyApi(config, backends, str(path))._generate_config_file_internal()
    return path


class Replica:
    """Answers what it is sent: 403 for what is not signed, and with what it saw."""

    def __init__(self):
        self.bodies = []
        self.heads = 0

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b" /-/healthz " in head or head.startswith(b"OPTIONS"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")  # HAProxy's own
                    continue
                self.heads += 1
                body = b""
                lower = head.lower()
                if b"upgrade: websocket" in lower:
                    writer.write(
                        b"HTTP/1.1 101 Switching Protocols\r\n"
                        b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
                        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
                    )
                    while piece := await reader.read(100):
                        writer.write(piece)
                    return
                if b"chunked" in lower:
                    body = await reader.readuntil(b"0\r\n\r\n")
                for line in lower.split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        body = await reader.readexactly(int(line.partition(b":")[2]))
                self.bodies.append(body)
                status = b"204 No Content" if b": good\r\n" in head else b"403 Forbidden"
                length = b"" if status.startswith(b"204") else b"Content-Length: 0\r\n"
                writer.write(b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n")
        except (EOFError, OSError):
            pass
        finally:
            writer.close()


class Door:
    """A running HAProxy in front of a `Replica`."""

    def __init__(self, port, replica, process):
        self.port, self.replica, self.process = port, replica, process

    async def connect(self, source="127.0.0.1"):
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))

    async def ask(self, path="/twilio/status", headers=None, body=b"a=1", method="POST", **more):
        """The status of one request on a connection of its own; 0 when it was only closed."""
        headers = {"Content-Length": str(len(body)), **(SIGNED if headers is None else headers)}
        lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in headers.items())]
        try:
            reader, writer = await self.connect(**more)
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            return await status_of(reader)
        except OSError:
            return 0
        finally:
            if "writer" in locals():
                writer.close()


async def status_of(reader):
    async with asyncio.timeout(20):
        line = await reader.readline()
    return int(line.split()[1]) if line.startswith(b"HTTP/") else 0


@pytest.fixture
async def open_door(tmp_path, monkeypatch):
    """Start a door with limits of its own: `await open_door(limits, HEAD_TIMEOUT_S=1)`."""
    running = []

    async def start(limits, **constants):
        for name, value in {**TIMES, **constants}.items():
            monkeypatch.setattr(haproxy, name, value)
        replica = Replica()
        server = await asyncio.start_server(replica.serve, "127.0.0.1", 0)
        port = free_port()
        path = rays_configuration(tmp_path, port, server.sockets[0].getsockname()[1])
        path.write_text(guarded(path.read_text(), limits))
        process = subprocess.Popen(
            [BINARY, "-db", "-f", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        running.append((process, server))
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except OSError:
                    assert process.poll() is None
                    await asyncio.sleep(0.02)
        return Door(port, replica, process)

    yield start
    for process, server in running:
        process.kill()
        process.wait()
        server.close()


# The rewriting


@pytest.mark.parametrize(
    "limits",
    [
        Limits(1000),
        Limits(1000, LOOPBACK),
        Limits(5000, ("10.0.0.0/8",), ("203.0.113.0/24", "2001:db8::/32")),
    ],
)
def test_haproxy_takes_the_configuration_and_it_is_rewritten_once(tmp_path, limits):
    path = rays_configuration(tmp_path, free_port())
    text = guarded(path.read_text(), limits)
    assert guarded(text, limits) == text
    path.write_text(text)
    done = subprocess.run([BINARY, "-c", "-f", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mode 600" in text and "mode 666" not in text
    assert f"maxconn {limits.max_connections}\n" in text


@pytest.mark.parametrize(
    "more", [{"is_head": True}, {"metrics_enabled": False}, {"bufsize": 99999}]
)
def test_rays_other_configurations_are_known(tmp_path, more):
    path = rays_configuration(tmp_path, free_port(), **more)
    path.write_text(guarded(path.read_text(), Limits(1000)))
    assert subprocess.run([BINARY, "-c", "-f", str(path)], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    "missing",
    ["maxconn", "tune.bufsize", "frontend prometheus", "frontend http_frontend", "listen stats",
     "defaults", "stats socket"],
)  # fmt: skip
def test_a_configuration_that_is_not_understood_opens_no_door(tmp_path, missing):
    """Another version of Ray must not lead to a door without limits."""
    text = rays_configuration(tmp_path, free_port()).read_text()
    with pytest.raises(HaproxyError, match="places instead of one"):
        guarded(text.replace(missing, "# "), Limits(1000))


@pytest.mark.parametrize(
    ("environment", "descriptors", "expected"),
    [
        (ENVIRONMENT, 100_000, 1000),
        (ENVIRONMENT, 1300, 500),
        ({**ENVIRONMENT, "OTTO_MAX_CONNECTIONS": "16384"}, 20_000, 9850),
        (ENVIRONMENT, 256, "ulimit -n"),
        ({}, 20_000, "OTTO_MAX_CONNECTIONS"),
        ({**ENVIRONMENT, "OTTO_MAX_CONNECTIONS": "many"}, 20_000, "many"),
    ],
)
def test_connections_are_as_many_as_there_are_descriptors_for(environment, descriptors, expected):
    if isinstance(expected, int):
        assert limits_of(environment, descriptors).max_connections == expected
    else:
        with pytest.raises(HaproxyError, match=expected):
            limits_of(environment, descriptors)


# The program


@pytest.mark.parametrize("descriptors", [20_000, 3000, 900])
def test_the_program_becomes_haproxy_and_listens_on_loopback_only(tmp_path, descriptors):
    """Ray compares the pid that it started with the one that answers on the admin socket. HAProxy
    itself refuses to start when there are fewer descriptors than its connections may need."""
    path = rays_configuration(tmp_path, free_port())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = min(hard, descriptors)
    process = subprocess.Popen(
        [PROGRAM, "-db", "-f", str(path)],
        env={**os.environ, **ENVIRONMENT, "OTTO_MAX_CONNECTIONS": "16384"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        found = psutil.Process(process.pid)
        until_s = time.monotonic() + 30
        while len(sockets := found.net_connections("tcp")) < 3 and time.monotonic() < until_s:
            assert process.poll() is None
            time.sleep(0.02)
        assert found.name() == "haproxy"
        assert {connection.laddr.ip for connection in sockets} == {"127.0.0.1"}
        assert len(sockets) == 3
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(
    ("configuration", "environment", "said"),
    [
        ("global\n", ENVIRONMENT, "otto-haproxy found 0 places"),
        (None, ENVIRONMENT, "No such file"),
        (
            "global\n",
            {**ENVIRONMENT, "OTTO_MAX_CONNECTIONS": ""},
            "otto-haproxy needs the settings",
        ),
    ],
)
def test_the_program_says_in_one_sentence_why_it_does_not_start(
    tmp_path, configuration, environment, said
):
    path = tmp_path / "haproxy.cfg"
    if configuration is not None:
        path.write_text(configuration)
    done = subprocess.run(
        [PROGRAM, "-db", "-f", str(path)], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr and "Traceback" not in done.stderr


def test_what_it_is_asked_besides_is_haproxys(tmp_path):
    """Also when Ray's own look-up of HAProxy leads back to it."""
    environment = {**os.environ, **ENVIRONMENT, "RAY_SERVE_HAPROXY_BINARY_PATH": str(PROGRAM)}
    asked = [PROGRAM, "-v"]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, timeout=30)
    assert done.stdout.startswith("HAProxy version")


# The door


async def test_what_is_signed_passes_and_the_rest_is_refused_here(open_door):
    door = await open_door(Limits(1000, LOOPBACK))
    assert await door.ask() == 204
    assert door.replica.bodies == [b"a=1"]
    refused = {
        "no signature": ({"headers": {}}, 403),
        "GET": ({"method": "GET"}, 405),
        "too long": ({"body": b"x" * 33_000}, 413),
        "said to be too long": ({"headers": {**SIGNED, "Content-Length": "99999"}}, 413),
        "a header too long": ({"headers": {**SIGNED, "X-A": "x" * 20_000}}, 400),
        "a stream without a signature": ({"path": STREAM, "method": "GET", "headers": {}}, 403),
        "a stream by POST": ({"path": STREAM}, 405),
    }  # fmt: skip
    got = {what: await door.ask(**how) for what, (how, _) in refused.items()}
    assert got == {what: status for what, (_, status) in refused.items()}
    assert door.replica.heads == 1


async def test_the_longest_form_reaches_the_replica_whole(open_door):
    door = await open_door(Limits(1000, LOOPBACK))
    body = b"x" * haproxy.MAX_BODY_BYTES
    assert await door.ask(body=body) == 204
    chunks = b"".join(b"%x\r\n%b\r\n" % (1000, b"y" * 1000) for _ in range(30)) + b"0\r\n\r\n"
    headers = {**SIGNED, "Transfer-Encoding": "chunked"}
    lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    reader, writer = await door.connect()
    writer.write(f"POST /twilio/status HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode() + chunks)
    assert await status_of(reader) == 204
    assert door.replica.bodies[0] == body
    assert door.replica.bodies[1].count(b"y") == 30_000
    writer.close()


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"POST /twilio/status HTTP/1.1\r\nHost: x\r\n",
        b"POST /twilio/status HTTP/1.1\r\nX-Twilio-Signature: good\r\nContent-Length: 9\r\n\r\nx",
        b"POST /twilio/status HTTP/1.1\r\nX-Twilio-Signature: good\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        b"GET /readyz HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
    ],
    ids=["silence", "half a head", "half a body", "half the chunks", "a body of a GET"],
)
@pytest.mark.parametrize("drip", [b"", b"X: y\r\n"], ids=["then nothing", "then bytes"])
async def test_what_does_not_come_whole_is_closed_and_no_replica_sees_it(open_door, begin, drip):
    door = await open_door(Limits(1000, LOOPBACK))
    reader, writer = await door.connect()
    writer.write(begin)

    async def drop_by_drop():
        while begin and drip:
            await asyncio.sleep(0.2)
            writer.write(drip[:1] if b"\r\n\r\n" in begin and b"chunked" not in begin else b"")

    dripping = asyncio.create_task(drop_by_drop())
    assert await status_of(reader) == 408
    assert await reader.read() is not None
    dripping.cancel()
    writer.close()
    assert door.replica.heads == 0


async def test_many_half_requests_keep_nobody_out(open_door):
    door = await open_door(Limits(1000, LOOPBACK), HEAD_TIMEOUT_S=30)
    held = [await door.connect() for _ in range(500)]
    for _, writer in held:
        writer.write(b"POST /twilio/status HTTP/1.1\r\nHost: x\r\n")
    assert [await door.ask() for _ in range(20)] == [204] * 20
    for _, writer in held:
        writer.close()


async def test_one_source_cannot_hold_all_connections(open_door):
    door = await open_door(Limits(400, (), ("127.0.0.9/32",)), HEAD_TIMEOUT_S=30)
    held = [await door.connect(source="127.0.0.2") for _ in range(100)]
    assert await door.ask(source="127.0.0.2") == 0
    assert await door.ask(source="127.0.0.3") == 204
    assert await door.ask(source="127.0.0.9") == 204
    for _, writer in held:
        writer.close()


async def test_who_has_signed_is_let_in_whatever_else_comes_from_there(open_door):
    """Twilio behind the same address as an attacker: the limit must not shut it out."""
    door = await open_door(Limits(400), HEAD_TIMEOUT_S=30)
    assert await door.ask(source="127.0.0.2") == 204
    held = [await door.connect(source="127.0.0.2") for _ in range(150)]
    assert await door.ask(source="127.0.0.2") == 204
    for _, writer in held:
        writer.close()


async def test_the_last_connections_are_kept_for_those_who_are_known(open_door):
    door = await open_door(Limits(400, ("127.0.0.8/32",)), HEAD_TIMEOUT_S=30)
    assert await door.ask(source="127.0.0.7") == 204
    held = []
    for source in range(20, 24):
        for _ in range(90):
            with contextlib.suppress(OSError):
                held.append(await door.connect(source=f"127.0.0.{source}"))
    assert await door.ask(source="127.0.0.6") == 0  # a stranger
    assert await door.ask(source="127.0.0.7") == 204  # has signed
    assert await door.ask(source="127.0.0.8") == 204  # the balancer
    for _, writer in held:
        writer.close()


@pytest.mark.parametrize(
    ("forwarded", "source"),
    [
        ("198.51.100.7", "127.0.0.1"),
        ("10.9.9.9, 198.51.100.7", "127.0.0.1"),  # the first is what the client wrote itself
        ("198.51.100.7, 127.0.0.5", "127.0.0.1"),  # through two of our proxies
        ("2001:db8::1", "127.0.0.1"),
        (None, "127.1.1.1"),  # not through a proxy: what it says is not believed
        ("10.1.1.1", "127.1.1.1"),
    ],
)
async def test_requests_are_counted_by_their_source(open_door, forwarded, source):
    limits = Limits(1000, ("127.0.0.0/16",))
    door = await open_door(limits, SOURCE_REQUESTS=5)
    headers = {"X-Twilio-Signature": "forged"}
    through = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    statuses = [await door.ask(headers={**headers, **through}, source=source) for _ in range(8)]
    assert statuses == [403] * 5 + [429] * 3
    if source != "127.0.0.1":
        through = {"X-Forwarded-For": "203.0.113.77"}
        assert await door.ask(headers={**headers, **through}, source=source) == 429
    # Neither somebody else nor the proxy itself, nor who signs there, is kept out.
    assert await door.ask(headers=headers) == 403
    assert await door.ask(headers={**SIGNED, "X-Forwarded-For": "203.0.113.9"}) == 204


async def test_twilio_is_never_counted_once_it_has_signed(open_door):
    door = await open_door(Limits(1000, LOOPBACK), SOURCE_REQUESTS=5)
    through = {"X-Forwarded-For": "198.51.100.7"}
    assert [await door.ask(headers={**SIGNED, **through}) for _ in range(20)] == [204] * 20


async def test_bodies_on_their_way_are_bounded_for_each_source(open_door):
    door = await open_door(Limits(1000, LOOPBACK), SOURCE_AT_ONCE=5, BODY_TIMEOUT_S=30)
    head = (
        "POST /twilio/status HTTP/1.1\r\nX-Twilio-Signature: forged\r\nContent-Length: 9\r\n"
        "X-Forwarded-For: 198.51.100.7\r\n\r\nx"
    )
    held = [await door.connect() for _ in range(5)]
    for _, writer in held:
        writer.write(head.encode())
    async with asyncio.timeout(20):
        while True:
            there = await door.ask(
                headers={"X-Twilio-Signature": "f", "X-Forwarded-For": "198.51.100.7"}
            )
            if there == 429:
                break
    assert await door.ask() == 204
    for _, writer in held:
        writer.close()


async def test_a_stream_outlives_every_deadline_and_counts_as_no_request(open_door):
    door = await open_door(Limits(1000, LOOPBACK), CLIENT_TIMEOUT_S=1, SOURCE_AT_ONCE=1)
    through = {**SIGNED, "X-Forwarded-For": "198.51.100.7"}
    lines = {
        **through, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    streams = [await door.connect() for _ in range(4)]
    for reader, writer in streams:
        writer.write(f"GET /media/stream HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        assert await status_of(reader) == 101
        await reader.readuntil(b"\r\n\r\n")
    # Past the deadlines for heads, bodies and clients: another connection runs into one of them.
    reader, writer = await door.connect()
    assert await status_of(reader) == 408
    writer.close()
    for reader, writer in streams:
        writer.write(json.dumps({"event": "media"}).encode())
        assert b"media" in await reader.read(100)
        writer.close()
    assert await door.ask(headers=through) == 204


async def test_nobody_speaks_http_2(open_door):
    """Twilio and load balancers that pass WebSockets do not; a connection would be many."""
    door = await open_door(Limits(1000, LOOPBACK))
    reader, writer = await door.connect()
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
    async with asyncio.timeout(20):
        answer = await reader.read()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    writer.close()
