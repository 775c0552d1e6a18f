"""The switchboard of a node: warm call actors, leased to calls one at a time.

Nothing is created on the answer path: an actor takes seconds to start, a caller waits for none.
The rules are in `otto.health.pool` and `admission`; here is what it takes to carry them out
with Ray. When Ray restarts this actor it finds the living call actors and spares by name.

What is heavy is imported where it is needed: every process that looks the switchboard up imports
this module, the ingress' replicas among them (0.5 CPU-seconds and 20 MB with all of it).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import ray
import structlog

from actors.call.actor import CallActor
from actors.call.stream import Invitation
from actors.node.standby import StandbyPool
from actors.runtime import registry
from actors.runtime.options import COMMON, on_this_node
from actors.runtime.process import begin, process_stats
from actors.runtime.registry import living_actors
from otto.events import VendorReport, Worker
from otto.health.admission import Admission
from otto.health.breaker import ProviderHealth, providers_of
from otto.health.lag import LagMeter
from otto.health.pool import Place, WarmPool
from otto.tasks import Tasks
from otto.telephony.switchboard_port import DeskInfo, Reservation

if TYPE_CHECKING:
    from config.dealership import Dealership
    from config.settings import Settings
    from otto.dialogue.session.state import Directive

log = structlog.get_logger()

DIRECTIVES_KEPT = 1000
"""What the line does after the stream, for that many calls; older ones are in their sessions."""
SYNTHESES_AT_ONCE = 4
"""Vendors limit the connections of an account; the calls of other nodes need theirs."""
RESTART_DELAY_S = 1.0
"""Between two attempts to start a call actor, so that a node in trouble is not kept busy."""
TAKEN_OVER_WITHIN_S = 3.0
"""Then a call that has lost its actor is on its way again. To start another actor takes up to ten
seconds of CPU, for which the call would have to wait."""
ANSWER_TIMEOUT_S = 2.0
"""For a call actor to say what it is doing."""
ATTACHED_WITHIN_S = 12.0
"""A call actor that was given a call and does not have it by then never will: the caller hung up,
or the ingress' process died, in between. Longer than the ingress tries (media_socket.py)."""
FENCED_PATIENCE_S = 15.0
"""A call actor whose call has gone on elsewhere lets go of it within this time, or is ended."""


class SwitchboardActor:
    """`start` fills the pool, and is called here after a restart; then it answers for the node."""

    def __init__(self, settings: Settings, dealership: Dealership) -> None:
        from actors.stores.proxies import RemoteCrm
        from otto.dialogue.session.store import SessionStore
        from otto.storage.redis import make_redis

        begin(settings.log_level)
        self._settings = settings
        self._dealership = dealership
        self._location = dealership.location(settings.location or dealership.locations[0].id)
        context = ray.get_runtime_context()
        node = context.get_node_id()
        self._name = registry.switchboard(node)
        self._prefix = registry.call_prefix(node)
        self._pool = WarmPool(
            settings.pool.size,
            settings.pool.calls_per_actor,
            settings.call.token_ttl_s,
            f"{registry.short_node(node)}.",
        )
        self._provider_health = ProviderHealth(providers_of(settings))
        self._admission = Admission(
            self._pool, settings.pool.max_lag_ms, self._provider_health.is_any_out
        )
        self._standby = StandbyPool(settings, node)
        self._actors: dict[str, Any] = {}
        self._avoided: dict[str, frozenset[str]] = {}
        """What each call actor was told to avoid."""
        self._started = 0
        self._starting: asyncio.Task[None] | None = None
        self._filling: asyncio.Task[None] | None = None
        self._replacing = asyncio.Lock()
        self._knows_the_living = asyncio.Event()
        self._phrases: asyncio.Future[Any] | None = None
        self._directives: OrderedDict[str, Directive] = OrderedDict()
        self._crm = RemoteCrm(self._location.id)
        self._sessions = SessionStore(make_redis(settings.redis), settings.redis.session_ttl_s)
        self._tasks = Tasks()
        if living_actors(self._prefix):
            # There was one before: after a restart by Ray nobody else starts it.
            context.current_actor.start.remote()
            context.current_actor.fill_reserve.remote()

    async def start(self) -> None:
        """Fill the pool; returns when calls can be taken. A repeat changes nothing."""
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        # The actors' processes come up meanwhile; only their warming needs the phrases.
        self._phrases = asyncio.ensure_future(self._synthesise())
        self._tasks.spawn(LagMeter(self._settings.pool.max_lag_ms).run(self._note_own_lag))
        await self._adopt_living()
        self._knows_the_living.set()
        missing = self._settings.pool.size - len(self._pool.members)
        await asyncio.gather(*(self._start_one() for _ in range(missing)))

    async def fill_reserve(self) -> None:
        """Start what is only needed when something breaks: the places for calls that have lost
        their actor, and the spare workers. Returns when all are warm; a repeat changes nothing.

        It comes after the ingress: on a small machine neither comes up in time beside the other.
        """
        await self.start()
        if self._filling is None:
            self._filling = asyncio.get_running_loop().create_task(self._fill_reserve())
        await asyncio.shield(self._filling)

    async def _fill_reserve(self) -> None:
        for _ in range(self._capacity - len(self._pool.members)):
            await self._start_one()
        await self._standby.fill(await self._awaited_phrases())

    # For the ingress

    async def reserve(
        self, call_sid: str, caller: str, called: str, takeover: bool = False
    ) -> Reservation:
        """Reserve a warm call actor; no token, and the reason, when the call cannot be taken."""
        await self._knows_the_living.wait()
        answer = self._admission.admit(call_sid, self._now(), takeover)
        if isinstance(answer, str):
            log.warning("call_refused", reason=answer, busy=self._pool.count(Place.BUSY))
            return Reservation(token=None, reason=answer)
        return Reservation(token=answer.token, reason=None)

    async def redeem(self, token: str, call_sid: str) -> Any:
        """The handle of the call actor the token stands for, or None."""
        await self._knows_the_living.wait()
        actor_id = self._pool.redeem(token, call_sid, self._now())
        for name in self._pool.fenced():
            self._tasks.spawn(self._outlive(name))
        if actor_id is None:
            return None
        self._tasks.spawn(self._take_back(actor_id, call_sid))
        admitted = self._provider_health.admit(self._now())
        self._tell_avoided(
            actor_id, self._provider_health.avoided(self._now()) if admitted is None else admitted
        )
        return self._actors[actor_id]

    async def call_ended(self, call_sid: str, status: str) -> None:
        """Twilio says that the call is over: whatever was only reserved is free again."""
        self._pool.abandon(call_sid)

    async def late(self, source: str, lag_ms: float) -> None:
        """A process of this node says that its event loop is late."""
        log.warning("process_is_late", process=source, lag_ms=round(lag_ms))
        self._admission.lag.report(source, lag_ms, self._now())

    async def resume_directive(self, call_sid: str) -> str:
        """What the line does now that the stream has ended."""
        from otto.dialogue.session.state import Directive

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
        from otto.crm.records import Callback

        wish = Callback(f"{call_sid}:full", caller, "all lines busy", call_sid)
        await self._crm.request_callback(wish)

    # For the call actors

    async def ended(self, actor_id: str, call_sid: str, directive: Directive) -> None:
        """A call is about to give up its stream, and this is what comes next.

        Whoever has lost the call to another actor has no say in it.
        """
        await self._knows_the_living.wait()
        if self._pool.serving(call_sid) != actor_id:
            log.warning("late_word_ignored", actor=actor_id)
            return
        self._directives[call_sid] = directive
        while len(self._directives) > DIRECTIVES_KEPT:
            self._directives.popitem(last=False)

    async def idle(self, actor_id: str) -> None:
        """A call actor has cleaned up after its call."""
        await self._knows_the_living.wait()
        if self._pool.release(actor_id):
            self._retire(actor_id)

    async def take_spare(self, worker: Worker, invitation: Invitation) -> Any:
        """The handle of a warm worker for a call actor that has lost one; None: there is none.

        It has accepted the call actor's invitation, and ends with it.
        """
        await self._knows_the_living.wait()
        while (spare := await self._standby.take(worker)) is not None:
            try:
                await spare.serve.remote(invitation)
            except ray.exceptions.RayActorError:
                log.warning("spare_was_dead", worker=worker.value)
                continue
            except OSError:  # the call actor is gone
                ray.kill(spare)
                return None
            break
        return spare

    async def vendor(self, report: VendorReport) -> None:
        """How a vendor did in some call: what is learnt there is learnt for all."""
        now_s = self._now()
        if self._provider_health.report(report, now_s):
            avoided = self._provider_health.avoided(now_s)
            log.warning("vendors_avoided", avoided=sorted(avoided))
            for name in list(self._actors):
                self._tell_avoided(name, avoided)

    # For people, and for the end

    async def drain(self) -> None:
        """Take no new calls from now on; those in progress go on."""
        log.info("draining", calls=self._pool.taken)
        self._admission.draining = True

    async def reopen(self) -> None:
        """Take calls again."""
        self._admission.draining = False

    async def finish_calls(self) -> None:
        """Ask every call in progress to end in good order: an apology, then a person."""
        for member in self._pool.members.values():
            if member.place is Place.BUSY:
                self._actors[member.actor_id].finish_call.options(num_returns=0).remote()

    async def snapshot(self) -> dict[str, Any]:
        """How many call actors are doing what ("idle", "busy", …), and how the node is:

        "calls" in progress or about to begin, "draining", "spares" by kind, "lag_ms" of the worst
        process that has complained ("late": which), "vendors" by provider, "refused" by reason.
        """
        now_s = self._now()
        lag_ms, late = self._admission.lag.worst(now_s)
        return {
            **{place.value: self._pool.count(place) for place in Place},
            "calls": self._pool.taken,
            "draining": self._admission.draining,
            "spares": self._standby.count(),
            "lag_ms": round(lag_ms),
            "late": late,
            "vendors": self._provider_health.snapshot(now_s),
            "refused": dict(self._admission.refused),
        }

    async def process_stats(self) -> dict[str, int]:
        return process_stats()

    # Inside

    @property
    def _capacity(self) -> int:
        return self._settings.pool.size + self._settings.pool.takeover_reserve

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _note_own_lag(self, lag_ms: float) -> None:
        self._admission.lag.report(self._name, lag_ms, self._now())

    def _tell_avoided(self, name: str, avoided: frozenset[str]) -> None:
        if self._avoided.get(name, frozenset()) != avoided:
            self._avoided[name] = avoided
            self._actors[name].avoid.options(num_returns=0).remote(avoided)

    async def _awaited_phrases(self) -> Any:
        assert self._phrases is not None, "start() comes first"
        return await self._phrases

    async def _synthesise(self) -> Any:
        """The fixed sentences, spoken beforehand, in Ray's object store for every worker."""
        from otto.dialogue.prompts import Phrases
        from otto.speech.speak import synthesise

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

    async def _adopt_living(self) -> None:
        """After a restart: take over the call actors that are there, with their calls."""
        numbers = [name.removeprefix(self._prefix) for name in living_actors(self._prefix)]
        await asyncio.gather(
            self._standby.adopt_living(),
            *(self._adopt(int(number)) for number in numbers if number.isdecimal()),
        )

    async def _adopt(self, number: int) -> None:
        name = f"{self._prefix}{number}"
        self._started = max(self._started, number)
        try:
            actor = ray.get_actor(name, namespace=registry.NAMESPACE)
        except ValueError:
            return
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                call_sid = await actor.status.remote()
        except ray.exceptions.RayActorError:
            return
        except (TimeoutError, RuntimeError) as error:  # stuck, or it never got warm
            log.error("call_actor_unfit", actor=name, error=type(error).__name__)
            ray.kill(actor)
            return
        self._actors[name] = actor
        self._pool.adopt(name, call_sid)
        self._tasks.spawn(self._watch(name, actor))

    async def _start_one(self, gently: bool = False) -> None:
        """Start a call actor and warm it; if that fails, say so and try again later. `gently`: see
        `Crew.start`."""
        self._started += 1
        name = f"{self._prefix}{self._started}"
        self._pool.add(name)
        kind: Any = ray.remote(CallActor)
        actor = kind.options(
            name=name,
            lifetime="detached",
            max_restarts=0,
            **on_this_node(),
            **COMMON,
        ).remote(name, self._settings, self._dealership, self._name)
        self._actors[name] = actor
        try:
            avoided = self._provider_health.avoided(self._now())
            self._avoided[name] = avoided
            await actor.warm.remote((await self._awaited_phrases(),), avoided, gently)
        except ray.exceptions.RayError as error:
            log.error("call_actor_not_warm", actor=name, error=type(error).__name__)
            self._retire(name)
            return
        self._pool.ready(name)
        self._tasks.spawn(self._watch(name, actor))

    async def _watch(self, name: str, actor: Any) -> None:
        """Wait for a call actor to die; then there is one place less, and another is started."""
        try:
            await actor.stay.remote()
        except ray.exceptions.RayActorError:
            self._avoided.pop(name, None)
            if self._actors.pop(name, None) is None:
                return  # retired: its successor is on its way
            call_sid = self._pool.lost(name)
            log.warning("call_actor_lost", actor=name, in_call=call_sid is not None)
            await self._replace(0.0 if call_sid is None else TAKEN_OVER_WITHIN_S)

    async def _outlive(self, name: str) -> None:
        """Wait for a fenced call actor to let go; a process that is stopped or stuck never does."""
        actor = self._actors.get(name)
        await asyncio.sleep(FENCED_PATIENCE_S)
        if name in self._pool.fenced() and self._actors.get(name) is actor:
            log.error("call_actor_stuck", actor=name)
            self._retire(name)

    async def _take_back(self, name: str, call_sid: str) -> None:
        """Free the place of a call that never reached its actor."""
        await asyncio.sleep(ATTACHED_WITHIN_S)
        if self._pool.serving(call_sid) != name:
            return
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                has = await self._actors[name].status.remote()
        except (TimeoutError, ray.exceptions.RayError):
            return  # dead or stuck, which is noticed elsewhere
        if has != call_sid and self._pool.serving(call_sid) == name:
            log.warning("call_never_came", actor=name)
            await self.idle(name)

    def _retire(self, name: str) -> None:
        """End an actor that has served enough, or never came up, and start its successor."""
        self._pool.lost(name)
        actor = self._actors.pop(name, None)
        if actor is not None:
            ray.kill(actor)
        self._tasks.spawn(self._replace(RESTART_DELAY_S))

    async def _replace(self, delay_s: float) -> None:
        """Start one in place of one that is gone. One process at a time, however many are gone: to
        start them all at once would take the processor from the calls there are, for long."""
        await asyncio.sleep(delay_s)
        async with self._replacing:
            if len(self._pool.members) < self._capacity:
                await self._start_one(gently=True)
