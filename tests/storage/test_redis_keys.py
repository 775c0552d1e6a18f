"""Keys of Redis are in one file, each with why and for how long, and their scripts in another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from otto.storage import redis_keys
from otto.storage.redis_keys import KEYS, SESSION, Key

ROOT = Path(__file__).parents[2]
PLACES = ("otto", "actors", "cluster", "config", "benchmarks", "sandbox", "serve_app.py")
OURS = re.compile(r"\botto:[a-z_*{%]")
LUA = re.compile(r"redis\.p?call\(")
SPOKEN = {"otto/dialogue/model/markup.py"}
"""Here "otto:" is what a model writes before its words."""


def texts(source: str) -> Iterator[str]:
    """Every literal of a module that is not documentation."""
    tree = ast.parse(source)
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in documentation:
            continue
        if isinstance(node.value, str | bytes):
            yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def modules() -> Iterator[tuple[str, str]]:
    for place in PLACES:
        path = ROOT / place
        for each in [path] if path.is_file() else sorted(path.rglob("*.py")):
            yield str(each.relative_to(ROOT)), each.read_text(encoding="utf-8")


def spelt_in(source: str, what: re.Pattern[str]) -> bool:
    return any(what.search(text) for text in texts(source))


def test_nobody_spells_a_key_elsewhere() -> None:
    found = {name for name, source in modules() if spelt_in(source, OURS)} - SPOKEN
    assert found == {"otto/storage/redis_keys.py"}


def test_nobody_writes_a_script_elsewhere() -> None:
    found = {name for name, source in modules() if spelt_in(source, LUA)}
    assert found == {"otto/storage/redis_scripts.py"}


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ('redis.get("otto:session:{x}")', True),
        ('redis.get(f"otto:customers:{{{phone}}}")', True),
        ('redis.get(b"otto:spool:{main}")', True),
        ('KEY = "otto:%s"', True),
        ('redis.keys("otto:*")', True),
        ('"""The key otto:session is a hash."""', False),
        ('print(f"otto: {line}")', False),
        ('"postgresql://otto:secret@host/otto".replace("otto:", "x")', True),
    ],
)
def test_the_test_finds_what_it_looks_for(source: str, is_found: bool) -> None:
    assert spelt_in(source, OURS) is is_found


def test_keys_collide_nowhere_and_say_why_and_for_how_long() -> None:
    named = {value for value in vars(redis_keys).values() if isinstance(value, Key)}
    assert named == {*KEYS}
    examples = [key.of("x") for key in KEYS]
    assert len({*examples}) == len(examples)
    for key in KEYS:
        assert key.why and key.kept and key.holds and key.pattern.count("{%s}") == 1
        assert key.name_in(key.of("CA1:x")) == "CA1:x"


def test_operators_read_the_same_list() -> None:
    page = (ROOT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    rows = [
        f"| `{key.pattern.replace('%s', '…')}` | {key.holds.replace('%s', '…')} | {key.why} | "
        f"{key.kept} |"
        for key in KEYS
    ]
    assert "\n".join(rows) in page


def test_scripts_that_touch_two_keys_stay_on_one_node() -> None:
    """Their keys have one hash tag: the part in braces."""
    tags = {re.search(r"\{(.*)\}", key.of("+1312")) for key in KEYS}
    assert {tag and tag[1] for tag in tags} == {"+1312"}
    assert SESSION.of("CA1") == "otto:session:{CA1}"
