"""A caller who wants no transcript is told so, served, and leaves no word behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.settings import CallSettings
from otto.dialogue.prompts import Phrases
from otto.media_link.events import LineLost
from tests.dialogue.test_conversation import book, offered
from tests.support.call import READ_BACK, Memory, Step

pytestmark = pytest.mark.looptime
REFUSAL = "Please don't record this"
PROMISE = "All right. What we say will not be kept after this call."
SECRETS = ("record this", "birthday", "1984", "Yes, please")


async def test_the_caller_is_told_and_then_answered(ring: Any) -> None:
    call = await ring()
    await call.turn(f"{REFUSAL}, I need an oil change", Step("Sure. When?"))
    assert call.telephone.said[-2:] == [PROMISE, "Sure. When?"]
    said = call.language_model.requests[-1][0][-1]["content"]
    assert said.startswith(REFUSAL) and "No transcript" in said


async def test_it_is_promised_once(ring: Any) -> None:
    call = await ring()
    await call.turn(REFUSAL, Step("How can I help?"))
    await call.turn("I said don't record this", Step("It is not kept."))
    assert call.telephone.said.count(PROMISE) == 1


async def test_a_booking_outlives_the_call_and_no_word_does(ring: Any) -> None:
    memory = Memory()
    call, slots = await offered(ring, memory=memory)
    await call.turn(REFUSAL, Step(READ_BACK))
    await call.turn("Yes, please", book(slots[0]), Step("You are booked."))
    await call.turn("No", Step("Goodbye!", (("end_call", {"reason": "done"}),)))
    await call.conversation.close()
    assert len(call.book.bookings) == 1
    (record,) = call.people.records
    assert record.outcome == "done"
    assert (
        {turn.text for turn in record.turns} == {turn.heard_text for turn in record.turns} == {""}
    )
    kept = json.dumps([memory.states["CA1"], record.dump()])
    assert [secret for secret in SECRETS if secret in kept] == []
    assert memory.states["CA1"]["directive"] == "hangup"  # the line still learns what to do


async def test_the_next_owner_of_the_call_knows_what_was_said_and_refused(ring: Any) -> None:
    memory = Memory()
    call = await ring(memory=memory)
    await call.turn(f"{REFUSAL}, I need an oil change", Step("When?"))
    call.conversation.on_line(LineLost())
    await call.conversation.close()
    heir = await ring(memory=memory)
    await heir.turn("Tomorrow", Step("At nine?"))
    assert PROMISE not in heir.telephone.said
    assert "oil change" in json.dumps(heir.language_model.requests[-1][0])
    heir.conversation.finish_call()
    await heir.until_quiet()
    await heir.conversation.close()
    assert "oil change" not in json.dumps(memory.states["CA1"])
    assert {turn.text for turn in heir.people.records[-1].turns} == {""}


async def test_others_leave_their_transcript(ring: Any) -> None:
    call = await ring()
    await call.turn("Is this call recorded?", Step("It is transcribed."))
    call.conversation.finish_call()
    await call.until_quiet()
    await call.conversation.close()
    assert "Is this call recorded?" in [turn.text for turn in call.people.records[-1].turns]


def test_the_greeting_says_it_before_anything_is_asked(dealership: Any) -> None:
    greeting = Phrases(dealership, CallSettings().transcript_notice).greeting
    assert greeting.index("This call is transcribed.") < greeting.index("How can I help")
    silent = Phrases(dealership, CallSettings(transcript_notice="OFF").transcript_notice).greeting
    assert "transcribed" not in silent and "  " not in silent
