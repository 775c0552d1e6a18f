"""The sandbox, served in the test's own loop, and Google's own client pointed at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from sandbox.app import serve
from sandbox.world import Options, World
from tests.support.google_wire import API, Clock, Run, Served


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A sandbox without delays, by the machine's clock."""
    world = World(Options(rest_ms=0))
    yield world
    await world.aclose()


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serve(world) as http:
        yield Served(world, http)
    assert world.tasks == 0


@pytest.fixture
def credentials(served: Served) -> Credentials:
    return served.credentials()


@pytest.fixture
def run(credentials: Credentials, served: Served) -> Run:
    """Executes one request of the official client, which is synchronous, in a thread."""

    def work(make: Callable[[Any], Any]) -> Any:
        with build(
            "calendar",
            "v3",
            credentials=credentials,
            client_options={"api_endpoint": f"{served.http}{API}/"},
            static_discovery=True,
        ) as service:
            return make(service).execute(num_retries=0)

    async def in_thread(make: Callable[[Any], Any]) -> Any:
        return await asyncio.to_thread(work, make)

    return in_thread
