"""`/v2/listen`: Flux, the recogniser that decides turns itself, over one WebSocket.

It hears with the same recognisers as `/v1/listen`; what follows from that for the turn is decided
in `flux_turns`. Messages are those of deepgram-sdk 7.17 (`listen/v2/types`).
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.websockets import WebSocket

from sandbox.audio import mulaw
from sandbox.audio.formats import AudioFormat, Inlet, UndecodableError
from sandbox.deepgram import wire
from sandbox.deepgram.flux_turns import UPDATE_MS, Thresholds, TurnInfo, Turns
from sandbox.deepgram.recognisers import SLICE, Heard, KnownRecogniser, Recogniser
from sandbox.deepgram.wire import ListenQuery, QueryError
from sandbox.faults import Kind
from sandbox.world import World

LOG = "deepgram"
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
    """Serve one upgrade: refuse it, or hear until one side ends. `target` is what faults name."""
    fault = await world.faults.meet(target, "slow", "fail", "refuse")
    if fault is not None:
        await websocket.send_denial_response(wire.refusal_of(fault))
        return
    if not wire.authorised(websocket, world.api_key):
        await websocket.send_denial_response(wire.refusal(401, "Invalid credentials."))
        return
    try:
        keyterms = tuple(websocket.query_params.getlist("keyterm"))
        query = FluxQuery.parse(websocket.query_params, keyterms)
    except QueryError as error:
        await websocket.send_denial_response(wire.refusal(400, str(error)))
        return
    session = FluxSession(world, websocket, query, target)
    with world.faults.exposing(target, session):
        await session.run()


class FluxSession:
    """One open conversation's transcription."""

    def __init__(
        self,
        world: World,
        websocket: WebSocket,
        query: FluxQuery,
        target: str = "deepgram.listen",
    ) -> None:
        self.request_id = str(uuid.uuid4())
        self._world = world
        self._websocket = websocket
        self._target = target
        self._inlet = Inlet(query.audio, is_known=world.options.speech == "known")
        self._turns = Turns(query.thresholds)
        self._keyterms = query.keyterms
        self._outbox: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self._sequence = 0
        self._bytes = 0
        self._active_at = 0.0
        self._silent = False  # a "stall" has struck: read on, say nothing
        self._recogniser: Recogniser = self._choose_recogniser()
        self._helpers: list[asyncio.Task[None]] = []

    def _choose_recogniser(self) -> Recogniser:
        query = ListenQuery(
            interim_results=True, endpointing_ms=ENDPOINTING_MS, vad_events=True, formatted=True
        )
        if self._world.options.speech == "known":
            return KnownRecogniser(query, self._hear, UPDATE_MS)
        from sandbox.deepgram.recognising import RealRecogniser  # as in `listen`

        return RealRecogniser(query, self._hear, UPDATE_MS, self._world.recogniser)

    async def run(self) -> None:
        """Accept, and go on until the client or we close; nothing is left running."""
        self._active_at = asyncio.get_running_loop().time()
        try:
            await self._websocket.accept(headers=[(b"dg-request-id", self.request_id.encode())])
            self._post({"type": "Connected"})
            self._helpers = [
                self._world.spawn(self._send_outbox(), "deepgram-flux-send"),
                self._world.spawn(self._watch_idle(), "deepgram-flux-idle"),
            ]
            await self._receive()
        finally:
            for helper in self._helpers:
                helper.cancel()
            await asyncio.gather(*self._helpers, return_exceptions=True)
            await self._recogniser.close()

    def strike(self, kind: Kind) -> None:
        """A fault that was not waited for."""
        self._silent |= wire.strike(self._world, self._websocket, kind, "deepgram-flux-1011")

    # Receiving

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        faults = self._world.faults
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._active_at = loop.time()
            audio = message.get("bytes")
            if audio is None:
                if not await self._control(message["text"]):
                    return
                continue
            if (fault := faults.take(self._target, "drop", "stall")) is not None:
                if fault.kind == "drop":
                    await asyncio.sleep(fault.delay_ms / 1000)
                    wire.break_off(self._websocket)
                    return
                self._silent = True
            try:
                self._take(self._inlet.feed(audio))
            except UndecodableError:
                await wire.undecodable(self._websocket)
                return

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

    async def _finish(self, code: int) -> None:
        """Everything is told, and then it is over."""
        told = asyncio.ensure_future(self._outbox.join())
        await asyncio.wait({told, *self._helpers}, return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            told.cancel()  # the client did not stay for its last words
            return
        await self._websocket.close(code)

    # Telling

    @property
    def _heard_ms(self) -> int:
        return self._bytes // mulaw.BYTES_PER_MS

    def _hear(self, heard: Heard) -> None:
        self._tell(self._turns.hear(heard))

    def _tell(self, infos: list[TurnInfo]) -> None:
        for info in infos:
            delay_ms = 0
            if info.event == "EndOfTurn":
                slow = self._world.faults.take(self._target, "slow")
                delay_ms = slow.delay_ms if slow is not None else 0
                if isinstance(self._recogniser, KnownRecogniser):
                    delay_ms += self._world.options.listen_final_delay_ms
            self._post(_body(info), delay_ms)

    def _post(self, body: dict[str, Any], delay_ms: int = 0) -> None:
        due = asyncio.get_running_loop().time() + delay_ms / 1000
        self._outbox.put_nowait((due, body))

    async def _send_outbox(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, body = await self._outbox.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            try:
                if not self._silent:
                    body |= {"request_id": self.request_id, "sequence_id": self._sequence}
                    if body["type"] == "Error":
                        del body["request_id"]
                    self._sequence += 1
                    self._record(body)
                    await self._websocket.send_text(json.dumps(body))
            finally:
                # Also when the client has gone: whoever waits for the rest must not wait for ever.
                self._outbox.task_done()

    def _record(self, body: dict[str, Any]) -> None:
        """For benchmarks: when each message went out, on the clock all processes share."""
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

    async def _watch_idle(self) -> None:
        loop = asyncio.get_running_loop()
        while (left := self._active_at + wire.IDLE_S - loop.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        await wire.time_out(self._websocket)


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
