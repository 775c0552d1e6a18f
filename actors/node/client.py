"""The switchboard and the call actors as the ingress knows them: its port, by actor calls.

It imports nothing of what they are inside: this is loaded in every replica of the ingress.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import ray
import structlog

from actors.runtime import registry
from actors.runtime.registry import living_actors
from otto.health.admission import ELSEWHERE
from otto.health.pool import Place
from otto.telephony.switchboard_port import DeskInfo, Reservation

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
        self._known: dict[str, Any] = {}
        self._others: tuple[str, ...] = ()
        self._others_known_s = float("-inf")

    async def reserve(
        self, call_sid: str, caller: str, called: str, takeover: bool = False
    ) -> Reservation:
        reservation: Reservation = await self._here().reserve.remote(
            call_sid, caller, called, takeover
        )
        if reservation.token is None and reservation.reason in ELSEWHERE:
            for name in self._find_others():
                try:
                    async with asyncio.timeout(OTHER_NODE_TIMEOUT_S):
                        other: Reservation = await self._find(name).reserve.remote(
                            call_sid, caller, called, takeover
                        )
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
        actor = await switchboard.redeem.remote(token, call_sid)
        return None if actor is None else CallActorHandle(actor)

    async def call_ended(self, call_sid: str, status: str) -> None:
        await self._here().call_ended.remote(call_sid, status)

    async def late(self, source: str, lag_ms: float) -> None:
        await self._here().late.remote(source, lag_ms)

    async def resume_directive(self, call_sid: str) -> str:
        directive: str = await self._here().resume_directive.remote(call_sid)
        return directive

    async def desk(self) -> DeskInfo:
        desk: DeskInfo = await self._here().desk.remote()
        return desk

    async def request_callback(self, call_sid: str, caller: str) -> None:
        await self._here().request_callback.remote(call_sid, caller)

    async def ready(self) -> bool:
        """Whether a call could be served here, or is being."""
        try:
            places: Mapping[str, int] = await self._here().snapshot.remote()
        except (ValueError, ray.exceptions.RayError):
            return False
        return places[Place.IDLE] + places[Place.BUSY] + places[Place.RESERVED] > 0

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

    def _here(self) -> Any:
        return self._find(registry.switchboard(ray.get_runtime_context().get_node_id()))

    def _find(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = ray.get_actor(name, namespace=registry.NAMESPACE)
        return self._known[name]


class CallActorHandle:
    """A call actor as the ingress knows it."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def attach(self, link_address: str, link_token: str, started: Any) -> None:
        await self._actor.attach.remote(link_address, link_token, started)
