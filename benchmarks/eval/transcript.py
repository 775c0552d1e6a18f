"""What was heard of a call, line by line: the evidence that everything is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Who = Literal["otto", "caller", "event"]


@dataclass(frozen=True, slots=True)
class Line:
    """Something said: what was heard of it, from when to when, in seconds of the call."""

    who: Who
    text: str
    began_s: float
    ended_s: float
    is_cut: bool = False
    """It was broken off: by the caller, or because Otto was silenced."""
    is_key: bool = False
    """Keyed, not said."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What Otto was heard to say since the caller last spoke, and what they then said."""

    otto: str
    caller: str
    ended_s: float
    """When the caller had finished."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole call."""

    lines: tuple[Line, ...]

    def of(self, who: Who) -> Iterator[Line]:
        return (line for line in self.lines if line.who == who)

    @property
    def heard(self) -> str:
        """Everything of Otto's, as one text."""
        return " ".join(line.text for line in self.of("otto"))

    @property
    def turns(self) -> int:
        """How often the caller spoke."""
        return sum(1 for _ in self.of("caller"))

    @property
    def ended_s(self) -> float:
        return max((line.ended_s for line in self.lines), default=0.0)

    def exchanges(self) -> Iterator[Exchange]:
        """In order; what the caller says in several pieces is one answer."""
        told, said, ended = list[str](), list[str](), 0.0
        for line in self.lines:
            if line.who == "otto":
                if said:
                    yield Exchange(" ".join(told), " ".join(said), ended)
                    told, said = [], []
                told.append(line.text)
            elif line.who == "caller":
                said.append(line.text)
                ended = line.ended_s
        if said:
            yield Exchange(" ".join(told), " ".join(said), ended)

    def as_text(self) -> str:
        """For a person to read."""
        return "\n".join(map(_readable, self.lines)) + "\n"

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(line) for line in self.lines]


def _readable(line: Line) -> str:
    name = {"otto": "Otto  ", "caller": "Caller", "event": "······"}[line.who]
    cut = " —" if line.is_cut else ""
    keyed = "(keys) " if line.is_key else ""
    return f"{line.began_s:7.1f}  {name}  {keyed}{line.text}{cut}"


def in_order(lines: Sequence[Line]) -> Transcript:
    """A transcript of lines that come from both ends."""
    return Transcript(tuple(sorted(lines, key=lambda line: (line.began_s, line.ended_s))))
