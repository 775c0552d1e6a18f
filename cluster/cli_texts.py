"""`otto texts`: the text messages that were given up, for an operator."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cluster.errors import StackError
from config.sandbox_endpoints import load_settings
from config.settings import Settings
from otto.logs import configure
from otto.scheduling.texts.dead import DeadText, dead_texts, replay_texts

app = typer.Typer(no_args_is_help=True, help="Text messages that were given up: see, send again.")
out = Console(highlight=False)

EXIT_FAILED = 1


@app.command("dead")
def texts_dead() -> None:
    """Texts that will not be sent by themselves, and why. Exit code 1 when there is any."""
    found = asyncio.run(_dead(_settings()))
    if not found:
        out.print("nothing is dead")
        return
    table = Table("Id", "Why", "Attempts", "Written", "Of use until")
    for row in found:
        until = "" if row.good_until is None else f"{row.good_until:%Y-%m-%d %H:%M %Z}"
        written = f"{row.created_at:%Y-%m-%d %H:%M %Z}"
        table.add_row(str(row.id), row.code, str(row.attempts), written, until)
    out.print(table)
    out.print("mend what is wrong, then `otto texts replay ID`, or `--all`, has them sent again")
    raise SystemExit(EXIT_FAILED)


@app.command("replay")
def texts_replay(
    ids: Annotated[list[int] | None, typer.Argument(help="As `dead` lists them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Have dead texts sent again by the running stack, if they are still of use. Twilio is asked
    first whether it has them."""
    if bool(ids) == every:
        raise StackError("give the ids of the texts, or --all")
    done = asyncio.run(_replay(_settings(), ids or None))
    out.print(f"{len(done)} {'is' if len(done) == 1 else 'are'} sent again by the running stack")
    if left := sorted(set(ids or ()) - done):
        out.print(f"not dead, or of no use any more: {', '.join(map(str, left))}")
        raise SystemExit(EXIT_FAILED)


def _settings() -> Settings:
    settings = load_settings()
    configure(settings.log_level)
    return settings


async def _dead(settings: Settings) -> tuple[DeadText, ...]:
    from cluster.database import database_errors, operator_engine

    with database_errors():
        async with operator_engine(settings) as engine, engine.connect() as connection:
            return await dead_texts(connection)


async def _replay(settings: Settings, ids: list[int] | None) -> frozenset[int]:
    from cluster.database import database_errors, operator_engine

    with database_errors():
        async with operator_engine(settings) as engine, engine.begin() as connection:
            return await replay_texts(connection, ids)
