"""The caller on the wire: a whole call against a small Otto, in known audio."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from sandbox.audio import carrier
from sandbox.caller.personas import PERSONAS
from sandbox.twilio.call import Call, CallPlan
from sandbox.twilio.exchange import Exchange
from sandbox.world import World

GREETING = "Thank you for calling Otto's Auto. How can I help you today?"

CONNECT = (
    '<Response><Connect><Stream url="{ws}"><Parameter name="token" value="t-1"/></Stream></Connect>'
    "<Redirect>/resume</Redirect></Response>"
)
HANGUP = "<Response><Hangup/></Response>"


@dataclass
class TinyOtto:
    """Otto's side of the wire, as little of it as a conversation needs.

    `talk` is run for every stream with this object and the socket; `twiml` is answered to every
    webhook after `{ws}` in it is replaced by this server's WebSocket address.
    """

    twiml: str
    talk: Callable[[TinyOtto, web.WebSocketResponse], Awaitable[None]]
    forms: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    upgrades: list[tuple[str, str]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    stream_sid: str = ""
    heard: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def say(
        self, socket: web.WebSocketResponse, text: str, mark: str = "", ms_per_character: int = 20
    ) -> bytes:
        """Send `text` as audio, said fast, and a mark behind it; returns the audio."""
        audio = carrier.encode(text, len(text) * ms_per_character)
        await self.send(socket, "media", {"payload": base64.b64encode(audio).decode()})
        if mark:
            await self.send(socket, "mark", {"name": mark})
        return audio

    async def send(
        self, socket: web.WebSocketResponse, event: str, body: dict[str, Any] | None = None
    ) -> None:
        message: dict[str, Any] = {"event": event, "streamSid": self.stream_sid}
        if body is not None:
            message[event] = body
        await socket.send_str(json.dumps(message))

    async def webhook(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        signature = request.headers.get("X-Twilio-Signature", "")
        self.forms.append((request.path_qs, form, signature))
        answer = self.answers.get(request.path, self.twiml)
        return web.Response(text=answer.replace("{ws}", self.ws_url), content_type="text/xml")

    async def media(self, request: web.Request) -> web.WebSocketResponse:
        self.upgrades.append((request.path_qs, request.headers.get("X-Twilio-Signature", "")))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        reader = asyncio.create_task(self._read(socket))
        try:
            await self.talk(self, socket)
        finally:
            await socket.close()
            reader.cancel()
        return socket

    async def _read(self, socket: web.WebSocketResponse) -> None:
        detector = carrier.CarrierDetector()
        while True:
            message = await socket._reader.read()  # type: ignore[union-attr]
            if message.type != aiohttp.WSMsgType.TEXT:
                return
            data = json.loads(message.data)
            self.messages.append(data)
            if data["event"] == "start":
                self.stream_sid = data["streamSid"]
                self.heard.put_nowait("<start>")
            if data["event"] == "mark":
                self.heard.put_nowait(f"<mark {data['mark']['name']}>")
            if data["event"] == "media":
                for event in detector.feed(base64.b64decode(data["media"]["payload"])):
                    if isinstance(event, carrier.Ended):
                        self.heard.put_nowait(event.text)

    async def wait_for(self, wanted: str) -> str:
        """The next thing heard that contains `wanted`."""
        async with asyncio.timeout(20):
            while True:
                text = await self.heard.get()
                if wanted in text:
                    return text

    async def until_streaming(self) -> None:
        """Wait for the stream's `start`."""
        async with asyncio.timeout(5):
            while not self.stream_sid:
                await asyncio.sleep(0.01)

    async def until_voice(self) -> None:
        """Wait for the first frame of the caller's that is not silent."""
        while not any(
            m["event"] == "media" and m["media"]["payload"][:8] != "////////" for m in self.messages
        ):
            await asyncio.sleep(0.02)

    @property
    def ws_url(self) -> str:
        return self.origin.replace("http", "ws") + "/media"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[TinyOtto]:
        app = web.Application()
        app.router.add_get("/media", self.media)
        app.router.add_post("/{tail:.*}", self.webhook)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.origin = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()


async def place(http: aiohttp.ClientSession, twilio: str, otto: TinyOtto, **body: Any) -> str:
    async with http.put(
        f"{twilio}/sandbox/number",
        json={"voice_url": f"{otto.origin}/voice", "status_callback_url": f"{otto.origin}/status"},
    ) as answer:
        assert answer.status == 200
    async with http.post(f"{twilio}/sandbox/calls", json={"persona": "maria", **body}) as answer:
        assert answer.status == 201, await answer.text()
        return (await answer.json())["call_sid"]


async def outcome(http: aiohttp.ClientSession, twilio: str, sid: str) -> dict[str, Any]:
    async with asyncio.timeout(40), http.get(f"{twilio}/sandbox/calls/{sid}/events") as answer:
        assert [json.loads(line) async for line in answer.content]
    async with http.get(f"{twilio}/sandbox/calls/{sid}") as answer:
        return await answer.json()


async def a_booking(otto: TinyOtto, socket: web.WebSocketResponse) -> None:
    await otto.wait_for("<start>")
    await otto.say(socket, GREETING, "1.0")
    assert "oil change" in await otto.wait_for("oil")
    await otto.say(socket, "I have Monday at 9 A M or Tuesday, November twenty-fourth at ten A M.")
    await otto.say(socket, "Which works for you?")
    assert "Tuesday, November 24 at 10:00 AM" in await otto.wait_for("works for me")
    await otto.say(socket, "You're booked for Tuesday. Anything else I can do for you?")
    assert "all" in await otto.wait_for("thank")
    await otto.say(socket, "Thanks for calling. Goodbye.", "bye")
    await otto.wait_for("<mark bye>")


async def test_a_whole_call_signed_spoken_and_measured(
    world: World, twilio: str, http: aiohttp.ClientSession
) -> None:
    validator = RequestValidator(world.auth_token)
    async with TinyOtto(CONNECT, a_booking, answers={"/resume": HANGUP}).running() as otto:
        sid = await place(http, twilio, otto)
        done = await outcome(http, twilio, sid)

        assert done["booked"] and done["chosen"] == "Tuesday, November 24 at 10:00 AM"
        assert done["stages"][-2:] == ["booked", "goodbye"]
        assert done["ended_by"] in {"caller", "twiml_hangup"}
        assert done["warnings"] == []

        path, form, signature = otto.forms[0]
        assert validator.validate(otto.origin + path, form, signature)
        assert form["CallSid"] == sid and form["From"] == "+13125550142"
        assert form["Direction"] == "inbound" and form["CallStatus"] == "ringing"
        path, signature = otto.upgrades[0]
        assert validator.validate(otto.ws_url, {}, signature)
        async with asyncio.timeout(5):
            while otto.forms[-1][0] != "/status":
                await asyncio.sleep(0.01)
        path, form, signature = otto.forms[-1]
        assert form["CallStatus"] == "completed" and form["SequenceNumber"] == "0"
        assert validator.validate(otto.origin + path, form, signature)

        measured = done["measured"]
        assert 0 < measured["twiml_ms"] < 1000 and 0 < measured["greeting_ms"] < 1000
        assert len(measured["turns"]) >= 3
        assert all(0 < turn["latency_ms"] < 2000 for turn in measured["turns"][:2])

        connected, start, *rest = otto.messages
        assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        assert start["sequenceNumber"] == "1"
        assert start["start"]["customParameters"] == {"token": "t-1"}
        media = [message for message in rest if message["event"] == "media"]
        assert [int(m["media"]["chunk"]) for m in media] == list(range(1, len(media) + 1))
        assert [int(m["media"]["timestamp"]) for m in media] == [20 * i for i in range(len(media))]
        assert all(len(base64.b64decode(m["media"]["payload"])) == 160 for m in media)
        numbers = [int(message["sequenceNumber"]) for message in otto.messages[1:]]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_frames_keep_to_the_clock(
    twilio: str, http: aiohttp.ClientSession, world: World
) -> None:
    async def wait(otto: TinyOtto, _socket: web.WebSocketResponse) -> None:
        await otto.wait_for("<start>")
        await asyncio.sleep(2.0)

    async with TinyOtto(CONNECT, wait, answers={"/resume": HANGUP}).running() as otto:
        sid = await place(http, twilio, otto, persona="silent")
        done = await outcome(http, twilio, sid)
    # Two seconds are a hundred frames, however late each single one was.
    assert done["measured"]["frames_sent"] == pytest.approx(100, abs=8)
    assert done["measured"]["streams"] == 1


async def test_clear_echoes_the_marks_at_once_and_the_next_verb_runs_after_a_break(
    twilio: str, http: aiohttp.ClientSession
) -> None:
    marks: list[float] = []

    async def clear(otto: TinyOtto, socket: web.WebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        await otto.wait_for("<start>")
        await otto.say(
            socket, "One moment, please, while I look into the calendar for you", "1.0", 60
        )
        await asyncio.sleep(0.3)
        began = loop.time()
        await otto.send(socket, "clear")
        await otto.wait_for("<mark 1.0>")
        marks.append(loop.time() - began)
        await socket.send_bytes(b"not allowed")
        await socket.send_str("{")
        await socket.send_str('{"event":"clear","streamSid":"MZother"}')
        socket._req.transport.abort()  # type: ignore[union-attr]

    async with TinyOtto(CONNECT, clear, answers={"/resume": HANGUP}).running() as otto:
        sid = await place(http, twilio, otto)
        done = await outcome(http, twilio, sid)
        assert [path for path, _, _ in otto.forms][:2] == ["/voice", "/resume"]
    assert marks[0] < 0.2
    assert done["measured"]["clears"][0]["dropped_ms"] > 2000
    assert {31950, 31951, 31903} == {warning["code"] for warning in done["warnings"]}
    assert done["ended_by"] == "twiml_hangup"


async def test_a_fault_drops_the_line_and_a_refusal_moves_on(
    world: World, twilio: str, http: aiohttp.ClientSession
) -> None:
    async def wait(otto: TinyOtto, _socket: web.WebSocketResponse) -> None:
        await otto.wait_for("<start>")
        await asyncio.sleep(30)

    world.faults.add("twilio", "drop", delay_ms=100, count=1)
    acting = CONNECT.replace("<Connect>", '<Connect action="/after">')
    answers = {"/resume": HANGUP, "/after": HANGUP}
    async with TinyOtto(acting, wait, answers=answers).running() as otto:
        sid = await place(http, twilio, otto)
        assert (await outcome(http, twilio, sid))["ended_by"] == "twiml_hangup"
        path, form, _ = otto.forms[1]
        assert path == "/after" and form["StreamSid"] == otto.stream_sid
        world.faults.add("twilio", "refuse", count=1)
        sid = await place(http, twilio, otto)
        done = await outcome(http, twilio, sid)
    assert [warning["code"] for warning in done["warnings"]] == [31920]
    assert done["measured"]["streams"] == 0


async def test_keys_words_and_hanging_up_can_be_asked_for(
    twilio: str, http: aiohttp.ClientSession
) -> None:
    async def wait(otto: TinyOtto, _socket: web.WebSocketResponse) -> None:
        await otto.wait_for("<start>")
        await otto.wait_for("Hello Otto")

    async with TinyOtto(CONNECT, wait, answers={"/resume": CONNECT}).running() as otto:
        sid = await place(http, twilio, otto, persona="silent")
        await otto.until_streaming()
        for action in ({"press": "5"}, {"say": "Hello Otto"}):
            async with http.post(f"{twilio}/sandbox/calls/{sid}", json=action) as answer:
                assert answer.status == 200
        async with asyncio.timeout(5):
            while len(otto.upgrades) < 2:  # the first stream was closed; the redirect opens another
                await asyncio.sleep(0.01)
        async with http.post(f"{twilio}/sandbox/calls/{sid}", json={"hang_up": True}) as answer:
            assert answer.status == 200
        done = await outcome(http, twilio, sid)
        pressed = [m["dtmf"]["digit"] for m in otto.messages if m["event"] == "dtmf"]
    assert pressed == ["5"] and done["ended_by"] == "caller"
    assert done["measured"]["streams"] == 2


async def test_a_cough_that_stopped_otto_is_measured_until_it_goes_on(
    twilio: str, http: aiohttp.ClientSession
) -> None:
    """Benchmarks read the pause after a false interruption from this."""

    async def stop_and_go_on(otto: TinyOtto, socket: web.WebSocketResponse) -> None:
        await otto.wait_for("<start>")
        await otto.say(socket, f"{GREETING} " + "We have hours and prices. " * 9, "1.0", 60)
        async with asyncio.timeout(5):
            await otto.until_voice()
        await otto.send(socket, "clear")
        await asyncio.sleep(1.0)
        await otto.say(socket, "We have hours and prices.", "1.1", 60)
        await otto.wait_for("<mark 1.1>")

    async with TinyOtto(CONNECT, stop_and_go_on, answers={"/resume": HANGUP}).running() as otto:
        sid = await place(http, twilio, otto, persona="window-shopper")
        await otto.until_streaming()
        async with http.post(f"{twilio}/sandbox/calls/{sid}", json={"cough": "wait"}) as answer:
            assert answer.status == 200
        measured = (await outcome(http, twilio, sid))["measured"]
    [noise] = measured["noises"]
    [clear] = measured["clears"]
    assert 0 < noise["clear_ms"] < 1000
    assert 900 < noise["resumed_monotonic_ms"] - clear["monotonic_ms"] < 1500
    assert not [turn for turn in measured["turns"] if turn["began_ms"] < clear["at_ms"] + 1000]


async def test_the_hurried_caller_cuts_in_and_the_transfer_is_dialled(
    world: World, twilio: str, http: aiohttp.ClientSession
) -> None:
    async def long_winded(otto: TinyOtto, socket: web.WebSocketResponse) -> None:
        await otto.wait_for("<start>")
        await otto.say(socket, f"{GREETING} " + "We have hours and prices. " * 9, "1.0", 60)
        await otto.until_voice()
        await otto.send(socket, "clear")
        await otto.wait_for("oil change")
        await otto.say(socket, "I will connect you with an advisor.", "2.0")
        await otto.wait_for("<mark 2.0>")

    desk = "<Response><Say>Connecting you.</Say><Dial>+18155550123</Dial></Response>"
    async with TinyOtto(CONNECT, long_winded, answers={"/resume": desk}).running() as otto:
        sid = await place(http, twilio, otto, persona="hurried")
        done = await outcome(http, twilio, sid)
    turn = done["measured"]["turns"][0]
    assert turn["interrupting"] and 0 < turn["clear_ms"] < 500
    assert done["measured"]["clears"][0]["dropped_ms"] > 3000
    assert done["ended_by"] == "transferred" and "transferred" in done["stages"]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, "TN-Validation-Passed-A"),
        ({"stir_verstat": "TN-Validation-Failed-B"}, "TN-Validation-Failed-B"),
        ({"stir_verstat": ""}, None),
    ],
)
async def test_what_the_network_says_of_a_number_can_be_chosen(
    asked: dict[str, str], sent: str | None, twilio: str, http: aiohttp.ClientSession
) -> None:
    async with TinyOtto(HANGUP, a_booking).running() as otto:
        await outcome(http, twilio, await place(http, twilio, otto, **asked))
    _, form, _ = otto.forms[0]
    assert form.get("StirVerstat") == sent
    async with http.post(f"{twilio}/sandbox/calls", json={"stir_verstat": 1}) as answer:
        assert answer.status == 400


async def test_a_webhook_that_fails_ends_the_call_with_11200(
    twilio: str, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{twilio}/sandbox/calls", json={"persona": "maria"}) as answer:
        assert answer.status == 409  # the number leads nowhere yet
    async with http.put(
        f"{twilio}/sandbox/number", json={"voice_url": "http://127.0.0.1:9/voice"}
    ) as answer:
        assert answer.status == 200
    async with http.post(f"{twilio}/sandbox/calls", json={"persona": "nobody"}) as answer:
        assert answer.status == 400
    async with http.post(f"{twilio}/sandbox/calls", json={"persona": "maria"}) as answer:
        sid = (await answer.json())["call_sid"]
    done = await outcome(http, twilio, sid)
    assert done["ended_by"] == "error"
    assert [warning["code"] for warning in done["warnings"]] == [11200]


@pytest.mark.speech
async def test_a_real_voice_is_heard_and_answered_in_a_real_voice(
    world: World, twilio: str, http: aiohttp.ClientSession
) -> None:
    await world.voices.load()
    await world.recogniser.load()

    async def talk(otto: TinyOtto, socket: web.WebSocketResponse) -> None:
        async def say(text: str, mark: str) -> None:
            payload = base64.b64encode(await world.voices.synthesise(text)).decode()
            await otto.send(socket, "media", {"payload": payload})
            await otto.send(socket, "mark", {"name": mark})
            await otto.wait_for(f"<mark {mark}>")

        async def answer() -> str:
            """The caller's next words: from their first loud frame to a second of quiet."""
            seen, quiet, audio = len(otto.messages), 0, bytearray()
            async with asyncio.timeout(20):
                while not audio or quiet < 50:
                    await asyncio.sleep(0.02)
                    for message in otto.messages[seen:]:
                        seen += 1
                        if message["event"] != "media":
                            continue
                        frame = base64.b64decode(message["media"]["payload"])
                        loud = bool(frame.strip(b"\xff"))
                        quiet = 0 if loud else quiet + 1
                        if loud or audio:
                            audio += frame
            return (await world.recogniser.transcribe(bytes(audio))).text.lower()

        await otto.wait_for("<start>")
        await say(GREETING, "1.0")
        said = await answer()
        assert "oil" in said or "all change" in said, said
        await say("To make sure it's you, what is your date of birth?", "2.0")
        said = await answer()
        assert "march" in said and "84" in said, said
        await say("I have Monday at nine A M or Tuesday at ten A M. Which works for you?", "3.0")
        said = await answer()
        assert "tuesday" in said, said
        await say("You're booked for Tuesday at ten A M. Goodbye.", "4.0")

    async with TinyOtto(CONNECT, talk, answers={"/resume": HANGUP}).running() as otto:
        sid = await place(http, twilio, otto, speech="real")
        done = await outcome(http, twilio, sid)
    assert done["booked"] and done["stages"][-1] == "goodbye"
    assert done["chosen"] == "Tuesday at 10:00 AM"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"traits": {"zoo": 1}}, "unknown field 'zoo'"),
        ({"traits": {"voice": "zoo"}}, "unknown voice"),
        ({"traits": {"snr_db": 10}, "speech": "known"}, "needs real speech"),
        ({"traits": [1]}, "a mapping of its fields"),
        ({"goal": "book"}, "'goal' cannot be read"),
        ({"facts": {"zoo": 1}}, "unknown field 'facts.zoo'"),
    ],
)
async def test_what_is_wrong_in_a_caller_who_is_asked_for_is_said(
    twilio: str, http: aiohttp.ClientSession, body: dict[str, Any], says: str
) -> None:
    async with http.put(f"{twilio}/sandbox/number", json={"voice_url": "http://127.0.0.1:9/"}):
        pass
    async with http.post(f"{twilio}/sandbox/calls", json={"persona": "maria", **body}) as answer:
        assert answer.status == 400 and says in await answer.text()


async def test_a_text_message_reaches_the_caller_it_is_for(world: World) -> None:
    exchange = Exchange(world)
    calls = []
    for name in ("maria", "new-customer"):
        facts = PERSONAS[name]
        plan = CallPlan(facts, "inbound", "+1", "+1", "known", url="http://127.0.0.1:9/voice")
        async with aiohttp.ClientSession() as session:
            calls.append(Call(world, session, plan, exchange))
        exchange.calls[calls[-1].sid] = calls[-1]
    exchange.send_message("+13125550142", "+18155550100", "Your code is 048213.")
    asked = "What are the six digits in the text message?"
    said = [call.caller.mind.hear(asked).text for call in calls]  # type: ignore[union-attr]
    assert said == ["The code is 0 4 8 2 1 3.", "One moment, it hasn't come yet."]
