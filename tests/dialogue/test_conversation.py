"""Whole calls in virtual time, each named after what must not go wrong."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from otto.dialogue.session.state import Directive, Identity
from otto.events import Transcript, Worker, WorkerFailed
from otto.media_link.events import LineLost, LineStopped
from tests.support.call import READ_BACK, Memory, Step

pytestmark = pytest.mark.looptime

IDENTIFY = ("identify_caller", {"phone_number": None})
VERIFY = ("verify_caller", {"date_of_birth": "1984-03-12", "vin_last_six": None})
WRONG_DATE = "January 1, 1999. Is that right?"
WRONG = ("verify_caller", {"date_of_birth": "1999-01-01", "vin_last_six": None})
FIND = (
    "find_openings",
    {"services": ["oil_change"], "when": "tomorrow"},
)


def book(slot_id: str) -> Step:
    arguments = {"slot_id": slot_id, "vehicle_ref": None, "notes": None}
    return Step(calls=(("book_appointment", arguments),))


async def verified(ring: Any, **settings: Any) -> Any:
    call = await ring(**settings)
    await call.turn("An oil change please", Step(calls=(IDENTIFY,)), Step("Your birthday?"))
    await call.turn("March 12th 1984", Step(calls=(VERIFY,)), Step("Thank you. When?"))
    return call


async def offered(ring: Any, **settings: Any) -> tuple[Any, list[str]]:
    call = await verified(ring, **settings)
    await call.turn("Tomorrow", Step(calls=(FIND,)), Step(READ_BACK))
    return call, [slot["slot_id"] for slot in call.results()[-1]["openings"]]


async def test_a_call_books_an_appointment(ring: Any) -> None:
    call, slots = await offered(ring)
    await call.turn("Yes, please", book(slots[0]), Step("You are booked. Anything else?"))
    assert call.results()[-1]["status"] == "booked"
    assert len(call.book.bookings) == 1
    await call.turn("No", Step("Goodbye!", (("end_call", {"reason": "done"}),)))
    assert call.conversation.ended.is_set()
    assert call.conversation.session.directive is Directive.HANG_UP
    await call.conversation.close()
    (record,) = call.people.records
    assert record.outcome == "done"
    assert [turn.speaker for turn in record.turns[:3]] == ["otto", "caller", "otto"]
    assert record.turns[-1].heard_text == "Goodbye!"


async def test_otto_greets_before_the_caller_says_anything(ring: Any) -> None:
    call = await ring(greeted=False)
    assert call.telephone.said == [call.context.phrases.greeting]
    await call.conversation.close()


async def test_where_the_time_of_a_turn_went_adds_up(ring: Any) -> None:
    call = await ring()
    await call.turn("What time do you close", Step("Hi.", delay_s=0.5))
    latency = call.conversation.session.turns[-1].latency
    assert latency["endpointing_ms"] == pytest.approx(300, abs=2)
    assert latency["model_ms"] == pytest.approx(500, abs=2)
    assert latency["speech_ms"] == pytest.approx(100, abs=2)
    assert latency["otto_ms"] == pytest.approx(0, abs=5)
    assert latency["total_ms"] == pytest.approx(900, abs=5)
    await call.conversation.close()


async def test_a_customers_data_is_not_even_offered_before_verification(ring: Any) -> None:
    call = await ring()
    await call.turn("Hi", Step("Hello."))
    assert "book_appointment" not in call.language_model.requests[-1][1]
    assert "verify_caller" not in call.language_model.requests[-1][1]
    # And a model that calls it nevertheless gets a sentence, not an appointment.
    await call.turn("Book it", book("s-1"), Step("Who are you?"))
    assert call.results()[-1]["status"] == "error"
    assert call.book.requests == []
    await call.conversation.close()


async def test_three_wrong_birthdays_lock_the_customer(ring: Any) -> None:
    call = await ring()
    await call.turn("Oil change", Step(calls=(IDENTIFY,)), Step("Birthday?"))
    asked = {"status": "ask", "code": "read_back", "message": f"I heard {WRONG_DATE}"}
    await call.turn("January first 1999", Step(calls=(WRONG,)), Step(asked["message"]))
    assert call.results()[-1] == asked
    for left in (2, 1):
        await call.turn("Yes", Step(calls=(WRONG,)), Step(f"Once more? I heard {WRONG_DATE}"))
        assert call.results()[-1] == {"status": "mismatch", "attempts_left": left}
    await call.turn("Yes", Step(calls=(WRONG,)), Step("A person?"))
    assert call.results()[-1] == {"status": "locked"}
    await call.turn("It is March 12th", Step(calls=(VERIFY,)), Step("Sorry."))
    assert call.results()[-1]["status"] == "error"
    assert call.conversation.session.identity is Identity.LOCKED
    await call.conversation.close()


async def test_a_slot_that_was_never_offered_cannot_be_booked(ring: Any) -> None:
    call, _ = await offered(ring)
    await call.turn("The secret one", book("s-ffffff"), Step("Hm."))
    assert "not offered" in call.results()[-1]["advice"]
    assert call.book.requests == []
    await call.conversation.close()


async def test_a_model_cannot_book_what_the_caller_has_not_answered(ring: Any) -> None:
    call = await verified(ring)
    slots = call.conversation.session.offers
    await call.turn(
        "Any time", Step(calls=(FIND,)), lambda: book(next(iter(slots))), Step(READ_BACK)
    )
    refused = call.results()[-1]
    assert (refused["status"], refused["code"]) == ("not_done", "not_read_back")
    assert refused["read_back"] == READ_BACK.replace("AM.", "AM, for $79.95.")
    assert call.book.requests == []
    await call.conversation.close()


async def test_a_slot_taken_meanwhile_is_replaced_by_the_next_ones(ring: Any) -> None:
    call, slots = await offered(ring)
    first = call.conversation.session.offers[slots[0]]
    call.book.taken = {datetime.fromisoformat(first.starts_at)}
    await call.turn("Yes", book(slots[0]), Step(READ_BACK.replace("9:00", "10:00")))
    result = call.results()[-1]
    assert result["status"] == "taken"
    assert first.when not in [slot["when"] for slot in result["openings"]]
    await call.turn(
        "Ten is fine", book(result["openings"][0]["slot_id"]), Step("Booked. Anything else?")
    )
    assert call.results()[-1]["status"] == "booked"
    await call.conversation.close()


async def test_a_booking_the_caller_talks_over_is_neither_cancelled_nor_lost(ring: Any) -> None:
    call, slots = await offered(ring, tool_filler_s=0.5)
    call.book.gate.clear()
    call.language_model.script = [book(slots[0])]
    await call.say("Yes")
    while not call.book.requests:
        await asyncio.sleep(0.1)
    await call.say("oh and also the wipers", final=False)
    await call.say("oh and also the wipers please")
    await asyncio.sleep(0.5)
    assert len(call.language_model.requests) == 7, "the next answer waits for the booking's result"
    call.language_model.script = [Step("Booked, and wipers noted.")]
    call.book.gate.set()
    await call.until_quiet()
    messages, _ = call.language_model.requests[-1]
    assert [m["role"] for m in messages[-3:]] == ["assistant", "tool", "user"]
    assert call.results()[-1]["status"] == "booked"
    assert len(call.book.bookings) == 1
    await call.conversation.close()


async def test_the_same_booking_asked_for_twice_is_one(ring: Any) -> None:
    call, slots = await offered(ring)
    await call.turn("Yes", book(slots[0]), book(slots[0]), Step("Booked."))
    assert [result["status"] for result in call.results()[-2:]] == ["booked", "booked"]
    assert len(call.book.bookings) == 1
    assert len(call.conversation.session.bookings) == 1
    await call.conversation.close()


async def test_barge_in_clears_the_line_and_keeps_only_what_was_heard(ring: Any) -> None:
    call = await ring()
    long = "We have brakes seen to in the morning. |Or tires seen to in the afternoon."
    call.language_model.script = [Step(long), Step("Friday it is.")]
    await call.say("When can I come")
    await asyncio.sleep(0.2 + 0.1 + 3.0)
    await call.say("no no Friday", final=False)
    assert call.telephone.cleared[-1] == call.telephone.generations[-1]
    await call.say("no no Friday please")
    assert call.language_model.cancelled
    await call.until_quiet()
    messages, _ = call.language_model.requests[-1]
    content = messages[-2]["content"]
    assert content.startswith("We have brakes seen to in the morning.")
    assert "Not heard: " in content
    assert "the afternoon" in content.partition("Not heard: ")[2]
    await call.conversation.close()


async def test_a_late_answer_of_a_cancelled_generation_is_never_said(ring: Any) -> None:
    call = await ring()
    call.language_model.script = [Step("First answer.", delay_s=1.0), Step("Second answer.")]
    await call.say("I need one thing")
    await call.say("and another thing")
    await call.until_quiet()
    await asyncio.sleep(5)
    assert "First answer." not in call.telephone.said
    assert "Second answer." in call.telephone.said
    messages, _ = call.language_model.requests[-1]
    assert [m["content"] for m in messages[-2:]] == ["I need one thing", "and another thing"]
    await call.conversation.close()


async def test_a_discarded_goodbye_does_not_hang_up(ring: Any) -> None:
    call = await ring()
    goodbye = Step("Thank you for calling, have a nice day.", (("end_call", {"reason": "done"}),))
    call.language_model.script = [goodbye, Step("Of course.")]
    await call.say("That is all")
    await asyncio.sleep(1.0)
    await call.say("oh wait one more thing")
    await call.until_quiet()
    await asyncio.sleep(5)
    assert not call.conversation.ended.is_set()
    assert call.telephone.said[-1] == "Of course."
    await call.conversation.close()


async def test_a_wish_for_a_person_is_followed(ring: Any) -> None:
    call = await ring()
    await call.turn("A person", Step(calls=(("transfer_to_person", {"reason": "asked"}),)))
    assert call.telephone.said[-1] == call.context.phrases.transferring
    assert call.conversation.ended.is_set()
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


async def test_silence_is_asked_about_twice_and_then_ended_politely(ring: Any) -> None:
    call = await ring(no_input_s=8)
    began = asyncio.get_running_loop().time()
    await asyncio.wait_for(call.conversation.ended.wait(), 120)
    assert asyncio.get_running_loop().time() - began > 24
    phrases = call.context.phrases
    assert call.telephone.said[1:] == [phrases.still_there] * 2 + [phrases.silent_goodbye]
    assert call.conversation.session.outcome == "no_response"
    await call.conversation.close()


async def test_a_long_tool_is_bridged_once(ring: Any) -> None:
    call, slots = await offered(ring, tool_filler_s=1.5)
    call.book.gate.clear()
    call.language_model.script = [book(slots[0]), Step("Booked.")]
    await call.say("Yes")
    await asyncio.sleep(5)
    assert call.telephone.said.count(call.context.phrases.one_moment) == 1
    call.book.gate.set()
    await call.until_quiet()
    assert call.telephone.said[-1] == "Booked."
    await call.conversation.close()


async def test_a_tool_that_hangs_becomes_a_result_the_model_can_speak_about(ring: Any) -> None:
    call, slots = await offered(ring, tool_timeout_s=5.0)
    call.book.gate.clear()
    await call.turn("Yes", book(slots[0]), Step("Let me get a person."))
    assert "too long" in call.results()[-1]["message"]
    call.book.gate.set()
    await call.conversation.close()
    assert len(call.book.bookings) == 1, "the booking itself was not cancelled"


async def test_a_model_that_goes_in_circles_ends_with_a_person(ring: Any) -> None:
    call = await ring(max_tool_rounds=3)
    info = ("dealership_info", {"topic": "hours", "service": None, "date": None})
    await call.turn("Hours?", *[Step(calls=(info,))] * 3)
    assert call.telephone.said[-1] == call.context.phrases.trouble
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


@pytest.mark.parametrize(
    ("worker", "phrase"), [(Worker.LLM, "trouble"), (Worker.STT, "cannot_hear")]
)
async def test_a_failed_worker_is_a_spoken_sentence_and_a_person(
    ring: Any, worker: Worker, phrase: str
) -> None:
    call = await ring()
    call.conversation.on_event(WorkerFailed(worker, "dropped", "test"))
    await call.until_quiet()
    assert call.telephone.said[-1] == getattr(call.context.phrases, phrase)
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


async def test_an_answer_without_words_is_not_silence(ring: Any) -> None:
    call = await ring()
    await call.turn("Mumble", Step(""))
    assert call.telephone.said[-1] == call.context.phrases.say_again
    await call.conversation.close()


async def test_a_lost_line_keeps_the_session_and_the_next_actor_takes_it_over(ring: Any) -> None:
    first, _ = await offered(ring)
    first.conversation.on_line(LineLost())
    assert first.conversation.session.directive is Directive.RESUME
    await first.conversation.close()
    second = await ring(memory=first.memory)
    assert second.telephone.said == [second.context.phrases.taken_over]
    session = second.conversation.session
    assert session.identity is Identity.VERIFIED
    assert len(session.offers) == 3
    assert session.epoch == 2
    assert second.conversation._last_id > first.conversation._last_id
    await second.conversation.close()


async def test_a_zombie_cannot_write_and_writes_no_record(ring: Any) -> None:
    zombie = await ring()
    heir = await ring(memory=zombie.memory)
    await zombie.turn("Hello", Step("Hi."))
    assert zombie.conversation.ended.is_set()
    await zombie.conversation.close()
    assert zombie.people.records == []
    await heir.conversation.close()
    assert zombie.memory.states["CA1"]["epoch"] == 2


async def test_a_call_goes_on_without_the_session_store(ring: Any) -> None:
    memory = Memory()
    memory.away = True
    call = await ring(memory=memory)
    await call.turn("Hello", Step("Hi."))
    assert call.telephone.said[-1] == "Hi."
    await call.conversation.close()


async def test_a_hang_up_in_the_middle_leaves_nothing_running(ring: Any) -> None:
    call = await ring(greeted=False)
    call.conversation.on_line(LineStopped())
    assert call.conversation.ended.is_set()
    await call.conversation.close()
    assert not call.conversation._tasks
    call.conversation.on_event(Transcript("hello", True, True, 0, 100))
    assert call.language_model.requests == []
    assert call.people.records[0].outcome == "caller_hung_up"
