"""Write a run's tables into docs/PERFORMANCE.md, between its markers.

    python -m benchmarks.data.fill benchmarks/results/data-*.json

Of several runs the last one that has a part counts for it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.data.report import tables

PAGE = Path(__file__).parents[2] / "docs" / "PERFORMANCE.md"
_BLOCK = re.compile(r"(<!-- data -->\n).*?(<!-- /data -->)", re.DOTALL)


def fill(page: str, results: Sequence[Mapping[str, Any]]) -> str:
    """The page with the results' tables between its markers. Raises ValueError when it has none."""
    if not _BLOCK.search(page):
        raise ValueError("the page has no <!-- data --> markers")
    parts: dict[str, list[Mapping[str, Any]]] = {}
    told: dict[str, str] = {}
    for result in results:
        for part in dict.fromkeys(row["part"] for row in result["results"]):
            parts[part] = [row for row in result["results"] if row["part"] == part]
            told[part] = _about(result["about"])
    runs = " ".join(dict.fromkeys(told.values()))
    text = f"{tables([row for rows in parts.values() for row in rows])}\n\n{runs}\n"
    return _BLOCK.sub(lambda found: f"{found[1]}{text}{found[2]}", page)


def _about(about: Mapping[str, Any]) -> str:
    return (
        f"Measured {about['at'][:16]} at {about['commit']} on {about['cores']} cores "
        f"(load {about['load'][0]} when it began)."
    )


def main() -> None:
    """The command line: results' files, oldest first."""
    results = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()
