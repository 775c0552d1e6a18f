"""The benchmark of confirmations waits for every booking's text, whatever Google does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.data import confirmations
from benchmarks.data.confirmations import Case
from benchmarks.data.filling import fill, make
from benchmarks.data.measuring import Bench
from config.dealership import Dealership


@pytest.mark.parametrize(
    "case",
    [Case("fine"), Case("stalls", {"kind": "stall"}, waiting=50)],
    ids=lambda case: case.name,
)
async def test_every_booking_has_its_text(
    case: Case,
    make_database: Callable[[str | None], str],
    dealership: Dealership,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confirmations, "EVERY_S", 0.01)

    async def copy(name: str) -> str:
        assert name == "a year past"
        url = make_database(None)
        await make(url, dealership)
        await fill(url, dealership.location("main"), 1, 0.0)
        return url

    bench = Bench(dealership, {}, copy, "", 0, scale=0.01)
    found = await confirmations._run(bench, case)
    assert (found.case, found.operations) == (case.name, 10)
    assert 0 < found.p50_ms <= found.p95_ms <= found.notes["longest_ms"] + 1
    if case.fault is not None:
        assert found.notes["events_told"] == 0
