"""Calls are placed, the plan strikes, everything that can be seen is written down."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from benchmarks.chaos.faults import STORM, Fault, Moment, Store
from benchmarks.chaos.planning import MomentWatch, Plan, Step
from benchmarks.chaos.stack_probe import StackProbe, StackProbeError
from benchmarks.chaos.striking import Struck, Targets, aim, anybody, carry_out
from benchmarks.chaos.timeline import gaps, worst
from benchmarks.chaos.trial import Seen, Trial

CALL_LIMIT_S = 240.0
"""A booking takes 90 s, and 30 more whenever another caller has taken the opening meanwhile."""
WISHES = ("first", "tuesday", "wednesday afternoon", "last", "thursday morning", "friday")
"""What the callers who book prefer in turn, so that they do not all contest one opening."""
WHOLE_LIMIT_S = 90.0
QUESTION = "How much is an oil change?"

Tell = Callable[[str], None]


class Driver:
    """Runs a plan on a stack. Callers get numbers of their own, so that all can be told apart."""

    def __init__(self, probe: StackProbe, tell: Tell) -> None:
        self._probe = probe
        self._tell = tell
        self._callers = 0
        self.seen = Seen()

    async def run(self, plan: Plan, minutes: float) -> Seen:
        """Everything: first the faults of one call, several at once; then the stack's faults, one
        after another; then the storm. After so many `minutes` no more of them are begun."""
        deadline = time.monotonic() + minutes * 60
        at_once = max(1, self._probe.settings.pool.size // 2)
        own = [step for step in plan.steps if step.fault.is_of_one_call]
        own.sort(key=lambda step: step.fault.caller)  # those that take as long go together
        groups = [own[start : start + at_once] for start in range(0, len(own), at_once)]
        groups += [[step] for step in plan.steps if not step.fault.is_of_one_call]
        for group in groups:
            if time.monotonic() < deadline:
                await self._together(group)
            else:
                self.seen.not_begun += [step.fault.name for step in group]
        if plan.storm_calls:
            await self._storm(plan)
        return self.seen

    # One after another

    async def _together(self, steps: list[Step]) -> None:
        trials = await asyncio.gather(*(self._try(step) for step in steps))
        whole_s = await self._probe.whole(WHOLE_LIMIT_S)
        whole_at_ms = time.monotonic() * 1000
        for trial in trials:
            if whole_s is not None and trial.struck_monotonic_ms is not None:
                trial.whole_after_s = (whole_at_ms - trial.struck_monotonic_ms) / 1000
            if whole_s is None:
                trial.problem = trial.problem or "the pool was not whole again"
            self._tell(_line(trial))
        self.seen.trials += trials

    async def _try(self, step: Step) -> Trial:
        trial = Trial(step.fault)
        undoing: asyncio.Task[None] | None = None
        try:
            if step.fault.moment is Moment.BEFORE:
                struck = await self._strike(trial, await aim(self._probe, step.fault.strike, None))
                undoing = asyncio.ensure_future(_ensure(struck.undo))
                await asyncio.sleep(step.after_ms / 1000)
                trial.call_sid = await self.place(step.fault.caller == "books")
            else:
                trial.call_sid = await self.place(step.fault.caller == "books")
                struck = await self._strike_in_call(trial, step)
                undoing = asyncio.ensure_future(_ensure(struck.undo))
        except StackProbeError as error:
            trial.problem = str(error)
        if trial.call_sid:
            await self._end(trial)
        if undoing is not None:
            try:
                await undoing
            except StackProbeError as error:
                trial.problem = str(error)
        return trial

    async def _strike_in_call(self, trial: Trial, step: Step) -> Struck:
        """Wait for the moment, and strike. Raises StackProbeError when it never came."""
        watch = MomentWatch(step.fault.moment, step.turn)
        aiming: asyncio.Task[Targets] | None = None
        async with aclosing(self._probe.follow(trial.call_sid)) as events:
            async for event in events:
                if event["kind"] == "first_audio":
                    work = aim(self._probe, step.fault.strike, trial.call_sid)
                    aiming = asyncio.ensure_future(work)
                if watch.sees(event, is_confirmed=await self._is_confirmed(trial, step, event)):
                    break
            else:
                aiming = None
        if aiming is None:
            raise StackProbeError("the moment never came")
        # It counts from the event, however long the aiming takes.
        await asyncio.sleep(step.after_ms / 1000)
        return await self._strike(trial, await aiming)

    async def _is_confirmed(self, trial: Trial, step: Step, event: dict[str, Any]) -> bool:
        if step.fault.moment is not Moment.BOOKING or event["kind"] != "finished":
            return False
        return "confirmed" in (await self._probe.record(trial.call_sid))["stages"]

    async def _strike(self, trial: Trial, targets: Targets) -> Struck:
        struck = await carry_out(self._probe, trial.fault.strike, targets)
        trial.struck_monotonic_ms = struck.at_monotonic_ms
        return struck

    async def _end(self, trial: Trial) -> None:
        trial.record = await self._probe.finished(trial.call_sid, CALL_LIMIT_S)
        trial.ended_monotonic_ms = time.monotonic() * 1000
        trial.events = await self._probe.events(trial.call_sid)

    # All at once

    async def _storm(self, plan: Plan) -> None:
        self._tell(f"storm: {len(plan.storm_calls)} calls, {len(plan.storm_strikes)} strikes")
        rng = random.Random(f"{plan.seed}:storm:targets")
        under_way: list[str] = []
        stores: set[str] = set()

        async def call(at_s: float, books: bool) -> None:
            await asyncio.sleep(at_s)
            trial = Trial(STORM, await self.place(books))
            trial.struck_monotonic_ms = 0.0  # it storms from the beginning
            under_way.append(trial.call_sid)
            await self._end(trial)
            under_way.remove(trial.call_sid)
            self.seen.storm.append(trial)

        async def hit(at_s: float, fault: Fault) -> None:
            await asyncio.sleep(at_s)
            entry = {"at_s": at_s, "fault": fault.name, "problem": ""}
            self.seen.storm_strikes.append(entry)
            service = fault.strike.service if isinstance(fault.strike, Store) else ""
            if service and service in stores:
                entry["problem"] = "that store is away already"
                return
            stores.add(service)
            try:
                targets = await anybody(self._probe, fault.strike, under_way, rng)
                struck = await carry_out(self._probe, fault.strike, targets)
                await struck.undo()
            except StackProbeError as error:
                entry["problem"] = str(error)
            finally:
                stores.discard(service)

        await asyncio.gather(
            *(call(each.at_s, each.books) for each in plan.storm_calls),
            *(hit(each.at_s, each.fault) for each in plan.storm_strikes),
        )
        await self._probe.lift()
        whole_s = await self._probe.whole(WHOLE_LIMIT_S)
        self._tell("storm: over" if whole_s is not None else "storm: the pool is not whole again")

    # Callers

    async def place(self, books: bool) -> str:
        """A new caller, who books an oil change or asks one question."""
        self._callers += 1
        number = f"+1312555{2000 + self._callers}"
        if not books:
            goal = {"kind": "ask", "questions": [QUESTION]}
            return await self._probe.place("window-shopper", goal=goal, **{"from": number})
        person = {"first_name": "Robin", "last_name": "Walker", "phone": number, "known": False}
        car = {"year": 2020, "make": "Honda", "model": "Civic"}
        goal = {"prefer": WISHES[self._callers % len(WISHES)]}
        return await self._probe.place("load", facts=person | car, goal=goal, **{"from": number})


def _line(trial: Trial) -> str:
    silence_s = worst(gaps(trial.events), trial.struck_ms) / 1000
    line = f"{trial.fault.name}: {trial.record.get('ended_by', 'no call')}, {silence_s:.1f} s"
    return f"{line}, {trial.problem}" if trial.problem else line


async def _ensure(work: Callable[[], Awaitable[None]]) -> None:
    await work()
