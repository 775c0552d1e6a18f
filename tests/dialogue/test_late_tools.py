"""A tool that outlives its timeout finds a call that has gone on: it changes nobody's identity."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any

import pytest

from otto.crm.customers import (
    Customer,
    IdentityClaim,
    NewCustomer,
    NewVehicle,
    Vehicle,
    Verdict,
    Verification,
)
from otto.crm.records import Callback
from otto.dialogue.session.state import Identity
from otto.events import Transcript
from otto.media_link.events import LineStopped
from otto.scheduling.openings import Openings, OpeningsQuery
from otto.storage.errors import StoreUnavailable
from tests.support.call import BORN, MARIA, READ_BACK, Book, Call, People, Step

pytestmark = pytest.mark.looptime

OTHER = Customer(9, "Otto", "Stranger", "+13125550199", ())
OTHERS_BIRTH = date(1990, 5, 6)
IDENTIFY = ("identify_caller", {"phone_number": None})
VERIFY = ("verify_caller", {"date_of_birth": BORN.isoformat(), "vin_last_six": None})
FIND = ("find_openings", {"services": ["oil_change"], "when": "tomorrow"})


class SlowPeople(People):
    """Each kind of question waits for its gate, those of a number for the number's."""

    def __init__(self) -> None:
        super().__init__()
        self.customers[OTHER.phone] = [OTHER]
        self.gates: dict[str, asyncio.Event] = {}
        self.callback_fails = False

    def hold(self, what: str) -> None:
        self.gates[what] = asyncio.Event()

    async def _wait(self, what: str) -> None:
        if what in self.gates:
            await self.gates[what].wait()

    async def find_by_phone(self, phone: str) -> tuple[Customer, ...]:
        await self._wait(phone)
        return await super().find_by_phone(phone)

    async def verify(self, claim: IdentityClaim) -> Verification:
        born = {MARIA.phone: BORN, OTHER.phone: OTHERS_BIRTH}
        await self._wait("verify")
        fits = claim.date_of_birth == born[claim.phone]
        (customer,) = self.customers[claim.phone]
        return Verification(*((Verdict.VERIFIED, customer.id) if fits else (Verdict.MISMATCH,)))

    async def create_customer(self, new: NewCustomer) -> Customer:
        await self._wait("create")
        return await super().create_customer(new)

    async def add_vehicle(self, new: NewVehicle) -> Vehicle:
        await self._wait("vehicle")
        return await super().add_vehicle(new)

    async def request_callback(self, request: Callback) -> None:
        await self._wait("callback")
        if self.callback_fails:
            raise StoreUnavailable("too_slow")
        await super().request_callback(request)


class SlowBook(Book):
    """Openings wait for `looking`."""

    def __init__(self, bay_id: str) -> None:
        super().__init__(bay_id)
        self.looking = asyncio.Event()
        self.looking.set()

    async def find_openings(self, query: OpeningsQuery) -> Openings:
        await self.looking.wait()
        return await super().find_openings(query)


@pytest.fixture
def slow(ring: Any, dealership: Any) -> Any:
    async def make(**more: Any) -> Call:
        call: Call = await ring(
            people=SlowPeople(),
            book=SlowBook(dealership.locations[0].bays[0].id),
            tool_timeout_s=2.0,
            **more,
        )
        return call

    return make


def identify(number: str) -> tuple[str, dict[str, Any]]:
    return ("identify_caller", {"phone_number": number})


async def test_a_late_look_up_does_not_make_the_caller_somebody_else(slow: Any) -> None:
    """Maria's number is looked up first and answers last: the stranger who has said another number
    by then must not be taken for her."""
    call: Call = await slow()
    people: Any = call.people
    people.hold(MARIA.phone)
    await call.turn("It's this number", Step("", (IDENTIFY,)), Step("That takes long."))
    assert "too long" in call.results()[-1]["message"]
    await call.turn("312 555 0199", Step("", (identify(OTHER.phone),)), Step("Your name?"))
    session = call.conversation.session
    claimed = (Identity.CLAIMED, None, OTHER.phone)
    assert (session.identity, session.customer_id, session.phone) == claimed
    people.gates[MARIA.phone].set()
    await asyncio.sleep(1)
    assert (session.identity, session.customer_id, session.phone) == claimed
    assert "left out" in call.results()[0]["advice"], "the history does not promise it any more"
    name = {"first_name": OTHER.first_name, "last_name": OTHER.last_name}
    proof = ("verify_caller", {"date_of_birth": OTHERS_BIRTH.isoformat(), **name})
    born = f"{OTHERS_BIRTH:%B} {OTHERS_BIRTH.day}, {OTHERS_BIRTH.year}"
    words = f"{OTHER.first_name} {OTHER.last_name}. {born}"
    await call.turn(words, Step("", (proof,)), Step("Thank you."))
    assert call.results()[-1]["first_name"] == OTHER.first_name
    assert (session.identity, session.customer_id) == (Identity.VERIFIED, OTHER.id)
    await call.conversation.close()


async def test_a_number_that_is_said_waits_for_no_look_up(slow: Any) -> None:
    """How long it takes would tell whose number it is."""
    call: Call = await slow(caller="anonymous")
    people: Any = call.people
    people.hold(MARIA.phone)
    await call.turn("312 555 0142", Step("", (identify(MARIA.phone),)), Step("Your name?"))
    assert call.results()[-1]["status"] == "ask"
    session = call.conversation.session
    assert (session.identity, session.customer_id) == (Identity.CLAIMED, None)
    await call.conversation.close()


async def test_a_late_look_up_within_the_same_turn_changes_nothing_either(slow: Any) -> None:
    """The model was told that it failed: a session that says otherwise is one it does not know."""
    call: Call = await slow()
    people: Any = call.people
    people.hold(MARIA.phone)
    slow_answer = Step("That takes long, I am afraid.", delay_s=3.0)
    call.language_model.script += [Step("", (IDENTIFY,)), slow_answer]
    await call.say("It's Maria, I want to see about my car")
    await asyncio.sleep(3.0)
    people.gates[MARIA.phone].set()
    await call.until_quiet()
    assert call.conversation.session.identity is Identity.UNKNOWN
    await call.conversation.close()


async def test_a_late_look_up_that_races_with_a_second_one_loses(slow: Any) -> None:
    call: Call = await slow()
    people: Any = call.people
    people.hold(MARIA.phone)
    first = people.gates[MARIA.phone]
    await call.turn("It's Maria", Step("", (IDENTIFY,)), Step("That takes long."))
    people.hold(MARIA.phone)
    call.language_model.script += [Step("", (IDENTIFY,)), Step("Your date of birth?")]
    await call.say("It's this number")
    await asyncio.sleep(1.0)
    first.set()
    await asyncio.sleep(0.2)
    assert call.conversation.session.identity is Identity.UNKNOWN
    people.gates[MARIA.phone].set()
    await call.until_quiet()
    assert call.conversation.session.customer_id == MARIA.id
    await call.conversation.close()


async def test_a_late_verification_opens_nothing_and_locks_nothing(slow: Any) -> None:
    call: Call = await slow()
    people: Any = call.people
    await call.turn("Maria", Step("", (IDENTIFY,)), Step("Your date of birth?"))
    people.hold("verify")
    await call.turn("March 12th 1984", Step("", (VERIFY,)), Step("That takes long."))
    people.gates["verify"].set()
    await asyncio.sleep(1)
    session = call.conversation.session
    assert (session.identity, session.vehicles, session.first_name) == (Identity.FOUND, [], "")
    await call.turn("March 12th 1984", Step("", (VERIFY,)), Step("Thank you, Maria."))
    assert session.identity is Identity.VERIFIED
    await call.conversation.close()


async def test_wrong_answers_that_came_too_late_are_counted_all_the_same(slow: Any) -> None:
    """Slow answers must not be a way to guess more often."""
    call: Call = await slow(verification_attempts=3)
    people: Any = call.people
    await call.turn("Maria", Step("", (IDENTIFY,)), Step("Your date of birth?"))
    people.hold("verify")
    for year in (1981, 1982, 1983):
        guess = ("verify_caller", {"date_of_birth": f"{year}-03-12", "vin_last_six": None})
        await call.turn(f"March 12th {year}", Step("", (guess,)), Step("That takes long."))
    people.gates["verify"].set()
    await call.turn("March 12th 1984", Step("", (VERIFY,)), Step("I'm sorry."))
    assert call.results()[-1] == {"status": "locked"}
    assert call.conversation.session.identity is Identity.LOCKED
    await call.conversation.close()


async def test_a_late_creation_gives_nobody_a_name(slow: Any) -> None:
    """It stands in the book under the call's key: asking again returns that same customer."""
    call: Call = await slow(caller="+13125550177")
    people: Any = call.people
    people.hold("create")
    name = {"first_name": "Robin", "last_name": "Walker"}
    new = ("create_customer", name | {"date_of_birth": "May 3, 1990"})
    read_back = Step("So that's Robin Walker, born May 3, 1990. Is that right?")
    await call.turn("Robin Walker. May 3, 1990.", Step("", (IDENTIFY,)), read_back)
    await call.turn("Yes", Step("", (new,)), Step("That takes long."))
    people.gates["create"].set()
    await asyncio.sleep(1)
    session = call.conversation.session
    assert (session.identity, session.customer_id) == (Identity.NOT_FOUND, None)
    await call.conversation.close()


async def verified(call: Call) -> None:
    await call.turn("Maria", Step("", (IDENTIFY,)), Step("Your date of birth?"))
    await call.turn("March 12th 1984", Step("", (VERIFY,)), Step("Thank you, Maria."))


async def test_a_late_vehicle_of_the_same_customer_is_theirs(slow: Any) -> None:
    call: Call = await slow()
    people: Any = call.people
    await verified(call)
    people.hold("vehicle")
    vehicle = ("add_vehicle", {"vehicle": "2021 Ford Focus", "vin": None})
    read_back = Step("That's a 2021 Ford Focus. Is that right?")
    await call.turn("A 2021 Ford Focus", Step("", (vehicle,)), read_back)
    await call.turn("Yes", Step("", (vehicle,)), Step("That takes long."))
    people.gates["vehicle"].set()
    await asyncio.sleep(1)
    refs = {ref.ref: ref.description for ref in call.conversation.session.vehicles}
    assert refs == {"v1": "2019 Honda Civic", "v2": "2021 Ford Focus"}
    assert call.results()[-1]["vehicle_ref"] == "v2", "the model learns its name"
    await call.conversation.close()


async def test_openings_that_came_too_late_were_never_offered(slow: Any) -> None:
    """Nobody has heard of them: a later look-up offers them anew, and only then do they wait for
    the caller's yes."""
    call: Call = await slow()
    book: Any = call.book
    await verified(call)
    book.looking.clear()
    await call.turn("Tomorrow?", Step("", (FIND,)), Step("That takes long."))
    book.looking.set()
    await asyncio.sleep(1)
    session = call.conversation.session
    assert session.offers == {}
    await call.turn("Try again", Step("", (FIND,)), Step(READ_BACK))
    assert {offer.caller_turn for offer in session.offers.values()} == {session.caller_turns}
    await call.conversation.close()


# What has happened in the world


async def offered(call: Call) -> tuple[str, dict[str, Any]]:
    """Maria is verified and has been offered times; the booking of the first of them."""
    await verified(call)
    await call.turn("Tomorrow?", Step("", (FIND,)), Step(READ_BACK))
    slot = next(iter(call.conversation.session.offers))
    return ("book_appointment", {"slot_id": slot, "vehicle_ref": None, "notes": None})


async def hung(slow: Any) -> tuple[Call, tuple[str, dict[str, Any]]]:
    """A booking takes too long, and the caller was told so."""
    call: Call = await slow()
    booking = await offered(call)
    call.book.gate.clear()
    await call.turn("Yes", Step("", (booking,)), Step("That takes long. Anything else?"))
    assert "too long" in call.results()[-1]["message"]
    return call, booking


def told(call: Call) -> str:
    """The news of the booking, as it was said."""
    [booked] = call.book.bookings.values()
    return (
        "Good news: your appointment did go through. It's the Oil change on Tuesday, November 24 "
        f"at 9:00 AM, and the confirmation is {booked.confirmation}."
    )


async def test_a_late_booking_is_told_as_soon_as_nobody_speaks(slow: Any) -> None:
    call, _ = await hung(slow)
    call.book.gate.set()
    await call.until_quiet()
    session = call.conversation.session
    assert call.telephone.said[-1] == told(call)
    assert len(session.bookings) == 1 and not session.news and not session.outstanding
    assert call.results()[-1]["status"] == "booked", "the history does not say it took too long"
    await call.turn("Wonderful", Step("Goodbye!", (("end_call", {"reason": "done"}),)))
    messages, _ = call.language_model.requests[-1]
    assert {"role": "assistant", "content": told(call)} in messages, "the model knows it was said"
    assert call.telephone.said.count(told(call)) == 1
    await call.conversation.close()
    tool_lines = [turn.text for turn in call.people.records[0].turns if turn.speaker == "tool"]
    assert tool_lines == [told(call)]


async def test_a_late_booking_while_the_caller_speaks_begins_the_next_answer(slow: Any) -> None:
    """Heard: "Good news: your appointment did go through…", and then the answer to the question."""
    call, _ = await hung(slow)
    call.language_model.script.append(Step("It takes half an hour."))
    await call.say("And how long does", end=False)
    call.book.gate.set()
    await asyncio.sleep(0.2)
    await call.say("an oil change take")
    await call.until_quiet()
    assert call.telephone.said[-2:] == [told(call), "It takes half an hour."]
    messages, _ = call.language_model.requests[-1]
    assert messages[-1]["content"] == "And how long does an oil change take"
    assert messages[-2]["content"] == told(call)
    await call.conversation.close()


async def test_a_late_booking_during_an_answer_follows_it(slow: Any) -> None:
    call, _ = await hung(slow)
    call.language_model.script.append(Step("We are open from seven to six on every weekday."))
    await call.say("What are your hours")
    await asyncio.sleep(1.0)
    call.book.gate.set()
    await call.until_quiet()
    await call.until_quiet()
    assert call.telephone.said[-2:] == [
        "We are open from seven to six on every weekday.",
        told(call),
    ]
    await call.conversation.close()


async def test_a_late_booking_is_not_said_into_a_word_of_the_caller(slow: Any) -> None:
    """Interim words are words, too: they are let finish."""
    call, _ = await hung(slow)
    await call.say("And how long", final=False)
    call.book.gate.set()
    await asyncio.sleep(0.5)
    assert told(call) not in call.telephone.said
    call.language_model.script.append(Step("Half an hour."))
    await call.say("And how long does it take")
    await call.until_quiet()
    assert call.telephone.said[-2:] == [told(call), "Half an hour."]
    await call.conversation.close()


async def test_the_record_of_a_booking_still_out_keeps_no_word_that_may_not_be_kept(
    slow: Any,
) -> None:
    """The record is written twice then, and neither time with a transcript that was refused."""
    call, _ = await hung(slow)
    call.conversation.session.transcript_refused = True
    call.conversation.on_line(LineStopped())
    closing = asyncio.create_task(call.conversation.close())
    await asyncio.sleep(15.0)
    call.book.gate.set()
    await closing
    assert len(call.people.records) == 2
    assert all(turn.text == "" for record in call.people.records for turn in record.turns)
    assert len(call.conversation.session.bookings) == 1


async def test_news_that_nobody_heard_a_word_of_is_told_again(slow: Any) -> None:
    call, _ = await hung(slow)
    call.book.gate.set()
    await asyncio.sleep(0.3)
    call.language_model.script.append(Step("It takes half an hour."))
    await call.say("how long does it take")
    await call.until_quiet()
    assert call.telephone.said[-2:] == [told(call), "It takes half an hour."]
    assert not call.conversation.session.news
    contents = [m.get("content") for m in call.conversation.session.history.messages("")]
    assert contents.count(told(call)) == 1
    await call.conversation.close()


async def test_news_of_an_answer_that_was_thrown_away_unheard_begins_the_next_one(
    slow: Any,
) -> None:
    call, _ = await hung(slow)
    call.language_model.script += [Step("Never said.", delay_s=2.0), Step("Half an hour.")]
    await call.say("And how long does", end=False)
    call.book.gate.set()
    await asyncio.sleep(0.2)
    await call.say("an oil change take")
    call.conversation.on_event(Transcript("roughly I mean", True, True, 0, 0))
    await call.until_quiet()
    assert call.telephone.said[-2:] == [told(call), "Half an hour."]
    contents = [m.get("content") for m in call.conversation.session.history.messages("")]
    assert contents.count(told(call)) == 1
    assert not call.conversation.session.news
    await call.conversation.close()


@pytest.mark.parametrize("ending", ["end_call", "transfer_to_person"])
async def test_a_late_booking_is_told_before_the_line_is_given_up(slow: Any, ending: str) -> None:
    call, _ = await hung(slow)
    leave = "I'll connect you with somebody who can help you."
    call.language_model.script.append(Step(leave, ((ending, {"reason": "done"}),)))
    await call.say("Never mind then")
    await asyncio.sleep(1.0)
    call.book.gate.set()
    await asyncio.wait_for(call.conversation.ended.wait(), 20)
    assert call.telephone.said[-2:] == [leave, told(call)]
    assert call.conversation.session.turns[-1].heard == told(call)
    await call.conversation.close()


async def test_a_booking_that_fails_late_is_not_left_in_the_air(slow: Any) -> None:
    """Heard: "I'm sorry, your appointment did not go through…"; the slot is no opening any more."""
    call, _ = await hung(slow)
    session = call.conversation.session
    first = next(iter(session.offers.values()))
    call.book.taken = {datetime.fromisoformat(first.starts_at)}
    call.book.gate.set()
    await call.until_quiet()
    assert call.telephone.said[-1].startswith("I'm sorry, your appointment did not go through")
    assert first.when in call.telephone.said[-1]
    assert call.results()[-1]["status"] == "taken"
    assert first.slot_id not in session.offers and session.bookings == []
    await call.conversation.close()


async def test_the_same_booking_asked_for_again_is_told_once(slow: Any) -> None:
    """The second asks under the same key while the first is still out; both come back at once."""
    call, booking = await hung(slow)
    call.language_model.script += [Step("", (booking,)), Step("You're booked.")]
    await call.say("Please try again")
    await asyncio.sleep(1.0)
    call.book.gate.set()
    await call.until_quiet()
    await call.until_quiet()
    assert len(call.conversation.session.bookings) == 1
    assert call.telephone.said[-1] == "You're booked."
    assert told(call) not in call.telephone.said
    await call.conversation.close()


async def test_a_booking_that_comes_after_the_call_is_in_its_record(slow: Any) -> None:
    call, _ = await hung(slow)
    call.conversation.on_line(LineStopped())
    closing = asyncio.create_task(call.conversation.close())
    await asyncio.sleep(15.0)  # longer than the tool's own timeout
    assert [record.outcome for record in call.people.records] == ["caller_hung_up"]
    assert call.conversation.session.bookings == []
    call.book.gate.set()
    await closing
    assert len(call.conversation.session.bookings) == 1
    assert call.people.records[-1].turns[-1].text == told(call)
    assert not call.conversation._tasks
    assert call.memory.states["CA1"]["bookings"] == call.conversation.session.bookings


async def test_a_tool_that_never_comes_back_does_not_keep_the_call_actor(slow: Any) -> None:
    call, _ = await hung(slow)
    call.conversation.on_line(LineStopped())
    await asyncio.wait_for(call.conversation.close(), 60)
    assert not call.conversation._tasks


async def test_a_booking_still_out_when_the_owner_dies_is_told_by_the_next_one(
    slow: Any, ring: Any
) -> None:
    call, _ = await hung(slow)
    await asyncio.sleep(0)
    call.kill()
    call.book.gate.set()
    await call.book.book(call.book.requests[0])  # the calendar has it; the answer was lost
    heir: Call = await ring(memory=call.memory, book=call.book, people=call.people)
    await heir.until_quiet()
    assert heir.telephone.said == [heir.context.phrases.taken_over, told(call)]
    assert len(heir.conversation.session.bookings) == 1 and len(call.book.bookings) == 1
    assert heir.results()[-1]["status"] == "booked"
    await heir.conversation.close()


async def test_a_callback_that_the_store_refuses_late_is_not_left_promised(slow: Any) -> None:
    call: Call = await slow()
    people: Any = call.people
    people.hold("callback")
    people.callback_fails = True
    wish = ("request_callback", {"reason": "oil change", "when": None, "phone_number": None})
    await call.turn("Call me back", Step("", (wish,)), Step("That takes long."))
    people.gates["callback"].set()
    await call.until_quiet()
    assert call.telephone.said[-1].startswith("I'm sorry, nobody will call you back")
    assert call.results()[-1]["code"] == "not_kept"
    assert not call.conversation.session.callback_requested
    await call.conversation.close()


async def test_a_callback_that_is_noted_late_is_promised_then(slow: Any) -> None:
    call: Call = await slow()
    people: Any = call.people
    people.hold("callback")
    wish = ("request_callback", {"reason": "oil change", "when": None, "phone_number": None})
    await call.turn("Call me back", Step("", (wish,)), Step("That takes long."))
    people.gates["callback"].set()
    await call.until_quiet()
    assert call.telephone.said[-1] == "I have noted it now: somebody will call you back."
    assert call.conversation.session.callback_requested
    await call.conversation.close()
