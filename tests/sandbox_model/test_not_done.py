"""What the receptionist does when a tool has not done what it was asked to, by the code that says
why; and when a tool asks before it keeps what the caller said of themselves."""

from __future__ import annotations

from typing import Any

import pytest

READ_BACK = (
    "That's an oil change for your 2019 Honda Civic on Tuesday, November 24 at 9:00 AM, for "
    "$79.95. Shall I book it?"
)
BOOKING = ("oil change on tuesday at nine", "March 12 1984")
CANCELLING = ("cancel my appointment", "March 12 1984")
MOVING = ("move my appointment to Tuesday at nine", "March 12 1984")


def refuse(desk: Any, tool: str, **result: Any) -> None:
    """Let the next call of `tool` come to this; then it works again."""
    working, left = getattr(desk, f"_{tool}"), [result]
    setattr(desk, f"_{tool}", lambda **given: left.pop() if left else working(**given))


def not_done(desk: Any, tool: str, code: str, read_back: str = READ_BACK) -> None:
    refuse(desk, tool, status="not_done", code=code, read_back=read_back, advice="Say it.")


@pytest.mark.parametrize("code", ["not_read_back", "no_answer", "unclear", "asked", "unheard_of"])
def test_the_read_back_is_said_word_for_word(code: str, desk: Any, call: Any) -> None:
    not_done(desk, "book_appointment", code)
    for turn in BOOKING:
        call.say(turn)
    said = call.say("yes")
    assert said.endswith(READ_BACK) and said.count("?") == 1 and "Say it." not in said
    assert "You're booked" in call.say("yes")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("declined", "What would you like to change"),
        ("waits", "Of course, take your time."),
        ("condition", f"I can only book it once you're sure. {READ_BACK}"),
    ],
)
def test_each_reason_has_its_answer(code: str, expected: str, desk: Any, call: Any) -> None:
    not_done(desk, "book_appointment", code)
    for turn in BOOKING:
        call.say(turn)
    assert expected in call.say("yes")
    assert call.called().count("book_appointment") == 1


def test_what_was_corrected_is_looked_for_in_their_words(desk: Any, call: Any) -> None:
    not_done(desk, "book_appointment", "corrected")
    for turn in BOOKING:
        call.say(turn)
    said = call.say("yes go ahead and book it")
    assert desk.calls[-1][0] == "find_openings"
    assert desk.calls[-1][1]["when"] == "yes go ahead and book it" and "?" in said


@pytest.mark.parametrize(
    ("lead", "tool", "expected"),
    [
        (CANCELLING, "cancel_appointment", "your appointment stays as it is."),
        (MOVING, "reschedule_appointment", "What day would suit you better?"),
    ],
)
def test_changes_are_declined_too(
    lead: tuple[str, ...], tool: str, expected: str, desk: Any, call: Any
) -> None:
    not_done(desk, tool, "declined")
    for turn in lead:
        call.say(turn)
    assert expected in call.say("yes")
    assert len(desk.booked) == 1


@pytest.mark.parametrize(
    ("lead", "tool"), [(CANCELLING, "cancel_appointment"), (MOVING, "reschedule_appointment")]
)
def test_changes_are_read_back_again(
    lead: tuple[str, ...], tool: str, desk: Any, call: Any
) -> None:
    again = "You have an oil change for your 2019 Honda Civic on Monday. Shall I do it?"
    not_done(desk, tool, "not_read_back", again)
    for turn in lead:
        call.say(turn)
    assert call.say("yes").endswith(again)


# --- A moment, and back -------------------------------------------------------------------------


def test_who_asks_for_a_moment_gets_it_and_may_then_agree(desk: Any, call: Any) -> None:
    for turn in BOOKING:
        call.say(turn)
    assert call.say("hold on, let me check my calendar") == "Of course, take your time."
    assert call.say("okay, go ahead").endswith("Shall I book it?")
    assert "You're booked" in call.say("yes")


@pytest.mark.parametrize("lead", [1, 2])
def test_a_moment_is_given_at_any_question(lead: int, desk: Any, call: Any) -> None:
    for turn in ("I need an oil change", "March 12 1984")[:lead]:
        call.say(turn)
    assert call.say("just a second please") == "Of course, take your time."


@pytest.mark.parametrize(
    "words",
    ["the brakes are squeaking too", "yes but at ten thirty", "only if it's a loaner", "no"],
)
def test_nothing_is_booked_on_what_is_no_yes(words: str, desk: Any, call: Any) -> None:
    for turn in (*BOOKING, words):
        call.say(turn)
    assert "book_appointment" not in call.called()


# --- What is kept about a person ----------------------------------------------------------------

NEW = ("I need an oil change on Tuesday", "John Smith", "May 3 1991")


def test_what_was_understood_is_agreed_to_and_the_same_call_made_again(
    desk: Any, call: Any
) -> None:
    desk.known = False
    asked = "So that's John Smith, born May 3, 1991. Is that right?"
    refuse(desk, "create_customer", status="ask", code="read_back", message=asked)
    assert [call.say(turn) for turn in NEW][-1] == asked
    call.say("yes, that's right")
    first, second = [given for name, given in desk.calls if name == "create_customer"]
    assert first == second and first["date_of_birth"] == "May 3 1991"


@pytest.mark.parametrize(
    ("words", "last_name", "born"),
    [
        ("no, it's Jon Smythe", "Smythe", "May 3 1991"),
        ("no, Smyth with a Y", "Smith", "May 3 1991"),
        ("no", "Smith", "May 3 1991"),
        ("the birthday is May 4 1991", "Smith", "the birthday is May 4 1991"),
    ],
)
def test_a_correction_goes_on_to_the_tool(
    words: str, last_name: str, born: str, desk: Any, call: Any
) -> None:
    desk.known = False
    asked = "So that's John Smith, born May 3, 1991. Is that right?"
    refuse(desk, "create_customer", status="ask", code="read_back", message=asked)
    for turn in (*NEW, words):
        call.say(turn)
    last = [given for name, given in desk.calls if name == "create_customer"][-1]
    assert (last["last_name"], last["date_of_birth"]) == (last_name, born)


def test_a_wrong_car_is_corrected_in_the_callers_words(desk: Any, call: Any) -> None:
    desk.known = False
    asked = "I have that as a 2020 Honda Accord. Is that right?"
    for turn in NEW:
        call.say(turn)
    refuse(desk, "add_vehicle", status="ask", code="read_back", message=asked)
    assert call.say("a 2020 Honda Accord") == asked
    call.say("no, a 2021 Toyota Corolla")
    assert "no, a 2021 Toyota Corolla" in [
        given["vehicle"] for name, given in desk.calls if name == "add_vehicle"
    ]


def test_a_car_that_the_tool_heard_otherwise_is_taken_on_a_yes(desk: Any, call: Any) -> None:
    desk.known = False
    for turn in NEW:
        call.say(turn)
    heard = "I heard a 2021 Toyota Corolla. Is that right?"
    refuse(desk, "add_vehicle", status="ask", code="differs", message=heard)
    assert call.say("2020 1 Honda Corolla") == heard
    call.say("yes")
    assert desk.vehicles == ["2021 Toyota Corolla"]


def test_a_second_fact_is_asked_for_once(desk: Any, call: Any) -> None:
    desk.known = False
    for turn in NEW:
        call.say(turn)
    vin = "And the VIN, if you have it at hand?"
    refuse(desk, "add_vehicle", status="ask", code="second_fact", message=vin)
    assert call.say("a 2019 Honda Civic") == vin
    call.say("I don't have it here")
    assert desk.vehicles == ["2019 Honda Civic"]


def test_wrong_answers_are_read_back_before_they_count(desk: Any, call: Any) -> None:
    call.say("oil change on tuesday at nine")
    heard = "I heard March 13, 1984. Is that right?"
    refuse(desk, "verify_caller", status="ask", code="read_back", message=heard)
    assert call.say("March 13 1984") == heard
    assert "Thank you, Maria." in call.say("no, March 12 1984")


CLOSED = "The service desk is closed right now. Shall I have someone call you back tomorrow?"


@pytest.mark.parametrize("words", ["yes", "Any time is fine.", "tomorrow after nine please"])
def test_an_offer_to_be_called_back_is_taken_whoever_has_made_it(
    words: str, desk: Any, call: Any
) -> None:
    call.messages.append({"role": "user", "content": "I have a question about my bill"})
    call.messages.append({"role": "assistant", "content": CLOSED})
    call.say(words)
    [(_, wish)] = [one for one in desk.calls if one[0] == "request_callback"]
    assert "bill" in wish["reason"]


def test_who_wants_no_call_back_is_asked_what_else(desk: Any, call: Any) -> None:
    call.messages.append({"role": "user", "content": "let me talk to a person"})
    call.messages.append({"role": "assistant", "content": CLOSED})
    assert "anything else" in call.say("no thanks")
    assert desk.calls == []


# --- Several wishes, and a change of mind -------------------------------------------------------

WISHES = {
    "cancel and book": (
        ["I need to cancel my appointment and book a tire rotation for Thursday", "March 12 1984"],
        "Shall I cancel it?",
        ("yes", "is cancelled."),
        ("the first one", "a tire rotation for your 2019 Honda Civic on Thursday"),
    ),
    "two questions about what is there": (
        ["when is my appointment and is my car ready", "March 12 1984"],
        "Your confirmation code is K 7 F 2.",
    ),
    "a question in the middle of a booking": (
        ["oil change on tuesday at nine", "March 12 1984", "and how much is that"],
        "Shall I book it?",
    ),
    "from booking to cancelling": (
        ["oil change on tuesday", "March 12 1984", "actually, forget it, cancel my appointment"],
        "Shall I cancel it?",
    ),
    "from cancelling to moving": (
        ["cancel my appointment", "March 12 1984", "or wait, could we do Thursday at nine instead"],
        "to Thursday, November 26 at 9:00 AM. Shall I move it?",
    ),
    "from not coming to moving": (
        ["something came up and I can't make my appointment", "move it to Thursday at nine"],
        "what is your date of birth?",
        ("March 12 1984", "to Thursday, November 26 at 9:00 AM. Shall I move it?"),
        ("yes", "Is there anything else"),
    ),
    "late, and so moved": (
        ["I'm stuck in traffic and can't make my appointment, can I move it to Tuesday at nine?"],
        "date of birth",
        ("March 12 1984", "to Tuesday, November 24 at 9:00 AM. Shall I move it?"),
    ),
    "from one service to another": (
        ["oil change on tuesday at nine", "March 12 1984", "it's for the brakes, not the oil"],
        "That's a brake inspection",
    ),
    "what is not done here": (
        ["I need a new windshield"],
        "we don't do that here",
        ("then an oil change please", "date of birth"),
    ),
    "a car that does not start": (
        ["my car won't start"],
        "(312) 555-0102. Would you like to make an appointment?",
        ("yes please", "date of birth"),
    ),
    "with somebody of the staff": (
        ["An oil change with Dave on Tuesday at nine", "March 12 1984"],
        "Shall I book it?",
    ),
}


@pytest.mark.parametrize("name", WISHES)
def test_several_wishes_and_changes_of_mind(name: str, desk: Any, call: Any) -> None:
    turns, expected, *more = WISHES[name]
    said = [call.say(turn) for turn in turns][-1]
    assert expected in said and said.count("?") <= 1, said
    for turn, follows in more:
        said = call.say(turn)
        assert follows in said and said.count("?") <= 1, said
    if "staff" in name:
        assert desk.calls[-1][1]["with"] == "Dave"
