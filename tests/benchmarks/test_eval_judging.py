"""The evaluation's own parts: what it takes for consent, for a pass, and for a scenario."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from benchmarks.eval.consent import ReadBack, agrees, granted
from benchmarks.eval.fill import PAGE, fill
from benchmarks.eval.loop import VirtualLoop
from benchmarks.eval.results import Result, flow_rows, is_good, pass_k, result_of
from benchmarks.eval.scenario import FLOWS, ScenarioError, read, read_all
from benchmarks.eval.transcript import Exchange

# Consent


@pytest.mark.parametrize(
    "answer",
    ["Yes, please.", "Sure, go ahead.", "No, that's fine, go ahead.", "1", "What the hell, yes."],
)
def test_a_plain_yes_agrees(answer: str) -> None:
    assert agrees(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Hold on please, let me check my calendar.",
        "Okay, let me think about it.",
        "No, that is definitely not right.",
        "Yes, but at ten.",
        "How long does that take?",
        "Sure, if it is free.",
        "Mhm.",
        "2",
        "",
    ],
)
def test_everything_else_does_not(answer: str) -> None:
    assert not agrees(answer)


ASKED = (
    "That's an oil change for your 2019 Honda Civic on Tuesday, December 1 at 9:00 AM, for $79.95."
    " Shall I book it?"
)
WANTED = ReadBack(datetime(2026, 12, 1, 9, tzinfo=UTC), ("Oil change",), "2019 Honda Civic")


def test_consent_is_a_yes_to_exactly_that() -> None:
    assert granted([Exchange(ASKED, "Yes.", 30.0)], 31.0, WANTED) is None


@pytest.mark.parametrize(
    ("otto", "caller", "why"),
    [
        (ASKED, "Hold on.", "the last answer"),
        (ASKED.replace("December 1", "December 2"), "Yes.", "the day"),
        (ASKED.replace("9:00", "9:30"), "Yes.", "the time"),
        (ASKED.replace("an oil change", "a tire rotation"), "Yes.", "Oil change"),
        (ASKED.replace("Civic", "Accord"), "Yes.", "the car"),
        (ASKED.replace("Shall I book it?", "I will book it."), "Yes.", "nothing was asked"),
    ],
)
def test_consent_to_something_else_is_none(otto: str, caller: str, why: str) -> None:
    assert why in (granted([Exchange(otto, caller, 30.0)], 31.0, WANTED) or "")


def test_a_question_stays_open_for_who_needs_a_moment() -> None:
    waits = [Exchange(ASKED, "Hold on, please.", 30.0), Exchange("Of course.", "Yes.", 40.0)]
    assert granted(waits, 41.0, WANTED) is None
    refuses = [Exchange(ASKED, "No.", 30.0), Exchange("Of course.", "Yes.", 40.0)]
    assert granted(refuses, 41.0, WANTED) == "nothing was asked"


def test_a_yes_that_comes_afterwards_is_none() -> None:
    assert granted([Exchange(ASKED, "Yes.", 30.0)], 12.0, WANTED) == "nobody had said anything"


# Passing


def result(seed: int, *, fault: str = "", broken: str = "", flow: str = "cancel") -> Result:
    faults, hard = tuple(filter(None, [fault])), tuple(filter(None, [broken]))
    return Result("one", flow, "text", seed, faults, hard, 4, 60.0, 1.0)


def test_pass_k_is_the_chance_that_k_runs_all_pass() -> None:
    runs = [result(seed, fault="wrong" if seed == 4 else "") for seed in range(5)]
    assert pass_k(runs, 1) == 0.8
    assert pass_k(runs, 2) == pytest.approx(0.6)
    assert pass_k(runs, 5) == 0.0
    assert pass_k(runs[:4], 5) is None
    (row, total) = flow_rows(runs)
    assert (row.pass_1, row.pass_all, total.runs) == (0.8, 0.0, 5)


def test_one_broken_hard_rule_is_enough() -> None:
    runs = [result(seed) for seed in range(99)]
    assert is_good(runs)
    assert not is_good([*runs, result(99, broken="consent: none")])


def test_results_survive_being_written_down() -> None:
    assert result_of(result(3, fault="wrong").as_json()) == result(3, fault="wrong")


# Scenarios


def test_there_are_enough_of_every_kind() -> None:
    scenarios = read_all()
    by_flow = Counter(each.flow for each in scenarios)
    assert len(scenarios) >= 80
    assert set(by_flow) == set(FLOWS)
    assert min(by_flow.values()) >= 3
    assert by_flow["adversarial"] >= 15
    assert sum(each.by_voice for each in scenarios) >= 20


def test_seeds_vary_the_caller() -> None:
    scenario = read_all(only=["cancel-simple"])[0]
    assert scenario.caller(1).seed != scenario.caller(2).seed


GOOD = {
    "flow": "cancel",
    "about": "Victor cancels.",
    "persona": {"based_on": "cancel"},
    "expected": {"changes": [{"change": "cancelled", "who": "Victor Hill"}]},
}


def refused(folder: Path, **changes: object) -> str:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD | changes))
    with pytest.raises(ScenarioError) as error:
        read(path)
    return str(error.value)


def test_a_good_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD))
    assert read(path).name == "mine"
    assert read(path).number == "+13125550154"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"flow": "sing"}, "mine.yaml: flow: Input should be"),
        ({"clok": "2026-11-23"}, "mine.yaml: clok: there is no such field"),
        ({"clock": "2026-11-23T09:00:00"}, "mine.yaml: clock: Input should have timezone"),
        ({"persona": {"based_on": "nobody"}}, "mine.yaml: persona: unknown persona 'nobody'"),
        ({"persona": {"based_on": "cancel", "shoe": 43}}, "mine.yaml: persona: "),
        ({"persona": {"based_on": "cancel", "seed": 3}}, "seed is not the persona's to say here"),
        (
            {"expected": {"changes": [{"change": "sold"}]}},
            "expected.changes.0.change: Input should",
        ),
        (
            {"expected": {"changes": [{"change": "moved", "days": ["someday"]}]}},
            "'someday' is neither a weekday nor a date",
        ),
        ({"expected": {"ends": "later"}}, "mine.yaml: expected.ends: Input should be"),
        ({"heard": {"must": ["(open"]}}, "mine.yaml: heard.must: '(open' is no pattern"),
        ({"bounds": {"turns": 0}}, "mine.yaml: bounds.turns: Input should be greater"),
        (
            {"given": {"appointments": [{"who": "Victor Hill"}]}},
            "mine.yaml: given.appointments.0.service: Field required",
        ),
        ({"kill_after_turn": 0}, "mine.yaml: kill_after_turn: Input should be greater"),
    ],
)
def test_a_bad_one_is_told_with_its_file_and_field(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    assert sentence in refused(tmp_path, **changes)


def test_what_is_no_yaml_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("flow: [cancel")
    with pytest.raises(ScenarioError) as error:
        read(path)
    assert str(error.value).startswith("mine.yaml: this is not YAML: ")
    assert "\n" not in str(error.value)
    path.write_text("- just\n- a list\n")
    with pytest.raises(ScenarioError, match="a scenario is a mapping of its fields"):
        read(path)


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(ScenarioError, match="there is no scenario or flow nonesuch"):
        read_all(only=["cancel", "nonesuch"])


# The clock that jumps


def test_the_loops_clock_jumps_while_everybody_waits() -> None:
    async def wait() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.gather(asyncio.sleep(3_600), asyncio.sleep(7_200))
        return loop.time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        began = time.monotonic()
        assert runner.run(wait()) == pytest.approx(7_200)
        assert time.monotonic() - began < 60


def test_work_in_a_thread_takes_no_time_of_the_loops() -> None:
    async def wait() -> float:
        loop = asyncio.get_running_loop()
        tick = asyncio.ensure_future(asyncio.sleep(5))
        await asyncio.to_thread(time.sleep, 0.05)
        passed = loop.time()
        tick.cancel()
        return passed

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(wait()) == 0.0


# The page


def test_the_page_shows_three_scenarios_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert fill(page, []) == page, "python -m benchmarks.eval.fill renews it"


def test_the_pages_tables_come_from_results() -> None:
    runs = [result(seed, fault="wrong" if seed == 4 else "") for seed in range(5)]
    about = {"at": "2026-11-28T16:00:00", "commit": "abc", "model": "sandbox"}
    filled = fill(PAGE.read_text(encoding="utf-8"), [{"about": about, "results": _json(runs)}])
    assert "| cancel | 1 | 5 | 80% | 0% | 0 |" in filled
    assert "not a model" in filled
    assert "The aims are not met" in filled
    with pytest.raises(ValueError, match="markers"):
        fill("no page of ours", [])


def _json(results: list[Result]) -> list[dict[str, object]]:
    return [each.as_json() for each in results]
