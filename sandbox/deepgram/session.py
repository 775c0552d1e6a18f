"""What the sockets of both live recognisers have in common: audio and commands come in, messages go
out when they are due, faults strike, and whoever falls silent is timed out.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket

from sandbox.audio import mulaw
from sandbox.audio.formats import AudioFormat, Inlet, UndecodableError
from sandbox.deepgram import wire
from sandbox.deepgram.recognisers import Heard, KnownRecogniser, Recogniser
from sandbox.deepgram.wire import ListenQuery, QueryError
from sandbox.faults import Kind
from sandbox.world import World

LOG = "deepgram"


async def serve(
    world: World, websocket: WebSocket, target: str, begun: Callable[[], HearingSession]
) -> None:
    """Serve one upgrade: refuse it, or hear until one side ends. `target` is what faults name;
    `begun` makes the session of what the address asks for, or raises `QueryError`."""
    fault = await world.faults.meet(target, "slow", "fail", "refuse")
    if fault is not None:
        await websocket.send_denial_response(wire.refusal_of(fault))
        return
    if not wire.authorised(websocket, world.api_key):
        await websocket.send_denial_response(wire.refusal(401, "Invalid credentials."))
        return
    try:
        session = begun()
    except QueryError as error:
        await websocket.send_denial_response(wire.refusal(400, str(error)))
        return
    with world.faults.exposing(target, session):
        await session.run()


class HearingSession:
    """One open socket. What it hears, obeys and tells is the protocol's (`_take`, `_control`,
    `_empty_frame`, `_hear`, `_going_out`)."""

    def __init__(
        self, world: World, websocket: WebSocket, audio: AudioFormat | None, target: str, name: str
    ) -> None:
        self.request_id = str(uuid.uuid4())
        self._world = world
        self._websocket = websocket
        self._target = target
        self._name = name
        """Of its tasks."""
        self._inlet = Inlet(audio, is_known=world.options.speech == "known")
        self._outbox: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self._bytes = 0
        self._active_at = 0.0
        self._silent = False  # a "stall" has struck: read on, say nothing
        self._recogniser: Recogniser
        self._helpers: list[asyncio.Task[None]] = []

    def _recogniser_for(self, query: ListenQuery, interim_ms: int) -> Recogniser:
        if self._world.options.speech == "known":
            return KnownRecogniser(query, self._hear, interim_ms)
        # Imported here: known mode needs neither the recogniser's nor the detector's libraries.
        from sandbox.deepgram.recognising import RealRecogniser

        return RealRecogniser(query, self._hear, interim_ms, self._world.recogniser)

    async def run(self) -> None:
        """Accept, and go on until the client or we close; nothing is left running."""
        self._active_at = asyncio.get_running_loop().time()
        try:
            await self._websocket.accept(headers=[(b"dg-request-id", self.request_id.encode())])
            self._opened()
            self._helpers = [
                self._world.spawn(self._send_outbox(), f"deepgram-{self._name}-send"),
                self._world.spawn(self._watch_idle(), f"deepgram-{self._name}-idle"),
            ]
            await self._receive()
        finally:
            for helper in self._helpers:
                helper.cancel()
            await asyncio.gather(*self._helpers, return_exceptions=True)
            await self._recogniser.close()

    def strike(self, kind: Kind) -> None:
        """A fault that was not waited for."""
        task = f"deepgram-{self._name}-1011"
        self._silent |= wire.strike(self._world, self._websocket, kind, task)

    # The protocol's own

    def _opened(self) -> None:
        """The upgrade was accepted."""

    def _take(self, audio: bytes) -> None:
        """Hear a piece of audio: mu-law at 8 kHz."""
        raise NotImplementedError

    async def _control(self, text: str) -> bool:
        """Obey a text frame; False: it was the last."""
        raise NotImplementedError

    async def _empty_frame(self) -> bool:
        """A binary frame without audio; False: it was the last."""
        return True

    def _hear(self, heard: Heard) -> None:
        """What the recogniser tells."""
        raise NotImplementedError

    def _going_out(self, body: dict[str, Any]) -> None:
        """A message is about to be sent: number it, and note it for the benchmarks."""
        raise NotImplementedError

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
            if not audio and not await self._empty_frame():
                return
            try:
                self._take(self._inlet.feed(audio))
            except UndecodableError:
                await wire.undecodable(self._websocket)
                return

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
                    self._going_out(body)
                    await self._websocket.send_text(json.dumps(body))
            finally:
                # Also when the client has gone: whoever waits for the rest must not wait for ever.
                self._outbox.task_done()

    async def _watch_idle(self) -> None:
        loop = asyncio.get_running_loop()
        # Sleeping to the deadline as it stands is cheaper than a timer reset by every frame.
        while (left := self._active_at + wire.IDLE_S - loop.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        await wire.time_out(self._websocket)
