"""`otto calendar`: Google's side of the bookings, for an operator."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from config.sandbox_endpoints import load_settings
from config.settings import Settings
from otto.logs import configure

EXIT_FAILED = 1

app = typer.Typer(no_args_is_help=True, help="Google Calendar: sign in, see, replay, mend.")
out = Console(highlight=False)


@app.command("login")
def calendar_login(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the browser comes back to; 0: any.")
    ] = 0,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the consent.")] = 300,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser here.")
    ] = True,
) -> None:
    """Have a person allow Otto to use their calendars, and keep the token for this user alone.

    On a machine without a browser: `ssh -L 8765:127.0.0.1:8765 host`, there
    `otto calendar login --port 8765 --no-browser`, and open the address at home.
    """
    from cluster.calendar_login import has_display, login

    file = login(_tell, port=port, timeout_s=timeout, open_browser=browser and has_display())
    _tell(f"signed in: the token is in {file}")
    _tell("`otto check` now tells whether the bays' calendars can be written")


@app.command("status")
def calendar_status() -> None:
    """How far each calendar was read, what waits to be told, and what a person has to look at.
    Exit code 1 when somebody has to do something."""
    from cluster.calendar_admin import standing

    found = asyncio.run(standing(_settings()))
    table = Table("Bay", "Last read", "Waiting", "Dead", "Staff's times", "To look at", "Why")
    for each in found.calendars:
        waiting = str(each.waiting)
        if each.postponed:
            waiting += f" ({each.postponed} postponed)"
        why = ", ".join(dict.fromkeys(filter(None, (each.last_error, each.reason))))
        table.add_row(
            f"{each.bay.name} ({each.bay.id})",
            "never" if each.synced_at is None else _when(each.synced_at),
            waiting,
            str(each.dead),
            str(each.blocks),
            str(each.conflicts),
            why,
        )
    out.print(table)
    if found.conflicts:
        _show_conflicts(found.conflicts)
    if any(each.dead for each in found.calendars):
        _tell("what is dead is listed by `otto calendar dead`")
    if not found.is_well:
        raise SystemExit(EXIT_FAILED)


_WHAT = {
    "move_refused": "staff moved it where it cannot be: it was put back",
    "block_over_appointment": "staff keep a time over a booking, which stands",
    "deleted": "staff deleted its event: it is cancelled, and its customer is to be called",
    "restored": "staff brought back the event of an appointment that is cancelled",
}
"""By the kind of a conflict."""


def _show_conflicts(conflicts: Any) -> None:
    table = Table("Id", "Bay", "Since", "What", "Why", "When", "Appointment")
    for each in conflicts:
        table.add_row(
            str(each.id),
            each.bay_id,
            _when(each.found_at),
            _WHAT[each.kind],
            each.code,
            "" if each.starts_at is None else _when(each.starts_at),
            str(each.appointment_id or ""),
        )
    out.print(table)
    _tell("`otto calendar seen ID` takes away what somebody has looked at")


@app.command("seen")
def calendar_seen(
    ids: Annotated[list[int] | None, typer.Argument(help="As `status` lists them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Say that a person has looked at conflicts, so that `status` shows them no longer."""
    from cluster.calendar_admin import seen

    count = asyncio.run(seen(_settings(), _chosen(ids, every)))
    _tell(f"{count} {'is' if count == 1 else 'are'} shown no longer")
    if ids and count < len(set(ids)):
        _tell("the others are not open")
        raise SystemExit(EXIT_FAILED)


@app.command("dead")
def calendar_dead() -> None:
    """What was given up and is not in Google. Exit code 1 when there is any."""
    from cluster.calendar_admin import dead

    found = asyncio.run(dead(_settings()))
    if not found:
        _tell("nothing is dead")
        return
    table = Table("Id", "What", "Calendar", "Appointment at", "Why", "Since")
    for row in found:
        table.add_row(
            str(row.id),
            row.kind,
            row.calendar_id,
            "" if row.starts_at is None else _when(row.starts_at),
            row.code,
            _when(row.created_at),
        )
    out.print(table)
    _tell("`otto calendar replay ID`, or `--all`, has them told again")
    raise SystemExit(EXIT_FAILED)


@app.command("replay")
def calendar_replay(
    ids: Annotated[list[int] | None, typer.Argument(help="As `dead` lists them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Have dead rows told again from the first attempt on: to the calendar that their bay has now,
    as their appointment is now."""
    from cluster.calendar_admin import again

    done = asyncio.run(again(_settings(), _chosen(ids, every)))
    if not done:
        _tell("nothing is dead")
        return
    _tell(f"{len(done)} {'is' if len(done) == 1 else 'are'} told again by the running stack")


@app.command("reconcile")
def calendar_reconcile(
    apply: Annotated[bool, typer.Option("--apply", help="Mend it, not only show it.")] = False,
) -> None:
    """Compare the book with the calendars, to the field, and with --apply mend what differs. Exit
    code 1 when something differs still."""
    from cluster.calendar_admin import reconciled
    from cluster.calendar_delivery import TELLING_S

    result = asyncio.run(reconciled(_settings(), apply=apply))
    if result.found:
        table = Table("Calendar", "What", "When", "Fields", "Done")
        for each in result.found:
            drift = each.drift
            when = "" if drift.period is None else _when(drift.period.starts_at)
            table.add_row(
                drift.calendar_id, _DRIFT[drift.kind], when, drift.detail, each.done or "–"
            )
        out.print(table)
    if result.given:
        _tell(f"{result.given} appointments had no event and have one now")
    if result.left:
        _tell(
            f"{result.left} events were not taken by Google within {TELLING_S:.0f} s: the running"
            " stack goes on (`otto calendar status`)"
        )
    if not result.found:
        _tell("the book and the calendars agree")
    elif not apply:
        _tell("`otto calendar reconcile --apply` mends it")
    is_left = [each for each in result.found if not each.done or each.drift.kind == "foreign"]
    if is_left or result.left:
        raise SystemExit(EXIT_FAILED)


_DRIFT = {
    "missing": "booked, and not in the calendar",
    "moved": "at another time in the calendar",
    "words": "other words in the calendar",
    "extra": "in the calendar, and no longer booked",
    "foreign": "in the calendar for an appointment of another book",
    "unknown": "staff's own time, not known to the book",
    "outdated": "kept for staff, and not in the calendar so",
}
"""By the kind of a difference."""


def _chosen(ids: list[int] | None, every: bool) -> list[int] | None:
    if bool(ids) == every:
        raise typer.BadParameter("name ids, or say --all")
    return None if every else ids


def _settings() -> Settings:
    settings = load_settings()
    configure(settings.log_level)
    return settings


def _when(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _tell(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)
