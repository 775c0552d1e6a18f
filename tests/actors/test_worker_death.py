"""A worker dies in a call: a spare joins it where the other stopped, or the caller is told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.call.runtime import CallRuntime, _Live
from actors.call.stream import Invitation
from actors.call.switchboard_client import SwitchboardClient
from config.dealership import Dealership
from config.settings import RedisSettings, Settings
from otto.events import Transcript, VendorReport, Worker, WorkerFailed
from otto.media_link.events import LineStopped, WorkerSilent
from otto.media_link.frames import LinkError, Role
from otto.telephony.switchboard_port import CallerFacts, CallStart
from tests.support.handles import handle_of

INVITATION = Invitation(port=1, token="one-use")


class Spare:
    """A warm worker's actor; `fault` is what its attaching raises."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.attached: tuple[Any, ...] | None = None

    async def attach(self, *arguments: Any) -> None:
        if self.fault is not None:
            raise self.fault
        self.attached = arguments


class Call:
    """A runtime in the middle of a call, and the switchboard it asks."""

    def __init__(self, dealership: Dealership, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = Settings(redis=RedisSettings(url="redis://127.0.0.1:1"))
        self.runtime = CallRuntime("call-1", settings, dealership, "switchboard-1")
        self.spares: list[Spare] = []
        self.killed: list[Any] = []
        self.replaced: list[Worker] = []
        self.events: list[Any] = []
        self.in_place: dict[Worker, Any] = {}
        self.told: list[tuple[Any, ...]] = []
        self.of: dict[Any, Spare] = {}
        conversation: Any = SimpleNamespace(
            on_replaced=self.replaced.append, on_event=self.events.append
        )
        self.control: Any = SimpleNamespace(is_over=False, invite=self.invite)
        started = CallStart("CA1", "stream-1", CallerFacts("+13125550142", "+13125550100"))
        self.runtime._live = _Live(started, self.control, "host:1", 0.0, conversation)
        self.runtime._switchboard = cast(SwitchboardClient, self)
        monkeypatch.setattr(self.runtime, "_make_way", lambda: self.killed.append(self.runtime))
        monkeypatch.setattr(
            self.runtime._supervisor,
            "replace",
            lambda worker, handle: self.in_place.update({worker: self.of[handle]}) is None,
        )
        monkeypatch.setattr(self.runtime._supervisor, "expect", lambda worker: INVITATION)

    async def invite(self, role: Role) -> str:
        return f"{role}-token"

    async def take_spare(self, worker: Worker, invitation: Invitation) -> Any:
        self.told.append(("take_spare", worker, invitation))
        if not self.spares:
            return None
        spare = self.spares.pop(0)
        made: Any = handle_of(spare)
        made.kill = lambda: self.killed.append(spare)
        self.of[made] = spare
        return made

    def report(self, report: VendorReport) -> None:
        self.told.append(("vendor", report))

    async def lose(self, worker: Worker) -> None:
        self.runtime._on_death(worker)
        await self.runtime._be_whole()


@pytest.fixture
async def call(dealership: Dealership, monkeypatch: pytest.MonkeyPatch) -> Call:
    return Call(dealership, monkeypatch)


async def test_a_new_recogniser_begins_where_the_last_final_words_ended(call: Call) -> None:
    words = {"speech_final": False, "confidence": 1.0}
    call.runtime._on_event(Transcript("I need", True, start_ms=0, end_ms=1200, **words))
    call.runtime._on_event(Transcript("I need an oil", False, start_ms=1200, end_ms=2400, **words))
    spare = Spare()
    call.spares = [spare]
    await call.lose(Worker.STT)
    assert spare.attached == ("host:1", "uplink-token", 1200)
    assert call.told == [("take_spare", Worker.STT, INVITATION)]
    assert (call.in_place, call.replaced) == ({Worker.STT: spare}, [Worker.STT])


async def test_a_new_voice_joins_the_line_and_a_new_mind_needs_none(call: Call) -> None:
    voice, language_model = Spare(), Spare()
    call.spares = [voice, language_model]
    await call.lose(Worker.TTS)
    await call.lose(Worker.LLM)
    assert voice.attached == ("host:1", "downlink-token")
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
    assert call.runtime._is_broken


async def test_between_calls_it_makes_way_at_once_when_it_cannot_be_made_whole(call: Call) -> None:
    call.runtime._live = None
    await call.lose(Worker.STT)
    assert call.killed == [call.runtime]


async def test_a_call_that_ends_meanwhile_does_not_make_the_spare_look_bad(call: Call) -> None:
    spare = Spare(LinkError("bad_token"))
    call.spares = [spare]
    call.control.is_over = True
    await call.lose(Worker.STT)
    assert (call.in_place, call.killed) == ({Worker.STT: spare}, [])


async def test_how_a_vendor_did_goes_to_the_switchboard_and_not_into_the_call(call: Call) -> None:
    report = VendorReport(Worker.STT, "primary", ok=False, kind="refused")
    call.runtime._on_event(report)
    await asyncio.sleep(0)
    assert (call.told, call.events) == ([("vendor", report)], [])


async def test_a_worker_the_link_has_given_up_is_replaced_like_a_dead_one(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call.runtime._supervisor, "has", lambda worker: True)
    monkeypatch.setattr(call.runtime._supervisor, "lose", call.runtime._on_death)
    call.spares = [Spare()]
    line: list[Any] = [WorkerSilent(Role.DOWNLINK), None]

    async def read() -> Any:
        return line.pop(0)

    heard: list[Any] = []
    control: Any = SimpleNamespace(read=read, was_replaced=False)
    await call.runtime._read(control, SimpleNamespace(on_line=heard.append))  # type: ignore[arg-type]
    await call.runtime._be_whole()
    assert (list(call.in_place), call.replaced) == ([Worker.TTS], [Worker.TTS])
    assert heard == [LineStopped()]


async def test_inline_workers_that_fell_silent_are_this_process_and_well_again(call: Call) -> None:
    call.runtime._on_silence(Worker.STT)
    await call.runtime._be_whole()
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
    call.runtime._supervisor.workers = SimpleNamespace(synthesiser=stopped)  # type: ignore[assignment]
    assert call.runtime._live is not None
    call.runtime._live.conversation = None
    spare = Spare()
    call.spares = [spare]
    speaking = asyncio.create_task(call.runtime._speak(call.runtime._live))
    await begun.wait()
    call.runtime._supervisor._lost(Worker.TTS)  # it has owed too many answers to pings
    async with asyncio.timeout(5):
        await speaking
    assert (call.in_place, call.replaced) == ({Worker.TTS: spare}, [])
    assert spare.attached == ("host:1", "downlink-token")


async def test_the_end_of_the_line_comes_before_a_workers_word_that_it_is_gone(call: Call) -> None:
    """They arrive in the same moment; a voice that has lost its link is no reason to transfer."""
    lost = WorkerFailed(Worker.TTS, "dropped", "media link lost", 3)
    call.runtime._on_event(lost)
    call.control.is_over = True  # read in the same turn of the loop
    await asyncio.sleep(0)
    assert call.events == []
    call.control.is_over = False
    call.runtime._on_event(lost)
    await asyncio.sleep(0)
    assert call.events == [lost], "while the line stands it is one"
