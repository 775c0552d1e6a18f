"""Whatever happens in whatever order: one reply at a time, whole histories, and no dead end.

A random call in virtual time: the caller talks, coughs, keys and hangs up, tools hang, workers
fail, are replaced and send late events. What must hold is checked at every step and at the end.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import looptime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otto.dialogue.session.state import Directive
from otto.dialogue.turns.floor import State
from otto.events import (
    ModelDone,
    Sentence,
    SpeechStarted,
    ToolCall,
    Transcript,
    UtteranceEnd,
    Worker,
    WorkerFailed,
)
from otto.media_link.events import MarkPlayed
from tests.support.call import Call, ScriptedModel, Step, Telephone

IDENTIFY = ("identify_caller", {"phone_number": None})
VERIFY = ("verify_caller", {"date_of_birth": "1984-03-12", "vin_last_six": None})
FIND = ("find_openings", {"services": ["oil_change"], "when": "tomorrow"})
HOURS = ("dealership_info", {"topic": "hours", "service": None, "date": None})
END = ("end_call", {"reason": "done"})
TRANSFER = ("transfer_to_person", {"reason": "asked"})
STEPS = (
    Step("We have brakes seen to, or tires seen to. |Which would suit you best?"),
    Step("What is your date of birth?"),
    Step("One moment please. |Let me look.", (FIND,), pace_s=0.7),
    Step(calls=(IDENTIFY,)),
    Step(calls=(VERIFY,)),
    Step(calls=(FIND,)),
    Step(calls=(HOURS,)),
    Step("We open at |seven", fails=True, pace_s=0.5),
    Step("This takes a while.", delay_s=7.0),
    Step("Goodbye!", (END,)),
    Step("I'll connect you with somebody now.", (TRANSFER,)),
    Step("Goodbye!", (END, TRANSFER)),
    Step("You are all set, goodbye!", (FIND, END)),
    Step("Anything else?", (END,)),
    Step(""),
)


class Strict(Telephone):
    """A voice that is never told to say two replies at once, nor one that was thrown away."""

    def __init__(self) -> None:
        super().__init__()
        self.over: set[int] = set()
        """Finished or cancelled: not another sentence."""
        self.cancelled: set[int] = set()

    def say(self, generation: int, index: int, text: str) -> None:
        assert generation not in self.over, "a generation that was finished or cancelled speaks"
        audible = {number for number, marks in self._marks.items() if marks} - self.cancelled
        assert audible <= {generation}, "two replies at once"
        super().say(generation, index, text)

    def finish(self, generation: int) -> None:
        assert generation not in self.over, "finished twice"
        self.over.add(generation)
        super().finish(generation)

    def cancel(self, generation: int) -> None:
        self.over.add(generation)
        self.cancelled.add(generation)
        super().cancel(generation)


class Endless(ScriptedModel):
    """Answers by the plan, over and over."""

    def __init__(self, plan: list[int]) -> None:
        super().__init__()
        self._plan = plan

    def generate(
        self, generation: int, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> None:
        check_history(messages)
        self.script.append(STEPS[self._plan[len(self.requests) % len(self._plan)]])
        super().generate(generation, messages, tools)


def check_history(messages: list[dict[str, Any]]) -> None:
    """The model's API refuses a tool call whose result does not follow it."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
            continue
        assert not waiting, "a tool call without its result"
        waiting = [call["id"] for call in message.get("tool_calls", ())]
        assert message["content"] or waiting, "an empty message"
    assert not waiting


def check_promises(call: Call) -> None:
    """While a call goes on, no result says that it ends: save one whose last sentence is said."""
    session, reply = call.conversation.session, call.conversation._player.reply
    if reply is None or reply.ending is None:
        statuses = {result["status"] for result in call.results()}
        assert session.outcome or not statuses & {"ending", "transferring"}


WORDS = (
    *("", "mhm", "okay", "um", "no", "no wait", "yes", "Tuesday at nine", "on the"),
    *("thank you so much", "okay, bye", "I don't want a person", "yes please"),
    *("three one two", "five five five oh one four two", "March 12th 1984", "and also new wipers"),
    *("hello?", "are you there", "hello I said nine", "we have tuesday at nine or wednesday"),
)
words = st.sampled_from(WORDS)
moves = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.05, 0.3, 0.9, 1.5, 3.0, 6.0])),
    st.tuples(st.just("interim"), words),
    st.tuples(st.just("final"), words),
    st.tuples(st.just("segment"), words),
    st.tuples(st.just("key"), st.sampled_from("0129#*")),
    st.tuples(
        st.sampled_from(["voice", "utterance_end", "late", "hold", "free", "model_failed"]),
        st.none(),
    ),
    st.tuples(st.sampled_from(["replaced", "failed"]), st.sampled_from(list(Worker))),
)


def make_move(call: Call, kind: str, what: Any) -> None:
    conversation = call.conversation
    match kind:
        case "interim":
            conversation.on_event(Transcript(what, False, False, 0, 0))
        case "final" | "segment":
            conversation.on_event(Transcript(what, True, kind == "final", 0, 0))
        case "key":
            call.press(what)
        case "voice":
            conversation.on_event(SpeechStarted(0))
        case "utterance_end":
            conversation.on_event(UtteranceEnd(0))
        case "hold":
            call.book.gate.clear()
        case "free":
            call.book.gate.set()
        case "replaced":
            conversation.on_replaced(what)
        case "failed" if what is not Worker.TTS:
            conversation.on_event(WorkerFailed(what, "died", "test"))
        case "model_failed" if call.language_model.numbers:
            number = call.language_model.numbers[-1]
            conversation.on_event(WorkerFailed(Worker.LLM, "dropped", "test", round_id=number))
        case "late":
            for number in [*call.telephone.cleared, *call.language_model.cancelled][-4:]:
                conversation.on_event(Sentence(number, 9, "This is late."))
                tool = ToolCall("late", "end_call", json.dumps({"reason": "done"}))
                conversation.on_event(ModelDone(number, "late", (tool,), "stop", 1, 1, 1))
                for mark in (0, 3, 40):
                    conversation.on_line(MarkPlayed(number, mark, False))


async def live(ring: Any, plan: list[int], played: list[tuple[str, Any]], speculate: bool) -> None:
    telephone = Strict()
    call: Call = await ring(
        telephone=telephone,
        language_model=Endless(plan),
        greeted=False,
        speculate=speculate,
        tool_timeout_s=4.0,
        on_recogniser_lost="keypad" if speculate else "transfer",
    )
    conversation = call.conversation
    for kind, what in played:
        if kind == "wait":
            await asyncio.sleep(what)
        else:
            make_move(call, kind, what)
        assert "This is late." not in telephone.said
        check_promises(call)
    # From here on nobody says a word, and the book answers: Otto speaks, or ends it.
    call.book.gate.set()
    said = len(telephone.said)
    began_s = asyncio.get_running_loop().time()
    while not conversation.ended.is_set():
        assert asyncio.get_running_loop().time() - began_s < 200, conversation._turns.state
        await asyncio.sleep(1.0)
    assert len(telephone.said) > said or asyncio.get_running_loop().time() - began_s < 60
    assert conversation._turns.state is State.ENDED
    session = conversation.session
    assert session.promised is None or session.directive is Directive.TRANSFER, "hung up on a wish"
    await conversation.close()
    check_history(conversation.session.history.messages("system"))
    assert "This is late." not in json.dumps(conversation.session.dump())
    assert not conversation._tasks


def in_virtual_time(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end; what fails in a timer or in any task fails this."""
    loop = looptime.patch_event_loop(asyncio.new_event_loop(), start=0)
    failures: list[BaseException] = []
    tasks: list[asyncio.Task[Any]] = []

    def make_task(on: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        tasks.append(asyncio.Task(coroutine, loop=on, **more))
        return tasks[-1]

    loop.set_task_factory(make_task)
    loop.set_exception_handler(
        lambda _, context: failures.append(context.get("exception") or RuntimeError(str(context)))
    )

    async def run() -> None:
        await work
        # Tasks of the doubles: what a cancelled generation would still have said.
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
    failures += [
        error
        for task in tasks
        if task.done() and not task.cancelled() and (error := task.exception()) is not None
    ]
    for failure in failures:
        raise failure


@pytest.mark.looptime(False)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=8),
    st.lists(moves, max_size=30),
    st.booleans(),
)
def test_any_call_has_one_reply_at_a_time_whole_histories_and_no_dead_end(
    ring: Any, plan: list[int], played: list[tuple[str, Any]], speculate: bool
) -> None:
    in_virtual_time(live(ring, plan, played, speculate))
