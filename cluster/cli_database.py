"""`otto db`: the database's tables, roles, backups, example data and state."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.sandbox_endpoints import load_settings
from config.settings import Settings
from otto.logs import configure

app = typer.Typer(
    no_args_is_help=True, help="The database: tables, roles, backups, example data, state."
)
out = Console(highlight=False)


def _settings() -> Settings:
    settings = load_settings()
    configure(settings.log_level)
    return settings


@app.command("init")
def db_init() -> None:
    """Bring the tables up to date and copy the dealership's services and bays into them."""
    from cluster import database

    out.print(asyncio.run(database.initialise(_settings())))


@app.command("migrate")
def db_migrate(
    to: Annotated[str, typer.Option("--to", help="A revision such as 0005; base: no tables.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Bring the tables to a revision, also back to an earlier one, in one transaction. Going back
    drops what later revisions have added, with the rows in it: make a backup, and stop Otto."""
    from cluster import database

    if not yes and not typer.confirm(f"Bring the tables to {to}, whatever is lost by that?"):
        raise SystemExit(1)
    out.print(asyncio.run(database.move(_settings(), to)))


@app.command("roles")
def db_roles() -> None:
    """Print the SQL that makes Otto's roles in PostgreSQL: `otto db roles | psql "$ADMIN_URL"`."""
    from otto.storage.rights import roles_sql

    typer.echo(roles_sql(), nl=False)


@app.command("seed")
def db_seed() -> None:
    """Fill an empty database with a believable dealership."""
    from cluster import database

    out.print(asyncio.run(database.fill(_settings())))


@app.command("status")
def db_status() -> None:
    """The migration the database is at, how much is in it, and what the outbox has to tell."""
    from cluster import database

    table = Table("What", "Value")
    for name, value in asyncio.run(database.status(_settings())):
        table.add_row(name, value)
    out.print(table)


@app.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="A new file; only this user can read it.")],
) -> None:
    """Write everything in the database to a file, as it is at one moment; Otto may go on."""
    from cluster import backup

    out.print(backup.backup(_settings(), file), soft_wrap=True)


@app.command("restore")
def db_restore(
    file: Annotated[Path, typer.Argument(help="What `otto db backup` has written.")],
) -> None:
    """Fill an empty database from a backup, and bring its tables up to date. Afterwards
    `otto calendar reconcile`, and erase again who was erased since."""
    from cluster import backup

    out.print(backup.restore(_settings(), file), soft_wrap=True)
