"""Write a run's figures into docs/FAILURES.md.

    python -m benchmarks.chaos.fill benchmarks/results/chaos-*.json

Every table row whose first cell names a fault gets the worst silence of that fault and how its
calls ended, over all the runs that are given; a kind of bookings under load what the last run came
to. Rows of faults that were not struck, or met nobody,
stay as they are; so do those of a fault that has become another one since the run.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.chaos.booking_kinds import BOOKING_FAULTS, told
from benchmarks.chaos.faults import FAULTS, STORM

PAGE = Path(__file__).parents[2] / "docs" / "FAILURES.md"
_ROW = re.compile(r"^\| `(?P<fault>[a-z-]+)` \|(?P<middle>.*)\|(?P<measured>[^|]*)\|$")
_NOW = {fault.name: fault.about for fault in (*FAULTS, STORM)} | {
    kind.name: kind.about for kind in BOOKING_FAULTS
}
_MARK = "<!-- measured -->"


def fill(page: str, results: Sequence[Mapping[str, Any]]) -> str:
    """The page with the figures of the results in it."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    booked: dict[str, str] = {}
    for result in results:
        for row in result.get("bookings", ()):
            if row["about"] == _NOW.get(row["fault"]):
                booked[row["fault"]] = told(row)
        for row in result.get("rows", ()):
            is_as_now = row["about"] == _NOW.get(row["fault"])
            if row["calls"] and not row["problems"] and is_as_now:
                rows.setdefault(row["fault"], []).append(row)
    lines = []
    for line in page.splitlines():
        match = _ROW.match(line)
        if match and match["fault"] in rows.keys() | booked.keys():
            name = match["fault"]
            measured = booked[name] if name in booked else _measured(rows[name])
            line = f"| `{match['fault']}` |{match['middle']}| {measured} |"
        lines.append(_about(results) if line.startswith(_MARK) else line)
    return "\n".join(lines) + "\n"


def _measured(rows: Iterable[Mapping[str, Any]]) -> str:
    found = list(rows)
    outcomes: Counter[str] = Counter()
    for row in found:
        outcomes.update(row["outcomes"])
    worst_s = max(row["worst_gap_ms"] for row in found) / 1000
    ends = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
    return f"{worst_s:.1f} s ({ends})"


def _about(results: Sequence[Mapping[str, Any]]) -> str:
    runs = [result["about"] for result in results]
    text = "; ".join(
        f"{about['at'][:10]} at {about['commit']}, seed {about['seed']}, {about['mode']}, "
        f"{about['cores']} cores, load {about['load'][0]} when it began"
        for about in runs
    )
    return f"{_MARK} Measured: {text}."


def main() -> None:
    """The command line: results' files, oldest first."""
    results = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()
