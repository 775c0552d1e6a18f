"""Conferences, whispers, keys and the desk, as the sandbox's Twilio plays them."""

from __future__ import annotations

import asyncio
import io
import struct

import aiohttp
import pytest
from twilio.twiml.voice_response import Dial, VoiceResponse

from sandbox.audio import carrier
from sandbox.audio.frames import SILENCE_FRAME
from sandbox.twilio import twiml
from sandbox.twilio.conference import Participant, Room, Rooms, as_wav
from sandbox.twilio.desk import DeskError, DeskSetting
from sandbox.twilio.twiml import TwimlError


def test_a_conference_is_read_as_the_sdk_writes_it() -> None:
    response = VoiceResponse()
    dial = Dial(action="/left", timeout=12)
    dial.conference(
        *("CA1",),
        participant_label="caller",
        start_conference_on_enter=False,
        end_conference_on_exit=True,
        beep="false",
        wait_url="/wait?a=1&b=2",
        max_participants=2,
    )
    response.append(dial)
    (verb,) = twiml.parse(str(response))
    room = twiml.Conference("CA1", "caller", False, True, "/wait?a=1&b=2", "POST", 2)
    assert verb == twiml.Dial("", "/left", "POST", 12.0, conference=room)


def test_a_screened_number_and_a_key_are_read() -> None:
    response = VoiceResponse()
    dial = Dial()
    dial.number("+13125550101", url="/whisper")
    response.append(dial)
    gather = response.gather(action="/key", num_digits=1, timeout=6, finish_on_key="")
    gather.say("Press 1")
    assert twiml.parse(str(response)) == (
        twiml.Dial("+13125550101", url="/whisper"),
        twiml.Gather((twiml.Say("Press 1"),), "/key", "POST", 6.0, 1, ""),
    )


@pytest.mark.parametrize(
    "inside",
    [
        "<Conference/>",
        "<Number/>",
        "<Queue>q</Queue>",
        "<Number>+1815</Number><Number>+1816</Number>",
        "<Conference beep='loud'>r</Conference>",
        "<Conference maxParticipants='1'>r</Conference>",
        "<Conference maxParticipants='251'>r</Conference>",
        "<Conference endConferenceOnExit='yes'>r</Conference>",
        "<Conference waitMethod='PUT'>r</Conference>",
    ],
)
def test_what_twilio_refuses_is_refused(inside: str) -> None:
    with pytest.raises(TwimlError):
        twiml.parse(f"<Response><Dial>{inside}</Dial></Response>")


async def test_in_a_room_everybody_hears_the_others_and_nobody_themselves() -> None:
    room = Room("r")
    caller, desk = Participant("CA1", starts=False), Participant("CA2", ends=True)
    carrying = asyncio.create_task(room.carry())
    room.enter(caller)
    await asyncio.sleep(0)
    assert not room.started.is_set(), "one is no conference"
    room.enter(desk)
    assert room.started.is_set()
    caller.say(carrier.encode("hello", 200))
    desk.say(carrier.encode("good morning", 200))
    async with asyncio.timeout(5):
        while caller.is_speaking or desk.is_speaking:
            await asyncio.sleep(0.02)
    room.leave(desk)
    await carrying
    assert (caller.words, desk.words) == (["good morning"], ["hello"])
    assert room.ended.is_set() and room.participants == [caller]


async def test_two_without_anybody_who_starts_it_wait() -> None:
    room = Room("r")
    for each in ("CA1", "CA2"):
        room.enter(Participant(each, starts=False))
    assert not room.started.is_set()


def test_a_room_that_has_ended_is_another_one_next_time() -> None:
    rooms = Rooms()
    room, is_new = rooms.find("CA1")
    assert is_new and rooms.find("CA1") == (room, False)
    me = Participant("CA1")
    room.enter(me)
    room.leave(me)
    other, is_new = rooms.find("CA1")
    assert is_new and other is not room
    rooms.close(room)
    assert rooms.find("CA1") == (other, False), "the new one stays"


def test_the_evidence_is_a_wav_file() -> None:
    file = io.BytesIO(as_wav(SILENCE_FRAME * 3 + b"\x00"))
    riff, size, wave = struct.unpack("<4sI4s", file.read(12))
    assert (riff, wave) == (b"RIFF", b"WAVE") and size == len(file.getvalue()) - 8
    _, length, kind, channels, rate = struct.unpack("<4sIHHI", file.read(16))
    assert (length, kind, channels, rate) == (18, 7, 1, 8000)


@pytest.mark.parametrize(
    "changes",
    [{"behaviour": "sings"}, {"talk_ms": -1}, {"key_ms": True}, {"zoo": 1}, {"answers_ms": "soon"}],
)
async def test_what_the_desk_cannot_be_told_changes_nothing(
    twilio: str, http: aiohttp.ClientSession, changes: dict[str, object]
) -> None:
    async with http.put(f"{twilio}/sandbox/desk", json={"talk_ms": 5, **changes}) as answer:
        assert answer.status == 400
    async with http.get(f"{twilio}/sandbox/desk") as answer:
        assert await answer.json() == DeskSetting().as_dict()
    with pytest.raises(DeskError):
        DeskSetting().update(changes)
