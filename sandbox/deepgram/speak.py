"""`/v1/speak`: Deepgram's streaming speech over one WebSocket.

Text gathers until `Flush`; each flush becomes audio in order, in pieces, faster than real time,
and ends with `Flushed`. `Clear` forgets what is not sent yet. Limits as documented (tts-ws-flush):
20 Flush in 60 s, then a Warning, and the flush is not done.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from typing import Any

from starlette.websockets import WebSocket

from sandbox.audio import carrier, mulaw
from sandbox.audio.formats import Outlet
from sandbox.deepgram import wire
from sandbox.deepgram.wire import QueryError, SpeakQuery
from sandbox.faults import Kind
from sandbox.world import World

LOG = "deepgram"
FLUSHES = 20
FLUSH_WINDOW_S = 60.0
MAX_CHARACTERS = 2000
"""In one Speak message."""
FIRST_PIECE = 100 * mulaw.BYTES_PER_MS
PIECE = 400 * mulaw.BYTES_PER_MS
FALLBACK_PACE = 0.9
_CONTROLS = ("Speak", "Flush", "Clear", "Close")


async def speak(world: World, websocket: WebSocket, target: str, voice: str) -> None:
    """Serve one upgrade: refuse it, or speak until one side ends. `target` is what faults name."""
    fault = await world.faults.meet(target, "slow", "fail", "refuse")
    if fault is not None:
        await websocket.send_denial_response(wire.refusal_of(fault))
        return
    if not wire.authorised(websocket, world.api_key):
        await websocket.send_denial_response(wire.refusal(401, "Invalid credentials."))
        return
    try:
        query = SpeakQuery.parse(websocket.query_params)
    except QueryError as error:
        await websocket.send_denial_response(wire.refusal(400, str(error)))
        return
    session = SpeakSession(world, websocket, query, target, voice)
    with world.faults.exposing(target, session):
        await session.run()


class SpeakSession:
    """One open synthesis."""

    def __init__(
        self,
        world: World,
        websocket: WebSocket,
        query: SpeakQuery,
        target: str = "deepgram.speak",
        voice: str = "otto",
    ) -> None:
        self.request_id = str(uuid.uuid4())
        self._world = world
        self._websocket = websocket
        self._query = query
        self._target = target
        self._voice = voice
        self._silent = False  # a "stall" has struck: read on, say nothing
        self._text: list[str] = []
        self._flushes: deque[float] = deque()
        self._sequence = 0
        self._jobs: asyncio.Queue[tuple[str, int, float]] = asyncio.Queue()
        self._speaker: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Accept, and go on until the client or we close; nothing is left running."""
        await self._websocket.accept(headers=[(b"dg-request-id", self.request_id.encode())])
        await self._send(wire.speak_metadata(self.request_id, self._query.model))
        self._speaker = self._world.spawn(self._speak_jobs(), "deepgram-speak")
        try:
            await self._receive()
        finally:
            await self._stop_speaking()

    def strike(self, kind: Kind) -> None:
        """A fault that was not waited for."""
        self._silent |= wire.strike(self._world, self._websocket, kind, "deepgram-speak-1011")

    async def _receive(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                # Deepgram's protocol has no binary frames from the client.
                await self._websocket.close(1008, "DATA-0000: binary frames are not supported")
                return
            control = wire.control_type(text, _CONTROLS)
            if control is None:
                await self._warn("MESSAGE_NOT_UNDERSTOOD", "The message could not be parsed.")
                continue
            kind, body = control
            if kind == "Speak":
                await self._gather(body)
            elif kind == "Flush":
                await self._flush()
            elif kind == "Clear":
                await self._clear()
            else:
                # As documented (tts-ws-close): at once, what is not sent is not sent.
                await self._stop_speaking()
                await self._websocket.close(1000)
                return

    async def _gather(self, body: dict[str, Any]) -> None:
        text = body.get("text")
        if not isinstance(text, str):
            await self._warn("MESSAGE_NOT_UNDERSTOOD", "Speak needs a text.")
        elif len(text) > MAX_CHARACTERS:
            await self._warn(
                "TEXT_TOO_LONG", f"A message is limited to {MAX_CHARACTERS} characters."
            )
        else:
            self._text.append(text)

    async def _flush(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._flushes and self._flushes[0] <= now - FLUSH_WINDOW_S:
            self._flushes.popleft()
        if len(self._flushes) >= FLUSHES:
            await self._warn(
                "EXCEEDED_FLUSH_LIMIT", "No more Flush is processed until the 60 s have passed."
            )
            return
        self._flushes.append(now)
        text, self._text = " ".join("".join(self._text).split()), []
        self._jobs.put_nowait((text, self._take_sequence(), now))

    async def _clear(self) -> None:
        await self._stop_speaking()
        self._text = []
        self._jobs = asyncio.Queue()
        await self._send({"type": "Cleared", "sequence_id": self._take_sequence()})
        self._speaker = self._world.spawn(self._speak_jobs(), "deepgram-speak")

    def _take_sequence(self) -> int:
        sequence, self._sequence = self._sequence, self._sequence + 1
        return sequence

    # Speaking

    async def _speak_jobs(self) -> None:
        while True:
            text, sequence, flushed_at = await self._jobs.get()
            if text and not await self._say(text, flushed_at):
                return
            await self._send({"type": "Flushed", "sequence_id": sequence})

    async def _say(self, text: str, flushed_at: float) -> bool:
        """Send the audio of `text`; False: a fault has struck, not even Flushed comes."""
        loop = asyncio.get_running_loop()
        options, faults = self._world.options, self._world.faults
        if options.speech == "known":
            # Another voice has another pace.
            pace = 1.0 if self._voice == "otto" else FALLBACK_PACE
            audio = carrier.encode(text, round(carrier.spoken_ms(text) / pace))
        else:
            audio = await self._world.voices.synthesise(text, self._voice)
        due = flushed_at + options.speak_first_byte_ms / 1000
        if (slow := faults.take(self._target, "slow")) is not None:
            due += slow.delay_ms / 1000
        await asyncio.sleep(due - loop.time())
        fault = faults.take(self._target, "stall", "drop", "empty")
        if fault is not None and fault.kind != "drop":
            return fault.kind == "empty"
        begun = loop.time()
        outlet = Outlet(self._query.audio, is_known=options.speech == "known")
        at = 0
        while at < len(audio):
            if self._silent:
                return False
            piece = audio[at : at + (PIECE if at else FIRST_PIECE)]
            if not at:
                self._record("first_byte", text, (loop.time() - flushed_at) * 1000)
            at += len(piece)
            if converted := outlet.feed(piece, is_last=at >= len(audio)):
                await self._websocket.send_bytes(converted)
            if fault is not None:
                await asyncio.sleep(fault.delay_ms / 1000)
                wire.break_off(self._websocket)
                return False
            if options.speak_pace and at < len(audio):
                ahead = at / mulaw.BYTES_PER_MS / 1000 / options.speak_pace
                await asyncio.sleep(begun + ahead - loop.time())
        return True

    async def _stop_speaking(self) -> None:
        if self._speaker is not None:
            self._speaker.cancel()
            await asyncio.gather(self._speaker, return_exceptions=True)
            self._speaker = None

    async def _warn(self, code: str, description: str) -> None:
        await self._send({"type": "Warning", "description": description, "code": code})

    async def _send(self, body: dict[str, Any]) -> None:
        if self._silent:
            return
        await self._websocket.send_text(json.dumps(body))

    def _record(self, kind: str, text: str, took_ms: float) -> None:
        self._world.log(LOG).append(
            {
                "at": time.monotonic(),
                "request_id": self.request_id,
                "target": self._target,
                "kind": kind,
                "characters": len(text),
                "took_ms": round(took_ms, 2),
            }
        )
