"""Faults that strike what is connected, and the second provider: what fallbacks are shown with."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

LISTEN = "/v1/listen?encoding=mulaw&sample_rate=8000"
SPEAK = "/v1/speak?encoding=mulaw&sample_rate=8000"
ASK = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Your hours?"}]}


async def strike(served: Any, target: str, kind: str, **more: Any) -> dict[str, Any]:
    async with httpx2.AsyncClient(base_url=served.http, headers=served.steering) as client:
        wanted = {"target": target, "kind": kind, "open": True, **more}
        answer = await client.post("/sandbox/faults", json=wanted)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@pytest.mark.parametrize(
    ("path", "target"), [(LISTEN, "deepgram.listen"), (SPEAK, "deepgram.speak")]
)
@pytest.mark.parametrize(("kind", "code"), [("drop", None), ("fail", 1011)])
async def test_an_open_idle_socket_is_struck_at_once(
    served: Any, path: str, target: str, kind: str, code: int | None
) -> None:
    async with served.socket(path) as socket:
        assert (await strike(served, target, kind))["bitten"] == 1
        with pytest.raises(ConnectionClosed) as raised:
            async with asyncio.timeout(5):
                while True:
                    await socket.recv()
        assert (raised.value.rcvd.code if raised.value.rcvd else None) == code
    assert served.world.faults.list() == []  # nothing lies in wait for the next one


async def test_a_struck_socket_can_fall_silent_and_stay(served: Any) -> None:
    async with served.socket(SPEAK) as socket:
        await asyncio.wait_for(socket.recv(), 5)  # Metadata
        await strike(served, "deepgram.speak", "stall")
        for message in ({"type": "Speak", "text": "Hello?"}, {"type": "Flush"}, {"type": "Clear"}):
            await socket.send(json.dumps(message))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.2)


async def test_count_bounds_how_many_are_struck(served: Any) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(served.socket(LISTEN)) for _ in range(3)]
        assert (await strike(served, "deepgram.listen", "drop", count=2))["bitten"] == 2
        async with asyncio.timeout(5):
            await asyncio.gather(*(socket.wait_closed() for socket in sockets[:2]))
        await sockets[2].send(b"\xff" * 160)
        assert (await strike(served, "deepgram.listen", "drop"))["bitten"] == 1


async def test_the_second_provider_has_faults_of_its_own(served: Any) -> None:
    served.world.faults.add("deepgram.listen", "refuse")
    served.world.faults.add("deepgram.speak.fallback", "refuse")
    header = {"Authorization": f"Token {served.world.api_key}"}
    async with connect(f"{served.deepgram}-b{LISTEN}", additional_headers=header):
        pass
    with pytest.raises(InvalidStatus, match="429"):
        await connect(f"{served.deepgram}-b{SPEAK}", additional_headers=header)


@pytest.mark.parametrize("kind", ["drop", "stall"])
async def test_an_answer_under_way_is_struck(served: Any, kind: str) -> None:
    served.world.options.model_first_token_ms = 0
    served.world.options.model_token_ms = 200
    headers = {"authorization": f"Bearer {served.world.api_key}"}
    async with httpx2.AsyncClient(base_url=served.http, headers=headers) as client:
        request = client.stream("POST", "/openai-b/v1/chat/completions", json=ASK, timeout=0.6)
        async with request as answer:
            lines = answer.aiter_lines()
            assert (await anext(lines)).startswith("data:")
            assert (await strike(served, "openai.fallback", kind))["bitten"] == 1
            expected = httpx2.ReadTimeout if kind == "stall" else httpx2.RemoteProtocolError
            with pytest.raises(expected):
                async for _ in lines:
                    pass


async def test_what_cannot_be_struck_is_refused(served: Any) -> None:
    async with httpx2.AsyncClient(base_url=served.http, headers=served.steering) as client:
        for wanted in (
            {"target": "google", "kind": "drop", "open": True},
            {"target": "openai", "kind": "slow", "open": True},
            {"target": "openai", "kind": "drop", "open": "yes"},
        ):
            assert (await client.post("/sandbox/faults", json=wanted)).status_code == 400
