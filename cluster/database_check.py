"""What `otto check` says of PostgreSQL: whether it can be used, by whom, and how it is reached."""

from __future__ import annotations

from time import monotonic

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cluster.errors import Failed
from config.postgres_url import read_postgres_url
from config.settings import DatabaseSettings, Settings
from otto.storage.database import current_revision, head_revision, make_engine, revisions
from otto.storage.rights import RoleFacts, role_facts

MIN_POSTGRES = 14
COLD_S = 1.0
"""A first connection that takes longer was waited for: a compute that was asleep, as a rule."""
ROLES = "docs/OPERATIONS.md#roles"
_GIST = text("SELECT installed_version FROM pg_available_extensions WHERE name = 'btree_gist'")


async def check_postgres(settings: Settings) -> str:
    """What was found, when all is well. Raises Failed."""
    database = settings.database
    began = monotonic()
    engine = make_engine(database)
    try:
        async with engine.connect() as connection:
            took_s = monotonic() - began
            version = int(await connection.scalar(text("SHOW server_version_num")) or 0) // 10000
            gist = (await connection.execute(_GIST)).first()
            role = await role_facts(connection)
        at = await current_revision(database.url.get_secret_value())
    except (SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
        raise Failed(_first_line(error), _advice(database)) from None
    finally:
        await engine.dispose()
    if version < MIN_POSTGRES:
        raise Failed(f"PostgreSQL {version}", f"use PostgreSQL {MIN_POSTGRES} or newer")
    if gist is None:
        raise Failed("the extension btree_gist is missing", "install postgresql-contrib")
    if at is not None and at not in revisions():
        raise Failed(
            f"the tables are at {at}, which this release does not know",
            "install the release that made them, or a newer one",
        )
    if at != head_revision() or not gist.installed_version:
        raise Failed(f"the tables are at {at or 'nothing'}", "run `otto db init`")
    _refuse_rights(role, database)
    await _migrations(database)
    protection = read_postgres_url(database.url.get_secret_value()).describe()
    notes = [f"PostgreSQL {version}, tables at {at}", protection]
    if took_s > COLD_S:
        notes.append(f"the first connection took {took_s:.1f} s (a compute that was asleep?)")
    if role.is_too_mighty:
        notes.append(f"its role may change tables: {ROLES} has one that may not")
    if database.pooled and not database.migration_url.get_secret_value():
        notes.append("migrations go through the pooler: DATABASE_MIGRATION_URL spares them that")
    return "; ".join(notes)


def _refuse_rights(role: RoleFacts, database: DatabaseSettings) -> None:
    if role.closed:
        raise Failed(
            f"the role {role.name} may not read {', '.join(role.closed)}",
            "run `otto db init` with DATABASE_MIGRATION_URL: it gives the rights",
        )
    if role.is_too_mighty and database.migration_url.get_secret_value():
        what = "is a superuser" if role.is_superuser else "owns the tables"
        raise Failed(
            f"DATABASE_URL's role {role.name} {what}, though migrations have one of their own",
            f"give DATABASE_URL the role otto_app ({ROLES})",
        )


async def _migrations(database: DatabaseSettings) -> None:
    """Whether the role of the migrations gets in and has what is theirs."""
    if not database.migration_url.get_secret_value():
        return
    engine = make_engine(database.as_operator)
    try:
        async with engine.connect() as connection:
            role = await role_facts(connection)
    except (SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
        raise Failed(_first_line(error), "check DATABASE_MIGRATION_URL") from None
    finally:
        await engine.dispose()
    if not role.is_too_mighty:
        raise Failed(
            f"DATABASE_MIGRATION_URL's role {role.name} does not own the tables",
            f"give it the role otto_migrate ({ROLES})",
        )


def _advice(database: DatabaseSettings) -> str:
    url = read_postgres_url(database.url.get_secret_value())
    if url.is_neons:
        return (
            "check DATABASE_URL; a compute that is asleep needs some seconds, for which"
            f" DATABASE_CONNECT_TIMEOUT_S ({database.connect_timeout_s:g}) must be long enough"
        )
    return "check DATABASE_URL"


def _first_line(error: Exception) -> str:
    reason = str(getattr(error, "orig", None) or error).splitlines()
    return reason[0] if reason else type(error).__name__
