"""Consent is code: what was heard and answered decides whether a tool touches the calendar."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.dealership import Dealership, load_dealership
from otto.dialogue.exchange import Exchange, Round
from otto.dialogue.session.history import CallerSaid, OttoSaid
from otto.dialogue.session.state import (
    AppointmentRef,
    Identity,
    Offer,
    OfferLine,
    Session,
    VehicleRef,
)
from otto.dialogue.tools.consent import ADVICE, NotDone, why_not
from otto.dialogue.tools.finding import hours_on
from otto.dialogue.tools.heard import Ear
from otto.dialogue.tools.read_back import ReadBack, ReadBacks
from otto.dialogue.tools.toolbox import Toolbox
from otto.dialogue.turns.completeness import Expected
from otto.dialogue.turns.keypad import in_words
from otto.events import ToolCall
from otto.language.vehicle_names import MODELS
from otto.language.vehicles import names_of_models
from otto.storage.errors import StoreUnavailable
from tests.conftest import DEALERSHIP_FILE
from tests.support.call import MARIA, NOW, Book, People

ZONE = ZoneInfo("America/Chicago")
DEALERSHIP = load_dealership(DEALERSHIP_FILE)
LOCATION = DEALERSHIP.locations[0]
SATURDAY = datetime(2026, 11, 28, 14, 0, tzinfo=ZONE)
EAR = Ear(SATURDAY, lambda day: hours_on(LOCATION, day), DEALERSHIP.services)
MAKER = ReadBacks(DEALERSHIP, LOCATION)
CIVIC, ACCORD = VehicleRef("v1", 70, "2019 Honda Civic"), VehicleRef("v2", 71, "2021 Honda Accord")
NINE = datetime(2026, 12, 1, 9, 0, tzinfo=ZONE)
MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=ZONE)


def offer(start: datetime = NINE, *codes: str, slot: str = "s-1", **more: Any) -> Offer:
    at = start.astimezone(UTC).isoformat()
    lines = tuple(OfferLine(code, "bay-1", at, at, at) for code in codes or ("oil_change",))
    return Offer(slot, lines, at, at, "", 0, **more)


def told(
    start: datetime = MONDAY, *, ref: str = "a-1", car: VehicleRef = CIVIC, **more: Any
) -> AppointmentRef:
    made = AppointmentRef(
        ref,
        f"00000000-0000-0000-0000-0000000000{ref[-1:].zfill(2)}",
        ("oil_change",),
        "Oil change",
        car.vehicle_id,
        car.description,
        start.astimezone(UTC).isoformat(),
        "",
        "K7F2",
        0,
    )
    return dataclasses.replace(made, **more)


BOOKING = MAKER.booking("k", offer(), CIVIC, [CIVIC])
MOVE = MAKER.move("k", told(), offer(), [told()], [CIVIC])
CANCELLATION = MAKER.cancellation("k", told(), [told()], [CIVIC])


def code(
    heard: str, answer: str = "Yes, please.", wish: ReadBack = BOOKING, unheard: str = ""
) -> str:
    """What comes of the answer to what was heard: "done", or the code of the refusal."""
    found = why_not(Exchange((Round(heard, unheard, answer),)), wish, EAR)
    return "done" if found is None else found.value


# The sentence


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (
            BOOKING,
            "That's an oil change for your 2019 Honda Civic on Tuesday, December 1 at 9:00 AM, for "
            "$79.95. Shall I book it?",
        ),
        (
            MOVE,
            "I'd move your oil change for your 2019 Honda Civic from Monday, November 30 at 8:00 AM"
            " to Tuesday, December 1 at 9:00 AM. Shall I move it?",
        ),
        (
            CANCELLATION,
            "That's your oil change for your 2019 Honda Civic on Monday, November 30 at 8:00 AM. "
            "Shall I cancel it?",
        ),
        (
            MAKER.booking("k", offer(NINE, "oil_change", "brake_pads"), ACCORD, [CIVIC, ACCORD]),
            "That's an oil change and a brake pad replacement for your 2021 Honda Accord on "
            "Tuesday, December 1 at 9:00 AM, for $368.95. Shall I book it?",
        ),
        (
            MAKER.booking("k", offer(NINE, "repair_estimate"), CIVIC, [CIVIC]),
            "That's a repair for your 2019 Honda Civic on Tuesday, December 1 at 9:00 AM, at a "
            "price quoted after inspection. Shall I book it?",
        ),
        (
            MAKER.booking("k", offer(NINE, "oil_change", transport="loaner"), CIVIC, [CIVIC]),
            "That's an oil change for your 2019 Honda Civic on Tuesday, December 1 at 9:00 AM, with"
            " a loaner car for you, for $79.95. Shall I book it?",
        ),
    ],
)
def test_the_sentence_says_all_of_it_and_a_yes_to_it_is_a_yes(
    wish: ReadBack, sentence: str
) -> None:
    assert wish.sentence == sentence
    assert code(sentence, wish=wish) == "done"


def by_meaning(wish: ReadBack) -> ReadBack:
    """The same, told by the readers alone: its own wording is known to nobody."""
    return dataclasses.replace(wish, named=dataclasses.replace(wish.named, sentence="(unknown)"))


def test_the_readers_find_everything_in_it_for_every_car_service_and_time() -> None:
    for make in MODELS:
        for model in names_of_models(make):
            car = VehicleRef("v9", 9, f"2019 {make} {model}")
            wish = MAKER.booking("k", offer(), car, [car])
            assert code(wish.sentence, wish=by_meaning(wish)) == "done", wish.sentence
    for number, service in enumerate(DEALERSHIP.services):
        for half_hours in range(18):
            start = NINE + timedelta(days=3 * number, minutes=30 * half_hours)
            wish = MAKER.booking("k", offer(start, service.code), CIVIC, [CIVIC, ACCORD])
            assert code(wish.sentence, wish=by_meaning(wish)) == "done", wish.sentence


def test_a_name_that_no_reader_knows_is_heard_in_its_own_words() -> None:
    car = VehicleRef("v9", 9, "2020 Zephyr 3 Series at Noon")
    wish = MAKER.booking("k", offer(NINE, "no_longer_on_the_menu"), car, [car])
    assert code(wish.sentence, wish=wish) == "done"
    assert code(wish.sentence.replace("9:00", "10:00"), wish=wish) == "not_read_back"


# What was heard


@pytest.mark.parametrize(
    "heard",
    [
        "Okay: Tuesday the first at nine in the morning, an oil change for the Civic. "
        "Does that work?",
        "So that's the oil change on your Honda, Tuesday December 1st at 9 AM, correct?",
        "How about Tuesday, December 1 at nine for the oil change on your Civic?",
        "Let me see what we have. I have Tuesday, December 1 at nine for your Civic's oil change. "
        "It takes about 45 minutes. Shall I go ahead and book that for you?",
        "I have an oil change for your 2019 Honda Civic, Tuesday, December 1 at 9:00 AM. "
        "Should I book it, yes or no?",
        "Monday is full. That's an oil change for your Civic on Tuesday, December 1 at 9. Okay?",
        "An oil change, your twenty nineteen Civic, December 1st, nine o'clock, and it comes to "
        "$79.95. Press 1 for yes or 2 for no.",
        f"{BOOKING.sentence} One moment, please.",
        f"{BOOKING.sentence} Take your time.",
    ],
)
def test_any_wording_that_says_it_all_will_do(heard: str) -> None:
    assert code(heard) == "done"


PLACE = "That's an oil change for your 2019 Honda Civic on Tuesday, December 1 at 9:00 AM"


@pytest.mark.parametrize(
    "heard",
    [
        # Something was not said.
        "",
        "Shall I book it?",
        "Anything else?",
        "I have Tuesday, December 1 at 9:00 AM. Does that work?",
        "That's an oil change on Tuesday, December 1 at 9:00 AM. Shall I book it?",
        "That's an oil change for your car on Tuesday, December 1 at 9:00 AM. Shall I book it?",
        "That's an oil change for your 2019 Honda Civic at 9:00 AM. Shall I book it?",
        "That's an oil change for your 2019 Honda Civic on Tuesday. Shall I book it?",
        "That's your 2019 Honda Civic on Tuesday, December 1 at 9:00 AM. Shall I book it?",
        f"{PLACE}.",
        # Something else was said.
        f"{PLACE} or 10:00 AM. Shall I book it?",
        f"{PLACE.replace('oil change', 'tire rotation')}. Shall I book it?",
        f"{PLACE.replace('oil change', 'oil change and a tire rotation')}. Shall I book it?",
        f"{PLACE.replace('2019', '2020')}. Shall I book it?",
        f"{PLACE.replace('2019 Honda Civic', '2021 Toyota Corolla')}. Shall I book it?",
        f"{PLACE.replace('AM', 'PM')}. Shall I book it?",
        f"{PLACE.replace('December 1', 'December 8')}. Shall I book it?",
        f"{PLACE.replace('Tuesday', 'Wednesday')}. Shall I book it?",
        f"{PLACE.replace('Tuesday, December 1', 'tomorrow')}. Shall I book it?",
        f"{PLACE}, for $59.95. Shall I book it?",
        f"{PLACE}, free of charge. Shall I book it?",
        f"{PLACE}, with a loaner car. Shall I book it?",
        f"We also have Wednesday, December 2 at ten. {PLACE}? Or shall I book the other?",
        # Something else was asked, or the same in another way round.
        f"{PLACE}. Can I have your e-mail address?",
        f"{PLACE}. Shall I book it? Are you still there?",
        f"{PLACE}. Shall I book it? And is this your cell phone?",
        f"{PLACE}. Is it okay if I put you on hold?",
        f"{PLACE}. Shall I book it or look for another time?",
        f"{PLACE}. Shall I look for another time?",
        f"{PLACE}. Would you like to hear other times?",
        f"{PLACE}. Shouldn't I book it?",
        f"{PLACE}. Shall I cancel it?",
        f"I'd move your {PLACE.removeprefix('That is an ')}. Shall I move it?",
        f"{PLACE}. Shall I book it? I also need your e-mail address.",
    ],
)
def test_a_yes_to_anything_less_or_else_is_no_yes_to_it(heard: str) -> None:
    assert code(heard) == "not_read_back"


@pytest.mark.parametrize(
    ("heard", "unheard", "expected"),
    [
        ("That's an oil change for your 2019 Honda Civic on Tuesday,", "December 1", None),
        (f"{PLACE[:-7]}", "9:00 AM, for $79.95. Shall I book it?", None),
        (f"{PLACE},", "for $79.95. Shall I book it?", None),
        (f"{PLACE}, for $79.95.", "Shall I book it?", "done"),
        (f"{PLACE}, for $79.95. Shall I", "book it?", "done"),
        (f"{PLACE}, for $79.95.", "Can I have your e-mail address?", None),
        (f"{PLACE}, for $79.95.", "Or shall I book ten?", None),
        (f"Nine is taken. {PLACE[:30]}", "on Tuesday, December 1 at 9:00 AM. Okay?", None),
    ],
)
def test_of_a_read_back_that_was_cut_all_of_it_has_to_be_certain(
    heard: str, unheard: str, expected: str | None
) -> None:
    assert code(heard, unheard=unheard) == (expected or "not_read_back")


def test_the_car_has_to_be_the_one_of_several() -> None:
    both = MAKER.booking("k", offer(), CIVIC, [CIVIC, ACCORD])
    assert code("An oil change for your Civic on Tuesday at nine. Okay?", wish=both) == "done"
    honda = "An oil change for your Honda on Tuesday at nine. Shall I book it?"
    assert code(honda) == "done" and code(honda, wish=both) == "not_read_back"
    older = VehicleRef("v3", 72, "2012 Honda Civic")
    twins = MAKER.booking("k", offer(), CIVIC, [CIVIC, older])
    said = "An oil change for your Civic on Tuesday at nine. Shall I book it?"
    assert code(said, wish=twins) == "not_read_back"
    assert code(said.replace("Civic", "2019 Civic"), wish=twins) == "done"
    assert code(said.replace("Civic", "2012 Civic"), wish=twins) == "not_read_back"


def test_whoever_names_another_opening_says_in_the_question_which_is_meant() -> None:
    others = [NINE.replace(hour=10)]
    both = "I have Tuesday at ten, or this: "
    for asked, expected in (
        (f"{both}. {PLACE}. Shall I book it?", NotDone.NOT_READ_BACK),
        (f"{both}. Shall I book an oil change for your Civic on Tuesday at nine?", None),
    ):
        assert why_not(Exchange((Round(asked, "", "yes"),)), BOOKING, EAR, others) is expected


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (
            "I would move your oil change to Tuesday, December 1 at 9:00 AM. Shall I move it?",
            "done",
        ),
        (
            "We'd move the oil change from Monday at eight to Tuesday at nine. Is that right?",
            "done",
        ),
        ("I can reschedule your oil change to Tuesday at 9 AM. Does that work?", "done"),
        ("I'd move it to Tuesday, December 1 at 9:00 AM. Shall I move it?", None),
        ("Your oil change on Tuesday, December 1 at 9:00 AM. Is that right?", None),
        ("I'd move your oil change to Monday, November 30 at 8:00 AM. Shall I move it?", None),
        (
            "I'd move your oil change from Tuesday, December 1 at 9:00 AM to Monday, "
            "November 30 at 8:00 AM. Shall I move it?",
            None,
        ),
        ("I'd move your tire rotation to Tuesday, December 1 at 9:00 AM. Shall I move it?", None),
        ("That's your oil change on Tuesday, December 1 at 9:00 AM. Shall I cancel it?", None),
        (f"{PLACE}. Shall I book it?", None),
    ],
)
def test_a_move_is_heard_as_a_move_to_the_new_time(heard: str, expected: str | None) -> None:
    assert code(heard, wish=MOVE) == (expected or "not_read_back")


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ("You have an oil change on Monday, November 30 at 8:00 AM. Shall I cancel it?", "done"),
        ("Shall I cancel your oil change on Monday at eight?", "done"),
        ("You want me to cancel Monday's oil change at eight in the morning, correct?", "done"),
        ("You have an oil change on Monday, November 30 at 8:00 AM. Is that right?", None),
        ("Shall I cancel your appointment on Monday, November 30 at 8:00 AM?", None),
        ("Shall I cancel your oil change on Monday?", None),
        ("Your oil change on Monday at eight: shall I cancel it or move it?", None),
        ("You have an oil change on Monday at eight. Would you like to keep it?", None),
        ("You have an oil change on Monday at eight. Shall I move it?", None),
        ("You have an oil change on Tuesday at eight. Shall I cancel it?", None),
    ],
)
def test_a_cancellation_is_heard_as_one(heard: str, expected: str | None) -> None:
    assert code(heard, wish=CANCELLATION) == (expected or "not_read_back")


def test_of_two_like_appointments_it_has_to_be_said_which() -> None:
    other = told(ref="a-2", car=ACCORD)
    both = [told(), other]
    move = MAKER.move("k", told(), offer(), both, [CIVIC, ACCORD])
    heard = "I would move your oil change to Tuesday, December 1 at 9:00 AM. Shall I move it?"
    assert code(heard, wish=move) == "not_read_back" and code(move.sentence, wish=move) == "done"
    cancel = MAKER.cancellation("k", told(), both, [CIVIC, ACCORD])
    heard = "Shall I cancel your oil change on Monday at eight?"
    assert code(heard, wish=cancel) == "not_read_back"
    assert code("Shall I cancel the Civic's oil change on Monday at eight?", wish=cancel) == "done"
    twice = [told(), told(MONDAY + timedelta(days=7), ref="a-3")]
    same_car = MAKER.move("k", told(), offer(), twice, [CIVIC])
    heard = "I would move your oil change to Tuesday, December 1 at 9:00 AM. Shall I move it?"
    assert code(heard, wish=same_car) == "not_read_back"
    assert code(same_car.sentence, wish=same_car) == "done"


# What was answered


def labelled() -> list[tuple[str, str]]:
    path = Path(__file__).parents[2] / "benchmarks/understanding/sets/consent.psv"
    rows = [row for row in path.read_text().splitlines() if row and not row.startswith("#")]
    return [tuple(row.rsplit("|", 1)) for row in rows]  # type: ignore[misc]


@pytest.mark.parametrize(("answer", "label"), labelled())
def test_every_labelled_answer_does_it_only_when_it_agrees(answer: str, label: str) -> None:
    if "nine" not in answer:  # who says the time again agrees to it
        assert (code(BOOKING.sentence, answer) == "done") == (label == "agrees")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("no, that's fine, go ahead", "done"),
        ("yes, Tuesday the first at nine in the morning is great", "done"),
        ("yes for the Civic", "done"),
        ("the oil change for the Civic, yes", "done"),
        (in_words("1", Expected.YES_NO), "done"),
        (in_words("1", Expected.ANYTHING), "done"),
        ("", "no_answer"),
        ("No thanks", "declined"),
        (in_words("2", Expected.YES_NO), "declined"),
        ("yes but at ten", "corrected"),
        ("Yes, but for the Accord", "corrected"),
        ("yes, Wednesday", "corrected"),
        ("please make it tomorrow", "corrected"),
        ("only if I can wait there", "condition"),
        ("let me ask my wife first", "condition"),
        ("yes please, and what time do you close?", "asked"),
        ("how much was that", "asked"),
        ("hold on please", "waits"),
        ("okay let me think about it", "waits"),
        ("the blue one", "unclear"),
        (in_words("11", Expected.ANYTHING), "unclear"),
        ("nine", "unclear"),
    ],
)
def test_what_an_answer_comes_to(answer: str, expected: str) -> None:
    said = Exchange.of([OttoSaid(BOOKING.sentence), CallerSaid(answer)])
    found = why_not(said, BOOKING, EAR)
    assert ("done" if found is None else found.value) == expected


def test_each_refusal_is_explained() -> None:
    assert set(ADVICE) == set(NotDone)
    assert all(text.startswith("Nothing was done: ") for text in ADVICE.values())


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        ([(BOOKING.sentence, "hold on"), ("Sure.", "okay, yes")], None),
        ([(BOOKING.sentence, "yes"), ("One moment, please.", "thank you")], "done"),
        ([(BOOKING.sentence, "yes"), ("One moment.", "no wait, cancel that")], "waits"),
        ([(BOOKING.sentence, "how much is it"), ("It's $79.95. Shall I book it?", "yes")], None),
        ([(BOOKING.sentence, "how much is it"), ("It's $79.95. Anything else?", "yes")], None),
        ([(BOOKING.sentence, "how much is it"), ("It's $59.95. Shall I book it?", "yes")], None),
        ([(BOOKING.sentence, "how much is it"), ("One moment, please.", "yes")], None),
        ([(BOOKING.sentence, "can you do the Accord?"), ("Shall I book it?", "yes")], None),
        ([(BOOKING.sentence, "make it ten"), ("Ten it is. Shall I book it?", "yes")], None),
        ([(BOOKING.sentence, "no"), ("Okay. Shall I book it?", "yes")], None),
        ([(BOOKING.sentence, "hold on"), ("Are you still there?", "yes")], None),
        ([("How can I help?", "yes"), (BOOKING.sentence, "hold on")], "waits"),
        ([("Are you Maria?", "yes")], None),
        ([(BOOKING.sentence, "yes"), ("Booked. Anything else?", "yes please")], None),
        ([(BOOKING.sentence, "how much?"), (f"$79.95. {BOOKING.sentence}", "yes")], "done"),
        ([(BOOKING.sentence, "hold on"), (BOOKING.sentence, "okay, yes")], "done"),
        ([(BOOKING.sentence, "yes"), ("One moment.", "yes"), ("One moment.", "yes")], None),
    ],
)
def test_only_a_yes_may_come_in_pieces_and_all_else_is_asked_anew(
    rounds: list[tuple[str, str]], expected: str | None
) -> None:
    exchange = Exchange(tuple(Round(heard, "", said) for heard, said in rounds))
    found = why_not(exchange, BOOKING, EAR)
    assert ("done" if found is None else found.value) == (expected or "not_read_back")


def test_what_was_said_and_not_answered_waits_for_the_answer() -> None:
    waiting = Exchange((Round("Which day?", "", "Tuesday"),), BOOKING.sentence)
    assert why_not(waiting, BOOKING, EAR) is NotDone.NO_ANSWER
    assert why_not(Exchange((), BOOKING.sentence), BOOKING, EAR) is NotDone.NO_ANSWER
    assert why_not(Exchange(), BOOKING, EAR) is NotDone.NOT_READ_BACK


# The tools


class Counted(Book):
    @property
    def touched(self) -> int:
        return len(self.requests) + len(self.moves) + len(self.cancellations)


TEN = NINE.replace(hour=10)
CALLS = (
    ("book_appointment", {"slot_id": "s-1", "vehicle_ref": "v1"}),
    ("book_appointment", {"slot_id": "s-1", "vehicle_ref": "v2"}),
    ("book_appointment", {"slot_id": "s-2", "vehicle_ref": "v1"}),
    ("reschedule_appointment", {"appointment_ref": "a-1", "slot_id": "s-1"}),
    ("reschedule_appointment", {"appointment_ref": "a-1", "slot_id": "s-2"}),
    ("cancel_appointment", {"appointment_ref": "a-1"}),
)


class Desk:
    """Maria's call with two cars, two openings and one appointment, all told to her."""

    def __init__(self, dealership: Dealership = DEALERSHIP) -> None:
        self.book = Counted("bay-1")
        made = self.book.has(MONDAY.astimezone(UTC))
        self.session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
        self.session.identity, self.session.customer_id = Identity.VERIFIED, MARIA.id
        self.session.phone = MARIA.phone
        self.session.vehicles = [CIVIC, ACCORD]
        self.session.offers = {"s-1": offer(), "s-2": offer(TEN, slot="s-2")}
        self.session.appointments = [told(appointment_id=str(made.appointment_id))]
        self.tools = self.owner(self.session)

    def owner(self, session: Session, calendar: Any = None) -> Toolbox:
        return Toolbox(
            session,
            DEALERSHIP,
            LOCATION,
            calendar or self.book,
            People(),
            now=lambda: NOW,
            verification_attempts=3,
        )

    def said(self, otto: str, caller: str) -> None:
        self.session.history.otto(otto)
        self.session.history.caller(caller)
        self.session.caller_turns += 1

    async def use(
        self, name: str, arguments: dict[str, Any], call_id: str = "c1"
    ) -> dict[str, Any]:
        result: dict[str, Any] = await self.tools.run(
            ToolCall(call_id, name, json.dumps(arguments))
        )
        return result


@pytest.mark.parametrize(("name", "arguments"), CALLS)
async def test_every_tool_says_why_not_and_what_to_say_and_then_does_it(
    name: str, arguments: dict[str, Any]
) -> None:
    desk = Desk()
    desk.said("How can I help?", "yes")
    refused = await desk.use(name, arguments)
    assert (refused["status"], refused["code"]) == ("not_done", "not_read_back")
    assert desk.book.touched == 0 and desk.session.agreed == []
    for answer, expected in (
        ("Hold on.", "waits"),
        ("Yes, but on Friday", "corrected"),
        ("No.", "declined"),
        ("If it's free", "condition"),
        ("What was the time?", "asked"),
        ("purple", "unclear"),
    ):
        desk.said(refused["read_back"], answer)
        again = await desk.use(name, arguments)
        assert (again["status"], again["code"]) == ("not_done", expected)
        assert again["read_back"] == refused["read_back"]
    desk.session.history.otto(refused["read_back"])
    assert (await desk.use(name, arguments))["code"] == "no_answer"
    assert desk.book.touched == 0 and desk.session.agreed == []
    desk.session.history.caller("Yes, please.")
    desk.session.caller_turns += 1
    assert (await desk.use(name, arguments))["status"] in {"booked", "moved", "cancelled"}
    assert desk.book.touched == 1


async def test_a_wish_that_was_met_comes_to_the_same_when_it_is_asked_for_again() -> None:
    desk = Desk()
    desk.said(MAKER.booking("k", offer(), CIVIC, [CIVIC, ACCORD]).sentence, "yes")
    first = await desk.use(*CALLS[0])
    desk.said("You're booked. Anything else?", "what was the time again?")
    assert await desk.use(*CALLS[0], call_id="c2") == first
    assert len(desk.book.bookings) == 2, "with the one she had"
    assert (await desk.use(*CALLS[2]))["code"] == "not_read_back"


async def test_one_yes_does_one_thing() -> None:
    for spoken in CALLS:
        for name, arguments in CALLS:
            desk = Desk()
            desk.said("Hello", "hello")
            sentence = (await desk.use(*spoken))["read_back"]
            desk.said(sentence, "Yes, please.")
            result = await desk.use(name, arguments)
            is_meant = (name, arguments) == spoken
            assert (result["status"] != "not_done") == is_meant, (spoken, name, arguments)
            assert desk.book.touched == is_meant


async def test_what_was_found_since_they_spoke_was_not_agreed_to() -> None:
    desk = Desk()
    desk.said(MAKER.booking("k", offer(), CIVIC, [CIVIC, ACCORD]).sentence, "yes")
    later = dataclasses.replace(offer(), slot_id="s-3", caller_turn=desk.session.caller_turns)
    desk.session.offers["s-3"] = later
    refused = await desk.use("book_appointment", {"slot_id": "s-3", "vehicle_ref": "v1"})
    assert refused["code"] == "not_read_back" and desk.book.touched == 0


class Lost(Counted):
    """The answer of the database is lost."""

    async def book(self, request: Any) -> Any:
        await super().book(request)
        raise StoreUnavailable("too_slow", outcome_unknown=True)


@pytest.mark.parametrize(
    ("answer", "is_tried"),
    [
        ("Could you try again?", True),
        ("Yes, try once more please", True),
        ("Did it go through?", False),
        ("yes", False),
        ("Never mind", False),
        ("Don't try again", False),
        ("No, not again", False),
        ("try again but at ten", False),
    ],
)
async def test_what_may_have_gone_through_is_tried_again_when_the_caller_says_so(
    answer: str, is_tried: bool
) -> None:
    desk = Desk()
    desk.said(MAKER.booking("k", offer(), CIVIC, [CIVIC, ACCORD]).sentence, "yes")
    desk.tools = desk.owner(desk.session, Lost("bay-1"))
    unknown = await desk.use(*CALLS[0])
    assert unknown["code"] == "book_away" and len(desk.session.agreed) == 1
    desk.tools = desk.owner(Session.load(json.loads(json.dumps(desk.session.dump()))))
    desk.session = desk.tools._session
    desk.said(unknown["message"], answer)
    result = await desk.use(*CALLS[0])
    assert (result["status"] == "booked") == is_tried
    assert desk.book.touched == is_tried


async def test_the_next_owner_asks_again_for_what_took_too_long() -> None:
    """The caller has said other things meanwhile; what they agreed to is found out all the same."""
    desk = Desk()
    desk.said(MAKER.booking("k", offer(), CIVIC, [CIVIC, ACCORD]).sentence, "yes")
    desk.tools = desk.owner(desk.session, Lost("bay-1"))
    await desk.use(*CALLS[0], call_id="slow")
    name, arguments = CALLS[0]
    desk.session.outstanding = [
        {"id": "slow", "name": name, "arguments": json.dumps(arguments), "fault": ""}
    ]
    desk.said("It takes too long. Anything else?", "What are your hours?")
    desk.tools = desk.owner(Session.load(json.loads(json.dumps(desk.session.dump()))))
    assert (await desk.use(*CALLS[0], call_id="another"))["status"] == "not_done"
    assert (await desk.use(*CALLS[0], call_id="slow"))["status"] == "booked"


READ_BACKS = [
    *(f"{wish.sentence}" for wish in (MOVE, CANCELLATION)),
    MAKER.booking("k", offer(), CIVIC, [CIVIC, ACCORD]).sentence,
    MAKER.booking("k", offer(TEN), CIVIC, [CIVIC, ACCORD]).sentence,
    MAKER.booking("k", offer(), ACCORD, [CIVIC, ACCORD]).sentence,
]
HEARD = st.one_of(
    st.sampled_from(
        [*READ_BACKS, "", "One moment.", "Anything else?", "Shall I book it?", "Is that right?"]
    ),
    st.text(max_size=40),
)
OF_ITS_OWN = re.compile(r"nine|cancel|move|change|switch")
"""Answers that agree to one of the read-backs, though not to "Shall I book it?" """
NO_YES = st.sampled_from(
    [text for text, label in labelled() if label != "agrees" and not OF_ITS_OWN.search(text)]
)
YES = st.sampled_from([answer for answer, label in labelled() if label == "agrees"])


def _histories(answers: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    return st.lists(st.tuples(HEARD, answers), min_size=1, max_size=5)


def run(histories: list[tuple[str, str]], desk: Desk) -> list[dict[str, Any]]:
    async def calls() -> list[dict[str, Any]]:
        for heard, answer in histories:
            desk.said(heard, answer)
        return [await desk.use(*each) for each in CALLS]

    return asyncio.run(calls())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_histories(NO_YES))
def test_no_call_without_a_yes_touches_the_calendar(history: list[tuple[str, str]]) -> None:
    desk = Desk()
    assert {result["status"] for result in run(history, desk)} == {"not_done"}
    assert desk.book.touched == 0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_histories(st.one_of(YES, NO_YES)))
def test_whatever_is_done_was_read_back_and_one_yes_does_one_thing(
    history: list[tuple[str, str]],
) -> None:
    desk = Desk()
    results = run(history, desk)
    assert desk.book.touched <= 1
    for result, (name, arguments) in zip(results, CALLS, strict=True):
        if result["status"] != "not_done":
            sentence = asyncio.run(_sentence(name, arguments))
            assert any(heard == sentence for heard, _ in history)


async def _sentence(name: str, arguments: dict[str, Any]) -> str:
    desk = Desk()
    desk.said("Hello", "hello")
    sentence: str = (await desk.use(name, arguments))["read_back"]
    return sentence
