"""Admission: exact, for a reason, and never against a call that is already on the line."""

from __future__ import annotations

import pytest

from otto.health.admission import DRAINING, FULL, OVERLOADED, VENDOR_OUT, Admission
from otto.health.pool import Lease, WarmPool


def admission(size: int = 2, reserve: int = 1, vendor_out: bool = False) -> Admission:
    pool = WarmPool(size, calls_per_actor=10, token_ttl_s=60)
    for number in range(size + reserve):
        pool.add(f"call-{number}")
        pool.ready(f"call-{number}")
    return Admission(pool, max_lag_ms=400, is_vendor_out=lambda now_s: vendor_out)


def test_a_hundred_calls_for_ten_places_are_ten_served_and_ninety_told_so() -> None:
    desk = admission(size=10)
    answers = [desk.admit(f"CA{number}", 0.0) for number in range(100)]
    given = {answer.actor_id for answer in answers if isinstance(answer, Lease)}
    assert len(given) == 10
    assert answers.count(FULL) == 90
    assert desk.refused == {FULL: 90}


def test_a_late_loop_anywhere_on_the_node_closes_the_door_until_it_has_recovered() -> None:
    desk = admission()
    desk.lag.report("media-1", 399, 0.0)
    assert isinstance(desk.admit("CA1", 0.0), Lease)
    desk.lag.report("call-1", 401, 0.0)
    assert desk.admit("CA2", 1.0) == OVERLOADED
    assert isinstance(desk.admit("CA2", 6.0), Lease), "nobody has complained for 5 s"


@pytest.mark.parametrize("reason", [DRAINING, OVERLOADED, VENDOR_OUT])
def test_a_call_that_was_being_served_is_taken_whatever_speaks_against_new_ones(
    reason: str,
) -> None:
    desk = admission(vendor_out=reason == VENDOR_OUT)
    desk.draining = reason == DRAINING
    if reason == OVERLOADED:
        desk.lag.report("switchboard", 5000, 0.0)
    assert desk.admit("CA1", 0.0) == reason
    assert isinstance(desk.admit("CA2", 0.0, takeover=True), Lease)
