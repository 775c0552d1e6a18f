"""The migrations are one line: each number once, each after the one before."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

VERSIONS = Path(__file__).parents[2] / "otto" / "storage" / "migrations" / "versions"


def test_the_migrations_are_one_line() -> None:
    found = []
    for path in sorted(VERSIONS.glob("0*.py")):
        named = {
            target.id: ast.literal_eval(node.value)
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and target.id in ("revision", "down_revision")
        }
        found.append((path.name[:4], named["revision"], named["down_revision"]))
    line = [None, *(number for number, _, _ in found)]
    assert found == [(number, number, before) for before, number in pairwise(line)]
