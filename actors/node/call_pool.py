"""The call actors of a node: started, warmed, watched, retired and replaced.

The twin of `StandbyPool`. Which of them does what is kept in a `WarmPool`, whose rules need no
Ray; here is what it takes to carry them out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import ray
import structlog

from actors.call.actor import CallActor
from actors.runtime.handle import Handle, find
from actors.runtime.registry import living_actors
from otto.health.breaker import ProviderHealth
from otto.health.pool import Place, WarmPool
from otto.tasks import Tasks
from otto.telephony.switchboard_port import Serving

if TYPE_CHECKING:
    from actors.call.workers import Spoken

log = structlog.get_logger()

RESTART_DELAY_S = 1.0
"""Between two attempts to start a call actor, so that a node in trouble is not kept busy."""
TAKEN_OVER_WITHIN_S = 3.0
"""Then a call that has lost its actor is on its way again. To start another actor takes up to ten
seconds of CPU, for which the call would have to wait."""
ANSWER_TIMEOUT_S = 2.0
"""For a call actor to say what it is doing."""
ATTACHED_WITHIN_S = 12.0
"""A call actor that was given a call and does not have it by then never will: the caller hung up,
or the ingress' process died, in between. Longer than the ingress tries (call_attachment.py)."""
FENCED_PATIENCE_S = 15.0
"""A call actor whose call has gone on elsewhere lets go of it within this time, or is ended."""

LOOK_TIMEOUT_S = 0.5
"""For a call actor to say whether it hears its line: no more than a webhook can wait."""

StartActor = Callable[[str], Handle[CallActor]]
"""Starts a call actor of that name; it is warmed here."""


class CallPool:
    """`adopt_living`, then `fill`; from then on there are as many as `capacity` says, or will be.

    Call it from one event loop.
    """

    def __init__(
        self,
        prefix: str,
        capacity: int,
        places: WarmPool,
        health: ProviderHealth,
        phrases: Callable[[], Awaitable[ray.ObjectRef[Spoken]]],
        start: StartActor,
        on_adopted: Callable[[Serving], None],
    ) -> None:
        """`prefix`: what the names of this node's call actors begin with; `on_adopted` is told of
        the calls that were found in progress."""
        self._prefix = prefix
        self._capacity = capacity
        self._places = places
        self._health = health
        self._phrases = phrases
        self._start = start
        self._on_adopted = on_adopted
        self._actors: dict[str, Handle[CallActor]] = {}
        self._avoided: dict[str, frozenset[str]] = {}
        """What each call actor was told to avoid."""
        self._started = 0
        self._replacing = asyncio.Lock()
        self._tasks = Tasks()

    async def adopt_living(self) -> None:
        """After a restart: take over the call actors that are there, with their calls."""
        numbers = [name.removeprefix(self._prefix) for name in living_actors(self._prefix)]
        await asyncio.gather(
            *(self._adopt(int(number)) for number in numbers if number.isdecimal())
        )

    async def fill(self, size: int) -> None:
        """Start what is missing to `size`, all at once; returns when they are warm."""
        missing = size - len(self._places.members)
        await asyncio.gather(*(self._start_one() for _ in range(missing)))

    async def fill_up(self) -> None:
        """Start what is missing to the capacity, one after the other."""
        for _ in range(self._capacity - len(self._places.members)):
            await self._start_one()

    # A call

    def give(self, name: str, call_sid: str, avoided: frozenset[str]) -> Handle[CallActor]:
        """A call actor that was given this call, and is told what to `avoid` in it."""
        for fenced in self._places.fenced():
            self._tasks.spawn(self._outlive(fenced))
        self._tasks.spawn(self._take_back(name, call_sid))
        self._tell_avoided(name, avoided)
        return self._actors[name]

    async def hears_line(self, name: str, call_sid: str) -> bool:
        """Whether this call actor hears the call's line. One that does not answer does not."""
        actor = self._actors.get(name)
        if actor is None:
            return False
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                return await actor.ask(CallActor.hears_line, call_sid)
        except (TimeoutError, ray.exceptions.RayError):
            return False

    def release(self, name: str) -> None:
        """A call actor has cleaned up after its call."""
        if self._places.release(name):
            self._retire(name)

    def avoid(self, providers: frozenset[str]) -> None:
        """What every call is to avoid from now on."""
        for name in list(self._actors):
            self._tell_avoided(name, providers)

    def finish_calls(self) -> None:
        """Ask every call in progress to end in good order."""
        for member in self._places.members.values():
            if member.place is Place.BUSY:
                self._actors[member.actor_id].tell(CallActor.finish_call)

    # Inside

    def _tell_avoided(self, name: str, avoided: frozenset[str]) -> None:
        if self._avoided.get(name, frozenset()) != avoided:
            self._avoided[name] = avoided
            self._actors[name].tell(CallActor.avoid, avoided)

    async def _adopt(self, number: int) -> None:
        name = f"{self._prefix}{number}"
        self._started = max(self._started, number)
        try:
            actor: Handle[CallActor] = find(name)
        except ValueError:
            return
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                serving = await actor.ask(CallActor.serving)
        except ray.exceptions.RayActorError:
            return
        except (TimeoutError, RuntimeError) as error:  # stuck, or it never got warm
            log.error("call_actor_unfit", actor=name, error=type(error).__name__)
            actor.kill()
            return
        self._actors[name] = actor
        self._places.adopt(name, serving.call_sid if serving else None)
        if serving is not None:
            self._on_adopted(serving)
        self._tasks.spawn(self._watch(name, actor))

    async def _start_one(self, gently: bool = False) -> None:
        """Start a call actor and warm it; if that fails, say so and try again later. `gently`: see
        `WorkerSupervisor.start`."""
        self._started += 1
        name = f"{self._prefix}{self._started}"
        self._places.add(name)
        actor = self._actors[name] = self._start(name)
        try:
            avoided = self._health.avoided(asyncio.get_running_loop().time())
            self._avoided[name] = avoided
            phrases: tuple[Any] = (await self._phrases(),)
            await actor.ask(CallActor.warm, phrases, avoided, gently)
        except ray.exceptions.RayError as error:
            log.error("call_actor_not_warm", actor=name, error=type(error).__name__)
            self._retire(name)
            return
        self._places.ready(name)
        self._tasks.spawn(self._watch(name, actor))

    async def _watch(self, name: str, actor: Handle[CallActor]) -> None:
        """Wait for a call actor to die; then there is one place less, and another is started."""
        try:
            await actor.ask(CallActor.stay)
        except ray.exceptions.RayActorError:
            self._avoided.pop(name, None)
            if self._actors.pop(name, None) is None:
                return  # retired: its successor is on its way
            call_sid = self._places.lost(name)
            log.warning("call_actor_lost", actor=name, in_call=call_sid is not None)
            await self._replace(0.0 if call_sid is None else TAKEN_OVER_WITHIN_S)

    async def _outlive(self, name: str) -> None:
        """Wait for a fenced call actor to let go; a process that is stopped or stuck never does."""
        actor = self._actors.get(name)
        await asyncio.sleep(FENCED_PATIENCE_S)
        if name in self._places.fenced() and self._actors.get(name) is actor:
            log.error("call_actor_stuck", actor=name)
            self._retire(name)

    async def _take_back(self, name: str, call_sid: str) -> None:
        """Free the place of a call that never reached its actor."""
        await asyncio.sleep(ATTACHED_WITHIN_S)
        if self._places.serving(call_sid) != name:
            return
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                has = await self._actors[name].ask(CallActor.status)
        except (TimeoutError, ray.exceptions.RayError):
            return  # dead or stuck, which is noticed elsewhere
        if has != call_sid and self._places.serving(call_sid) == name:
            log.warning("call_never_came", actor=name)
            self.release(name)

    def _retire(self, name: str) -> None:
        """End an actor that has served enough, or never came up, and start its successor."""
        self._places.lost(name)
        actor = self._actors.pop(name, None)
        if actor is not None:
            actor.kill()
        self._tasks.spawn(self._replace(RESTART_DELAY_S))

    async def _replace(self, delay_s: float) -> None:
        """Start one in place of one that is gone. One process at a time, however many are gone: to
        start them all at once would take the processor from the calls there are, for long."""
        await asyncio.sleep(delay_s)
        async with self._replacing:
            if len(self._places.members) < self._capacity:
                await self._start_one(gently=True)
