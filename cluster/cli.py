"""The `otto` command. Every failure is one clear sentence and exit code 2, never a trace
(`OTTO_DEBUG=1` shows it)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from cluster import (
    cli_appointments,
    cli_calendar,
    cli_callbacks,
    cli_calls,
    cli_database,
    cli_repairs,
    cli_settings,
    cli_texts,
    log_files,
    private,
    record,
)
from cluster.errors import StackError
from config.dealership import DealershipError
from config.sandbox_endpoints import load_settings
from config.settings import STATE_DIR, Settings, SettingsError
from otto.logs import configure

if TYPE_CHECKING:
    from cluster.stack import Stack

EXIT_FAILED = 1
EXIT_CANNOT = 2
DEBUG = "OTTO_DEBUG"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Otto answers a car dealership's service telephone.",
)
customer = typer.Typer(no_args_is_help=True, help="What is held about a person, by their number.")
app.add_typer(cli_database.app, name="db")
app.add_typer(cli_settings.app, name="config")
app.add_typer(cli_calendar.app, name="calendar")
app.add_typer(customer, name="customer")
app.add_typer(cli_appointments.app, name="appointment")
app.add_typer(cli_repairs.app, name="repair")
app.add_typer(cli_texts.app, name="texts")
app.add_typer(cli_callbacks.app, name="callback")
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def main() -> None:
    """Entry point."""
    os.umask(private.UMASK)
    log_files.write_to(STATE_DIR / "logs" / "otto.log")
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (SettingsError, DealershipError, StackError, OSError) as error:
        if os.environ.get(DEBUG):
            raise
        _complain(str(error))
        raise SystemExit(EXIT_CANNOT) from None
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        first = str(error).strip().splitlines()
        reason = f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
        _complain(f"{reason} ({DEBUG}=1 shows where)")
        raise SystemExit(EXIT_CANNOT) from None


def _settings() -> Settings:
    """The settings, also for this process' own log."""
    settings = load_settings()
    configure(settings.log_level)
    return settings


def _complain(message: str) -> None:
    for line in message.splitlines() or ["something went wrong"]:
        err.print(f"otto: {line}", style="red", markup=False, soft_wrap=True)


@app.command()
def up() -> None:
    """Start everything, and keep it running until Ctrl-C or `otto down`."""
    from cluster.progress import Progress
    from cluster.stack import Stack, deaf_to_signals, signals_as_exceptions

    stack = Stack()
    with signals_as_exceptions():
        try:
            with Progress(out) as progress:
                running = stack.up(progress)
            _announce(running)
            stack.wait()
        except KeyboardInterrupt:
            _drain(stack)
        finally:
            with deaf_to_signals():
                stack.down()
    out.print("everything has ended; the data stays in .otto")


def _drain(stack: Stack) -> None:
    """Let the calls in progress finish; the next Ctrl-C ends them."""
    try:
        stack.drain(_say_calls)
    except KeyboardInterrupt:
        out.print("\nending now")
        return
    out.print("\nending, a moment")


def _say_calls(calls: int) -> None:
    noun = "call" if calls == 1 else "calls"
    out.print(f"{calls} {noun} in progress, new ones are refused; Ctrl-C again to end now")


def _announce(running: record.StackRecord) -> None:
    calls = "otto call --persona maria   (--list: the others)"
    rows = [("ingress", running.origin), ("Ray's dashboard", running.dashboard)]
    if running.sandbox:
        rows += [
            ("calendar", f"{running.sandbox}/sandbox/calendar   (password: otto sandbox-token)"),
            ("place a call", calls),
        ]
    rows += [
        ("actors", "otto ray list actors"),
        ("dashboard's token", "otto ray get-auth-token"),
        ("logs", "otto logs --follow"),
        ("end", "Ctrl-C here, or otto down anywhere"),
    ]
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(f"[dim]{name}[/dim]", value)
    out.print(Panel(table, title="Otto is ready", title_align="left", expand=False))


@app.command()
def down(
    now: Annotated[bool, typer.Option("--now", help="Do not wait for calls in progress.")] = False,
) -> None:
    """End everything of the stack that was started here, also after a crash. Calls in progress
    may finish, for OTTO_DRAIN_S at most; new ones are refused meanwhile."""
    from cluster.ending import end_from_outside

    out.print(end_from_outside(now=now))


app.command()(cli_calls.demo)
app.command()(cli_calls.call)


@app.command()
def check() -> None:
    """Try every vendor's connection and credential; say what to do about what does not work."""
    from cluster.vendor_checks import run_checks

    results = asyncio.run(run_checks(_settings()))
    table = Table("", "What", "Result", "What to do", show_lines=True)
    for result in results:
        mark = "[green]✓[/green]" if result.is_ok else "[red]✗[/red]"
        table.add_row(mark, result.what, result.found, result.remedy)
    out.print(table)
    failed = sum(not result.is_ok for result in results)
    out.print(f"{len(results) - failed} of {len(results)} checks passed")
    if failed:
        raise SystemExit(EXIT_FAILED)


@app.command()
def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0)] = 50,
    name: Annotated[str, typer.Argument(help="Only files with this in their name.")] = "",
) -> None:
    """Show the last lines of the stack's logs: sandbox, actors, ingress."""
    try:
        log_files.show(STATE_DIR / "logs", name, lines, follow, out)
    except KeyboardInterrupt:
        return


@app.command("sandbox-token")
def sandbox_token() -> None:
    """Print what the running sandbox asks of whoever steers it or looks at its calendar."""
    sandbox = record.running().control
    if sandbox is None:
        raise StackError("every vendor is live: there is no sandbox")
    typer.echo(sandbox.token)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def ray(context: typer.Context) -> None:
    """Ray's own command line on this stack's cluster, e.g. `otto ray list actors`."""
    running = record.running()
    environment = {"RAY_AUTH_MODE": "token", "RAY_API_SERVER_ADDRESS": running.dashboard}
    token = STATE_DIR / "ray_token"
    if token.is_file():
        environment["RAY_AUTH_TOKEN_PATH"] = str(token.resolve())
    command = [str(Path(sys.executable).with_name("ray")), *context.args]
    done = subprocess.run(command, env={**os.environ, **environment}, check=False)
    raise SystemExit(done.returncode)


_Name = Annotated[
    str | None, typer.Option("--name", help="First and last name, where several share the number.")
]
_Id = Annotated[int | None, typer.Option("--id", help="Or the customer's id.")]


@customer.command("export")
def customer_export(
    number: Annotated[str, typer.Argument(help="Like +13125550142.")],
    name: _Name = None,
    customer_id: _Id = None,
    to: Annotated[Path | None, typer.Option("--to", help="A new file, instead of here.")] = None,
) -> None:
    """Show everything that is held about the person at a number, as JSON."""
    from cluster import customer_data

    which = customer_data.Which(name, customer_id)
    found = json.dumps(asyncio.run(customer_data.export(_settings(), number, which)), indent=2)
    if to is None:
        typer.echo(found)
        return
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # for the operator alone
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(found + "\n")
    out.print(f"written to {to}")


@customer.command("erase")
def customer_erase(
    number: Annotated[str, typer.Argument(help="Like +13125550142.")],
    name: _Name = None,
    customer_id: _Id = None,
    cancel_appointments: Annotated[
        bool, typer.Option("--cancel-appointments", help="Also cancel what lies ahead.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase the person at a number: customer, vehicles, what was said, callbacks, messages, and
    the events in Google Calendar. An opt-out stays, as a hash. It cannot be undone."""
    from cluster import customer_data

    if not yes and not typer.confirm("Erase everything about this person, for good?"):
        raise SystemExit(EXIT_FAILED)
    which = customer_data.Which(name, customer_id)
    erased = asyncio.run(
        customer_data.erase(_settings(), number, which, cancel_appointments=cancel_appointments)
    )
    if not erased:
        out.print("nothing is held about this number")
        return
    out.print(", ".join(f"{count} {what}" for what, count in erased.items()))
    if "events" in erased:
        out.print("the running stack deletes the events from Google Calendar")


@app.command()
def version() -> None:
    """Otto's version and those of what it stands on."""
    for package in ("otto", "ray", "deepgram-sdk", "openai", "twilio"):
        out.print(f"{package} {package_version(package)}")
