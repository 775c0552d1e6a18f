"""`otto calendar`: Google's side of the bookings, for an operator."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

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

    def tell(line: str) -> None:
        out.print(line, markup=False, soft_wrap=True)

    file = login(tell, port=port, timeout_s=timeout, open_browser=browser and has_display())
    tell(f"signed in: the token is in {file}")
    tell("`otto check` now tells whether the bays' calendars can be written")
