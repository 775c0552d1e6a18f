"""The media link's frames, sans-I/O: bytes in, frames out.

A frame is a 4-byte big-endian length of what follows, one byte of kind, and the payload:

    | length: u32 | kind: u8 | payload: length - 1 bytes |

The peer that connects says HELLO and is answered WELCOME or REFUSED. Then, by role:

    uplink    ingress -> worker   AUDIO   u32 media time in ms, mu-law
    downlink  worker -> ingress   SPEECH  u32 generation, mu-law;  MARK  u32 generation, u32 index
    control   worker -> ingress   CLEAR   u32 generation;  HANGUP;  CHECKPOINT  bytes;  PONG;
                                  INVITE  JSON object: a role
              ingress -> worker   EVENT   JSON object;  PING;  INVITATION  JSON object: a token

The worker stream (between a call actor and its workers) has the same framing, and MESSAGE frames.

END (JSON object with a reason) closes a connection on purpose in either direction; a connection
that ends without it was lost.
"""

from __future__ import annotations

import json
import struct
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

MAX_PAYLOAD_BYTES = 64 * 1024
AUDIO_BYTES_PER_MS = 8
"""Mu-law at 8 kHz: one byte a sample."""

_HEAD = struct.Struct("!IB")
_AUDIO_HEAD = struct.Struct("!IBI")
_NUMBER = struct.Struct("!I")
_PAIR = struct.Struct("!II")
_LENGTH = struct.Struct("!I")


class LinkError(Exception):
    """The link was refused, or the peer broke its protocol. `code` is for machines."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"media link: {code}" + (f" ({detail})" if detail else ""))
        self.code = code


class Role(StrEnum):
    """What a connection carries. One connection of each role is attached at a time."""

    UPLINK = "uplink"
    DOWNLINK = "downlink"
    CONTROL = "control"


class Kind(IntEnum):
    """The frame kinds; see the module's docstring for their payloads."""

    HELLO = 1
    WELCOME = 2
    REFUSED = 3
    AUDIO = 4
    SPEECH = 5
    MARK = 6
    CLEAR = 7
    HANGUP = 8
    EVENT = 9
    END = 10
    PING = 11
    PONG = 12
    CHECKPOINT = 13
    MESSAGE = 14
    INVITE = 15
    INVITATION = 16


_KINDS = frozenset(int(kind) for kind in Kind)


class Frame(NamedTuple):
    """One frame; `kind` is a value of `Kind` (an int: this is the hot path)."""

    kind: int
    payload: bytes


def encode(frame: Frame, max_payload: int = MAX_PAYLOAD_BYTES) -> bytes:
    """The bytes of any frame. Raises `LinkError("too_long")`."""
    if len(frame.payload) > max_payload:
        raise LinkError("too_long")
    return _HEAD.pack(len(frame.payload) + 1, frame.kind) + frame.payload


def encode_json(kind: Kind, value: dict[str, Any]) -> bytes:
    """A frame whose payload is a JSON object."""
    return encode(Frame(kind, json.dumps(value, separators=(",", ":")).encode()))


def encode_audio(kind: Kind, number: int, mulaw: bytes) -> bytes:
    """AUDIO (`number` is media time in ms) or SPEECH (a generation), in one concatenation."""
    size = len(mulaw) + 4
    if size > MAX_PAYLOAD_BYTES:
        raise LinkError("too_long")
    return _AUDIO_HEAD.pack(size + 1, kind, number) + mulaw


def encode_mark(generation: int, index: int) -> bytes:
    """A MARK."""
    return encode(Frame(Kind.MARK, _PAIR.pack(generation, index)))


def encode_clear(generation: int) -> bytes:
    """A CLEAR of this generation and all before it."""
    return encode(Frame(Kind.CLEAR, _NUMBER.pack(generation)))


PING = encode(Frame(Kind.PING, b""))
PONG = encode(Frame(Kind.PONG, b""))


def decode_number_and_audio(payload: bytes) -> tuple[int, bytes]:
    """The payload of AUDIO or SPEECH. Raises `LinkError("malformed")`."""
    if len(payload) < 4:
        raise LinkError("malformed", "audio without its number")
    return int.from_bytes(payload[:4], "big"), payload[4:]


def decode_mark(payload: bytes) -> tuple[int, int]:
    """(generation, index). Raises `LinkError("malformed")`."""
    try:
        generation, index = _PAIR.unpack(payload)
    except struct.error:
        raise LinkError("malformed", "mark") from None
    return generation, index


def decode_number(payload: bytes) -> int:
    """The generation of a CLEAR. Raises `LinkError("malformed")`."""
    if len(payload) != 4:
        raise LinkError("malformed", "number")
    return int.from_bytes(payload, "big")


def decode_json(payload: bytes) -> dict[str, Any]:
    """A JSON object. Raises `LinkError("malformed")`."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        raise LinkError("malformed", "not JSON") from None
    if not isinstance(value, dict):
        raise LinkError("malformed", "not a JSON object")
    return value


class FrameDecoder:
    """Cuts a byte stream into frames, however it arrives.

    `max_payload` starts small for a stranger and is raised once the peer has said who it is.
    After a `LinkError` the stream has no frame boundary any more: close the connection.
    """

    def __init__(self, max_payload: int = MAX_PAYLOAD_BYTES) -> None:
        self.max_payload = max_payload
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Every frame that is complete now. Raises `LinkError` too_long, empty, unknown_kind."""
        if self._rest:
            data = self._rest + data
        frames: list[Frame] = []
        at = 0
        end = len(data)
        while end - at >= 5:
            (length,) = _LENGTH.unpack_from(data, at)
            kind = data[at + 4]
            if length - 1 > self.max_payload:
                raise LinkError("too_long")
            if length == 0:
                raise LinkError("empty")
            if kind not in _KINDS:
                raise LinkError("unknown_kind")
            stop = at + 4 + length
            if stop > end:
                break
            frames.append(Frame(kind, data[at + 5 : stop]))
            at = stop
        self._rest = data[at:]
        return frames
