"""Twilio's stream protocol: every legal transition, every fault, and arbitrary text."""

import base64
import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from otto.telephony.stream import (
    KNOWN_EVENTS,
    MAX_MESSAGE_BYTES,
    TRANSITIONS,
    Connected,
    Dtmf,
    Fault,
    Mark,
    Media,
    ProtocolError,
    Started,
    State,
    Stopped,
    TwilioStream,
)

STREAM = "MZ00000000000000000000000000000001"
FRAME = bytes(range(160))


def message(event, sequence=None, stream=STREAM, **body):
    text = {"event": event}
    if sequence is not None:
        text["sequenceNumber"] = str(sequence)
    if event != "connected":
        text["streamSid"] = stream
    return json.dumps({**text, **body})


def connected():
    return message("connected", protocol="Call", version="1.0.0")


def start(**changes):
    body = {
        "streamSid": STREAM,
        "accountSid": "AC1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "customParameters": {"token": "t"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }
    return message("start", 1, start={**body, **changes})


def media(sequence=2, at_ms="20", payload=None, **changes):
    payload = base64.b64encode(FRAME).decode() if payload is None else payload
    body = {"track": "inbound", "chunk": "1", "timestamp": at_ms, "payload": payload}
    return message("media", sequence, media={**body, **changes})


def dtmf(digit="5", sequence=3):
    return message("dtmf", sequence, dtmf={"track": "inbound_track", "digit": digit})


def mark(name="1.0", sequence=4):
    return message("mark", sequence, mark={"name": name})


def stop(sequence=5):
    return message("stop", sequence, stop={"accountSid": "AC1", "callSid": "CA1"})


ONE_OF_EACH = {
    "connected": connected(),
    "start": start(),
    "media": media(),
    "dtmf": dtmf(),
    "mark": mark(),
    "stop": stop(),
}
REACH = {
    State.CONNECTING: [],
    State.CONNECTED: [connected()],
    State.STREAMING: [connected(), start()],
    State.STOPPED: [connected(), start(), stop(2)],
}


def stream_in(state):
    stream = TwilioStream()
    for text in REACH[state]:
        stream.receive_text(text)
    assert stream.state is state
    return stream


def test_a_call_from_start_to_stop():
    stream = TwilioStream()
    events = [
        event
        for text in (connected(), start(), media(2), media(3, "40"), dtmf("#", 4), mark("7.3", 5))
        for event in stream.receive_text(text)
    ] + stream.receive_text(stop(6))
    assert events == [
        Connected(),
        Started(STREAM, "CA1", "AC1", {"token": "t"}),
        Media(20, FRAME),
        Media(40, FRAME),
        Dtmf("#"),
        Mark("7.3"),
        Stopped(),
    ]
    assert stream.dropped_messages == stream.unknown_messages == 0


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", sorted(KNOWN_EVENTS))
def test_the_transition_table_is_the_whole_truth(state, event):
    stream = stream_in(state)
    expected = TRANSITIONS.get((state, event))
    if expected is None:
        with pytest.raises(ProtocolError) as caught:
            stream.receive_text(ONE_OF_EACH[event])
        assert caught.value.fault is Fault.OUT_OF_ORDER
        assert stream.state is state
    else:
        assert len(stream.receive_text(ONE_OF_EACH[event])) == 1
        assert stream.state is expected


def bad(text, fault, state=State.STREAMING):
    return pytest.param(text, fault, state, id=f"{fault.code}-{text[:40]!r}"[:60])


@pytest.mark.parametrize(
    ("text", "fault", "state"),
    [
        bad("", Fault.BAD_JSON),
        bad("{", Fault.BAD_JSON),
        bad("[" * 5000, Fault.BAD_JSON),
        bad("[]", Fault.MALFORMED),
        bad("null", Fault.MALFORMED),
        bad("{}", Fault.MALFORMED),
        bad('{"event": 7}', Fault.MALFORMED),
        bad('{"event": "media", "x": "' + "x" * MAX_MESSAGE_BYTES + '"}', Fault.TOO_LONG),
        bad('{"event": "' + "\u20ac" * (MAX_MESSAGE_BYTES // 3) + '"}', Fault.TOO_LONG),
        bad(message("media", 2, stream="MZother", media={}), Fault.WRONG_STREAM),
        bad(message("stop", 2, stream=None), Fault.WRONG_STREAM),
        bad(message("media", 2), Fault.MALFORMED),
        bad(media(payload="not base64!"), Fault.MALFORMED),
        bad(media(payload="QUJD\n"), Fault.MALFORMED),
        bad(media(payload="QUI"), Fault.MALFORMED),
        bad(media(payload="\u00e9"), Fault.MALFORMED),
        bad(media(payload=7), Fault.MALFORMED),
        bad(media(at_ms="-1"), Fault.MALFORMED),
        bad(media(at_ms="4294967296"), Fault.MALFORMED),
        bad(media(at_ms="\u0665"), Fault.MALFORMED),
        bad(media(at_ms=None), Fault.MALFORMED),
        bad(media(sequence="x"), Fault.MALFORMED),
        bad(dtmf("12"), Fault.MALFORMED),
        bad(dtmf("E"), Fault.MALFORMED),
        bad(dtmf(""), Fault.MALFORMED),
        bad(mark(name=7), Fault.MALFORMED),
        bad(start(streamSid='x","event":"clear'), Fault.MALFORMED, State.CONNECTED),
        bad(start(streamSid="MZother"), Fault.WRONG_STREAM, State.CONNECTED),
        bad(start(callSid=""), Fault.MALFORMED, State.CONNECTED),
        bad(start(callSid="CÄ1"), Fault.MALFORMED, State.CONNECTED),
        bad(start(callSid="CA1\ud800"), Fault.MALFORMED, State.CONNECTED),
        bad(start(callSid="CA1\n2026 [info] forged"), Fault.MALFORMED, State.CONNECTED),
        bad(start(callSid="C" * 65), Fault.MALFORMED, State.CONNECTED),
        bad(start(callSid=["CA1"]), Fault.MALFORMED, State.CONNECTED),
        bad(start(accountSid="AC1:x"), Fault.MALFORMED, State.CONNECTED),
        bad(start(), Fault.OUT_OF_ORDER, State.STREAMING),
        bad(start(customParameters={"token": 7}), Fault.MALFORMED, State.CONNECTED),
        bad(start(customParameters=[]), Fault.MALFORMED, State.CONNECTED),
        bad(
            start(mediaFormat={"encoding": "audio/l16"}), Fault.UNSUPPORTED_FORMAT, State.CONNECTED
        ),
        bad(start(mediaFormat=None), Fault.MALFORMED, State.CONNECTED),
    ],
)
def test_faults_are_named_and_leave_the_stream_as_it_was(text, fault, state):
    stream = stream_in(state)
    before = dict(vars(stream))
    with pytest.raises(ProtocolError) as caught:
        stream.receive_text(text)
    assert caught.value.fault is fault
    assert vars(stream) == before


def test_binary_is_refused_with_twilios_number():
    with pytest.raises(ProtocolError) as caught:
        stream_in(State.STREAMING).receive_bytes(b"\x00")
    assert (caught.value.fault.code, caught.value.fault.twilio_error) == ("binary_message", 31950)


def test_repeated_and_late_messages_are_dropped_and_counted():
    stream = stream_in(State.STREAMING)
    assert stream.receive_text(media(9)) != []
    assert stream.receive_text(media(9)) == []
    assert stream.receive_text(stop(3)) == []
    assert stream.state is State.STREAMING
    assert stream.dropped_messages == 2
    assert stream.receive_text(media(12)) != []  # a gap is not a fault


def test_unknown_events_and_fields_are_ignored():
    stream = stream_in(State.STREAMING)
    assert stream.receive_text('{"event":"weather","temperature":{"c":4}}') == []
    assert stream.unknown_messages == 1
    assert stream.receive_text(media(2, confidence="high")) == [Media(20, FRAME)]


@pytest.mark.parametrize("size", [0, 1, 159, 161, 4000, 40_000])
def test_any_payload_size_is_audio(size):
    payload = base64.b64encode(bytes(size)).decode()
    assert stream_in(State.STREAMING).receive_text(media(payload=payload)) == [
        Media(20, bytes(size))
    ]


def test_the_other_track_is_not_the_caller():
    assert stream_in(State.STREAMING).receive_text(media(track="outbound")) == []


@given(st.binary(max_size=2000), st.text(max_size=60))
def test_what_is_sent_is_what_twilio_documents(audio, name):
    stream = stream_in(State.STREAMING)
    sent = json.loads(stream.media(audio))
    assert base64.b64decode(sent["media"].pop("payload")) == audio
    assert sent == {"event": "media", "streamSid": STREAM, "media": {}}
    assert json.loads(stream.mark(name)) == {
        "event": "mark",
        "streamSid": STREAM,
        "mark": {"name": name},
    }
    assert json.loads(stream.clear()) == {"event": "clear", "streamSid": STREAM}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
keys = ("streamSid", "sequenceNumber", "start", "media", "dtmf", "mark", "stop", "payload", "digit")
near_misses = st.builds(
    lambda event, fields, nested: json.dumps(
        {"event": event, "streamSid": STREAM, **fields, event: nested}
    ),
    st.sampled_from(sorted(KNOWN_EVENTS)),
    st.dictionaries(st.sampled_from(keys), json_values),
    st.dictionaries(
        st.sampled_from(
            [*keys, "timestamp", "name", "callSid", "accountSid", "customParameters", "mediaFormat"]
        ),
        json_values,
    ),
)


class AnyStream(RuleBasedStateMachine):
    """Whatever arrives, in whatever order: only ProtocolError, and only legal transitions."""

    def __init__(self):
        super().__init__()
        self.stream = TwilioStream()

    @rule(text=st.text(max_size=300) | json_values.map(json.dumps) | near_misses)
    def garbage(self, text):
        before = self.stream.state
        try:
            events = self.stream.receive_text(text)
        except ProtocolError:
            assert self.stream.state is before
            return
        if self.stream.state is not before:
            assert len(events) == 1
            assert self.stream.state in TRANSITIONS.values()

    @rule(event=st.sampled_from(sorted(ONE_OF_EACH)), sequence=st.integers(0, 50))
    def plausible(self, event, sequence):
        text = json.loads(ONE_OF_EACH[event])
        if "sequenceNumber" in text:
            text["sequenceNumber"] = str(sequence)
        before = (self.stream.state, event)
        with contextlib.suppress(ProtocolError):
            if self.stream.receive_text(json.dumps(text)):
                assert self.stream.state is TRANSITIONS[before]

    @invariant()
    def a_started_stream_has_its_sid(self):
        started = self.stream.state in {State.STREAMING, State.STOPPED}
        assert bool(self.stream.stream_sid) is started


TestAnyStream = AnyStream.TestCase
TestAnyStream.settings = settings(max_examples=60, stateful_step_count=30)
