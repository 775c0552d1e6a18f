"""A client that does not stay for its last words must not leave the stand-in waiting for ever."""

from __future__ import annotations

import asyncio
import json

from websockets.asyncio.client import connect

from sandbox.app import serve
from sandbox.audio import carrier
from sandbox.world import Options, World


async def test_a_client_that_leaves_after_close_stream_leaves_no_task_behind() -> None:
    world = World(Options(speech="known", listen_final_delay_ms=400))
    async with serve(world) as origin:
        url = origin.replace("http", "ws") + "/deepgram/v1/listen?encoding=mulaw&sample_rate=8000"
        headers = {"Authorization": f"Token {world.api_key}"}
        socket = await connect(url, additional_headers=headers)
        await socket.send(carrier.encode("hello there") + b"\xff" * 8000)
        await socket.send(json.dumps({"type": "CloseStream"}))
        socket.transport.abort()
        async with asyncio.timeout(10):
            while world.tasks:
                await asyncio.sleep(0.05)
