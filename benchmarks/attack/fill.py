"""Write a run's table into docs/SECURITY.md, between its markers.

    python -m benchmarks.attack.fill benchmarks/results/attack-*.json

Of several runs the last one that has an attack counts for it. Attacks that none has are left out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.attack.report import about, markdown

PAGE = Path(__file__).parents[2] / "docs" / "SECURITY.md"
_BLOCK = re.compile(r"(<!-- attacks -->\n).*?(<!-- /attacks -->)", re.DOTALL)


def fill(page: str, results: Sequence[Mapping[str, Any]]) -> str:
    """The page with the results' rows between its markers. Raises ValueError when it has none."""
    if not _BLOCK.search(page):
        raise ValueError("the page has no <!-- attacks --> markers")
    rows: dict[str, Mapping[str, Any]] = {}
    for result in results:
        rows |= {row["attack"]: row for row in result["rows"]}
    runs = " ".join(dict.fromkeys(about(result["about"]) for result in results))
    text = f"{markdown(list(rows.values()))}\n{runs}\n"
    return _BLOCK.sub(lambda found: f"{found[1]}{text}{found[2]}", page)


def main() -> None:
    """The command line: results' files, oldest first."""
    results = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()
