"""The labelled sets: files of `said|right` lines, whose first line says what the columns mean."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "sets"


def load(name: str) -> list[tuple[str, ...]]:
    """The lines of a set, without its heads and blank ones, as columns."""
    lines = (FOLDER / f"{name}.psv").read_text(encoding="utf-8").splitlines()
    return [
        tuple(part.strip() for part in line.split("|"))
        for line in lines
        if line.strip() and not line.startswith("#")
    ]
