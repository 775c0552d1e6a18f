"""Actors as their handles show them, played by objects of this process."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from actors.runtime.handle import Handle


class _Method:
    """A method of an actor: asked, or told without an answer."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method

    def options(self, num_returns: int) -> _Method:
        return self

    def remote(self, *arguments: Any, **named: Any) -> Any:
        return self._method(*arguments, **named)


class _Actor:
    def __init__(self, played: Any) -> None:
        self._played = played

    def __getattr__(self, name: str) -> _Method:
        return _Method(getattr(self._played, name))


def handle_of(played: Any) -> Handle[Any]:
    """The handle of an actor that `played` plays; its methods are called with what was sent."""
    return Handle(_Actor(played))  # type: ignore[arg-type]


def actor(**methods: Callable[..., Any]) -> Handle[Any]:
    """The handle of an actor with just these methods."""
    return handle_of(SimpleNamespace(**methods))
