"""`/v1/listen`: Deepgram's live transcription over one WebSocket.

The session knows the protocol; what it hears with (sandbox.deepgram.recognisers) is chosen by the
world's option `speech` when the socket opens.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from dataclasses import replace
from typing import Any

from starlette.websockets import WebSocket

from sandbox.audio import mulaw
from sandbox.audio.formats import Inlet, UndecodableError
from sandbox.deepgram import wire
from sandbox.deepgram.recognisers import (
    Gap,
    Heard,
    KnownRecogniser,
    Recogniser,
    VoiceStarted,
    Words,
)
from sandbox.deepgram.wire import ListenQuery, QueryError
from sandbox.faults import Kind
from sandbox.world import World

LOG = "deepgram"
EMPTY_EVERY_MS = 1000
_CONTROLS = ("KeepAlive", "Finalize", "CloseStream")


async def listen(world: World, websocket: WebSocket, target: str) -> None:
    """Serve one upgrade: refuse it, or hear until one side ends. `target` is what faults name."""
    fault = await world.faults.meet(target, "slow", "fail", "refuse")
    if fault is not None:
        await websocket.send_denial_response(wire.refusal_of(fault))
        return
    if not wire.authorised(websocket, world.api_key):
        await websocket.send_denial_response(wire.refusal(401, "Invalid credentials."))
        return
    try:
        query = ListenQuery.parse(websocket.query_params)
    except QueryError as error:
        await websocket.send_denial_response(wire.refusal(400, str(error)))
        return
    session = ListenSession(world, websocket, query, target)
    with world.faults.exposing(target, session):
        await session.run()


class ListenSession:
    """One open transcription."""

    def __init__(
        self,
        world: World,
        websocket: WebSocket,
        query: ListenQuery,
        target: str = "deepgram.listen",
    ) -> None:
        self.request_id = str(uuid.uuid4())
        self._world = world
        self._websocket = websocket
        self._query = query
        self._target = target
        self._inlet = Inlet(query.audio, is_known=world.options.speech == "known")
        self._outbox: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self._bytes = 0
        self._active_at = 0.0
        self._silent = False  # a "stall" has struck: read on, say nothing
        self._empty_from_ms: int | None = None  # "interims" has struck: up to where all was said
        self._recogniser: Recogniser = self._choose_recogniser()
        self._helpers: list[asyncio.Task[None]] = []

    def _choose_recogniser(self) -> Recogniser:
        options = self._world.options
        if options.speech == "known":
            return KnownRecogniser(self._query, self._hear, options.listen_interim_ms)
        # Imported here: known mode needs neither the recogniser's nor the detector's libraries.
        from sandbox.deepgram.recognising import RealRecogniser

        return RealRecogniser(
            self._query, self._hear, options.listen_interim_ms, self._world.recogniser
        )

    async def run(self) -> None:
        """Accept, and go on until the client or we close; nothing is left running."""
        self._active_at = asyncio.get_running_loop().time()
        try:
            await self._websocket.accept(headers=[(b"dg-request-id", self.request_id.encode())])
            self._helpers = [
                self._world.spawn(self._send_outbox(), "deepgram-listen-send"),
                self._world.spawn(self._watch_idle(), "deepgram-listen-idle"),
            ]
            await self._receive()
        finally:
            for helper in self._helpers:
                helper.cancel()
            await asyncio.gather(*self._helpers, return_exceptions=True)
            await self._recogniser.close()

    def strike(self, kind: Kind) -> None:
        """A fault that was not waited for."""
        self._silent |= wire.strike(self._world, self._websocket, kind, "deepgram-listen-1011")

    # Receiving

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        receive = self._websocket.receive
        faults = self._world.faults
        while True:
            message = await receive()
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
            if not audio:
                # An empty binary frame has always meant the end of the stream.
                await self._close_stream()
                return
            try:
                self._take(self._inlet.feed(audio))
            except UndecodableError:
                await wire.undecodable(self._websocket)
                return

    def _take(self, audio: bytes) -> None:
        self._bytes += len(audio)
        if audio and not self._silent:
            self._recogniser.feed(audio)
            self._say_nothing()

    async def _control(self, text: str) -> bool:
        """Obey a text frame; False: it was the last."""
        control = wire.control_type(text, _CONTROLS)
        if control is None:
            self._post(wire.schema_error(text))
        elif control[0] == "Finalize":
            await self._recogniser.finalize()
        elif control[0] == "CloseStream":
            await self._close_stream()
            return False
        return True

    async def _close_stream(self) -> None:
        """Tell all that is left, the summary, and close."""
        self._take(self._inlet.flush())
        await self._recogniser.finalize()
        duration_ms = self._bytes // mulaw.BYTES_PER_MS
        digest = hashlib.sha256(f"{self.request_id}:{self._bytes}".encode()).hexdigest()
        self._post(wire.listen_metadata(self.request_id, duration_ms, digest, self._world.clock()))
        told = asyncio.ensure_future(self._outbox.join())
        await asyncio.wait({told, *self._helpers}, return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            told.cancel()  # the client did not stay for its last words
            return
        await self._websocket.close(1000)

    # Telling

    def _hear(self, heard: Heard) -> None:
        """What the recogniser tells, as Deepgram's messages."""
        delay_ms = 0
        if isinstance(heard, Words) and heard.is_final and heard.text:
            if self._world.faults.take(self._target, "interims") is not None:
                heard = replace(heard, is_final=False, speech_final=False)
                self._empty_from_ms = self._heard_ms
            else:
                self._empty_from_ms = None
        elif isinstance(heard, Gap) and self._empty_from_ms is not None:
            return  # a gap is one behind words that are final
        if isinstance(heard, Words):
            body = wire.results(
                self._query,
                self.request_id,
                heard.text,
                (heard.start_ms, heard.end_ms),
                is_final=heard.is_final,
                speech_final=heard.speech_final,
                from_finalize=heard.from_finalize,
                confidence=heard.confidence,
            )
            if heard.is_final and heard.text:
                delay_ms = self._final_delay_ms()
        elif isinstance(heard, VoiceStarted):
            body = {"type": "SpeechStarted", "channel": [0, 1], "timestamp": heard.at_ms / 1000}
        else:
            assert isinstance(heard, Gap)
            end = heard.last_word_end_ms / 1000
            body = {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": end}
        self._post(body, delay_ms)

    def _say_nothing(self) -> None:
        """After "interims": an empty result for each second, as if all were in order."""
        if self._empty_from_ms is None or self._heard_ms < self._empty_from_ms + EMPTY_EVERY_MS:
            return
        from_ms, self._empty_from_ms = self._empty_from_ms, self._heard_ms
        self._hear(Words("", from_ms, self._heard_ms, is_final=False, confidence=0.0))

    @property
    def _heard_ms(self) -> int:
        return self._bytes // mulaw.BYTES_PER_MS

    def _final_delay_ms(self) -> int:
        delay_ms = 0
        if isinstance(self._recogniser, KnownRecogniser):
            delay_ms = self._world.options.listen_final_delay_ms
        slow = self._world.faults.take(self._target, "slow")
        return delay_ms + (slow.delay_ms if slow is not None else 0)

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
                    # Before it is sent: the answer may be here before this task goes on.
                    self._record(body)
                    await self._websocket.send_text(json.dumps(body))
            finally:
                # Also when the client has gone: whoever waits for the rest must not wait for ever.
                self._outbox.task_done()

    def _record(self, body: dict[str, Any]) -> None:
        """For benchmarks: when each message went out, on the clock all processes share."""
        entry = {
            "at": time.monotonic(),
            "request_id": self.request_id,
            "target": self._target,
            "kind": body["type"],
            "audio_ms": self._bytes // mulaw.BYTES_PER_MS,
        }
        if body["type"] == "Results":
            entry |= {
                "text": body["channel"]["alternatives"][0]["transcript"],
                "is_final": body["is_final"],
                "speech_final": body["speech_final"],
                "start_ms": round(body["start"] * 1000),
                "end_ms": round((body["start"] + body["duration"]) * 1000),
            }
        self._world.log(LOG).append(entry)

    async def _watch_idle(self) -> None:
        loop = asyncio.get_running_loop()
        # Sleeping to the deadline as it stands is cheaper than a timer reset by every frame.
        while (left := self._active_at + wire.IDLE_S - loop.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        await wire.time_out(self._websocket)
