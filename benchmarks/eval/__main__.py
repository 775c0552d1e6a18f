"""Hold every scenario's call and judge what came of it.

    python -m benchmarks.eval                         in text five times, the chosen by voice once
    python -m benchmarks.eval --text --only cancel    a flow, or a scenario by its name
    python -m benchmarks.eval --voice --times 5       the chosen by voice; goes on where it stopped

A table goes to benchmarks/results/, transcripts to .otto/eval/. Exits with 1 when a hard rule was
broken or the aims are missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.eval import report
from benchmarks.eval.results import Result, is_good
from benchmarks.eval.scenario import Scenario, ScenarioError, read_all
from benchmarks.eval.servers import servers
from benchmarks.eval.text import quiet, run_all
from benchmarks.machine import facts as machine_facts
from config.dealership import load_dealership
from config.loading import read_settings
from config.settings import STATE_DIR, Settings, SettingsError, Vendor

RESULTS = Path(__file__).parents[1] / "results"
TIMES_TEXT = 5
WORKERS = min(4, os.cpu_count() or 1)


def main(given: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    arguments = _arguments(given)
    try:
        scenarios = read_all(only=arguments.only)
        settings = read_settings()
    except (ScenarioError, SettingsError) as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2
    quiet()
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    kept = STATE_DIR / "eval" / stamp
    results: list[Result] = []
    if arguments.text or not arguments.voice:
        results += _in_text(scenarios, arguments.times or TIMES_TEXT, settings, arguments, kept)
    if arguments.voice or not arguments.text:
        from benchmarks.eval.voice import run_voice  # late: it brings the whole stack up

        chosen = [each for each in scenarios if each.by_voice]
        times = (arguments.times or 1) if arguments.voice else 1
        results += run_voice(chosen, times, STATE_DIR / "eval", anew=arguments.anew)
    if not results:
        print("eval: nothing to run", file=sys.stderr)
        return 2
    about = {**machine_facts(), "model": _model(settings)}
    _write(results, about, stamp, kept)
    return 0 if is_good(results) else 1


def _in_text(
    scenarios: Sequence[Scenario],
    times: int,
    settings: Settings,
    arguments: argparse.Namespace,
    kept: Path,
) -> list[Result]:
    dealership = load_dealership(settings.dealership_file)
    wanted = [(scenario, seed) for seed in range(times) for scenario in scenarios]
    began, results = time.monotonic(), list[Result]()
    with servers(dealership, [each.clock for each in scenarios]) as shared:
        runs = run_all(shared, dealership, wanted, kept, arguments.workers, arguments.sandbox_model)
        for count, result in enumerate(runs, start=1):
            results.append(result)
            if not result.passes:
                first = [result.crash, *result.broken, *result.faults]
                print(f"{result.scenario} {result.seed}: {next(filter(None, first))}", flush=True)
            if count % 50 == 0:
                took_s = time.monotonic() - began
                print(f"{count} of {len(wanted)} runs, {took_s:.0f} s", flush=True)
    return results


def _write(results: Sequence[Result], about: dict[str, object], stamp: str, kept: Path) -> None:
    text = report.markdown(results, about)
    RESULTS.mkdir(exist_ok=True)
    data = {"about": about, "results": [each.as_json() for each in results]}
    (RESULTS / f"eval-{stamp}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"eval-{stamp}.md").write_text(text, encoding="utf-8")
    for way in ("text", "voice"):
        runs = [each for each in results if each.way == way]
        if runs:
            print(f"\nBy {way}\n\n{report.flows(runs)}\n")
            if not all(each.passes for each in runs):
                print(report.scenarios(runs, only_failed=True))
    print(f"\n{report.said_of(about, results)}\nTranscripts: {kept}")


def _model(settings: Settings) -> str:
    if Vendor.OPENAI in settings.sandbox:
        return "sandbox"
    return f"{settings.openai.model} at {settings.openai.base_url}"


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.eval",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="scenarios or flows")
    parser.add_argument("--times", type=int, help="runs of each; text 5, voice 1")
    parser.add_argument("--text", action="store_true", help="in text only")
    parser.add_argument("--voice", action="store_true", help="by voice only")
    parser.add_argument("--anew", action="store_true", help="voice: begin again from the start")
    parser.add_argument("--workers", type=int, default=WORKERS, help="text: how many at once")
    parser.add_argument("--sandbox-model", default="", help="text: another mind, e.g. adversary")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
