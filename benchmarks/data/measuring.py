"""What a measurement is given, and what it gives back."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from pydantic import SecretStr

from config.dealership import Dealership
from config.settings import DatabaseSettings


@dataclass(frozen=True, slots=True)
class Row:
    """One case of a part. Milliseconds of one operation; `ratio` says how often as many operations
    a second it does as the part's yardstick, which is the case whose ratio is 1."""

    part: str
    case: str
    operations: int
    per_s: float
    p50_ms: float
    p95_ms: float
    ratio: float = 1.0
    notes: dict[str, Any] = field(default_factory=dict)
    """What explains it: statements, CPU, what the database waited for."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement finds: databases that are filled, and how much it shall do."""

    dealership: Dealership
    databases: dict[str, str]
    """URLs by name: "empty", "a year", "four years"."""
    copy: Callable[[str], Awaitable[str]]
    """Make a copy of one of them, for a measurement that writes; returns its URL."""
    valkey: str
    postmaster: int
    """The process of the PostgreSQL server."""
    scale: float = 1.0
    """How often to do everything, in multiples of the usual."""
    tell: Callable[[str], None] = print

    def times(self, usual: int) -> int:
        """So often as the run wants it instead of the usual number, and at least ten times."""
        return max(10, round(usual * self.scale))


Measure = Callable[[Bench], Awaitable[list[Row]]]


def database(url: str, pool_size: int = 5) -> DatabaseSettings:
    """As the product is given it."""
    return DatabaseSettings(url=SecretStr(url), pool_size=pool_size)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that no more than `1 - share` of them exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def row(part: str, case: str, took_ms: Sequence[float], wall_s: float, **notes: Any) -> Row:
    """A case from what each of its operations took, and all of them together."""
    return Row(
        *(part, case, len(took_ms), round(len(took_ms) / wall_s, 1)),
        *(round(median(took_ms), 2), round(percentile(took_ms, 0.95), 2)),
        notes=notes,
    )


async def one_by_one(
    part: str, case: str, operations: int, do: Callable[[int], Awaitable[object]], **notes: Any
) -> Row:
    """Do it so often, one after the other; `do` is told which time it is. Twice before it counts:
    connections, and statements that are prepared."""
    for number in range(2):
        await do(number)
    took_ms = []
    began = time.perf_counter()
    for number in range(operations):
        since = time.perf_counter()
        await do(number)
        took_ms.append((time.perf_counter() - since) * 1000)
    return row(part, case, took_ms, time.perf_counter() - began, **notes)
