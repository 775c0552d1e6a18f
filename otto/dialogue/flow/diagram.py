"""The state machine in docs/CONVERSATION.md, drawn from its table.

python -m otto.dialogue.flow.diagram docs/CONVERSATION.md    or: make diagrams
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from otto.dialogue.flow.table import ERRANDS_BY_TOPIC, GRANTS, GROUPS, WHO, Came, Grant, Row, Said
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.state import Identity
from otto.dialogue.turns.diagram import between
from otto.language.intents import Intent

BEGIN = "<!-- state machine: drawn by `make diagrams` -->"
END = "<!-- state machine: end -->"
NEXT = "what waits"
"""Drawn for a row whose target is what has waited longest."""


def drawing() -> str:
    """The whole machine, as Markdown: both regions in Mermaid, groups and tools as tables."""
    parts = ["### Who is calling", _mermaid(WHO, first=Identity.UNKNOWN)]
    parts += ["### What is under way", _groups()]
    for topic, rows in ERRANDS_BY_TOPIC.items():
        parts += [f"#### {topic}", _mermaid(rows)]
    parts += ["### The tools of each state", _tools()]
    return "\n\n".join(parts)


def drawn_into(page: str) -> str:
    """The page with the machine between its markers. Raises ValueError when it has none."""
    return between(page, BEGIN, END, drawing())


def parts_of(sources: frozenset[Any]) -> list[str]:
    """A set of states by the names of its groups, and of what is left of it."""
    found, rest = [], set(sources)
    for name, group in GROUPS.items():
        if group <= rest:
            found.append(name)
            rest -= group
    return found + [state.value for state in type(next(iter(sources))) if state in rest]


def _mermaid(rows: Sequence[Row[Any]], first: str | None = None) -> str:
    lines = ["stateDiagram-v2"] + ([f"    [*] --> {first}"] if first else [])
    named: set[str] = set()
    for row in rows:
        target = NEXT if row.target is None else row.target.value
        for source in parts_of(row.sources):
            reached = source if row.waits else target
            named |= {name for name in (source, reached) if " " in name}
            lines.append(f"    {_id(source)} --> {_id(reached)}: {_label(row)}")
    lines[1:1] = [f'    state "{name}" as {_id(name)}' for name in sorted(named)]
    return "```mermaid\n" + "\n".join(lines) + "\n```"


def _id(name: str) -> str:
    return name.replace(" ", "_")


def _label(row: Row[Any]) -> str:
    """The events of a row, with what must hold and what becomes of what was under way."""
    said = sorted(f"“{event}”" for event in row.events if isinstance(event, Intent | Said))
    came = sorted(event.value for event in row.events if isinstance(event, Came))
    label = ", ".join(said + came).replace("_", " ")
    if row.guard is not None:
        label += f" [{row.guard.name}]"
    if row.waits:
        label += f" / {row.target} waits"
    return label + (" / the old one waits" if row.keeps else "")


def _groups() -> str:
    lines = ["| group | errands |", "|---|---|"]
    for name, group in GROUPS.items():
        rest, parts = set(group), []
        for other, inner in GROUPS.items():
            if inner < group and inner <= rest:
                parts.append(other)
                rest -= inner
        parts += [f"`{errand}`" for errand in Errand if errand in rest]
        lines.append(f"| {name} | {', '.join(parts)} |")
    return "\n".join(lines)


def _tools() -> str:
    lines = ["| tool | who | errand | and |", "|---|---|---|---|"]
    lines += [f"| `{grant.tool}` | {' | '.join(_conditions(grant))} |" for grant in GRANTS]
    return "\n".join(lines)


def _conditions(grant: Grant) -> Iterable[str]:
    yield (
        "anybody"
        if grant.who == {*Identity}
        else ", ".join(f"`{who}`" for who in Identity if who in grant.who)
    )
    yield "any" if grant.errands == {*Errand} else ", ".join(parts_of(grant.errands))
    yield ", ".join(guard.name for guard, _ in grant.guards) or "—"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(drawn_into(path.read_text(encoding="utf-8")), encoding="utf-8")
