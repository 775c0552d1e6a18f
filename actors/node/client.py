"""The switchboard and the call actors as the ingress knows them: its port, by actor calls.

It imports nothing of what they are inside: this is loaded in every replica of the ingress.
"""

from __future__ import annotations

import asyncio

import ray
import structlog

from actors.call.actor import CallActor
from actors.node.switchboard import SwitchboardActor
from actors.runtime import registry
from actors.runtime.handle import Handle, find
from actors.runtime.registry import living_actors
from otto.health.admission import ELSEWHERE
from otto.health.pool import Place
from otto.telephony.switchboard_port import CallStart, DeskInfo, Reservation

log = structlog.get_logger()

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

    async def reserve(
        self, call_sid: str, caller: str, called: str, takeover: bool = False
    ) -> Reservation:
        asked = (call_sid, caller, called, takeover)
        reservation = await self._here().ask(SwitchboardActor.reserve, *asked)
        if reservation.token is None and reservation.reason in ELSEWHERE:
            for name in self._find_others():
                try:
                    async with asyncio.timeout(OTHER_NODE_TIMEOUT_S):
                        other = await self._find(name).ask(SwitchboardActor.reserve, *asked)
                except (ValueError, TimeoutError, ray.exceptions.RayError) as error:
                    log.info("other_node_not_asked", node=name, error=type(error).__name__)
                    continue
                if other.token is not None:
                    log.info("taken_by_another_node", node=name, instead_of=reservation.reason)
                    return other
        return reservation

    async def redeem(self, token: str, call_sid: str) -> CallActorHandle | None:
        node, _, _ = token.partition(".")
        try:
            switchboard = self._find(f"{registry.SWITCHBOARD_PREFIX}{node}")
        except ValueError:
            return None  # a token nobody here gave out
        actor = await switchboard.ask(SwitchboardActor.redeem, token, call_sid)
        return None if actor is None else CallActorHandle(actor)

    async def call_ended(self, call_sid: str, status: str) -> None:
        await self._here().ask(SwitchboardActor.call_ended, call_sid, status)

    async def late(self, source: str, lag_ms: float) -> None:
        await self._here().ask(SwitchboardActor.late, source, lag_ms)

    async def resume_directive(self, call_sid: str) -> str:
        return await self._here().ask(SwitchboardActor.resume_directive, call_sid)

    async def desk(self) -> DeskInfo:
        return await self._here().ask(SwitchboardActor.desk)

    async def request_callback(self, call_sid: str, caller: str) -> None:
        await self._here().ask(SwitchboardActor.request_callback, call_sid, caller)

    async def ready(self) -> bool:
        """Whether a call could be served here, or is being."""
        try:
            places = await self._here().ask(SwitchboardActor.snapshot)
        except (ValueError, ray.exceptions.RayError):
            return False
        able: int = places[Place.IDLE] + places[Place.BUSY] + places[Place.RESERVED]
        return able > 0

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


class CallActorHandle:
    """A call actor as the ingress knows it."""

    def __init__(self, actor: Handle[CallActor]) -> None:
        self._actor = actor

    async def attach(self, link_address: str, link_token: str, started: CallStart) -> None:
        await self._actor.ask(CallActor.attach, link_address, link_token, started)
