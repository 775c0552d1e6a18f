"""A worker that was replaced: what the dead one still sent is late, the new one is counted anew."""

from __future__ import annotations

from typing import Any

import pytest

from actors.crew import Crew
from actors.workers import RemoteMouth
from config.settings import Settings
from otto.speech.events import Event, SpeechStarted, Worker


def crew(emitted: list[Event]) -> Crew:
    def died(worker: Worker) -> None:
        pytest.fail("nobody dies here")

    return Crew("call-1", Settings(), emitted.append, died)


def test_what_a_dead_worker_still_sent_is_not_heard_twice() -> None:
    """Its successor is replayed the audio, so its words would come again."""
    emitted: list[Event] = []
    made = crew(emitted)
    made.on_events(Worker.STT, 0, 0, [SpeechStarted(1)])
    serial = made.expect(Worker.STT)
    made.on_events(Worker.STT, 0, 1, [SpeechStarted(2)])
    made.on_events(Worker.STT, serial, 0, [SpeechStarted(3)])
    assert emitted == [SpeechStarted(1), SpeechStarted(3)]


def test_a_gap_that_a_dead_worker_left_does_not_hold_up_its_successor() -> None:
    emitted: list[Event] = []
    made = crew(emitted)
    made.on_events(Worker.STT, 0, 5, [SpeechStarted(5)])  # 0 to 4 never come
    serial = made.expect(Worker.STT)
    made.on_events(Worker.STT, serial, 1, [SpeechStarted(7)])
    made.on_events(Worker.STT, serial, 0, [SpeechStarted(6)])
    assert emitted == [SpeechStarted(6), SpeechStarted(7)]


def test_the_other_workers_go_on_as_they_were() -> None:
    emitted: list[Event] = []
    made = crew(emitted)
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
    mouth = RemoteMouth(dead)
    mouth.say(1, 0, "Hello.")
    mouth.say(1, 1, "How can I help?")
    mouth.swap(spare)
    mouth.cancel(1)
    mouth.say(2, 0, "How can I help?")
    assert [sent[0] for sent in dead.sent] == [0, 1]
    assert [sent[0] for sent in spare.sent] == [0, 1]
