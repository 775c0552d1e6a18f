"""Judge every resolver on its set, print the table, and write it into docs/UNDERSTANDING.md.

    python -m benchmarks.understanding

Exits with 1 when a bound is missed: what is wrong with confidence, and what is exact, over all.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.understanding.resolvers import RESOLVERS, Judged, Resolver, Results

PAGE = Path(__file__).parents[2] / "docs" / "UNDERSTANDING.md"
MOST_WRONG = 0.005
LEAST_EXACT = 0.97
_BLOCK = re.compile(r"(<!-- understanding -->\n).*?(<!-- /understanding -->)", re.DOTALL)


def judged() -> dict[Resolver, Results]:
    """Every resolver's set, judged."""
    return {resolver: resolver.results() for resolver in RESOLVERS}


def table(judged: Mapping[Resolver, Results]) -> tuple[str, float, float]:
    """The table in Markdown, and the shares that are wrong and exact over all sets."""
    rows = ["| what | lines | exact | asked | wrong |", "|---|---:|---:|---:|---:|"]
    totals = dict.fromkeys(Judged, 0)
    for resolver, results in judged.items():
        outcomes = [outcome for _, outcome in results]
        counts = {outcome: outcomes.count(outcome) for outcome in Judged}
        rows.append(_row(resolver.name, counts))
        totals = {outcome: totals[outcome] + counts[outcome] for outcome in Judged}
    rows.append(_row("**all**", totals))
    lines = sum(totals.values())
    return "\n".join(rows) + "\n", totals[Judged.WRONG] / lines, totals[Judged.EXACT] / lines


def fill(page: str, text: str) -> str:
    """The page with the table between its markers. Raises ValueError when it has none."""
    if not _BLOCK.search(page):
        raise ValueError("the page has no <!-- understanding --> markers")
    return _BLOCK.sub(lambda found: f"{found[1]}{text}{found[2]}", page)


def _row(name: str, counts: dict[Judged, int]) -> str:
    lines = sum(counts.values())
    exact, asked, wrong = (counts[outcome] for outcome in Judged)
    return f"| {name} | {lines} | {exact} ({exact / lines:.1%}) | {asked} | {wrong} |"


def main() -> None:
    """The command line."""
    found = judged()
    text, wrong, exact = table(found)
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    print(text)
    for resolver, results in found.items():
        for line, outcome in results:
            if outcome is not Judged.EXACT:
                print(f"{outcome}: {resolver.set_name}: {' | '.join(line)}")
    if wrong > MOST_WRONG or exact < LEAST_EXACT:
        print(f"missed: {wrong:.2%} wrong, {exact:.1%} exact", file=sys.stderr)
        raise SystemExit(1)


if __name__ == "__main__":
    main()
