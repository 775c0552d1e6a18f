"""`python -m benchmarks.chaos.bookings`: bookings under load while what they rest on is killed.

A part of `make chaos`, in a process of its own, because it has a Ray of its own. Exit status: 0
when nothing was broken, 1 when something was.

    python -m benchmarks.chaos.bookings --only bookings-postgres --load-s 60
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.chaos.booking_kinds import LOAD_S, BookingRow, named, strike, told
from benchmarks.chaos.workshop import workshop
from benchmarks.machine import facts, write
from cluster.stack import signals_as_exceptions


def command(kinds: Sequence[str], seed: int) -> list[str]:
    """The command line that runs these kinds."""
    module = [sys.executable, "-m", "benchmarks.chaos.bookings"]
    return [*module, "--seed", str(seed), "--only", ",".join(kinds)]


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="names of kinds, or their beginnings")
    parser.add_argument("--load-s", type=float, default=LOAD_S, help="how long clients ask")
    given = parser.parse_args()
    out = Console(stderr=True, soft_wrap=True)
    kinds = named([name.strip() for name in given.only.split(",") if name.strip()])
    about, began = {**facts(), "seed": given.seed, "mode": "bookings"}, time.monotonic()
    rows: list[BookingRow] = []
    with (
        tempfile.TemporaryDirectory(prefix="otto-bookings-", dir="/var/tmp") as folder,
        signals_as_exceptions(),
        workshop(Path(folder)) as shop,
    ):
        for kind in kinds:
            row = asyncio.run(strike(shop, kind, given.seed, given.load_s))
            rows.append(row)
            out.print(f"{row.fault}: {told(row.as_dict())}", highlight=False)
            for line in row.broken:
                out.print(f"broken: {line}", style="red", markup=False)
    about["took_s"] = round(time.monotonic() - began)
    write("chaos-bookings", about, {"bookings": [r.as_dict() for r in rows]}, page(rows, about))
    return 1 if any(row.broken for row in rows) else 0


def page(rows: Sequence[BookingRow], about: dict[str, object]) -> str:
    """The run as Markdown."""
    lines = [
        f"# Bookings while things die, {about['at']}",
        "",
        ", ".join(f"{name}: {value}" for name, value in about.items() if name != "at"),
        "",
        *(f"- `{row.fault}` ({row.about}): {told(row.as_dict())}" for row in rows),
        *(f"- broken, {row.fault}: {line}" for row in rows for line in row.broken),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
