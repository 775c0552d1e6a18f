"""Stretches of a model's text that are dropped as they come, until they end. Sans-I/O.

Each is entered where it begins and takes text until it is over; what it drops it does not keep, so
it may be as long as a model likes. One that does not end drops all that is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol

MAX_END_CHARS: Final = 60
"""What ends a stretch is no longer than this: so much is kept, in case it has begun."""
_AFTER_ADDRESS: Final = re.compile(r"""[.,;:!?)\]"'”’]*$""")


class Unsaid(Protocol):
    """A stretch that is being dropped."""

    def take(self, text: str, at_end: bool) -> tuple[int, str, bool]:
        """How much of `text` is decided, what of it is said after all, and whether the stretch is
        over. `at_end`: no more text will come."""


@dataclass(slots=True)
class Until:
    """Up to what `end` matches, which is dropped too; `said` takes its place."""

    end: re.Pattern[str]
    said: str = " "

    def take(self, text: str, at_end: bool) -> tuple[int, str, bool]:
        found = self.end.search(text)
        if found is not None:
            return found.end(), self.said, True
        return (len(text) if at_end else max(0, len(text) - MAX_END_CHARS)), "", False


@dataclass(slots=True)
class Balanced:
    """Up to the bracket that closes what has been opened, or to an empty line: nobody writes one
    into a call, and what follows it should not be lost to a bracket that was forgotten."""

    pair: str
    depth: int = 1
    has_quotes: bool = True
    """Whether brackets within quotation marks do not count."""
    _in_quotes: bool = False
    _escaped: bool = False
    _before: str = ""

    def take(self, text: str, at_end: bool) -> tuple[int, str, bool]:
        for place, char in enumerate(text):
            if char == "\n" == self._before:
                return place + 1, "\n", True
            self._before = char
            if self._in_quotes:
                self._in_quotes = self._escaped or char != '"'
                self._escaped = char == "\\" and not self._escaped
            elif char == '"' and self.has_quotes:
                self._in_quotes = True
            elif char == self.pair[0]:
                self.depth += 1
            elif char == self.pair[1]:
                self.depth -= 1
                if self.depth == 0:
                    return place + 1, "", True
        return len(text), "", False


@dataclass(slots=True)
class Address:
    """An address of the web: up to the next space, but for the stop that a sentence has there."""

    def take(self, text: str, at_end: bool) -> tuple[int, str, bool]:
        space = re.search(r"\s", text)
        if space is None and not at_end:
            return max(0, len(text) - MAX_END_CHARS), "", False
        address = text[: space.start()] if space else text
        after = _AFTER_ADDRESS.search(address)
        return len(address), after[0] if after else "", True


NEVER: Final = re.compile(r"(?!)")
"""The end of what goes on to the end of the text."""
