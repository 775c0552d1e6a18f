"""The media stream over a real WebSocket: both directions, bad streams, and lost call actors."""

import asyncio
import base64
import json

import pytest
import websockets
from twilio.request_validator import RequestValidator

from otto.media_link import server as link_server
from otto.media_link.client import connect_downlink
from otto.media_link.events import KeyPressed, LineLost, LineStopped, MarkPlayed, Playing
from otto.media_link.frames import LinkError
from otto.media_link.server import LinkServer
from otto.telephony import call_attachment
from otto.telephony.ingress import media_app
from otto.telephony.media_protocol import PROTOCOL
from otto.telephony.media_socket import MediaSocket
from tests.ingress.conftest import FACTS

URL = "wss://otto.example.com/media/stream"
STREAM = "MZ00000000000000000000000000000001"
ACCOUNT = "AC00000000000000000000000000000001"
FRAME = bytes(range(160))


class Twilio:
    """Twilio's side of one stream."""

    def __init__(self, socket):
        self.socket = socket
        self.sequence = 0

    async def send(self, event, **body):
        self.sequence += 1
        message = {"event": event, "sequenceNumber": str(self.sequence), "streamSid": STREAM}
        await self.socket.send(json.dumps({**message, **body}))

    async def begin(self, token="", call_sid="CA1", account=ACCOUNT):
        await self.socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        await self.send(
            "start",
            start={
                "streamSid": STREAM,
                "accountSid": account,
                "callSid": call_sid,
                "tracks": ["inbound"],
                "customParameters": {"token": token, "caller": "+1815", "called": "+1816"},
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            },
        )

    async def speak(self, at_ms, mulaw=FRAME):
        payload = base64.b64encode(mulaw).decode()
        media = {"track": "inbound", "chunk": "1", "timestamp": str(at_ms), "payload": payload}
        await self.send("media", media=media)

    async def hear(self):
        return json.loads(await asyncio.wait_for(self.socket.recv(), 5))

    async def close_code(self):
        """Reads on until our side closes."""
        with pytest.raises(websockets.ConnectionClosed) as caught:
            while True:
                await asyncio.wait_for(self.socket.recv(), 5)
        return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.fixture
def upgrade(ingress_settings):
    """Headers of a signed upgrade."""
    validator = RequestValidator(ingress_settings.twilio.auth_token.get_secret_value())
    return {"X-Twilio-Signature": validator.compute_signature(URL, {})}


@pytest.fixture(params=["auto", PROTOCOL], ids=["pulled", "pushed"])
async def media_url(ingress_settings, switchboard, serve_asgi, request):
    """Every test runs with messages that are received and with messages that are pushed."""
    url = await serve_asgi(media_app(ingress_settings, switchboard), ws=request.param)
    return url.replace("http", "ws") + "/media/stream"


@pytest.fixture
async def twilio(media_url, upgrade):
    options = {"additional_headers": upgrade, "compression": None}
    async with websockets.connect(media_url, **options) as socket:
        yield Twilio(socket)


@pytest.fixture
async def served(twilio, switchboard):
    """A stream with its call actor attached: (twilio, call)."""
    token = (await switchboard.reserve("CA1")).token
    await twilio.begin(token)
    return twilio, await switchboard.call(0)


@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": "forged"}])
async def test_an_unsigned_upgrade_is_refused(media_url, headers):
    with pytest.raises(websockets.InvalidStatus) as caught:
        await websockets.connect(media_url, additional_headers=headers)
    assert caught.value.response.status_code == 403


async def test_a_signature_does_not_cover_a_query(media_url, upgrade):
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(f"{media_url}?a=b", additional_headers=upgrade)


async def test_the_caller_is_heard_and_otto_is_played(served):
    twilio, call = served
    assert call.started.call_sid == "CA1"
    assert call.started.facts == FACTS, "and not what the stream's start claims"
    assert (call.started.taken_over, call.started.first_generation) == (False, 0)
    await twilio.speak(0)
    assert await call.uplink.read() == (0, FRAME)
    call.downlink.send_audio(1, b"hello" * 200)
    call.downlink.send_mark(1, 0)
    heard = await twilio.hear()
    assert heard["event"] == "media"
    assert base64.b64decode(heard["media"]["payload"]) == b"hello" * 200
    assert (await twilio.hear())["mark"] == {"name": "1.0"}
    await call.until(Playing(1))
    await twilio.send("mark", mark={"name": "1.0"})
    await twilio.send("mark", mark={"name": "not ours"})
    await twilio.send("dtmf", dtmf={"track": "inbound_track", "digit": "5"})
    await call.until(KeyPressed("5", 1))
    assert call.events == [
        Playing(1),
        MarkPlayed(1, 0, False),
        KeyPressed("5", 1),
    ]


async def test_audio_before_the_call_actor_is_not_lost(twilio, switchboard):
    token = (await switchboard.reserve("CA1")).token
    await twilio.begin(token)
    for number in range(20):
        await twilio.speak(number * 20)
    call = await switchboard.call(0)
    heard = b""
    while len(heard) < 20 * 160:
        heard += (await asyncio.wait_for(call.uplink.read(), 5))[1]
    assert heard == FRAME * 20


async def test_clear_silences_and_flags_the_marks_echoed_after_it(served):
    twilio, call = served
    call.downlink.send_audio(1, FRAME)
    call.downlink.send_mark(1, 0)
    assert [(await twilio.hear())["event"] for _ in range(2)] == ["media", "mark"]
    call.control.clear(1)
    assert (await twilio.hear())["event"] == "clear"
    await twilio.send("mark", mark={"name": "1.0"})
    await call.until(MarkPlayed(1, 0, True))
    call.downlink.send_audio(1, FRAME)  # late: nobody hears it
    call.downlink.send_audio(2, b"new")
    assert base64.b64decode((await twilio.hear())["media"]["payload"]) == b"new"


async def test_stop_tells_the_call_and_closes(served):
    twilio, call = served
    await twilio.send("stop", stop={"accountSid": ACCOUNT, "callSid": "CA1"})
    assert await twilio.close_code() == (1000, "stop")
    await call.until(None)
    assert call.events[-2:] == [LineStopped(), None]


async def test_a_socket_that_breaks_tells_the_call(served):
    twilio, call = served
    twilio.socket.transport.abort()
    await call.until(LineLost())


async def test_hangup_closes_the_stream(served):
    twilio, call = served
    call.control.hangup()
    assert await twilio.close_code() == (1000, "hangup")


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (b"binary", 1003, "binary_message"),
        ("{", 1007, "bad_json"),
        ('{"event":"connected"}', 1002, "illegal_transition"),
        ('{"event":"media","streamSid":"other"}', 1008, "wrong_stream_sid"),
        ("x" * 70_000, 1009, "message_too_long"),
    ],
)
async def test_a_fault_in_the_stream_ends_it_by_name(served, message, code, reason):
    twilio, call = served
    await twilio.socket.send(message)
    assert await twilio.close_code() == (code, reason)
    await call.until(LineLost())


@pytest.mark.parametrize(
    ("begin", "reason"),
    [
        ({"token": "guess"}, "bad_token"),
        ({"token": ""}, "bad_token"),
        ({"token": "token-0", "call_sid": "CA2"}, "bad_token"),
        ({"token": "token-0", "account": "AC2"}, "wrong_account"),
    ],
)
async def test_a_stream_without_its_token_is_closed(twilio, switchboard, begin, reason):
    await switchboard.reserve("CA1")
    await twilio.begin(**begin)
    assert await twilio.close_code() == (1008, reason)
    assert switchboard.calls == []


async def test_a_token_serves_once(media_url, upgrade, served):
    async with websockets.connect(media_url, additional_headers=upgrade) as socket:
        second = Twilio(socket)
        await second.begin("token-0")
        assert await second.close_code() == (1008, "bad_token")


@pytest.fixture
def short_start_timeout(ingress_settings):
    ingress_settings.call.stream_start_timeout_s = 0.1


@pytest.mark.parametrize("says", [[], ['{"event":"connected"}']])
async def test_a_stream_without_start_is_closed(short_start_timeout, twilio, says):
    for text in says:
        await twilio.socket.send(text)
    assert await twilio.close_code() == (1008, "no_start")


async def test_a_call_actor_that_cannot_attach_is_replaced_at_once(twilio, switchboard):
    """Reserved while it lived, dead when the stream came: the caller must not notice."""
    switchboard.next_fail_attach = RuntimeError("the actor died")
    token = (await switchboard.reserve("CA1")).token
    await twilio.begin(token)
    async with asyncio.timeout(5):
        while not switchboard.calls:
            await asyncio.sleep(0.005)
    switchboard.next_fail_attach = None
    second = await switchboard.call(len(switchboard.calls))
    assert second.started.taken_over
    await twilio.speak(0)
    assert await second.uplink.read() == (0, FRAME)


async def test_a_call_that_nobody_can_attach_goes_back_to_twilio(twilio, switchboard, monkeypatch):
    monkeypatch.setattr(call_attachment, "RECOVERY_TIMEOUT_S", 0.3)
    switchboard.next_fail_attach = RuntimeError("the actor died")
    await twilio.begin((await switchboard.reserve("CA1")).token)
    assert await twilio.close_code() == (1011, "call_actor_lost")


async def test_a_call_actor_that_is_stopped_is_replaced_and_locked_out(
    served, switchboard, monkeypatch
):
    """Its sockets still stand: only the pings that it does not answer tell."""
    twilio, zombie = served
    monkeypatch.setattr(link_server, "PING_EVERY_S", 0.02)
    transport = zombie.control._end._transport
    transport.pause_reading()  # as SIGSTOP does to the whole process
    token_before = zombie.link[1]
    second = await switchboard.call(1)
    assert second.started.taken_over
    with pytest.raises(LinkError, match="bad_token"):
        await connect_downlink(zombie.link[0], token_before)
    transport.resume_reading()
    await zombie.until(None)
    assert zombie.control.was_replaced
    assert zombie.control.is_over
    with pytest.raises(ConnectionError):
        zombie.control.hangup()
    with pytest.raises(ConnectionError):
        for _ in range(1000):  # its voice: what the ingress has ended refuses more
            zombie.downlink.send_audio(0, FRAME)
            await asyncio.sleep(0.001)
    second.downlink.send_audio(second.started.first_generation, b"sorry")
    heard = await twilio.hear()
    while base64.b64decode(heard["media"]["payload"]) != b"sorry":
        heard = await twilio.hear()
    assert second.control.lease_age_s < 1.5


async def test_a_hang_up_is_one_even_when_the_server_cancels_first(ingress_settings, switchboard):
    """Serve cancels the request at the disconnect, while `stop` still waits to be read."""
    links = LinkServer()
    await links.start()
    waiting = asyncio.Queue()
    sent = []

    async def send(message):
        sent.append(message)

    socket = MediaSocket(waiting.get, send, ingress_settings, switchboard, links)
    server = asyncio.create_task(socket.serve())
    token = (await switchboard.reserve("CA1")).token

    class Queue:
        async def send(self, text):
            waiting.put_nowait({"type": "websocket.receive", "text": text})

    waiting.put_nowait({"type": "websocket.connect"})
    twilio = Twilio(Queue())
    await twilio.begin(token)
    call = await switchboard.call(0)
    await twilio.send("stop", stop={"accountSid": ACCOUNT, "callSid": "CA1"})
    waiting.put_nowait({"type": "websocket.disconnect"})
    server.cancel()
    await call.until(None)
    assert call.events == [LineStopped(), None]
    await links.close()


async def test_a_lost_call_actor_is_replaced_while_the_line_is_held(served, switchboard):
    twilio, first = served
    first.downlink.send_audio(4, FRAME)
    await twilio.hear()
    await twilio.speak(0)
    first.die()
    second = await switchboard.call(1)
    assert switchboard.taken_over == [("CA1", FACTS, switchboard.redeemed[0][2])]
    assert (second.started.taken_over, second.started.first_generation) == (True, 5)
    assert await second.uplink.read() == (0, FRAME)  # replayed from the ring
    second.downlink.send_audio(5, b"sorry")
    assert base64.b64decode((await twilio.hear())["media"]["payload"]) == b"sorry"
    second.die()
    third = await switchboard.call(2)
    assert third.started.first_generation == 6


async def test_a_full_pool_is_asked_again_while_the_line_is_held(served, switchboard):
    twilio, first = served
    switchboard.free = 0
    first.die()
    async with asyncio.timeout(5):
        while len(switchboard.taken_over) < 3:
            await asyncio.sleep(0.01)
    switchboard.free = 1
    second = await switchboard.call(1)
    second.control.hangup()
    assert await twilio.close_code() == (1000, "hangup")


async def test_without_another_call_actor_the_line_goes_back_to_twilio(
    served, switchboard, monkeypatch
):
    monkeypatch.setattr(call_attachment, "RECOVERY_TIMEOUT_S", 0.3)
    twilio, first = served
    switchboard.broken = RuntimeError("gone")
    first.die()
    assert await twilio.close_code() == (1011, "call_actor_lost")


async def test_a_call_that_kills_its_actors_is_given_up(served, switchboard):
    twilio, call = served
    for number in range(1, call_attachment.MAX_RECOVERIES + 1):
        call.die()
        call = await switchboard.call(number)
    call.die()
    assert await twilio.close_code() == (1011, "call_actor_lost")


async def test_a_twilio_that_does_not_read_throttles_otto_and_clear_frees_it(served):
    twilio, call = served
    twilio.socket.transport.pause_reading()

    async def talk():
        for index in range(1000):
            call.downlink.send_audio(1, bytes(16_000))
            call.downlink.send_mark(1, index)
            await call.downlink.drain()

    talking = asyncio.create_task(talk())
    await asyncio.wait([talking], timeout=0.5)
    assert not talking.done()
    call.control.clear(1)
    await asyncio.wait_for(talking, 5)
    twilio.socket.transport.resume_reading()
    heard = {}
    while heard.get("event") != "clear":
        heard = await twilio.hear()


async def test_nothing_is_left_after_many_streams(media_url, upgrade, switchboard):
    for number in range(10):
        async with websockets.connect(media_url, additional_headers=upgrade) as socket:
            twilio = Twilio(socket)
            await twilio.begin((await switchboard.reserve("CA1")).token)
            call = await switchboard.call(number)
            call.control.hangup()
            await twilio.close_code()
            await call.until(None)
    parts = ("MediaSocket", "LineWriter", "CallAttachment")
    async with asyncio.timeout(5):
        while [t for t in asyncio.all_tasks() if any(part in repr(t.get_coro()) for part in parts)]:
            await asyncio.sleep(0.01)


async def test_messages_before_start_are_counted(twilio):
    """The upgrade's signature has no date: whoever has seen one may open streams."""
    await twilio.socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    for _ in range(20):
        await twilio.socket.send('{"event":"news"}')
    assert await twilio.close_code() == (1008, "no_start")


async def test_audio_before_start_ends_the_stream(twilio, switchboard):
    await twilio.socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    await twilio.speak(20)
    assert await twilio.close_code() == (1002, "illegal_transition")
    assert switchboard.calls == []
