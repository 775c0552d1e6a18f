"""One run of a scenario in text: the call is held, and what came of it is put together."""

from __future__ import annotations

import asyncio
import random
import re
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.eval.book import Happened, Snapshot, changes
from benchmarks.eval.house import LINE, House
from benchmarks.eval.loop import VirtualLoop
from benchmarks.eval.scenario import Scenario
from benchmarks.eval.servers import Servers
from benchmarks.eval.speaker import Speaker, ottos_lines
from benchmarks.eval.telephone import Telephone
from benchmarks.eval.transcript import Line, Transcript, in_order
from config import clock
from config.dealership import Dealership
from config.loading import read_settings
from config.settings import Vendor
from otto.dialogue.context import CallContext, Workers
from otto.dialogue.conversation import Conversation
from otto.dialogue.model.client import Model
from otto.dialogue.prompts import Phrases
from otto.dialogue.session.opening import open_session
from otto.dialogue.session.store import SessionStore
from otto.storage.redis import make_redis
from otto.telephony.switchboard_port import CallerFacts, CallStart
from sandbox.caller.mind import Mind

HANDOVER_S = 1.0
"""From a call actor's death to the next one's first word."""
EXTRA_S = 120.0
"""Beyond what a scenario allows, so that what takes too long is seen to its end."""
ENDS_WITHIN_S = 30.0


@dataclass(frozen=True)
class Outcome:
    """What came of one run, for whoever judges it."""

    scenario: Scenario
    seed: int
    transcript: Transcript
    before: Snapshot
    after: Snapshot
    happened: tuple[Happened, ...]
    texts: tuple[Any, ...]
    """Those of the call."""
    call_sid: str
    starts: datetime
    """When the caller was connected, by the product's clock."""
    ends: str
    """goodbye, transfer or caller, as `Expected.ends` has it."""
    was_verified: bool
    missed: tuple[str, ...]
    """What the caller wanted and was not told to be done, and what was told wrong."""
    took_s: float
    """Real seconds."""
    log: tuple[dict[str, Any], ...] = ()
    """The history with the model's calls and their results, to find out why."""


def run(
    servers: Servers,
    dealership: Dealership,
    scenario: Scenario,
    seed: int,
    *,
    plant: Callable[[], AbstractContextManager[object]] = nullcontext,
    sandbox_model: str = "",
) -> Outcome:
    """Hold the call once. `plant` brings a fault into the product while it lasts.

    A model that is not the sandbox's takes real time, and then so does everything.
    """
    is_sandbox = Vendor.OPENAI in read_settings().sandbox
    with plant(), asyncio.Runner(loop_factory=VirtualLoop if is_sandbox else None) as runner:
        return runner.run(_run(servers, dealership, scenario, seed, sandbox_model))


async def _run(
    servers: Servers, dealership: Dealership, scenario: Scenario, seed: int, sandbox_model: str
) -> Outcome:
    began = time.monotonic()
    async with House.open(
        servers, dealership, scenario.clock, scenario.given, sandbox_model
    ) as house:
        before, texts_before = await house.snapshot(), len(house.texts)
        starts = clock.utc_now()
        call_sid = f"CA{random.Random(f'{scenario.name} {seed}').getrandbits(128):032x}"
        call = Call(house, scenario, seed, call_sid)
        try:
            await call.hold()
        finally:
            await call.close()
        await house.settle()
        after = await house.snapshot()
        session = call.conversation.session
        ends = "transfer" if session.directive.value == "transfer" else "goodbye"
        outcome = call.mind.outcome
        return Outcome(
            scenario=scenario,
            seed=seed,
            transcript=call.transcript(),
            before=before,
            after=after,
            happened=tuple(changes(before, after, house.location.zone)),
            texts=tuple(house.texts[texts_before:]),
            call_sid=call_sid,
            starts=starts,
            ends="caller" if call.caller_hung_up and ends != "transfer" else ends,
            was_verified=session.identity.value == "verified",
            missed=(*outcome.missed, *outcome.wrong),
            took_s=time.monotonic() - began,
            log=tuple(session.history.messages("")),
        )


class Call:
    """One call, from ringing to its end."""

    def __init__(self, house: House, scenario: Scenario, seed: int, call_sid: str) -> None:
        self._house = house
        self._scenario = scenario
        self._call_sid = call_sid
        self._chance = random.Random(f"{scenario.name} {seed}")
        self._redis = make_redis(house.settings.redis)
        self._sessions = SessionStore(self._redis, house.settings.redis.session_ttl_s)
        self.persona = scenario.caller(seed)
        self.mind = Mind(self.persona)
        self._telephones: list[Telephone] = []
        self._speaker: Speaker | None = None
        self._events: list[Line] = []
        self._anchor_s = asyncio.get_running_loop().time()
        self._pace = self._chance.uniform(0.9, 1.1)
        self.conversation: Conversation
        self._model: Model

    @property
    def caller_hung_up(self) -> bool:
        return self._speaker is not None and self._speaker.has_hung_up

    async def hold(self) -> None:
        """From the first word to the last."""
        await self._serve(taken_over=False)
        telephone = self._telephones[-1]
        speaker = self._speaker = Speaker(
            self.persona,
            self.mind,
            telephone,
            lambda event: self.conversation.on_event(event),
            lambda event: self.conversation.on_line(event),
            lambda: self.conversation.ended.is_set(),
            lambda: [(str(each["to"]), str(each["body"])) for each in self._house.texts],
            self._chance,
            self._anchor_s,
        )
        if self._scenario.kill_after_turn is not None:
            speaker.after_turn = self._maybe_kill
        await speaker.hold(self._scenario.bounds.seconds + EXTRA_S)
        if not self.conversation.ended.is_set() and not speaker.has_hung_up:
            self._note("the call was ended: it took too long")
            self.conversation.finish_call()
        try:
            async with asyncio.timeout(ENDS_WITHIN_S):
                await self.conversation.ended.wait()
        except TimeoutError:
            self._note("the conversation never ended")
        # What Otto said last is understood, though nothing is said any more.
        if last := speaker._take():
            self.mind.hear(last)
        if self.conversation.session.directive.value == "transfer":
            self.mind.transferred()

    async def close(self) -> None:
        await self.conversation.close()
        await self._model.close()
        await self._redis.aclose()

    def transcript(self) -> Transcript:
        lines = [*self._events, *(self._speaker.lines if self._speaker else [])]
        for telephone in self._telephones:
            lines += ottos_lines(telephone, self._anchor_s)
        return in_order(lines)

    # Who serves it

    async def _serve(self, *, taken_over: bool) -> None:
        """As a call actor does when it is attached."""
        house, settings = self._house, self._house.settings
        telephone = (
            self._telephones[-1].handed_on()
            if taken_over
            else Telephone(settings.call.audio_chunk_ms, self._pace)
        )
        started = CallStart(
            self._call_sid,
            "stream-1",
            CallerFacts(self._scenario.number, LINE, self._scenario.attestation),
            taken_over=taken_over,
            checkpoint=telephone.checkpoint,
        )
        context = CallContext(
            dealership=house.dealership,
            location=house.location,
            phrases=Phrases(house.dealership, settings.call.transcript_notice, house.location.id),
            settings=settings.call,
            calendar=house.calendar,
            crm=house.crm,
            sessions=self._sessions,
            sub_actors="inline",
        )
        opened = await open_session(
            self._sessions, started, telephone.save_checkpoint, context.now()
        )
        model = self._model = Model(settings.openai, lambda event: conversation.on_event(event))
        await model.warm()
        conversation = self.conversation = Conversation(
            context, Workers(telephone, telephone, model), telephone, opened, self._anchor_s
        )
        telephone.emit, telephone.on_line = conversation.on_event, conversation.on_line
        self._telephones.append(telephone)
        if self._speaker is not None:
            self._speaker.take_over(telephone)
        conversation.start()

    async def _maybe_kill(self, turns: int) -> None:
        """The call actor's process is gone in this very moment: nothing is finished or written."""
        if turns != self._scenario.kill_after_turn:
            return
        self._note("the call actor was killed")
        self._telephones[-1].is_dead = True
        conversation, model = self.conversation, self._model
        conversation._timers.stop_all()
        for task in (
            *conversation._tasks,
            *model._tasks.values(),
            conversation._recorder._writer._task,
        ):
            if task is not None:
                task.cancel()
        await asyncio.sleep(HANDOVER_S)
        await self._serve(taken_over=True)

    def _note(self, text: str) -> None:
        at_s = asyncio.get_running_loop().time() - self._anchor_s
        self._events.append(Line("event", text, at_s, at_s))


def why(error: BaseException) -> str:
    """An error of a run, in a few lines without anybody's data."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    at = " < ".join(f"{re.sub(r'.*/', '', each.filename)}:{each.lineno}" for each in frames[::-1])
    return f"{type(error).__name__}: {error} ({at})"
