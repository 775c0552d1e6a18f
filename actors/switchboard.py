"""The switchboard of a node: warm call actors, leased to calls one at a time.

Nothing is created on the answer path: an actor takes seconds to start, a caller waits for none.
The rules are `otto.telephony.pool`; here is what it takes to carry them out with Ray.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from typing import Any

import ray
import structlog

from actors import names
from actors.call import CallActor
from actors.shared import RemoteCrm
from actors.vitals import vitals
from config.dealership import Dealership
from config.settings import Settings
from otto.dialogue.prompts import Phrases
from otto.dialogue.session import Directive
from otto.dialogue.session_store import SessionStore, make_redis
from otto.speech.speak import synthesise
from otto.telephony.pool import Place, WarmPool
from otto.telephony.switchboard_port import DeskInfo, Reservation

log = structlog.get_logger()

DIRECTIVES_KEPT = 1000
"""What the line does after the stream, for that many calls; older ones are in their sessions."""
SYNTHESES_AT_ONCE = 4
"""Vendors limit the connections of an account; the calls of other nodes need theirs."""
RESTART_DELAY_S = 1.0
"""Between two attempts to start a call actor, so that a node in trouble is not kept busy."""


class SwitchboardActor:
    """Call `start` once; then it answers for the node."""

    def __init__(self, settings: Settings, dealership: Dealership) -> None:
        self._settings = settings
        self._dealership = dealership
        self._location = dealership.location(settings.location or dealership.locations[0].id)
        node = ray.get_runtime_context().get_node_id()
        self._name = names.switchboard(node)
        self._prefix = names.call_prefix(node)
        self._pool = WarmPool(
            settings.pool.size,
            settings.pool.calls_per_actor,
            settings.call.token_ttl_s,
            f"{names.short_node(node)}.",
        )
        self._actors: dict[str, Any] = {}
        self._started = 0
        self._phrases: asyncio.Future[Any] | None = None
        self._directives: OrderedDict[str, Directive] = OrderedDict()
        self._crm = RemoteCrm(self._location.id)
        self._sessions = SessionStore(make_redis(settings.redis), settings.redis.session_ttl_s)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Fill the pool; returns when every call actor is warm. A repeat changes nothing."""
        if self._phrases is not None:
            return
        # The actors' processes come up meanwhile; only their warming needs the phrases.
        self._phrases = asyncio.ensure_future(self._synthesise())
        await self._find_living()
        missing = self._settings.pool.size - len(self._pool.members)
        await asyncio.gather(*(self._start_one() for _ in range(missing)))

    # For the ingress

    async def reserve(
        self, call_sid: str, caller: str, called: str, resume: bool = False
    ) -> Reservation:
        """Reserve a warm call actor; no token when there is none."""
        lease = self._pool.lease(call_sid, self._now(), resume)
        if lease is None:
            log.warning("pool_full", busy=self._pool.count(Place.BUSY))
            return Reservation(token=None, reason="full")
        return Reservation(token=lease.token, reason=None)

    async def redeem(self, token: str, call_sid: str) -> Any:
        """The handle of the call actor the token stands for, or None."""
        actor_id = self._pool.redeem(token, call_sid, self._now())
        return None if actor_id is None else self._actors[actor_id]

    async def call_ended(self, call_sid: str, status: str) -> None:
        """Twilio says that the call is over: whatever was only reserved is free again."""
        self._pool.abandon(call_sid)

    async def resume_directive(self, call_sid: str) -> str:
        """What the line does now that the stream has ended."""
        directive = self._directives.get(call_sid)
        if directive is None:
            try:
                state, _ = await self._sessions.peek(call_sid)
                directive = Directive(state["directive"]) if state else Directive.RESUME
            except Exception as error:
                log.warning("session_store_away", error=type(error).__name__)
                directive = Directive.RESUME
        return directive.value

    async def desk(self) -> DeskInfo:
        """What a caller hears when no place is free."""
        return DeskInfo(
            sentence_full=(
                f"Thank you for calling {self._dealership.name}. All our lines are busy right now."
            ),
            desk_number=self._location.desk_number,
        )

    async def request_callback(self, call_sid: str, caller: str) -> None:
        """Put a caller whom nobody can serve on the list of those to call back."""
        await self._crm.request_callback(f"{call_sid}:full", caller, "all lines busy", call_sid)

    # For the call actors

    async def ended(self, actor_id: str, call_sid: str, directive: Directive) -> None:
        """A call is about to give up its stream, and this is what comes next."""
        self._directives[call_sid] = directive
        while len(self._directives) > DIRECTIVES_KEPT:
            self._directives.popitem(last=False)

    async def idle(self, actor_id: str) -> None:
        """A call actor has cleaned up after its call."""
        if self._pool.release(actor_id):
            self._retire(actor_id)

    # For people

    async def snapshot(self) -> dict[str, int]:
        """How many call actors are doing what."""
        return {place.value: self._pool.count(place) for place in Place}

    async def vitals(self) -> dict[str, int]:
        return vitals()

    # Inside

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _synthesise(self) -> Any:
        """The fixed sentences, spoken beforehand, in Ray's object store for every worker."""
        spoken: dict[str, bytes] = {}
        free = asyncio.Semaphore(SYNTHESES_AT_ONCE)

        async def speak(text: str) -> None:
            async with free:
                try:
                    spoken[text] = await synthesise(self._settings.deepgram, text)
                except Exception as error:
                    # Said through the live connection instead: slower, not silent.
                    log.error("phrase_not_synthesised", error=type(error).__name__)

        await asyncio.gather(*(speak(text) for text in Phrases(self._dealership).all()))
        return ray.put(spoken)

    async def _find_living(self) -> None:
        """After a restart: take over the call actors that are there, with their calls."""
        for entry in ray.util.list_named_actors(all_namespaces=True):
            name = entry["name"]
            if entry["namespace"] != names.NAMESPACE or not name.startswith(self._prefix):
                continue
            number = name.removeprefix(self._prefix)
            if not number.isdecimal():
                continue
            self._started = max(self._started, int(number))
            try:
                actor = ray.get_actor(name, namespace=names.NAMESPACE)
                call_sid = await actor.status.remote()
            except (ValueError, ray.exceptions.RayActorError):
                continue
            self._actors[name] = actor
            self._pool.adopt(name, call_sid)
            self._spawn(self._watch(name, actor))

    async def _start_one(self) -> None:
        """Start a call actor and warm it; if that fails, say so and try again later."""
        assert self._phrases is not None, "start() comes first"
        self._started += 1
        name = f"{self._prefix}{self._started}"
        self._pool.add(name)
        kind: Any = ray.remote(CallActor)
        actor = kind.options(
            name=name,
            namespace=names.NAMESPACE,
            lifetime="detached",
            num_cpus=0,
            max_restarts=0,
            scheduling_strategy=_this_node(),
        ).remote(name, self._settings, self._dealership, self._name)
        self._actors[name] = actor
        try:
            await actor.warm.remote((await self._phrases,))
        except ray.exceptions.RayError as error:
            log.error("call_actor_not_warm", actor=name, error=type(error).__name__)
            self._retire(name)
            return
        self._pool.ready(name)
        self._spawn(self._watch(name, actor))

    async def _watch(self, name: str, actor: Any) -> None:
        """Wait for a call actor to die; then there is one place less, and another is started."""
        try:
            await actor.stay.remote()
        except ray.exceptions.RayActorError:
            if self._actors.pop(name, None) is None:
                return  # retired: its successor is on its way
            call_sid = self._pool.lost(name)
            log.warning("call_actor_lost", actor=name, in_call=call_sid is not None)
            await self._start_one()

    def _retire(self, name: str) -> None:
        """End an actor that has served enough, or never came up, and start its successor."""
        self._pool.lost(name)
        actor = self._actors.pop(name, None)
        if actor is not None:
            ray.kill(actor)
        self._spawn(self._replace())

    async def _replace(self) -> None:
        await asyncio.sleep(RESTART_DELAY_S)
        if len(self._pool.members) < self._settings.pool.size:
            await self._start_one()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class SwitchboardHandle:
    """The switchboard as the ingress knows it: found by name, asked by actor call."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    async def reserve(
        self, call_sid: str, caller: str, called: str, resume: bool = False
    ) -> Reservation:
        reservation: Reservation = await self._here().reserve.remote(
            call_sid, caller, called, resume
        )
        return reservation

    async def redeem(self, token: str, call_sid: str) -> CallActorHandle | None:
        node, _, _ = token.partition(".")
        try:
            switchboard = self._find(f"{names.SWITCHBOARD_PREFIX}{node}")
        except ValueError:
            return None  # a token nobody here gave out
        actor = await switchboard.redeem.remote(token, call_sid)
        return None if actor is None else CallActorHandle(actor)

    async def call_ended(self, call_sid: str, status: str) -> None:
        await self._here().call_ended.remote(call_sid, status)

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

    def _here(self) -> Any:
        return self._find(names.switchboard(ray.get_runtime_context().get_node_id()))

    def _find(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = ray.get_actor(name, namespace=names.NAMESPACE)
        return self._known[name]


class CallActorHandle:
    """A call actor as the ingress knows it."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def attach(self, link_address: str, link_token: str, started: Any) -> None:
        await self._actor.attach.remote(link_address, link_token, started)


def _this_node() -> Any:
    node = ray.get_runtime_context().get_node_id()
    return ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
