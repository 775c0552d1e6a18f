"""No file of the product is longer than 400 lines without a reason in docs/adr/README.md."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_LINES = 400
FOLDERS = ("otto", "actors", "cluster", "config", "sandbox")


def long_files() -> set[str]:
    files = [ROOT / "serve_app.py", *(p for each in FOLDERS for p in (ROOT / each).rglob("*.py"))]
    return {
        path.relative_to(ROOT).as_posix()
        for path in files
        if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES
    }


def justified() -> dict[str, str]:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    section = index.partition("\n## Files above 400 lines\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([\w/.]+\.py)` \| (.+) \|$", section, re.M))


def test_a_long_file_has_its_reason() -> None:
    assert long_files() <= set(justified()), "divide it by decision, or say why it is one"


def test_a_file_that_is_short_needs_no_reason() -> None:
    assert set(justified()) <= long_files(), "its row in docs/adr/README.md can go"


def test_a_reason_is_a_sentence() -> None:
    assert all(len(reason.split()) >= 8 for reason in justified().values())
