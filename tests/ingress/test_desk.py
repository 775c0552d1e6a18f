"""A caller is handed over to the desk: real webhooks, the real SDK, and Twilio as the sandbox plays
it. Only the switchboard is a double; its handovers are the real ones."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import aiohttp
import pytest
import uvicorn
from pydantic import SecretStr
from twilio.request_validator import RequestValidator

from config.settings import Settings, TwilioSettings
from otto.telephony import desk_line, desk_twiml, twiml
from otto.telephony.handover import Event
from otto.telephony.ingress import voice_app
from sandbox.twilio import desk as sandbox_desk
from sandbox.world import Options, World
from tests.ingress.conftest import Switchboard
from tests.sandbox_phone.conftest import served

SUMMARY = "Maria, a verified customer, asks for a person."
DESK = "+13125550101"


class Handing(Switchboard):
    """A switchboard whose every call has just been sent to the desk."""

    def __init__(self):
        super().__init__(desk_number=DESK)
        self.asked = set()

    async def resume_directive(self, call_sid):
        self._check()
        if call_sid in self.asked:
            return "hangup"
        self.asked.add(call_sid)
        self.handovers.ask(call_sid, SUMMARY)
        return "transfer"

    @property
    def returned(self):
        return [facts.returned for _, facts, resume in self.reserved if resume]


class Line:
    """The sandbox's Twilio, and Otto's webhooks behind its number."""

    def __init__(self, world, twilio, http, origin, switchboard):
        self.world, self.twilio, self.http = world, twilio, http
        self.origin, self.switchboard = origin, switchboard

    async def desk(self, **changes):
        async with self.http.put(f"{self.twilio}/sandbox/desk", json=changes) as answer:
            assert answer.status == 200, await answer.text()

    async def fault(self, kind, **more):
        self.world.faults.add("twilio", kind, **more)

    async def ring(self, status="status", **more):
        number = {"voice_url": f"{self.origin}/twilio/after"}
        number["status_callback_url"] = f"{self.origin}/twilio/{status}"
        async with self.http.put(f"{self.twilio}/sandbox/number", json=number) as answer:
            assert answer.status == 200
        wanted = {"persona": "maria", **more}
        async with self.http.post(f"{self.twilio}/sandbox/calls", json=wanted) as answer:
            return (await answer.json())["call_sid"]

    async def act(self, sid, **what):
        async with self.http.post(f"{self.twilio}/sandbox/calls/{sid}", json=what) as answer:
            assert answer.status == 200, await answer.text()

    async def ended(self, sid):
        async with asyncio.timeout(30):
            async with self.http.get(f"{self.twilio}/sandbox/calls/{sid}/events") as answer:
                async for _ in answer.content:
                    pass
        return await self.outcome(sid)

    async def outcome(self, sid):
        async with self.http.get(f"{self.twilio}/sandbox/calls/{sid}") as answer:
            return await answer.json()

    async def events(self, sid):
        async with self.http.get(f"{self.twilio}/sandbox/calls/{sid}/events") as answer:
            return [line.decode() async for line in answer.content]

    async def legs(self, count=1, seconds=10):
        """The calls to the desk, once there are so many."""
        async with asyncio.timeout(seconds):
            while True:
                async with self.http.get(f"{self.twilio}/sandbox/calls") as answer:
                    sids = [call["call_sid"] for call in await answer.json()]
                found = [await self.outcome(sid) for sid in sids]
                legs = [one for one in found if one["direction"] != "inbound"]
                if len(legs) >= count:
                    return legs
                await asyncio.sleep(0.05)

    async def until(self, sid, *statuses):
        async with asyncio.timeout(10):
            while (await self.outcome(sid))["status"] not in statuses:
                await asyncio.sleep(0.05)

    async def heard(self, sid):
        """What Twilio's own voice said on a call."""
        return "".join(await self.events(sid))


@pytest.fixture
async def line(monkeypatch):
    monkeypatch.setattr(desk_twiml, "KEY_TIMEOUT_S", 1)
    monkeypatch.setattr(desk_twiml, "HOLD_ON_S", 1)
    monkeypatch.setattr(desk_line, "BETWEEN_TRIES_S", 0.05)
    monkeypatch.setattr("sandbox.twilio.call.SAY_MS_PER_WORD", 20)
    world = World(Options(speech="known", rest_ms=0))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with served(world) as twilio, aiohttp.ClientSession() as http:
            settings = Settings(
                public_origin=origin,
                twilio=TwilioSettings(
                    account_sid=world.account_sid,
                    auth_token=SecretStr(world.auth_token),
                    phone_number=world.phone_number,
                    api_url=f"{twilio}/twilio",
                ),
            )
            twilio_settings = settings.twilio.model_copy(update={"desk_ring_s": 2})
            settings = settings.model_copy(update={"twilio": twilio_settings})
            switchboard = Handing()
            config = uvicorn.Config(
                voice_app(settings, switchboard), log_level="warning", lifespan="off"
            )
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started:
                await asyncio.sleep(0.005)
            yield Line(world, twilio, http, origin, switchboard)
            server.should_exit = True
            await serving
            await switchboard.close()


def met(outcome):
    (heard,) = outcome["conferences"]
    return heard


async def test_the_desk_hears_what_it_is_about_takes_the_call_and_they_hear_each_other(line):
    sid = await line.ring()
    caller = await line.ended(sid)
    (leg,) = await line.legs()
    leg = await line.ended(leg["call_sid"])
    assert (caller["ended_by"], caller["status"]) == ("transferred", "completed")
    assert met(caller)["heard"] == [sandbox_desk.GREETING] and met(caller)["heard_bytes"] > 4000
    assert met(leg)["heard"] == [sandbox_desk.CALLERS_WORDS] and met(leg)["heard_bytes"] > 4000
    assert leg["to"] == DESK and leg["status"] == "completed"
    assert f"{SUMMARY} {desk_twiml.DESK_ASKED}" in await line.heard(leg["call_sid"])
    assert desk_twiml.CALLING_THE_DESK in await line.heard(sid)
    assert line.switchboard.reserved == [], "Otto is out of it"
    async with line.http.get(f"{line.twilio}/sandbox/calls/{sid}/conference.wav") as answer:
        assert (await answer.read())[:4] == b"RIFF"


@pytest.mark.parametrize("behaviour", ["refuses", "never_answers", "busy", "machine", "hangs_up"])
async def test_whom_nobody_takes_is_back_with_otto(line, behaviour):
    await line.desk(behaviour=behaviour)
    sid = await line.ring()
    await line.ended(sid)
    assert line.switchboard.returned[:1] == ["nobody"]
    assert {call for call, _, _ in line.switchboard.reserved} == {sid}
    legs = await line.legs()
    assert len(legs) == 1, "the desk is called once"
    assert (await line.ended(legs[0]["call_sid"]))["status"] != "in-progress"


async def test_a_desk_that_hangs_up_first_leaves_the_caller_with_otto(line):
    await line.desk(behaviour="leaves")
    caller = await line.ended(await line.ring())
    assert met(caller)["heard"] == [sandbox_desk.GREETING]
    assert line.switchboard.returned[:1] == ["parted"]


@pytest.mark.parametrize("status", ["status", "nowhere"])
async def test_a_caller_who_hangs_up_while_it_rings_stops_the_ringing(line, status):
    """Twilio tells it twice: at the end of the `<Dial>`, and of the call. Either is enough."""
    await line.desk(behaviour="never_answers")
    sid = await line.ring(status)
    (leg,) = await line.legs()
    await line.until(leg["call_sid"], "ringing")
    await line.act(sid, hang_up=True)
    assert (await line.ended(leg["call_sid"]))["status"] == "canceled"
    assert line.switchboard.returned == []


async def test_a_desk_that_accepts_when_the_caller_has_left_is_told_so(line):
    """Twilio's REST API is away, too, so nobody could end the desk's call."""
    await line.desk(key_ms=1500)
    sid = await line.ring()
    (leg,) = await line.legs()
    await line.until(leg["call_sid"], "in-progress")
    await line.fault("fail")
    await line.act(sid, hang_up=True)
    done = await line.ended(leg["call_sid"])
    assert desk_twiml.CALLER_LEFT in await line.heard(leg["call_sid"])
    assert done["conferences"] == []


@pytest.mark.parametrize(
    ("fault", "legs"),
    [
        ({"kind": "fail"}, 1),
        ({"kind": "lost", "count": 1}, 2),  # placed, and the answer lost
    ],
)
async def test_where_the_rest_api_is_away_the_callers_own_call_dials(line, fault, legs):
    await line.fault(**fault)
    caller = await line.ended(await line.ring())
    found = [await line.ended(leg["call_sid"]) for leg in await line.legs(legs)]
    (screened,) = [leg for leg in found if leg["direction"] == "outbound-dial"]
    assert SUMMARY in await line.heard(screened["call_sid"]), "it is screened all the same"
    assert met(caller)["heard"] == [sandbox_desk.GREETING]
    assert met(screened)["heard"] == [sandbox_desk.CALLERS_WORDS]
    for orphan in (leg for leg in found if leg is not screened):
        assert desk_twiml.CALLER_SERVED in await line.heard(orphan["call_sid"])
        assert orphan["conferences"] == []


@pytest.mark.parametrize("behaviour", ["refuses", "never_answers", "busy", "machine"])
async def test_a_dialled_desk_that_does_not_take_it_sends_the_caller_back(line, behaviour):
    await line.fault("fail")
    await line.desk(behaviour=behaviour)
    caller = await line.ended(await line.ring())
    assert line.switchboard.returned[:1] == ["nobody"]
    assert not any(each["heard"] for each in caller["conferences"])


async def test_a_call_that_twilio_places_too_late_is_ended(line, monkeypatch):
    monkeypatch.setattr(desk_line, "RING_TIMEOUT_S", 0.3)
    await line.desk(behaviour="never_answers", answers_ms=5000)
    await line.fault("slow", delay_ms=1000, count=1)
    await line.ring()
    legs = await line.legs(2)
    orphan = next(leg for leg in legs if leg["direction"] == "outbound-api")
    assert (await line.ended(orphan["call_sid"]))["status"] == "canceled"


async def test_whom_nothing_can_fetch_back_is_promised_a_callback_where_they_wait(line):
    await line.desk(behaviour="refuses")
    sid = await line.ring()
    await line.legs()
    await line.fault("fail")  # from now on
    async with asyncio.timeout(15):
        while not line.switchboard.callbacks:
            await asyncio.sleep(0.05)
    said = f"{desk_twiml.NOBODY_FREE} {twiml.CALLBACK_PROMISE} {desk_twiml.HANG_UP_NOW}"
    await asyncio.sleep(0.5)
    await line.act(sid, hang_up=True)
    await line.ended(sid)
    assert said in await line.heard(sid)
    assert line.switchboard.callbacks[0][0] == sid


async def test_out_of_hours_nobody_is_dialled(line):
    then = "when we open at 7:30 AM on Monday"
    line.switchboard.desk_info = replace(line.switchboard.desk_info, closed=then)
    sid = await line.ring()
    await line.ended(sid)
    assert twiml.CALLBACK_THEN.format(when=then) in await line.heard(sid)
    assert line.switchboard.callbacks == [(sid, "+13125550142")]
    with pytest.raises(TimeoutError):
        await line.legs(seconds=0.3)


async def test_out_of_hours_a_withheld_number_is_promised_nothing(line):
    then = "when we open at 7:30 AM on Monday"
    line.switchboard.desk_info = replace(line.switchboard.desk_info, closed=then)
    sid = await line.ring(**{"from": "+266696687"})
    await line.ended(sid)
    assert twiml.CALL_AGAIN_THEN.format(when=then) in await line.heard(sid)
    assert line.switchboard.callbacks == []


async def test_all_lines_busy_and_no_answer_at_the_desk_is_a_callback(line):
    line.switchboard.free = 0
    await line.desk(behaviour="busy")
    async with line.http.put(
        f"{line.twilio}/sandbox/number", json={"voice_url": f"{line.origin}/twilio/voice"}
    ) as answer:
        assert answer.status == 200
    async with line.http.post(f"{line.twilio}/sandbox/calls", json={"persona": "maria"}) as answer:
        sid = (await answer.json())["call_sid"]
    await line.ended(sid)
    assert twiml.CALLBACK_PROMISE in await line.heard(sid)
    assert [call for call, _ in line.switchboard.callbacks] == [sid]


async def test_a_broken_switchboard_still_puts_them_through(line):
    assert (await line.http.get(f"{line.origin}/readyz")).status == 200
    line.switchboard.broken = RuntimeError("restarting")
    caller = await line.ended(await line.ring())
    assert caller["ended_by"] == "transferred"
    assert met(caller)["heard"] == [sandbox_desk.GREETING]


async def test_a_switchboard_that_breaks_while_it_rings_lets_them_meet(line):
    await line.desk(key_ms=800)
    sid = await line.ring()
    (leg,) = await line.legs()
    await line.until(leg["call_sid"], "in-progress")
    line.switchboard.broken = RuntimeError("restarting")
    assert met(await line.ended(sid))["heard"] == [sandbox_desk.GREETING]


PAGES = ["wait", "answer", "key", "status", "left", "alone", "dialled"]


@pytest.mark.parametrize("page", PAGES)
async def test_a_stranger_reaches_nothing(line, page):
    url = f"{line.origin}/twilio/desk/{page}"
    form = {"CallSid": "CA1", "CallStatus": "in-progress", "Digits": "1"}
    signed = RequestValidator(line.world.auth_token).compute_signature(f"{url}?call=CA1", form)
    for signature in ("", "forged", signed):
        headers = {"X-Twilio-Signature": signature} if signature else {}
        # The query is signed, too: another call's is a stranger's.
        async with line.http.post(f"{url}?call=CA2", data=form, headers=headers) as answer:
            assert answer.status == 403
    assert not (line.switchboard.reserved or line.switchboard.callbacks)


async def test_webhooks_that_come_again_change_nothing(line):
    await line.desk(behaviour="never_answers")
    validator = RequestValidator(line.world.auth_token)

    async def post(path, **form):
        url = line.origin + path
        headers = {"X-Twilio-Signature": validator.compute_signature(url, form)}
        async with line.http.post(url, data=form, headers=headers) as answer:
            assert answer.status == 200
            return await answer.text()

    sid = await line.ring()
    (leg,) = await line.legs()
    line.switchboard.resume_directive = transfer
    caller = {"CallSid": sid, "From": "+13125550142", "To": "+18155550100"}
    again = await post("/twilio/after", CallStatus="in-progress", **caller)
    assert "<Conference" in again
    del line.switchboard.resume_directive
    assert len(await line.legs()) == 1, "the desk is not called twice"
    query = f"?call={sid}&way=room"
    for _ in range(2):
        await post(f"/twilio/desk/status{query}", CallSid=leg["call_sid"], CallStatus="no-answer")
    late = await post(f"/twilio/desk/key{query}", CallSid=leg["call_sid"], Digits="1")
    assert desk_twiml.CALLER_SERVED in late or desk_twiml.CALLER_LEFT in late
    await line.ended(sid)
    assert line.switchboard.returned[:1] == ["nobody"]
    assert line.switchboard.handovers.happened(sid, Event.WAITING).leg == leg["call_sid"]


async def transfer(call_sid):
    return "transfer"
