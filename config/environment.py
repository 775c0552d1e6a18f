"""How settings are read from the environment and `.env`, and how a fault is told."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    SettingsConfigDict,
)

ENV_FILE = ".env"
STATE_DIR = Path(".otto")
"""Where Otto keeps its data, logs, addresses and tokens, below the working directory."""
PROMPTS_DIR = Path(__file__).with_name("prompts")
"""The files that come with Otto and tell the model how to do its job."""


class SettingsError(Exception):
    """The configuration cannot be used. The message is one line per fault, for a person."""


class SettingsGroup(BaseSettings):
    """Settings that share a prefix. A group of its own names it in `env_prefix`."""

    model_config = SettingsConfigDict(
        extra="ignore", env_ignore_empty=True, str_strip_whitespace=True
    )


def env_file() -> Path | None:
    """The working directory's `.env`, if there is one."""
    path = Path(ENV_FILE)
    return path if path.is_file() else None


def names_given() -> set[str]:
    """What the environment and `.env` set, whoever it is meant for; what is empty is not set."""
    sources = (
        EnvSettingsSource(SettingsGroup),
        DotEnvSettingsSource(SettingsGroup, env_file=env_file()),
    )
    return {name.upper() for source in sources for name in source.env_vars}


@contextmanager
def without(names: Collection[str]) -> Iterator[None]:
    """This process' environment without these variables, in whatever case they are written:
    processes that are started in here do not inherit them."""
    wanted = {name.upper() for name in names}
    taken = {name: value for name, value in os.environ.items() if name.upper() in wanted}
    for name in taken:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(taken)


def explain(error: ValidationError, prefix: str) -> list[str]:
    """One line a fault, with the setting's name and without its value, which may be a secret."""
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        where = "__".join(str(part) for part in fault["loc"])
        name = f"{prefix}{where}".upper() if where else prefix.rstrip("_") or "settings"
        message = fault["msg"].removeprefix("Value error, ")
        lines.append(message if message.startswith(("OTTO_", name)) else f"{name}: {message}")
    return lines
