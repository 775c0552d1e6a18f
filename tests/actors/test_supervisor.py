"""A worker that was replaced: what the dead one still sent is late, the new one is counted anew."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from actors.call import supervisor as supervisor_module
from actors.call.supervisor import QUIET_S, REPLY_S, WorkerSupervisor
from actors.call.workers import RemoteLanguageModel, RemoteSynthesiser
from config.settings import Settings
from otto.events import Event, ModelDone, SpeechStarted, Worker


def supervisor(emitted: list[Event]) -> WorkerSupervisor:
    def died(worker: Worker) -> None:
        pytest.fail("nobody dies here")

    return WorkerSupervisor("call-1", Settings(), emitted.append, died)


def test_what_a_dead_worker_still_sent_is_not_heard_twice() -> None:
    """Its successor is replayed the audio, so its words would come again."""
    emitted: list[Event] = []
    made = supervisor(emitted)
    made.on_events(Worker.STT, 0, 0, [SpeechStarted(1)])
    serial = made.expect(Worker.STT)
    made.on_events(Worker.STT, 0, 1, [SpeechStarted(2)])
    made.on_events(Worker.STT, serial, 0, [SpeechStarted(3)])
    assert emitted == [SpeechStarted(1), SpeechStarted(3)]


def test_a_gap_that_a_dead_worker_left_does_not_hold_up_its_successor() -> None:
    emitted: list[Event] = []
    made = supervisor(emitted)
    made.on_events(Worker.STT, 0, 5, [SpeechStarted(5)])  # 0 to 4 never come
    serial = made.expect(Worker.STT)
    made.on_events(Worker.STT, serial, 1, [SpeechStarted(7)])
    made.on_events(Worker.STT, serial, 0, [SpeechStarted(6)])
    assert emitted == [SpeechStarted(6), SpeechStarted(7)]


def test_the_other_workers_go_on_as_they_were() -> None:
    emitted: list[Event] = []
    made = supervisor(emitted)
    made.expect(Worker.STT)
    made.on_events(Worker.LLM, 0, 0, [SpeechStarted(1)])
    assert emitted == [SpeechStarted(1)]


class Voice:
    """An actor, as its handle shows it: notes what it is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []

    def __getattr__(self, method: str) -> Any:
        return self if method in {"say", "cancel"} else super().__getattribute__(method)

    def options(self, num_returns: int) -> Any:
        return self

    def remote(self, *arguments: Any) -> None:
        self.sent.append(arguments)


def test_commands_to_a_new_actor_are_numbered_from_the_beginning() -> None:
    """It runs them in order, and would wait for ever for those that the dead one was sent."""
    dead, spare = Voice(), Voice()
    synthesiser = RemoteSynthesiser(dead)
    synthesiser.say(1, 0, "Hello.")
    synthesiser.say(1, 1, "How can I help?")
    synthesiser.swap(spare)
    synthesiser.cancel(1)
    synthesiser.say(2, 0, "How can I help?")
    assert [sent[0] for sent in dead.sent] == [0, 1]
    assert [sent[0] for sent in spare.sent] == [0, 1]


class MindActor:
    """The model's actor as its handle shows it; one that is stopped answers nothing."""

    def __init__(self, *, is_stopped: bool) -> None:
        self.is_stopped = is_stopped
        self.asked = 0
        self.is_taken = SimpleNamespace(remote=self._answer)
        self.generate = self.cancel = Voice()
        for command in (self.generate, self.cancel):
            command.options = lambda num_returns: SimpleNamespace(remote=lambda *a: None)

    async def _answer(self) -> bool:
        self.asked += 1
        if self.is_stopped:
            await asyncio.Event().wait()
        return True


def crew_with(actor: MindActor, lost: list[Worker]) -> tuple[WorkerSupervisor, RemoteLanguageModel]:
    made = WorkerSupervisor("call-1", Settings(), lambda event: None, lost.append)
    made._actors[Worker.LLM] = actor
    return made, RemoteLanguageModel(actor, made._expect_answer)


@pytest.mark.looptime
async def test_a_mind_that_is_stopped_in_the_middle_of_an_answer_is_lost() -> None:
    """Its process lives, so Ray says nothing, and its own deadlines stand still with it."""
    lost: list[Worker] = []
    actor = MindActor(is_stopped=True)
    _, language_model = crew_with(actor, lost)
    language_model.generate(1, [], [])
    await asyncio.sleep(QUIET_S + REPLY_S - 0.1)
    assert lost == []
    await asyncio.sleep(0.2)
    assert lost == [Worker.LLM]
    await asyncio.sleep(60)
    assert (lost, actor.asked) == ([Worker.LLM], 1)


@pytest.mark.looptime
async def test_a_mind_whose_model_takes_its_time_is_asked_and_kept() -> None:
    lost: list[Worker] = []
    actor = MindActor(is_stopped=False)
    made, language_model = crew_with(actor, lost)
    language_model.generate(1, [], [])
    await asyncio.sleep(9)
    assert actor.asked == 4
    made.on_events(Worker.LLM, 0, 0, [ModelDone(1, "Yes.", (), "stop", 0.0, 0.0, 0.0)])
    await asyncio.sleep(60)
    assert (lost, actor.asked) == ([], 4), "nothing is due any more"


@pytest.mark.looptime
async def test_an_answer_nobody_wants_any_more_is_not_asked_after() -> None:
    lost: list[Worker] = []
    actor = MindActor(is_stopped=True)
    _, language_model = crew_with(actor, lost)
    language_model.generate(1, [], [])
    language_model.cancel(1)
    await asyncio.sleep(60)
    assert (lost, actor.asked) == ([], 0)


def test_who_was_replaced_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may only have been stopped, and would go on speaking when it wakes up."""
    killed: list[Any] = []
    monkeypatch.setattr(supervisor_module.ray, "kill", killed.append)
    made = supervisor([])
    stopped, spare = Voice(), Voice()
    made._actors[Worker.TTS] = stopped
    made._proxies[Worker.TTS] = RemoteSynthesiser(stopped)
    monkeypatch.setattr(made, "_watch", lambda worker, actor: asyncio.sleep(0))
    monkeypatch.setattr(made._watches, "spawn", lambda work: work.close())
    made.replace(Worker.TTS, spare)
    assert killed == [stopped]
