"""Whole conversations with the receptionist: what the caller says, what it must answer and do."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sandbox.caller.mind import Mind, Stage
from sandbox.caller.personas import PERSONAS
from sandbox.receptionist.phrases import PERSON_OFFER

# Each line: what the caller says, what must be in the answer, the tools it must call meanwhile.
Line = tuple[str, str, list[str]]
OPENINGS = "Tuesday, November 24 at 9:00 AM or 10:30 AM"
IDENTIFY = ["identify_caller"]
VERIFY = ["verify_caller"]
FIND = ["find_openings"]
BOOK = ["book_appointment"]
NO_TRANSCRIPT = "[No transcript of this call will be kept, and the caller has been told so.]"
INFO = ["dealership_info"]
MINE = ["my_appointments"]
MOVE = ["reschedule_appointment"]
CANCEL = ["cancel_appointment"]
SEE = [*VERIFY, *MINE]
MINE_FIND = [*SEE, *FIND]
LOOK = [*VERIFY, "repair_status"]
VISIT = "an oil change for your 2019 Honda Civic on Monday, November 23 at 2:00 PM"
TWO = [
    ("oil_change", "2019 Honda Civic", "Monday, November 23 at 2:00 PM"),
    ("tire_rotation", "2016 Ford Escape", "Friday, November 27 at 8:00 AM"),
]

DIALOGUES: dict[str, tuple[dict[str, Any], list[Line]]] = {
    "a plain booking": (
        {},
        [
            ("Hi, I'd like an oil change.", "date of birth?", IDENTIFY),
            ("March twelfth nineteen eighty four", "Thank you, Maria. What day", VERIFY),
            ("Tuesday, please", OPENINGS, FIND),
            ("the first one", "an oil change for your 2019 Honda Civic on Tuesday", []),
            ("yes", "Your confirmation code is K 7 F 2. You will get a text message", BOOK),
            ("No, that's all, thanks.", "Goodbye.", ["end_call"]),
        ],
    ),
    "everything in one breath": (
        {},
        [
            ("I need an all change on Tuesday at nine", "date of birth?", IDENTIFY),
            ("3 12 1984", "at 9:00 AM, for $79.95. Shall I book it?", [*VERIFY, *FIND]),
            ("Yes please, book it.", "confirmation", BOOK),
            ("nope", "Goodbye.", ["end_call"]),
        ],
    ),
    "no transcript wanted, and nothing else said": (
        {},
        [
            (f"Please don't record this. {NO_TRANSCRIPT}", "help you", []),
            ("I need an oil change", "date of birth?", IDENTIFY),
            (f"I said no recording! {NO_TRANSCRIPT}", "date of birth?", []),
            ("3 12 1984", "What day", VERIFY),
        ],
    ),
    "no transcript wanted, but an oil change": (
        {},
        [(f"Don't record me, I need an oil change. {NO_TRANSCRIPT}", "birth?", IDENTIFY)],
    ),
    "the date of birth comes in two pieces": (
        {},
        [
            ("oil change", "date of birth?", IDENTIFY),
            ("It's March 12", "And the year, please?", VERIFY),
            ("1984", "Thank you, Maria.", VERIFY),
        ],
    ),
    "not verified": (
        {},
        [
            ("My brakes squeak", "A brake inspection, certainly.", IDENTIFY),
            ("January 1st 1990", "doesn't match our records", VERIFY),
            ("May 3 1991", "doesn't match our records", VERIFY),
            ("May 4 1991", "connect you with a service advisor?", VERIFY),
            ("Yes, please", "One moment", ["transfer_to_person"]),
        ],
    ),
    "verified by the VIN": (
        {},
        [
            ("oil change", "date of birth?", IDENTIFY),
            ("the last six of my VIN are A 1 2 3 4 5", "first and last name?", []),
            ("Maria Alvarez", "Thank you, Maria.", VERIFY),
        ],
    ),
    "a new customer": (
        {"known": False},
        [
            ("I need an oil change tomorrow", "first and last name?", IDENTIFY),
            ("My name is John", "And your last name?", []),
            ("Smith", "What is your date of birth, so that we know you", []),
            ("May 3 1991", "Thank you, John. What are the year", ["create_customer"]),
            ("It's a Honda", "Which model of Honda is it", ["add_vehicle"]),
            ("a Civic", "Which year is the Honda Civic?", ["add_vehicle"]),
            ("twenty nineteen", OPENINGS, ["add_vehicle", *FIND]),
            ("Ten thirty works", "Shall I book it?", []),
            ("go ahead", "confirmation", BOOK),
        ],
    ),
    "one of two cars": (
        {"vehicles": ["2019 Honda Civic", "2021 Ford F-150"]},
        [
            ("oil change", "date of birth?", IDENTIFY),
            ("03/12/84", "the 2019 Honda Civic or the 2021 Ford F-150?", VERIFY),
            ("It's for the ford", "What day works best", []),
            ("any day", "Which works for you?", FIND),
            ("the later one", "your 2021 Ford F-150 on Tuesday, November 24 at 10:30 AM", []),
        ],
    ),
    "the car was named at the start": (
        {"vehicles": ["2019 Honda Civic", "2021 Ford F-150"]},
        [
            ("I need new brake pads for my Honda", "A brake pad replacement", IDENTIFY),
            ("March 12, 1984", "What day works best", VERIFY),
        ],
    ),
    "a third car": (
        {"vehicles": ["2019 Honda Civic", "2021 Ford F-150"]},
        [
            ("oil change", "", IDENTIFY),
            ("03/12/84", "Which car is it", VERIFY),
            ("It's another car", "year, make and model", []),
            ("2015 Toyota Camry", "What day", ["add_vehicle"]),
        ],
    ),
    "none of those, and the afternoon": (
        {},
        [
            ("oil change on tuesday", "", IDENTIFY),
            ("March 12th 1984", OPENINGS, [*VERIFY, *FIND]),
            ("None of those, something on Thursday afternoon", "1:00 PM or 2:30 PM", FIND),
            ("the second one", "Thursday, November 26 at 2:30 PM", []),
        ],
    ),
    "a change of mind at the last moment": (
        {},
        [
            ("oil change on tuesday at 9", "", IDENTIFY),
            ("March 12th 1984", "Shall I book it?", [*VERIFY, *FIND]),
            ("Actually, can we do Thursday?", "Thursday, November 26 at 9:00 AM or", FIND),
            ("nine", "Thursday, November 26 at 9:00 AM", []),
            ("no", "What would you like to change", []),
            ("The service. I want a tire rotation instead.", "Which works for you?", FIND),
            ("nine o'clock", "a tire rotation for your 2019", []),
            ("sure", "confirmation", BOOK),
        ],
    ),
    "closed that day": (
        {},
        [
            ("oil change on sunday", "", IDENTIFY),
            ("March 12th 1984", "We are closed on Sundays. What day", [*VERIFY, *FIND]),
            ("Wednesday then", "Wednesday, November 25", FIND),
        ],
    ),
    "a time that is not there": (
        {},
        [
            ("oil change on tuesday", "", IDENTIFY),
            ("March 12th 1984", OPENINGS, [*VERIFY, *FIND]),
            ("four thirty", "I don't have that time. I have Tuesday", FIND),
            ("half past ten", "10:30 AM", []),
        ],
    ),
    "the slot is taken in the meantime": (
        {"taken": True},
        [
            ("oil change on tuesday at 9", "", IDENTIFY),
            ("March 12th 1984", "Shall I book it?", [*VERIFY, *FIND]),
            ("yes", "that time was just taken. I have Tuesday, November 24 at 11:00 AM.", BOOK),
            ("yes that's fine", "at 11:00 AM", []),
            ("yes", "on Tuesday, November 24 at 11:00 AM.", BOOK),
        ],
    ),
    "the vehicle is booked already": (
        {"vehicle_booked": "That vehicle has an appointment already, on Tuesday."},
        [
            ("oil change on tuesday at 9", "", IDENTIFY),
            ("March 12th 1984", "Shall I book it?", [*VERIFY, *FIND]),
            (
                "yes",
                "has an appointment already, on Tuesday. I have Tuesday, November 24 at 11:00 AM.",
                BOOK,
            ),
            ("yes that's fine", "at 11:00 AM", []),
            ("yes", "on Tuesday, November 24 at 11:00 AM.", BOOK),
        ],
    ),
    "questions first": (
        {},
        [
            ("What are your hours, and where are you located?", "6:00 PM. We're at 12", INFO * 2),
            ("How much is an oil change?", "$79.95. Would you like to make", INFO),
            ("Yes, on Tuesday", "date of birth?", IDENTIFY),
            ("March 12th 1984", OPENINGS, [*VERIFY, *FIND]),
            ("How late are you open?", "6:00 PM. I have Tuesday", INFO),
        ],
    ),
    "only questions": (
        {},
        [
            ("How much is an oil change?", "Would you like to make an appointment?", INFO),
            ("No, thank you. That's all I wanted to know.", "Goodbye.", ["end_call"]),
        ],
    ),
    "a second service beside the first": (
        {},
        [
            ("An oil change and a tire rotation on tuesday at nine", "An oil change", IDENTIFY),
            ("March 12th 1984", "an oil change and a tire rotation for your", [*VERIFY, *FIND]),
            ("yes", "booked for an oil change and a tire rotation on Tuesday", BOOK),
            ("Yes, I also need my brakes checked", "A brake inspection, certainly.", []),
        ],
    ),
    "a second service when the first is said back": (
        {},
        [
            ("An oil change on tuesday at nine", "An oil change", IDENTIFY),
            ("March 12th 1984", "That's an oil change for", [*VERIFY, *FIND]),
            ("and a tire rotation as well", "That's an oil change and a tire rotation for", FIND),
        ],
    ),
    "a loaner car": (
        {},
        [
            ("An oil change on tuesday at nine, and I'll need a loaner", "birth?", IDENTIFY),
            ("March 12th 1984", "at 9:00 AM, with a loaner car for you, for", [*VERIFY, *FIND]),
            ("yes", "booked", BOOK),
        ],
    ),
    "waiting, thought of late": (
        {},
        [
            ("An oil change on tuesday at nine", "birth?", IDENTIFY),
            ("March 12th 1984", "at 9:00 AM, for $79.95. Shall I book it?", [*VERIFY, *FIND]),
            ("yes, but I want to wait for it", "at 9:00 AM, while you wait, for $79.95. Sh", FIND),
            ("yes", "booked", BOOK),
        ],
    ),
    "what did you say": (
        {},
        [
            ("oil change", "", IDENTIFY),
            ("What did you say?", "what is your date of birth?", []),
        ],
    ),
    "not understood three times": (
        {},
        [
            ("purple monkey", "Sorry, I didn't catch that.", []),
            ("dishwasher", "I still didn't get that.", []),
            ("la la la", "connect you with a service advisor?", []),
            ("no", "How can I help you?", []),
            ("oil change", "date of birth?", IDENTIFY),
        ],
    ),
    "a person": ({}, [("Let me talk to a real person", "One moment", ["transfer_to_person"])]),
    "reschedule": (
        {},
        [
            ("I need to reschedule my appointment", "Certainly. To make sure", IDENTIFY),
            ("March 12 1984", f"You have {VISIT}. What day would suit you", SEE),
            ("Thursday", "Thursday, November 26 at 9:00 AM or 10:30 AM", FIND),
            ("the first one", "move the oil change for your 2019 Honda Civic to Thursday", []),
            ("yes please", "is moved to Thursday, November 26 at 9:00 AM. Your confirm", MOVE),
            ("no thanks", "Goodbye.", ["end_call"]),
        ],
    ),
    "reschedule, all in one breath": (
        {},
        [
            ("Can you move my Monday appointment to Tuesday at nine?", "birth?", IDENTIFY),
            (
                "3 12 1984",
                "to Tuesday, November 24 at 9:00 AM. Shall I move it?",
                MINE_FIND,
            ),
            ("no", "another time then. What day would suit you better?", []),
            ("Thursday at nine", "to Thursday, November 26 at 9:00 AM. Shall I move it?", FIND),
            ("yes", "is moved to Thursday, November 26 at 9:00 AM.", MOVE),
        ],
    ),
    "reschedule, and the new time is just taken": (
        {"taken": True},
        [
            ("Please move my appointment to Tuesday at nine", "birth?", IDENTIFY),
            ("3 12 1984", "Shall I move it?", MINE_FIND),
            ("yes", "just taken. I have Tuesday, November 24 at 11:00 AM. Does that work?", MOVE),
            ("yes", "to Tuesday, November 24 at 11:00 AM. Shall I move it?", []),
            ("yes", "is moved to Tuesday, November 24 at 11:00 AM.", MOVE),
        ],
    ),
    "reschedule, then rather not": (
        {},
        [
            ("reschedule, please", "birth?", IDENTIFY),
            ("3 12 1984", "What day", SEE),
            ("oh, never mind, leave it", "stays as it is. Is there anything else", []),
            ("no", "Goodbye.", ["end_call"]),
        ],
    ),
    "cancel": (
        {},
        [
            ("I have to cancel my appointment", "birth?", IDENTIFY),
            ("March 12 1984", f"You have {VISIT}. Shall I cancel it?", SEE),
            ("yes", "Your oil change on Monday, November 23 at 2:00 PM is cancelled.", CANCEL),
            ("no, that's all", "Goodbye.", ["end_call"]),
        ],
    ),
    "cancel, then rather move": (
        {},
        [
            ("I'd like to cancel my appointment on Monday", "birth?", IDENTIFY),
            ("March 12 1984", "Shall I cancel it?", SEE),
            ("Actually, can you move my appointment to Thursday at nine?", "move it?", FIND),
            ("yes", "is moved to Thursday", MOVE),
        ],
    ),
    "cancel, and then not": (
        {},
        [
            ("cancel my appointment", "birth?", IDENTIFY),
            ("March 12 1984", "Shall I cancel it?", SEE),
            ("no, wait", "stays as it is. Is there anything else", []),
        ],
    ),
    "cancel one of two, told by its day": (
        {"booked": TWO},
        [
            ("cancel the appointment on Friday please", "birth?", IDENTIFY),
            (
                "March 12 1984",
                "a tire rotation for your 2016 Ford Escape on Friday",
                SEE,
            ),
            ("yes", "Your tire rotation on Friday, November 27 at 8:00 AM is cancelled.", CANCEL),
        ],
    ),
    "cancel one of two, asked which": (
        {"booked": TWO},
        [
            ("cancel my appointment", "birth?", IDENTIFY),
            (
                "March 12 1984",
                "Which appointment is it, the one for an oil change",
                SEE,
            ),
            ("the tire rotation", "You have a tire rotation for your 2016 Ford Escape on", []),
            ("yes", "Your tire rotation on Friday, November 27 at 8:00 AM is cancelled.", CANCEL),
        ],
    ),
    "when is my appointment": (
        {},
        [
            ("When is my appointment?", "Certainly. To make sure", IDENTIFY),
            ("March 12 1984", f"{VISIT}. Your confirmation code is K 7 F 2.", SEE),
            ("great, thanks, that's all", "Goodbye.", ["end_call"]),
        ],
    ),
    "when are my two appointments": (
        {"booked": TWO},
        [
            ("When's my appointment again?", "birth?", IDENTIFY),
            ("March 12 1984", "You have 2 appointments: an oil change for", SEE),
        ],
    ),
    "no appointment at all": (
        {"booked": []},
        [
            ("Do I have an appointment?", "birth?", IDENTIFY),
            ("March 12 1984", "I don't see an appointment of yours.", SEE),
            ("I need an oil change then", "What day", []),
        ],
    ),
    "somebody who is in no book asks": (
        {"known": False},
        [
            ("When is my appointment?", "What is the phone number on your account", IDENTIFY),
            ("I don't have another one", "don't see an appointment of yours in our book", []),
        ],
    ),
    "is my car ready": (
        {"repairs": [("ready", "Your 2019 Honda Civic is ready.")]},
        [
            ("Is my car ready yet?", "birth?", IDENTIFY),
            (
                "March 12 1984",
                "Your 2019 Honda Civic is ready. Is there anything",
                LOOK,
            ),
            ("No, thank you", "Goodbye.", ["end_call"]),
        ],
    ),
    "is one of my cars ready": (
        {
            "vehicles": ["2019 Honda Civic", "2016 Ford Escape"],
            "repairs": [("open", "The Civic waits."), ("ready", "The Escape is ready.")],
        },
        [
            ("is the Escape ready, the Ford? I mean my car", "birth?", IDENTIFY),
            ("March 12 1984", "The Escape is ready. Is there anything else", LOOK),
        ],
    ),
    "a car that waits for an approval": (
        {"repairs": [("waiting_for_approval", "It waits for your approval: pads, for $415.00.")]},
        [
            ("how is my car coming along", "birth?", IDENTIFY),
            ("March 12 1984", f"$415.00. {PERSON_OFFER}", LOOK),
            ("yes", "I'll connect you", ["transfer_to_person"]),
        ],
    ),
    "no car of theirs is there": (
        {},
        [
            ("is my car ready", "birth?", IDENTIFY),
            ("March 12 1984", "I don't see that vehicle in our workshop.", LOOK),
        ],
    ),
    "a booking, and then it is moved": (
        {},
        [
            ("oil change on tuesday at nine", "birth?", IDENTIFY),
            ("3 12 1984", "Shall I book it?", [*VERIFY, *FIND]),
            ("yes", "You're booked", BOOK),
            ("Can I move my appointment to Thursday at nine after all?", "Shall", [*MINE, *FIND]),
            ("yes", "is moved to Thursday, November 26 at 9:00 AM.", MOVE),
        ],
    ),
    "wrong number": ({}, [("Sorry, wrong number", "Goodbye.", ["end_call"])]),
    "a withheld number": (
        {"withheld_number": True},
        [
            ("oil change", "phone number on your account", IDENTIFY),
            ("eight one five, five five five, oh one two three", "first and last name?", IDENTIFY),
            ("Maria Alvarez", "date of birth?", []),
            ("March 12 1984", "Thank you, Maria. What day", VERIFY),
        ],
    ),
    "a said number and a wrong birthday": (
        {"withheld_number": True},
        [
            ("oil change", "phone number on your account", IDENTIFY),
            ("815 555 0123", "first and last name?", IDENTIFY),
            ("Maria Alvarez", "date of birth?", []),
            ("March 12 1985", "I could not match these details. May I text a code", VERIFY),
            ("yes please", "on its way. What are the six digits", ["text_code"]),
            ("one two three four five six", "That is not the code. What are", ["check_code"]),
            ("four eight two nine one three", "date of birth?", ["check_code"]),
            ("March 12 1984", "Thank you, Maria.", VERIFY),
        ],
    ),
    "a withheld number of a new customer": (
        {"withheld_number": True, "known": False},
        [
            ("oil change", "phone number on your account", IDENTIFY),
            ("815 555 0123", "first and last name?", IDENTIFY),
            ("John Smith", "date of birth?", []),
            ("March 12 1984", "I could not match these details. May I text a code", VERIFY),
            ("yes", "six digits", ["text_code"]),
            ("4 8 2 9 1 3", "year, make and model", ["check_code", "create_customer"]),
        ],
    ),
    "no code is wanted": (
        {"withheld_number": True, "known": False},
        [
            ("oil change", "phone number on your account", IDENTIFY),
            ("815 555 0123", "first and last name?", IDENTIFY),
            ("John Smith", "date of birth?", []),
            ("March 12 1984", "May I text a code", VERIFY),
            ("no", "no text message. May I have your first and last name?", []),
        ],
    ),
    "no code can be sent": (
        {"withheld_number": True, "known": False, "texts": False},
        [
            ("oil change", "phone number on your account", IDENTIFY),
            ("815 555 0123", "first and last name?", IDENTIFY),
            ("John Smith", "date of birth?", []),
            ("March 12 1984", "May I text a code", VERIFY),
            ("yes", "I can't text a code there. Would you like me to connect", ["text_code"]),
            ("yes", "One moment", ["transfer_to_person"]),
        ],
    ),
    "the tool is not offered": (
        {"withhold": {"find_openings", "dealership_info"}},
        [("What are your hours?", "I can't do that for you here.", [])],
    ),
    "nobody to transfer to": (
        {"withhold": {"transfer_to_person"}},
        [("operator", "I can't connect you at the moment. How can I help", [])],
    ),
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_dialogue(name: str, desk: Any, call: Any) -> None:
    settings, lines = DIALOGUES[name]
    for key, value in settings.items():
        setattr(desk, key, copy.copy(value))
    for heard, expected, tools in lines:
        before = len(desk.calls)
        said = call.say(heard)
        assert expected in said, f"{heard!r} was answered {said!r}"
        assert call.called()[before:] == tools, heard
        assert said.count("?") <= 1, f"more than one question: {said!r}"


@pytest.mark.parametrize("name", [p for p in PERSONAS if PERSONAS[p].goal.kind == "book"])
def test_every_caller_of_the_sandbox_gets_an_appointment(name: str, desk: Any, call: Any) -> None:
    """The sandbox's two minds, caller and receptionist, understand each other's every turn."""
    facts = PERSONAS[name].facts
    desk.known, desk.born = facts.known, str(facts.date_of_birth)
    mind, said = Mind(PERSONAS[name]), call.messages[-1]["content"]
    for _ in range(12):
        reply = mind.hear(said)
        assert reply is not None and (reply.text or reply.keys), f"no answer to {said!r}"
        keyed = "Yes. [Keyed 1.]" if reply.keys == "1" else f"Keyed on the keypad: {reply.keys}"
        said = call.say(reply.text or keyed)
        assert "Sorry" not in said, f"{reply} was not understood"
        if "end_call" in call.called():
            break
    assert Stage.BOOKED in mind.stages
    assert call.called()[-2:] == ["book_appointment", "end_call"]


@pytest.mark.parametrize(
    ("name", "stage", "tool"),
    [
        ("reschedule", Stage.MOVED, "reschedule_appointment"),
        ("cancel", Stage.CANCELLED, "cancel_appointment"),
        ("when", Stage.TOLD, "my_appointments"),
        ("car-ready", Stage.TOLD, "repair_status"),
    ],
)
def test_every_caller_with_an_errand_gets_it_done(
    name: str, stage: Stage, tool: str, desk: Any, call: Any
) -> None:
    facts = PERSONAS[name].facts
    desk.born, desk.vehicles = str(facts.date_of_birth), ["2021 Ford F-150", facts.vehicle]
    desk.booked = [("oil_change", facts.vehicle, "Tuesday, November 24 at 2:00 PM")]
    desk.repairs = [
        ("waiting_for_approval", "Your 2021 Ford F-150 is waiting for your approval: pads."),
        ("ready", "Your 2016 Toyota Camry is ready."),
    ]
    mind, said = Mind(PERSONAS[name]), call.messages[-1]["content"]
    for _ in range(12):
        reply = mind.hear(said)
        assert reply is not None and reply.text, f"no answer to {said!r}"
        said = call.say(reply.text)
        assert "Sorry" not in said, f"{reply} was not understood"
        if "end_call" in call.called():
            break
    assert stage in mind.stages and tool in call.called()
    if name == "reschedule":
        assert desk.booked[0][2] == "Thursday, November 26 at 9:00 AM"
    if name == "cancel":
        assert desk.booked == []


def test_a_yes_to_a_cancellation_that_was_not_heard_cancels_nothing(desk: Any, call: Any) -> None:
    call.say("cancel my appointment")
    call.say("March 12 1984")
    call.messages[-1]["content"] = "You have [Not heard: an oil change. Shall I cancel it?]"
    said = call.say("yes")
    assert "cancel_appointment" not in call.called() and said.endswith("Shall I cancel it?")
    call.say("yes")
    assert call.called()[-1] == "cancel_appointment"


def test_all_services_of_a_visit_are_looked_for_together(desk: Any, call: Any) -> None:
    for heard in ("oil change and tire rotation on tuesday at nine", "March 12 1984", "yes"):
        call.say(heard)
    assert desk.calls[-1] == (
        "book_appointment",
        {"slot_id": "s-Tue-9:00 AM", "vehicle_ref": "v1", "notes": None},
    )
    assert desk.calls[-2][1]["services"] == ["oil_change", "tire_rotation"]


def test_a_yes_to_a_question_that_was_not_heard_books_nothing(desk: Any, call: Any) -> None:
    call.say("oil change on tuesday at nine")
    call.say("March 12 1984")
    call.messages[-1]["content"] = (
        "That's an oil change [The caller interrupted. Not heard: for your 2019 Honda Civic on "
        "Tuesday, November 24 at 9:00 AM. Shall I book it?]"
    )
    assert "Shall I book it?" in call.say("yes")
    assert "book_appointment" not in call.called()
    call.say("yes")
    assert call.called()[-1] == "book_appointment"


def test_a_text_message_is_promised_only_when_it_comes(desk: Any, call: Any) -> None:
    desk.texted = False
    for heard in ("oil change on tuesday at nine", "March 12 1984"):
        call.say(heard)
    assert "text message" not in call.say("yes")


def test_the_state_is_in_the_messages_alone(desk: Any, call: Any) -> None:
    """Another server, with the same messages, goes on where this one was."""
    call.say("oil change on tuesday")
    call.say("March 12 1984")
    resumed = type(call)(desk, [*call.messages])
    assert resumed.say("the first one") == call.say("the first one")


def test_notes_of_the_machinery_do_not_confuse_it(desk: Any, call: Any) -> None:
    call.say("oil change")
    call.messages.append({"role": "system", "content": "The line was interrupted; resume."})
    assert call.go_on().endswith("what is your date of birth?")


def test_after_a_transfer_it_only_asks_to_hold(desk: Any, call: Any) -> None:
    call.say("operator")
    assert call.go_on() == ""
