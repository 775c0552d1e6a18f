"""What can go wrong around the stack, as one sentence for the person at the terminal."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot do what was asked. The message is one clear sentence."""
