"""Whether a database is one that this release may bring up to date, and whether its tables are then
what its revision says. Asked within the migration's transaction, so a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Index, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.schema import Constraint

from otto.storage.errors import MigrationStopped
from otto.storage.tables import Base

ENCODING = "UTF8"
NAMED = 3
"""How many of the things that are missing a sentence names."""
_STRANGE_TABLES = frozenset({"42P01", "42703", "42704", "42P07", "42701", "42710"})
"""SQLSTATE of a table, column or constraint that is not there, or is there already."""
_NAMES = text(
    "SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace"
    " UNION SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
)


def revisions_of(connection: Connection) -> tuple[str, ...]:
    """What the database says it is at: one revision, none, or more where somebody meddled."""
    return tuple(sorted(MigrationContext.configure(connection).get_current_heads()))


def refuse_strange(connection: Connection, known: Collection[str]) -> None:
    """Raises `MigrationStopped` for a database that this release cannot have made."""
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != ENCODING:
        raise MigrationStopped(
            f"This database is encoded in {encoding}, which cannot hold every name: make one with"
            f" ENCODING '{ENCODING}' (CREATE DATABASE … TEMPLATE template0 ENCODING '{ENCODING}')."
        )
    found = revisions_of(connection)
    if len(found) > 1:
        raise MigrationStopped(
            f"This database says that it is at {' and '.join(found)} at once: its table"
            " alembic_version was changed by hand. Restore a backup (`otto db restore`)."
        )
    if found and found[0] not in known:
        raise MigrationStopped(_unknown(found[0], max(known)))
    if not found:
        theirs = sorted({*inspect(connection).get_table_names()} & {*Base.metadata.tables})
        if theirs:
            raise MigrationStopped(
                f"This database has tables of these names already ({_some(theirs)}) and does not"
                " say which revision they are at: it is another program's, or its table"
                " alembic_version was lost. Give DATABASE_URL an empty database, or restore a"
                " backup."
            )


def refuse_damaged(connection: Connection) -> None:
    """Raises `MigrationStopped` when the newest tables are not what the code declares."""
    missing = list(_missing(connection))
    if missing:
        at = ", ".join(revisions_of(connection))
        raise MigrationStopped(
            f"This database says that it is at {at} and lacks {_some(missing)}: its tables were"
            " changed by hand, or a restore was not finished. Restore a backup (`otto db restore`)."
        )


def explain(error: DBAPIError, at: str | None) -> MigrationStopped | None:
    """What a migration's error means if the tables are not those of the revision `at`."""
    if getattr(error.orig, "sqlstate", None) not in _STRANGE_TABLES:
        return None
    reason = str(error.orig).splitlines()[0].rpartition(">: ")[2]
    return MigrationStopped(
        f"This database says that it is at {at or 'no revision'}, but {reason}: its tables were"
        " changed by hand. Nothing was changed now. Restore a backup (`otto db restore`)."
    )


def _unknown(found: str, newest: str) -> str:
    if found.isdecimal() and found > newest:
        return (
            f"This database is at revision {found}, and this release knows none after {newest}: a"
            " newer release has been here. Install that one, or restore a backup of before it."
        )
    return (
        f"This database is at revision {found!r}, which is none of Otto's: it is another program's."
        " Give DATABASE_URL a database of Otto's own."
    )


def _missing(connection: Connection) -> Iterator[str]:
    inspector = inspect(connection)
    tables = {*inspector.get_table_names()}
    names = {*connection.scalars(_NAMES)}
    for name, table in sorted(Base.metadata.tables.items()):
        if name not in tables:
            yield f"the table {name}"
            continue
        columns = {column["name"] for column in inspector.get_columns(name)}
        yield from (
            f"the column {name}.{each.name}" for each in table.c if each.name not in columns
        )
        parts: list[Constraint | Index] = [*table.constraints, *table.indexes]
        expected = (str(part.name) for part in parts if part.name is not None)
        yield from (f"the rule {each}" for each in sorted(expected) if each not in names)


def _some(things: list[str]) -> str:
    more = len(things) - NAMED
    told = ", ".join(things[:NAMED])
    return f"{told} and {more} more" if more > 0 else told
