"""Runs in text, several at a time: each in a process that holds one call after another."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from benchmarks.eval.grading import judge
from benchmarks.eval.results import Result
from benchmarks.eval.run import Outcome, run, why
from benchmarks.eval.scenario import Scenario
from benchmarks.eval.servers import Servers
from config.dealership import Dealership

_held: dict[str, Any] = {}
"""What a worker process was begun with."""


def run_all(
    servers: Servers,
    dealership: Dealership,
    wanted: Sequence[tuple[Scenario, int]],
    kept: Path,
    workers: int,
    sandbox_model: str = "",
) -> Iterator[Result]:
    """Hold these calls; the results as they come. Transcripts go to the folder `kept`."""
    spawn = multiprocessing.get_context("spawn")
    places = spawn.Queue()
    for place in range(workers):
        places.put(place)
    begun = (servers, dealership, kept, sandbox_model, places)
    with ProcessPoolExecutor(workers, spawn, _begin, begun) as pool:
        futures = [pool.submit(_one, scenario, seed) for scenario, seed in wanted]
        for future in as_completed(futures):
            yield future.result()


def quiet() -> None:
    """Log nothing below an error: a benchmark's output is its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _begin(
    servers: Servers, dealership: Dealership, kept: Path, sandbox_model: str, places: Any
) -> None:
    # Each has a database of Valkey's to itself: what is cached is known by telephone number.
    own = replace(servers, redis_url=f"{servers.redis_url.rstrip('/')}/{places.get()}")
    _held.update(servers=own, dealership=dealership, kept=kept, sandbox_model=sandbox_model)


def _one(scenario: Scenario, seed: int) -> Result:
    servers, dealership, kept = _held["servers"], _held["dealership"], _held["kept"]
    try:
        outcome = run(servers, dealership, scenario, seed, sandbox_model=_held["sandbox_model"])
    except Exception as error:
        crash = why(error)
        return Result(scenario.name, scenario.flow, "text", seed, (), (), 0, 0.0, 0.0, crash)
    verdict = judge(outcome, dealership)
    _keep(outcome, verdict.faults, verdict.broken, kept)
    transcript = outcome.transcript
    return Result(
        scenario.name,
        scenario.flow,
        "text",
        seed,
        verdict.faults,
        verdict.broken,
        transcript.turns,
        round(transcript.ended_s, 1),
        round(outcome.took_s, 2),
    )


def _keep(outcome: Outcome, faults: Sequence[str], broken: Sequence[str], folder: Path) -> None:
    lines = [f"{outcome.scenario.name}, seed {outcome.seed}: {outcome.scenario.about}", ""]
    lines += [outcome.transcript.as_text()]
    lines += [f"changed   {each}" for each in outcome.happened] or ["changed   nothing"]
    lines += [f"fault     {each}" for each in faults] + [f"BROKEN    {each}" for each in broken]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{outcome.scenario.name}-{outcome.seed}.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o600)
