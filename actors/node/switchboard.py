"""The switchboard of a node: warm call actors, leased to calls one at a time.

Nothing is created on the answer path: an actor takes seconds to start, a caller waits for none.
The rules are in `otto.health.pool` and `admission`; here is what it takes to carry them out
with Ray. When Ray restarts this actor it finds the living call actors and spares by name.

What is heavy is imported where it is needed: every process that looks the switchboard up imports
this module, the ingress' replicas among them (0.5 CPU-seconds and 20 MB with all of it).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import ray
import structlog

from actors.call.actor import CallActor
from actors.call.stream import Invitation
from actors.call.worker_actor import WorkerActor
from actors.node.call_pool import CallPool
from actors.node.line_watch import LineWatch
from actors.node.phrases import SpokenPhrases
from actors.node.standby import StandbyPool
from actors.runtime import registry
from actors.runtime.deposit import Deposit, collected
from actors.runtime.handle import Handle, own, start
from actors.runtime.options import on_this_node
from actors.runtime.process import BaseActor
from actors.runtime.registry import living_actors
from config.clock import utc_now
from config.roles import Role, settings_for
from otto.events import VendorReport, Worker
from otto.health.admission import Admission
from otto.health.breaker import ProviderHealth, providers_of
from otto.health.calls import CallerFacts, Calls, Given, Reservation
from otto.health.lag import LagMeter
from otto.health.pool import Place, WarmPool
from otto.scheduling.desk_hours import closed_desk
from otto.tasks import Tasks
from otto.telephony.handover import Event, Handover, Handovers, Way
from otto.telephony.switchboard_port import DeskInfo

if TYPE_CHECKING:
    from actors.call.switchboard_client import Switchboard
    from config.dealership import Dealership
    from config.settings import Settings
    from otto.dialogue.session.state import Directive

log = structlog.get_logger()


class SwitchboardActor(BaseActor):
    """`start` fills the pool, and is called here after a restart; then it answers for the node."""

    def __init__(self, given: Settings | Deposit, dealership: Dealership) -> None:
        from actors.stores.proxies import RemoteCrm
        from otto.dialogue.session.store import SessionStore
        from otto.storage.redis import make_redis

        settings = collected(given)
        super().__init__(settings.log_level, settings.clock)
        self._settings = settings
        self._dealership = dealership
        self._location = dealership.location(settings.location)
        context = ray.get_runtime_context()
        node = context.get_node_id()
        self._name = registry.switchboard(node)
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
        self._phrases = SpokenPhrases(settings, dealership)
        self._calls = Calls(self._pool, self._admission)
        self._handovers = Handovers()
        self._call_pool = CallPool(
            registry.call_prefix(node),
            settings.pool.size + settings.pool.takeover_reserve,
            self._pool,
            self._provider_health,
            self._phrases.get,
            self._start_call_actor,
            lambda found: self._calls.adopt(found.call_sid, found.facts, found.stream),
        )
        self._lines = LineWatch(self._calls, self._pool, self._call_pool.hears_line)
        self._standby = StandbyPool(settings, node)
        self._starting: asyncio.Task[None] | None = None
        self._filling: asyncio.Task[None] | None = None
        self._knows_the_living = asyncio.Event()
        self._crm = RemoteCrm(self._location.id)
        self._sessions = SessionStore(make_redis(settings.redis), settings.redis.session_ttl_s)
        self._tasks = Tasks()
        if living_actors(registry.call_prefix(node)):
            # There was one before: after a restart by Ray nobody else starts it.
            myself: Handle[SwitchboardActor] = own()
            myself.tell(SwitchboardActor.start)
            myself.tell(SwitchboardActor.fill_reserve)

    async def start(self) -> None:
        """Fill the pool; returns when calls can be taken. A repeat changes nothing."""
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        # The actors' processes come up meanwhile; only their warming needs the phrases.
        self._phrases.begin()
        self._tasks.spawn(LagMeter(self._settings.pool.max_lag_ms).run(self._note_own_lag))
        await asyncio.gather(self._standby.adopt_living(), self._call_pool.adopt_living())
        self._knows_the_living.set()
        await self._call_pool.fill(self._settings.pool.size)

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
        await self._call_pool.fill_up()
        await self._standby.fill(await self._phrases.get())

    # For the ingress

    async def reserve(self, call_sid: str, facts: CallerFacts, resume: bool = False) -> Reservation:
        """Reserve a warm call actor; no token, and the reason, when there is none for this call."""
        await self._knows_the_living.wait()
        if resume:
            await self._lines.wait_for_end(call_sid)
            if not self._calls.knows(call_sid) and await self._has_session(call_sid):
                self._calls.recall(call_sid, facts)
        held = self._calls.reserve(call_sid, facts, self._now(), resume)
        if held.token is None:
            log.warning("call_refused", reason=held.reason, busy=self._pool.count(Place.BUSY))
        return held

    async def redeem(
        self, token: str, call_sid: str, stream: str
    ) -> tuple[Handle[CallActor], CallerFacts] | None:
        """The call actor the token stands for, and who is on the line; or None."""
        await self._knows_the_living.wait()
        if self._calls.holder(call_sid) not in {None, stream}:
            await self._lines.look(call_sid)
        given = self._calls.redeem(token, call_sid, stream, self._now())
        return None if given is None else self._give(given, call_sid)

    async def take_over(
        self, call_sid: str, facts: CallerFacts, stream: str
    ) -> tuple[Handle[CallActor], CallerFacts] | str:
        """Another call actor for a stream that lost its own; or the reason why not."""
        await self._knows_the_living.wait()
        given = self._calls.take_over(call_sid, facts, stream, self._now())
        return given if isinstance(given, str) else self._give(given, call_sid)

    async def stream_ended(self, call_sid: str, stream: str) -> None:
        """The ingress has let go of a stream."""
        self._calls.stream_ended(call_sid, stream)

    async def knows(self, call_sid: str) -> int:
        """How much this node has to do with a call: 0 nothing, 1 it had, 2 a stream stands."""
        await self._knows_the_living.wait()
        known = self._calls.knows(call_sid)
        return known + (known and self._calls.stands(call_sid, self._now()))

    async def call_ended(self, call_sid: str, status: str) -> str:
        """Twilio says that the call is over: whatever was only reserved is free again. The call to
        the desk that was placed for it, if there was one."""
        self._calls.over(call_sid)
        return self._handovers.happened(call_sid, Event.CALLER_GONE).leg

    async def handover(
        self, call_sid: str, event: Event, way: Way | None = None, leg: str = ""
    ) -> Handover:
        """What has happened on the way to the desk; how things stand now."""
        return self._handovers.happened(call_sid, event, way, leg)

    async def late(self, source: str, lag_ms: float) -> None:
        """A process of this node says that its event loop is late."""
        log.warning("process_is_late", process=source, lag_ms=round(lag_ms))
        self._admission.lag.report(source, lag_ms, self._now())

    async def resume_directive(self, call_sid: str) -> str:
        """What the line does now that the stream has ended."""
        from otto.dialogue.session.state import Directive

        directive = self._calls.directive(call_sid)
        if directive is None:
            try:
                state, _ = await self._sessions.peek(call_sid)
                directive = Directive(state["directive"]) if state else Directive.RESUME
            except Exception as error:
                log.warning("session_store_away", error=type(error).__name__)
                directive = Directive.RESUME
        return str(directive)

    async def desk(self) -> DeskInfo:
        """What a caller hears when no place is free, and where they can go."""
        closed = closed_desk(self._location, utc_now())
        return DeskInfo(
            closed=closed.promise if closed else "",
            sentence_full=(
                f"Thank you for calling {self._dealership.name}. All our lines are busy right now."
            ),
            desk_number=self._location.desk_number,
        )

    async def request_callback(self, call_sid: str, caller: str) -> None:
        """Put a caller whom nobody can serve on the list of those to call back."""
        from otto.crm.records import Callback

        closed = closed_desk(self._location, utc_now())
        reason = "nobody could take the call" if closed is None else "called out of hours"
        promised_at = closed.opens_at if closed else None
        wish = Callback(f"{call_sid}:full", caller, reason, call_sid, promised_at)
        await self._crm.request_callback(wish)

    # For the call actors

    async def ended(
        self, actor_id: str, call_sid: str, directive: Directive, summary: str = ""
    ) -> None:
        """A call is about to give up its stream, and this is what comes next; `summary` is for the
        desk, if that is next.

        Whoever has lost the call to another actor has no say in it.
        """
        await self._knows_the_living.wait()
        if not self._calls.ended(actor_id, call_sid, directive):
            log.warning("late_word_ignored", actor=actor_id)
        elif directive == "transfer":
            self._handovers.ask(call_sid, summary)

    async def idle(self, actor_id: str) -> None:
        """A call actor has cleaned up after its call."""
        await self._knows_the_living.wait()
        self._call_pool.release(actor_id)

    async def take_spare(
        self, worker: Worker, invitation: Invitation
    ) -> Handle[WorkerActor] | None:
        """The handle of a warm worker for a call actor that has lost one; None: there is none.

        It has accepted the call actor's invitation, and ends with it.
        """
        await self._knows_the_living.wait()
        while (spare := await self._standby.take(worker)) is not None:
            try:
                await spare.ask(WorkerActor.serve, invitation)
            except ray.exceptions.RayActorError:
                log.warning("spare_was_dead", worker=worker.value)
                continue
            except OSError:  # the call actor is gone
                spare.kill()
                return None
            break
        return spare

    async def vendor(self, report: VendorReport) -> None:
        """How a vendor did in some call: what is learnt there is learnt for all."""
        now_s = self._now()
        if self._provider_health.report(report, now_s):
            avoided = self._provider_health.avoided(now_s)
            log.warning("vendors_avoided", avoided=sorted(avoided))
            self._call_pool.avoid(avoided)

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
        self._call_pool.finish_calls()

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

    # Inside

    def _give(self, given: Given, call_sid: str) -> tuple[Handle[CallActor], CallerFacts]:
        now_s = self._now()
        admitted = self._provider_health.admit(now_s)
        avoided = self._provider_health.avoided(now_s) if admitted is None else admitted
        return self._call_pool.give(given.actor_id, call_sid, avoided), given.facts

    async def _has_session(self, call_sid: str) -> bool:
        """Whether anybody has served this call within the hour; without Redis it is believed."""
        try:
            state, _ = await self._sessions.peek(call_sid)
        except Exception as error:
            log.warning("session_store_away", error=type(error).__name__)
            return True
        return state is not None

    def _start_call_actor(self, name: str) -> Handle[CallActor]:
        options = {"name": name, "lifetime": "detached", "max_restarts": 0, **on_this_node()}
        settings = settings_for(Role.CALL, self._settings)
        return start(CallActor, options, name, settings, self._dealership, self._name)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _note_own_lag(self, lag_ms: float) -> None:
        self._admission.lag.report(self._name, lag_ms, self._now())


if TYPE_CHECKING:

    def _as_call_actors_know_it(switchboard: SwitchboardActor) -> Switchboard:
        """They find it by its name, where mypy cannot see of which class it is; here it does."""
        return switchboard
