"""The switchboard and the call actors as the ingress knows them: its port, by actor calls.

It imports nothing of what they are inside: this is loaded in every replica of the ingress.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

import ray
import structlog

from actors.call.actor import CallActor
from actors.node.switchboard import SwitchboardActor
from actors.runtime import registry
from actors.runtime.handle import Handle, find
from actors.runtime.registry import living_actors
from actors.stores.calendar import CalendarActor
from otto.health.admission import ELSEWHERE
from otto.health.pool import Place
from otto.telephony.handover import Event, Handover, Way
from otto.telephony.switchboard_port import (
    CallerFacts,
    CallStart,
    DeskInfo,
    Redeemed,
    Reservation,
)

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")

TOKEN: Final = re.compile(r"[0-9A-Za-z]{1,16}\.[0-9A-Za-z_-]{1,64}", re.ASCII)
"""The node's short id, and what its pool drew."""

OTHER_NODE_TIMEOUT_S = 1.0
OTHERS_KNOWN_FOR_S = 10.0
"""How long the list of switchboards is believed; asking for it takes a round trip to Ray's head."""


class SwitchboardHandle:
    """The switchboard as the ingress knows it: found by name, asked by actor call.

    When this node's has no place for a call, those of other nodes are asked: the call actor may
    be anywhere, its token says on which node.
    """

    def __init__(self) -> None:
        self._known: dict[str, Handle[SwitchboardActor]] = {}
        self._others: tuple[str, ...] = ()
        self._others_known_s = float("-inf")

    async def reserve(self, call_sid: str, facts: CallerFacts, resume: bool = False) -> Reservation:
        """A node that knows the call already is asked first: a webhook comes to any of them."""
        asked = (call_sid, facts, resume)
        owner = await self._owner(call_sid)
        if owner is not None:
            held = await self._elsewhere(owner, SwitchboardActor.reserve, *asked)
            if held is not None and held.reason not in ELSEWHERE:
                return held
        reservation = await self._here().ask(SwitchboardActor.reserve, *asked)
        if reservation.token is None and reservation.reason in ELSEWHERE:
            for name in self._find_others():
                other = await self._elsewhere(name, SwitchboardActor.reserve, *asked)
                if other is not None and other.token is not None:
                    log.info("taken_by_another_node", node=name, instead_of=reservation.reason)
                    return other
        return reservation

    async def redeem(self, token: str, call_sid: str, stream: str) -> Redeemed | None:
        if not TOKEN.fullmatch(token):
            return None  # whatever it is, no switchboard is asked for it
        node, _, _ = token.partition(".")
        try:
            switchboard = self._find(f"{registry.SWITCHBOARD_PREFIX}{node}")
        except ValueError:
            return None  # a token nobody here gave out
        given = await switchboard.ask(SwitchboardActor.redeem, token, call_sid, stream)
        return None if given is None else _redeemed(given)

    async def take_over(self, call_sid: str, facts: CallerFacts, stream: str) -> Redeemed | str:
        asked = (call_sid, facts, stream)
        given = await self._here().ask(SwitchboardActor.take_over, *asked)
        if given in ELSEWHERE:
            for name in self._find_others():
                other = await self._elsewhere(name, SwitchboardActor.take_over, *asked)
                if other is not None and not isinstance(other, str):
                    return _redeemed(other)
        return given if isinstance(given, str) else _redeemed(given)

    async def stream_ended(self, call_sid: str, stream: str) -> None:
        await self._tell_others(SwitchboardActor.stream_ended, call_sid, stream)
        await self._here().ask(SwitchboardActor.stream_ended, call_sid, stream)

    async def call_ended(self, call_sid: str, status: str) -> str:
        legs = await self._tell_others(SwitchboardActor.call_ended, call_sid, status)
        legs.append(await self._here().ask(SwitchboardActor.call_ended, call_sid, status))
        return next(filter(None, legs), "")

    async def handover(
        self, call_sid: str, event: Event, way: Way | None = None, leg: str = ""
    ) -> Handover:
        """The node that had the call knows."""
        told = (call_sid, event, way, leg)
        owner = await self._owner(call_sid)
        if owner is not None:
            known = await self._elsewhere(owner, SwitchboardActor.handover, *told)
            if known is not None:
                return known
        return await self._here().ask(SwitchboardActor.handover, *told)

    async def late(self, source: str, lag_ms: float) -> None:
        await self._here().ask(SwitchboardActor.late, source, lag_ms)

    async def resume_directive(self, call_sid: str) -> str:
        owner = await self._owner(call_sid)
        if owner is not None:
            directive = await self._elsewhere(owner, SwitchboardActor.resume_directive, call_sid)
            if directive is not None:
                return directive
        return await self._here().ask(SwitchboardActor.resume_directive, call_sid)

    async def desk(self) -> DeskInfo:
        return await self._here().ask(SwitchboardActor.desk)

    async def request_callback(self, call_sid: str, caller: str) -> None:
        await self._here().ask(SwitchboardActor.request_callback, call_sid, caller)

    async def calendar_changed(self) -> None:
        for name in living_actors(registry.CALENDAR_PREFIX):
            calendar: Handle[CalendarActor] = find(name)
            calendar.tell(CalendarActor.calendar_changed)

    async def ready(self) -> bool:
        """Whether a call could be served here, or is being."""
        try:
            places = await self._here().ask(SwitchboardActor.snapshot)
        except (ValueError, ray.exceptions.RayError):
            return False
        able: int = places[Place.IDLE] + places[Place.BUSY] + places[Place.RESERVED]
        return able > 0

    async def _owner(self, call_sid: str) -> str | None:
        """The other node that has most to do with a call; None: none has, or this one has as much.

        With a single node nobody is asked.
        """
        others = self._find_others()
        if not others:
            return None
        here = self._here().ask(SwitchboardActor.knows, call_sid)
        asked = [self._elsewhere(name, SwitchboardActor.knows, call_sid) for name in others]
        known_here, *known = await asyncio.gather(here, *asked)
        most, name = max(zip((each or 0 for each in known), others, strict=True))
        return name if most > (known_here or 0) else None

    async def _tell_others(
        self,
        method: Callable[Concatenate[SwitchboardActor, P], Awaitable[R]],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> list[R | None]:
        """It may be any of them whose call it is; what each answers, None where one does not."""
        others = self._find_others()
        return await asyncio.gather(
            *(self._elsewhere(each, method, *arguments, **named) for each in others)
        )

    async def _elsewhere(
        self,
        name: str,
        method: Callable[Concatenate[SwitchboardActor, P], Awaitable[R]],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> R | None:
        """What another node's switchboard answers; None: it does not."""
        try:
            async with asyncio.timeout(OTHER_NODE_TIMEOUT_S):
                return await self._find(name).ask(method, *arguments, **named)
        except (ValueError, TimeoutError, ray.exceptions.RayError) as error:
            log.info("other_node_not_asked", node=name, error=type(error).__name__)
            return None

    def _find_others(self) -> tuple[str, ...]:
        """The names of the other nodes' switchboards, as they were a moment ago."""
        now_s = asyncio.get_running_loop().time()
        if now_s > self._others_known_s + OTHERS_KNOWN_FOR_S:
            here = registry.switchboard(ray.get_runtime_context().get_node_id())
            self._others_known_s = now_s
            self._others = tuple(
                name for name in living_actors(registry.SWITCHBOARD_PREFIX) if name != here
            )
        return self._others

    def _here(self) -> Handle[SwitchboardActor]:
        return self._find(registry.switchboard(ray.get_runtime_context().get_node_id()))

    def _find(self, name: str) -> Handle[SwitchboardActor]:
        if name not in self._known:
            self._known[name] = find(name)
        return self._known[name]


def _redeemed(given: tuple[Handle[CallActor], CallerFacts]) -> Redeemed:
    actor, facts = given
    return Redeemed(CallActorHandle(actor), facts)


class CallActorHandle:
    """A call actor as the ingress knows it."""

    def __init__(self, actor: Handle[CallActor]) -> None:
        self._actor = actor

    async def attach(self, link_address: str, link_token: str, started: CallStart) -> None:
        await self._actor.ask(CallActor.attach, link_address, link_token, started)
