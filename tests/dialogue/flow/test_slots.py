"""What Otto needs to know: which question asks for it, what an answer says of it, and what follows
when it is not understood."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.dealership import Dealership
from otto.dialogue.flow.following import Following, Patience, another_way
from otto.dialogue.flow.prompt_files import shipped_prompts
from otto.dialogue.flow.questions import asked_for
from otto.dialogue.flow.slots import PART, SURE, WAYS, SlotReader, Way, taken
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.slots import Slot, SlotName, Source
from otto.dialogue.session.state import Directive, Identity, Session, VehicleRef
from otto.dialogue.turns.taker import Turn
from tests.dialogue.flow.walks import AT, MARIA
from tests.support.call import BORN, Step

BIRTH = "What is your date of birth?"
ASKED = {
    "How can I help you today?": "",
    "What does your car need?": "service",
    "In a few words, what should we do for your car?": "service",
    "What's the problem with the car?": "service",
    "What are the year, make and model of your car?": "car",
    "Which year is the car, who made it, and which model is it?": "car",
    "That's a 2021 Toyota Corolla. Is that right?": "",
    "What day works best for you?": "day",
    "When would you like to bring it in?": "day",
    "I have Tuesday at nine, or Wednesday at two. Which of those works best for you?": "day",
    "Does Tuesday at nine work for you?": "",
    "That's Tuesday at 9:00 AM. Shall I book it?": "",
    "May I have your first and last name?": "name",
    "Could you spell your last name for me?": "name",
    "And your last name?": "name",
    "What is the phone number on your account, with the area code?": "phone",
    "What is the best number to reach you?": "phone",
    "I got more than one number. Which one shall I take?": "phone",
    "May I text a code to your number instead?": "",
    "Please say the six digits of the code, one at a time.": "code",
    "To make sure it's you, what is your date of birth?": "birth_date",
    "May I have your first and last name, and your date of birth?": "birth_date name",
    "And the year, please?": "birth_date",
    "Thanks. And your date of birth? Month, day and year, please.": "birth_date",
    "What are the last six characters of your VIN?": "vin",
    "Do you have your VIN at hand?": "vin",
    "What's your email address?": "email",
    "How many miles does it have?": "mileage",
    "Your phone number is not in our book.": "",
    "I found your date of birth, thank you. Is there anything else?": "",
    "": "",
}


@pytest.mark.parametrize(("heard", "names"), ASKED.items())
def test_what_a_question_asks_for(heard: str, names: str) -> None:
    assert " ".join(sorted(asked_for(heard))) == names


@given(st.text(max_size=200))
def test_whatever_was_heard_asks_for_slots_or_none(heard: str) -> None:
    assert asked_for(heard) <= {*SlotName}


# What an answer says


@pytest.fixture
def reader(dealership: Dealership) -> SlotReader:
    location = dealership.locations[0]
    return SlotReader(dealership, location, AT.astimezone(ZoneInfo(location.timezone)))


READ = [
    ("March 12th, 1984", "birth_date", "1984-03-12"),
    ("Keyed on the telephone keypad: 03/12/1984", "birth_date", "1984-03-12"),
    ("it's three one two, five five five, oh one four two", "phone", "+13125550142"),
    ("a 2021 Toyota Corolla", "car", "2021 Toyota Corolla"),
    ("Maria Alvarez", "name", "Maria Alvarez"),
    ("I need an oil change", "service", "oil_change"),
    ("Tuesday at nine", "day", "Tuesday at nine"),
    ("the first one", "day", "the first one"),
    ("forty two thousand miles", "mileage", "42000"),
    ("4 8 2 9 1 3", "code", "482913"),
    ("1 0 9 1 8 6", "vin", "109186"),
    ("maria at example dot com", "email", "maria@example.com"),
]
NOTHING = [
    ("um", "birth_date"), ("I don't know", "name"), ("what?", "car"), ("uh", "day"), ("", "day"),
    ("five five five", "phone"), ("nope", "email"), ("hello?", "vin"), ("hmm, well", "service"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "name", "value"), READ)
def test_what_an_answer_says(reader: SlotReader, said: str, name: str, value: str) -> None:
    slot = reader.read(said, frozenset({SlotName(name)}), {})[SlotName(name)]
    assert (slot.value, slot.confidence >= 0.5) == (value, True)
    assert slot.source is (Source.KEYPAD if said.startswith("Keyed") else Source.CALLER)


@pytest.mark.parametrize(("said", "name"), NOTHING)
def test_what_is_no_answer(reader: SlotReader, said: str, name: str) -> None:
    assert SlotName(name) not in reader.read(said, frozenset({SlotName(name)}), {})


def test_parts_come_together_and_corrections_win(reader: SlotReader) -> None:
    for name, answers in (
        (
            SlotName.CAR,
            {
                "a Toyota": "Toyota",
                "it's a 2020 Corolla": "2020 Toyota Corolla",
                "no, a 2021 Toyota Corolla": "2021 Toyota Corolla",
            },
        ),
        (
            SlotName.BIRTH_DATE,
            {"March 12": "March 12", "1984": "1984-03-12", "no, March 13, 1984": "1984-03-13"},
        ),
    ):
        slots: dict[SlotName, Slot] = {}
        for said, value in answers.items():
            slots |= reader.read(said, frozenset({name}), slots)
            assert slots[name].value == value
    part = reader.read("March 12", frozenset({SlotName.BIRTH_DATE}), {})
    assert part[SlotName.BIRTH_DATE].confidence == PART


@given(st.text(max_size=120), st.sets(st.sampled_from(SlotName)))
def test_whatever_is_said_slots_are_read(dealership: Dealership, said: str, asked: Any) -> None:
    location = dealership.locations[0]
    now = AT.astimezone(ZoneInfo(location.timezone))
    for slot in SlotReader(dealership, location, now).read(said, frozenset(asked), {}).values():
        assert slot.value and 0 < slot.confidence < SURE


# What tools take


def test_what_a_tool_has_taken_is_sure_and_may_be_asked_again() -> None:
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    session.phone, session.first_name = MARIA, "Maria"
    session.vehicles = [VehicleRef("v1", 1, "2019 Honda Civic")]
    session.slots[SlotName.BIRTH_DATE] = Slot("1984-03-12", Source.KEYPAD, 0.95, asked=2)
    taken(session, "identify_caller", {"phone_number": None}, {"status": "found"})
    assert session.slots[SlotName.PHONE] == Slot(MARIA, Source.CALLER_ID, SURE)
    taken(session, "verify_caller", {"date_of_birth": "x"}, {"status": "mismatch"})
    assert session.slots[SlotName.BIRTH_DATE].asked == 2
    taken(session, "verify_caller", {"date_of_birth": "x"}, {"status": "verified"})
    assert session.slots[SlotName.BIRTH_DATE] == Slot("1984-03-12", Source.KEYPAD, SURE)
    assert session.slots[SlotName.CAR] == Slot("2019 Honda Civic", Source.BOOK, SURE)
    found = {"services": ["oil_change", "tire_rotation"], "when": "Tuesday"}
    taken(session, "find_openings", found, {"status": "ask"})
    assert SlotName.DAY not in session.slots
    taken(session, "find_openings", found, {"status": "ok"})
    assert session.slots[SlotName.SERVICE].value == "oil_change, tire_rotation"
    taken(session, "book_appointment", {}, {"status": "booked"})
    assert not {SlotName.SERVICE, SlotName.DAY} & {*session.slots}


# The session


def test_slots_survive_and_sessions_of_both_releases_can_be_read() -> None:
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    session.slots[SlotName.CAR] = Slot("2021 Toyota Corolla", Source.CALLER, 0.8, asked=1)
    session.slots[SlotName.DAY] = Slot(asked=2)
    saved = json.loads(json.dumps(session.dump()))
    assert Session.load(saved).dump() == session.dump()
    saved["slots"] |= {"shoe_size": {"value": "9"}, "name": {"value": "Maria", "source": "dream"}}
    saved["errand"] = "something new"
    loaded = Session.load(saved)
    assert (loaded.slots, loaded.errand.value) == (session.slots, "open")
    for name in ("slots", "errand", "waiting"):
        del saved[name]
    assert Session.load(saved).slots == {}
    session.forget_words()
    assert session.slots == {}


# What follows when it is not understood


def test_every_slot_has_another_way() -> None:
    assert {*WAYS} == {*SlotName}


def follow(dealership: Dealership, *answers: str) -> tuple[Session, Following]:
    """A call in which Otto asks for the date of birth before each answer."""
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    following = Following(
        session, dealership, dealership.locations[0], lambda: AT, shipped_prompts()
    )
    for answer in answers:
        session.history.otto(BIRTH)
        following.take_up(Turn(answer))
    session.history.otto(BIRTH)
    return session, following


def test_what_was_not_heard_was_not_asked(dealership: Dealership) -> None:
    session, following = follow(dealership)
    session.history.entries[-1].text = "What is"
    following.take_up(Turn("an oil change please"))
    assert SlotName.BIRTH_DATE not in session.slots


def test_after_three_times_a_person_is_offered_and_then_comes(dealership: Dealership) -> None:
    for asks, patience in (
        (1, Patience.GO_ON),
        (2, Patience.GO_ON),
        (3, Patience.OFFER_A_PERSON),
        (4, Patience.CONNECT),
    ):
        session, following = follow(dealership, *["mumble"] * (asks - 1))
        before = session.dump()
        assert following.patience_with("mumble") is patience
        assert session.dump() == before, "to look ahead changes nothing"
        assert following.patience_with("March 12, 1984") is Patience.GO_ON
        assert following.patience_with("what are your hours?") is Patience.GO_ON


def test_from_the_third_time_on_another_way_is_named(dealership: Dealership) -> None:
    for asks, way in ((0, None), (1, None), (2, Way.KEY), (3, Way.KEY)):
        session, _ = follow(dealership, *["mumble"] * asks)
        assert another_way(session, BIRTH) is way
        assert another_way(session, f"{BIRTH} You can key it in.") is None
        assert another_way(session, f"{BIRTH} Or shall I connect you with a person?") is None
        assert another_way(session, "What does your car need?") is None


def test_a_number_in_two_breaths_was_asked_for_once(dealership: Dealership) -> None:
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    following = Following(
        session, dealership, dealership.locations[0], lambda: AT, shipped_prompts()
    )
    session.history.otto("What is the phone number on your account?")
    following.take_up(Turn("three one two five five five"))
    following.take_up(Turn("oh one four two"))
    assert session.slots[SlotName.PHONE] == Slot(MARIA, Source.CALLER, 0.8, asked=1)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the best number to reach you?", "call me at 312 555 0142"),
        ("What day works best for you?", "can I come in on Friday"),
        ("What does your car need?", "an oil change"),
        ("What are the year, make and model of your car?", "I want to buy, no, a 2019 Honda Civic"),
    ],
)
def test_an_answer_is_no_wish(dealership: Dealership, question: str, answer: str) -> None:
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    session.errand = Errand.LOOK_UP
    following = Following(
        session, dealership, dealership.locations[0], lambda: AT, shipped_prompts()
    )
    session.history.otto(question)
    following.take_up(Turn(answer))
    assert (session.errand, session.waiting) == (Errand.LOOK_UP, [])
    session.history.otto("Is there anything else?")
    following.take_up(Turn("I need an oil change"))
    assert session.waiting == [Errand.BOOK]


@pytest.mark.looptime
async def test_a_caller_who_is_not_understood_keys_it_or_gets_a_person(ring: Any) -> None:
    call = await ring()
    session = call.conversation.session
    await call.turn("I need an oil change", Step(BIRTH))
    await call.turn("grumble", Step(BIRTH))
    await call.turn("grumble", Step(BIRTH))
    assert call.telephone.said[-1] == call.context.phrases.key_it
    await call.turn("grumble")
    assert call.telephone.said[-1] == call.context.phrases.offer_person
    await call.turn("yes please")
    assert call.telephone.said[-1] == call.context.phrases.transferring
    assert (session.directive, session.outcome) == (Directive.TRANSFER, "transferred")


@pytest.mark.looptime
async def test_who_wants_no_person_is_asked_once_more(ring: Any) -> None:
    call = await ring()
    session = call.conversation.session
    await call.turn("I need an oil change", Step(BIRTH))
    for _ in range(2):
        await call.turn("grumble", Step(BIRTH))
    await call.turn("grumble")
    await call.turn("no thanks", Step(BIRTH))
    call.language_model.script.append(Step("Thank you."))
    for key in f"{BORN:%m%d%Y}":
        call.press(key)
    await call.until_quiet()
    assert session.slots[SlotName.BIRTH_DATE].value == BORN.isoformat()
    assert session.slots[SlotName.BIRTH_DATE].source is Source.KEYPAD
    await call.turn("and now", Step(BIRTH))
    await call.turn("grumble")
    assert call.telephone.said[-1] == call.context.phrases.not_understood
    assert (session.directive, session.outcome) == (Directive.TRANSFER, "not_understood")
    assert session.identity is Identity.UNKNOWN
