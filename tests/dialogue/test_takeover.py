"""A call whose owner died goes on where it stopped, in virtual time.

Each test kills the owner of a call at one moment and lets another one open the same session.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otto.dialogue.prompts import Phrases
from otto.dialogue.session.state import Directive
from otto.events import Transcript
from otto.media_link.events import LineLost, LineStopped
from tests.support.call import BORN, NOW, READ_BACK, Call, Memory, ScriptedModel, Step

pytestmark = pytest.mark.looptime

FIRST = "We have brakes seen to in the morning, or tires seen to in the afternoon."
SECOND = "Thursday is also possible, at half past ten."
ANSWER = Step(f"{FIRST}|{SECOND}")
GOODBYE = Step("Thank you very much for calling us today.", (("end_call", {"reason": "done"}),))
OPENINGS = ("find_openings", {"services": ["oil_change"], "when": "tomorrow"})


async def heir_of(ring: Any, dead: Call, *steps: Step, wait: bool = True, **more: Any) -> Call:
    """Kill the call's owner; another one takes it over, whose model answers by `steps`."""
    await asyncio.sleep(0)  # what was committed in this very moment is on its way
    dead.kill()
    language_model = ScriptedModel()
    language_model.script += steps
    call: Call = await ring(
        memory=dead.memory,
        language_model=language_model,
        greeted=wait,
        book=dead.book,
        keys=dead.keys,
        checkpoint=dead.telephone.checkpoint,
        **more,
    )
    return call


def answers(call: Call) -> list[str]:
    """What stands in the history as said by Otto, since the greeting."""
    messages = call.conversation.session.history.messages("")
    return [m["content"] for m in messages if m["role"] == "assistant" and m["content"]][1:]


async def speaking(ring: Any, *steps: Step, after_s: float) -> Call:
    """A call in which Otto's answer has been audible for `after_s` seconds."""
    call: Call = await ring()
    call.language_model.script += steps
    await call.say("When can I come")
    await asyncio.sleep(0.2 + 0.1 + after_s)
    return call


async def test_a_kill_while_otto_thinks_leaves_no_turn_unanswered(ring: Any) -> None:
    call = await ring()
    call.language_model.script.append(Step("Too late.", delay_s=5.0))
    await call.say("When can I come")
    await asyncio.sleep(1.0)
    heir = await heir_of(ring, call, ANSWER)
    assert heir.telephone.said == [heir.context.phrases.cut_off, FIRST, SECOND]
    messages, _ = heir.language_model.requests[0]
    assert messages[-1] == {"role": "user", "content": "When can I come"}
    assert answers(heir) == [f"{FIRST} {SECOND}"], "the apology is no answer"
    await heir.turn("Nine is fine", Step("Good."))
    assert heir.telephone.said[-1] == "Good."
    await heir.conversation.close()


async def test_a_tool_result_nobody_was_told_is_told_by_the_next_owner(ring: Any) -> None:
    call = await ring()
    call.language_model.script += [Step("", (OPENINGS,)), Step("Too late.", delay_s=5.0)]
    await call.say("When can I come")
    await asyncio.sleep(1.5)
    assert call.results()[0]["status"] == "ok"
    heir = await heir_of(ring, call, Step("Tuesday at nine?"))
    assert heir.telephone.said == [heir.context.phrases.cut_off, "Tuesday at nine?"]
    assert heir.language_model.requests[0][0][-1]["role"] == "tool"
    await heir.conversation.close()


async def booking(ring: Any) -> Call:
    """A call that is in the middle of booking the first opening."""
    call: Call = await ring()
    await call.turn(
        "An oil change, please",
        Step("", (("identify_caller", {"phone_number": None}),)),
        Step("What is your date of birth?"),
    )
    await call.turn(
        "March twelfth 1984",
        Step("", (("verify_caller", {"date_of_birth": BORN.isoformat(), "vin_last_six": None}),)),
        Step("", (OPENINGS,)),
        Step(READ_BACK),
    )
    slot = next(iter(call.conversation.session.offers))
    call.book.gate.clear()
    arguments = {"slot_id": slot, "vehicle_ref": "v1", "notes": None}
    call.language_model.script.append(Step("Let me book that.", (("book_appointment", arguments),)))
    await call.say("Yes please")
    await asyncio.sleep(2.0)
    assert len(call.book.requests) == 1, "the booking is in flight"
    return call


async def test_a_booking_in_flight_is_found_and_not_repeated(ring: Any) -> None:
    call = await booking(ring)
    # The calendar has it; only the answer was lost.
    call.book.gate.set()
    await call.book.book(call.book.requests[0])
    heir = await heir_of(ring, call, Step("You are booked."))
    assert len(heir.book.bookings) == 1
    assert len({request.idempotency_key for request in heir.book.requests}) == 1
    assert heir.results()[-1]["status"] == "booked"
    assert len(heir.conversation.session.bookings) == 1
    assert heir.telephone.said == [heir.context.phrases.cut_off, "You are booked."]
    assert len(heir.language_model.requests) == 1, (
        "the tool was run again as it was, not asked for again"
    )
    await heir.conversation.close()


async def test_what_the_caller_said_during_a_booking_is_answered_behind_its_result(
    ring: Any,
) -> None:
    call = await booking(ring)
    before_ms = call.conversation.session.recognised_ms
    await call.say("And will it take long")
    await asyncio.sleep(1.0)
    call.book.gate.set()
    heir = await heir_of(ring, call, Step("You are booked, and it takes half an hour."))
    roles = [message["role"] for message in heir.language_model.requests[0][0]][-3:]
    assert roles == ["assistant", "tool", "user"]
    assert heir.results()[-1]["status"] == "booked"
    assert heir.telephone.said[-1] == "You are booked, and it takes half an hour."
    assert heir.conversation.session.recognised_ms > before_ms, (
        "those words must not be heard twice"
    )
    await heir.conversation.close()


@pytest.mark.parametrize(
    ("after_s", "again"),
    [(2.0, [FIRST, SECOND]), (4.6, [FIRST, SECOND]), (6.5, [SECOND])],
    ids=["in the first", "near its end", "in the second"],
)
async def test_a_sentence_that_was_cut_is_said_again_from_its_beginning(
    ring: Any, after_s: float, again: list[str]
) -> None:
    call = await speaking(ring, ANSWER, after_s=after_s)
    heir = await heir_of(ring, call)
    assert heir.telephone.said == [heir.context.phrases.cut_off, *again]
    assert heir.language_model.requests == []
    assert answers(heir) == [f"{FIRST} {SECOND}"]
    await heir.conversation.close()


async def test_whenever_it_is_cut_every_sentence_is_said_to_its_end_by_somebody(ring: Any) -> None:
    """From the caller's last word to well behind the answer, four times a second."""
    for quarter in range(1, 56):
        call = await ring()
        call.language_model.script.append(Step(ANSWER.text, delay_s=0.7, pace_s=3.0))
        await call.say("When can I come")
        await asyncio.sleep(quarter / 4)
        heir = await heir_of(ring, call, Step(f"{FIRST}|{SECOND}"))
        assert answers(heir) == [f"{FIRST} {SECOND}"], quarter
        said = [text for text in heir.telephone.said if text in {FIRST, SECOND}]
        assert said in ([FIRST, SECOND], [SECOND], []), quarter
        whole_s = 0.8 + call.telephone.length_ms(FIRST + SECOND) / 1000
        assert said or quarter / 4 >= whole_s, quarter
        await heir.conversation.close()


async def test_a_clause_begins_again_with_its_sentence(ring: Any) -> None:
    clauses = Step("We have brakes seen to in the morning, |or tires seen to.")
    call = await speaking(ring, clauses, after_s=3.0)
    heir = await heir_of(ring, call)
    assert " ".join(heir.telephone.said[1:]) == clauses.text.replace("|", "")
    await heir.conversation.close()


async def test_an_answer_still_being_made_is_said_again_and_gone_on_with(ring: Any) -> None:
    call = await speaking(ring, Step(ANSWER.text, pace_s=9.0), after_s=2.0)
    heir = await heir_of(ring, call, Step(f"{FIRST}|{SECOND}"))
    assert heir.telephone.said == [heir.context.phrases.cut_off, FIRST, SECOND], "nothing twice"
    messages, _ = heir.language_model.requests[0]
    assert messages[-2] == {"role": "assistant", "content": FIRST}
    assert answers(heir) == [f"{FIRST} {SECOND}"]
    await heir.conversation.close()


async def test_what_is_interrupted_after_a_takeover_holds_what_both_owners_said(ring: Any) -> None:
    call = await speaking(ring, ANSWER, after_s=6.5)
    heir = await heir_of(ring, call, wait=False)
    await asyncio.sleep(0.1 + 2.0)
    heir.language_model.script.append(Step("Right."))
    await heir.say("No, another day")
    await heir.until_quiet()
    assert answers(heir)[0].startswith(f"{FIRST} [The caller interrupted. Not heard: Thursday")
    await heir.conversation.close()


async def test_say_that_again_after_a_takeover_finds_the_answer_and_not_the_apology(
    ring: Any,
) -> None:
    call = await speaking(ring, ANSWER, after_s=1.0)
    await call.until_quiet()
    heir = await heir_of(ring, call)
    assert heir.telephone.said == [heir.context.phrases.taken_over]
    await heir.turn("Say that again?", Step(FIRST))
    messages, _ = heir.language_model.requests[0]
    assert messages[-2] == {"role": "assistant", "content": f"{FIRST} {SECOND}"}
    await heir.conversation.close()


async def test_two_kills_in_a_row_make_one_apology(ring: Any) -> None:
    call = await speaking(ring, ANSWER, after_s=2.0)
    second = await heir_of(ring, call, wait=False)
    await asyncio.sleep(1.5)
    third = await heir_of(ring, second)
    assert third.telephone.said == [FIRST, SECOND]
    fourth = await heir_of(ring, third)
    assert fourth.telephone.said == [fourth.context.phrases.taken_over_again]
    assert answers(fourth) == [f"{FIRST} {SECOND}"]
    await fourth.conversation.close()


async def test_a_kill_long_after_another_is_apologised_for(ring: Any) -> None:
    call = await speaking(ring, ANSWER, after_s=2.0)
    before = (NOW - timedelta(seconds=11)).isoformat()
    call.memory.states["CA1"]["taken_over_at"] = before
    call.kill()
    heir = await ring(memory=call.memory)
    assert heir.telephone.said[0] == heir.context.phrases.cut_off
    assert datetime.fromisoformat(heir.conversation.session.taken_over_at) == NOW.astimezone(UTC)
    await heir.conversation.close()


async def test_a_goodbye_that_was_cut_still_ends_the_call(ring: Any) -> None:
    call = await speaking(ring, GOODBYE, after_s=1.0)
    heir = await heir_of(ring, call)
    assert heir.telephone.said == [heir.context.phrases.cut_off, GOODBYE.text]
    assert heir.conversation.ended.is_set()
    session = heir.conversation.session
    assert (session.directive, session.outcome) == (Directive.HANG_UP, "done")
    await heir.conversation.close()


async def test_a_transfer_that_was_cut_still_transfers(ring: Any) -> None:
    call = await ring()
    call.conversation.finish_call()
    await asyncio.sleep(3.0)
    heir = await heir_of(ring, call)
    rest = heir.telephone.said[1:]
    assert rest, "the caller is told where they are put through"
    assert heir.context.phrases.trouble.endswith(" ".join(rest))
    assert heir.conversation.session.directive is Directive.TRANSFER
    assert heir.conversation.ended.is_set()
    await heir.conversation.close()


async def test_after_a_goodbye_that_was_heard_nothing_more_is_said(ring: Any) -> None:
    call = await speaking(ring, GOODBYE, after_s=0.0)
    await call.conversation.ended.wait()
    heir = await heir_of(ring, call)
    assert heir.telephone.said == []
    assert heir.conversation.ended.is_set()
    assert heir.conversation.session.directive is Directive.HANG_UP
    await heir.conversation.close()
    assert heir.people.records[0].outcome == "done"


@pytest.mark.parametrize("after_s", [0.05, 5.0], ids=["nothing heard", "a sentence heard"])
async def test_a_greeting_that_was_cut(ring: Any, after_s: float) -> None:
    call = await ring(greeted=False)
    await asyncio.sleep(after_s)
    heir = await heir_of(ring, call)
    phrases = heir.context.phrases
    if after_s < 1:
        assert heir.telephone.said == [phrases.greeting], "nothing was cut off for the caller"
    else:
        assert heir.telephone.said[0] == phrases.cut_off
        assert heir.telephone.said[-1] == "How can I help you today?"
        assert not heir.telephone.said[1].startswith("Thank you")
    assert heir.conversation.session.history.messages("")[1]["content"] == phrases.greeting
    await heir.conversation.close()


async def test_a_line_that_was_lost_goes_on_in_mid_answer_too(ring: Any) -> None:
    call = await speaking(ring, ANSWER, after_s=6.5)
    call.conversation.on_line(LineLost())
    await call.conversation.close()
    heir = await ring(memory=call.memory)
    assert heir.telephone.said == [heir.context.phrases.cut_off, SECOND]
    assert answers(heir) == [f"{FIRST} {SECOND}"]
    heir.conversation.on_line(LineStopped())
    await heir.conversation.close()
    assert heir.people.records[0].outcome == "caller_hung_up", "the lost line is no outcome"


async def test_a_model_that_is_slow_after_a_takeover_is_bridged(ring: Any) -> None:
    call = await ring()
    call.language_model.script.append(Step("Too late.", delay_s=5.0))
    await call.say("When can I come")
    await asyncio.sleep(1.0)
    heir = await heir_of(ring, call, Step(FIRST, delay_s=9.0))
    phrases = heir.context.phrases
    assert heir.telephone.said == [phrases.cut_off, phrases.still_working, FIRST]
    assert answers(heir) == [FIRST]
    await heir.conversation.close()


async def test_words_during_the_apology_are_answered_instead(ring: Any) -> None:
    call = await speaking(ring, ANSWER, after_s=6.5)
    heir = await heir_of(ring, call, Step("Friday, then."), wait=False)
    await asyncio.sleep(0.5)
    heir.conversation.on_event(Transcript("Do you have Friday", True, True, 0, 0))
    await heir.until_quiet()
    assert heir.telephone.said[-1] == "Friday, then."
    await heir.conversation.close()


async def test_what_was_heard_is_kept_once_a_second_and_no_more_often(ring: Any) -> None:
    """A write for every mark of every call would be the store's largest load."""

    class Counting(Memory):
        commits = 0

        async def commit(self, *arguments: Any) -> None:
            self.commits += 1
            await super().commit(*arguments)

    memory = Counting()
    call = await ring(memory=memory)
    call.language_model.script.append(ANSWER)
    await call.say("When can I come")
    await asyncio.sleep(0.8)
    before = memory.commits
    await asyncio.sleep(5.0)
    assert 4 <= memory.commits - before <= 6
    await call.conversation.close()


def test_the_phrases_of_a_takeover_are_synthesised_beforehand(dealership: Any) -> None:
    phrases = Phrases(dealership)
    spoken = {text for text, _ in phrases.all()}
    assert {phrases.cut_off, phrases.taken_over, phrases.taken_over_again} <= spoken


async def asked_for_a_birthday(ring: Any) -> Call:
    call: Call = await ring()
    await call.turn("Hi", Step("What is your date of birth? You can key it in."))
    return call


async def test_keys_that_were_no_turn_yet_are_not_lost(ring: Any) -> None:
    call = await asked_for_a_birthday(ring)
    for key in "0312":
        await asyncio.sleep(0.3)
        call.press(key)
    heir = await heir_of(ring, call, Step("Thank you."), wait=False)
    for key in "1984":
        await asyncio.sleep(0.3)
        heir.press(key)
    await heir.until_quiet()
    messages, _ = heir.language_model.requests[0]
    assert messages[-1]["content"] == "Keyed on the telephone keypad: 03/12/1984"
    assert heir.telephone.said[-1] == "Thank you."
    await heir.conversation.close()


async def test_keys_of_an_answered_turn_are_not_taken_twice(ring: Any) -> None:
    call = await asked_for_a_birthday(ring)
    call.language_model.script.append(Step("And what does your car need?"))
    for key in "03121984":
        await asyncio.sleep(0.3)
        call.press(key)
    await call.until_quiet()
    heir = await heir_of(ring, call)
    await asyncio.sleep(10)
    assert heir.language_model.requests == []
    heir.language_model.script.append(Step("One moment."))
    heir.press("5")
    heir.press("#")
    await heir.until_quiet()
    assert heir.language_model.requests[0][0][-1]["content"] == "Keyed on the telephone keypad: 5"
    await heir.conversation.close()


async def test_a_call_whose_store_was_away_goes_on_all_the_same(ring: Any) -> None:
    call = await ring()
    await call.turn("When can I come", ANSWER)
    call.memory.away = True
    await call.turn("What about Friday", Step("Friday is full."))
    call.language_model.script.append(Step("Too late.", delay_s=5.0))
    await call.say("And Saturday")
    await asyncio.sleep(1.0)
    heir = await heir_of(ring, call, Step("We are closed on Saturday."))
    assert heir.telephone.said == [heir.context.phrases.cut_off, "We are closed on Saturday."]
    assert answers(heir)[:2] == [f"{FIRST} {SECOND}", "Friday is full."]
    await heir.conversation.close()


async def test_a_store_that_goes_with_the_owner_takes_nothing_along(ring: Any) -> None:
    call = await ring()
    await call.turn("When can I come", ANSWER)
    call.memory.away = True
    heir = await heir_of(ring, call)
    assert heir.telephone.said == [heir.context.phrases.taken_over]
    assert answers(heir) == [f"{FIRST} {SECOND}"]
    heir.memory.away = False
    await asyncio.sleep(3)
    assert heir.memory.states["CA1"]["epoch"] == 2
    await heir.conversation.close()


async def test_the_later_of_two_states_counts(ring: Any) -> None:
    """What the line has kept is old when the store has come back since."""
    call = await ring()
    call.memory.away = True
    await call.turn("When can I come", ANSWER)
    call.memory.away = False
    await asyncio.sleep(3)
    await call.turn("What about Friday", Step("Friday is full."))
    heir = await heir_of(ring, call)
    assert answers(heir) == [f"{FIRST} {SECOND}", "Friday is full."]
    await heir.conversation.close()
