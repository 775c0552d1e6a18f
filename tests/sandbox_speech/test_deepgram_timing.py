"""What takes ten seconds or a minute at Deepgram, in virtual time, over a scripted socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sandbox.audio.formats import TELEPHONE
from sandbox.deepgram.listen import ListenSession
from sandbox.deepgram.speak import SpeakSession
from sandbox.deepgram.wire import ListenQuery, SpeakQuery
from sandbox.world import Options, World

SPEAK = SpeakQuery("aura-2-thalia-en", TELEPHONE)


class ScriptedSocket:
    """The edge of the session: frames go in by `send_in`, what it says is kept with its time."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.said: list[tuple[float, Any]] = []
        self.closed: tuple[float, int, str] | None = None

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def accept(self, headers: list[tuple[bytes, bytes]]) -> None:
        assert headers

    async def receive(self) -> dict[str, Any]:
        return await self.incoming.get()

    async def send_text(self, text: str) -> None:
        self.said.append((self._now(), json.loads(text)))

    async def send_bytes(self, audio: bytes) -> None:
        self.said.append((self._now(), audio))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = (self._now(), code, reason)
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": code})

    def send_in(self, frame: dict[str, Any] | bytes) -> None:
        content = {"bytes": frame} if isinstance(frame, bytes) else {"text": json.dumps(frame)}
        self.incoming.put_nowait({"type": "websocket.receive", **content})


def listen_to(socket: Any) -> asyncio.Task[None]:
    world = World(Options(speech="known"))
    return asyncio.create_task(ListenSession(world, socket, ListenQuery()).run())


@pytest.mark.looptime
async def test_ten_seconds_without_audio_close_with_net_0001() -> None:
    socket = ScriptedSocket()
    session = listen_to(socket)
    await asyncio.sleep(4)
    socket.send_in(b"\xff" * 160)
    await session
    assert socket.closed is not None
    at, code, reason = socket.closed
    assert (at, code) == (pytest.approx(14.0, abs=0.1), 1011)
    assert reason.startswith("NET-0001")
    assert len(reason.encode()) <= 123, "a close frame has room for no more"


@pytest.mark.looptime
async def test_keep_alive_keeps_a_silent_stream_open() -> None:
    socket = ScriptedSocket()
    session = listen_to(socket)
    for _ in range(20):
        await asyncio.sleep(9)
        socket.send_in({"type": "KeepAlive"})
    await asyncio.sleep(1)
    assert socket.closed is None
    socket.send_in({"type": "CloseStream"})
    await session
    assert socket.closed is not None
    assert socket.closed[1] == 1000


@pytest.mark.looptime
async def test_the_flush_budget_comes_back_after_a_minute() -> None:
    socket = ScriptedSocket()
    session = asyncio.create_task(
        SpeakSession(World(Options(speech="known")), socket, SPEAK).run()  # type: ignore[arg-type]
    )
    for _ in range(25):
        socket.send_in({"type": "Flush"})
    await asyncio.sleep(1)
    kinds = [said["type"] for _, said in socket.said]
    assert (kinds.count("Flushed"), kinds.count("Warning")) == (20, 5)
    await asyncio.sleep(60)
    socket.send_in({"type": "Flush"})
    await asyncio.sleep(1)
    assert socket.said[-1][1] == {"type": "Flushed", "sequence_id": 20}
    socket.send_in({"type": "Close"})
    await session


@pytest.mark.looptime
async def test_speech_is_streamed_at_its_pace_after_its_first_byte() -> None:
    world = World(Options(speech="known", speak_first_byte_ms=200, speak_pace=2.0))
    socket = ScriptedSocket()
    session = asyncio.create_task(SpeakSession(world, socket, SPEAK).run())  # type: ignore[arg-type]
    text = "This sentence lasts a little longer than four seconds, which is enough."
    socket.send_in({"type": "Speak", "text": text})
    socket.send_in({"type": "Flush"})
    await asyncio.sleep(10)
    pieces = [(at, said) for at, said in socket.said if isinstance(said, bytes)]
    audio_s = sum(len(piece) for _, piece in pieces) / 8000
    assert audio_s > 4
    assert pieces[0][0] == pytest.approx(0.2, abs=0.01)
    took = pieces[-1][0] - pieces[0][0]
    assert took == pytest.approx((audio_s - len(pieces[-1][1]) / 8000) / 2, rel=0.05)
    socket.send_in({"type": "Close"})
    await session
