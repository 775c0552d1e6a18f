"""Each promise of docs/BOOKING.md names the tests that hold it, and they exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "BOOKING.md"
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def promises(text: str) -> list[str]:
    """The rows of the page's tables, without their heads."""
    rows = re.findall(r"^\| .*\|$", text, re.M)
    return [row for row in rows if not row.startswith(("| you can rely on", "| guarantee"))]


def missing(text: str) -> list[str]:
    """The tests that are named and do not exist."""
    found = []
    for path, name in _NAMED.findall(text):
        file = ROOT / path
        tree = ast.parse(file.read_text(encoding="utf-8")) if file.exists() else ast.Module([], [])
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        if not any(isinstance(node, functions) and node.name == name for node in tree.body):
            found.append(f"{path}::{name}")
    return found


def test_every_test_that_the_page_names_exists() -> None:
    assert missing(PAGE.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("row", promises(PAGE.read_text(encoding="utf-8")))
def test_every_promise_names_its_test(row: str) -> None:
    assert _NAMED.search(row), row


def test_the_test_itself_finds_what_is_missing() -> None:
    here = "tests/architecture/test_booking_page.py"
    named = f"`{here}::test_nothing` `{here}::promises` `tests/nowhere.py::test_it`"
    assert missing(named) == [f"{here}::test_nothing", "tests/nowhere.py::test_it"]
    assert promises("| guarantee | held by |\n|---|---|\n| it holds | `x` |\n") == [
        "| it holds | `x` |"
    ]
