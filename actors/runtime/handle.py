"""Handles of actors, typed: a method is named by itself, so mypy checks the call as a local one.

    actor: Handle[CallActor] = find("call-1a2b3c4d-7")
    call_sid = await actor.ask(CallActor.status)
    actor.tell(CallActor.avoid, frozenset({"stt:primary"}))

Another actor's method, a wrong argument and a wrong use of the answer are errors of types. Ray's
own annotations (`ray.method`) do not know default values, keywords, inheritance or calls without
an answer, and a method that carries them can no longer be called in a test.

Whoever asks imports the actor's class, which is why the actors' own modules import nothing heavy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

import ray
from ray.actor import ActorHandle

from actors.runtime import registry
from actors.runtime.options import COMMON

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")


class Handle(Generic[A]):
    """An actor of the class `A`, or of a class that has these methods. It may be sent to others."""

    def __init__(self, actor: ActorHandle[A]) -> None:
        self._actor = actor

    async def ask(
        self,
        method: Callable[Concatenate[A, P], Awaitable[R]],
        /,
        *arguments: P.args,
        **named: P.kwargs,
    ) -> R:
        """What the method answers. Raises what it raises, and `RayActorError` when it is dead."""
        return await self.submit(method, *arguments, **named)

    def tell(
        self,
        method: Callable[Concatenate[A, P], Awaitable[object]],
        /,
        *arguments: P.args,
        **named: P.kwargs,
    ) -> None:
        """Have the method run; nobody learns what becomes of it."""
        self._remote(method).options(num_returns=0).remote(*arguments, **named)

    def submit(
        self,
        method: Callable[Concatenate[A, P], Awaitable[R]],
        /,
        *arguments: P.args,
        **named: P.kwargs,
    ) -> ray.ObjectRef[R]:
        """Begin to ask: a reference to the answer, to be awaited, or given to `ray.get` where
        there is no event loop."""
        return cast("ray.ObjectRef[R]", self._remote(method).remote(*arguments, **named))

    def kill(self) -> None:
        """End the actor's process at once."""
        ray.kill(self._actor)

    def _remote(self, method: Callable[..., object]) -> Any:
        return getattr(self._actor, method.__name__)


def find(name: str) -> Handle[A]:
    """The living actor of that name, of the class that the caller expects there.

    Raises ValueError when there is none.
    """
    return Handle(ray.get_actor(name, namespace=registry.NAMESPACE))


def start(
    kind: Callable[P, A], options: dict[str, Any], /, *arguments: P.args, **named: P.kwargs
) -> Handle[A]:
    """Start an actor of the class `kind`. `options` are Ray's, beside those all actors have."""
    made: Any = ray.remote(cast("type[A]", kind))
    return Handle(made.options(**COMMON, **options).remote(*arguments, **named))


def own() -> Handle[A]:
    """The actor that asks."""
    return Handle(ray.get_runtime_context().current_actor)


def value_of(reference: ray.ObjectRef[R]) -> R:
    """A reference as an argument of `ask`, `tell` or `start`: Ray hands its value over."""
    return cast(R, reference)
