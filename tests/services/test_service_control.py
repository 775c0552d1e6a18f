"""The databases are stopped, hung and brought back from outside, on the same port and data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from starlette.applications import Starlette

from sandbox.services.postgres import Postgres
from sandbox.services.routes import routes
from sandbox.services.valkey import Valkey
from sandbox.world import World


class Control:
    """The control API over one PostgreSQL and one Valkey."""

    def __init__(self, client: httpx.AsyncClient, database_url: str, redis_url: str) -> None:
        self.client = client
        self.database_url = database_url.replace("+asyncpg", "")
        self.redis_url = redis_url

    async def act(self, service: str, action: str) -> dict[str, Any]:
        response = await self.client.post(
            "/sandbox/services", json={"service": service, "action": action}
        )
        assert response.status_code == 200, response.text
        state: dict[str, Any] = response.json()
        return state


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    world = World()
    postgres, valkey = Postgres(tmp_path / "p", durable=False), Valkey(tmp_path / "v")
    world.services |= {"postgres": postgres, "valkey": valkey}
    transport = httpx.ASGITransport(Starlette(routes=routes(world)))
    try:
        urls = postgres.start(), valkey.start()
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            yield Control(client, *urls)
    finally:
        postgres.discard()
        valkey.discard()


async def test_postgres_hangs_goes_and_comes_back(control: Control) -> None:
    connection = await asyncpg.connect(control.database_url)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert (await control.act("postgres", "pause"))["state"] == "paused"
    with pytest.raises(TimeoutError):  # a connection that stands hangs as a new one does
        await connection.fetchval("SELECT 1", timeout=0.2)
    with pytest.raises(TimeoutError):
        await asyncpg.connect(control.database_url, timeout=0.2)
    assert (await control.act("postgres", "resume"))["state"] == "running"
    again = await asyncpg.connect(control.database_url)
    assert await again.fetchval("SELECT answer FROM kept") == 42

    await control.act("postgres", "pause")  # who hangs can be stopped all the same
    assert (await control.act("postgres", "stop")) == {
        "service": "postgres",
        "state": "stopped",
        "pid": None,
    }
    with pytest.raises(OSError):
        await asyncpg.connect(control.database_url)
    assert (await control.act("postgres", "start"))["state"] == "running"
    async with asyncio.timeout(5):
        back = await asyncpg.connect(control.database_url)
    assert await back.fetchval("SELECT answer FROM kept") == 42
    for each in (connection, again):
        each.terminate()
    await back.close()


async def test_valkey_hangs_goes_and_comes_back(control: Control) -> None:
    client: Redis
    async with Redis.from_url(control.redis_url, socket_timeout=0.2) as client:
        await client.set("kept", "yes")
        await control.act("valkey", "pause")
        with pytest.raises(RedisTimeoutError):
            await client.get("kept")
        await control.act("valkey", "resume")
        assert await client.get("kept") == b"yes"
        await control.act("valkey", "stop")
        with pytest.raises(RedisConnectionError):
            await client.get("kept")
        await control.act("valkey", "start")
        assert await client.get("kept") == b"yes"


async def test_what_cannot_be_done_is_said(control: Control) -> None:
    for body, status in (
        ({"service": "oracle", "action": "stop"}, 400),
        ({"service": "valkey", "action": "explode"}, 400),
        ({"service": ["valkey"], "action": "stop"}, 400),
        ([], 400),
    ):
        response = await control.client.post("/sandbox/services", json=body)
        assert response.status_code == status and response.json()["error"]
    await control.act("valkey", "stop")
    refused = await control.client.post(
        "/sandbox/services", json={"service": "valkey", "action": "pause"}
    )
    assert refused.status_code == 409 and "not running" in refused.json()["error"]
    states = (await control.client.get("/sandbox/services")).json()
    assert states["postgres"]["state"] == "running" and states["valkey"]["state"] == "stopped"
