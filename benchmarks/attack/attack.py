"""What an attack is: something done to a running stack, figures that were measured of it, and the
bounds that they must keep. No I/O.

    @dataclass(frozen=True)
    class Knocking(Attack):
        name: str = "knocking"
        about: str = "a thousand connections that say nothing"
        bounds: tuple[Bound, ...] = (Bound("cpu_ms", 5.0, "ms of CPU for each"),)

        async def measure(self, target: Target) -> Seen:
            ...
            return Seen("all were closed", {"cpu_ms": 0.2})

An attack goes into the tuple `ATTACKS` of its module, and that into `registry.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.attack.target import Target


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure may be `at_most` this. `unit` completes the sentence "at most 5 …"."""

    figure: str
    at_most: float
    unit: str

    def __str__(self) -> str:
        return f"{self.at_most:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of an attack: a few words, and the figures that its bounds name, and others."""

    happened: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Attack(ABC):
    """One attack. It is bounded by itself, ends by itself, and leaves the stack as it was."""

    name: str
    about: str
    bounds: tuple[Bound, ...]

    @abstractmethod
    async def measure(self, target: Target) -> Seen:
        """Do it. Raises `TargetError` when it could not be done."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One row of the table."""

    attack: str
    about: str
    happened: str
    figures: dict[str, float]
    bounds: list[str]
    broken: list[str]

    @property
    def is_kept(self) -> bool:
        return not self.broken


def judge(attack: Attack, seen: Seen) -> Judged:
    """Compare the figures with the bounds. A figure that is missing breaks its bound: what was not
    measured was not kept."""
    broken = []
    for bound in attack.bounds:
        figure = seen.figures.get(bound.figure)
        if figure is None:
            broken.append(f"{bound.figure} was not measured")
        elif not figure <= bound.at_most:  # not a number keeps nothing
            broken.append(f"{figure:.4g} instead of at most {bound}")
    return Judged(
        attack.name,
        attack.about,
        seen.happened,
        {name: round(figure, 3) for name, figure in seen.figures.items()},
        [str(bound) for bound in attack.bounds],
        broken,
    )
