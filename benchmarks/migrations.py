"""`make migrations`: every revision down and up again, on an empty database and on a seeded one.

From the newest tables it goes back to each earlier revision in turn, down to no tables at all, and
returns each time. A revision passes when the tables are afterwards what the code declares and every
row of a table that was there all the while is there still. Exits with 1 at the first that does not.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import structlog
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership, load_dealership
from config.settings import DatabaseSettings
from otto.crm.seed import seed
from otto.storage.database import BASE, make_engine, migrate, revisions
from otto.storage.errors import MigrationStopped
from otto.storage.tables import Base
from sandbox.services.postgres import Postgres

DEALERSHIP_FILE = Path(__file__).parents[1] / "config" / "dealership.yaml"
TODAY = date(2026, 11, 28)
TOLD = """
    INSERT INTO outbox (kind, key, payload, done_at, next_attempt_at, last_error) VALUES
    ('sms.send', 'walk:done', '{}', now(), now(), NULL),
    ('sms.send', 'walk:waits', '{"to": "+13125550142", "body": "See you"}', NULL, now(), NULL),
    ('calendar.upsert', 'walk:dead', '{"event_id": "e"}', NULL, 'infinity', 'badRequest')
    ON CONFLICT DO NOTHING
"""


class WalkFailed(Exception):
    """A revision does not go down and up again. The message says which and what is wrong."""


@dataclass(frozen=True, slots=True)
class Step:
    """Down to `revision` and up again. `kept` and `lost` count rows, of tables that were there all
    the while and of those that only later revisions have."""

    revision: str
    kept: int
    lost: int


async def walk(url: str, dealership: Dealership | None = None) -> list[Step]:
    """All revisions of the database at `url`, which has no tables yet; seeded with `dealership`.
    Raises WalkFailed."""
    steps = []
    known = revisions()
    await _move(url, known[-1])
    for revision in (*reversed(known[:-1]), BASE):
        if dealership is not None:
            await _fill(url, dealership)
        before = await _rows(url)
        await _move(url, revision)
        there = await _rows(url)
        _compare(revision, "down", before, there)
        await _move(url, known[-1])
        after = await _rows(url)
        _compare(revision, "up again", {name: before[name] for name in there}, after)
        await _compare_tables(url, revision)
        kept = sum(there.values())
        steps.append(Step(revision, kept, sum(before.values()) - kept))
    return steps


def _compare(revision: str, way: str, before: dict[str, int], after: dict[str, int]) -> None:
    for name, rows in before.items():
        if after.get(name, rows) != rows:
            raise WalkFailed(f"{revision}, {way}: {name} had {rows} rows and has {after[name]}")


async def _move(url: str, to: str) -> None:
    try:
        await migrate(url, to)
    except MigrationStopped as stopped:
        raise WalkFailed(f"to {to}: {stopped}") from None


async def _compare_tables(url: str, revision: str) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    engine = _engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    if found:
        raise WalkFailed(f"{revision}, up again: the tables differ: {found[0]}")


async def _fill(url: str, dealership: Dealership) -> None:
    engine = _engine(url)
    await seed(engine, dealership, TODAY)
    async with engine.begin() as connection:
        await connection.execute(text(TOLD))
    await engine.dispose()


async def _rows(url: str) -> dict[str, int]:
    """How many, by table; but for Alembic's own."""
    engine = _engine(url)
    async with engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        rows = {
            name: int(await connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0)
            for name in names
            if name != "alembic_version"
        }
    await engine.dispose()
    return rows


def _engine(url: str) -> AsyncEngine:
    return make_engine(DatabaseSettings(url=SecretStr(url)))


async def _both(url: str, tell: Callable[[str], None]) -> None:
    for name, dealership in (("empty", None), ("seeded", load_dealership(DEALERSHIP_FILE))):
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        await connection.execute(f"CREATE DATABASE walk_{name}")
        await connection.close()
        steps = await walk(f"{url.rpartition('/')[0]}/walk_{name}", dealership)
        tell(f"{name}: from {revisions()[-1]} down to each of these and up again")
        for step in steps:
            tell(f"  {step.revision}: {step.kept:,} rows kept, {step.lost:,} of later tables gone")


def main() -> int:
    """The command; returns the exit code."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(prefix="otto-migrations-", dir="/var/tmp") as folder:
        server = Postgres(Path(folder, "postgres"), durable=False)
        try:
            asyncio.run(_both(server.start(), print))
        except WalkFailed as failed:
            print(f"migrations: {failed}", file=sys.stderr)
            return 1
        finally:
            server.discard()
    print("every revision goes down and up again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
