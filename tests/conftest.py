"""Fixtures for everybody: a real PostgreSQL, a real Valkey and the dealership's file.

The servers are started once a session; what they serve is new for each module (PostgreSQL, copied
from a migrated template, which takes some 50 ms) or each test (Valkey, flushed).
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from pydantic import SecretStr
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from cluster.ray_env import ENVIRONMENT as RAY_ENVIRONMENT
from cluster.ray_env import ONE_MACHINE
from config.dealership import Dealership, load_dealership
from config.settings import DatabaseSettings, RedisSettings
from otto.storage.database import make_engine, migrate
from otto.storage.redis import make_redis
from sandbox.services.postgres import Postgres
from sandbox.services.valkey import Valkey
from tests.support.wire import Wire

DEALERSHIP_FILE = Path(__file__).parent.parent / "config" / "dealership.yaml"
_TEMPLATE = "template_migrated"

# How quick the machine is just now says nothing about the code.
# The examples are the same in every run, so that a change is judged by what it changes; `make fuzz`
# looks for new ones.
settings.register_profile(
    "otto", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("fuzz", settings.get_profile("otto"), derandomize=False, print_blob=True)
settings.load_profile("fuzz" if os.environ.get("OTTO_TEST_FUZZ") else "otto")

# Ray reads its authentication mode when it is imported, which any test module may do first.
os.environ.update(RAY_ENVIRONMENT | ONE_MACHINE)


@pytest.fixture(autouse=True)
def _as_most_shells_have_it() -> Iterator[None]:
    """Begin with the mask that most shells have, whatever this one's is or a test has left: what
    the commands set for their own process would stay in ours."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run to its end on a loop of its own, away from whatever loop the test's thread has."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, coroutine).result()


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _on(url: str, database: str) -> str:
    return f"{url.rpartition('/')[0]}/{database}"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server of this test session; its data is thrown away."""
    server = Postgres(tmp_path_factory.mktemp("postgres") / "data", durable=False)
    yield server.start()
    server.discard()


@pytest.fixture(scope="session")
def _template(postgres_server: str) -> str:
    _run(_execute(postgres_server, f"CREATE DATABASE {_TEMPLATE}"))
    _run(migrate(_on(postgres_server, _TEMPLATE)))
    return _TEMPLATE


@pytest.fixture(scope="session")
def make_database(postgres_server: str) -> Iterator[Callable[[str | None], str]]:
    """Make a database, as a copy of the named one or empty; returns its URL."""
    made: list[str] = []

    def make(template: str | None) -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        copy = f" TEMPLATE {template}" if template else ""
        _run(_execute(postgres_server, f"CREATE DATABASE {name}{copy}"))
        made.append(name)
        return _on(postgres_server, name)

    yield make
    _run(_execute(postgres_server, *(f"DROP DATABASE {name} WITH (FORCE)" for name in made)))


@pytest.fixture(scope="module")
def postgres_url(make_database: Callable[[str | None], str], _template: str) -> str:
    """A database of the module's own: all tables, no rows."""
    return make_database(_template)


@pytest.fixture
def empty_postgres_url(make_database: Callable[[str | None], str]) -> str:
    """A database of the test's own with nothing in it, not even tables."""
    return make_database(None)


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on the module's database, on the test's own loop."""
    made = make_engine(DatabaseSettings(url=SecretStr(postgres_url)))
    yield made
    await made.dispose()


@pytest.fixture
async def wire(postgres_url: str) -> AsyncIterator[Wire]:
    """A way to the module's database that can be cut, hung and mended."""
    async with Wire(postgres_url) as wire:
        yield wire


@pytest.fixture
async def behind_wire(request: pytest.FixtureRequest, wire: Wire) -> AsyncIterator[AsyncEngine]:
    """An engine that reaches the database over it; patient for the module's `DEADLINE_S`."""
    deadline_s: float = request.module.DEADLINE_S
    engine = make_engine(DatabaseSettings(url=SecretStr(wire.url), command_timeout_s=deadline_s))
    yield engine
    await wire.mend()
    await engine.dispose()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Valkey server of this test session."""
    server = Valkey(tmp_path_factory.mktemp("valkey"), durable=False)
    yield server.start()
    server.discard()


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """The server with nothing in it."""
    with BlockingRedis.from_url(valkey_server) as client:
        client.flushall()
    return valkey_server


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    """A client as the product makes it, on an empty server."""
    client = make_redis(RedisSettings(url=SecretStr(valkey_url)))
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def dealership() -> Dealership:
    """The dealership as the project ships it."""
    return load_dealership(DEALERSHIP_FILE)
