"""What the receptionist makes of words, as a small recogniser on telephone audio writes them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from num2words import num2words

from sandbox.receptionist import wants
from sandbox.receptionist.receptionist import answer
from sandbox.receptionist.state import Appointment, Desk, Errand, Identity
from sandbox.receptionist.understanding import people
from sandbox.receptionist.understanding.agreement import agreement, yes_or_no
from sandbox.receptionist.understanding.choices import choose_openings
from sandbox.receptionist.understanding.dates import MONTHS, date_of_birth
from sandbox.receptionist.understanding.services import not_done_here, services
from sandbox.receptionist.understanding.times import clock_times, volunteered, when
from sandbox.receptionist.understanding.vehicles import Car, read_car
from sandbox.receptionist.understanding.wishes import staff, transport, wishes

TODAY = date(2026, 11, 22)
BORN = date(1984, 3, 12)
CODES = (
    "oil_change",
    "tire_rotation",
    "wheel_alignment",
    "brake_inspection",
    "brake_pads",
    "battery",
    "state_inspection",
    "diagnostic",
    "ac_service",
    "major_service",
    "repair_estimate",
)
WHENS = (
    "Tuesday, November 24 at 9:00 AM",
    "Tuesday, November 24 at 10:30 AM",
    "Wednesday, November 25 at 1:00 PM",
)


@pytest.mark.parametrize(
    "text",
    [
        "March twelfth nineteen eighty four",
        "March 12th, 1984.",
        "3/12/1984",
        "3 12 1984",
        "03/12/84",
        "3-12-84",
        "1984-03-12",
        "March 1284",
        "3 1284",
        "Marsh 12, 1984",
        "It's the twelfth of March, eighty-four",
        "March 12, 19 84",
        "nineteen eighty four March twelfth",
        "zero three one two one nine eight four",
        "03121984",
        "three twelve nineteen eighty-four",
        "my birthday is March 12 1984 and I am 42",
        "12 March 1984",
        "MARCH THE TWELFTH, NINETEEN EIGHTY FOUR",
    ],
)
def test_one_date_of_birth_in_many_words(text: str) -> None:
    assert date_of_birth(text, TODAY) == BORN


def test_two_numbers_said_apart_are_no_month_together() -> None:
    assert date_of_birth("one one nineteen ninety-nine", TODAY) == date(1999, 1, 1)


@pytest.mark.parametrize(
    "text",
    ["", "yes", "March 12", "11284", "1984", "February 30 1984", "March 12 2031", "13 13 1990"],
)
def test_what_is_no_date_of_birth(text: str) -> None:
    assert date_of_birth(text, TODAY) is None


def _in_words(born: date) -> list[str]:
    month, day = MONTHS[born.month - 1].capitalize(), num2words(born.day, to="ordinal")
    year = num2words(born.year, to="year")
    return [
        f"{month} {day} {year}",
        f"{month} the {day}, {year}",
        f"the {day} of {month} {year}",
        f"{month} {num2words(born.day)} {year}",
        f"{month} {born.day}, {born.year}",
        f"{born.month}/{born.day}/{born.year}",
        f"{born.month} {born.day} {born.year}",
        f"{born:%m%d%Y}",
        " ".join(num2words(int(digit)) for digit in f"{born:%m%d%Y}"),
        f"{num2words(born.month)} {num2words(born.day)} {year}",
        born.isoformat(),
    ]


@given(st.dates(date(1925, 1, 1), date(2010, 12, 31)), st.integers(0, 10))
@settings(max_examples=250, deadline=None)
def test_every_date_is_understood_however_it_is_said(born: date, way: int) -> None:
    assert date_of_birth(_in_words(born)[way], TODAY) == born


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_the_understanding(text: str) -> None:
    born = date_of_birth(text, TODAY)
    assert born is None or born <= TODAY
    assert set(services(text, CODES)) <= set(CODES)
    assert set(choose_openings(text, WHENS)) <= {0, 1, 2}
    for reads in (wishes, yes_or_no, agreement, when, volunteered, clock_times, transport, staff):
        reads(text)
    not_done_here(text, CODES)
    people.full_name(text)
    people.email(text)
    read_car(text, 2026)
    people.phone_number(text)
    people.vin_last_six(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I need an all change", ["oil_change"]),
        ("oil chain please", ["oil_change"]),
        ("my breaks are squeaking", ["brake_inspection"]),
        ("I want new brake pads", ["brake_pads"]),
        ("can you rotate my tires", ["tire_rotation"]),
        ("it pulls to the left", ["wheel_alignment"]),
        ("my car won't start", ["battery"]),
        ("the check engine light came on", ["diagnostic"]),
        ("the A/C blows warm air", ["ac_service"]),
        ("I'm here for the sixty thousand mile service", ["major_service"]),
        ("it needs an emissions test", ["state_inspection"]),
        ("something is leaking", ["diagnostic"]),
        ("oil change and a tire rotation", ["oil_change", "tire_rotation"]),
        ("hello there", []),
    ],
)
def test_services(text: str, expected: list[str]) -> None:
    assert services(text, CODES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the first one", [0]),
        ("nine works", [0]),
        ("9:00 a.m. is fine", [0]),
        ("Tuesday at nine", [0]),
        ("10 30", [1]),
        ("half past ten", [1]),
        ("the later one", [2]),
        ("one o'clock", [2]),
        ("the one on Wednesday", [2]),
        ("the afternoon", [2]),
        ("the 25th", [2]),
        ("Tuesday", [0, 1]),
        ("none of those", []),
        ("eleven", []),
        ("Friday", []),
    ],
)
def test_choosing_an_opening(text: str, expected: list[int]) -> None:
    assert choose_openings(text, WHENS) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("next Tuesday", "next Tuesday"),
        ("I need an oil change on Tuesday at nine for my 2019 Honda Civic", "on Tuesday at nine"),
        ("Could you fit me in the day after tomorrow?", "the day after tomorrow"),
        ("oil change Wensday please", "wednesday"),
        ("I'd like to come sometime next week after four", "sometime next week after four"),
        ("not before the first of December", "not before the first of December"),
        ("book me as soon as possible", "as soon as possible"),
        ("any day but Monday works", "any day but Monday works"),
        ("an alignment between 8 and 10 on Thursday, please", "between 8 and 10 on Thursday"),
        ("a 60,000 mile service on Christmas Eve", "on Christmas Eve"),
    ],
)
def test_when_they_want_to_come_is_passed_on_in_their_words(text: str, words: str) -> None:
    said = volunteered(text)
    assert said is not None and said.words.lower() == words.lower()


@pytest.mark.parametrize(
    "text",
    [
        "the first one",
        "I am fine",
        "hello",
        "may I ask something",
        "Good morning, my brakes squeak",
        "the check engine light came on this morning",
        "it has been leaking for three days",
        "I dropped it off yesterday",
        "it makes a noise every morning",
    ],
)
def test_what_is_told_is_no_wish_for_a_day(text: str) -> None:
    assert volunteered(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a twenty nineteen Honda Civic", (2019, "Honda", "Civic")),
        ("chevy Silverado 2015", (2015, "Chevrolet", "Silverado")),
        ("two thousand eight Toyota Corolla", (2008, "Toyota", "Corolla")),
        ("It's a 2020 Ford F150", (2020, "Ford", "F-150")),
        ("20 19 hondo cr v", (2019, "Honda", "CR-V")),
        ("a Civic", (None, "Honda", "Civic")),
        ("2021 Mazda CX-5", (2021, "Mazda", "CX-5")),
        ("2020 1 Toyota Corolla", (2021, "Toyota", "Corolla")),
        ("no, a 2021 Corolla", (2021, "Toyota", "Corolla")),
        ("it's a Civic, sorry, an Accord", (None, "Honda", "Accord")),
        ("a 2014 Honda Ridgeline", (2014, "Honda", "Ridgeline")),
        ("I don't know", (None, None, None)),
    ],
)
def test_vehicles(text: str, expected: tuple[Any, ...]) -> None:
    car = read_car(text, 2026)
    assert (car.year, car.make, car.model) == expected


def test_a_correction_keeps_what_it_does_not_speak_of() -> None:
    wrong = read_car("a 2020 Honda Civic", 2026)
    right = wrong.with_more(read_car("no, a 2021", 2026))
    assert (right.year, right.make, right.model) == (2021, "Honda", "Civic")
    other = wrong.with_more(read_car("no, it's a Toyota", 2026))
    assert other == Car("a 2020 Honda Civic, no, it's a Toyota", 2020, "Toyota", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("John Smith", ("John", "Smith")),
        ("My name is Maria Garcia.", ("Maria", "Garcia")),
        ("This is Bob, last name is O'Neil", ("Bob", "O'Neil")),
        ("it's john", ("John", "")),
        ("yes", ("", "")),
    ],
)
def test_names(text: str, expected: tuple[str, str]) -> None:
    assert people.full_name(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yeah, that works", True),
        ("mm-hmm", True),
        ("No problem", True),
        ("no, wait", False),
        ("I don't think so", False),
        ("that's not right", False),
        ("maybe tomorrow", None),
    ],
)
def test_yes_or_no(text: str, expected: bool | None) -> None:
    assert yes_or_no(text) is expected


# --- Whatever is said, only what is offered is called ---------------------------------------------

SAID = st.sampled_from(
    (
        "oil change",
        "March 12 1984",
        "tuesday at nine",
        "the first one",
        "yes",
        "no",
        "John Smith",
        "2019 Honda Civic",
        "how much is it",
        "operator",
        "bye",
        "what?",
        "my brakes, and when are you open",
        "reschedule my appointment",
        "815 555 0123",
    )
)
RESULTS = st.sampled_from(
    (
        {"status": "found"},
        {"status": "not_found"},
        {"status": "verified", "first_name": "M", "vehicles": []},
        {"status": "mismatch", "attempts_left": 1},
        {"status": "locked"},
        {"status": "created"},
        {"status": "exists"},
        {"status": "added", "vehicle_ref": "v1", "description": "2019 Honda Civic"},
        {"status": "ok", "openings": [{"slot_id": "s", "when": WHENS[0]}]},
        {"status": "ok", "answer": "Yes."},
        {"status": "none", "message": "None."},
        {"status": "booked", "when": WHENS[0], "confirmation": "K7"},
        {"status": "taken", "openings": []},
        {"status": "transferring"},
        {"status": "ending"},
        {"status": "cancelled"},
        {"status": "error", "message": "Sorry."},
        {"status": "error", "message": "Sorry.", "advice": "Offer a person."},
        {"status": "error", "advice": "Offer a person."},
        {"status": "none", "advice": "Suggest other days."},
        {"unheard": "of"},
        [],
    )
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_it_calls_only_what_is_offered_and_always_comes_to_an_end(data: st.DataObject) -> None:
    offered = data.draw(st.sets(st.sampled_from(sorted(TOOLS))))
    messages: list[dict[str, Any]] = [{"role": "assistant", "content": "How can I help you?"}]
    for _ in range(data.draw(st.integers(1, 6))):
        messages.append({"role": "user", "content": data.draw(SAID | st.text(max_size=12))})
        for rounds in range(9):
            assert rounds < 8, "it called tools for ever"
            reply = answer(messages, [TOOLS[name] for name in sorted(offered)], TODAY)
            message: dict[str, Any] = {"role": "assistant", "content": reply.text}
            messages.append(message)
            if reply.call is None:
                break
            assert reply.call.name in offered
            function = {"name": reply.call.name, "arguments": json.dumps(reply.call.arguments)}
            call_id = f"c{len(messages)}"
            message["tool_calls"] = [{"id": call_id, "type": "function", "function": function}]
            result = json.dumps(data.draw(RESULTS))
            messages.append({"role": "tool", "tool_call_id": call_id, "content": result})
            offered = data.draw(st.sets(st.sampled_from(sorted(TOOLS))))


TOOLS: dict[str, dict[str, Any]] = {
    name: {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"properties": {"service": {"enum": [*CODES]}}},
        },
    }
    for name in (
        "identify_caller",
        "verify_caller",
        "create_customer",
        "add_vehicle",
        "find_openings",
        "book_appointment",
        "dealership_info",
        "transfer_to_person",
        "end_call",
    )
}


ERRANDS = {
    "MOVE": (
        "I need to reschedule",
        "I'd like to move my appointment to Friday",
        "can I change my Tuesday appointment",
        "could we push back my oil change appointment",
        "I need a different day for my appointment",
    ),
    "CANCEL": (
        "I want to cancel my appointment",
        "please cancel",
        "cancel it please",
        "I'd like to cancel the oil change on Tuesday",
        "I have to call off my appointment",
        "I need to make a cancellation",
    ),
    "UNSETTLED": (
        "I can't make my appointment tomorrow",
        "I'm not going to make my appointment",
        "something came up and I can't come in",
    ),
    "WHEN": (
        "when is my appointment",
        "When's my appointment?",
        "what time is my appointment tomorrow",
        "do I have an appointment",
        "I forgot when my appointment is",
        "what day was I coming in",
        "I just want to check the time of my appointment",
    ),
    "REPAIR": (
        "Is my car ready yet?",
        "is my old Civic done",
        "how is my car coming along",
        "when will my car be ready",
        "any update on my truck",
        "what's the status of my vehicle",
        "when can I pick up my car",
        "I dropped my car off this morning, is it done?",
        "how long until my car is ready",
        "are you done with my car",
    ),
}
NO_ERRAND = (
    "I need an oil change on Tuesday",
    "Hi, I'd like to book an oil change, please.",
    "when are you open",
    "what time do you close",
    "My car needs new brakes",
    "Is Tuesday at nine still free?",
    "when can I come in",
    "I'd like to schedule an appointment to have my car looked at",
    "My car won't start",
    "I would like to change my oil",
    "when can you fit me in",
    "what time do I have to drop it off",
    "that's not right",
)


def taken_up(text: str, **state: Any) -> Desk:
    desk = Desk(TODAY, codes=CODES, **state)
    wants.take_up(desk, desk.open_question(), text)
    return desk


@pytest.mark.parametrize(
    ("errand", "text"), [(errand, text) for errand, texts in ERRANDS.items() for text in texts]
)
def test_an_errand_is_known_by_how_callers_put_it(errand: str, text: str) -> None:
    assert taken_up(text).errand is Errand[errand]


@pytest.mark.parametrize("text", NO_ERRAND)
def test_what_is_no_errand_is_taken_for_none(text: str) -> None:
    assert taken_up(text).errand is None


def test_while_something_is_booked_words_for_changes_are_about_that() -> None:
    said = "cancel that"
    booking = {"wants": True, "service": "oil_change", "identity": Identity.KNOWN, "vehicle": "v1"}
    assert taken_up(said, **booking).errand is None
    assert taken_up("rather cancel my appointment", **booking).errand is Errand.CANCEL
    moving = {"errand": Errand.MOVE, "identity": Identity.KNOWN, "appointment": VISIT}
    assert taken_up(said, **moving).errand is Errand.CANCEL
    assert taken_up("move my appointment", **moving).appointment is VISIT


VISIT = Appointment("a1", WHENS[0], "Oil change", ("oil_change",), "an oil change", "", "K7F2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wednesday, December 2 at 2:00 PM works for me.", [2]),
        ("December 2 at 2:30 PM", [1]),
        ("Tuesday, December 1 at 11:30", [0]),
        ("the December 2 one at two thirty", [1]),
    ],
)
def test_the_day_of_a_date_is_no_hour(text: str, expected: list[int]) -> None:
    whens = [
        "Tuesday, December 1 at 11:30 AM",
        "Wednesday, December 2 at 2:30 PM",
        "Wednesday, December 2 at 2:00 PM",
    ]
    assert choose_openings(text, whens) == expected
