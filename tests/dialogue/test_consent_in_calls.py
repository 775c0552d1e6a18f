"""Consent in whole calls, in virtual time: what was really heard, said, keyed and cut."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.call import BORN, READ_BACK, Book, Call, Step, Telephone

pytestmark = pytest.mark.looptime

VERIFIED = (
    Step("", (("identify_caller", {"phone_number": None}),)),
    Step("", (("verify_caller", {"date_of_birth": BORN.isoformat()}),)),
)
FIND = Step("", (("find_openings", {"services": ["oil_change"], "when": "tomorrow"}),))
WHOLE = READ_BACK.replace("AM.", "AM, for $79.95.")
TEN = READ_BACK.replace("9:00", "10:00")


async def offered(ring: Any, *then: Step, **more: Any) -> Call:
    """Maria is verified and has been offered nine, ten and eleven."""
    call: Call = await ring(**more)
    steps = then or (Step("I have 9:00 AM, 10:00 AM or 11:00 AM tomorrow. Which one?"),)
    await call.turn("Oil change. March 12 1984. Tomorrow.", *VERIFIED, FIND, *steps)
    return call


def book(call: Call, at: int = 0) -> Step:
    slot = [*call.conversation.session.offers][at]
    return Step("", (("book_appointment", {"slot_id": slot, "vehicle_ref": None}),))


def codes(call: Call) -> list[str]:
    return [str(each.get("code") or each["status"]) for each in call.results()]


async def test_a_model_that_books_at_once_is_refused_until_its_sentence_was_said(ring: Any) -> None:
    call = await offered(ring)
    await call.turn("Nine", book(call), book(call), book(call, 1), Step(WHOLE))
    assert codes(call)[-3:] == ["not_read_back"] * 3 and call.book.requests == []
    assert [each.get("read_back") for each in call.results()][-3] == WHOLE
    await call.turn("yes please", book(call), Step("Booked."))
    assert codes(call)[-1] == "booked"
    await call.conversation.close()


async def test_a_model_that_books_something_else_after_the_yes_is_refused(ring: Any) -> None:
    call = await offered(ring, Step(WHOLE))
    await call.turn("yes", book(call, 1), book(call), book(call, 1), book(call), Step("Booked."))
    assert codes(call)[-4:] == ["not_read_back", "booked", "not_read_back", "booked"]
    assert len(call.book.bookings) == 1
    await call.turn("thank you, yes", book(call, 1), book(call, 2), Step("Hm."))
    assert codes(call)[-2:] == ["not_read_back"] * 2 and len(call.book.bookings) == 1
    await call.conversation.close()


async def test_after_a_correction_the_old_time_is_not_booked(ring: Any) -> None:
    call = await offered(ring, Step(WHOLE))
    await call.turn("yes but at ten", book(call), book(call, 1), Step(TEN))
    assert codes(call)[-2:] == ["corrected", "not_read_back"]
    await call.turn("yes", book(call), book(call, 1), Step("Booked."))
    assert codes(call)[-2:] == ["not_read_back", "booked"]
    (booked,) = call.book.bookings.values()
    assert booked.starts_at.hour == 16, "ten in Chicago"
    await call.conversation.close()


@pytest.mark.parametrize("key", ["1", "2"])
async def test_the_keys_answer_as_words_do(ring: Any, key: str) -> None:
    call = await offered(ring, Step(WHOLE))
    call.language_model.script += [book(call), Step("All right.")]
    call.press(key)
    await call.until_quiet()
    assert codes(call)[-1] == {"1": "booked", "2": "declined"}[key]
    assert len(call.book.bookings) == (key == "1")
    await call.conversation.close()


async def test_a_key_before_the_question_is_no_answer_to_it(ring: Any) -> None:
    call = await offered(ring)
    call.language_model.script += [Step(WHOLE), book(call), Step("Hm.")]
    call.press("1")
    await call.until_quiet()
    call.language_model.script = [book(call), Step("Hm.")]
    await call.say("um")
    await call.until_quiet()
    assert "booked" not in codes(call)
    await call.conversation.close()


async def test_a_yes_in_two_turns_is_one_answer_and_books_once(ring: Any) -> None:
    call = await offered(ring, Step(WHOLE))
    call.book.gate.clear()
    call.language_model.script += [book(call), book(call), Step("Booked.")]
    await call.say("yes")
    await asyncio.sleep(1.0)
    await call.say("please")
    await asyncio.sleep(1.0)
    call.book.gate.set()
    await call.until_quiet()
    assert codes(call)[-2:] == ["booked", "booked"] and len(call.book.bookings) == 1
    await call.conversation.close()


async def test_a_no_behind_the_yes_is_heard_before_anything_is_done(ring: Any) -> None:
    """The model is still thinking when the caller goes on: nothing was asked for yet."""
    call = await offered(ring, Step(WHOLE))
    slow = book(call)
    slow.delay_s = 3.0
    call.language_model.script += [slow, book(call), Step("All right.")]
    await call.say("yes")
    await asyncio.sleep(1.0)
    await call.say("no wait, not the Civic")
    await call.until_quiet()
    assert codes(call)[-1] != "booked" and call.book.requests == []
    await call.conversation.close()


@pytest.mark.parametrize(
    ("before", "is_booked"),
    [("That's an oil change for your", False), ("$79.95. Shall I book", True)],
)
async def test_a_read_back_that_is_talked_over_counts_as_far_as_it_was_heard(
    ring: Any, before: str, is_booked: bool
) -> None:
    telephone = Telephone()
    call = await offered(ring, telephone=telephone)
    call.language_model.script += [Step(WHOLE)]
    await call.say("nine")
    while not telephone.said[-1].startswith("That's an oil"):
        await asyncio.sleep(0.05)
    spoken = WHOLE[: WHOLE.index(before) + len(before)]
    await asyncio.sleep(0.1 + telephone.length_ms(spoken) / 1000 - 0.3)
    call.language_model.script = [book(call), Step("All right.")]
    await call.say("yes go ahead", final=False)
    await call.say("yes go ahead")
    await call.until_quiet()
    assert (codes(call)[-1] == "booked") == is_booked, codes(call)
    assert len(call.book.bookings) == is_booked
    await call.conversation.close()


async def test_a_yes_to_are_you_still_there_books_nothing(ring: Any) -> None:
    call = await offered(ring, Step(WHOLE), no_input_s=4)
    while call.context.phrases.still_there not in call.telephone.said:
        await asyncio.sleep(0.5)
    await call.until_quiet()
    await call.turn("yes", book(call), Step(WHOLE))
    assert codes(call)[-1] == "not_read_back"
    await call.turn("yes", book(call), Step("Booked."))
    assert codes(call)[-1] == "booked"
    await call.conversation.close()


async def test_a_filler_before_the_answer_takes_nothing_of_it(ring: Any) -> None:
    call = await offered(ring, Step(WHOLE), model_filler_s=1.0)
    slow = book(call)
    slow.delay_s = 5.0
    call.language_model.script += [slow, Step("Booked.")]
    await call.say("yes")
    await asyncio.sleep(2.5)
    assert call.telephone.said[-1] == call.context.phrases.one_moment
    await call.until_quiet()
    assert codes(call)[-1] == "booked"
    await call.conversation.close()


async def test_what_was_agreed_to_outlives_the_actor_that_was_told(ring: Any) -> None:
    """It took too long, the caller went on, the actor died: the next one finds out what came of it,
    without asking again."""
    call = await offered(ring, Step(WHOLE), tool_timeout_s=2.0)
    call.book.gate.clear()
    await call.turn("yes", book(call), Step("That takes long. Anything else?"))
    await call.turn("what are your hours", Step("We close at six."))
    await asyncio.sleep(1.0)
    call.kill()
    heir = Book(call.book.bay_id)
    heir_call: Call = await ring(
        memory=call.memory, book=heir, people=call.people, greeted=False, keys=call.keys
    )
    await heir_call.until_quiet()
    assert len(heir.bookings) == 1
    assert heir_call.conversation.session.done == [*heir.bookings]
    await heir_call.conversation.close()


async def test_a_booking_is_not_done_because_the_caller_was_silent(ring: Any) -> None:
    call = await offered(ring)
    await call.turn("nine", Step(WHOLE, (book(call).calls)), Step("Shall I?"))
    assert codes(call)[-1] == "not_read_back" and call.book.requests == []
    await call.conversation.close()
