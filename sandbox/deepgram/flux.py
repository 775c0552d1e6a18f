"""`/v2/listen`: Flux, the recogniser that decides turns itself, over one WebSocket.

It hears with the same recognisers as `/v1/listen`; what follows from that for the turn is decided
in `flux_turns`. Messages are those of deepgram-sdk 7.17 (`listen/v2/types`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.websockets import WebSocket

from sandbox.audio.formats import AudioFormat
from sandbox.deepgram import wire
from sandbox.deepgram.flux_turns import UPDATE_MS, Thresholds, TurnInfo, Turns
from sandbox.deepgram.recognisers import SLICE, Heard
from sandbox.deepgram.session import LOG, HearingSession, serve
from sandbox.deepgram.wire import ListenQuery, QueryError
from sandbox.world import World

MODELS = ("flux-general-en", "flux-general-multi")
ENDPOINTING_MS = 120
"""A pause after which what was said so far is final to the turn's rules."""
_CONTROLS = ("CloseStream", "Configure", "ForceEndTurn")
_RANGES = {"eot_threshold": (0.5, 1.0), "eager_eot_threshold": (0.3, 0.9)}
_TIMEOUT_MS = (500, 60_000)


@dataclass(frozen=True, slots=True)
class FluxQuery:
    """What the address asks for."""

    model: str
    audio: AudioFormat | None
    thresholds: Thresholds
    keyterms: tuple[str, ...] = ()

    @classmethod
    def parse(cls, query: Mapping[str, str], keyterms: tuple[str, ...] = ()) -> FluxQuery:
        """Raises `QueryError`."""
        model = query.get("model", "")
        if model not in MODELS:
            raise QueryError(f"model must be one of {', '.join(MODELS)}")
        given = {name: query[name] for name in (*_RANGES, "eot_timeout_ms") if name in query}
        return cls(model, wire.audio_sent(query), changed(Thresholds(), given), keyterms)


def changed(thresholds: Thresholds, given: Mapping[str, Any]) -> Thresholds:
    """`thresholds` with those that are `given` under the vendor's names. Raises `QueryError`."""
    values: dict[str, float] = {}
    for name, (least, most) in (*_RANGES.items(), ("eot_timeout_ms", _TIMEOUT_MS)):
        if (value := given.get(name)) is None:
            continue
        try:
            values[name] = float(value)
        except (TypeError, ValueError):
            values[name] = -1.0
        if not least <= values[name] <= most:  # false for what is no number, too
            raise QueryError(f"{name} must be between {least} and {most}")
    found = replace(
        thresholds,
        eot=values.get("eot_threshold", thresholds.eot),
        eager=values.get("eager_eot_threshold", thresholds.eager),
        timeout_ms=int(values.get("eot_timeout_ms", thresholds.timeout_ms)),
    )
    if found.eager is not None and found.eager > found.eot:
        raise QueryError("eager_eot_threshold must not be above eot_threshold")
    return found


async def flux(world: World, websocket: WebSocket, target: str) -> None:
    """Serve one upgrade; see `serve`."""

    def begun() -> FluxSession:
        keyterms = tuple(websocket.query_params.getlist("keyterm"))
        query = FluxQuery.parse(websocket.query_params, keyterms)
        return FluxSession(world, websocket, query, target)

    await serve(world, websocket, target, begun)


class FluxSession(HearingSession):
    """One open conversation's transcription."""

    def __init__(
        self,
        world: World,
        websocket: WebSocket,
        query: FluxQuery,
        target: str = "deepgram.listen",
    ) -> None:
        super().__init__(world, websocket, query.audio, target, "flux")
        self._turns = Turns(query.thresholds)
        self._keyterms = query.keyterms
        self._sequence = 0
        heard = ListenQuery(
            interim_results=True, endpointing_ms=ENDPOINTING_MS, vad_events=True, formatted=True
        )
        self._recogniser = self._recogniser_for(heard, UPDATE_MS)

    def _opened(self) -> None:
        self._post({"type": "Connected"})

    # Receiving

    def _take(self, audio: bytes) -> None:
        """Piece by piece, so that what happens falls on its moment of the audio."""
        for at in range(0, len(audio), SLICE):
            piece = audio[at : at + SLICE]
            self._bytes += len(piece)
            if not self._silent:
                self._recogniser.feed(piece)
                self._tell(self._turns.passed(self._heard_ms))

    async def _control(self, text: str) -> bool:
        """Obey a text frame; False: it was the last."""
        control = wire.control_type(text, _CONTROLS)
        if control is None:
            description = "The message could not be parsed."
            self._post(
                {"type": "Error", "code": "UNPARSABLE_CLIENT_MESSAGE", "description": description}
            )
            await self._finish(1008)
            return False
        kind, body = control
        if kind == "Configure":
            self._configure(body)
        elif kind == "ForceEndTurn":
            self._tell(self._turns.force())
        else:
            self._take(self._inlet.flush())
            await self._recogniser.finalize()
            await self._finish(1000)
            return False
        return True

    def _configure(self, body: dict[str, Any]) -> None:
        try:
            given = body.get("thresholds") or {}
            keyterms = body.get("keyterms", list(self._keyterms))
            if not isinstance(given, dict) or not isinstance(keyterms, list):
                raise QueryError("thresholds must be an object, and keyterms a list")
            self._turns.thresholds = changed(self._turns.thresholds, given)
        except QueryError as error:
            failure = {"code": "INVALID_CONFIGURATION", "description": str(error)}
            self._post({"type": "ConfigureFailure", **failure})
            return
        self._keyterms = tuple(str(keyterm) for keyterm in keyterms)
        now = self._turns.thresholds
        thresholds = {"eot_threshold": now.eot, "eot_timeout_ms": now.timeout_ms}
        if now.eager is not None:
            thresholds["eager_eot_threshold"] = now.eager
        keyterms = list(self._keyterms)
        self._post({"type": "ConfigureSuccess", "thresholds": thresholds, "keyterms": keyterms})

    # Telling

    def _hear(self, heard: Heard) -> None:
        self._tell(self._turns.hear(heard))

    def _tell(self, infos: list[TurnInfo]) -> None:
        for info in infos:
            self._post(_body(info), self._final_delay_ms() if info.event == "EndOfTurn" else 0)

    def _going_out(self, body: dict[str, Any]) -> None:
        """For benchmarks: when each message went out, on the clock all processes share."""
        body |= {"request_id": self.request_id, "sequence_id": self._sequence}
        if body["type"] == "Error":
            del body["request_id"]
        self._sequence += 1
        if body["type"] == "TurnInfo" and body["event"] != "Update":
            self._world.log(LOG).append(
                {
                    "at": time.monotonic(),
                    "request_id": self.request_id,
                    "target": self._target,
                    "kind": body["event"],
                    "audio_ms": self._heard_ms,
                    "text": body["transcript"],
                }
            )


def _body(info: TurnInfo) -> dict[str, Any]:
    """A `TurnInfo` message, but for what counts messages."""
    words = [
        {name: word[name] for name in ("start", "end", "confidence")} | {"word": _written(word)}
        for segment in info.words
        for word in wire.words_of(segment.text, segment.start_ms, segment.end_ms, formatted=True)
    ]
    body = {
        "type": "TurnInfo",
        "event": info.event,
        "turn_index": info.index,
        "audio_window_start": info.window_ms[0] / 1000,
        "audio_window_end": info.window_ms[1] / 1000,
        "transcript": info.transcript,
        "words": words,
        "end_of_turn_confidence": info.confidence,
    }
    return body | ({"trigger": info.trigger} if info.trigger is not None else {})


def _written(word: dict[str, Any]) -> str:
    return str(word["punctuated_word"])
