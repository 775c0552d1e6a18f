"""What the pages name exists, and what they say of the folders is what the code does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BASES = (ROOT, ROOT / "otto" / "dialogue", ROOT / "actors")
"""Where a path in a page may begin: the tables of ARCHITECTURE leave the folder away."""
FOLDERS = ("actors/", "benchmarks/", "cluster/", "config/", "docs/", "otto/", "sandbox/", "tests/")
SUFFIXES = (".py", ".md", ".yaml", ".toml", ".lock", ".example")
PACKAGES = ("actors", "cluster", "config", "otto", "sandbox")


def paths_in(page: Path) -> list[str]:
    """What stands in backticks and looks like a file or a folder of this repository."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    quoted = re.findall(r"`(\w[\w./-]+)`", text)
    return [path for path in quoted if path.endswith(SUFFIXES) or path.startswith(FOLDERS)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    missing = [path for path in paths_in(page) if not any((base / path).exists() for base in BASES)]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [
        link for link in links if "://" not in link and not (page.parent / link).resolve().exists()
    ]
    assert not missing


def test_the_test_itself_finds_what_is_missing(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`otto/nowhere.py` `turns/floor.py` `book` `otto up`\n```\n`otto/x.py`\n```\n")
    assert paths_in(page) == ["otto/nowhere.py", "turns/floor.py"]
    assert not any((base / "otto/nowhere.py").exists() for base in BASES)


# ARCHITECTURE's table of the folders


def rows() -> dict[str, set[str] | None]:
    """What each folder or module of the table imports; None where it says "see the code"."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.partition("| folder | what it is | imports |")[2].partition("\n\n")[0]
    found: dict[str, set[str] | None] = {}
    for line in table.splitlines()[2:]:
        names, _, imports = (cell.strip() for cell in line.strip("|").split("|"))
        listed = None if imports == "see the code" else set(imports.split(", ")) - {"—"}
        for name in re.findall(r"`([\w./]+)`", names):
            found[name.removesuffix("/").removesuffix(".py").replace("/", ".")] = listed
    return found


def room(module: str) -> str:
    """The folder of the table that a module belongs to."""
    first, *rest = module.split(".")
    return f"{first}.{rest[0]}" if first == "otto" and rest else first


def imports_of_the_code() -> dict[str, set[str]]:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    found: dict[str, set[str]] = {room(module): set() for module in graph.modules}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            found[room(module)].add(room(imported))
    del found["otto"]  # its __init__ is empty
    tree = ast.parse((ROOT / "serve_app.py").read_text(encoding="utf-8"))
    front_door = found["serve_app"] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            front_door.update(room(name) for name in names if name.split(".")[0] in PACKAGES)
    return {name: imported - {name} for name, imported in found.items()}


def test_the_table_of_the_folders_is_what_the_code_imports() -> None:
    told, true = rows(), imports_of_the_code()
    assert set(told) == set(true), "every folder has its row"
    wrong = {
        name: sorted(true[name])
        for name, listed in told.items()
        if listed is not None and listed != true[name]
    }
    assert not wrong, "docs/ARCHITECTURE.md: these rows should say so"


def test_every_decision_has_its_row_and_its_parts() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in sorted(folder.glob("0*.md")):
        text = page.read_text(encoding="utf-8")
        assert f"[{page.name[:4]}]({page.name})" in index
        assert text.startswith(f"# {page.name[:4]}: ")
        headings = re.findall(r"^## (.+)$", text, re.M)
        assert [each for each in headings if each != "Figures"] == [
            "Context", "Decision", "Consequences",
        ]  # fmt: skip
