"""A worker dies in a call: a spare joins it where the other stopped, or the caller is told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from actors.call import runtime as runtime_module
from actors.call.runtime import CallRuntime, _Live
from actors.call.stream import Invitation
from config.dealership import Dealership
from config.settings import RedisSettings, Settings
from otto.events import Transcript, VendorReport, Worker, WorkerFailed
from otto.media_link.events import LineStopped, WorkerSilent
from otto.media_link.frames import LinkError, Role
from otto.telephony.switchboard_port import CallStart

INVITATION = Invitation(port=1, token="one-use")


class Spare:
    """A warm worker's actor; `fault` is what its attaching raises."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.attached: tuple[Any, ...] | None = None
        self.attach = SimpleNamespace(remote=self._attach)

    async def _attach(self, *arguments: Any) -> None:
        if self.fault is not None:
            raise self.fault
        self.attached = arguments


class Call:
    """A host in the middle of a call, with what it asks the switchboard for."""

    def __init__(self, dealership: Dealership, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = Settings(redis=RedisSettings(url="redis://127.0.0.1:1"))
        self.host = CallRuntime("call-1", settings, dealership, "switchboard-1")
        self.spares: list[Spare] = []
        self.killed: list[Any] = []
        self.replaced: list[Worker] = []
        self.events: list[Any] = []
        self.in_place: dict[Worker, Any] = {}
        self.told: list[tuple[Any, ...]] = []
        conversation: Any = SimpleNamespace(
            on_replaced=self.replaced.append, on_event=self.events.append
        )
        self.control: Any = SimpleNamespace(is_over=False)
        started = CallStart("CA1", "MZ1", "+13125550142", "+13125550100")
        self.host._live = _Live(started, self.control, "host:1", "token", 0.0, conversation)
        monkeypatch.setattr(self.host, "_tell", self._tell)
        monkeypatch.setattr(self.host, "_make_way", lambda: self.killed.append(self.host))
        monkeypatch.setattr(
            self.host._supervisor,
            "replace",
            lambda worker, spare: self.in_place.update({worker: spare}) is None,
        )
        monkeypatch.setattr(self.host._supervisor, "expect", lambda worker: INVITATION)
        monkeypatch.setattr(runtime_module.ray, "kill", self.killed.append)

    async def _tell(self, method: str, *arguments: Any) -> Any:
        self.told.append((method, *arguments))
        return self.spares.pop(0) if self.spares else None

    async def lose(self, worker: Worker) -> None:
        self.host._on_death(worker)
        await self.host._be_whole()


@pytest.fixture
async def call(dealership: Dealership, monkeypatch: pytest.MonkeyPatch) -> Call:
    return Call(dealership, monkeypatch)


async def test_new_ears_begin_where_the_last_final_words_ended(call: Call) -> None:
    words = {"speech_final": False, "confidence": 1.0}
    call.host._on_event(Transcript("I need", True, start_ms=0, end_ms=1200, **words))
    call.host._on_event(Transcript("I need an oil", False, start_ms=1200, end_ms=2400, **words))
    spare = Spare()
    call.spares = [spare]
    await call.lose(Worker.STT)
    assert spare.attached == ("host:1", "token", 1200)
    assert call.told == [("take_spare", Worker.STT, INVITATION)]
    assert (call.in_place, call.replaced) == ({Worker.STT: spare}, [Worker.STT])


async def test_a_new_voice_joins_the_line_and_a_new_mind_needs_none(call: Call) -> None:
    voice, language_model = Spare(), Spare()
    call.spares = [voice, language_model]
    await call.lose(Worker.TTS)
    await call.lose(Worker.LLM)
    assert voice.attached == ("host:1", "token")
    assert language_model.attached is None
    assert call.replaced == [Worker.TTS, Worker.LLM]


async def test_a_spare_that_is_no_good_is_ended_and_another_asked_for(call: Call) -> None:
    bad, good = Spare(LinkError("lost")), Spare()
    call.spares = [bad, good]
    await call.lose(Worker.TTS)
    assert call.killed == [bad]
    assert call.in_place == {Worker.TTS: good}


async def test_without_a_spare_the_caller_is_told_and_the_call_actor_makes_way_afterwards(
    call: Call,
) -> None:
    await call.lose(Worker.LLM)
    (failed,) = call.events
    assert isinstance(failed, WorkerFailed)
    assert (failed.worker, failed.kind) == (Worker.LLM, "died")
    assert call.killed == [], "the call still has to be ended in good order"
    assert call.host._is_broken


async def test_between_calls_it_makes_way_at_once_when_it_cannot_be_made_whole(call: Call) -> None:
    call.host._live = None
    await call.lose(Worker.STT)
    assert call.killed == [call.host]


async def test_a_call_that_ends_meanwhile_does_not_make_the_spare_look_bad(call: Call) -> None:
    spare = Spare(LinkError("bad_token"))
    call.spares = [spare]
    call.control.is_over = True
    await call.lose(Worker.STT)
    assert (call.in_place, call.killed) == ({Worker.STT: spare}, [])


async def test_how_a_vendor_did_goes_to_the_switchboard_and_not_into_the_call(call: Call) -> None:
    report = VendorReport(Worker.STT, "primary", ok=False, kind="refused")
    call.host._on_event(report)
    await asyncio.sleep(0)
    assert (call.told, call.events) == ([("vendor", report)], [])


async def test_a_worker_the_link_has_given_up_is_replaced_like_a_dead_one(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call.host._supervisor, "has", lambda worker: True)
    monkeypatch.setattr(call.host._supervisor, "lose", call.host._on_death)
    call.spares = [Spare()]
    line: list[Any] = [WorkerSilent(Role.DOWNLINK), None]

    async def read() -> Any:
        return line.pop(0)

    heard: list[Any] = []
    control: Any = SimpleNamespace(read=read, was_replaced=False)
    await call.host._read(control, SimpleNamespace(on_line=heard.append))  # type: ignore[arg-type]
    await call.host._be_whole()
    assert (list(call.in_place), call.replaced) == ([Worker.TTS], [Worker.TTS])
    assert heard == [LineStopped()]


async def test_inline_workers_that_fell_silent_are_this_process_and_well_again(call: Call) -> None:
    call.host._on_silence(Worker.STT)
    await call.host._be_whole()
    assert call.told == []


async def test_a_voice_that_is_stopped_when_a_call_comes_is_replaced_before_the_greeting(
    call: Call,
) -> None:
    """Attaching it would be waited for without end, and the caller hear nothing at all."""
    begun = asyncio.Event()

    async def attach(*arguments: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    stopped: Any = SimpleNamespace(attach=attach)
    call.host._supervisor.workers = SimpleNamespace(synthesiser=stopped)  # type: ignore[assignment]
    assert call.host._live is not None
    call.host._live.conversation = None
    spare = Spare()
    call.spares = [spare]
    speaking = asyncio.create_task(call.host._speak(call.host._live))
    await begun.wait()
    call.host._supervisor._lost(Worker.TTS)  # it has owed too many answers to pings
    async with asyncio.timeout(5):
        await speaking
    assert (call.in_place, call.replaced) == ({Worker.TTS: spare}, [])
    assert spare.attached == ("host:1", "token")
