"""A call actor dies while a tool runs: its successor runs it again, and nothing counts twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from config.dealership import Dealership
from otto.dialogue.session.state import Identity, Offer, OfferLine, Session, VehicleRef
from otto.dialogue.tools.toolbox import Toolbox
from otto.events import ToolCall
from tests.support.call import MARIA, NOW, READ_BACK, Book, People
from tests.support.heard import hears, says

NINE, LATER = "2026-11-24T15:00:00+00:00", "2026-11-24T15:45:00+00:00"
OFFER = Offer("s-1", (OfferLine("oil_change", "bay-1", NINE, LATER, LATER),), NINE, LATER, "9", 0)


def owner(
    session: Session, dealership: Dealership, book: Book, people: People | None = None
) -> Toolbox:
    return Toolbox(
        session,
        dealership,
        dealership.locations[0],
        book,
        people or People(),
        now=lambda: NOW,
        verification_attempts=3,
    )


async def test_two_owners_of_a_call_book_under_one_key(dealership: Dealership) -> None:
    session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
    session.identity, session.customer_id, session.phone = Identity.VERIFIED, 7, MARIA.phone
    session.vehicles, session.offers = [VehicleRef("v1", 70, "2019 Honda Civic")], {"s-1": OFFER}
    session.caller_turns = 3
    session.history.otto(READ_BACK)
    session.history.caller("Yes, please.")
    committed = json.loads(json.dumps(session.dump()))  # before the booking's result was known
    book = Book("bay-1")
    call = ToolCall("c1", "book_appointment", json.dumps({"slot_id": "s-1"}))
    first = await owner(session, dealership, book).run(call)
    second = await owner(Session.load(committed), dealership, book).run(call)
    assert len(book.requests) == 2
    assert len(book.bookings) == 1
    assert (first["status"], second["status"]) == ("booked", "booked")


class SlowPeople(People):
    """Never comes to an answer."""

    async def verify(self, *given: Any, **more: Any) -> bool:
        return await asyncio.Event().wait()


def guess(call_id: str) -> ToolCall:
    return ToolCall(call_id, "verify_caller", json.dumps({"date_of_birth": "1999-01-01"}))


async def test_a_wrong_answer_that_is_checked_by_two_owners_counts_once(
    dealership: Dealership,
) -> None:
    session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
    session.identity, session.customer_id, session.phone = Identity.FOUND, 7, MARIA.phone
    book = Book("bay-1")
    session.history.caller("January 1, 1999")
    check = asyncio.ensure_future(owner(session, dealership, book, SlowPeople()).run(guess("c1")))
    await asyncio.sleep(0)
    committed = json.loads(json.dumps(session.dump()))  # in the middle of the check
    check.cancel()
    heir = owner(Session.load(committed), dealership, book)
    asked = await heir.run(guess("c1"))
    assert (asked["status"], asked["code"]) == ("ask", "read_back")
    assert heir._session.attempts == 0
    hears(heir._session, asked["message"])
    says(heir._session, "Yes.")
    assert await heir.run(guess("c2")) == {"status": "mismatch", "attempts_left": 2}
    says(heir._session, "It is January 1, 1999.")
    assert await heir.run(guess("c3")) == {"status": "mismatch", "attempts_left": 1}


async def test_an_attempt_is_an_answer_in_a_turn_whatever_ids_the_calls_have(
    dealership: Dealership,
) -> None:
    """Servers send the same id in every turn; models ask twice in one message."""
    session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
    session.identity, session.customer_id, session.phone = Identity.FOUND, 7, MARIA.phone
    tools = owner(session, dealership, Book("bay-1"))
    session.misheard = ["read back before", "and once more"]
    session.history.caller("January 1, 1999. No, January 1, 1998.")

    def born(date_of_birth: str) -> ToolCall:
        return ToolCall("same", "verify_caller", json.dumps({"date_of_birth": date_of_birth}))

    assert (await tools.run(born("1999-01-01")))["attempts_left"] == 2
    assert (await tools.run(born("1999-01-01")))["attempts_left"] == 2, "one answer, one attempt"
    assert (await tools.run(born("1998-01-01")))["attempts_left"] == 1, "another answer"
    assert (await tools.run(born("1999-01-01")))["attempts_left"] == 1
    session.caller_turns += 1
    assert await tools.run(born("1999-01-01")) == {"status": "locked"}


async def test_a_tail_spelt_another_way_is_the_same_answer(dealership: Dealership) -> None:
    session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
    session.identity, session.customer_id, session.phone = Identity.FOUND, 7, MARIA.phone
    tools = owner(session, dealership, Book("bay-1"))
    session.misheard = ["read back before", "and once more"]
    session.history.caller("Maria Alvarez, and it ends in. 1 0 9 1 8 6. One oh nine one eight six.")
    for spelt in ("109186", "one oh nine one eight six"):
        given = {"vin_last_six": spelt, "first_name": "Maria", "last_name": "Alvarez"}
        call = ToolCall("c", "verify_caller", json.dumps(given))
        assert (await tools.run(call))["attempts_left"] == 2


async def test_a_call_that_could_not_be_understood_tells_the_model_why(
    dealership: Dealership,
) -> None:
    session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
    tools = owner(session, dealership, Book("bay-1"))
    result = await tools.run(ToolCall("c", "end_call", "{}", "The arguments were not valid JSON."))
    assert result == {"status": "error", "advice": "The arguments were not valid JSON."}
