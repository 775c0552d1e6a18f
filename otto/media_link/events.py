"""What happens on the line, as the ingress tells the call actor over the control connection.

An event is one EVENT frame; its payload is a JSON object with the event's name and its fields.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import structlog

from otto.media_link.frames import Kind, LinkError, Role, decode_json, encode_json

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Playing:
    """The first audio of a generation was written to Twilio."""

    generation: int


@dataclass(frozen=True, slots=True)
class MarkPlayed:
    """Twilio sent a mark back: what stood before it was played, or `cleared`."""

    generation: int
    index: int
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The `number`th key of the stream. Who takes a call over is told all of them."""

    digit: str
    number: int


@dataclass(frozen=True, slots=True)
class WorkerSilent:
    """The worker that has this role gives no sign of life."""

    role: Role


@dataclass(frozen=True, slots=True)
class LineStopped:
    """Twilio ended the stream: the caller hung up, or the call goes elsewhere."""


@dataclass(frozen=True, slots=True)
class LineLost:
    """Twilio's socket broke; its next verb may bring the call back."""


LineEvent = Playing | MarkPlayed | KeyPressed | WorkerSilent | LineStopped | LineLost

_NAMES: dict[type[LineEvent], str] = {
    Playing: "playing",
    MarkPlayed: "mark",
    KeyPressed: "dtmf",
    WorkerSilent: "silent",
    LineStopped: "stop",
    LineLost: "lost",
}
_KINDS = {name: kind for kind, name in _NAMES.items()}


def encode_event(event: LineEvent) -> bytes:
    """The frame of an event."""
    return encode_json(Kind.EVENT, {"event": _NAMES[type(event)], **asdict(event)})


def decode_event(payload: bytes) -> LineEvent | None:
    """The event of a frame; None for one that this release does not know.

    Raises `LinkError("malformed")`.
    """
    fields = decode_json(payload)
    name = fields.pop("event", None)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        log.debug("line_event_unknown")
        return None
    try:
        if kind is WorkerSilent:
            return WorkerSilent(Role(fields["role"]))
        return kind(**fields)
    except (TypeError, ValueError, KeyError):
        raise LinkError("malformed", f"event {json.dumps(name)}") from None
