"""Whole calls in virtual time, both minds real: the sandbox's receptionist and its callers.

What a scripted model cannot show: that what callers say, key and cough over is understood by
whoever reads it, and that an appointment comes of it.
"""

from __future__ import annotations

import asyncio
import json
import random
from functools import partial
from typing import Any

import pytest

from otto.dialogue.session.state import Directive
from otto.events import ModelDone, Sentence, ToolCall, Transcript
from otto.language.pronounce import to_spoken
from sandbox.caller.mind import Mind, Stage
from sandbox.caller.personas import PERSONAS
from sandbox.receptionist import continuing
from sandbox.receptionist.receptionist import answer
from tests.support.call import NOW, Call, ScriptedModel, Telephone

pytestmark = pytest.mark.looptime


class Receptionist(ScriptedModel):
    """Answers as the sandbox's language model does."""

    def generate(
        self, generation: int, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> None:
        self.requests.append((messages, [tool["function"]["name"] for tool in tools]))
        self.numbers.append(generation)
        asked, said_before = continuing.apart(messages)
        reply = continuing.rest(answer(asked, tools, NOW.date()), said_before)
        calls: tuple[ToolCall, ...] = ()
        if reply.call is not None:
            arguments = json.dumps(reply.call.arguments)
            calls = (ToolCall(f"call_{generation}", reply.call.name, arguments),)

        async def stream() -> None:
            await asyncio.sleep(0.3)
            if reply.text:
                self.emit(Sentence(generation, 0, reply.text))
            self.emit(ModelDone(generation, reply.text, calls, "stop", 300, 300, 300))

        self._tasks.spawn(stream())


async def hold(
    call: Call, caller: Mind, coughs: random.Random | None, *, gap_s: float = 0.0
) -> None:
    """Let the caller talk until the line is given up or they have nothing to say."""
    turns = call.conversation.session.turns
    heard_up_to = 0
    for _ in range(25):
        if coughs is not None:
            await cough(call, coughs)
        await call.until_quiet()
        said = " ".join(turn.heard for turn in turns[heard_up_to:] if turn.speaker == "otto")
        heard_up_to = len(turns)
        reply = caller.hear(said) if said else None
        if call.conversation.ended.is_set() or reply is None:
            return
        for key in reply.keys:
            await asyncio.sleep(0.25)
            call.press(key)
        if reply.text:
            await asyncio.sleep(gap_s)
            await call.say(reply.text)
    raise AssertionError("a call without end")


async def cough(call: Call, chance: random.Random) -> None:
    """Somewhere in Otto's answer, a noise that the recogniser takes for words at first."""
    await asyncio.sleep(chance.uniform(0.2, 4.0))
    if not call.conversation.is_quiet and call.conversation._turns.is_idle:
        call.conversation.on_event(Transcript("the other", False, False, 0, 0))
        await asyncio.sleep(0.4)
        call.conversation.on_event(Transcript("", True, True, 0, 0))


@pytest.mark.parametrize("coughs", [None, 1, 2], ids=["quiet", "coughs", "more coughs"])
@pytest.mark.parametrize("name", ["maria", "keypad", "new-customer", "rambler"])
async def test_a_caller_of_the_sandbox_books_in_virtual_time(
    ring: Any, name: str, coughs: int | None
) -> None:
    persona = PERSONAS[name]
    call: Call = await ring(
        language_model=Receptionist(), greeted=False, caller=persona.facts.phone
    )
    caller = Mind(persona)
    await hold(call, caller, None if coughs is None else random.Random(coughs))
    assert Stage.BOOKED in caller.stages
    assert len(call.book.bookings) == 1
    assert call.conversation.session.outcome == "done"
    if coughs is not None:
        assert len(call.telephone.cleared) >= 2, "Otto was stopped, and went on"
    for turn in call.conversation.session.turns:
        assert turn.heard == turn.text, "nothing of what Otto said was lost"
    await call.conversation.close()


class Speakerphone(Telephone):
    """A telephone in whose room Otto is loud: the recogniser hears it a moment later, and loses a
    word now and then."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.came_back = 0
        self._chance = chance
        self._picked_up_s = asyncio.get_running_loop().time()

    async def _speak(self, generation: int, index: int, text: str, start: int, end: int) -> None:
        await super()._speak(generation, index, text, start, end)
        self._later(generation, self._come_back(generation, text, start))

    async def _come_back(self, generation: int, text: str, start_ms: int) -> None:
        loop, chance = asyncio.get_running_loop(), self._chance
        delay_s = chance.uniform(0.1, 0.5)
        begins_s = self._playing_s[generation] + start_ms / 1000 + delay_s
        words, heard, is_lost = text.split(), [], False
        for count, word in enumerate(words, start=1):
            ends_s = begins_s + self.length_ms(" ".join(words[:count])) / 1000
            await asyncio.sleep(max(0.0, ends_s - loop.time()))
            is_lost = len(words) > 5 and not is_lost and chance.random() < 0.1
            if not is_lost:
                heard.append(word)
            if count % 2 and heard:
                self._hear(heard, begins_s, ends_s, is_final=False)
        await asyncio.sleep(0.3)
        self._hear(heard, begins_s, ends_s, is_final=True)
        self.came_back += 1

    def _hear(self, words: list[str], begins_s: float, ends_s: float, *, is_final: bool) -> None:
        text = to_spoken(" ".join(words)).lower()
        begins_ms, ends_ms = (round((at - self._picked_up_s) * 1000) for at in (begins_s, ends_s))
        self.emit(Transcript(text, is_final, is_final, begins_ms, ends_ms))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["maria", "new-customer", "rambler"])
async def test_a_caller_on_a_speakerphone_books_and_otto_never_hears_itself(
    ring: Any, name: str, seed: int
) -> None:
    persona = PERSONAS[name]
    lengths: list[int] = []
    for make in (Telephone, partial(Speakerphone, random.Random(seed))):
        telephone = make()
        call: Call = await ring(
            language_model=Receptionist(),
            telephone=telephone,
            greeted=False,
            caller=persona.facts.phone,
        )
        caller = Mind(persona)
        await hold(call, caller, None, gap_s=1.0)
        assert len(call.book.bookings) == 1
        assert call.conversation.session.outcome == "done"
        assert call.telephone.cleared == []
        lengths.append(len(call.language_model.requests))
        await call.conversation.close()
    assert isinstance(telephone, Speakerphone) and telephone.came_back > 5
    assert lengths[0] == lengths[1], "the echo has asked nothing"


async def asking_for_a_person(ring: Any) -> Call:
    call: Call = await ring(language_model=Receptionist())
    await call.say("Can I speak to a person, please?")
    await asyncio.sleep(2.0)
    assert "connect you" in call.telephone.said[-1]
    return call


async def test_whoever_thanks_the_receptionist_for_the_transfer_is_connected(ring: Any) -> None:
    call = await asking_for_a_person(ring)
    await call.say("Thank you so much.")
    await asyncio.wait_for(call.conversation.ended.wait(), 20)
    assert call.conversation.session.directive is Directive.TRANSFER
    assert call.conversation.session.turns[-1].heard == call.telephone.said[-1]
    await call.conversation.close()
    assert call.people.records[0].outcome == "transferred"


async def test_whoever_asks_the_receptionist_one_more_thing_is_answered_and_then_connected(
    ring: Any,
) -> None:
    call = await asking_for_a_person(ring)
    await call.say("Wait, what are your hours on Saturday?")
    await call.until_quiet()
    assert "Saturday" in call.telephone.said[-1]
    assert not call.conversation.ended.is_set()
    await asyncio.wait_for(call.conversation.ended.wait(), 60)
    assert call.telephone.said[-1] == call.context.phrases.transferring
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


async def test_whoever_takes_the_wish_back_is_served_by_the_receptionist(ring: Any) -> None:
    call = await asking_for_a_person(ring)
    await call.say("No, never mind. I'd like to book an oil change.")
    await call.until_quiet()
    assert not call.conversation.ended.is_set()
    assert call.conversation.session.promised is None
    await call.say("That's all for now, thank you, goodbye.")
    await asyncio.wait_for(call.conversation.ended.wait(), 60)
    assert call.conversation.session.directive is Directive.HANG_UP
    await call.conversation.close()


async def killed_now_and_then(ring: Any, call: Call, chance: random.Random) -> Call:
    """Somewhere in Otto's answer its owner dies, perhaps, and another one takes the call over."""
    await asyncio.sleep(chance.uniform(0.0, 6.0))
    if call.conversation.is_quiet or chance.random() < 0.3:
        return call
    call.kill()
    heir: Call = await ring(
        memory=call.memory,
        language_model=Receptionist(),
        book=call.book,
        people=call.people,
        keys=call.keys,
        caller=call.conversation.session.caller,
        greeted=False,
    )
    return heir


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ["maria", "keypad", "new-customer"])
async def test_a_caller_whose_actors_die_again_and_again_has_one_appointment(
    ring: Any, name: str, seed: int
) -> None:
    """Nobody is asked to begin anew, and what was under way is neither lost nor done twice."""
    persona, chance = PERSONAS[name], random.Random(seed)
    call: Call = await ring(
        language_model=Receptionist(), greeted=False, caller=persona.facts.phone
    )
    caller, heard_up_to, owners = Mind(persona), 0, 1
    for _ in range(40):
        if call.conversation.ended.is_set():
            break
        before, call = call, await killed_now_and_then(ring, call, chance)
        owners += call is not before
        await call.until_quiet()
        turns = call.conversation.session.turns
        said = " ".join(turn.heard for turn in turns[heard_up_to:] if turn.speaker == "otto")
        heard_up_to = len(turns)
        reply = caller.hear(said) if said else None
        for key in reply.keys if reply else "":
            await asyncio.sleep(0.25)
            call.press(key)
        if reply and reply.text:
            await call.say(reply.text)
    assert owners > 3, "they did die"
    assert Stage.BOOKED in caller.stages
    assert len(call.book.bookings) == 1
    assert call.conversation.session.outcome == "done"
    await call.conversation.close()
