"""The diagram in docs/ARCHITECTURE.md is the table of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otto.dialogue.turns.diagram import drawn_into, mermaid
from otto.dialogue.turns.floor import TRANSITIONS, Input, State

PAGE = Path(__file__).parents[2] / "docs" / "ARCHITECTURE.md"


def test_the_page_shows_the_table_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert drawn_into(page) == page, "run `make diagrams`"


def test_every_transition_is_drawn() -> None:
    drawn = set()
    for line in mermaid().splitlines():
        arrow = re.fullmatch(r"    (\w+) --> (\w+): ([^/]*?)(?: / (.*))?", line)
        if arrow is not None:
            state, following, inputs, actions = arrow.groups(default="")
            for given in inputs.split(", "):
                drawn.add((state, given, following, actions))
    assert drawn == {
        (state.value, given.value, following.value, ", ".join(actions))
        for (state, given), (following, actions) in TRANSITIONS.items()
    }


def test_the_line_that_is_gone_is_told_apart() -> None:
    assert not [given for _, given in TRANSITIONS if given is Input.HANG_UP]
    assert f"note right of {State.ENDED}: {Input.HANG_UP}" in mermaid()


def test_a_page_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        drawn_into("# Architecture\n")
