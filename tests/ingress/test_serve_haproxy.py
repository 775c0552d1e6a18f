"""The front door as it stands in production: Ray Serve in HAProxy mode, on a real Ray."""

import asyncio
import base64
import json
import os
import re
import socket
import time

import httpx
import psutil
import pytest
import websockets
from twilio.request_validator import RequestValidator

from cluster import ray_env
from config.hosts import is_loopback
from config.settings import Settings, TwilioSettings

pytestmark = [pytest.mark.ray, pytest.mark.timeout(180)]

ORIGIN = "https://otto.example.com"
AUTH_TOKEN = "a-token-of-the-test"
ACCOUNT = "AC00000000000000000000000000000001"
HELD_S = 45.0
"""Longer than Serve's 30 s; what it does then is done within seconds."""
STREAM = "MZ00000000000000000000000000000001"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def make_factory():
    """A factory of switchboards whose call actors echo the caller. Nested, so that Ray pickles it
    by value: its replicas cannot import tests."""

    def factory(settings):
        import asyncio

        from otto.media_link.client import connect_control, connect_downlink, connect_uplink
        from otto.media_link.frames import Role
        from otto.telephony.switchboard_port import (
            CallerFacts,
            DeskInfo,
            Redeemed,
            Reservation,
        )

        class Echo:
            async def attach(self, link_address, link_token, started):
                self.control = await connect_control(link_address, link_token)
                token = await self.control.invite(Role.UPLINK)
                self.uplink = await connect_uplink(link_address, token)
                token = await self.control.invite(Role.DOWNLINK)
                self.downlink = await connect_downlink(link_address, token)
                self.task = asyncio.create_task(self.echo())

            async def echo(self):
                while (heard := await self.uplink.read()) is not None:
                    self.downlink.send_audio(1, heard[1])
                    await self.downlink.drain()

        class Switchboard:
            async def reserve(self, call_sid, facts, resume=False):
                return Reservation(f"token-of-{call_sid}")

            async def redeem(self, token, call_sid, stream):
                known = token == f"token-of-{call_sid}"
                return Redeemed(Echo(), CallerFacts()) if known else None

            async def stream_ended(self, call_sid, stream):
                pass

            async def desk(self):
                return DeskInfo("All our lines are busy.", None)

        return Switchboard()

    return factory


@pytest.fixture(scope="module")
def front_door(tmp_path_factory):
    """Both applications behind HAProxy; gives `host:port`. Its files are where `otto up` keeps
    its own: Serve's defaults belong to whoever used Ray first on the machine."""
    import ray

    import serve_app

    settings = Settings(
        public_origin=ORIGIN,
        port=free_port(),
        twilio=TwilioSettings(
            account_sid=ACCOUNT, auth_token=AUTH_TOKEN, phone_number="+18155550199"
        ),
    )
    before = dict(os.environ)
    os.environ.update(serve_app.serve_environment(settings))
    folder = ray_env.private_dir()
    ports = {name: free_port() for name in ray_env.PORTS}
    ray_env.prepare(folder, ports=ports, state_dir=tmp_path_factory.mktemp("state"))
    try:
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            _temp_dir=str(ray_env.ray_dir(folder)),
        )
        serve_app.deploy(settings, make_factory())
        yield f"{settings.host}:{settings.port}"
    finally:
        ray.shutdown()
        os.environ.clear()
        os.environ.update(before)


class EchoCall:
    """One stream that speaks frames and waits for their echo."""

    def __init__(self, socket, sid):
        self.socket = socket
        self.sid = sid
        self.sequence = 1

    async def begin(self):
        await self.socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        start = {
            "streamSid": STREAM,
            "accountSid": ACCOUNT,
            "callSid": self.sid,
            "customParameters": {"token": f"token-of-{self.sid}"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        message = {"event": "start", "sequenceNumber": "1", "streamSid": STREAM, "start": start}
        await self.socket.send(json.dumps(message))

    async def speak(self, mulaw):
        self.sequence += 1
        payload = base64.b64encode(mulaw).decode()
        media = {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": payload}
        await self.socket.send(
            json.dumps(
                {
                    "event": "media",
                    "sequenceNumber": str(self.sequence),
                    "streamSid": STREAM,
                    "media": {**media, "timestamp": str(self.sequence * 20)},
                }
            )
        )

    async def hear(self):
        message = json.loads(await asyncio.wait_for(self.socket.recv(), 10))
        return base64.b64decode(message["media"]["payload"])


def signed(url, form):
    return {"X-Twilio-Signature": RequestValidator(AUTH_TOKEN).compute_signature(url, form)}


def open_stream(front_door):
    url = f"ws://{front_door}/media/stream"
    headers = signed("wss://otto.example.com/media/stream", {})
    return websockets.connect(url, additional_headers=headers, compression=None)


def test_both_applications_answer(front_door):
    for path in ("/healthz", "/readyz", "/media/healthz"):
        assert httpx.get(f"http://{front_door}{path}").status_code == 200
    form = {"CallSid": "CA1", "From": "+18155550123", "To": "+18155550199"}
    url = f"http://{front_door}/twilio/voice"
    answer = httpx.post(url, data=form, headers=signed(f"{ORIGIN}/twilio/voice", form))
    assert re.search("token-of-CA1", answer.text)
    assert httpx.post(url, data=form).status_code == 403


def test_it_listens_on_loopback_only(front_door):
    """By itself Ray puts HAProxy's statistics and metrics on every address."""
    (proxy,) = (p for p in psutil.Process().children(recursive=True) if p.name() == "haproxy")
    listening = {
        connection.laddr.port: connection.laddr.ip
        for connection in proxy.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    named = {int(os.environ[name]) for name in ray_env.PORTS if "HAPROXY" in name}
    assert set(listening) == {int(front_door.partition(":")[2]), *named}
    assert set(listening.values()) == {"127.0.0.1"}


def test_nothing_of_a_stack_on_one_machine_listens_beyond_it(front_door):
    """Nor do Ray's own ports and those that Serve's replicas have for one another."""
    listening = {
        (process.name(), connection.laddr.ip)
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {name for name, address in listening if not is_loopback(address)} == set()
    assert len(listening) > 3


async def test_an_unsigned_upgrade_is_refused(front_door):
    with pytest.raises(websockets.InvalidStatus) as caught:
        await websockets.connect(f"ws://{front_door}/media/stream")
    assert caught.value.response.status_code == 403


async def test_ten_streams_echo_at_once_and_webhooks_do_not_wait_for_them(front_door):
    async def one(number):
        async with open_stream(front_door) as socket:
            call = EchoCall(socket, f"CA{number}")
            await call.begin()
            spoken = bytes([number + 1]) * 160
            heard, laps = b"", []
            for _ in range(50):
                begin = time.perf_counter()
                await call.speak(spoken)
                heard += await call.hear()
                laps.append(time.perf_counter() - begin)
                await asyncio.sleep(0.02)
            assert heard == spoken * 50
            return sorted(laps)[25] * 1000

    async def webhooks():
        async with httpx.AsyncClient(base_url=f"http://{front_door}") as client:
            for _ in range(20):
                assert (await client.get("/readyz")).status_code == 200

    streams = asyncio.gather(*(one(number) for number in range(10)))
    await webhooks()
    medians_ms = await streams
    assert max(medians_ms) < 100


@pytest.mark.slow
async def test_a_redeploy_cuts_no_stream_and_new_ones_reach_the_new_replica(front_door):
    """By themselves Serve ends an old replica's server after 30 s, with a close frame for every
    socket, and stops the old one before there is a new one; HAProxy gives old workers 120 s."""
    from ray import serve

    import serve_app

    async def echo(call, spoken):
        await call.speak(spoken)
        return await call.hear()

    def replicas():
        title = f"ray::ServeReplica:{serve_app.MEDIA_APP}:MediaIngress"
        below = psutil.Process().children(recursive=True)
        return {process.pid for process in below if title in " ".join(process.cmdline())}

    async def call_anew(number):
        async with open_stream(front_door) as socket:
            call = EchoCall(socket, f"CAnew{number}")
            await call.begin()
            assert await echo(call, b"3" * 160) == b"3" * 160

    async with open_stream(front_door) as socket:
        old = EchoCall(socket, "CAold")
        await old.begin()
        assert await echo(old, b"1" * 160) == b"1" * 160
        before = replicas()
        settings = Settings(
            public_origin=ORIGIN,
            port=int(front_door.partition(":")[2]),
            twilio=TwilioSettings(
                account_sid=ACCOUNT, auth_token=AUTH_TOKEN, phone_number="+18155550199"
            ),
        )
        _, media = serve_app.build(settings, make_factory())
        redeploy = asyncio.create_task(
            asyncio.to_thread(
                serve.run, media, name=serve_app.MEDIA_APP, route_prefix=serve_app.MEDIA_PREFIX
            )
        )
        ends_s = float("inf")
        calls = 0
        while time.monotonic() < ends_s:
            for _ in range(25):
                assert await echo(old, b"2" * 160) == b"2" * 160
                await asyncio.sleep(0.02)
            calls += 1
            await call_anew(calls)
            if ends_s == float("inf") and replicas() - before:
                ends_s = time.monotonic() + HELD_S
        assert not redeploy.done(), "Serve waits for the old stream"
    await redeploy
    assert not replicas() & before
    await call_anew(calls + 1)
