"""`otto callback`: who waits to be called back, for the people at the desk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from cluster.errors import StackError
from cluster.location import location_of
from config.dealership import Location
from config.sandbox_endpoints import load_settings
from otto.language.spoken_times import describe_start
from otto.logs import configure

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

app = typer.Typer(no_args_is_help=True, help="Callers who wait to be called back.")
out = Console(highlight=False)

R = TypeVar("R")


@app.command("list")
def callback_list(
    with_done: Annotated[bool, typer.Option("--all", help="Those called back, too.")] = False,
) -> None:
    """Who waits, those promised first on top."""
    from otto.crm.callback_list import callbacks_of

    place, found = _on_list(
        lambda engine, place: callbacks_of(engine, place.id, with_done=with_done)
    )
    if not found:
        out.print("nobody waits to be called back")
        return
    table = Table("Id", "Number", "Promised", "About", "Since", "Done")
    for one in found:
        promised = one.promised_at
        table.add_row(
            str(one.id),
            one.phone,
            "as soon as possible" if promised is None else describe_start(promised, place.zone),
            one.reason,
            describe_start(one.created_at, place.zone),
            "yes" if one.done_at else "",
        )
    out.print(table)


@app.command("done")
def callback_done(
    callback_id: Annotated[int, typer.Argument(help="As `list` shows it.")],
) -> None:
    """They have been called back."""
    from otto.crm.callback_list import finish_callback

    _, is_done = _on_list(lambda engine, place: finish_callback(engine, place.id, callback_id))
    if not is_done:
        raise StackError(f"no callback {callback_id} waits here")
    out.print(f"{callback_id} is done")


def _on_list(work: Callable[[AsyncEngine, Location], Awaitable[R]]) -> tuple[Location, R]:
    """Do it on the location's list. Raises `StackError`."""
    from cluster.database import database_errors
    from otto.storage.database import make_engine

    settings = load_settings()
    configure(settings.log_level)
    _, place = location_of(settings)

    async def on_engine() -> R:
        engine = make_engine(settings.database)
        try:
            return await work(engine, place)
        finally:
            await engine.dispose()

    with database_errors():
        return place, asyncio.run(on_engine())
