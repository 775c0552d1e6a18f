"""Settings and doubles for the ingress: a switchboard and a call actor with knobs."""

import asyncio
import itertools

import pytest
import uvicorn

from config.settings import Settings, TwilioSettings
from otto.media_link.client import connect_control, connect_downlink, connect_uplink
from otto.media_link.frames import Role
from otto.telephony.handover import Event, Handovers
from otto.telephony.switchboard_port import CallerFacts, DeskInfo, Redeemed, Reservation

ACCOUNT = "AC00000000000000000000000000000001"
AUTH_TOKEN = "a-token-of-the-test"
ORIGIN = "https://otto.example.com"
FACTS = CallerFacts("+18155550123", "+18155550199")


class Call:
    """A call actor: attaches its three ends of the media link and records what comes."""

    def __init__(self, link_tls=None):
        self.started = None
        self.link_tls = link_tls
        self.events = []
        self.changed = asyncio.Event()
        self.fail_attach = None
        self.control = self.uplink = self.downlink = None
        self.link = ("", "")

    async def attach(self, link_address, link_token, started):
        if self.fail_attach is not None:
            raise self.fail_attach
        self.started = started
        self.link = (link_address, link_token)
        self.control = await connect_control(link_address, link_token, self.link_tls)
        token = await self.control.invite(Role.UPLINK)
        self.uplink = await connect_uplink(link_address, token, tls=self.link_tls)
        token = await self.control.invite(Role.DOWNLINK)
        self.downlink = await connect_downlink(link_address, token, self.link_tls)
        self.reader = asyncio.create_task(self._read())
        self.changed.set()

    async def _read(self):
        while (event := await self.control.read()) is not None:
            self.events.append(event)
            self.changed.set()
        self.events.append(None)
        self.changed.set()

    async def until(self, event, seconds=5):
        async with asyncio.timeout(seconds):
            while event not in self.events:
                self.changed.clear()
                await self.changed.wait()

    def die(self):
        """As a killed process does: every socket breaks."""
        self.reader.cancel()
        for end in (self.control, self.uplink, self.downlink):
            end._end._transport.abort()

    async def close(self):
        if self.control is not None:
            self.reader.cancel()
            for end in (self.control, self.uplink, self.downlink):
                await end.close()


class Switchboard:
    """Hands out `Call`s; `free` of them are left."""

    def __init__(self, free=10, desk_number="+18155550100"):
        self.free = free
        self.desk_info = DeskInfo("All our lines are busy.", desk_number)
        self.directive = "hangup"
        self.broken = None
        self.refuse = None
        self.link_tls = None
        self.reserved = []
        self.redeemed = []
        self.faults_of_redeeming = []
        self.taken_over = []
        self.streams_ended = []
        self.ended = []
        self.calendar_changes = 0
        self.callbacks = []
        self.handovers = Handovers()
        self.calls = []
        self.next_fail_attach = None
        self.changed = asyncio.Event()
        self._tokens = {}
        self._numbers = itertools.count()

    def _check(self):
        if self.broken is not None:
            raise self.broken

    async def reserve(self, call_sid, facts=FACTS, resume=False):
        self._check()
        self.reserved.append((call_sid, facts, resume))
        if self.refuse is not None or self.free == 0:
            return Reservation(None, self.refuse or "full")
        self.free -= 1
        token = f"token-{next(self._numbers)}"
        self._tokens[token] = (call_sid, facts)
        return Reservation(token)

    async def redeem(self, token, call_sid, stream):
        self._check()
        self.redeemed.append((token, call_sid, stream))
        if self.faults_of_redeeming:
            raise self.faults_of_redeeming.pop(0)
        if self._tokens.get(token, ("", None))[0] != call_sid:
            return None
        _, facts = self._tokens.pop(token)
        return Redeemed(self._give(), facts)

    async def take_over(self, call_sid, facts, stream):
        self._check()
        self.taken_over.append((call_sid, facts, stream))
        if self.refuse is not None or self.free == 0:
            return self.refuse or "full"
        self.free -= 1
        return Redeemed(self._give(), facts)

    async def stream_ended(self, call_sid, stream):
        self._check()
        self.streams_ended.append((call_sid, stream))

    def _give(self):
        call = Call(self.link_tls)
        call.fail_attach = self.next_fail_attach
        self.calls.append(call)
        self.changed.set()
        return call

    async def late(self, source, lag_ms):
        self._check()

    async def call_ended(self, call_sid, status):
        self._check()
        self.ended.append((call_sid, status))
        return self.handovers.happened(call_sid, Event.CALLER_GONE).leg

    async def handover(self, call_sid, event, way=None, leg=""):
        self._check()
        return self.handovers.happened(call_sid, event, way, leg)

    async def resume_directive(self, call_sid):
        self._check()
        return self.directive

    async def desk(self):
        self._check()
        return self.desk_info

    async def calendar_changed(self):
        self._check()
        self.calendar_changes += 1

    async def request_callback(self, call_sid, caller):
        self._check()
        self.callbacks.append((call_sid, caller))

    async def call(self, number):
        """The `number`th call actor, attached."""
        async with asyncio.timeout(5):
            while len(self.calls) <= number:
                self.changed.clear()
                await self.changed.wait()
            call = self.calls[number]
            while call.downlink is None:
                await asyncio.sleep(0.005)
        return call

    async def close(self):
        for call in self.calls:
            await call.close()


@pytest.fixture
def ingress_settings():
    twilio = TwilioSettings(
        account_sid=ACCOUNT,
        auth_token=AUTH_TOKEN,
        phone_number="+18155550199",
        api_url="http://127.0.0.1:9",  # nobody is there: TwiML alone has to do
    )
    return Settings(public_origin=ORIGIN, twilio=twilio)


@pytest.fixture
async def switchboard():
    switchboard = Switchboard()
    yield switchboard
    await switchboard.close()


@pytest.fixture
async def serve_asgi():
    """Serve ASGI applications on ports of their own; gives the base URL."""
    servers = []

    async def serve(app, ws="auto"):
        config = uvicorn.Config(
            app, port=0, log_level="warning", timeout_graceful_shutdown=2, ws=ws
        )
        server = uvicorn.Server(config)
        servers.append((server, asyncio.create_task(server.serve())))
        async with asyncio.timeout(5):
            while not server.started:
                await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    yield serve
    for server, task in servers:
        server.should_exit = True
        await task
