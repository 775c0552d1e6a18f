"""`make bench-data`: bookings, openings and look-ups of customers, on years of data.

    python -m benchmarks.data                         everything, some minutes
    python -m benchmarks.data --only bookings         a part of it
    python -m benchmarks.data --scale 0.1             a tenth, to try it

A page and its data go to benchmarks/results/; `python -m benchmarks.data.fill` writes the tables
into docs/PERFORMANCE.md. Columns: operations a second; what one took, p50 and p95; and the ratio of
operations a second to those of the part's first case, taken in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import structlog
from rich.console import Console

from benchmarks import machine
from benchmarks.data import cache, confirmations, customers, reading, writers
from benchmarks.data.filling import fill, make
from benchmarks.data.measuring import Bench, Measure, Row
from benchmarks.data.report import page
from config.dealership import Dealership, load_dealership
from sandbox.services.postgres import Postgres
from sandbox.services.valkey import Valkey

DEALERSHIP_FILE = Path(__file__).parents[2] / "config" / "dealership.yaml"
PARTS: dict[str, Measure] = {
    "bookings": writers.measure,
    "openings": reading.measure,
    "customers": customers.measure,
    "cache": cache.measure,
    "confirmations": confirmations.measure,
}
"""What is measured, in this order. A new one is a module with a `measure` and a row here."""


@contextmanager
def servers() -> Iterator[tuple[str, int, str]]:
    """A durable PostgreSQL and a Valkey of the run's own: its URL and pid; its URL."""
    with tempfile.TemporaryDirectory(prefix="otto-bench-data-", dir="/var/tmp") as folder:
        postgres, valkey = Postgres(Path(folder, "postgres")), Valkey(Path(folder, "valkey"))
        try:
            url = postgres.start()
            assert postgres.pid is not None
            yield url, postgres.pid, valkey.start()
        finally:
            postgres.discard()
            valkey.discard()


async def prepare(
    url: str, postmaster: int, valkey: str, dealership: Dealership, scale: float, out: Console
) -> Bench:
    """The databases of a run: tables and customers; with the past of a year, and all of it booked
    ahead, too; the same with four years."""
    location = dealership.location("main")
    server = url.rpartition("/")[0]

    async def copy(name: str, called: str | None = None) -> str:
        called = called or f"copy_{uuid.uuid4().hex[:12]}"
        source = names[name]
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            await connection.execute(f'CREATE DATABASE "{called}" TEMPLATE "{source}"')
        finally:
            await connection.close()
        return f"{server}/{called}"

    names = {"new": "template0"}
    names["empty"] = "empty"
    databases = {"empty": await copy("new", "empty")}
    await make(databases["empty"], dealership)
    for name, years, ahead in (
        ("a year past", 1, 0.0),
        ("a year", 1, None),
        ("four years", 4, None),
    ):
        called = name.replace(" ", "_")
        databases[name] = await copy("empty", called)
        names[name] = called
        count = await fill(databases[name], location, years, ahead)
        out.print(f"[dim]{name}: {count} appointments[/dim]")
    return Bench(dealership, databases, copy, valkey, postmaster, scale)


async def run(bench: Bench, parts: list[str], out: Console) -> list[Row]:
    """Measure one part after the other."""
    rows = []
    for name in parts:
        began = time.monotonic()
        for row in await PARTS[name](bench):
            rows.append(row)
            out.print(
                f"{row.part}: {row.case}: {row.per_s:,.0f}/s, p50 {row.p50_ms:.1f} ms, "
                f"p95 {row.p95_ms:.1f} ms, ×{row.ratio:g}",
                highlight=False,
            )
            if row.notes:
                out.print(f"[dim]  {row.notes}[/dim]", highlight=False)
        out.print(f"[dim]{name} took {time.monotonic() - began:.0f} s[/dim]")
    return rows


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(PARTS), help=", ".join(PARTS))
    parser.add_argument("--scale", type=float, default=1.0, help="how much of everything")
    given = parser.parse_args()
    out = Console(stderr=True, soft_wrap=True)
    parts = [name.strip() for name in given.only.split(",")]
    for name in parts:
        if name not in PARTS:
            out.print(f"bench-data: there is no part {name!r}: {', '.join(PARTS)}", style="red")
            return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    about, began = machine.facts(), time.monotonic()
    dealership = load_dealership(DEALERSHIP_FILE)

    async def everything(url: str, pid: int, valkey: str) -> list[Row]:
        bench = await prepare(url, pid, valkey, dealership, given.scale, out)
        return await run(bench, parts, out)

    with servers() as (url, pid, valkey):
        rows = [asdict(row) for row in asyncio.run(everything(url, pid, valkey))]
    about |= {"scale": given.scale, "took_s": round(time.monotonic() - began)}
    path = machine.write("data", about, {"results": rows}, page(rows, about))
    out.print(f"written to {path.with_suffix('.md')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
