"""What the receptionist makes of words, as a small recogniser on telephone audio writes them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from num2words import num2words

from sandbox.receptionist import errands, people, understanding
from sandbox.receptionist.dates import MONTHS, clock_times, date_of_birth, day_wish
from sandbox.receptionist.phrases import Question
from sandbox.receptionist.receptionist import answer
from sandbox.receptionist.state import Desk, Errand
from sandbox.receptionist.understanding import intents

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
    assert set(understanding.services(text, CODES)) <= set(CODES)
    assert set(understanding.choose_openings(text, WHENS)) <= {0, 1, 2}
    understanding.intents(text)
    understanding.yes_or_no(text)
    day_wish(text)
    clock_times(text)
    people.full_name(text)
    people.vehicle(text, 2026)
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
        ("something is leaking", ["repair_estimate"]),
        ("oil change and a tire rotation", ["oil_change", "tire_rotation"]),
        ("hello there", []),
    ],
)
def test_services(text: str, expected: list[str]) -> None:
    assert understanding.services(text, CODES) == expected


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
    assert understanding.choose_openings(text, WHENS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("next Tuesday", ("next tuesday", None, None)),
        ("Tuesday or Wednesday morning", ("tuesday", "wednesday", "morning")),
        ("on the 25th", ("the 25th", None, None)),
        ("Tuesday the 24th", ("tuesday the 24th", None, None)),
        ("November 25th in the afternoon", ("november 25", None, "afternoon")),
        ("december third", ("december 3", None, None)),
        ("the day after tomorrow", ("day after tomorrow", None, None)),
        ("Wensday", ("wednesday", None, None)),
        ("as soon as possible", (None, None, None)),
        ("sometime in the morning", (None, None, "morning")),
    ],
)
def test_wished_days(text: str, expected: tuple[Any, ...]) -> None:
    wish = day_wish(text)
    assert wish is not None and (wish.first, wish.last, wish.part) == expected


@pytest.mark.parametrize("text", ["the first one", "I am fine", "hello", "may I ask something"])
def test_no_day_is_wished(text: str) -> None:
    assert day_wish(text) is None


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
        ("I don't know", (None, None, None)),
    ],
)
def test_vehicles(text: str, expected: tuple[Any, ...]) -> None:
    assert people.vehicle(text, 2026) == expected


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
    assert understanding.yes_or_no(text) is expected


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
        "I can't make my appointment tomorrow",
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


@pytest.mark.parametrize(
    ("errand", "text"), [(errand, text) for errand, texts in ERRANDS.items() for text in texts]
)
def test_an_errand_is_known_by_how_callers_put_it(errand: str, text: str) -> None:
    assert errands.errand_in(Desk(TODAY), Question.HELP, intents(text)) is Errand[errand]


@pytest.mark.parametrize("text", NO_ERRAND)
def test_what_is_no_errand_is_taken_for_none(text: str) -> None:
    assert errands.errand_in(Desk(TODAY), Question.HELP, intents(text)) is None


def test_while_something_is_booked_words_for_changes_are_about_that() -> None:
    wanted = intents("cancel that")
    assert errands.errand_in(Desk(TODAY), Question.CONFIRM, wanted) is None
    moving = Desk(TODAY, errand=Errand.MOVE)
    assert errands.errand_in(moving, Question.CONFIRM, wanted) is Errand.CANCEL
    assert errands.errand_in(moving, Question.CONFIRM, intents("move my appointment")) is None


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
    assert understanding.choose_openings(text, whens) == expected
