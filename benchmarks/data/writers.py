"""Bookings a second, with one writer and with sixteen: in one process, and in one each.

Every writer books openings of its own for customers of its own, so that none has to wait for what
another one wants: what is left is what a booking costs and what all of them share.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from statistics import median
from typing import Any

import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.data import naive
from benchmarks.data.filling import AHEAD_DAYS, BAYS, MINUTES, NOW, SERVICE, phone, starts
from benchmarks.data.measuring import Bench, Row, database, row
from benchmarks.data.watching import cpu_s, spent_s, watching
from config.dealership import Dealership, Location
from otto.scheduling.bookings import BookingRequest
from otto.scheduling.openings import Opening
from otto.scheduling.service import CalendarService
from otto.storage.database import make_engine

PART = "bookings"
BOOKINGS = 480
WARMING = 12
"""What each writer books before it counts: a process has its statements compiled, a connection has
its own prepared, and the interpreter has specialised itself."""
ROUNDS = 3
"""Every case as often, in turn: what else the machine does meets all of them alike."""
Book = Callable[[BookingRequest], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Case:
    """So many processes with so many writers each."""

    name: str
    processes: int
    writers: int
    is_naive: bool = False


CASES = (
    Case("1 writer", 1, 1),
    Case("16 writers in one process", 1, 16),
    Case("16 processes with one writer each", 16, 1),
    Case("naive, 1 writer", 1, 1, is_naive=True),
)


def requests(location: Location, count: int) -> list[BookingRequest]:
    """So many wishes, each for another opening and another customer with a vehicle."""
    found: list[BookingRequest] = []
    first, last = NOW + timedelta(days=1), NOW + timedelta(days=AHEAD_DAYS - 2)
    for number, (start, bay) in enumerate(
        (start, bay) for start in starts(location, first, last) for bay in BAYS
    ):
        if number == count:
            return found
        opening = Opening.of_one(
            location.id, bay, SERVICE, start, start + timedelta(minutes=MINUTES)
        )
        customer = number + 1
        number_of = phone(customer)
        found.append(
            BookingRequest(
                *(f"CA{number}:1", opening, customer, customer, number_of, f"CA{number}"),
                caller=number_of,
            )
        )
    raise ValueError(f"there are only {len(found)} openings")


async def measure(bench: Bench) -> list[Row]:
    """All cases, in turn, in several rounds; of each the median of the rounds."""
    by_case: dict[str, list[Row]] = {case.name: [] for case in CASES}
    for _ in range(ROUNDS):
        for case in CASES:
            url = await bench.copy("a year past")
            by_case[case.name].append(await _run(bench, url, case))
    yardsticks = [found.per_s for found in by_case[CASES[0].name]]
    rows = []
    for rounds in by_case.values():
        middle = sorted(rounds, key=lambda one: one.per_s)[len(rounds) // 2]
        ratios = [one.per_s / yard for one, yard in zip(rounds, yardsticks, strict=True)]
        rows.append(replace(middle, ratio=round(median(ratios), 2)))
    return rows


async def _run(bench: Bench, url: str, case: Case) -> Row:
    warming = WARMING * case.processes * case.writers
    wishes = requests(bench.dealership.location("main"), bench.times(BOOKINGS) + warming)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(case.processes + 1)
    results: Any = context.Queue()
    shares = [wishes[index :: case.processes] for index in range(case.processes)]
    children = [
        context.Process(
            target=_child, args=(url, bench.dealership, case, share, barrier, results), daemon=True
        )
        for share in shares
    ]
    for child in children:
        child.start()
    await asyncio.to_thread(barrier.wait)  # all are warm
    before = cpu_s(bench.postmaster)
    async with watching(url) as watched:
        await asyncio.to_thread(barrier.wait)  # all begin
        found = [await asyncio.to_thread(results.get) for _ in children]
    server_s = spent_s(before, cpu_s(bench.postmaster))
    await asyncio.to_thread(barrier.wait)  # all may close their connections
    for child in children:
        await asyncio.to_thread(child.join)
    took_ms = [ms for one in found for ms in one["took_ms"]]
    wall_s = max(one["ended"] for one in found) - min(one["began"] for one in found)
    done = len(took_ms)
    return row(
        *(PART, case.name, took_ms, wall_s),
        writers_cpu_ms=round(sum(one["cpu_s"] for one in found) / done * 1000, 2),
        switches=round(sum(one["switches"] for one in found) / done, 1),
        server_cpu_ms=round(server_s / done * 1000, 2),
        statements=round(sum(one["statements"] for one in found) / done, 1),
        connects=sum(one["connects"] for one in found),
        open_transactions=watched.busy,
        waits=watched.waits,
    )


def _child(
    url: str,
    dealership: Dealership,
    case: Case,
    wishes: list[BookingRequest],
    barrier: Barrier,
    results: Any,
) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(_book_all(url, dealership, case, wishes, barrier, results))


async def _book_all(
    url: str,
    dealership: Dealership,
    case: Case,
    wishes: list[BookingRequest],
    barrier: Barrier,
    results: Any,
) -> None:
    engine = make_engine(database(url))
    counted = _count(engine)
    if case.is_naive:
        book: Book = naive.Booker(engine, dealership).book
    else:
        book = CalendarService(engine, dealership, "main", clock=lambda: NOW).book
    took_ms: list[float] = []

    async def writer(wishes: Iterator[BookingRequest]) -> None:
        for wish in wishes:
            since = time.perf_counter()
            await book(wish)
            took_ms.append((time.perf_counter() - since) * 1000)

    async def write(wishes: list[BookingRequest]) -> None:
        left = iter(wishes)
        await asyncio.gather(*(writer(left) for _ in range(case.writers)))

    warming = WARMING * case.writers
    await write(wishes[:warming])
    await asyncio.to_thread(barrier.wait)
    await asyncio.to_thread(barrier.wait)
    took_ms.clear()
    counted.clear()
    began, cpu, switched = time.monotonic(), time.process_time(), _switches()
    await write(wishes[warming:])
    results.put(
        {
            "took_ms": took_ms,
            "began": began,
            "ended": time.monotonic(),
            "cpu_s": time.process_time() - cpu,
            "switches": _switches() - switched,
            "statements": len([each for each in counted if each == "statement"]),
            "connects": len([each for each in counted if each == "connect"]),
        }
    )
    await asyncio.to_thread(barrier.wait)
    await engine.dispose()


def _switches() -> int:
    """How often this process has given up a core, or lost it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_nvcsw + used.ru_nivcsw


def _count(engine: AsyncEngine) -> list[str]:
    """What the engine does from now on: one entry a statement, and one a connection."""
    counted: list[str] = []
    event.listen(
        engine.sync_engine, "before_cursor_execute", lambda *_: counted.append("statement")
    )
    event.listen(engine.sync_engine, "connect", lambda *_: counted.append("connect"))
    return counted
