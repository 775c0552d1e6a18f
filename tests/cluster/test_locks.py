"""The lock files: production's is a part of the whole one, and none names an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-production.lock", "requirements-setup.lock")
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>\S+)")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def packages(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Name → (version, hashes)."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text(encoding="utf-8"))
    for entry in entries:
        match = PINNED.match(entry)
        if match is not None:
            hashes = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry))
            found[canonicalize_name(match["name"])] = match["version"], hashes
    return found


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_index(lock: str) -> None:
    found = packages(lock)
    assert found, "nothing was read"
    assert [name for name, (_, hashes) in found.items() if not hashes] == []
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"https?:|--(extra-)?index|--find-links|@ ", text)


def test_production_is_a_part_of_the_whole_to_the_hash() -> None:
    whole, production = packages(LOCKS[0]), packages(LOCKS[1])
    assert {name: whole.get(name) for name in production} == production


def test_production_has_what_the_product_names_and_nothing_that_only_the_extras_do() -> None:
    production = set(packages(LOCKS[1]))
    named = names(PROJECT["dependencies"])
    assert named <= production
    extras = {name for extra in PROJECT["optional-dependencies"].values() for name in names(extra)}
    # Ray's and the vendors' clients' own: they are there for their sake.
    brought_along = {"aiohttp", "cryptography", "httpx", "numpy", "starlette", "uvicorn", "uvloop"}
    assert (extras - named) & production <= brought_along
