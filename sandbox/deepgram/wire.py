"""Deepgram's wire, both ways: the query, the key, the refusals and the messages.

Shapes are those of deepgram-sdk 7.17 (`listen/v1/types`, `speak/v1/types`), which the tests hold
them to; behaviour is that of developers.deepgram.com. Where neither speaks, the text says so.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.audio.formats import SAMPLE_BYTES, TELEPHONE, AudioFormat
from sandbox.faults import Fault, Kind
from sandbox.world import World

IDLE_S = 10.0
"""With neither audio nor KeepAlive for this long, Deepgram closes (NET-0001)."""
NET_0001 = "NET-0001: no audio data or KeepAlive was received within the timeout window"
DATA_0000 = "DATA-0000: the payload cannot be decoded as audio"
MODEL_UUID = "30089e05-99d1-4376-b32e-c263170674af"
_MIN_UTTERANCE_END_MS = 1000
_DEFAULT_ENDPOINTING_MS = 10
_LEAST_HZ, _MOST_HZ = 8000, 48_000
_SPOKEN_RATES = {
    "linear16": ("24000", "8000", "16000", "32000", "48000"),
    "mulaw": ("8000", "16000"),
    "alaw": ("8000", "16000"),
}
"""The default of each comes first."""
_ERROR_OF_STATUS = {
    400: "INVALID_QUERY_PARAMETER",
    401: "INVALID_AUTH",
    402: "ASR_PAYMENT_REQUIRED",
    403: "INSUFFICIENT_PERMISSIONS",
    429: "TOO_MANY_REQUESTS",
}


class QueryError(ValueError):
    """The address asks for something that Deepgram refuses. The message goes into `dg-error`."""


@dataclass(frozen=True, slots=True)
class ListenQuery:
    """What the address of a transcription asks for. `endpointing_ms` None: switched off."""

    model: str = "general"
    interim_results: bool = False
    endpointing_ms: int | None = _DEFAULT_ENDPOINTING_MS
    utterance_end_ms: int | None = None
    vad_events: bool = False
    formatted: bool = False
    """`smart_format` or `punctuate`: else words are lower case without punctuation."""
    audio: AudioFormat | None = TELEPHONE
    """None: it comes in a container."""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> ListenQuery:
        """Raises `QueryError` for what the vendor, or this stand-in, refuses."""
        if query.get("channels", "1") != "1":
            raise QueryError("channels must be 1")
        interim = _flag(query, "interim_results")
        endpointing = query.get("endpointing", str(_DEFAULT_ENDPOINTING_MS))
        utterance_end = query.get("utterance_end_ms")
        if utterance_end is not None and not interim:
            raise QueryError("utterance_end_ms requires interim_results=true")
        return cls(
            model=query.get("model", "general"),
            interim_results=interim,
            endpointing_ms=(
                None if endpointing == "false" else _whole(endpointing, "endpointing", 0)
            ),
            utterance_end_ms=(
                None
                if utterance_end is None
                else _whole(utterance_end, "utterance_end_ms", _MIN_UTTERANCE_END_MS)
            ),
            vad_events=_flag(query, "vad_events"),
            formatted=_flag(query, "smart_format") or _flag(query, "punctuate"),
            audio=audio_sent(query),
        )


@dataclass(frozen=True, slots=True)
class SpeakQuery:
    """What the address of a synthesis asks for."""

    model: str
    audio: AudioFormat

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> SpeakQuery:
        """Defaults and choices are the vendor's for streams (tts-media-output-settings). Raises
        `QueryError`."""
        if query.get("container", "none") != "none":
            raise QueryError("container must be none for streamed audio")
        encoding = query.get("encoding", "linear16")
        if encoding not in _SPOKEN_RATES:
            raise QueryError(f"encoding must be one of {', '.join(_SPOKEN_RATES)}")
        rates = _SPOKEN_RATES[encoding]
        rate = query.get("sample_rate", rates[0])
        if rate not in rates:
            raise QueryError(f"sample_rate of {encoding} must be one of {', '.join(rates)}")
        return cls(query.get("model", "aura-asteria-en"), AudioFormat(encoding, int(rate)))


def audio_sent(query: Mapping[str, str]) -> AudioFormat | None:
    """The audio that a client announces; None when it names no encoding: then it has to come in a
    container (docs/encoding). Raises `QueryError`."""
    encoding = query.get("encoding")
    if encoding is None:
        return None
    if encoding not in SAMPLE_BYTES:
        known = ", ".join(SAMPLE_BYTES)
        raise QueryError(f"encoding must be one of {known}: this stand-in decodes no other")
    if "sample_rate" not in query:
        raise QueryError("sample_rate is required with encoding")
    rate = _whole(query["sample_rate"], "sample_rate", _LEAST_HZ)
    if rate > _MOST_HZ:
        raise QueryError(f"sample_rate must be a whole number of at most {_MOST_HZ}")
    return AudioFormat(encoding, rate)


def _flag(query: Mapping[str, str], name: str) -> bool:
    value = query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise QueryError(f"{name} must be true or false")
    return value == "true"


def _whole(value: str, name: str, least: int) -> int:
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise QueryError(f"{name} must be a whole number of at least {least}")
    return int(value)


def authorised(websocket: WebSocket, key: str) -> bool:
    """Whether the upgrade carries the key: `Authorization: Token KEY` (or `Bearer`)."""
    scheme, _, given = websocket.headers.get("authorization", "").partition(" ")
    return scheme.lower() in ("token", "bearer") and hmac.compare_digest(
        given.strip().encode(), key.encode()
    )


def refusal(status: int, reason: str = "") -> Response:
    """The answer to an upgrade that is refused: HTTP with `dg-error` and `dg-request-id`."""
    request_id = str(uuid.uuid4())
    code = _ERROR_OF_STATUS.get(status, "INTERNAL_SERVER_ERROR")
    message = reason or f"refused with status {status}"
    return JSONResponse(
        {"err_code": code, "err_msg": message, "request_id": request_id},
        status_code=status,
        headers={"dg-error": message, "dg-request-id": request_id},
    )


def refusal_of(fault: Fault) -> Response:
    """The refusal that `fault` asks for; "refuse" is the project's concurrency limit."""
    if fault.kind == "refuse":
        return refusal(429, "too many concurrent requests")
    return refusal(fault.status)


async def undecodable(websocket: WebSocket) -> None:
    """Close as Deepgram does when what it is sent is no audio."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await websocket.close(1008, DATA_0000)


async def time_out(websocket: WebSocket) -> None:
    """Close as Deepgram does when it has heard nothing for too long."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # closed already, by either side
        await websocket.close(1011, NET_0001)


def break_off(websocket: WebSocket) -> None:
    """Break the connection as a network does: no close frame."""
    websocket.scope["extensions"]["sandbox.abort"]["abort"]()


def strike(world: World, websocket: WebSocket, kind: Kind, task: str) -> bool:
    """Carry out a fault that was not waited for. True: the connection has to fall silent."""
    if kind == "drop":
        break_off(websocket)
    elif kind != "stall":
        world.spawn(time_out(websocket), task)
    return kind == "stall"


def words_of(text: str, start_ms: int, end_ms: int, formatted: bool) -> list[dict[str, Any]]:
    """The words of `text`, each given its share of the time by its length."""
    words = text.split()
    total = sum(len(word) + 1 for word in words)
    found: list[dict[str, Any]] = []
    passed = 0
    for word in words:
        begin = start_ms + (end_ms - start_ms) * passed // total
        passed += len(word) + 1
        end = start_ms + (end_ms - start_ms) * passed // total
        entry: dict[str, Any] = {
            "word": plain(word) or word.lower(),
            "start": begin / 1000,
            "end": end / 1000,
            "confidence": 0.98,
        }
        if formatted:
            entry["punctuated_word"] = word
        found.append(entry)
    return found


def plain(text: str) -> str:
    """`text` as it comes without smart_format: lower case, no punctuation."""
    kept = "".join(c if c.isalnum() or c in "' " else " " for c in text.lower())
    return " ".join(kept.split())


def results(
    query: ListenQuery,
    request_id: str,
    text: str,
    span_ms: tuple[int, int],
    *,
    is_final: bool,
    speech_final: bool,
    from_finalize: bool,
    confidence: float,
) -> dict[str, Any]:
    """A `Results` message for the words between the two ends of `span_ms`."""
    start_ms, end_ms = span_ms
    transcript = text if query.formatted else plain(text)
    words = words_of(text, start_ms, end_ms, query.formatted) if text else []
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "duration": (end_ms - start_ms) / 1000,
        "start": start_ms / 1000,
        "is_final": is_final,
        "speech_final": speech_final,
        "from_finalize": from_finalize,
        "channel": {
            "alternatives": [{"transcript": transcript, "confidence": confidence, "words": words}]
        },
        "metadata": {
            "request_id": request_id,
            "model_info": {"name": query.model, "version": "2026-01-01.0", "arch": "sandbox"},
            "model_uuid": MODEL_UUID,
        },
    }


def listen_metadata(
    request_id: str, duration_ms: int, digest: str, now: datetime
) -> dict[str, Any]:
    """The summary before the end of a transcription."""
    return {
        "type": "Metadata",
        "transaction_key": "deprecated",
        "request_id": request_id,
        "sha256": digest,
        "created": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "duration": duration_ms / 1000,
        "channels": 1,
    }


def speak_metadata(request_id: str, model: str) -> dict[str, Any]:
    """The first message of a synthesis."""
    return {
        "type": "Metadata",
        "request_id": request_id,
        "model_name": model,
        "model_version": "2026-01-01.0",
        "model_uuid": MODEL_UUID,
        "additional_model_uuids": [],
    }


def schema_error(message: str) -> dict[str, Any]:
    """The answer to a text frame that is not understood; the socket stays open.

    The SDK's `ListenV1Error` names the variant; that the socket stays open is an assumption.
    """
    return {
        "type": "Error",
        "variant": "SchemaError",
        "description": "Could not deserialize last text message",
        "message": message[:200],
    }


def control_type(text: str, known: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """The kind and the body of a control frame, or None when it is not one of `known`."""
    try:
        body = json.loads(text)
    except ValueError:
        return None
    if not isinstance(body, dict) or body.get("type") not in known:
        return None
    return body["type"], body
