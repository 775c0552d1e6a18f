"""How long openings take on a year and on four years of data, beside a naive way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta

from benchmarks.data import naive
from benchmarks.data.filling import NOW, SERVICE
from benchmarks.data.measuring import Bench, Row, database, one_by_one
from otto.scheduling.availability.search import SEARCH_DAYS
from otto.scheduling.openings import OpeningsQuery
from otto.scheduling.service import CalendarService
from otto.storage.database import make_engine

PART = "openings"
ASKED = 200
ASKED_NAIVELY = 10


async def measure(bench: Bench) -> list[Row]:
    """The first opening there is, and those of one day, by years of data; then the naive way."""
    today = NOW.astimezone(bench.dealership.location("main").zone).date()
    rows: list[Row] = []
    for name in ("a year", "four years"):
        engine = make_engine(database(bench.databases[name]))
        calendar = CalendarService(engine, bench.dealership, "main", clock=lambda: NOW)
        for what, ask in (
            ("as soon as possible", _soon(calendar)),
            ("one day", _one_day(calendar, today)),
        ):
            case = f"{what}, {name} of data"
            rows.append(await one_by_one(PART, case, bench.times(ASKED), ask))
        await engine.dispose()
    for name in ("a year", "four years"):
        engine = make_engine(database(bench.databases[name]))
        booker = naive.Booker(engine, bench.dealership)

        async def ask_naively(_: int, booker: naive.Booker = booker) -> None:
            await booker.openings(SERVICE, SEARCH_DAYS)

        case = f"naive, {SEARCH_DAYS} days, {name} of data"
        rows.append(await one_by_one(PART, case, bench.times(ASKED_NAIVELY), ask_naively))
        await engine.dispose()
    yardstick = rows[0].per_s
    return [replace(one, ratio=round(one.per_s / yardstick, 3)) for one in rows]


def _soon(calendar: CalendarService) -> Callable[[int], Awaitable[object]]:
    return lambda _: calendar.find_openings(OpeningsQuery.of_days(SERVICE))


def _one_day(calendar: CalendarService, today: date) -> Callable[[int], Awaitable[object]]:
    def ask(number: int) -> Awaitable[object]:
        day = today + timedelta(days=1 + number % 50)
        return calendar.find_openings(OpeningsQuery.of_days(SERVICE, day, day))

    return ask
