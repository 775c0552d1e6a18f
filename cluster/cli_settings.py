"""`otto config`: the settings as Otto understands them, and what Ray's processes need of them."""

from __future__ import annotations

import os
import shlex
from typing import Any

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from cluster import ray_env
from config.link import ray_environment
from config.loading import read_settings

app = typer.Typer(no_args_is_help=True, help="The settings as Otto understands them.")
out = Console(highlight=False)


@app.command("show")
def config_show() -> None:
    """Every setting and its value; secrets only as set or not set."""
    settings = read_settings()
    table = Table("Setting", "Value")
    for name, value in _flatten(settings):
        table.add_row(name, value)
    out.print(table)


@app.command("env")
def config_env() -> None:
    """What Ray's processes must find in their environment, as lines for a shell: put
    `eval "$(otto config env)"` before `ray start` or `serve run` on a cluster of your own."""
    import serve_app  # late: it imports Ray

    settings = read_settings()
    wanted = {
        **ray_env.ENVIRONMENT,
        **serve_app.serve_environment(settings),
        **ray_environment(settings.link),
    }
    for name, value in wanted.items():
        typer.echo(f"export {name}={shlex.quote(os.environ.get(name, value))}")


def _flatten(settings: Any) -> list[tuple[str, str]]:
    rows = []
    for field in type(settings).model_fields:
        value = getattr(settings, field)
        if hasattr(type(value), "model_fields"):
            rows += _flatten(value)
            continue
        name = (str(settings.model_config.get("env_prefix", "")) + field).upper()
        if isinstance(value, SecretStr):
            shown = "(set)" if value.get_secret_value() else "(not set)"
        elif isinstance(value, frozenset):
            shown = ", ".join(sorted(value)) or "none"
        else:
            shown = "" if value is None else str(value)
        rows.append((name, shown))
    return rows
