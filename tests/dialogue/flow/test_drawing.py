"""The machine in docs/CONVERSATION.md is the table of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otto.dialogue.flow.diagram import NEXT, drawing, drawn_into, parts_of
from otto.dialogue.flow.table import ERRANDS, GRANTS, GROUPS, WHO
from otto.dialogue.session.errands import Errand

PAGE = Path(__file__).parents[3] / "docs" / "CONVERSATION.md"
ARROW = re.compile(r"    (\w+) --> (\w+): (.+)")


def test_the_page_shows_the_machine_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert drawn_into(page) == page, "run `make diagrams`"


def test_every_row_is_drawn_from_all_of_its_states() -> None:
    drawn = [match.groups() for match in map(ARROW.fullmatch, drawing().splitlines()) if match]
    wanted = []
    for row in (*WHO, *ERRANDS):
        target = NEXT if row.target is None else row.target.value
        for source in parts_of(row.sources):
            ends = source, source if row.waits else target
            wanted.append(tuple(name.replace(" ", "_") for name in ends))
    assert [(source, target) for source, target, _ in drawn] == wanted
    labels = " ".join(label for *_, label in drawn)
    for row in ERRANDS:
        assert all(event.value.replace("_", " ") in labels for event in row.events)
        assert row.guard is None or f"[{row.guard.name}]" in labels


def test_the_parts_of_a_set_are_the_set() -> None:
    for row in ERRANDS:
        found: set[Errand] = set()
        for part in parts_of(row.sources):
            found |= GROUPS[part] if part in GROUPS else {Errand(part)}
        assert found == row.sources


def test_every_tool_is_shown_with_its_conditions() -> None:
    text = drawing()
    for grant in GRANTS:
        line = next(line for line in text.splitlines() if line.startswith(f"| `{grant.tool}` |"))
        assert all(guard.name in line for guard, _ in grant.guards)


def test_a_page_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        drawn_into("# The conversation\n")
