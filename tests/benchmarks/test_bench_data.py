"""The data benchmark: its ratios, its page, and what it writes into the docs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from benchmarks.data import cache, filling
from benchmarks.data.fill import PAGE, fill
from benchmarks.data.filling import MINUTES, NOW, starts
from benchmarks.data.measuring import Bench, one_by_one, percentile, row
from benchmarks.data.report import page
from benchmarks.data.writers import requests
from config.dealership import Dealership

ABOUT = {"at": "2026-11-28T11:00:00+00:00", "commit": "abc1234", "cores": 2, "load": [0.1, 0, 0]}


def result(at: str, *rows: tuple[str, str, float]) -> dict[str, Any]:
    return {
        "about": {**ABOUT, "at": at},
        "results": [
            {
                "part": part,
                "case": case,
                "per_s": per_s,
                "p50_ms": 1.0,
                "p95_ms": 2.0,
                "operations": 10,
                "ratio": 1.25,
                "notes": {"statements": 10},
            }
            for part, case, per_s in rows
        ],
    }


def test_of_several_runs_the_last_that_has_a_part_counts() -> None:
    old = result("2026-11-28T05:00", ("bookings", "1 writer", 100), ("openings", "one day", 700))
    new = result("2026-11-28T06:00", ("bookings", "1 writer", 1260))
    text = fill("a\n<!-- data -->\nold\n<!-- /data -->\nb\n", [old, new])
    assert "| 1 writer | 1,260 | 1.0 ms | 2.0 ms | 1.25 |" in text
    assert "| one day | 700 |" in text
    assert "| 1 writer | 100 |" not in text
    assert text.startswith("a\n<!-- data -->\n| bookings |")
    assert text.endswith("<!-- /data -->\nb\n")
    assert "2026-11-28T05:00 at abc1234" in text
    assert "2026-11-28T06:00 at abc1234" in text


def test_the_page_has_its_markers() -> None:
    assert fill(PAGE.read_text(encoding="utf-8"), [result("x", ("bookings", "1", 1))])
    with pytest.raises(ValueError, match="markers"):
        fill("no markers", [])


def test_the_page_of_a_run_tells_what_explains_it() -> None:
    text = page(result("now", ("bookings", "1 writer", 10))["results"], ABOUT)
    assert "- bookings, 1 writer: statements 10" in text


def test_a_row_has_its_middle_and_its_tail() -> None:
    found = row("bookings", "1", [float(n) for n in range(1, 101)], 0.5)
    assert (found.operations, found.per_s, found.p50_ms, found.p95_ms) == (100, 200.0, 50.5, 96.0)
    assert percentile([3.0], 0.95) == 3.0


async def test_what_warms_up_is_not_counted() -> None:
    asked: list[int] = []

    async def ask(number: int) -> None:
        asked.append(number)
        await asyncio.sleep(0)

    found = await one_by_one("openings", "x", 3, ask)
    assert (found.operations, asked) == (3, [0, 1, 0, 1, 2])


def test_every_writer_wants_something_else(dealership: Dealership) -> None:
    found = requests(dealership.location("main"), 900)
    assert len({(one.opening.bay_id, one.opening.starts_at) for one in found}) == 900
    assert len({one.customer_id for one in found}) == 900
    with pytest.raises(ValueError, match="only"):
        requests(dealership.location("main"), 100_000)


def test_starts_do_not_overlap(dealership: Dealership) -> None:
    found = list(starts(dealership.location("main"), NOW, NOW + timedelta(days=14)))
    gaps = [later - sooner for sooner, later in pairwise(found)]
    assert min(gaps) >= timedelta(minutes=MINUTES)


async def test_callers_at_once_ask_the_database_once_in_the_bench_too(
    make_database: Callable[[str | None], str],
    valkey_url: str,
    dealership: Dealership,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "BOOK", filling.CUSTOMERS + 500)
    monkeypatch.setattr(cache, "PIECE", 500)
    url = make_database(None)
    await filling.make(url, dealership)

    async def copy(name: str) -> str:
        return url

    rows = await cache.measure(Bench(dealership, {}, copy, valkey_url, 0, scale=0.01))
    by_case = {one.case: one for one in rows}
    questions = [one.notes["questions"] for one in rows if "questions" in one.notes]
    assert questions == [cache.CALLERS, 1, 1]
    assert rows[0].ratio == 1
    assert 100 < by_case["hit, with everybody kept"].notes["bytes_a_customer"] < 1000
