"""A code that proves a number: the wish to have it sent, and what became of one given back. Shapes
only, for call actors carry them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """The wish of a call to have a code texted to a number that was said."""

    call_sid: str
    number: str
    """E.164."""
    caller: str | None
    """The number that calls, E.164; None when it is withheld or nobody vouches for it."""


class CodeVerdict(StrEnum):
    """What became of a code that was given back."""

    PROVED = "proved"
    WRONG = "wrong"
    OVER = "over"
    """Too old, wrong too often, or none was sent."""
