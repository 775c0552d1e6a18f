"""Event-loop lag: a loop that is late all the time is noticed, one stall is not."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from otto.health.lag import FORGET_AFTER_S, REPORT_EVERY_S, LagMeter, LateProcesses


@pytest.mark.parametrize("stall_s", [1.0, 8.0])
def test_one_stall_is_not_reported(stall_s: float) -> None:
    """A process that was stopped and woken up is no reason to refuse calls."""
    meter = LagMeter(threshold_ms=400)
    meter.note(stall_s)
    for tick in range(1, 10):
        meter.note(0.0)
        assert meter.due(tick * 0.5) is None


def test_a_loop_that_is_always_late_is_reported_again_and_again_until_it_is_not() -> None:
    meter = LagMeter(threshold_ms=400)
    reports = []
    for tick in range(12):
        meter.note(0.6)
        if meter.due(tick * 0.5) is not None:
            reports.append(tick * 0.5)
    assert reports[0] <= 2.0
    assert all(b - a >= REPORT_EVERY_S for a, b in itertools.pairwise(reports))
    assert REPORT_EVERY_S < FORGET_AFTER_S, "a complaint that goes on is never forgotten between"


def test_the_worst_is_named_and_who_has_fallen_silent_forgotten() -> None:
    late = LateProcesses()
    late.report("call-1", 500, 0.0)
    late.report("media", 700, 3.0)
    assert late.worst(3.0) == (700, "media")
    late.report("call-1", 450, 7.0)
    assert late.worst(8.0) == (450, "call-1")
    assert late.worst(20.0) == (0, "")


async def test_a_real_loop_that_is_blocked_is_measured() -> None:
    meter = LagMeter(threshold_ms=10)
    reported: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        meter.run(lambda lag_ms: reported.done() or reported.set_result(lag_ms))
    )
    await asyncio.sleep(0.4)
    time.sleep(0.3)  # the loop is blocked: that is what is tested
    lag_ms = await asyncio.wait_for(reported, 5)
    task.cancel()
    assert lag_ms >= 30
