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
    # Whole, because Ray is told through it where this stack's files and ports are, and the next one
    # in this process would take that for what the operator has set.
    before = dict(os.environ)
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
        os.environ.clear()
        os.environ.update(before)
