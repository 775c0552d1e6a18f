"""The chaos plan: the same seed strikes the same calls in the same way, so that a find is kept."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from benchmarks.chaos.faults import FAULTS, OWN_ACTORS, SHORT, Freeze, Kill, Moment, Store, Vendor
from benchmarks.chaos.judging import REACHED, Outcome
from benchmarks.chaos.planning import STRIKE_AFTER_MS, MomentWatch, PlanError, plan
from sandbox.faults import Faults


def test_a_seed_gives_one_plan_and_another_seed_another() -> None:
    assert plan(7, FAULTS) == plan(7, FAULTS)
    assert plan(7, FAULTS) != plan(8, FAULTS)


def test_one_fault_alone_is_struck_as_it_is_among_all() -> None:
    """Reproducing one find must not need the ten minutes before it."""
    whole = {step.fault.name: step for step in plan(3, FAULTS, whole=True).steps}
    (alone,) = plan(3, FAULTS, only="tts-killed").steps
    assert alone == whole["tts-killed"]


def test_a_run_takes_the_short_list_unless_told_otherwise() -> None:
    assert {step.fault.name for step in plan(1, FAULTS).steps} == SHORT
    assert [step.fault for step in plan(1, FAULTS, whole=True).steps] == list(FAULTS)
    (step,) = plan(1, FAULTS, only="model-slow").steps
    assert step.fault.name not in SHORT


def test_a_beginning_names_several_faults_and_no_storm() -> None:
    chosen = plan(1, FAULTS, only="redis,stt-killed")
    names = {step.fault.name for step in chosen.steps}
    assert names == {f.name for f in FAULTS if f.name.startswith("redis")} | {"stt-killed"}
    assert chosen.storm_calls == ()
    assert chosen.storm_strikes == ()


def test_the_storm_alone() -> None:
    chosen = plan(1, FAULTS, only="storm", storm_calls=30)
    assert chosen.steps == ()
    assert len(chosen.storm_calls) == 30
    assert len(chosen.storm_strikes) >= 5
    kills = [strike.fault.strike == Kill("CallActor") for strike in chosen.storm_strikes]
    assert kills == [number % 3 == 2 for number in range(len(kills))]


def test_a_fault_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PlanError, match="no fault 'stt-kiled'"):
        plan(1, FAULTS, only="stt-kiled")


def test_steps_stay_within_their_moments() -> None:
    for seed in range(30):
        for step in plan(seed, FAULTS, whole=True).steps:
            least, most = STRIKE_AFTER_MS[step.fault.moment]
            assert least <= step.after_ms <= most
            assert step.turn in ((1, 2, 3) if step.fault.caller == "books" else (1,))


def test_every_kind_of_process_vendor_and_store_is_struck() -> None:
    strikes = [fault.strike for fault in FAULTS]
    killed = {strike.actor for strike in strikes if isinstance(strike, Kill)}
    assert killed >= {*OWN_ACTORS, "SwitchboardActor", "CalendarActor", "CrmActor"}
    assert sum(actor.startswith("ServeReplica:") for actor in killed) == 2
    frozen = {strike.actor for strike in strikes if isinstance(strike, Freeze)}
    assert frozen >= {*OWN_ACTORS, "CalendarActor"}
    vendors = {strike.target.partition(".")[0] for strike in strikes if isinstance(strike, Vendor)}
    assert vendors == {"deepgram", "openai", "google", "twilio"}
    stores = {(s.service, s.action) for s in strikes if isinstance(s, Store)}
    assert stores == {(s, a) for s in ("valkey", "postgres") for a in ("stop", "pause")}


def test_the_vendors_faults_are_ones_the_sandbox_knows() -> None:
    sandbox = Faults()
    for strike in (fault.strike for fault in FAULTS):
        if isinstance(strike, Vendor):
            for target, kind in product(strike.targets, strike.kinds):
                sandbox.add(target, kind, delay_ms=strike.delay_ms, count=strike.count)


def test_names_are_unique_and_no_fault_allows_a_lost_call() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)
    for fault in FAULTS:
        assert set(fault.allowed) <= REACHED
    assert Outcome.LOST not in REACHED
    assert Outcome.GAVE_UP not in REACHED


def test_a_vendors_fault_is_the_houses_and_a_workers_death_is_its_calls() -> None:
    by_name = {fault.name: fault for fault in FAULTS}
    assert by_name["tts-killed"].is_of_one_call
    assert by_name["nothing"].is_of_one_call
    assert by_name["calendar-out"].is_of_one_call
    for name in (
        "model-out",
        "redis-stopped",
        "crm-killed",
        "switchboard-killed",
        "stream-dropped",
    ):
        assert not by_name[name].is_of_one_call
    assert not replace(by_name["tts-killed"], strike=Kill("CrmActor")).is_of_one_call


EVENTS = [
    ("otto", "first_audio"),
    ("caller", "says"),
    ("caller", "finished"),
    ("otto", "answers"),
    ("caller", "says"),
    ("caller", "finished"),
    ("otto", "answers"),
]


@pytest.mark.parametrize(
    ("moment", "turn", "at"),
    [
        (Moment.GREETING, 2, 0),
        (Moment.LISTENING, 1, 1),
        (Moment.LISTENING, 2, 4),
        (Moment.THINKING, 2, 5),
        (Moment.SPEAKING, 1, 3),
        (Moment.SPEAKING, 2, 6),
        (Moment.SPEAKING, 3, None),
        (Moment.BEFORE, 1, None),
        (Moment.BOOKING, 1, None),
    ],
)
def test_the_moment_comes_once_and_at_its_turn(moment: Moment, turn: int, at: int | None) -> None:
    watch = MomentWatch(moment, turn)
    seen = [watch.sees({"who": who, "kind": kind}) for who, kind in EVENTS]
    assert seen == [index == at for index in range(len(EVENTS))]


def test_a_booking_is_struck_after_the_callers_yes() -> None:
    watch = MomentWatch(Moment.BOOKING, 1)
    assert not watch.sees({"who": "caller", "kind": "finished"}, is_confirmed=False)
    assert not watch.sees({"who": "otto", "kind": "answers"}, is_confirmed=True)
    assert watch.sees({"who": "caller", "kind": "finished"}, is_confirmed=True)
