"""Settings that had another name. An old name is refused, because one that is merely ignored leaves
an operator with a default that they believe they have changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

RENAMED: Final[Mapping[str, str]] = {
    "OTTO_CALL_DEAF": "OTTO_CALL_ON_RECOGNISER_LOST",
    "OTTO_POOL_RESUME_RESERVE": "OTTO_POOL_TAKEOVER_RESERVE",
}
"""The old name, and the one it has."""


def old_names(given: Collection[str]) -> list[str]:
    """A sentence for each old name among those that are set."""
    return [f"{old} was renamed to {new}" for old, new in RENAMED.items() if old in given]
