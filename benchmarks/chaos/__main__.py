"""`make chaos`: dozens of calls while actors die, vendors fail, stores go away and sockets stall.

One fault after another strikes a call of its own at a moment that the seed chooses; then a storm
of calls is struck by all of them at once. Afterwards it is checked from outside that every call
got somewhere, that every booking exists once in the database and once in the calendar and was said
to its caller, that no silence of Otto's was longer than its fault's bound, and that nothing is
left.

Before that, without telephones, clients book, move and cancel while the CalendarActor, PostgreSQL,
Valkey or Google's stand-in are killed, and what they were told is compared with what there is
(`bookings.py`, in a process of its own).

    python -m benchmarks.chaos                              the usual ones, some fifteen minutes
    python -m benchmarks.chaos --all                        every fault, some 25 minutes
    python -m benchmarks.chaos --only stt-killed,redis      faults by name, or its beginning
    python -m benchmarks.chaos --only bookings              bookings under load, some four minutes
    python -m benchmarks.chaos --only storm --calls 30 --seed 7

Exit status: 0 when every promise was kept, 1 when one was broken, 2 when it could not run.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import structlog
from rich.console import Console

from benchmarks.chaos.booking_kinds import BOOKING_FAULTS, named
from benchmarks.chaos.bookings import command as bookings_command
from benchmarks.chaos.census import appointments, callbacks, take_census
from benchmarks.chaos.driving import Driver
from benchmarks.chaos.faults import FAULTS
from benchmarks.chaos.judging import Census, broken_bookings
from benchmarks.chaos.judging import left_behind as broken_census
from benchmarks.chaos.planning import Plan, PlanError, plan
from benchmarks.chaos.report import Verdict, judge, markdown, table
from benchmarks.chaos.stack_probe import StackProbe, left_behind, running
from benchmarks.machine import facts, ports, write
from cluster.stack import signals_as_exceptions

SETTLE_LIMIT_S = 120.0
EXIT_BROKEN = 1
EXIT_CANNOT = 2


async def drive(
    probe: StackProbe, wanted: Plan, minutes: float, out: Console
) -> tuple[Verdict, Census, Census]:
    """Carry the plan out and judge it; returns what there was before and after it, too."""
    async with probe.connected():
        await probe.warm_up(SETTLE_LIMIT_S)
        before = await take_census(probe)
        began = time.monotonic()

        def tell(line: str) -> None:
            out.print(f"[dim]{timedelta(seconds=int(time.monotonic() - began))}[/dim] {line}")

        driver = Driver(probe, tell)
        seen = await driver.run(wanted, minutes)
        await probe.lift()
        after = await take_census(probe, settle_like=before)
        verdict = judge(seen, await callbacks(probe))
        records = [trial.record for trial in (*seen.trials, *seen.storm) if trial.record]
        events = [event["id"] for event in await probe.calendar_events()]
        verdict.broken += broken_bookings(records, await appointments(probe), events)
        return verdict, before, after


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="another one, another plan")
    parser.add_argument("--only", default="", help="names of faults, or their beginnings; storm")
    parser.add_argument("--all", action="store_true", help="every fault, some 25 minutes")
    parser.add_argument("--calls", type=int, default=12, help="calls of the storm")
    parser.add_argument("--repeat", type=int, default=1, help="how often each fault is struck")
    parser.add_argument("--mode", choices=("ray", "inline"), default="ray", help="sub-actors")
    parser.add_argument("--pool", type=int, default=6, help="places in the pool")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no fault after that")
    parser.add_argument("--list", action="store_true", help="show the faults and end")
    given = parser.parse_args()
    out = Console(stderr=True)
    if given.list:
        for fault in FAULTS:
            print(f"{fault.name:28} {fault.about}, {fault.moment}")
        for kind in BOOKING_FAULTS:
            print(f"{kind.name:28} {kind.about}, under load without telephones")
        return 0
    names = [name.strip() for name in given.only.split(",") if name.strip()]
    kinds = [kind.name for kind in named(names)]
    names = [name for name in names if not named([name])]
    status = subprocess.call(bookings_command(kinds, given.seed)) if kinds else 0
    if kinds and given.only and not names:
        return status
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    faults = [f for f in FAULTS if given.mode == "ray" or not _needs_worker_actors(f.strike)]
    try:
        wanted = plan(
            given.seed,
            faults,
            only=",".join(names),
            whole=given.all,
            storm_calls=given.calls,
            repeat=given.repeat,
        )
    except PlanError as error:
        out.print(f"chaos: {error}", style="red")
        return EXIT_CANNOT
    environment = {
        **ports(),
        "OTTO_POOL_SIZE": str(given.pool),
        "OTTO_POOL_SUB_ACTORS": given.mode,
    }
    about = {**facts(), "seed": given.seed, "mode": given.mode, "pool": given.pool}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="otto-chaos-", dir="/var/tmp") as folder:
        with signals_as_exceptions(), running(Path(folder), environment, out) as probe:
            verdict, before, after = asyncio.run(drive(probe, wanted, given.minutes, out))
        after = replace(after, processes=left_behind(probe.stack_id))
    verdict.broken += broken_census(before, after)
    about["took_s"] = round(time.monotonic() - began)
    data = {**verdict.as_dict(), "before": before.as_dict(), "after": after.as_dict()}
    write("chaos", about, data, markdown(verdict, about))
    Console().print(table(verdict, f"Chaos, seed {given.seed}, {about['took_s']} s"))
    if verdict.not_begun:
        out.print(f"no time was left for: {', '.join(verdict.not_begun)}", style="yellow")
    for line in verdict.broken:
        out.print(f"broken: {line}", style="red", markup=False, soft_wrap=True)
    return EXIT_BROKEN if verdict.broken else status


def _needs_worker_actors(strike: object) -> bool:
    return getattr(strike, "actor", "") in ("SttActor", "LlmActor", "TtsActor")


if __name__ == "__main__":
    sys.exit(main())
