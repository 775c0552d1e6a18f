"""The lock files: what is installed, in which version, and because of whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

WHOLE = "requirements.lock"
PRODUCTION = "requirements-production.lock"
SETUP = "requirements-setup.lock"
LOCKS = (WHOLE, PRODUCTION, SETUP)

_PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\]*?))? *\\?$")
_VIA = re.compile(r"^    #(?: via)? {1,3}(?P<who>[\w.-]+)(?: \(.*\))?$")


@dataclass(frozen=True, slots=True)
class Pinned:
    """One package of a lock file."""

    name: str
    version: str
    marker: str
    """Where it is installed at all, as PEP 508 says it; "": everywhere."""
    via: tuple[str, ...]
    """Who wants it: packages, or "otto" for this project."""

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}" + (f" ; {self.marker}" if self.marker else "")


def read_lock(path: Path) -> list[Pinned]:
    """Its packages, in its order."""
    found: list[Pinned] = []
    via: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if pin := _PIN.match(line):
            via = []
            found.append(Pinned(pin["name"], pin["version"], pin["marker"] or "", ()))
        elif found and (who := _VIA.match(line)) and who["who"] != "via":
            via.append(who["who"])
            last = found[-1]
            found[-1] = Pinned(last.name, last.version, last.marker, tuple(via))
    return found
