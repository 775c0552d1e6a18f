"""The diagram of turn-taking in docs/ARCHITECTURE.md, drawn from `TRANSITIONS`.

    python -m otto.dialogue.turns.diagram docs/ARCHITECTURE.md    or: make diagrams

A page that shows a table of the code is true only as long as somebody copies it; so a command does,
and a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from otto.dialogue.turns.floor import TRANSITIONS, Action, Input, State

BEGIN = "<!-- turn-taking: drawn by `make diagrams` -->"
END = "<!-- turn-taking: end -->"


def mermaid() -> str:
    """The table as a Mermaid state diagram: `input / actions` on each arrow."""
    arrows: dict[tuple[State, State, tuple[Action, ...]], list[Input]] = {}
    for (state, given), (following, actions) in TRANSITIONS.items():
        arrows.setdefault((state, following, actions), []).append(given)
    lines = ["stateDiagram-v2", f"    [*] --> {State.LISTENING}"]
    for (state, following, actions), inputs in arrows.items():
        label = ", ".join(inputs) + (f" / {', '.join(actions)}" if actions else "")
        lines.append(f"    {state} --> {following}: {label}")
    lines += [
        f"    {State.ENDED} --> [*]",
        f"    note right of {State.ENDED}: {Input.HANG_UP} leads here from every state",
    ]
    return "\n".join(lines)


def drawn_into(page: str) -> str:
    """The page with the diagram between its markers. Raises ValueError when it has none."""
    return between(page, BEGIN, END, f"```mermaid\n{mermaid()}\n```")


def between(page: str, begins: str, ends: str, drawn: str) -> str:
    """The page with `drawn` between two markers. Raises ValueError when it has none."""
    before, begin, rest = page.partition(begins)
    _, end, after = rest.partition(ends)
    if not begin or not end:
        raise ValueError(f"the page has no place for the diagram, between {begins} and {ends}")
    return f"{before}{begins}\n\n{drawn}\n\n{ends}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(drawn_into(path.read_text(encoding="utf-8")), encoding="utf-8")
