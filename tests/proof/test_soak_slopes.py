"""The soak's arithmetic: a leak is found, noise is not taken for one, and what is left is named."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from benchmarks.soak_plan import SHARES, Manner, is_time_to_leave, soak_calls
from benchmarks.soak_slopes import BOUNDS, FEWEST_SAMPLES, OURS, Sample, bound_of, judge, slope

STEPS = range(0, 500, 10)


def samples(name: str, values: list[float]) -> list[Sample]:
    return [Sample(calls, {name: value}) for calls, value in zip(STEPS, values, strict=True)]


def broken(name: str, values: list[float], after: float | None = None) -> list[str]:
    first = Sample(0, {name: values[0]})
    last = Sample(500, {name: values[-1] if after is None else after})
    (finding,) = judge(first, samples(name, values), last)
    return list(finding.broken)


def test_the_slope_of_a_line_is_its_own_and_certain() -> None:
    found = slope([(calls, 7 + 0.03 * calls) for calls in STEPS])
    assert found is not None
    assert found.per_100 == pytest.approx(3.0)
    assert found.error == pytest.approx(0.0, abs=1e-9)


def test_too_few_samples_or_no_calls_give_no_slope() -> None:
    assert slope([(float(x), 1.0) for x in range(FEWEST_SAMPLES - 1)]) is None
    assert slope([(5.0, float(y)) for y in range(20)]) is None


def test_a_megabyte_leaked_every_twenty_calls_is_found_under_noise() -> None:
    rng = random.Random(1)
    values = [200 + calls / 20 + rng.gauss(0, 2) for calls in STEPS]
    assert any("MB: CallActor grows by" in line for line in broken("MB: CallActor", values))


def test_noise_alone_is_not_taken_for_a_leak() -> None:
    for seed in range(20):
        rng = random.Random(seed)
        values = [200 + rng.gauss(0, 5) for _ in STEPS]
        assert broken("MB: CallActor", values) == []


def test_one_descriptor_a_call_is_found_within_a_hundred_calls() -> None:
    values = [40.0 + calls for calls in STEPS]
    assert broken("fds: ServeReplica", values[:10] + [values[9]] * 40, after=40.0) == []
    assert len(broken("fds: ServeReplica", values)) == 2  # it grows, and it is left


def test_what_the_first_calls_fill_is_no_growth() -> None:
    """Caches and imports come with the first calls, and stay."""
    values = [100 + min(calls, 60) / 2 for calls in STEPS]
    assert broken("MB: CrmActor", values) == []


def test_what_is_loaded_once_is_no_growth() -> None:
    """A least-squares line through this step would rise by 2.3 for every 100 calls."""
    values = [100.0 if calls < 180 else 108.0 for calls in STEPS]
    assert broken("MB: CalendarActor", values) == []


def test_a_single_key_for_ever_is_one_too_many() -> None:
    flat = [0.0] * len(STEPS)
    (line,) = broken("Redis keys for ever", flat, after=1.0)
    assert "1 more than before" in line


def test_what_appears_only_in_the_end_is_judged_too() -> None:
    (finding,) = judge(Sample(0, {}), [], Sample(10, {"fds: SttActor": 50.0}))
    assert finding.broken


def test_others_processes_are_shown_and_not_judged() -> None:
    assert bound_of("MB: gcs_server") == bound_of("processes: raylet")
    assert broken("MB: gcs_server", [float(calls) for calls in STEPS]) == []
    for kind in OURS:
        assert bound_of(f"MB: {kind}") == BOUNDS["MB"]


def test_the_soak_calls_of_a_seed_are_the_same_and_of_every_kind() -> None:
    calls = soak_calls(1, 1000)
    assert calls == soak_calls(1, 1000)
    assert calls != soak_calls(2, 1000)
    counts = Counter(call.manner for call in calls)
    for manner, share in SHARES.items():
        assert counts[manner] == pytest.approx(1000 * share, abs=50)
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_only_those_who_hang_up_are_made_to() -> None:
    for call in soak_calls(3, 200):
        leaves = call.manner in (Manner.IN_GREETING, Manner.IN_TOOL, Manner.IN_ANSWER)
        assert (call.hang_up_after_s is not None) is leaves


def test_a_caller_who_hangs_up_in_mid_tool_has_asked_before() -> None:
    assert is_time_to_leave(Manner.IN_TOOL, {"who": "caller", "kind": "finished"})
    assert not is_time_to_leave(Manner.IN_TOOL, {"who": "line", "kind": "stream_started"})
    assert is_time_to_leave(Manner.IN_GREETING, {"who": "line", "kind": "stream_started"})
    assert not is_time_to_leave(Manner.ASKS, {"who": "caller", "kind": "finished"})
