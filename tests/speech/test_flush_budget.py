"""What may be flushed within a minute, and when the next one is free."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otto.speech.flush_budget import FLUSH_WINDOW_S, FlushBudget


def test_a_flush_counts_for_a_minute() -> None:
    budget = FlushBudget(3)
    for at in (10.0, 20.0, 30.0):
        budget.spend(at)
    assert budget.left(30.0) == 0
    assert budget.next_at == 10.0 + FLUSH_WINDOW_S
    assert budget.left(69.9) == 0
    assert budget.left(70.0) == 1
    assert budget.next_at == 20.0 + FLUSH_WINDOW_S


def test_the_last_third_is_saved() -> None:
    budget = FlushBudget(18)
    assert [budget.is_ample(left) for left in (18, 7, 6, 1)] == [True, True, False, False]


@given(st.lists(st.floats(0, 30), max_size=60))
def test_whoever_asks_first_never_flushes_too_often(waits: list[float]) -> None:
    budget, now, spent = FlushBudget(18), 0.0, []
    for wait in waits:
        now += wait
        if budget.left(now) <= 0:
            now = budget.next_at
        assert budget.left(now) > 0
        budget.spend(now)
        spent.append(now)
        assert sum(at > now - FLUSH_WINDOW_S for at in spent) <= 18
