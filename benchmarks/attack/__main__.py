"""`make attack`: what strangers can do to a running stack, and what it costs Otto.

It brings a stack of its own up, tries one attack after another (each bounded, on the loopback
only), and compares what happened with what must not. The table goes to the terminal and with the
figures to `benchmarks/results/`; `python -m benchmarks.attack.fill` writes it into
docs/SECURITY.md.

    python -m benchmarks.attack                             all of them, some six minutes
    python -m benchmarks.attack --only half,token           attacks by name, or its beginning

Exit status: 0 when every bound was kept, 1 when one was broken, 2 when it could not run.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import structlog
from rich.console import Console

from benchmarks.attack.attack import Attack, Judged, Seen, judge
from benchmarks.attack.registry import ATTACKS, chosen
from benchmarks.attack.report import about as about_run
from benchmarks.attack.report import markdown, table
from benchmarks.attack.target import Target
from benchmarks.chaos.stack_probe import StackProbe, running
from benchmarks.machine import facts, ports, write
from cluster.stack import signals_as_exceptions

SETTLE_LIMIT_S = 120.0
EXIT_BROKEN = 1
EXIT_CANNOT = 2


async def drive(probe: StackProbe, attacks: list[Attack], out: Console) -> list[Judged]:
    """Try them all; one that cannot be tried breaks its bounds, and the others go on."""
    async with probe.connected():
        await probe.warm_up(SETTLE_LIMIT_S)
        target = Target(probe)
        rows = []
        for attack in attacks:
            try:
                seen = await attack.measure(target)
            except Exception as error:
                seen = Seen(f"could not be tried ({type(error).__name__}: {error})")
            rows.append(judge(attack, seen))
            mark = "[green]kept[/green]" if rows[-1].is_kept else "[red]broken[/red]"
            out.print(f"{mark} {attack.name}: {seen.happened}", soft_wrap=True)
        return rows


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="names of attacks, or their beginnings")
    parser.add_argument("--list", action="store_true", help="show the attacks and end")
    given = parser.parse_args()
    out = Console(stderr=True)
    if given.list:
        for attack in ATTACKS:
            bounds = "; ".join(str(bound) for bound in attack.bounds)
            print(f"{attack.name:22} {attack.about}: at most {bounds}")
        return 0
    try:
        attacks = chosen(given.only)
    except ValueError as error:
        out.print(f"attack: {error}", style="red")
        return EXIT_CANNOT
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    environment = {**ports(), "OTTO_POOL_SIZE": "2", "OTTO_POOL_SUB_ACTORS": "inline"}
    about = facts()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="otto-attack-", dir="/var/tmp") as folder,
        signals_as_exceptions(),
        running(Path(folder), environment, out) as probe,
    ):
        rows = asyncio.run(drive(probe, attacks, out))
    about["took_s"] = round(time.monotonic() - began)
    data = {"rows": [asdict(row) for row in rows]}
    write("attack", about, data, f"{markdown(data['rows'])}\n{about_run(about)}\n")
    Console().print(table(rows, f"Attacks, {about['took_s']} s"))
    broken = [row for row in rows if not row.is_kept]
    for row in broken:
        said = f"broken: {row.attack}: {'; '.join(row.broken)}"
        out.print(said, style="red", markup=False, soft_wrap=True)
    return EXIT_BROKEN if broken else 0


if __name__ == "__main__":
    sys.exit(main())
