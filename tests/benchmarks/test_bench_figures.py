"""The benchmark's arithmetic: figures that are wrong are worse than none."""

import os
import subprocess
import sys

import pytest

from benchmarks import interrupting, load, recovery, run
from benchmarks.chaos.faults import FAULTS
from benchmarks.chaos.trial import Trial
from benchmarks.family import family, snapshot, spent
from benchmarks.report import Result, Standing, page
from benchmarks.systems import System

PLACES = 10
STANDING = Standing(
    mode="inline",
    places=PLACES,
    ready_s=50.0,
    house_cpu_s=6.0,
    place_cpu_s=0.5,
    by_process={"gcs_server": 6.0, "CallActor": 5.0},
    pss_mb=900.0,
)


def test_what_stands_is_not_counted_as_what_a_call_adds():
    result = Result("inline", calls=2)
    # Two minutes with two calls; the idle system would have spent 12 and 10 seconds.
    used = {"gcs_server": 12.4, "CallActor": 12.0}
    run._fill_cost(result, STANDING, used, minutes=2.0, call_minutes=4.0)
    assert result.marginal_by_process == {"gcs_server": 0.1, "CallActor": 0.5}
    assert result.marginal_cpu_s == pytest.approx(0.6)
    # Gross: of a pool of two places, whatever the pool that was measured.
    assert result.gross_cpu_s == pytest.approx(0.6 + (6.0 + 2 * 0.5) / 2)


@pytest.mark.parametrize(
    ("latency_ms", "added_ms"), [(970.0, 20.0), (1490.0, 40.0), (1010.0, 60.0), (940.0, -10.0)]
)
def test_a_round_of_the_model_is_the_vendors_time(latency_ms, added_ms):
    """Endpointing 350, voice 100, the model 500 a round."""
    assert run.added_ms(latency_ms) == added_ms


def waited(*latencies_ms):
    """The records of one call with turns that were answered so late."""
    turns = [
        {"latency_ms": ms, "interrupting": False, "index": at, "began_ms": 0.0}
        for at, ms in enumerate(latencies_ms)
    ]
    measured = {"turns": turns, "greeting_ms": 30.0, "twiml_ms": 10.0, "latest_frame_ms": 1.0}
    return [{"measured": measured, "booked": False}]


def test_what_a_guess_saves_shows_in_the_whole_wait():
    """Part of the vendors' time is not waited for then, so nobody knows what was added to it."""
    plain, guessing = Result("inline", 1), Result("inline-speculating", 1)
    run._fill_waits(plain, waited(1_010.0, 970.0, 1_490.0))
    run._fill_waits(guessing, waited(690.0, 650.0, 1_120.0))
    assert (plain.wait_p50_ms, plain.added_p50_ms) == (1_010.0, 40.0)
    assert (guessing.wait_p50_ms, guessing.added_p50_ms) == (690.0, None)


def test_the_callers_do_not_all_want_the_same_opening():
    customers = [{"phone": f"+1217555{n:04}", "first_name": "A"} for n in range(40)]
    system = System("http://sandbox", "token", 1, customers=customers)
    wishes = [load.caller(system, number) for number in range(20)]
    assert len({request["from"] for request in wishes}) == 20
    assert len({tuple(sorted(request["goal"].items())) for request in wishes}) == 20


def test_the_sandbox_is_not_counted():
    """Its callers and vendors cost more than Otto."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        counted = {process.pid for process in family(os.getpid())}
        assert {os.getpid(), sleeper.pid} <= counted
        assert sleeper.pid not in {p.pid for p in family(os.getpid(), apart=[sleeper.pid])}
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_process_that_changes_its_name_is_not_counted_twice():
    """Ray's processes are called after what they do at the moment."""
    assert spent({(7, "IDLE"): 3.0}, {(7, "CallActor"): 4.0}) == {"CallActor": 1.0}
    assert snapshot(family(os.getpid()))


def test_the_page_sets_otto_beside_the_floor_with_as_many_calls():
    baseline = Result("baseline", calls=5, marginal_cpu_s=1.0, gross_cpu_s=1.0)
    inline = Result("inline", calls=5, marginal_cpu_s=2.5, gross_cpu_s=4.0)
    text = page([baseline, inline], [STANDING], [], {"at": "now"})
    assert "| inline | 5 | 2.50 | 2.5× | 4.00 | 4.0× |" in text


def trial(fault: str, waits_ms: list[int], *, struck_ms: float = 1_000) -> Trial:
    """A call in which Otto took so long for each answer, struck after the greeting."""
    events = [{"who": "line", "kind": "answered", "at_ms": 0}]
    at_ms = 0
    for wait_ms in [100, *waits_ms]:
        began_ms = at_ms + wait_ms
        said = {"who": "otto", "kind": "said", "text": "words", "at_ms": began_ms + 1_000}
        events.append({**said, "began_ms": began_ms, "ended_ms": began_ms + 900})
        says_ms, at_ms = began_ms + 1_500, began_ms + 2_000
        events.append({"who": "caller", "kind": "says", "at_ms": says_ms})
        events.append({"who": "caller", "kind": "finished", "at_ms": at_ms})
    events.append({"who": "line", "kind": "ended", "at_ms": at_ms + 100})
    record = {"ended_by": "caller", "stages": ["goodbye"], "booked": False, "t0_monotonic_ms": 0.0}
    record["measured"] = {"marks": []}
    found = next(each for each in FAULTS if each.name == fault)
    return Trial(found, "CA1", struck_ms, record=record, events=events)


def test_what_a_fault_adds_is_told_beside_calls_in_which_nothing_breaks():
    trials = [
        *(trial("nothing", [900, ms]) for ms in (1_000, 1_100, 1_200)),
        *(trial("stt-killed", [900, ms]) for ms in (1_500, 1_700, 4_000)),
    ]
    usual, struck = recovery.summarise(trials)
    assert (usual.p50_ms, usual.beyond_ms) == (1_100, 0)
    assert (struck.fault, struck.calls, struck.served) == ("stt-killed", 3, 3)
    assert (struck.p50_ms, struck.worst_ms, struck.beyond_ms) == (1_700, 4_000, 600)


def marked(*marks: tuple[str, float]) -> Trial:
    """A call struck at 1,000 ms, with marks that came at these times."""
    found = trial("call-killed-speaking", [900])
    named = [{"name": name, "monotonic_ms": at_ms} for name, at_ms in marks]
    found.record["measured"] = {"marks": named}
    return found


def test_a_call_is_taken_over_when_the_next_owner_is_heard_of():
    late = ("100003.1", 1_040.0)  # what the dead one's voice had still sent
    assert marked(("100003.0", 900.0), late, ("200001.0", 1_310.0)).taken_over_ms == 310
    assert marked(("100003.0", 900.0), late).taken_over_ms is None
    again = marked(("100003.0", 500.0), ("200001.0", 900.0), ("200001.1", 1_100.0))
    assert again.taken_over_ms is None, "that was an earlier one"


def test_a_fault_that_was_never_struck_is_no_recovery():
    missed = trial("stt-killed", [900])
    missed.problem = "the moment never came"
    assert recovery.summarise([missed]) == []


def test_a_wait_counts_from_the_last_message_before_it():
    assert interrupting._since([100.0, 250.0, 400.0], 260.0) == 10.0
    assert interrupting._since([400.0], 260.0) is None
