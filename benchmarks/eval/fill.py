"""Write a run's tables, and three scenarios as they are, into docs/EVALUATION.md.

    python -m benchmarks.eval.fill benchmarks/results/eval-*.json

Of several runs the last one that has a scenario by a way counts for it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.eval import report
from benchmarks.eval.results import AIMS, Result, result_of
from benchmarks.eval.scenario import FOLDER

PAGE = Path(__file__).parents[2] / "docs" / "EVALUATION.md"
SHOWN = ("known-customer-books", "reschedule-one-of-two", "adversarial-spouse")


def fill(page: str, runs: Sequence[Mapping[str, Any]]) -> str:
    """The page with the runs' tables and the scenarios. Raises ValueError without its markers."""
    page = _between(page, "scenarios", _scenarios())
    return _between(page, "results", _tables(runs)) if runs else page


def _tables(runs: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for way in AIMS:
        latest: dict[str, tuple[Mapping[str, Any], list[Result]]] = {}
        for run in runs:
            by_name: dict[str, list[Result]] = {}
            for each in map(result_of, run["results"]):
                if each.way == way:
                    by_name.setdefault(each.scenario, []).append(each)
            latest |= {name: (run["about"], found) for name, found in by_name.items()}
        results = [each for _, found in latest.values() for each in found]
        if results:
            about = [about for about, _ in latest.values()][-1]
            failed = report.scenarios(results, only_failed=True)
            parts += [f"### By {way}", report.flows(results), report.said_of(about, results)]
            if failed.count("\n") > 1:
                parts += ["What did not always pass:", failed]
    return "\n\n".join(parts)


def _scenarios() -> str:
    pages = ((FOLDER / f"{name}.yaml").read_text(encoding="utf-8").strip() for name in SHOWN)
    return "\n\n".join(
        f"```yaml\n# {name}.yaml\n{text}\n```" for name, text in zip(SHOWN, pages, strict=True)
    )


def _between(page: str, name: str, text: str) -> str:
    block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not block.search(page):
        raise ValueError(f"the page has no <!-- {name} --> markers")
    return block.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)


def main() -> None:
    """The command line: results' files, oldest first."""
    runs = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), runs), encoding="utf-8")


if __name__ == "__main__":
    main()
