"""The sandbox's Twilio on a real port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
import uvicorn
from starlette.applications import Starlette

from sandbox.app import listen
from sandbox.twilio.routes import routes
from sandbox.world import Options, World


@contextlib.asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """Twilio's routes alone, over uvicorn on an ephemeral port."""
    listener = listen()
    world.http_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        Starlette(routes=routes(world)), log_level="error", lifespan="off", access_log=False
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield world.http_url
    finally:
        await world.aclose()
        server.should_exit = True
        await task


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(Options(speech="known", rest_ms=0))
    yield made
    await made.aclose()
    assert made.tasks == 0


@pytest.fixture
async def twilio(world: World) -> AsyncIterator[str]:
    async with served(world) as origin:
        yield origin


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
