"""The contracts forbid what they say: each is broken on purpose, in a copy of the packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINTER = PROJECT["tool"]["importlinter"]
CONTRACTS = [contract["name"] for contract in LINTER["contracts"]]

# Which contract, in which file (their __init__ files are empty, and stay), what is planted.
PLANTED = [
    ("cluster stands on actors", "config/__init__.py", "import otto.events"),
    ("cluster stands on actors", "actors/__init__.py", "import cluster.stack"),
    ("inside otto", "otto/language/__init__.py", "import otto.crm.service"),
    ("inside otto", "otto/speech/__init__.py", "import otto.telephony.twiml"),
    ("inside otto", "otto/somewhere/__init__.py", "# a folder that is in no layer"),
    ("inside dialogue", "otto/dialogue/turns/__init__.py", "import otto.dialogue.conversation"),
    ("inside dialogue", "otto/dialogue/model/__init__.py", "import otto.dialogue.tools.toolbox"),
    ("inside actors", "actors/runtime/__init__.py", "import actors.node.switchboard"),
    ("no folder has a loop", "sandbox/audio/__init__.py", "import sandbox.twilio.call"),
    ("the front door", "otto/telephony/__init__.py", "import serve_app"),
    ("the sandbox is the outside world", "sandbox/__init__.py", "import config.settings"),
    ("Otto does not know the sandbox", "cluster/__init__.py", "import sandbox.world"),
    ("only the cluster's folders know Ray", "otto/speech/__init__.py", "import ray"),
    ("only the cluster's folders know Ray", "config/__init__.py", "def late():\n    import ray"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in LINTER["root_packages"]:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "serve_app.py"):
        shutil.copy(ROOT / name, folder)
    return folder


def lint(folder: Path) -> tuple[int, dict[str, bool]]:
    """The exit code, and for each contract whether it was kept."""
    program = ROOT / ".venv" / "bin" / "lint-imports"
    done = subprocess.run(
        [str(program) if program.exists() else "lint-imports", "--no-cache", "--no-logo"],
        cwd=folder, env={**os.environ, "COLUMNS": "300"}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    kept = {
        line.removesuffix(verdict).strip(): verdict == " KEPT"
        for line in done.stdout.splitlines()
        for verdict in (" KEPT", " BROKEN")
        if line.endswith(verdict)
    }
    assert list(kept) == CONTRACTS, done.stdout + done.stderr
    return done.returncode, kept


def test_the_packages_as_they_are_keep_every_contract(copy: Path) -> None:
    code, kept = lint(copy)
    assert code == 0
    assert all(kept.values())


@pytest.mark.parametrize(("contract", "file", "code"), PLANTED)
def test_a_forbidden_import_breaks_the_contract(
    copy: Path, contract: str, file: str, code: str
) -> None:
    (name,) = (name for name in CONTRACTS if name.startswith(contract))
    path = copy / file
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{before or ''}\n{code}\n", encoding="utf-8")
    try:
        exit_code, kept = lint(copy)
    finally:
        if before is None:
            shutil.rmtree(path.parent)
        else:
            path.write_text(before, encoding="utf-8")
    assert exit_code != 0
    assert not kept[name]


def test_no_contract_is_left_unbroken() -> None:
    for name in CONTRACTS:
        assert any(name.startswith(contract) for contract, _, _ in PLANTED), name
