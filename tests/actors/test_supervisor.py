"""A worker that was replaced: what the dead one still sent is late, the new one is in its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.call import supervisor as supervisor_module
from actors.call import workers
from actors.call.messages import Avoid, Cancel, Generate, Late, Message, Say
from actors.call.stream import MAX_UNANSWERED_PINGS, Invitation, Stream, connect
from actors.call.supervisor import PING_EVERY_S, WorkerSupervisor
from actors.runtime.handle import Handle
from config.settings import Settings
from otto.events import Event, SpeechStarted, Worker
from tests.support.handles import handle_of


class WorkerProcess:
    """A worker's actor as its handle shows it, with its end of the stream."""

    def __init__(self) -> None:
        self.stream: Stream | None = None
        self.commands: list[Message] = []
        self.is_stopped = False

    async def join(self, invitation: Invitation) -> None:
        self.stream = await connect(invitation, self.commands.append, lambda: None)

    def emit(self, message: Any) -> None:
        assert self.stream is not None
        self.stream.send(message)

    def stop(self) -> None:
        """Stand still, as after SIGSTOP: the socket stays, and nothing is read or answered."""
        assert self.stream is not None
        self.stream.data_received = lambda data: None  # type: ignore[method-assign]


class Supervised:
    """A supervisor with three connected workers, and what it told."""

    def __init__(self) -> None:
        self.emitted: list[Event] = []
        self.lost: list[Worker] = []
        self.late: list[tuple[Worker, float]] = []
        self.killed: list[Any] = []
        self.supervisor = WorkerSupervisor(
            "call-1",
            Settings(),
            self.emitted.append,
            self.lost.append,
            lambda worker, lag_ms: self.late.append((worker, lag_ms)),
        )
        self.processes = {worker: WorkerProcess() for worker in Worker}

    async def start(self) -> None:
        supervisor, streams = self.supervisor, self.supervisor._streams
        await streams.listen()
        kinds = {
            Worker.STT: workers.RemoteRecogniser,
            Worker.TTS: workers.RemoteSynthesiser,
            Worker.LLM: workers.RemoteLanguageModel,
        }
        for worker, process in self.processes.items():
            await process.join(supervisor.expect(worker))
            handle = self.handle(process)
            supervisor._proxies[worker] = kinds[worker](worker, handle, streams)

    def proxy(self, worker: Worker) -> Any:
        return self.supervisor._proxies[worker]

    async def replace(self, worker: Worker) -> WorkerProcess:
        spare = WorkerProcess()
        await spare.join(self.supervisor.expect(worker))
        assert self.supervisor.replace(worker, self.handle(spare))
        return spare

    def handle(self, process: WorkerProcess) -> Handle[Any]:
        made = handle_of(process)
        made.kill = lambda: self.killed.append(process)  # type: ignore[method-assign]
        return made


async def _until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture
async def supervised() -> AsyncIterator[Supervised]:
    made = Supervised()
    await made.start()
    yield made
    made.supervisor.rest()
    made.supervisor._streams.close()


async def test_what_a_dead_worker_still_sent_is_not_heard_twice(supervised: Supervised) -> None:
    """Its successor is replayed the audio, so its words would come again."""
    dead = supervised.processes[Worker.STT]
    dead.emit(SpeechStarted(1))
    await _until(lambda: supervised.emitted)
    spare = WorkerProcess()
    invitation = supervised.supervisor.expect(Worker.STT)
    dead.emit(SpeechStarted(2))
    await spare.join(invitation)
    assert supervised.supervisor.replace(Worker.STT, supervised.handle(spare))
    spare.emit(SpeechStarted(3))
    await _until(lambda: len(supervised.emitted) == 2)
    assert supervised.emitted == [SpeechStarted(1), SpeechStarted(3)]


async def test_the_other_workers_go_on_as_they_were(supervised: Supervised) -> None:
    await supervised.replace(Worker.STT)
    supervised.processes[Worker.LLM].emit(SpeechStarted(1))
    await _until(lambda: supervised.emitted)
    assert (supervised.emitted, supervised.lost) == ([SpeechStarted(1)], [])


async def test_commands_go_to_the_new_worker_from_then_on(supervised: Supervised) -> None:
    dead = supervised.processes[Worker.TTS]
    voice = supervised.proxy(Worker.TTS)
    voice.say(1, 0, "Hello.")
    await _until(lambda: dead.commands)
    spare = await supervised.replace(Worker.TTS)
    voice.cancel(1)
    voice.say(2, 0, "How can I help?")
    await _until(lambda: len(spare.commands) == 2)
    assert dead.commands == [Say(1, 0, "Hello.")]
    assert spare.commands == [Cancel(1), Say(2, 0, "How can I help?")]


async def test_a_spare_avoids_what_the_others_avoid(supervised: Supervised) -> None:
    supervised.supervisor._avoided = frozenset({"llm:primary"})
    spare = await supervised.replace(Worker.LLM)
    await _until(lambda: spare.commands)
    assert spare.commands == [Avoid(frozenset({"llm:primary"}))]


async def test_who_was_replaced_is_ended(supervised: Supervised) -> None:
    """It may only have been stopped, and would go on speaking when it wakes up."""
    stopped = supervised.processes[Worker.TTS]
    await supervised.replace(Worker.TTS)
    assert supervised.killed == [stopped]


async def test_a_worker_whose_process_dies_is_lost_once(supervised: Supervised) -> None:
    stream = supervised.processes[Worker.STT].stream
    assert stream is not None
    stream.close()
    await _until(lambda: supervised.lost)
    supervised.supervisor.lose(Worker.STT)  # the media link found out, too
    assert supervised.lost == [Worker.STT]


async def test_a_spare_that_dies_before_it_is_in_place_is_no_second_loss(
    supervised: Supervised,
) -> None:
    """Whoever replaces the first one asks for another; two at a time would be one too many."""
    supervised.supervisor.lose(Worker.STT)
    spare = WorkerProcess()
    await spare.join(supervised.supervisor.expect(Worker.STT))
    assert spare.stream is not None
    spare.stream.close()
    await _until(lambda: not supervised.supervisor._streams.has(Worker.STT))
    assert not supervised.supervisor.replace(Worker.STT, supervised.handle(spare))
    assert supervised.lost == [Worker.STT]


async def test_a_worker_says_that_it_is_late(supervised: Supervised) -> None:
    supervised.processes[Worker.LLM].emit(Late(120.0))
    await _until(lambda: supervised.late)
    assert (supervised.late, supervised.emitted) == ([(Worker.LLM, 120.0)], [])


async def test_a_model_that_is_stopped_in_the_middle_of_an_answer_is_lost(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process lives, so its socket stands, and its own deadlines stand still with it."""
    monkeypatch.setattr(supervisor_module, "PING_EVERY_S", 0.01)
    supervised.proxy(Worker.LLM).generate(1, [], [])
    await _until(lambda: supervised.processes[Worker.LLM].commands == [Generate(1, [], [])])
    supervised.processes[Worker.LLM].stop()
    supervised.supervisor.watch()
    await _until(lambda: supervised.lost)
    assert supervised.lost == [Worker.LLM]


async def test_nobody_is_pinged_between_calls(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "PING_EVERY_S", 0.001)
    supervised.supervisor.watch()
    supervised.supervisor.rest()
    for process in supervised.processes.values():
        process.stop()
    await asyncio.sleep(0.001 * MAX_UNANSWERED_PINGS * 5)
    assert supervised.lost == []
    assert PING_EVERY_S * MAX_UNANSWERED_PINGS == 3.0, "a slow machine is given that long"


async def test_a_worker_that_is_lost_is_not_waited_for(supervised: Supervised) -> None:
    """Attaching it would be waited for without end, and the caller hear nothing at all."""
    waiting = asyncio.create_task(supervised.supervisor.unless_lost(Worker.TTS, _for_ever()))
    await asyncio.sleep(0)
    supervised.supervisor.lose(Worker.TTS)
    async with asyncio.timeout(5):
        await waiting


async def test_a_vendor_that_takes_its_time_is_no_reason_to_replace_the_worker(
    supervised: Supervised,
) -> None:
    done = asyncio.Event()

    async def attach() -> None:
        await done.wait()

    waiting = asyncio.create_task(supervised.supervisor.unless_lost(Worker.STT, attach()))
    for _ in range(MAX_UNANSWERED_PINGS * 3):
        supervised.supervisor._streams.ping()
        await _until(
            lambda: (
                not any(
                    stream.unanswered_pings
                    for stream in supervised.supervisor._streams._streams.values()
                )
            )
        )
    assert not waiting.done()
    done.set()
    await waiting
    assert supervised.lost == []


async def test_what_a_worker_raises_reaches_who_waits_for_it(supervised: Supervised) -> None:
    async def attach() -> None:
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError):
        await supervised.supervisor.unless_lost(Worker.STT, attach())


async def test_who_stops_waiting_for_a_worker_leaves_nothing_of_it_running(
    supervised: Supervised,
) -> None:
    """Inline, what is waited for runs on this loop: it would attach to a call that has ended."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def attach() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(supervised.supervisor.unless_lost(Worker.STT, attach()))
    await begun.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert ended.is_set()


async def _for_ever() -> None:
    await asyncio.Event().wait()
