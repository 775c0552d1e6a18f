"""What a call actor and its workers tell each other over the worker stream.

Commands go to a worker, its events and its lateness come back. A message is one MESSAGE frame of
the media link's framing; its payload is MessagePack, `[name of the type, its fields]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import msgspec

from otto.events import Event
from otto.language.languages import Language
from otto.media_link.frames import Frame, Kind, LinkError, encode

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""The history of the longest call, with the tools' schemas, is some hundred kilobytes."""


@dataclass(frozen=True, slots=True)
class Say:
    """To the synthesiser: one more sentence."""

    generation: int
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """To the synthesiser: no sentence of this generation follows."""

    generation: int


@dataclass(frozen=True, slots=True)
class Generate:
    """To the language model: make an answer, of messages and tools as OpenAI has them."""

    round_id: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Cancel:
    """To the synthesiser: nobody wants this generation of speech any more."""

    generation: int


@dataclass(frozen=True, slots=True)
class CancelRound:
    """To the language model: nobody wants this round any more."""

    round_id: int


@dataclass(frozen=True, slots=True)
class Avoid:
    """To every worker: which vendors' providers to leave out from now on, like "stt:fallback"."""

    providers: frozenset[str]


@dataclass(frozen=True, slots=True)
class UseLanguage:
    """To recogniser and synthesiser: the language of the call from now on."""

    language: Language


@dataclass(frozen=True, slots=True)
class Late:
    """From a worker: its event loop was late by so much."""

    lag_ms: float


Command = Say | Finish | Cancel | Generate | CancelRound | Avoid | UseLanguage
Message = Command | Event | Late

_ENCODER = msgspec.msgpack.Encoder()
_ENVELOPE = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])
_DECODERS: dict[str, msgspec.msgpack.Decoder[Message]] = {
    kind.__name__: msgspec.msgpack.Decoder(kind) for kind in get_args(Message)
}


def pack(message: Message) -> bytes:
    """The frame of a message. Raises `LinkError("too_long")`."""
    payload = _ENCODER.encode((type(message).__name__, message))
    return encode(Frame(Kind.MESSAGE, payload), MAX_MESSAGE_BYTES)


def unpack(payload: bytes) -> Message:
    """The message of a frame. Raises `LinkError("malformed")`."""
    try:
        name, fields = _ENVELOPE.decode(payload)
        return _DECODERS[name].decode(fields)
    except (msgspec.DecodeError, KeyError):
        raise LinkError("malformed", "not a message") from None
