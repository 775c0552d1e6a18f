"""A whole stack for a while, with settings of its own: for benchmarks and tests."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cluster.progress import Progress
from cluster.sandbox_process import discard_data
from cluster.stack import Stack
from config.sandbox_endpoints import SandboxEndpoints, read_endpoints
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Embedded:
    """One that serves calls."""

    settings: Settings
    sandbox: SandboxEndpoints
    stack_id: str


@contextmanager
def embedded(
    folder: Path, environment: Mapping[str, str], *, speech: str, log: Console
) -> Iterator[Embedded]:
    """Bring a stack up with its data in `folder`, end it and remove its database. Main thread only,
    and outside of any event loop.

    `environment`: settings for as long as it runs. `speech`: "known" or "real". Raises what
    `Stack.up` raises.
    """
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    stack = Stack(folder, sandbox_arguments=["--speech", speech])
    try:
        record = stack.up(Progress(log))
        endpoints = read_endpoints(folder)
        assert stack.settings is not None
        assert endpoints is not None
        yield Embedded(stack.settings, endpoints, record.stack_id)
    finally:
        stack.down()
        discard_data(folder)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
