"""The hooks are local, run what exists, and download and test nothing."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
HOOKS = [hook for repository in CONFIG["repos"] for hook in repository["hooks"]]


def test_every_hook_is_local() -> None:
    assert [repository["repo"] for repository in CONFIG["repos"]] == ["local"]
    assert {hook["language"] for hook in HOOKS} == {"system"}


def test_lint_format_types_and_contracts_are_looked_at_and_nothing_else() -> None:
    programs = [Path(shlex.split(hook["entry"])[0]).name for hook in HOOKS]
    assert programs == ["ruff", "ruff", "mypy", "lint-imports"]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_names_a_command_that_exists(hook: dict[str, str]) -> None:
    command = shlex.split(hook["entry"])[0]
    assert command.startswith(".venv/bin/")
    assert os.access(ROOT / command, os.X_OK) or shutil.which(Path(command).name)


def test_the_first_page_for_contributors_names_it() -> None:
    assert "`pre-commit install`" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
