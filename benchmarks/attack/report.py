"""The rows as a table on the terminal, and as Markdown. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from benchmarks.attack.attack import Judged

HEAD = ("attack", "what", "what happened", "CPU for each", "bound", "kept")


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row, given as `dataclasses.asdict` makes it."""
    figures = row["figures"]
    cost = f"{figures['cpu_ms']:.2f} ms" if "cpu_ms" in figures else "–"
    happened = row["happened"]
    if "honest_p95_ms" in figures:
        happened += f"; signed webhooks in {figures['honest_p95_ms']:.0f} ms (p95)"
    if "closed_after_s" in figures:
        happened += f"; closed after {figures['closed_after_s']:.1f} s"
    bounds = "; ".join(row["bounds"])
    kept = "yes" if not row["broken"] else "**no**: " + "; ".join(row["broken"])
    return (f"`{row['attack']}`", row["about"], happened, cost, bounds, kept)


def table(rows: Sequence[Judged], title: str) -> Table:
    """For the terminal."""
    shown = Table(title=title, show_lines=False)
    for head in HEAD:
        shown.add_column(head, overflow="fold")
    for row in rows:
        name, *others, kept = cells(_as_dict(row))
        style = None if row.is_kept else "red"
        shown.add_row(name.strip("`"), *others, kept.replace("**", ""), style=style)
    return shown


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of docs/SECURITY.md."""
    lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    lines += [f"| {' | '.join(cells(row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def about(run: Mapping[str, Any]) -> str:
    """Which run it was."""
    return (
        f"Measured on {run['at'][:10]} at {run['commit']}, {run['cores']} cores, "
        f"load {run['load'][0]} when it began, {run['took_s']} s."
    )


def _as_dict(row: Judged) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Judged.__dataclass_fields__}
