"""Twilio Media Streams, sans-I/O: WebSocket messages in, events out; no socket, no clock.

    stream = TwilioStream()
    events = stream.receive_text(text)     # raises ProtocolError; the state is then unchanged
    text = stream.media(mulaw)             # and mark(name), clear(): what may be sent

A stream is `CONNECTING` until Twilio says `connected`, `CONNECTED` until `start`, `STREAMING`
until `stop`; `TRANSITIONS` is the whole table. Twilio documents the messages at
https://www.twilio.com/docs/voice/media-streams/websocket-messages. Unknown events and unknown
fields are ignored, because Twilio adds some; known ones are checked, because the rest of Otto
trusts what comes out of here.

Every message goes through `json.loads`. A regular expression for `media` alone was measured at
1.6 µs instead of 4.4: a ten-thousandth of a core a call, not worth a second parser.
"""

from __future__ import annotations

import binascii
import json
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, NamedTuple

MAX_MESSAGE_BYTES = 64 * 1024
MAX_SID_CHARACTERS = 64
"""Twilio's have 34."""
MAX_NUMBER = 2**32 - 1
"""Sequence numbers and milliseconds: 49 days of stream."""
_DTMF_DIGITS = frozenset("0123456789*#ABCD")
_MEDIA_FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


class State(StrEnum):
    """Where a stream is in its life."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    STREAMING = "streaming"
    STOPPED = "stopped"


TRANSITIONS: dict[tuple[State, str], State] = {
    (State.CONNECTING, "connected"): State.CONNECTED,  # always first
    (State.CONNECTED, "start"): State.STREAMING,  # brings the ids and our token
    (State.STREAMING, "media"): State.STREAMING,
    (State.STREAMING, "dtmf"): State.STREAMING,
    (State.STREAMING, "mark"): State.STREAMING,  # the echo of one of ours
    (State.STREAMING, "stop"): State.STOPPED,  # nothing may follow
}
"""Every legal (state, event); anything else is `Fault.OUT_OF_ORDER`."""

KNOWN_EVENTS = frozenset(event for _, event in TRANSITIONS)


class Fault(Enum):
    """What can be wrong with a message: (machine code, Twilio's error number, WebSocket close).

    31950: binary frames are not supported. 31951: invalid message. 31924: protocol error.
    """

    BINARY = ("binary_message", 31950, 1003)
    TOO_LONG = ("message_too_long", 31924, 1009)
    BAD_JSON = ("bad_json", 31951, 1007)
    MALFORMED = ("malformed_message", 31951, 1007)
    WRONG_STREAM = ("wrong_stream_sid", 31951, 1008)
    UNSUPPORTED_FORMAT = ("unsupported_media_format", 31951, 1003)
    OUT_OF_ORDER = ("illegal_transition", 31924, 1002)

    def __init__(self, code: str, twilio_error: int, close_code: int) -> None:
        self.code = code
        self.twilio_error = twilio_error
        self.close_code = close_code


class ProtocolError(Exception):
    """A message that the protocol does not allow. `detail` never holds the message itself."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault.code} (Twilio {fault.twilio_error}): {detail}")
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Connected:
    """The WebSocket speaks Media Streams."""


@dataclass(frozen=True, slots=True)
class Started:
    """The call behind the stream. `custom_parameters` are the `<Parameter>`s of our TwiML."""

    stream_sid: str
    call_sid: str
    account_sid: str
    custom_parameters: dict[str, str]


class Media(NamedTuple):
    """Audio from the caller (a NamedTuple: fifty a second). `at_ms` counts from the start."""

    at_ms: int
    mulaw: bytes


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key: 0-9, *, #, A-D."""

    digit: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Twilio played, or cleared, everything before this mark of ours."""

    name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Twilio ended the stream: the call ended, or its TwiML was replaced."""


StreamEvent = Connected | Started | Media | Dtmf | Mark | Stopped


class TwilioStream:
    """One stream. Messages that repeat or go back in sequence are dropped and counted."""

    def __init__(self) -> None:
        self.state = State.CONNECTING
        self.stream_sid = ""
        self.dropped_messages = 0
        """Messages whose sequence number had been passed already."""
        self.unknown_messages = 0
        self._sequence = 0

    # Receiving

    def receive_text(self, text: str) -> list[StreamEvent]:
        """The events of one text message, none when it is to be ignored.

        Raises `ProtocolError`, after which the stream is as it was before.
        """
        size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if size > MAX_MESSAGE_BYTES:
            raise ProtocolError(Fault.TOO_LONG, f"over {MAX_MESSAGE_BYTES} bytes")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            raise ProtocolError(Fault.BAD_JSON, "not JSON") from None
        if type(message) is not dict:
            raise ProtocolError(Fault.MALFORMED, "not a JSON object")
        name = message.get("event")
        if type(name) is not str:
            raise ProtocolError(Fault.MALFORMED, "no event name")
        if name not in KNOWN_EVENTS:
            self.unknown_messages += 1
            return []
        following = TRANSITIONS.get((self.state, name))
        if following is None:
            raise ProtocolError(Fault.OUT_OF_ORDER, f"{name} while {self.state}")

        if following is State.STREAMING or following is State.STOPPED:
            if name != "start" and message.get("streamSid") != self.stream_sid:
                raise ProtocolError(Fault.WRONG_STREAM, name)
            sequence = _number(message.get("sequenceNumber", self._sequence + 1), "sequenceNumber")
            if sequence <= self._sequence and name != "start":
                self.dropped_messages += 1
                return []
        else:
            sequence = self._sequence

        event = self._parse(name, message)
        if isinstance(event, Started):
            self.stream_sid = event.stream_sid
        self.state = following
        self._sequence = sequence
        return [] if event is None else [event]

    def receive_bytes(self, data: bytes) -> list[StreamEvent]:
        """A binary message: Twilio sends none. Always raises `ProtocolError`."""
        raise ProtocolError(Fault.BINARY, f"{len(data)} bytes")

    # Sending

    def media(self, mulaw: bytes) -> str:
        """Audio to play after what is queued: raw mu-law without a header, of any length."""
        payload = binascii.b2a_base64(mulaw, newline=False).decode("ascii")
        return (
            f'{{"event":"media","streamSid":"{self.stream_sid}","media":{{"payload":"{payload}"}}}}'
        )

    def mark(self, name: str) -> str:
        """Ask for an echo of `name` when all audio sent so far has been played or cleared."""
        return json.dumps({"event": "mark", "streamSid": self.stream_sid, "mark": {"name": name}})

    def clear(self) -> str:
        """Drop the audio queued at Twilio. It echoes all outstanding marks at once."""
        return json.dumps({"event": "clear", "streamSid": self.stream_sid})

    # Parsing

    def _parse(self, name: str, message: dict[str, Any]) -> StreamEvent | None:
        if name == "media":
            return _parse_media(_object(message, "media"))
        if name == "mark":
            return Mark(_text(_object(message, "mark"), "name"))
        if name == "dtmf":
            digit = _text(_object(message, "dtmf"), "digit")
            if digit not in _DTMF_DIGITS:
                raise ProtocolError(Fault.MALFORMED, "dtmf digit")
            return Dtmf(digit)
        if name == "start":
            return _parse_start(message)
        return Connected() if name == "connected" else Stopped()


def _parse_media(media: dict[str, Any]) -> Media | None:
    if media.get("track", "inbound") != "inbound":
        return None  # our own voice; <Connect> does not send it, and it is not the caller
    payload = media.get("payload")
    if type(payload) is not str:
        raise ProtocolError(Fault.MALFORMED, "media payload")
    try:
        mulaw = binascii.a2b_base64(payload, strict_mode=True)
    except ValueError:
        raise ProtocolError(Fault.MALFORMED, "media payload is not base64") from None
    return Media(_number(media.get("timestamp"), "timestamp"), mulaw)


def _parse_start(message: dict[str, Any]) -> Started:
    start = _object(message, "start")
    stream_sid, call_sid, account_sid = (
        _sid(start, key) for key in ("streamSid", "callSid", "accountSid")
    )
    if message.get("streamSid", stream_sid) != stream_sid:
        raise ProtocolError(Fault.WRONG_STREAM, "start")
    media_format = _object(start, "mediaFormat")
    for key, expected in _MEDIA_FORMAT.items():
        if media_format.get(key) != expected:
            raise ProtocolError(Fault.UNSUPPORTED_FORMAT, key)
    given = start.get("customParameters", {})
    if type(given) is not dict or not all(type(value) is str for value in given.values()):
        raise ProtocolError(Fault.MALFORMED, "customParameters")
    return Started(stream_sid, call_sid, account_sid, given)


def _object(message: dict[str, Any], key: str) -> dict[str, Any]:
    value = message.get(key)
    if type(value) is not dict:
        raise ProtocolError(Fault.MALFORMED, key)
    return value


def _text(message: dict[str, Any], key: str) -> str:
    value = message.get(key)
    if type(value) is not str or not value:
        raise ProtocolError(Fault.MALFORMED, key)
    return value


def _sid(message: dict[str, Any], key: str) -> str:
    """One of Twilio's identifiers. It is pasted into what we send, logged, and asked for."""
    value = _text(message, key)
    if len(value) > MAX_SID_CHARACTERS or not value.isascii() or not value.isalnum():
        raise ProtocolError(Fault.MALFORMED, key)
    return value


def _number(value: object, key: str) -> int:
    """Twilio writes its numbers as strings; a plain JSON integer is taken as well."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if type(value) is int and 0 <= value <= MAX_NUMBER:
        return value
    raise ProtocolError(Fault.MALFORMED, key)
