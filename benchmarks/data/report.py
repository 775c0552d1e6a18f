"""A run as a page of Markdown, and as the table of docs/PERFORMANCE.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

HEAD = "| {part} | a second | p50 | p95 | ratio |"
RowDict = Mapping[str, Any]


def page(rows: Iterable[RowDict], about: Mapping[str, Any]) -> str:
    """Everything, with what explains it."""
    found = list(rows)
    lines = [
        f"# Data benchmark of {about['at']}",
        "",
        ", ".join(f"{name}: {value}" for name, value in about.items() if name != "at"),
        "",
        tables(found),
        "",
        *(_notes(row) for row in found if row["notes"]),
    ]
    return "\n".join(lines) + "\n"


def tables(rows: Iterable[RowDict]) -> str:
    """One table a part."""
    parts: dict[str, list[str]] = {}
    for row in rows:
        lines = parts.setdefault(
            row["part"], [HEAD.format(part=row["part"]), "|---|---:|---:|---:|---:|"]
        )
        lines.append(
            f"| {row['case']} | {row['per_s']:,.0f} | {row['p50_ms']:.1f} ms "
            f"| {row['p95_ms']:.1f} ms | {row['ratio']:g} |"
        )
    return "\n\n".join("\n".join(lines) for lines in parts.values())


def _notes(row: RowDict) -> str:
    told = ", ".join(f"{name} {value}" for name, value in row["notes"].items())
    return f"- {row['part']}, {row['case']}: {told}"
