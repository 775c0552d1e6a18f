"""Who a caller is taken for: by their number, by a number they say, and by what they can prove."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.dealership import Dealership
from otto.crm.customers import (
    Customer,
    IdentityClaim,
    NewVehicle,
    Vehicle,
    Verdict,
    Verification,
)
from otto.dialogue.flow.machine import allowed_tools
from otto.dialogue.session.state import Identity, Session
from otto.dialogue.tools.toolbox import Toolbox
from otto.storage.errors import MileageFell
from otto.telephony.attestation import is_forged
from tests.support.call import BORN, CODE, MARIA, NOW, Book, People
from tests.support.heard import hears, use_and_agree

STRANGER, NOBODY = "+17735550199", "+17735550111"
NAME = {"first_name": "Maria", "last_name": "Alvarez"}
FACTS = {"date_of_birth": BORN.isoformat(), **NAME}


class Desk:
    """A call's tools, and what they lean on."""

    def __init__(self, dealership: Dealership, caller: str = STRANGER, **state: Any) -> None:
        self.session = Session.begin("CA1", caller, "+13125550100", NOW)
        for name, value in state.items():
            setattr(self.session, name, value)
        self.book, self.people = Book("bay-1"), People()
        self.toolbox = Toolbox(
            self.session,
            dealership,
            dealership.locations[0],
            self.book,
            self.people,
            now=lambda: NOW,
            verification_attempts=3,
        )

    async def run(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The caller says what is passed, and agrees to what is read back."""
        self.session.caller_turns += 1
        return await use_and_agree(self.toolbox, self.session, name, **arguments)


@pytest.fixture
def desk(dealership: Dealership) -> Desk:
    return Desk(dealership)


# A number that is said


async def test_a_said_number_is_answered_the_same_whosever_it_is(dealership: Dealership) -> None:
    heard = {}
    for number in (MARIA.phone, NOBODY):
        desk = Desk(dealership)
        answers = [await desk.run("identify_caller", phone_number=number)]
        allowed = allowed_tools(desk.session)
        wrong = {**FACTS, "date_of_birth": "1999-01-01"}
        for _ in range(3):
            answers.append(await desk.run("verify_caller", **wrong))
        heard[number] = (json.dumps(answers), allowed, allowed_tools(desk.session))
    assert heard[MARIA.phone] == heard[NOBODY]
    assert '"locked"' in heard[NOBODY][0]


async def test_a_said_number_is_not_looked_up_before_it_is_proved(desk: Desk) -> None:
    async def looked_up(phone: str) -> None:
        raise AssertionError("how long it takes would tell whose number it is")

    desk.people.find_by_phone = looked_up  # type: ignore[assignment, method-assign]
    result = await desk.run("identify_caller", phone_number="312 555 0142")
    assert result["status"] == "ask" and "name" in result["advice"] and "birth" in result["advice"]
    assert (desk.session.identity, desk.session.customer_id) == (Identity.CLAIMED, None)


async def test_name_and_date_of_birth_open_a_said_number(desk: Desk) -> None:
    await desk.run("identify_caller", phone_number=MARIA.phone)
    for too_little in (
        {"date_of_birth": BORN.isoformat()},
        NAME,
        {"vin_last_six": "109186", **NAME},
        {"date_of_birth": BORN.isoformat(), "first_name": "Maria"},
    ):
        result = await desk.run("verify_caller", **too_little)
        assert result["status"] == "error" and "name" in result["advice"]
    assert (desk.session.attempts, desk.people.claims) == (0, []), "nothing was tried"
    assert (await desk.run("verify_caller", **FACTS))["first_name"] == "Maria"
    assert (desk.session.identity, desk.session.customer_id, desk.session.phone) == (
        Identity.VERIFIED,
        MARIA.id,
        MARIA.phone,
    )
    (claim,) = desk.people.claims
    assert (claim.phone, claim.caller, claim.has_number) == (MARIA.phone, STRANGER, False)


async def test_a_date_of_birth_is_given_in_the_callers_own_words(desk: Desk) -> None:
    await desk.run("identify_caller", phone_number=MARIA.phone)
    for half, question in (
        (f"{BORN:%B} {BORN.day}", "And the year, please?"),
        (f"{BORN:%B} {BORN.year}", "And which day of the month, please?"),
        ("it's on my file", "I need the month, the day and the year you were born."),
    ):
        asked = await desk.run("verify_caller", date_of_birth=half, **NAME)
        assert (asked["status"], asked["code"]) == ("ask", "incomplete")
        assert asked["message"].startswith(question)
        desk.session.history.entries.clear()
    assert (desk.session.attempts, desk.people.claims) == (0, []), "half a date is no wrong answer"
    words = f"it's the {BORN.day}th of {BORN:%B}, {BORN.year}"
    assert (await desk.run("verify_caller", date_of_birth=words, **NAME))["status"] == "verified"


async def test_one_said_number_a_call_is_compared_with(desk: Desk) -> None:
    await desk.run("identify_caller", phone_number=NOBODY)  # misheard, and corrected in time
    await desk.run("identify_caller", phone_number=MARIA.phone)
    await desk.run("verify_caller", **{**FACTS, "date_of_birth": "1999-01-01"})
    other = await desk.run("identify_caller", phone_number=NOBODY)
    assert other["status"] == "error" and "person" in other["advice"]
    assert desk.session.phone == MARIA.phone
    assert (await desk.run("identify_caller", phone_number=MARIA.phone))["status"] == "ask"
    assert (await desk.run("verify_caller", **FACTS))["status"] == "verified"


async def test_the_one_number_outlives_the_call_actor(desk: Desk, dealership: Dealership) -> None:
    await desk.run("identify_caller", phone_number=NOBODY)
    await desk.run("verify_caller", **FACTS)
    saved = json.loads(json.dumps(desk.session.dump()))
    heir = Desk(dealership)
    heir.session = session = Session.load(saved)
    assert not session.may_look_up(MARIA.phone) and session.may_look_up(NOBODY)
    anew = session.renewed(STRANGER, "+13125550100")
    assert not anew.may_look_up(MARIA.phone)


# The number that calls


@pytest.mark.parametrize("said", [None, MARIA.phone, "312 555 0142"])
async def test_the_number_that_calls_finds_its_customer(
    said: str | None, dealership: Dealership
) -> None:
    desk = Desk(dealership, MARIA.phone)
    found = await desk.run("identify_caller", phone_number=said)
    assert found == {"status": "found", "verified": False}
    tail = await desk.run("verify_caller", vin_last_six="109186")
    assert tail["status"] == "error" and "VIN" in tail["advice"]
    verified = await desk.run("verify_caller", date_of_birth=BORN.isoformat())
    assert verified["status"] == "verified"
    assert desk.people.claims[0].has_number


@pytest.mark.parametrize("caller", ["anonymous", "+266696687", "", "sip:x@example.com"])
async def test_a_withheld_number_is_asked_for(caller: str, dealership: Dealership) -> None:
    desk = Desk(dealership, caller)
    assert (await desk.run("identify_caller", phone_number=None))["status"] == "no_number"
    assert desk.session.identity is Identity.UNKNOWN
    assert (await desk.run("identify_caller", phone_number=MARIA.phone))["status"] == "ask"
    await desk.run("verify_caller", **FACTS)
    assert desk.people.claims[0].caller is None


@pytest.mark.parametrize(
    ("stir_verstat", "forged"),
    [
        ("TN-Validation-Passed-A", False),
        ("TN-Validation-Passed-B", False),
        ("TN-Validation-Passed-C", False),
        ("TN-Validation-Failed", True),
        ("TN-Validation-Failed-A", True),
        ("TN-Validation-Failed-B", True),
        ("TN-Validation-Failed-C", True),
        (" tn-validation-FAILED-c ", True),
        ("No-TN-Validation", False),
        ("TN-Validation-Passed-A-Diverted", False),
        ("Failed", False),
        ("", False),
    ],
)
def test_what_the_network_says_of_a_number(stir_verstat: str, forged: bool) -> None:
    assert is_forged(stir_verstat) is forged


@given(st.text(max_size=80))
def test_only_a_failure_is_one(stir_verstat: str) -> None:
    if is_forged(stir_verstat):
        assert "failed" in stir_verstat.casefold()


async def test_a_forged_number_finds_nobody_by_itself(dealership: Dealership) -> None:
    heard = []
    for caller in (MARIA.phone, NOBODY):
        desk = Desk(dealership, caller, is_forged=True)
        heard.append(await desk.run("identify_caller", phone_number=None))
        assert desk.session.identity is Identity.CLAIMED
        short = await desk.run("verify_caller", date_of_birth=BORN.isoformat())
        assert short["status"] == "error"
    assert heard[0] == heard[1] and heard[0]["status"] == "ask"
    desk = Desk(dealership, MARIA.phone, is_forged=True)
    await desk.run("identify_caller", phone_number=None)
    assert (await desk.run("verify_caller", **FACTS))["status"] == "verified"
    claim = desk.people.claims[0]
    assert (claim.caller, claim.has_number) == (MARIA.phone, False), "it is counted all the same"


async def test_a_forged_call_may_still_say_another_number(dealership: Dealership) -> None:
    desk = Desk(dealership, STRANGER, is_forged=True)
    await desk.run("identify_caller", phone_number=None)
    await desk.run("verify_caller", **{**FACTS, "date_of_birth": "1999-01-01"})
    assert (await desk.run("identify_caller", phone_number=MARIA.phone))["status"] == "ask"


# New customers


async def test_a_new_customer_has_a_number_that_is_theirs(dealership: Dealership) -> None:
    desk = Desk(dealership, NOBODY)
    await desk.run("identify_caller", phone_number=None)
    new = {"first_name": "John", "last_name": "Smith", "date_of_birth": "May 3, 1990"}
    for said in (MARIA.phone, STRANGER):
        result = await desk.run("create_customer", phone_number=said, **new)
        assert result["status"] == "error" and "proved" in result["advice"]
    assert list(desk.people.customers) == [MARIA.phone]
    created = await desk.run("create_customer", phone_number=None, **new)
    assert created["status"] == "created" and desk.session.phone == NOBODY


# A family's telephone


async def test_a_number_that_several_have_asks_who_is_calling(dealership: Dealership) -> None:
    desk = Desk(dealership, MARIA.phone)
    son = Customer(9, "Luis", "Alvarez", MARIA.phone, ())
    desk.people.customers[MARIA.phone].append(son)
    found = await desk.run("identify_caller", phone_number=None)
    assert (found["status"], found["shared"]) == ("found", True) and "name" in found["advice"]
    assert "Luis" not in str(found) and desk.session.customer_id is None
    verified = await desk.run("verify_caller", **FACTS)
    assert (verified["first_name"], desk.session.customer_id) == ("Maria", MARIA.id)


async def test_what_fits_several_is_no_wrong_answer(dealership: Dealership) -> None:
    desk = Desk(dealership, MARIA.phone)

    async def several(claim: IdentityClaim) -> Verification:
        return Verification(Verdict.SEVERAL)

    desk.people.verify = several  # type: ignore[method-assign]
    await desk.run("identify_caller", phone_number=None)
    for _ in range(5):
        result = await desk.run("verify_caller", date_of_birth=BORN.isoformat())
        assert result["status"] == "ask" and "name" in result["advice"]
    assert (desk.session.identity, desk.session.attempts) == (Identity.FOUND, 0)


async def test_somebody_new_in_a_household_is_entered_beside_the_others(
    dealership: Dealership,
) -> None:
    desk = Desk(dealership, MARIA.phone)
    await desk.run("identify_caller", phone_number=None)
    new = {"first_name": "Suharto", "last_name": None, "date_of_birth": "2001-02-03"}
    hears(desk.session, "What is your name?")
    created = await desk.run("create_customer", phone_number=None, **new)
    assert created == {"status": "created", "first_name": "Suharto"}
    assert desk.session.identity is Identity.CREATED and desk.session.vehicles == []
    assert desk.session.customer_id not in {None, MARIA.id}
    assert "verify_caller" not in allowed_tools(desk.session)


async def test_who_is_in_the_book_already_has_to_prove_it(dealership: Dealership) -> None:
    desk = Desk(dealership, MARIA.phone)
    await desk.run("identify_caller", phone_number=None)
    result = await desk.run("create_customer", phone_number=None, **FACTS)
    assert result["status"] == "exists" and "verify_caller" in result["advice"]
    assert desk.session.identity is Identity.FOUND, "a name makes nobody trusted"
    assert (await desk.run("verify_caller", **FACTS))["status"] == "verified"


async def test_a_customer_is_texted_at_the_number_they_were_found_by(
    dealership: Dealership,
) -> None:
    desk = Desk(dealership, NOBODY)
    await desk.people.add_phone(MARIA.id, NOBODY)

    async def verified(claim: IdentityClaim) -> Verification:
        return Verification(Verdict.VERIFIED, MARIA.id)

    desk.people.verify = verified  # type: ignore[method-assign]
    await desk.run("identify_caller", phone_number=None)
    await desk.run("verify_caller", date_of_birth=BORN.isoformat())
    assert (desk.session.customer_id, desk.session.phone) == (MARIA.id, NOBODY)


async def test_the_number_that_calls_can_be_noted_as_one_more(dealership: Dealership) -> None:
    desk = Desk(dealership, NOBODY)
    await desk.run("identify_caller", phone_number=MARIA.phone)
    assert (await desk.run("add_number"))["status"] == "error", "nobody has proved anything"
    await desk.run("verify_caller", **FACTS)
    assert "add_number" in allowed_tools(desk.session)
    for _ in range(2):
        assert await desk.run("add_number") == {"status": "noted"}
    assert MARIA in await desk.people.find_by_phone(NOBODY)
    assert desk.session.phone == MARIA.phone


@pytest.mark.parametrize(
    ("caller", "state"),
    [
        (MARIA.phone, {}),  # it is known already
        (NOBODY, {"is_forged": True}),
        ("anonymous", {}),
        ("sip:x@example.com", {}),
        (NOBODY, {"identity": Identity.FOUND}),
        (NOBODY, {"identity": Identity.CLAIMED}),
        (NOBODY, {"identity": Identity.LOCKED}),
    ],
)
async def test_no_other_number_is_noted(
    caller: str, state: dict[str, Any], dealership: Dealership
) -> None:
    known = {"identity": Identity.VERIFIED, "customer_id": MARIA.id, "phone": MARIA.phone}
    desk = Desk(dealership, caller, **(known | state))
    assert "add_number" not in allowed_tools(desk.session)
    assert (await desk.run("add_number"))["status"] == "error"
    assert await desk.people.find_by_phone(NOBODY) == ()


async def test_a_mileage_may_come_in_words(dealership: Dealership) -> None:
    desk = Desk(dealership, identity=Identity.VERIFIED, customer_id=MARIA.id, phone=MARIA.phone)
    told: list[int | None] = []

    async def add_vehicle(new: NewVehicle) -> Vehicle:
        told.append(new.mileage)
        return Vehicle(80, new.year, new.make, new.model, new.vin, new.mileage)

    desk.people.add_vehicle = add_vehicle  # type: ignore[method-assign]
    car = {"vehicle": "2019 Honda Civic"}
    for said in ("about 45k", "forty five thousand", "45,000", 45_000, None, " "):
        assert (await desk.run("add_vehicle", **car, mileage=said))["status"] == "added"
    assert told == [45_000] * 4 + [None] * 2
    desk.session.history.entries.clear()
    refused = await desk.run("add_vehicle", **car, mileage="a lot")
    assert (refused["status"], refused["code"]) == ("ask", "differs")
    assert "How many miles" in refused["message"]


async def test_a_mileage_that_fell_is_asked_about(dealership: Dealership) -> None:
    desk = Desk(dealership, identity=Identity.VERIFIED, customer_id=MARIA.id, phone=MARIA.phone)
    told: list[NewVehicle] = []

    async def add_vehicle(new: NewVehicle) -> Vehicle:
        told.append(new)
        if not new.is_sure_of_mileage:
            raise MileageFell("That is less than was noted before: please check the mileage.")
        return Vehicle(80, new.year, new.make, new.model, new.vin, new.mileage)

    desk.people.add_vehicle = add_vehicle  # type: ignore[method-assign]
    car = {"vehicle": "2019 Honda Civic", "mileage": 40_000}
    asked = await desk.run("add_vehicle", **car)
    assert (asked["status"], asked["code"]) == ("error", "mileage_fell")
    assert "check the mileage" in asked["message"] and desk.session.vehicles == []
    assert (await desk.run("add_vehicle", **car, mileage_confirmed=True))["status"] == "added"
    assert [new.mileage for new in told] == [40_000, 40_000]


# A code


async def claimed(dealership: Dealership, number: str, **state: Any) -> Desk:
    desk = Desk(dealership, **state)
    await desk.run("identify_caller", phone_number=number)
    return desk


async def test_a_code_makes_a_said_number_as_good_as_the_one_that_calls(
    dealership: Dealership,
) -> None:
    desk = await claimed(dealership, MARIA.phone)
    assert (await desk.run("text_code"))["status"] == "sent"
    assert [(sent.number, sent.caller) for sent in desk.book.codes] == [(MARIA.phone, STRANGER)]
    wrong = await desk.run("check_code", code="111111")
    assert (wrong["status"], wrong["code"]) == ("error", "wrong")
    assert desk.session.proved == ""
    spoken = "it is four eight two, nine one three"
    assert (await desk.run("check_code", code=spoken))["status"] == "found"
    assert desk.session.proved == MARIA.phone
    verified = await desk.run("verify_caller", date_of_birth=BORN.isoformat())
    assert verified["status"] == "verified"


async def test_a_new_customer_is_entered_under_a_number_proved_by_a_code(
    dealership: Dealership,
) -> None:
    desk = await claimed(dealership, NOBODY, caller="anonymous")
    await desk.run("text_code")
    assert (await desk.run("check_code", code=CODE))["status"] == "not_found"
    new = {"first_name": "John", "last_name": "Smith", "date_of_birth": "May 3, 1990"}
    assert (await desk.run("create_customer", **new))["status"] == "created"
    assert desk.session.phone == NOBODY


async def test_one_code_a_call(dealership: Dealership) -> None:
    desk = await claimed(dealership, NOBODY)
    assert "text_code" in allowed_tools(desk.session)
    assert "check_code" not in allowed_tools(desk.session)
    await desk.run("text_code")
    again = await desk.run("text_code")
    assert again["status"] == "error" and "One code" in again["advice"]
    assert len(desk.book.codes) == 1


async def test_a_number_that_may_not_be_texted_gets_no_code(dealership: Dealership) -> None:
    desk = await claimed(dealership, NOBODY)
    desk.book.may_text = False
    refused = await desk.run("text_code")
    assert refused["status"] == "error" and "can't text" in refused["message"]
    assert NOBODY[2:] not in json.dumps(refused)
    assert desk.session.code_sent_to == ""


@pytest.mark.parametrize("identity", [i for i in Identity if i is not Identity.CLAIMED])
async def test_codes_are_for_said_numbers_alone(identity: Identity, dealership: Dealership) -> None:
    desk = Desk(dealership, identity=identity, customer_id=7, phone=MARIA.phone)
    for name, arguments in (("text_code", {}), ("check_code", {"code": CODE})):
        assert (await desk.run(name, **arguments))["status"] == "error"
    assert desk.book.codes == []


# Locked


async def test_a_lock_from_other_calls_ends_at_a_person(dealership: Dealership) -> None:
    desk = Desk(dealership, MARIA.phone)

    async def locked(claim: Any) -> Verification:
        return Verification(Verdict.LOCKED)

    desk.people.verify = locked  # type: ignore[method-assign]
    await desk.run("identify_caller", phone_number=None)
    result = await desk.run("verify_caller", date_of_birth=BORN.isoformat())
    assert result == {"status": "locked"}
    assert desk.session.identity is Identity.LOCKED
    allowed = allowed_tools(desk.session)
    assert {"transfer_to_person", "request_callback"} <= allowed
    assert not {"identify_caller", "verify_caller", "create_customer", "text_code"} & allowed
    again = await desk.run("verify_caller", date_of_birth=BORN.isoformat())
    assert "person" in again["advice"]
