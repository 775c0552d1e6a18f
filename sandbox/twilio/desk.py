"""Whoever answers where Otto puts callers through: the service desk, as it is told to behave."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Behaviour = Literal[
    "accepts", "refuses", "never_answers", "busy", "machine", "hangs_up", "leaves", "silent"
]
"""accepts: presses 1, talks until the caller hangs up. refuses: presses 2. never_answers: it rings.
busy: engaged. machine: an answering machine, which presses nothing. hangs_up: picks up and hangs
up while it is told what it is about. leaves: accepts, and hangs up first. silent: accepts, and says
nothing."""

GREETING = "Service desk, this is Sam. How can I help?"
CALLERS_WORDS = "Hello Sam, thank you for taking my call."


class DeskError(ValueError):
    """The desk cannot be told that. The message is a sentence."""


@dataclass(slots=True)
class DeskSetting:
    """How the desk behaves from its next call on."""

    behaviour: Behaviour = "accepts"
    answers_ms: int = 800
    """From the first ring to picking up."""
    key_ms: int = 300
    """From the end of the question to the key."""
    talk_ms: int = 1500
    """How long caller and desk talk."""

    def update(self, changes: dict[str, Any]) -> None:
        """Apply `changes`, all or none. Raises `DeskError`."""
        known = {each.name for each in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise DeskError(f"unknown field {name!r}: there are {', '.join(sorted(known))}")
            if name == "behaviour":
                if value not in get_args(Behaviour):
                    raise DeskError(f"behaviour is one of {', '.join(get_args(Behaviour))}")
            elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise DeskError(f"{name} is a number of milliseconds of at least 0")
        for name, value in changes.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """All of it in JSON's terms."""
        return asdict(self)

    @property
    def key(self) -> str:
        """What it presses when it is asked to take a call; "": nothing."""
        keys = {"accepts": "1", "leaves": "1", "silent": "1", "refuses": "2"}
        return keys.get(self.behaviour, "")
