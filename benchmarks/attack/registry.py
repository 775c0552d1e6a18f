"""All attacks, in the order in which they are tried."""

from __future__ import annotations

from benchmarks.attack import callers, floods, half_open, streams, surfaces
from benchmarks.attack.attack import Attack

ATTACKS: tuple[Attack, ...] = (
    *surfaces.ATTACKS,
    *floods.ATTACKS,
    *half_open.ATTACKS,
    *streams.ATTACKS,
    *callers.ATTACKS,
)


def chosen(only: str) -> list[Attack]:
    """Those whose names, or their beginnings, are listed with commas; all for an empty list.

    Raises ValueError naming what fits no attack.
    """
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    strange = [name for name in wanted if not any(a.name.startswith(name) for a in ATTACKS)]
    if strange:
        raise ValueError(f"there is no attack called {', '.join(strange)}; --list shows all")
    return [a for a in ATTACKS if not wanted or any(a.name.startswith(name) for name in wanted)]
