"""Reaching PostgreSQL: the engine, and bringing a database's tables up to date."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import asyncpg  # type: ignore[import-untyped]
import stamina
import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, Table, event, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import aliased
from sqlalchemy.pool import NullPool

from config.dealership import Dealership
from config.postgres_url import read_postgres_url
from config.settings import DatabaseSettings
from otto.storage.clock import keep_time
from otto.storage.errors import DealershipRefused, MigrationStopped
from otto.storage.rights import give_rights
from otto.storage.soundness import explain, refuse_damaged, refuse_strange, revisions_of
from otto.storage.tables import AppointmentLineRow, AppointmentRow, Base, BayRow, ServiceRow

_log = structlog.get_logger()

APPLICATION = "otto"
LOCK_SHARE = 0.4
STATEMENT_SHARE = 0.8
"""Of `command_timeout_s`, what a statement may wait for a lock, and take: the server then says that
it was too slow, before we would have to believe that the server is away."""
IDLE_SHARE = 4.0
"""Of the same, how long a transaction of ours may do nothing: its process hangs or is gone."""
TRUSTED_S = 10.0
"""A connection that has rested for longer is asked whether it still leads anywhere."""
CONNECT_ATTEMPTS = 6
BASE = "base"
"""The revision of a database without tables."""
MIGRATION_LOCK = 0x0770
"""Key of the advisory lock under which migrations run: two starts at once take turns."""

_RESTS_SINCE = "otto rests since"

# What asyncpg raises while a server is away, waking up, or full.
_UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InternalServerError,  # Neon's proxy, while it wakes a compute
)


def make_engine(settings: DatabaseSettings) -> AsyncEngine:
    """An engine with a pool, for one event loop. Opens nothing yet.

    The first connection is retried for `connect_timeout_s`, because a server may be starting or
    a Neon compute asleep; later ones fail at once, because a caller is waiting. Parameters stay
    out of error messages: they hold customers' data.
    """
    url, arguments = _asyncpg_arguments(settings.url.get_secret_value())
    limits, pooled = _limits(settings.command_timeout_s), settings.pooled
    arguments |= {
        "command_timeout": settings.command_timeout_s,
        "timeout": settings.connect_timeout_s,
        "server_settings": {"application_name": APPLICATION} | ({} if pooled else limits),
        "async_creator_fn": _patient_connect(settings.connect_timeout_s),
    }
    if pooled:
        # Behind PgBouncer the next statement may run on another server connection: nothing is
        # prepared once and reused, and names never collide.
        arguments |= {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"__otto_{uuid.uuid4().hex}__",
        }
    engine = create_async_engine(
        url,
        connect_args=arguments,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_size,
        pool_timeout=settings.command_timeout_s,
        hide_parameters=True,
    )
    _check_when_taken(engine)
    if pooled:
        _limit_each_transaction(engine, limits)
    keep_time(engine)
    return engine


def _check_when_taken(engine: AsyncEngine) -> None:
    """A connection that is gone is replaced before anything is asked over it.

    SQLAlchemy's own check (`pool_pre_ping`) asks the server each time, in a transaction of its own:
    three round trips of a booking's fifteen. That the server has hung up is known without asking;
    only what has rested for a while, behind a firewall that may have forgotten it, is asked. One
    that breaks in between fails its request, which the guard then makes again.
    """

    def given_back(connection: Any, record: Any) -> None:
        record.info[_RESTS_SINCE] = time.monotonic()

    def taken(connection: Any, record: Any, proxy: Any) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError
        since = record.info.get(_RESTS_SINCE)
        if since is None or time.monotonic() - since < TRUSTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError from error

    event.listen(engine.sync_engine, "checkin", given_back)
    event.listen(engine.sync_engine, "checkout", taken)


def _limits(command_timeout_s: float) -> dict[str, str]:
    """PostgreSQL's own limits, in milliseconds."""
    shares = {
        "lock_timeout": LOCK_SHARE,
        "statement_timeout": STATEMENT_SHARE,
        "idle_in_transaction_session_timeout": IDLE_SHARE,
    }
    return {name: str(round(command_timeout_s * share * 1000)) for name, share in shares.items()}


def _limit_each_transaction(engine: AsyncEngine, limits: dict[str, str]) -> None:
    """Set them at the beginning of each: a pooler refuses them when a connection starts
    (https://www.pgbouncer.org/config.html#ignore_startup_parameters), and would hand what is set
    for a session on to somebody else's."""
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in limits.items())

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT {calls}")

    event.listen(engine.sync_engine, "begin", begun)


def _asyncpg_arguments(given: str) -> tuple[URL, dict[str, Any]]:
    """The URL as SQLAlchemy takes it, and asyncpg's argument for TLS."""
    url = read_postgres_url(given)
    return url.plain, {"ssl": url.ssl_argument()}


def _patient_connect(patience_s: float) -> Callable[..., Awaitable[Any]]:
    reached = False

    async def connect(*args: Any, **kwargs: Any) -> Any:
        nonlocal reached
        if reached:
            return await asyncpg.connect(*args, **kwargs)
        async for attempt in stamina.retry_context(
            on=_UNREACHABLE, attempts=CONNECT_ATTEMPTS, timeout=patience_s, wait_max=2.0
        ):
            with attempt:
                connection = await asyncpg.connect(*args, **kwargs)
        reached = True
        return connection

    return connect


# Migrations


def _config() -> Config:
    config = Config()
    # Alembic reads this through ConfigParser, where % is special.
    folder = str(Path(__file__).with_name("migrations")).replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    return config


async def migrate(url: str, to: str | None = None) -> None:
    """Bring the database's tables to `head_revision()`, or to the revision `to`, which may be an
    earlier one or `BASE`; at the newest, the roles are given their rights. Safe to run at every
    start, also twice at once.

    All of it is one transaction. Raises `MigrationStopped`, and has then changed nothing, where
    the database is not one that this release has made, its tables are not those of its revision,
    or rows break a rule that they are about to get.
    """
    known = revisions()
    if to is not None and to not in (*known, BASE):
        raise MigrationStopped(
            f"There is no revision {to!r}: this release knows {known[0]} to {known[-1]}, and"
            f" {BASE!r}, which is an empty database."
        )

    def bring(connection: Connection) -> None:
        refuse_strange(connection, known)
        config, at = _config(), next(iter(revisions_of(connection)), None)
        config.attributes["connection"] = connection
        target = to or known[-1]
        order = (BASE, *known)
        is_back = order.index(target) < order.index(at or BASE)
        try:
            (command.downgrade if is_back else command.upgrade)(config, target)
        except DBAPIError as error:
            raise explain(error, at) or error from None
        if target == known[-1]:
            refuse_damaged(connection)
            give_rights(connection)

    engine = _migration_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            await connection.run_sync(bring)
    finally:
        await engine.dispose()


def revisions() -> tuple[str, ...]:
    """All revisions that this code knows, the first one first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(reversed([script.revision for script in scripts]))


def head_revision() -> str:
    """The revision that this code wants."""
    return revisions()[-1]


async def current_revision(url: str) -> str | None:
    """The revision that the database is at; None when it has no tables of ours."""
    engine = _migration_engine(url)
    try:
        async with engine.connect() as connection:
            return ", ".join(await connection.run_sync(revisions_of)) or None
    finally:
        await engine.dispose()


def _migration_engine(url: str) -> AsyncEngine:
    """One connection, no pool, and no time limit on a statement: an index may take minutes."""
    plain = DatabaseSettings(url=SecretStr(url))
    address, arguments = _asyncpg_arguments(plain.url.get_secret_value())
    arguments |= {
        "async_creator_fn": _patient_connect(plain.connect_timeout_s),
        "timeout": plain.connect_timeout_s,
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"__otto_{uuid.uuid4().hex}__",
    }
    return create_async_engine(
        address, connect_args=arguments, poolclass=NullPool, hide_parameters=True
    )


# The dealership's file


async def sync_dealership(engine: AsyncEngine, dealership: Dealership) -> None:
    """Copy the service menu and the bays into their tables, so that appointments can refer to
    them. What has left the file is kept, marked inactive. Raises `DealershipRefused`, and has then
    changed nothing, for a bay that cannot move to another location."""
    services = [
        {
            "code": service.code,
            "name": service.name,
            "duration_minutes": service.duration_minutes,
            "price_cents": service.price_cents,
            "skill": service.skill,
            "active": True,
        }
        for service in dealership.services
    ]
    bays = [
        {
            "id": bay.id,
            "location_id": location.id,
            "name": bay.name,
            "skills": list(bay.skills),
            "calendar_id": bay.calendar_id,
            "active": True,
        }
        for location in dealership.locations
        for bay in location.bays
    ]
    async with engine.begin() as connection:
        await _replace(connection, ServiceRow, "code", services)
        await _replace(connection, BayRow, "id", bays)
        # Lines move along with their bay by themselves, and their appointments with them.
        line, another = AppointmentLineRow, aliased(AppointmentLineRow)
        divided = (
            select(line.bay_id, another.bay_id)
            .join(another, another.appointment_id == line.appointment_id)
            .where(line.location_id < another.location_id)
            .limit(1)
        )
        if (apart := (await connection.execute(divided)).one_or_none()) is not None:
            raise DealershipRefused(
                f"bays {apart[0]} and {apart[1]} cannot be at different locations, because they"
                " share appointments: give the bay that moves a new id in the dealership's file"
            )
        await connection.execute(
            update(AppointmentRow)
            .where(line.appointment_id == AppointmentRow.id, line.position == 1)
            .where(line.location_id != AppointmentRow.location_id)
            .values(location_id=line.location_id)
        )
    _log.info("dealership_synced", services=len(services), bays=len(bays))


async def _replace(
    connection: AsyncConnection, model: type[Base], key: str, rows: list[dict[str, Any]]
) -> None:
    table = cast(Table, model.__table__)
    # In order of the key: two nodes that start together wait for each other, but never deadlock.
    for row in sorted(rows, key=lambda row: str(row[key])):
        statement = insert(table).values(row)
        changed = {name: statement.excluded[name] for name in row if name != key}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=[key], set_=changed)
        )
    kept = [row[key] for row in rows]
    await connection.execute(table.update().where(table.c[key].not_in(kept)).values(active=False))
