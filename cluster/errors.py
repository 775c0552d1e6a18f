"""What can go wrong around the stack, as one sentence for the person at the terminal."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot do what was asked. The message is one clear sentence."""


class Failed(Exception):
    """A check of `otto check` found something wrong: what, and what to do about it."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.remedy = remedy
