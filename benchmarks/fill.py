"""Write what runs of the benchmark measured into the pages that tell it.

    python -m benchmarks.fill --before old/*.json --after benchmarks/results/2026-*.json
    python -m benchmarks.fill --interruptions benchmarks/results/2026-….json
    python -m benchmarks.fill --turns benchmarks/results/turns-2026-….json

A figure is the median over the runs of its side; the *distance* between Ray workers and inline
ones, and the ratio of their CPU, are taken within each run, where both had the same machine in the
same minutes. Whatever stands between the markers of a page is replaced.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import talking_over

DOCS = Path(__file__).parents[1] / "docs"
PAGES = (DOCS / "PERFORMANCE.md", DOCS / "adr" / "0007-worker-stream.md")
CALLS = 10

Run = Mapping[str, Any]
FIGURES = ("added_p50_ms", "added_p95_ms", "otto_p50_ms", "otto_p95_ms")


def row(run: Run, mode: str) -> Mapping[str, Any]:
    """A run's row of that mode with `CALLS` calls. Raises KeyError when it has none."""
    for found in run["results"]:
        if (found["mode"], found["calls"]) == (mode, CALLS):
            return dict(found)
    raise KeyError(f"the run of {run['about']['at']} has no row of {CALLS} {mode} calls")


def _ms(runs: Sequence[Run], mode: str, p50: str, p95: str) -> str:
    rows = [row(run, mode) for run in runs]
    return f"{median(each[p50] for each in rows):.0f} / {median(each[p95] for each in rows):.0f} ms"


def _distance(runs: Sequence[Run], p50: str, p95: str) -> tuple[float, float]:
    def apart(name: str) -> float:
        apart_ms: float = median(row(run, "ray")[name] - row(run, "inline")[name] for run in runs)
        return apart_ms

    return apart(p50), apart(p95)


def _cpu_ratio(runs: Sequence[Run], name: str) -> str:
    ratio = median(row(run, "ray")[name] / row(run, "inline")[name] for run in runs)
    return f"{ratio:.1f}"


def table(before: Sequence[Run], after: Sequence[Run]) -> str:
    """The comparison, as Markdown."""
    sides = (before, after)
    added, own = FIGURES[:2], FIGURES[2:]
    lines = [
        ("added to a turn, Ray workers, p50 / p95", [_ms(side, "ray", *added) for side in sides]),
        ("the same, inline", [_ms(side, "inline", *added) for side in sides]),
        (
            "distance between the two, median of the runs' own",
            ["{:.0f} / {:.0f} ms".format(*_distance(side, *added)) for side in sides],
        ),
        ("Otto's own part, Ray workers", [_ms(side, "ray", *own) for side in sides]),
        ("Otto's own part, inline", [_ms(side, "inline", *own) for side in sides]),
        *(
            (
                f"CPU of Ray workers ÷ of inline ones, {kind}",
                [_cpu_ratio(side, name) for side in sides],
            )
            for kind, name in (("gross", "gross_cpu_s"), ("marginal", "marginal_cpu_s"))
        ),
    ]
    text = [f"| {CALLS} calls | before | with the stream |", "|---|---|---|"]
    text += [f"| {name} | {values[0]} | {values[1]} |" for name, values in lines]
    return "\n".join([*text, "", _about("Before", before), _about("With the stream", after), ""])


def _about(name: str, runs: Sequence[Run]) -> str:
    told = ", ".join(
        f"{run['about']['at'][:16]} at {run['about']['commit']} (load {run['about']['load'][0]})"
        for run in runs
    )
    about = runs[0]["about"]
    return f"{name}: {len(runs)} runs on {about['cores']} cores: {told}."


def interruptions(run: Run) -> str:
    """How soon Otto stops for a caller, and how often for nothing, as Markdown."""
    rows = [row for row in run["results"] if row["interruptions"]]
    kinds = list(rows[0]["false_stops"])
    lines = [
        f"| | interruptions | stops after, p50 / p95 | false stops: {' | '.join(kinds)} |",
        "|---|---:|---:|" + "---:|" * len(kinds),
    ]
    for row in rows:
        stops = [row["false_stops"][kind] for kind in kinds]
        counts = " | ".join(f"{kind['stops']} of {kind['sounds']}" for kind in stops)
        after = f"{row['stop_p50_ms']:.0f} / {row['stop_p95_ms']:.0f} ms"
        lines.append(f"| {row['mode']} | {row['interruptions']} | {after} | {counts} |")
    return "\n".join([*lines, "", _measured(run), ""])


def turns(run: Run) -> str:
    """How often Otto starts while the caller goes on, as Markdown."""
    return "\n".join([talking_over.table(run["turns"]), "", _measured(run), ""])


def _measured(run: Run) -> str:
    about = run["about"]
    when = f"Measured {about['at'][:16]} at {about['commit']} on {about['cores']} cores"
    return f"{when} (load {about['load'][0]} when it began)."


def fill(page: str, text: str, name: str = "stream") -> str:
    """The page with the text between its markers of that name. Raises ValueError when it has
    none."""
    block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not block.search(page):
        raise ValueError(f"the page has no <!-- {name} --> markers")
    return block.sub(lambda found: f"{found[1]}{text}{found[2]}", page)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", nargs="+", type=Path, default=[])
    parser.add_argument("--after", nargs="+", type=Path, default=[])
    parser.add_argument("--interruptions", type=Path)
    parser.add_argument("--turns", type=Path)
    given = parser.parse_args()
    if bool(given.before) != bool(given.after):
        parser.error("--before and --after belong together")
    written: list[tuple[Sequence[Path], str, str]] = []
    if given.before:
        before, after = ([_run(path) for path in paths] for paths in (given.before, given.after))
        written.append((PAGES, "stream", table(before, after)))
    for name, written_as in (("interruptions", interruptions), ("turns", turns)):
        if (path := getattr(given, name)) is not None:
            written.append((PAGES[:1], name, written_as(_run(path))))
    for pages, name, text in written:
        for page in pages:
            page.write_text(fill(page.read_text(encoding="utf-8"), text, name), encoding="utf-8")
        print(text)


def _run(path: Path) -> Run:
    found: Run = json.loads(path.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    main()
