"""Calls heard by a recogniser that decides turns itself: its eager end, and a whole booking.

The sandbox's Flux session and Otto's reader of it speak in virtual time, frame by frame.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

import pytest

from otto.events import EagerEndOfTurn, SpeechStarted, Transcript, TurnResumed
from otto.speech.flux import FluxReader
from sandbox.audio import carrier
from sandbox.audio.formats import TELEPHONE
from sandbox.caller.mind import Mind, Stage
from sandbox.caller.personas import PERSONAS
from sandbox.deepgram.flux import FluxQuery, FluxSession
from sandbox.deepgram.flux_turns import Thresholds
from sandbox.world import Options, World
from tests.dialogue.test_whole_calls import Receptionist, hold
from tests.support.call import Call, Step

pytestmark = pytest.mark.looptime

FRAME_MS = 20
WISH = "I need an oil change."


def interim(text: str) -> Transcript:
    return Transcript(text, False, False, 0, 0)


# The eager end


async def test_an_eager_end_begins_the_answer_before_the_turn_is_over(ring: Any) -> None:
    call: Call = await ring()  # guessing by words is off
    call.language_model.script.append(Step("Certainly.", delay_s=0.5))
    call.conversation.on_event(SpeechStarted(0))
    call.conversation.on_event(interim(WISH))
    assert call.language_model.requests == [], "words alone begin nothing"
    call.conversation.on_event(EagerEndOfTurn())
    assert call.language_model.requests[0][0][-1]["content"] == WISH
    await asyncio.sleep(0.6)
    assert call.telephone.said[1:] == [], "nobody hears of it before the turn is over"
    call.conversation.on_event(Transcript(WISH, True, True, 0, 0))
    await asyncio.sleep(0.05)
    assert call.telephone.said[1:] == ["Certainly."], "the model's half second is over already"
    await call.until_quiet()
    assert len(call.language_model.requests) == 1
    await call.conversation.close()


async def test_a_resumed_turn_takes_it_back(ring: Any) -> None:
    call: Call = await ring()
    end_call = ("end_call", {"reason": "done"})
    call.language_model.script += [Step("Goodbye!", (end_call,)), Step("Both, certainly.")]
    call.conversation.on_event(interim(WISH))
    call.conversation.on_event(EagerEndOfTurn())
    [guessed] = call.language_model.numbers
    call.conversation.on_event(TurnResumed())
    assert call.language_model.cancelled == [guessed]
    await call.turn("I need an oil change and new wipers.")
    assert call.telephone.said[1:] == ["Both, certainly."]
    assert call.results() == [] and not call.conversation.ended.is_set()
    await call.conversation.close()


async def test_who_pauses_at_every_word_costs_no_answer_for_each(ring: Any) -> None:
    call: Call = await ring()
    call.language_model.script += [Step("A."), Step("B."), Step("C.")]
    for text in ("Well.", "I need.", "An oil change.", "Or two."):
        call.conversation.on_event(interim(text))
        call.conversation.on_event(EagerEndOfTurn())
        call.conversation.on_event(TurnResumed())
    assert len(call.language_model.requests) <= 2
    await call.conversation.close()


@pytest.mark.parametrize("text", ["my number is three one two", "on Tuesday and", ""])
async def test_half_a_turn_is_not_guessed_at_however_sure_the_recogniser(
    ring: Any, text: str
) -> None:
    call: Call = await ring()
    if text:
        call.conversation.on_event(interim(text))
    call.conversation.on_event(EagerEndOfTurn())
    assert call.language_model.requests == []
    await call.conversation.close()


async def test_an_eager_end_while_otto_speaks_begins_nothing(ring: Any) -> None:
    call: Call = await ring(greeted=False)
    await asyncio.sleep(1.0)
    call.conversation.on_event(interim("mhm"))
    call.conversation.on_event(EagerEndOfTurn())
    assert call.language_model.requests == []
    await call.conversation.close()


async def test_a_number_in_two_of_its_turns_is_one_turn_of_the_callers(ring: Any) -> None:
    call: Call = await ring()
    call.language_model.script += [Step("What is your phone number?"), Step("Thank you.")]
    await call.turn(WISH)
    call.conversation.on_event(Transcript("three one two five five five", True, True, 0, 0))
    await asyncio.sleep(1.0)
    call.conversation.on_event(Transcript("oh one four two", True, True, 0, 0))
    await call.until_quiet()
    assert len(call.language_model.requests) == 2
    await call.conversation.close()


# A whole call


class Wire:
    """The edge of the sandbox's session: what the client sends and is told."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.told: asyncio.Queue[str] = asyncio.Queue()

    async def accept(self, headers: Any) -> None: ...

    async def receive(self) -> dict[str, Any]:
        return await self.sent.get()

    async def send_text(self, text: str) -> None:
        self.told.put_nowait(text)

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


class Ear:
    """Hears the caller's known audio, a frame every 20 ms, through the sandbox's Flux."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._frames: deque[bytes] = deque()
        self._wire = Wire()
        self._reader = FluxReader()
        self._ended = asyncio.Event()
        self.events: list[str] = []
        query = FluxQuery("flux-general-en", TELEPHONE, Thresholds(eager=0.5))
        session = FluxSession(World(Options(speech="known")), self._wire, query)  # type: ignore[arg-type]
        self._tasks = [
            asyncio.create_task(work) for work in (session.run(), self._talk(), self._hear())
        ]

    async def say(self, text: str) -> None:
        """As `Call.say`: until the turn is over."""
        audio = carrier.encode(text)
        frames = (audio[at : at + 160].ljust(160, b"\xff") for at in range(0, len(audio), 160))
        self._frames.extend(frames)
        self._ended.clear()
        await self._ended.wait()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            frame = self._frames.popleft() if self._frames else b"\xff" * 160
            self._reader.sent(round((loop.time() - self._call.anchor_s) * 1000), len(frame))
            self._wire.sent.put_nowait({"type": "websocket.receive", "bytes": frame})
            await asyncio.sleep(FRAME_MS / 1000)

    async def _hear(self) -> None:
        while True:
            message = await self._wire.told.get()
            self.events.append(json.loads(message).get("event", ""))
            for event in self._reader.receive(message):
                self._call.conversation.on_event(event)
            if self.events[-1] == "EndOfTurn":
                self._ended.set()


@pytest.mark.parametrize("name", ["maria", "new-customer"])
async def test_a_whole_call_books(ring: Any, name: str) -> None:
    persona = PERSONAS[name]
    call: Call = await ring(
        language_model=Receptionist(), greeted=False, caller=persona.facts.phone
    )
    ear = Ear(call)
    call.say = ear.say  # type: ignore[method-assign, assignment]
    caller = Mind(persona)
    await hold(call, caller, None)
    await ear.close()
    assert Stage.BOOKED in caller.stages
    assert len(call.book.bookings) == 1
    assert call.conversation.session.outcome == "done"
    eager, ends = (ear.events.count(event) for event in ("EagerEndOfTurn", "EndOfTurn"))
    assert eager >= ends >= 4
    await call.conversation.close()
