"""What all runs share: a PostgreSQL with a seeded template for each day, and a Valkey."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
from pydantic import SecretStr

from config import clock
from config.dealership import Dealership
from config.settings import DatabaseSettings
from otto.crm.seed import seed
from otto.storage.database import make_engine, migrate
from sandbox.services.postgres import Postgres
from sandbox.services.valkey import Valkey


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are. `folder` is for what else a run leaves."""

    database_url: str
    redis_url: str
    folder: str

    def template(self, day: date) -> str:
        """The name of the database that runs on this day begin with."""
        return f"eval_{day:%Y%m%d}"

    def on(self, database: str) -> str:
        return f"{self.database_url.rpartition('/')[0]}/{database}"


@contextlib.contextmanager
def servers(dealership: Dealership, starts: Collection[datetime]) -> Iterator[Servers]:
    """Start them, and make what runs that begin at these moments need. Outside of any loop."""
    with tempfile.TemporaryDirectory(prefix="otto-eval-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        postgres = Postgres(folder / "postgres", durable=False)
        valkey = Valkey(folder / "valkey", durable=False)
        for server in (postgres, valkey):
            stack.callback(server.discard)
        made = Servers(postgres.start(), valkey.start(), str(folder))
        zone = dealership.locations[0].zone
        for day in {moment.astimezone(zone).date() for moment in starts}:
            asyncio.run(_make_template(made, day, dealership))
        yield made


async def _make_template(servers: Servers, day: date, dealership: Dealership) -> None:
    """The seed's customers and cars, on that day; nobody has an appointment."""
    name = servers.template(day)
    await execute(servers, f"CREATE DATABASE {name}")
    await migrate(servers.on(name))
    early = datetime.combine(day, datetime.min.time(), dealership.locations[0].zone)
    clock.use(lambda: early)
    engine = make_engine(DatabaseSettings(url=SecretStr(servers.on(name))))
    await seed(engine, dealership, day, is_booked=False)
    await engine.dispose()
    clock.use(None)


async def execute(servers: Servers, statement: str) -> None:
    """One statement as the server's owner."""
    connection = await asyncpg.connect(servers.database_url.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
