"""What the model passes is held against what the caller said, and said back before it is kept."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.dealership import Dealership
from otto.crm.customers import NewCustomer, NewVehicle, Vehicle
from otto.dialogue.exchange import Exchange
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.history import CallerSaid, History, OttoSaid
from otto.dialogue.session.state import Identity, Session, VehicleRef
from otto.dialogue.tools import garage
from otto.dialogue.tools.newcomers import ASK_BIRTH, ASK_VIN, KNOWN_BY_NOBODY, KNOWN_BY_VIN
from otto.dialogue.tools.results import Asked
from otto.dialogue.tools.said import Said, Standing
from otto.dialogue.tools.toolbox import Toolbox
from otto.events import ToolCall
from otto.language.birth_dates import read_birth_date
from otto.language.read_backs import vin_said
from tests.support.call import BORN, MARIA, NOW, Book, People
from tests.support.heard import hears, says
from tests.support.logs import written

NEW = "+17735550111"
VIN = "1HGBH41JXMN109186"
MISHEARD = "1HGBH41AXMN109186"
"""The same but for a J that was taken for an A: its check digit is right as well."""


class Call:
    """A call in which the model passes what it likes."""

    def __init__(self, dealership: Dealership, caller: str = NEW, **state: Any) -> None:
        self.session = Session.begin("CA1", caller, "+13125550100", NOW)
        for name, value in state.items():
            setattr(self.session, name, value)
        self.people = Kept()
        self.tools = self.owner(dealership)

    def owner(self, dealership: Dealership) -> Toolbox:
        location = dealership.locations[0]
        return Toolbox(
            self.session,
            dealership,
            location,
            Book("bay-1"),
            self.people,
            now=lambda: NOW,
            verification_attempts=3,
        )

    async def turn(self, words: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """The caller says `words`, the model calls the tool, and what it asks is heard."""
        says(self.session, words)
        result = await self.tools.run(ToolCall("c", tool, json.dumps(arguments)))
        hears(self.session, str(result.get("message", "I see.")))
        return result


class Kept(People):
    """Remembers what was to be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[NewCustomer] = []
        self.cars: list[NewVehicle] = []

    async def create_customer(self, new: NewCustomer) -> Any:
        self.new.append(new)
        return await super().create_customer(new)

    async def add_vehicle(self, new: NewVehicle) -> Vehicle:
        self.cars.append(new)
        return await super().add_vehicle(new)


async def unknown(dealership: Dealership, **state: Any) -> Call:
    """Somebody whose number nobody has."""
    return Call(dealership, identity=Identity.NOT_FOUND, phone=NEW, **state)


async def owner_of_cars(dealership: Dealership, **state: Any) -> Call:
    known = {"identity": Identity.VERIFIED, "customer_id": MARIA.id, "phone": MARIA.phone}
    return Call(dealership, MARIA.phone, **(known | state))


JOHN = {"first_name": "John", "last_name": "Smith"}
BORN_90 = {"date_of_birth": "May 3, 1990"}


def is_asked(result: dict[str, Any], code: str, words: str) -> bool:
    return (result["status"], result["code"]) == ("ask", code) and words in result["message"]


# New customers


async def test_a_name_and_a_date_of_birth_are_kept_after_a_yes(dealership: Dealership) -> None:
    call = await unknown(dealership)
    asked = await call.turn("John Smith", "create_customer", **JOHN)
    assert (asked["code"], asked["message"]) == ("second_fact", ASK_BIRTH)
    asked = await call.turn("May 3, 1990", "create_customer", **JOHN, **BORN_90)
    assert is_asked(asked, "read_back", "So that's John Smith, born May 3, 1990. Is that right?")
    assert call.people.new == []
    created = await call.turn("Yes", "create_customer", **JOHN, **BORN_90)
    assert created == {"status": "created", "first_name": "John"}
    (kept,) = call.people.new
    assert (kept.first_name, kept.last_name, kept.date_of_birth) == (
        "John",
        "Smith",
        date(1990, 5, 3),
    )


@pytest.mark.parametrize("answer", ["No.", "What?", "Hold on", "yes but with a y", "", "Otto?"])
async def test_without_a_yes_nothing_is_kept(answer: str, dealership: Dealership) -> None:
    call = await unknown(dealership)
    await call.turn("John Smith. May 3, 1990.", "create_customer", **JOHN, **BORN_90)
    result = await call.turn(answer, "create_customer", **JOHN, **BORN_90)
    assert result["status"] == "ask" and call.people.new == []


@pytest.mark.parametrize(
    ("correction", "read_back"),
    [
        ("No, Smith with a y.", "John Smyth, Smyth spelled S, M, Y, T, H"),
        ("No. S M Y T H.", "John Smyth, Smyth spelled S, M, Y, T, H"),
        ("No, it's y, not i.", "John Smyth, Smyth spelled S, M, Y, T, H"),
        ("No, it's Jon without the h.", "Jon Smith, Jon spelled J, O, N"),
    ],
)
async def test_a_correction_counts_whatever_the_model_passes(
    correction: str, read_back: str, dealership: Dealership
) -> None:
    call = await unknown(dealership)
    await call.turn("John Smith. May 3, 1990.", "create_customer", **JOHN, **BORN_90)
    asked = await call.turn(correction, "create_customer", **JOHN, **BORN_90)
    assert is_asked(asked, "read_back", read_back)
    await call.turn("Yes, that's right.", "create_customer", **JOHN, **BORN_90)
    (kept,) = call.people.new
    assert f"{kept.first_name} {kept.last_name}" == read_back.partition(",")[0]


async def test_a_name_that_is_denied_and_said_again_is_spelled(dealership: Dealership) -> None:
    call = await unknown(dealership)
    await call.turn("John Smith. May 3, 1990.", "create_customer", **JOHN, **BORN_90)
    asked = await call.turn("No, my name is John Smith.", "create_customer", **JOHN, **BORN_90)
    assert is_asked(asked, "read_back", "Smith spelled S, M, I, T, H")
    denied = await call.turn("No.", "create_customer", **JOHN, **BORN_90)
    assert is_asked(denied, "differs", "Which part of it is wrong?")


@pytest.mark.parametrize(
    ("words", "passed"),
    [
        ("I'd like the first available time", {"first_name": "Available", "last_name": "Time"}),
        ("I like to sleep in", {"first_name": "Sleep", "last_name": "In"}),
        ("around noon", {"first_name": "Around", "last_name": "Noon"}),
        ("John", {"first_name": "Jane", "last_name": "Doe"}),
        ("Yes please", {"first_name": "The", "last_name": "Caller"}),
    ],
)
async def test_a_name_that_nobody_said_as_one_is_asked_for(
    words: str, passed: dict[str, str], dealership: Dealership
) -> None:
    call = await unknown(dealership)
    asked = await call.turn(words, "create_customer", **passed, **BORN_90)
    assert is_asked(asked, "differs", "spell your last name")


async def test_a_date_of_birth_that_nobody_said_is_asked_for(dealership: Dealership) -> None:
    call = await unknown(dealership)
    await call.turn("John Smith", "create_customer", **JOHN)
    asked = await call.turn("It's in May", "create_customer", **JOHN, **BORN_90)
    assert is_asked(asked, "differs", "the month, the day and the year")


@pytest.mark.parametrize(
    "refusal", ["I'd rather not say.", "No.", "That's none of your business", "Skip that, please"]
)
async def test_who_would_rather_not_tell_is_known_by_their_vin(
    refusal: str, dealership: Dealership
) -> None:
    call = await unknown(dealership)
    await call.turn("John Smith", "create_customer", **JOHN)
    asked = await call.turn(refusal, "create_customer", **JOHN)
    assert is_asked(asked, "read_back", "So that's John Smith. Is that right?"), "not asked twice"
    created = await call.turn("Yes", "create_customer", **JOHN)
    assert (created["status"], created["message"]) == ("created", KNOWN_BY_VIN)
    car = {"vehicle": "2021 Toyota Corolla"}
    asked = await call.turn("A 2021 Toyota Corolla", "add_vehicle", **car)
    assert (asked["code"], asked["message"]) == ("second_fact", ASK_VIN)
    # The model may forget to pass it: it was said.
    asked = await call.turn(f"It is {' '.join(VIN)}", "add_vehicle", **car)
    assert is_asked(asked, "read_back", vin_said(VIN))
    added = await call.turn("Yes", "add_vehicle", **car)
    assert added["status"] == "added" and "message" not in added
    assert call.people.cars[0].vin == VIN


async def test_who_leaves_no_second_fact_is_told_what_it_means(dealership: Dealership) -> None:
    call = await unknown(dealership)
    await call.turn("John Smith", "create_customer", **JOHN)
    await call.turn("I'd rather not", "create_customer", **JOHN)
    await call.turn("Yes", "create_customer", **JOHN)
    car = {"vehicle": "2021 Toyota Corolla"}
    await call.turn("A 2021 Toyota Corolla", "add_vehicle", **car)
    asked = await call.turn("No, I don't.", "add_vehicle", **car)
    assert is_asked(asked, "read_back", "2021 Toyota Corolla. Is that right?")
    added = await call.turn("Yes", "add_vehicle", **car)
    assert (added["status"], added["message"]) == ("added", KNOWN_BY_NOBODY)


async def test_an_email_is_read_back_and_has_to_be_said(dealership: Dealership) -> None:
    call = await unknown(dealership)
    words = "John Smith. May 3, 1990. My email is j smith at example dot com."
    given = JOHN | BORN_90
    asked = await call.turn(words, "create_customer", **given, email="john@example.com")
    assert is_asked(asked, "differs", "e-mail address")
    asked = await call.turn("Hm?", "create_customer", **given, email="jsmith@example.com")
    assert is_asked(asked, "read_back", "jsmith@example.com, jsmith spelled J, S, M, I, T, H")


async def test_what_was_agreed_to_outlives_the_call_actor(dealership: Dealership) -> None:
    call = await unknown(dealership)
    await call.turn("John Smith. May 3, 1990.", "create_customer", **JOHN, **BORN_90)
    says(call.session, "Yes")
    call.session = Session.load(json.loads(json.dumps(call.session.dump())))
    heir = call.owner(dealership)
    arguments = json.dumps(JOHN | BORN_90)
    result = await heir.run(ToolCall("c", "create_customer", arguments))
    assert result["status"] == "created"


# Cars


async def test_the_transcript_decides_which_car_it_is(dealership: Dealership) -> None:
    """A model that heard a Honda Motor where a Toyota Corolla was said."""
    call = await owner_of_cars(dealership)
    wrong = {"vehicle": "2020 Honda Motor"}
    asked = await call.turn("It's a 2021 Toyota Corolla", "add_vehicle", **wrong)
    assert is_asked(asked, "differs", "I heard a 2021 Toyota Corolla. Is that right?")
    asked = await call.turn("Yes", "add_vehicle", **wrong)
    assert asked["status"] == "ask" and call.people.cars == []
    right = {"vehicle": "It's a 2021 Toyota Corolla"}
    assert (await call.turn("Yes", "add_vehicle", **right))["status"] == "added"
    (kept,) = call.people.cars
    assert (kept.year, kept.make, kept.model) == (2021, "Toyota", "Corolla")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("a twenty twenty one Toyota Corolla", "a 2021 Toyota Corolla"),
        ("an '09 Chevy Silverado", "a 2009 Chevrolet Silverado"),
        ("2019 F one fifty", "a 2019 Ford F-150"),
        ("the 2020, no, the 2021 Corolla", "a 2021 Toyota Corolla"),
        ("a 1996 Oldsmobile Cutlass", "a 1996 Oldsmobile Cutlass, Oldsmobile spelled O, L"),
    ],
)
async def test_a_car_is_read_in_the_callers_own_words(
    said: str, heard: str, dealership: Dealership
) -> None:
    call = await owner_of_cars(dealership)
    asked = await call.turn(said, "add_vehicle", vehicle=said)
    assert is_asked(asked, "read_back", heard)
    assert (await call.turn("Yes", "add_vehicle", vehicle=said))["status"] == "added"


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("a Honda Civic", "Which year is the Honda Civic?"),
        ("a 2019 Honda", "Which Honda is it?"),
        ("a blue one", "What are the year, make and model of the car?"),
        ("my wife's car", "What are the year, make and model of the car?"),
    ],
)
async def test_what_a_car_lacks_is_asked_for(
    said: str, question: str, dealership: Dealership
) -> None:
    call = await owner_of_cars(dealership)
    assert is_asked(await call.turn(said, "add_vehicle", vehicle=said), "incomplete", question)


async def test_the_rest_of_a_car_is_taken_from_what_was_said_before(
    dealership: Dealership,
) -> None:
    call = await owner_of_cars(dealership)
    await call.turn("March 12, 1984", "my_appointments")
    asked = await call.turn("a Honda Civic", "add_vehicle", vehicle="a Honda Civic")
    assert asked["message"] == "Which year is the Honda Civic?", "nobody said 1984 of the car"
    asked = await call.turn("2019", "add_vehicle", vehicle="2019")
    assert is_asked(asked, "read_back", "a 2019 Honda Civic")


async def test_a_model_that_the_make_does_not_have_is_asked_about_once(
    dealership: Dealership,
) -> None:
    call = await owner_of_cars(dealership)
    car = {"vehicle": "a 2020 Honda Motor"}
    asked = await call.turn("a 2020 Honda Motor", "add_vehicle", **car)
    assert is_asked(asked, "unknown", "I don't know a Honda Motor. Which Honda is it?")
    asked = await call.turn("a Honda Motor", "add_vehicle", **car)
    assert is_asked(asked, "read_back", "a 2020 Honda Motor, Motor spelled M, O, T, O, R")


async def test_a_confusable_letter_of_a_vin_is_put_right(dealership: Dealership) -> None:
    call = await owner_of_cars(dealership)
    car = {"vehicle": "2021 Honda Civic", "vin": MISHEARD}
    asked = await call.turn(f"2021 Honda Civic. {' '.join(MISHEARD)}.", "add_vehicle", **car)
    assert is_asked(asked, "read_back", "A as in Adam")
    asked = await call.turn("No, J as in John, not A.", "add_vehicle", **car)
    assert asked["status"] == "ask" and call.people.cars == []
    given = {"vehicle": "2021 Honda Civic", "vin": "No, J as in John, not A."}
    asked = await call.turn("J as in John, not A", "add_vehicle", **given)
    assert is_asked(asked, "read_back", vin_said(VIN))
    assert (await call.turn("Yes", "add_vehicle", **given))["status"] == "added"
    assert call.people.cars[0].vin == VIN


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"vin": VIN}, "read it to me once more"),
        ({"mileage": 45_000}, "How many miles"),
        ({"mileage": "54 thousand"}, "How many miles"),
    ],
)
async def test_what_nobody_said_of_a_car_is_asked_for(
    arguments: dict[str, Any], words: str, dealership: Dealership
) -> None:
    call = await owner_of_cars(dealership)
    said = "2021 Honda Civic with 46,000 miles"
    asked = await call.turn(said, "add_vehicle", vehicle="2021 Honda Civic", **arguments)
    assert is_asked(asked, "differs", words)


THEIRS = (
    VehicleRef("v1", 70, "2019 Honda Civic"),
    VehicleRef("v2", 71, "2015 Jeep Wrangler"),
    VehicleRef("v3", 72, "2021 Honda Accord"),
)


@pytest.mark.parametrize(
    ("words", "refs"),
    [
        ("the Civic", ["v1"]),
        ("my Honda", ["v1", "v3"]),
        ("the 2015 one", ["v2"]),
        ("the Jeep please", ["v2"]),
        ("a Toyota", []),
        ("my wife's car", []),
        ("", []),
    ],
)
def test_which_of_several_cars_is_meant(words: str, refs: list[str]) -> None:
    assert [each.ref for each in garage.vehicles_named(words, THEIRS, 2026)] == refs


def test_which_of_several_cars_is_asked_by_name() -> None:
    assert garage.which_of(THEIRS) == (
        "Which car is it, the 2019 Honda Civic, the 2015 Jeep Wrangler or the 2021 Honda Accord?"
    )


async def booking(dealership: Dealership, words: str, ref: str | None) -> dict[str, Any]:
    """What comes of a booking for one of several cars, nothing of it read back yet."""
    call = await owner_of_cars(dealership, vehicles=[*THEIRS], errand=Errand.BOOK)
    offered = await call.turn("tomorrow", "find_openings", services=["oil_change"], when="tomorrow")
    slot = offered["openings"][0]["slot_id"]
    return await call.turn(words, "book_appointment", slot_id=slot, vehicle_ref=ref, notes=None)


@pytest.mark.parametrize(
    ("words", "ref", "car"),
    [
        ("for the Jeep please", None, "2015 Jeep Wrangler"),
        ("the first one", "v1", "2019 Honda Civic"),
        ("the first one", "the Accord", "2021 Honda Accord"),
    ],
)
async def test_a_booking_is_for_the_car_that_was_named(
    words: str, ref: str | None, car: str, dealership: Dealership
) -> None:
    result = await booking(dealership, words, ref)
    assert result["status"] == "not_done" and car in result["read_back"]


@pytest.mark.parametrize(
    ("words", "ref", "question"),
    [
        ("the first one", None, "the 2019 Honda Civic, the 2015 Jeep Wrangler or the 2021 Honda"),
        ("my Honda", None, "Which car is it, the 2019 Honda Civic or the 2021 Honda Accord?"),
        ("my wife's car", "my wife's car", "Which car is it, the 2019 Honda Civic, the 2015"),
    ],
)
async def test_a_booking_asks_which_car_it_is_for(
    words: str, ref: str | None, question: str, dealership: Dealership
) -> None:
    assert is_asked(await booking(dealership, words, ref), "which_vehicle", question)


def test_without_a_car_it_is_asked_for() -> None:
    with pytest.raises(Asked) as asked:
        garage.one_of((), None, said(), 2026)
    assert asked.value.result["message"] == garage.NO_CAR


# Proof


async def test_an_answer_that_does_not_fit_is_read_back_before_it_counts(
    dealership: Dealership,
) -> None:
    call = Call(dealership, MARIA.phone, identity=Identity.FOUND, phone=MARIA.phone)
    misheard = {"date_of_birth": "March 13, 1984"}
    asked = await call.turn("March 13, 1984", "verify_caller", **misheard)
    assert is_asked(asked, "read_back", "I heard March 13, 1984. Is that right?")
    assert call.session.attempts == 0
    asked = await call.turn("No.", "verify_caller", **misheard)
    assert is_asked(asked, "differs", "say it once more") and call.session.attempts == 0
    assert len(call.people.claims) == 1, "nothing is checked again that was denied"
    right = {"date_of_birth": "the twelfth"}
    verified = await call.turn("No, the twelfth", "verify_caller", **right)
    assert verified["status"] == "verified"
    assert call.people.claims[-1].date_of_birth == BORN
    assert [key.partition(":")[2][:12] for key in call.people.claims[-1].misheard] == [MARIA.phone]


async def test_an_answer_counts_once_it_is_confirmed(dealership: Dealership) -> None:
    call = Call(dealership, MARIA.phone, identity=Identity.FOUND, phone=MARIA.phone)
    wrong = {"date_of_birth": "March 13, 1984"}
    await call.turn("March 13, 1984", "verify_caller", **wrong)
    result = await call.turn("Yes", "verify_caller", **wrong)
    assert result == {"status": "mismatch", "attempts_left": 2}
    keys = {claim.key for claim in call.people.claims}
    assert len(keys) == 1, "the same answer is one event of the database's limits"


async def test_only_so_many_answers_may_have_been_misheard(dealership: Dealership) -> None:
    call = Call(dealership, MARIA.phone, identity=Identity.FOUND, phone=MARIA.phone)
    results = [
        await call.turn(f"No, March 12, {year}", "verify_caller", date_of_birth=f"March 12, {year}")
        for year in range(1950, 1956)
    ]
    assert [result["status"] for result in results[:5]] == [
        *["ask"] * 2,
        *["mismatch"] * 2,
        "locked",
    ]
    assert len({claim.key for claim in call.people.claims}) == 5, "each was counted"


@pytest.mark.parametrize(
    ("words", "passed"),
    [
        ("I don't remember", {"date_of_birth": "March 12, 1984"}),
        ("March 12", {"date_of_birth": "March 12, 1984"}),
        ("April 12, 1984", {"date_of_birth": "1984-03-12"}),
        ("Maria", {"vin_last_six": "109186", "first_name": "Maria", "last_name": "Alvarez"}),
    ],
)
async def test_an_answer_that_nobody_gave_is_never_checked(
    words: str, passed: dict[str, Any], dealership: Dealership
) -> None:
    call = Call(dealership, MARIA.phone, identity=Identity.FOUND, phone=MARIA.phone)
    asked = await call.turn(words, "verify_caller", **passed)
    assert asked["status"] == "ask" and asked["code"] in {"differs", "incomplete"}
    assert (call.people.claims, call.session.attempts) == ([], 0)


async def test_a_number_that_nobody_said_is_asked_for(dealership: Dealership) -> None:
    call = Call(dealership, "anonymous")
    asked = await call.turn("My number is 773", "identify_caller", phone_number=MARIA.phone)
    assert is_asked(asked, "differs", "digit by digit")
    assert call.session.identity is Identity.UNKNOWN and call.session.phone == ""


async def test_nothing_of_a_person_is_in_the_log(dealership: Dealership) -> None:
    with written() as log:
        call = await unknown(dealership)
        await call.turn("John Smith. May 3, 1990.", "create_customer", **JOHN, **BORN_90)
        await call.turn("Yes", "create_customer", **JOHN, **BORN_90)
        car = {"vehicle": "2021 Toyota Corolla", "vin": VIN, "mileage": "45 thousand"}
        await call.turn(f"2021 Toyota Corolla. {VIN}. 45 thousand.", "add_vehicle", **car)
        call = Call(dealership, MARIA.phone, identity=Identity.FOUND, phone=MARIA.phone)
        wrong = {"date_of_birth": "March 13, 1984"}
        await call.turn("March 13, 1984", "verify_caller", **wrong)
        await call.turn("Yes", "verify_caller", **wrong)
    for secret in ("John", "Smith", "1990", "Corolla", VIN, "45", "March", "1984", "555"):
        assert secret not in log.getvalue()


# The words themselves


def said(*entries: CallerSaid | OttoSaid) -> Said:
    return Said(Exchange.of(History(entries).entries))


TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("turns", "right"),
    [
        (["March twelfth", "nineteen eighty four"], [BORN]),
        (["I need an oil change on Tuesday. My birthday is March 12, 1984."], [BORN]),
        (["March 13, 1984", "no, the twelfth"], [BORN, date(1984, 3, 13)]),
        (["Keyed on the telephone keypad: 03/12/1984"], [BORN]),
        (["tomorrow at nine", "yes please"], []),
        (["March 12, 2000 and 5"], []),
    ],
)
def test_dates_are_read_over_turns(turns: list[str], right: list[date]) -> None:
    entries = [entry for turn in turns for entry in (OttoSaid("And?"), CallerSaid(turn))]
    found = said(*entries).readings(lambda text: read_birth_date(text, TODAY))
    assert list(dict.fromkeys(found)) == right


@settings(max_examples=50)
@given(st.lists(st.text(max_size=30), max_size=6), st.dates(date(1930, 1, 1), date(2005, 1, 1)))
def test_a_date_that_was_not_said_is_never_confirmed(turns: list[str], born: date) -> None:
    words = said(*(CallerSaid(turn) for turn in turns))
    given_words = f"{born:%B} {born.day}, {born.year}"
    found = words.confirmed(given_words, lambda text: read_birth_date(text, TODAY))
    assert found is None or str(born.year) in "".join(turns)


@pytest.mark.parametrize(
    ("entries", "standing"),
    [
        ([("So that's John Smith. Is that right?", "Yes")], Standing.AGREED),
        ([("So that's John Smith. Is that right?", "No")], Standing.DENIED),
        ([("So that's John Smith. Is that right?", "No"), ("And?", "hm")], Standing.OPEN),
        ([("So that's John Smith. Is that right?", "Yes"), ("Day?", "Monday")], Standing.AGREED),
        ([("So that's Jane Smith. Is that right?", "Yes")], Standing.OPEN),
        ([("Thank you, John Smith.", "Yes")], Standing.OPEN),
        ([], Standing.OPEN),
    ],
)
def test_what_became_of_a_read_back(entries: list[tuple[str, str]], standing: Standing) -> None:
    history = [
        entry for heard, answer in entries for entry in (OttoSaid(heard), CallerSaid(answer))
    ]
    assert said(*history).standing(["John Smith"]) is standing


def test_a_read_back_that_was_not_heard_counts_for_nothing() -> None:
    unheard = OttoSaid("So that's", unheard="John Smith. Is that right?")
    assert said(unheard, CallerSaid("Yes")).standing(["John Smith"]) is Standing.OPEN
