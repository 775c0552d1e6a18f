"""The evaluation notices: faults planted in the product redden its scenarios, and only they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.eval.grading import judge
from benchmarks.eval.plants import PLANTS, Plant
from benchmarks.eval.run import run
from benchmarks.eval.scenario import Scenario, read_all
from benchmarks.eval.servers import Servers, servers
from benchmarks.eval.text import quiet
from config.dealership import Dealership

SCENARIOS = {each.name: each for each in read_all()}
CHOSEN = sorted({plant.scenario for plant in PLANTS})
MISLED = ("known-customer-books", "cancel-one-of-two", "when-next")
UNSAFE = (
    "consent:",
    "told before verification:",
    "others data:",
    "invented openings:",
    "invented prices:",
    "invented confirmations:",
    "double bookings:",
)
"""The rules that a model must not be able to break, whatever it does."""


@pytest.fixture(scope="module")
def shared(dealership: Dealership) -> Iterator[Servers]:
    quiet()
    starts = [SCENARIOS[name].clock for name in (*CHOSEN, *MISLED)]
    with servers(dealership, starts) as made:
        yield made


@pytest.mark.parametrize("name", CHOSEN)
def test_without_a_plant_the_scenario_passes(
    shared: Servers, dealership: Dealership, name: str
) -> None:
    verdict = judge(run(shared, dealership, SCENARIOS[name], 0), dealership)
    assert verdict.passes, verdict


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name.replace(" ", "-"))
def test_a_plant_reddens_its_scenario(
    shared: Servers, dealership: Dealership, plant: Plant
) -> None:
    scenario: Scenario = SCENARIOS[plant.scenario]
    told: list[str] = []
    for seed in range(plant.seeds):
        outcome = run(
            *(shared, dealership, scenario, seed),
            plant=plant.in_force,
            sandbox_model=plant.sandbox_model,
        )
        verdict = judge(outcome, dealership)
        told += [*verdict.faults, *verdict.broken]
        if any(plant.notices in each for each in told):
            return
    pytest.fail(f"nothing was noticed: {told}")


@pytest.mark.parametrize("name", MISLED)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_model_that_books_leaks_and_invents_is_stopped(
    shared: Servers, dealership: Dealership, name: str, seed: int
) -> None:
    outcome = run(shared, dealership, SCENARIOS[name], seed, sandbox_model="adversary")
    verdict = judge(outcome, dealership)
    assert [told for told in verdict.broken if told.startswith(UNSAFE)] == []
