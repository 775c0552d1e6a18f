"""The benchmark's arithmetic: figures that are wrong are worse than none."""

import os
import subprocess
import sys

import pytest

from benchmarks import load, run
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


def test_the_callers_do_not_all_want_the_same_opening():
    customers = [{"phone": f"+1217555{n:04}", "first_name": "A"} for n in range(40)]
    system = System("http://sandbox", 1, customers=customers)
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
    floor = Result("floor", calls=5, marginal_cpu_s=1.0, gross_cpu_s=1.0)
    inline = Result("inline", calls=5, marginal_cpu_s=2.5, gross_cpu_s=4.0)
    text = page([floor, inline], [STANDING], {"at": "now"})
    assert "| inline | 5 | 2.50 | 2.5× | 4.00 | 4.0× |" in text
