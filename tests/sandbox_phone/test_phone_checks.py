"""What callers check in what they hear: theirs is agreed to, anything else is put right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.caller.acts import Act
from sandbox.caller.checking import Wanted, Wrong, what_is_wrong
from sandbox.caller.claims import ROUGHLY, claims
from sandbox.caller.mind import Mind
from sandbox.caller.personas import PERSONAS, persona
from sandbox.caller.stages import Stage

DANIEL = PERSONAS["new-customer"]
WANTED = Wanted(DANIEL.facts, DANIEL.goal)
"""A tire rotation for a 2021 Toyota Corolla, at any time."""

READ_BACKS: list[tuple[str, set[Wrong]]] = [
    ("That's a 2021 Toyota Corolla. Is that right?", set()),
    ("That's a twenty twenty-one Toyota Corolla. Is that right?", set()),
    ("Is it the Corolla?", set()),
    ("That's a 2020 Honda Motor. Is that right?", {Wrong.VEHICLE}),
    ("That's a 2020 Toyota Corolla. Is that right?", {Wrong.VEHICLE}),
    ("That's a two thousand twelve Toyota Corolla. Is that right?", {Wrong.VEHICLE}),
    ("That's a 2021 Toyota Camry. Is that right?", {Wrong.VEHICLE}),
    ("That's a 2021 Honda Corolla. Is that right?", {Wrong.VEHICLE}),
    ("That's Daniel Foster. Is that right?", set()),
    ("That's Daniel, D A N I E L, Foster, F O S T E R. Is that right?", set()),
    ("I have your name as Daniel. Is that right?", set()),
    ("That's Daniel Forster. Is that right?", {Wrong.NAME}),
    ("I have Foster, spelled F O R S T E R. Is that right?", {Wrong.NAME}),
    ("I have the name Daniel Foster, spelled F O S T E R. Is that right?", set()),
    ("I have the name Daniel Foster, spelled F, A, S, T, E, R. Is that right?", {Wrong.NAME}),
    ("Is this James Okafor?", {Wrong.NAME}),
    ("Your number is 773-555-0187. Is that right?", set()),
    ("That's seven seven three, triple five, zero one eight seven. Is that right?", set()),
    ("That's 773 555 0178. Is that right?", {Wrong.PHONE}),
    ("I see you're calling from 312-555-0142. Is that your number?", {Wrong.PHONE}),
    ("You were born on August 23, 1991. Is that right?", set()),
    ("I heard August twenty-third, nineteen ninety-one. Is that right?", set()),
    ("I heard August twenty-third, two thousand and one. Is that right?", {Wrong.BIRTH}),
    ("I heard August 22, 1991. Is that right?", {Wrong.BIRTH}),
    ("That's a tire rotation for your 2021 Toyota Corolla on Friday at 9:00 AM. Right?", set()),
    ("That's an oil change on Friday at 9:00 AM. Shall I book it?", {Wrong.SERVICE}),
    ("That's a tire rotation and an oil change on Friday at 9. Okay?", {Wrong.SERVICE}),
    (
        "That's an oil change for your 2019 Honda Civic on Friday at 9:00 AM. Shall I book it?",
        {Wrong.SERVICE, Wrong.VEHICLE},
    ),
]


@pytest.mark.parametrize(("text", "wrong"), READ_BACKS)
def test_a_read_back_is_held_against_what_is_wanted(text: str, wrong: set[Wrong]) -> None:
    assert set(what_is_wrong(text, WANTED)) == wrong


@pytest.mark.parametrize(("text", "wrong"), READ_BACKS)
def test_a_caller_says_yes_to_what_is_theirs_and_to_nothing_else(
    text: str, wrong: set[Wrong]
) -> None:
    mind = Mind(DANIEL)
    mind.hear("How can I help you today?")
    reply = mind.hear(text)
    assert reply is not None
    assert reply.text.startswith("Yes") is not bool(wrong), reply.text
    assert reply.text.startswith("No, ") is bool(wrong), reply.text


def test_a_new_customers_corolla_is_never_booked_as_another_car() -> None:
    mind = Mind(DANIEL)
    mind.hear("How can I help you today?")
    mind.hear("I have Friday, November 27 at 9:00 AM. Does that work?")
    told = "That's a tire rotation for your 2020 Honda Motor on Friday, November 27 at 9:00 AM"
    reply = mind.hear(f"{told}, for $39.95. Shall I book it?")
    assert reply is not None and reply.text == "No, it's a 2021 Toyota Corolla."
    done = "You're booked for a tire rotation for your 2020 Honda Motor on Friday at 9:00 AM."
    reply = mind.hear(f"{done} Is there anything else?")
    assert reply is not None and reply.text == "That's not right. It's a 2021 Toyota Corolla."
    assert mind.done_as is None and Stage.BOOKED not in mind.stages
    assert mind.outcome.wrong == ("vehicle",) and not mind.outcome.is_satisfied


def test_who_is_misheard_again_puts_it_otherwise() -> None:
    mind = Mind(DANIEL)
    mind.hear("How can I help you today?")
    wrong = "That's a 2020 Honda Motor. Is that right?"
    said = [mind.hear(wrong), mind.hear(wrong), mind.hear("That's Daniel Forster. Is that right?")]
    assert [reply and reply.text for reply in said] == [
        "No, it's a 2021 Toyota Corolla.",
        "No, it's a Toyota Corolla, from the year 2021.",
        "No, my name is Daniel Foster. Foster is F O S T E R.",
    ]
    asked = "What are the year, make and model of your car?"
    said = [mind.hear(asked), mind.hear(asked)]
    assert [reply and reply.text for reply in said] == [
        "It's a 2021 Toyota Corolla.",
        "It's a Toyota Corolla, from the year 2021.",
    ]


@pytest.mark.parametrize(
    ("goal", "offer", "fits"),
    [
        ({"days": ["friday"]}, "I have Thursday, November 26 at 9:00 AM. Does that work?", False),
        ({"days": ["2026-11-27"]}, "I have Friday, November 27 at 9:00 AM. Does that work?", True),
        ({"days": ["2026-11-27"]}, "I have Friday, December 4 at 9:00 AM. Does that work?", False),
        ({"days": ["2026-11-27"]}, "I have Thursday at nine AM. Does that work?", False),
        ({"earliest": "10:00"}, "I have Friday at 9:30 AM. Does that work?", False),
        ({"earliest": "10:00"}, "I have Friday at 10 AM. Does that work?", True),
        ({"latest": "12:00"}, "I have Friday at 1:00 PM. Does that work?", False),
    ],
)
def test_only_a_time_within_the_wish_is_taken(goal: dict[str, Any], offer: str, fits: bool) -> None:
    mind = Mind(persona("new-customer", goal))
    reply = mind.hear(offer)
    assert reply is not None and reply.text.startswith("Yes") is fits
    assert (mind.chosen is not None) is fits
    asked = offer.replace("I have", "That's a tire rotation on").replace(
        "Does that work?", "Shall I book it?"
    )
    reply = mind.hear(asked)
    assert reply is not None and reply.text.startswith("Yes") is fits


def test_who_is_offered_nothing_that_is_any_good_gives_up() -> None:
    mind = Mind(persona("new-customer", {"days": ["friday"]}))
    replies = [mind.hear("I have Thursday at 9:00 AM. Does that work?") for _ in range(5)]
    ends = next(reply for reply in replies if reply and reply.hang_up)
    assert "another time" in ends.text and mind.outcome.missed == ("book",)


@pytest.mark.parametrize(
    ("price", "agrees"),
    [
        ("$39.95", True),
        ("thirty-nine dollars and 95 cents", True),
        ("$49.95", False),
        ("two hundred eighty-nine dollars", False),
    ],
)
def test_the_price_that_was_told_is_the_price(price: str, agrees: bool) -> None:
    mind = Mind(DANIEL)
    mind.hear("A tire rotation is $39.95. Which day works best for you?")
    mind.hear("I have Friday at 9:00 AM. Does that work?")
    reply = mind.hear(f"That's a tire rotation on Friday at 9:00 AM, for {price}. Shall I book it?")
    assert reply is not None and reply.text.startswith("Yes") is agrees
    if not agrees:
        assert reply.text == "No, you told me $39.95."


def test_several_services_are_all_of_them() -> None:
    mind = Mind(persona("maria", {"also": ["tire_rotation"], "prefer": "first"}))
    first = mind.hear("How can I help you?")
    assert first is not None and "an oil change and a tire rotation" in first.text
    reply = mind.hear("That's an oil change on Friday at 9:00 AM. Shall I book it?")
    assert reply is not None and reply.text == "No, I need an oil change and a tire rotation."
    both = "That's an oil change and a tire rotation on Friday at 9:00 AM. Shall I book it?"
    reply = mind.hear(both)
    assert reply is not None and reply.text.startswith("Yes")


def test_what_is_as_good_is_agreed_to() -> None:
    noise = {"service": "brake_inspection", "accepts": ["diagnostic"], "words": "It squeals."}
    mind = Mind(persona("new-customer", noise))
    assert mind.hear("How can I help you?").text == "It squeals."  # type: ignore[union-attr]
    reply = mind.hear("That's a diagnostic check on Friday at 9:00 AM. Shall I book it?")
    assert reply is not None and reply.text.startswith("Yes")


def test_a_recognisers_mishearing_is_no_other_car() -> None:
    heard = Wanted(DANIEL.facts, DANIEL.goal, likeness=ROUGHLY)
    assert what_is_wrong("That's a 2021 toyoda corola. Is that right?", heard) == ()
    assert what_is_wrong("That's daniel forster. Is that right?", heard) == ()
    assert what_is_wrong("That's a 2020 honda motor. Is that right?", heard) == (Wrong.VEHICLE,)
    # As the sandbox's recogniser wrote them when they were right.
    assert what_is_wrong("I heard a 2021 Toyota Carala. Is that right?", heard) == ()
    james = Wanted(PERSONAS["car-ready"].facts, DANIEL.goal, likeness=ROUGHLY)
    for name in ("James O'Kuffer", "James Ockifer"):
        assert what_is_wrong(f"So that's {name}. Is that right?", james) == ()
    assert what_is_wrong("So that's James Foster. Is that right?", james) == (Wrong.NAME,)
    grace = Wanted(PERSONAS["when"].facts, PERSONAS["when"].goal, likeness=ROUGHLY)
    assert what_is_wrong("That's a 2022 Honda Tucson. Right?", grace) == (Wrong.VEHICLE,)
    paid = Wanted(DANIEL.facts, DANIEL.goal, price_cents=4995, likeness=ROUGHLY)
    for price in ("$49 and 95 cents", "$49 and $0.95"):
        assert what_is_wrong(f"That's for {price}. Shall I book it?", paid) == ()
    assert what_is_wrong("That's for $39 and 95 cents. Shall I book it?", paid) == (Wrong.PRICE,)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("I heard the VIN ending in 1 0 9 1 8 6. Is that right?", ()),
        ("I heard the VIN ending in 1 O 9 1 8 6. Is that right?", ()),
        ("I heard the VIN ending in one zero nine, one eight six. Is that right?", ()),
        ("I heard the VIN ending in 1 0 9 1 6 8. Is that right?", (Wrong.VIN,)),
        ("The VIN ending in B as in boy, 0 9 1 8 6, is that right?", (Wrong.VIN,)),
        ("Do you have your VIN handy?", ()),
    ],
)
def test_a_vin_is_held_against_ones_own(text: str, wrong: tuple[Wrong, ...]) -> None:
    facts = persona("maria", facts={"vin_last_six": "109186"}).facts
    assert what_is_wrong(text, Wanted(facts, PERSONAS["maria"].goal)) == wrong


PRODUCT_QUESTIONS = [
    ("I'm not sure I got your number. Could you say it once more?", "773-555-0187"),
    ("I'm not sure I got your date of birth. Please say the month, the day and the year.", "1991"),
    ("I'm not sure I got your name. Could you say it once more, and spell it?", "F O S T E R"),
    ("I'm not sure which car I heard. What are the year, make and model?", "2021 Toyota Corolla"),
    ("I don't know a Toyota Growler. Which Toyota is it?", "2021 Toyota Corolla"),
    ("With the VIN we can be sure it's you. Do you have it at hand?", "don't have that with me"),
]


@pytest.mark.parametrize(("asked", "answer"), PRODUCT_QUESTIONS)
def test_what_was_not_understood_is_said_again(asked: str, answer: str) -> None:
    mind = Mind(DANIEL)
    mind.hear("How can I help you today?")
    reply = mind.hear(asked)
    assert reply is not None and answer in reply.text


def test_which_part_is_wrong_is_said_when_it_is_asked() -> None:
    mind = Mind(DANIEL)
    mind.hear("How can I help you today?")
    mind.hear("So that's Daniel Foster, born August 22, 1991. Is that right?")
    reply = mind.hear("I'm sorry. Which part of it is wrong?")
    assert reply is not None and reply.text == "No, my date of birth is August 23, 1991."
    mind.hear("So that's Daniel Foster, born August 23, 1991. Is that right?")
    mind.hear("I have Friday at 9:00 AM. Does that work?")
    reply = mind.hear("What would you like to change, the time, the car or the service?")
    assert reply is not None and reply.text == "Nothing, Friday at 9:00 AM is right."


@given(st.text(max_size=120))
def test_nothing_claimed_is_too_strange(text: str) -> None:
    claims(text)
    what_is_wrong(text, WANTED)


@given(st.sampled_from([*PERSONAS]), st.integers(1, 60))
def test_a_read_back_of_ones_own_is_always_right(name: str, number: int) -> None:
    facts = PERSONAS[name].facts
    own = Wanted(facts, PERSONAS[name].goal)
    for text in (
        f"That's a {facts.vehicle}. Is that right?",
        f"That's {facts.name}. Is that right?",
        f"That's {facts.phone[2:5]} {facts.phone[5:8]} {facts.phone[8:]}. Is that right?",
        f"You're booked on Friday at {number % 12 + 1}:30 AM. Anything else?",
    ):
        assert what_is_wrong(text, own) == (), text


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("What is your zip code?", Act.ASK_ZIP),
        ("What is your email address?", Act.ASK_EMAIL),
        ("How many miles are on it?", Act.ASK_MILEAGE),
        ("What are the six digits in the text message?", Act.ASK_CODE),
        ("Please read me the code from the text message.", Act.ASK_CODE),
        ("May I text a code to your number instead?", Act.OFFER_CODE),
        ("Would you like to wait here, or do you need the shuttle?", Act.ASK_TRANSPORT),
        ("How late will you be?", Act.ASK_ARRIVAL),
        ("When will you be here?", Act.ASK_ARRIVAL),
        ("May I ask why you are cancelling?", Act.ASK_REASON),
        ("Which appointment is it, the one on Tuesday or the one on Friday?", Act.ASK_APPOINTMENT),
        ("I'm Otto, an automated assistant. Shall we go on?", Act.GO_ON),
        ("Nobody is free right now. May I have somebody call you back?", Act.OFFER_CALLBACK),
        ("Your date of birth is March 12, 1984, is that right?", Act.CONFIRM),
        ("Is your number 312-555-0142?", Act.CONFIRM),
    ],
)
def test_the_new_questions_are_understood(text: str, act: Act) -> None:
    from sandbox.caller.comprehension import understand

    assert understand(text).asks == (act,)


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("That doesn't sound safe. Please don't drive the car.", Act.WARNED),
        ("I've noted that. Somebody will call you back.", Act.NOTED),
        ("Thanks for letting us know. They will expect you.", Act.NOTED),
        ("All right, we won't call or text this number any more.", Act.NOTED),
        ("Our parts department is at 312-555-0161.", Act.NUMBER),
    ],
)
def test_what_others_do_is_understood(text: str, act: Act) -> None:
    from sandbox.caller.comprehension import understand

    assert act in understand(text).acts and understand(text).asks == ()


def test_a_person_who_is_only_spoken_of_is_no_transfer() -> None:
    mind = Mind(PERSONAS["wants-a-person"])
    mind.hear("I'm Otto. I can connect you with a person whenever you like. Shall we go on?")
    assert Stage.TRANSFERRED not in mind.stages and mind.outcome.missed == ("person",)
