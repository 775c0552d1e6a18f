"""Messages between actors run in the order they were sent, whatever order they come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.call.sequencer import InOrder


@given(st.permutations(range(12)), st.integers(0, 11))
def test_any_order_of_arrival_runs_in_the_order_sent(arrival: list[int], repeated: int) -> None:
    ran: list[int] = []
    order = InOrder()
    for number in arrival:
        order.take(number, lambda number=number: ran.append(number))
        order.take(repeated, lambda: ran.append(-1)) if repeated in ran else None
    assert ran == list(range(12))
