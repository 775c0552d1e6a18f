"""A tool that outlives its timeout finds a call that has gone on: it changes nobody's identity."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from otto.crm.customers import Customer, IdentityClaim, NewCustomer, NewVehicle, Vehicle
from otto.dialogue.session.state import Identity
from otto.scheduling.openings import Opening, OpeningsQuery
from tests.support.call import BORN, MARIA, Book, Call, People, Step

pytestmark = pytest.mark.looptime

OTHER = Customer(9, "Otto", "Stranger", "+13125550199", ())
OTHERS_BIRTH = date(1990, 5, 6)
IDENTIFY = ("identify_caller", {"phone_number": None})
VERIFY = ("verify_caller", {"date_of_birth": BORN.isoformat(), "vin_last_six": None})
FIND = ("find_openings", {"service": "oil_change", "from_date": "tomorrow"})


class SlowPeople(People):
    """Each kind of question waits for its gate, those of a number for the number's."""

    def __init__(self) -> None:
        super().__init__()
        self.customers[OTHER.phone] = OTHER
        self.gates: dict[str, asyncio.Event] = {}

    def hold(self, what: str) -> None:
        self.gates[what] = asyncio.Event()

    async def _wait(self, what: str) -> None:
        if what in self.gates:
            await self.gates[what].wait()

    async def find_by_phone(self, phone: str) -> Customer | None:
        await self._wait(phone)
        return await super().find_by_phone(phone)

    async def verify(self, claim: IdentityClaim) -> bool:
        born = {MARIA.id: BORN, OTHER.id: OTHERS_BIRTH}
        await self._wait("verify")
        return claim.date_of_birth == born[claim.customer_id]

    async def create_customer(self, new: NewCustomer) -> Customer:
        await self._wait("create")
        return await super().create_customer(new)

    async def add_vehicle(self, new: NewVehicle) -> Vehicle:
        await self._wait("vehicle")
        return await super().add_vehicle(new)


class SlowBook(Book):
    """Openings wait for `looking`."""

    def __init__(self, bay_id: str) -> None:
        super().__init__(bay_id)
        self.looking = asyncio.Event()
        self.looking.set()

    async def find_openings(self, query: OpeningsQuery) -> tuple[Opening, ...]:
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
    """The stranger's number is looked up first and answers last: Maria's date of birth must not be
    checked against the stranger, nor the stranger's open Maria's data."""
    call: Call = await slow()
    people: Any = call.people
    people.hold(OTHER.phone)
    await call.turn("312 555 0199", Step("", (identify(OTHER.phone),)), Step("That takes long."))
    assert "too long" in call.results()[-1]["message"]
    await call.turn("It's this number", Step("", (IDENTIFY,)), Step("Your date of birth?"))
    session = call.conversation.session
    assert (session.customer_id, session.phone) == (MARIA.id, MARIA.phone)
    people.gates[OTHER.phone].set()
    await asyncio.sleep(1)
    assert (session.identity, session.customer_id, session.phone) == (
        Identity.FOUND,
        MARIA.id,
        MARIA.phone,
    )
    assert "left out" in call.results()[0]["advice"], "the history does not promise it any more"
    await call.turn("March 12th 1984", Step("", (VERIFY,)), Step("Thank you, Maria."))
    assert call.results()[-1]["first_name"] == "Maria"
    assert (session.identity, session.customer_id) == (Identity.VERIFIED, MARIA.id)
    await call.conversation.close()


async def test_a_late_look_up_after_nobody_was_found_finds_nobody(slow: Any) -> None:
    call: Call = await slow(caller="anonymous")
    people: Any = call.people
    people.hold(MARIA.phone)
    await call.turn("312 555 0142", Step("", (identify(MARIA.phone),)), Step("That takes long."))
    await call.turn("Go on without", Step("", (IDENTIFY,)), Step("You're new, then."))
    people.gates[MARIA.phone].set()
    await asyncio.sleep(1)
    session = call.conversation.session
    assert (session.identity, session.customer_id) == (Identity.NOT_FOUND, None)
    await call.conversation.close()


async def test_a_late_look_up_within_the_same_turn_changes_nothing_either(slow: Any) -> None:
    """The model was told that it failed: a session that says otherwise is one it does not know."""
    call: Call = await slow()
    people: Any = call.people
    people.hold(MARIA.phone)
    slow_answer = Step("That takes long, I am afraid.", delay_s=3.0)
    call.language_model.script += [Step("", (IDENTIFY,)), slow_answer]
    await call.say("It's Maria")
    await asyncio.sleep(3.0)
    people.gates[MARIA.phone].set()
    await call.until_quiet()
    assert call.conversation.session.identity is Identity.UNKNOWN
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
    new = ("create_customer", {"first_name": "Robin", "last_name": "Walker"})
    await call.turn(
        "Robin Walker", Step("", (IDENTIFY,)), Step("", (new,)), Step("That takes long.")
    )
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
    vehicle = ("add_vehicle", {"year": 2021, "make": "Ford", "model": "Focus", "vin": None})
    await call.turn("A 2021 Ford Focus", Step("", (vehicle,)), Step("That takes long."))
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
    await call.turn("Try again", Step("", (FIND,)), Step("Nine, ten or eleven?"))
    assert {offer.caller_turn for offer in session.offers.values()} == {session.caller_turns}
    await call.conversation.close()
