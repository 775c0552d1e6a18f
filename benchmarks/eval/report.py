"""The tables of a run, for the terminal, the results' folder and the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.eval.results import AIMS, Result, Row, flow_rows, is_good, scenario_rows


def markdown(results: Sequence[Result], about: Mapping[str, Any]) -> str:
    """Everything: flows, then scenarios, for each way."""
    parts = []
    for way in AIMS:
        runs = [each for each in results if each.way == way]
        if runs:
            parts += [f"### By {way}\n", flows(runs), "", scenarios(runs), ""]
    return "\n".join([*parts, said_of(about, results), ""])


def flows(results: Sequence[Result]) -> str:
    """The table by flow."""
    k = _k(results)
    lines = [
        f"| flow | scenarios | runs | pass^1 | pass^{k} | hard rules broken |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in flow_rows(results):
        name = f"**{row.name}**" if row.name == "all" else row.name
        lines.append(f"| {name} | {row.scenarios} | {row.runs} | {_shares(row)} | {row.broken} |")
    return "\n".join(lines)


def scenarios(results: Sequence[Result], *, only_failed: bool = False) -> str:
    """The table by scenario, with what was wrong first."""
    k = _k(results)
    lines = [
        f"| scenario | flow | runs | pass^1 | pass^{k} | first fault |",
        "|---|---|---:|---:|---:|---|",
    ]
    for row in scenario_rows(results):
        if only_failed and row.pass_1 == 1.0:
            continue
        why = row.why.replace("|", "/")
        lines.append(f"| {row.name} | {row.flow} | {row.runs} | {_shares(row)} | {why} |")
    return "\n".join(lines)


def said_of(about: Mapping[str, Any], results: Sequence[Result]) -> str:
    """What the figures stand on."""
    brain = (
        "The sandbox's receptionist, whose answers are rules, was in the model's place: what is"
        " proved is the system around a model, not a model."
        if about["model"] == "sandbox"
        else f"The model was {about['model']}."
    )
    good = (
        "The aims are met." if is_good(results) else "The aims are not met, or a hard rule broke."
    )
    aims = ", ".join(f"{share:.0%} {way}" for way, share in AIMS.items())
    return (
        f"{len(results)} runs of {len({each.scenario for each in results})} scenarios on"
        f" {about['at'][:16]} at {about['commit']}. {brain} Aims of pass^k: {aims}; no hard rule"
        f" broken. {good}"
    )


def _k(results: Sequence[Result]) -> int:
    counts: dict[str, int] = {}
    for each in results:
        counts[each.scenario] = counts.get(each.scenario, 0) + 1
    return min(counts.values(), default=0)


def _shares(row: Row) -> str:
    whole = "" if row.pass_all is None else f"{row.pass_all:.0%}"
    return f"{row.pass_1:.0%} | {whole}"
