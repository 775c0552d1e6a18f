"""Twilio's end of a stream, the playback buffer and the TwiML reader, without any I/O."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect as SdkConnect
from twilio.twiml.voice_response import VoiceResponse

from sandbox.audio.frames import frames_of
from sandbox.twilio import twiml
from sandbox.twilio.line import (
    AudioReceived,
    Cleared,
    Line,
    LineError,
    PlaybackBuffer,
)
from sandbox.twilio.signing import sign


def line() -> Line:
    return Line("MZ1", "CA1", "AC1", {"token": "t"})


def media(audio: bytes, sid: str = "MZ1") -> str:
    payload = base64.b64encode(audio).decode()
    return json.dumps({"event": "media", "streamSid": sid, "media": {"payload": payload}})


def mark(name: str) -> str:
    return json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}})


def names(messages: list[str]) -> list[str]:
    return [json.loads(message)["mark"]["name"] for message in messages]


PIECES = st.lists(st.one_of(st.binary(min_size=1, max_size=700), st.integers(0, 99)), max_size=30)


@given(PIECES, st.integers(1, 500))
def test_what_goes_in_is_played_once_in_order_and_every_mark_at_its_place(
    pieces: list[bytes | int], step: int
) -> None:
    buffer = PlaybackBuffer()
    due: dict[int, int] = {}  # mark's index -> bytes before it
    total = 0
    for index, piece in enumerate(pieces):
        if isinstance(piece, bytes):
            buffer.add(piece)
            total += len(piece)
        else:
            buffer.mark(str(index))
            due[index] = total
    reached = {int(name): 0 for name in buffer.due()}
    played = b""
    while buffer.size_bytes:
        audio, marks = buffer.take(step)
        assert len(audio) == min(step, total - len(played))
        before = len(played)
        played += audio
        for name in marks:
            assert before < due[int(name)] <= len(played)
            reached[int(name)] = len(played)
    assert played == b"".join(piece for piece in pieces if isinstance(piece, bytes))
    assert sorted(reached) == sorted(due)
    assert buffer.take(step) == (b"", [])


def test_marks_are_echoed_when_reached_and_at_once_when_nothing_is_before_them() -> None:
    it = line()
    it.receive(mark("now"))
    assert names(it.echoes()) == ["now"]
    it.receive(media(b"\x10" * 400))
    it.receive(mark("a"))
    it.receive(media(b"\x20" * 80))
    it.receive(mark("b"))
    assert it.play() == b"\x10" * 160 and it.echoes() == []
    it.play()
    assert it.echoes() == []
    assert it.play() == b"\x10" * 80 + b"\x20" * 80
    assert names(it.echoes()) == ["a", "b"]
    assert it.play() == b""


def test_clear_drops_the_audio_and_echoes_all_outstanding_marks() -> None:
    it = line()
    for name in ("a", "b"):
        it.receive(media(b"\x10" * 800))
        it.receive(mark(name))
    it.play()
    assert it.receive('{"event":"clear","streamSid":"MZ1"}') == Cleared(180)
    assert names(it.echoes()) == ["a", "b"]
    assert it.play() == b"" and it.echoes() == []
    it.receive(media(b"\x30" * 160))
    assert it.play() == b"\x30" * 160


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\x00\x01", 31950),
        ("{", 31951),
        ("[]", 31951),
        (media(b"x", "MZ2"), 31951),
        ('{"event":"clear"}', 31951),
        ('{"event":"play","streamSid":"MZ1"}', 31951),
        ('{"event":"media","streamSid":"MZ1"}', 31951),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":"***"}}', 31951),
        ('{"event":"mark","streamSid":"MZ1","mark":{"name":7}}', 31951),
    ],
)
def test_bad_messages_have_twilios_codes_and_change_nothing(
    message: str | bytes, code: int
) -> None:
    it = line()
    with pytest.raises(LineError) as error:
        it.receive(message)
    assert error.value.code == code
    assert it.play() == b"" and it.echoes() == []


def test_ten_minutes_fill_the_buffer() -> None:
    it = line()
    for _ in range(10):
        assert it.receive(media(b"\x10" * 480_000)) == AudioReceived(480_000, silent=False)
    with pytest.raises(LineError) as error:
        it.receive(media(b"\x10"))
    assert error.value.code == 31931


def test_silence_is_known_from_sound() -> None:
    assert line().receive(media(b"\xff\x7f\xfe" * 40)) == AudioReceived(120, silent=True)


def test_every_number_on_the_wire_is_a_string_and_counts_up() -> None:
    it = line()
    start = json.loads(it.start())
    assert start["sequenceNumber"] == "1" and start["start"]["mediaFormat"] == {
        "encoding": "audio/x-mulaw",
        "sampleRate": 8000,
        "channels": 1,
    }
    first, second = json.loads(it.media()), json.loads(it.media(frames_of(b"\x10" * 10)[0]))
    assert first["media"]["chunk"] == "1" and first["media"]["timestamp"] == "0"
    assert base64.b64decode(first["media"]["payload"]) == b"\xff" * 160
    assert second["sequenceNumber"] == "3" and second["media"]["timestamp"] == "20"
    assert base64.b64decode(second["media"]["payload"]) == b"\x10" * 10 + b"\xff" * 150
    assert json.loads(it.dtmf("5"))["dtmf"] == {"track": "inbound_track", "digit": "5"}
    assert json.loads(it.stop())["stop"] == {"accountSid": "AC1", "callSid": "CA1"}
    assert it.media_ms == 40


FORMS = st.dictionaries(st.text("abcXYZ", min_size=1, max_size=5), st.text(max_size=8), max_size=6)


@given(FORMS)
def test_the_sdk_accepts_the_signature_and_no_other(form: dict[str, str]) -> None:
    url = "https://otto.example.com/twilio/voice?x=1"
    validator = RequestValidator("secret")
    assert validator.validate(url, form, sign("secret", url, form))
    assert not validator.validate(url, form, sign("other", url, form))
    assert not validator.validate(url, {**form, "Extra": "1"}, sign("secret", url, form))


def test_the_sdks_twiml_is_read() -> None:
    response = VoiceResponse()
    response.say("Please hold.", loop=2)
    connect = SdkConnect(action="/after")
    stream = connect.stream(url="wss://otto.example.com/media")
    stream.parameter(name="token", value="a&b")
    response.append(connect)
    response.redirect("/resume?a=1&b=2")
    response.dial("+18155550123", timeout=20)
    response.pause(length=2)
    response.record(max_length=30)
    response.gather(timeout=3).say("Press one.")
    response.reject("busy")
    response.hangup()
    assert twiml.parse(str(response)) == (
        twiml.Say("Please hold.", 2),
        twiml.Connect(
            twiml.Stream("wss://otto.example.com/media", parameters=(("token", "a&b"),)), "/after"
        ),
        twiml.Redirect("/resume?a=1&b=2"),
        twiml.Dial("+18155550123", timeout_s=20),
        twiml.Pause(2),
        twiml.Record(max_length_s=30),
        twiml.Gather((twiml.Say("Press one."),), timeout_s=3),
        twiml.Reject("busy"),
        twiml.Hangup(),
    )


def stream(url: str, inside: str = "", more: str = "") -> str:
    return f'<Response><Connect><Stream url="{url}" {more}>{inside}</Stream></Connect></Response>'


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", 12100),
        ("<Response>", 12100),
        ("<Hello/>", 12100),
        ("<Response><Fly/></Response>", 12200),
        ("<Response><Dial/></Response>", 12200),
        ("<Response><Redirect/></Response>", 12200),
        ("<Response><Connect/></Response>", 12200),
        ("<Response><Redirect method='PUT'>/x</Redirect></Response>", 12200),
        ("<Response><Pause length='long'/></Response>", 12200),
        (stream("wss://otto.example.com/media?token=1"), 31920),
        (stream("ws://otto.example.com/media"), 11100),
        (stream("https://otto.example.com/media"), 11100),
        (stream("wss://o.example.com/m", more='track="both_tracks"'), 31941),
        (stream("wss://o.example.com/m", f'<Parameter name="t" value="{"x" * 500}"/>'), 12200),
    ],
)
def test_what_twilio_refuses_is_refused(document: str, code: int) -> None:
    with pytest.raises(twiml.TwimlError) as error:
        twiml.parse(document)
    assert error.value.code == code


def test_plain_ws_is_for_loopback() -> None:
    for url in ("ws://127.0.0.1:8000/media/stream", "ws://localhost/m", "ws://[::1]:1/m"):
        twiml.check_stream_url(url)
