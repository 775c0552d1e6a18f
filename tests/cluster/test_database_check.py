"""What a start and `otto check` say of Neon: pooled and direct endpoints, and the cold start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from cluster import database_check
from cluster.database_check import check_postgres
from cluster.errors import Failed
from config.loading import read_settings
from config.postgres_url import read_postgres_url
from config.settings import DatabaseSettings, Settings, SettingsError
from tests.support.operator import LIVE, set_all
from tests.support.pooler import picky_pooler

DIRECT = "postgresql://otto:pw@ep-cool-a1b2c3d4.us-east-2.aws.neon.tech/otto?sslmode=require"
CLEAR = DIRECT.replace("require", "disable")
POOLED = DIRECT.replace("a1b2c3d4", "a1b2c3d4-pooler")


@pytest.mark.parametrize(
    ("host", "is_neons", "is_pooler"),
    [
        ("ep-cool-a1b2c3d4-pooler.us-east-2.aws.neon.tech", True, True),
        ("ep-cool-a1b2c3d4-pooler.c-2.us-east-2.aws.neon.tech", True, True),
        ("ep-cool-a1b2c3d4.us-east-2.aws.neon.tech", True, False),
        ("ep-pooler-a1b2c3d4.us-east-2.aws.neon.tech", True, False),
        ("ep-cool.us-east-2-pooler.aws.neon.tech", True, False),
        ("db-pooler.example.com", False, False),
        ("neon.tech.example.com", False, False),
    ],
)
def test_neons_endpoints_are_told_by_their_names(
    host: str, is_neons: bool, is_pooler: bool
) -> None:
    url = read_postgres_url(f"postgresql+asyncpg://otto:pw@{host}/otto")
    assert (url.is_neons, url.is_neons_pooler) == (is_neons, is_pooler)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"DATABASE_URL": POOLED}, "DATABASE_URL is Neon's pooled endpoint: set DATABASE_POOLED"),
        (
            {"DATABASE_URL": POOLED, "DATABASE_POOLED": "true", "DATABASE_MIGRATION_URL": POOLED},
            "DATABASE_MIGRATION_URL must be the direct endpoint: take -pooler out of its host",
        ),
        (
            {
                "DATABASE_URL": DIRECT,
                "DATABASE_MIGRATION_URL": CLEAR,
            },
            "DATABASE_MIGRATION_URL may be reached in clear text",
        ),
        ({"DATABASE_MIGRATION_URL": "mysql://x@127.0.0.1/y"}, "DATABASE_MIGRATION_URL: must begin"),
    ],
)
def test_a_start_refuses_the_wrong_endpoint(
    given: dict[str, str], says: str, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, LIVE | given)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert says in str(refused.value) and "pw@" not in str(refused.value)


def test_the_right_ones_are_taken(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DATABASE_URL": POOLED,
        "DATABASE_POOLED": "true",
        "DATABASE_MIGRATION_URL": DIRECT,
    }
    set_all(monkeypatch, LIVE | given)
    database = read_settings().database
    assert database.as_operator.url.get_secret_value() == DIRECT.replace("sql:", "sql+asyncpg:")
    assert not database.as_operator.pooled and database.pooled


def test_without_one_of_their_own_migrations_use_the_actors() -> None:
    database = DatabaseSettings(url=SecretStr(POOLED), pooled=True)
    assert database.as_operator == database


async def test_the_check_works_behind_a_pooler_and_advises_the_direct_endpoint(
    workdir: Path, postgres_url: str
) -> None:
    async with picky_pooler(postgres_url) as url:
        pooled = DatabaseSettings(url=SecretStr(url), pooled=True)
        assert "spares them that" in await check_postgres(Settings(database=pooled))
        direct = pooled.model_copy(update={"migration_url": SecretStr(postgres_url)})
        with pytest.raises(Failed, match="is a superuser"):  # the tests' server has but one role
            await check_postgres(Settings(database=direct))


Greeting = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]


@asynccontextmanager
async def sleeping(url: str, greet: Greeting) -> AsyncIterator[str]:
    """A server that greets each connection with `greet`, and forwards those it says yes to."""
    parts = urlsplit(url)
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        if not await greet(reader, writer):
            writer.close()
            return
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield url.replace(f":{parts.port}/", f":{port}/")
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def silent_until(wakes: asyncio.Event) -> Greeting:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        return await wakes.wait()

    return greet


def refusing(times: int, state: bytes) -> Greeting:
    """Says so often that the compute is not there, with this SQLSTATE."""
    left = iter(range(times))

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if next(left, None) is None:
            return True
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
        fields = b"SFATAL\0C" + state + b"\0MCouldn't connect to compute node\0\0"
        writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        await writer.drain()
        return False

    return greet


async def test_a_compute_that_is_asleep_is_waited_for_and_mentioned(
    workdir: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 103.2])
    monkeypatch.setattr(database_check, "monotonic", lambda: next(clock))
    wakes = asyncio.Event()
    async with sleeping(postgres_url, silent_until(wakes)) as url:
        settings = Settings(database=DatabaseSettings(url=SecretStr(url + "?sslmode=disable")))
        checking = asyncio.create_task(check_postgres(settings))
        await asyncio.sleep(0)
        wakes.set()
        assert "took 3.2 s (a compute that was asleep?)" in await checking


async def test_one_that_does_not_wake_in_time_names_the_setting(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    async with sleeping(postgres_url, silent_until(asyncio.Event())) as url:
        port = urlsplit(url).port
        monkeypatch.setattr("config.postgres_url.NEON", "127.0.0.1")
        there = SecretStr(f"postgresql://otto:pw@127.0.0.1:{port}/otto?sslmode=disable")
        settings = Settings(database=DatabaseSettings(url=there, connect_timeout_s=0.2))
        with pytest.raises(Failed) as failed:
            await check_postgres(settings)
    assert "DATABASE_CONNECT_TIMEOUT_S (0.2) must be long enough" in failed.value.remedy
    assert str(failed.value)


@pytest.mark.parametrize(
    ("revision", "says"),
    [("9999", "at 9999, which this release does not know"), ("0005", "the tables are at 0005")],
)
async def test_tables_of_another_release_are_named(
    revision: str, says: str, workdir: Path, make_database, _template: str
) -> None:
    import asyncpg

    url = make_database(_template)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
    await connection.close()
    with pytest.raises(Failed, match=says):
        await check_postgres(Settings(database=DatabaseSettings(url=SecretStr(url))))


@pytest.mark.parametrize("state", [b"XX000", b"57P03", b"53300"])
async def test_a_proxy_that_cannot_reach_its_compute_yet_is_asked_again(
    state: bytes, workdir: Path, postgres_url: str
) -> None:
    async with sleeping(postgres_url, refusing(2, state)) as url:
        there = SecretStr(url + "?sslmode=disable")
        assert "tables at" in await check_postgres(Settings(database=DatabaseSettings(url=there)))


async def test_a_wrong_password_is_not_asked_again(workdir: Path, postgres_url: str) -> None:
    greet = refusing(1, b"28P01")
    async with sleeping(postgres_url, greet) as url:
        there = SecretStr(url + "?sslmode=disable")
        with pytest.raises(Failed):
            await check_postgres(Settings(database=DatabaseSettings(url=there)))
