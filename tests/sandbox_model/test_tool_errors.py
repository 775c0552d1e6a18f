"""What the receptionist says when tools fail: their messages aloud, their advice never."""

from __future__ import annotations

from typing import Any

import pytest

ADVICE = "Call the tool again with a slot_id."
UNWELL = {
    "status": "error",
    "message": "I'm sorry, that did not work on our side.",
    "advice": "Offer to connect a person.",
}
PERSON = "Would you like me to connect you with a service advisor?"

# The caller's turns up to the tool of interest, and what is asked when it fails with advice alone.
LEADS: dict[str, tuple[list[str], str]] = {
    "identify_caller": (["oil change"], "What is the phone number on your account"),
    "verify_caller": (["oil change", "March 12 1984"], "what is your date of birth?"),
    "find_openings": (["oil change on tuesday", "March 12 1984"], "What day works best for you?"),
    "dealership_info": (["What are your hours?"], "I can't tell you that."),
    "transfer_to_person": (["operator"], "I can't connect you at the moment."),
}


def fail(desk: Any, tool: str, *results: dict[str, Any]) -> None:
    """Let the next calls of `tool` have these results; then it works again."""
    working, left = getattr(desk, f"_{tool}"), list(results)

    def failing(**arguments: Any) -> dict[str, Any]:
        return left.pop(0) if left else working(**arguments)

    setattr(desk, f"_{tool}", failing)


@pytest.mark.parametrize("tool", LEADS)
def test_advice_is_never_said_and_the_conversation_goes_on(tool: str, desk: Any, call: Any) -> None:
    fail(desk, tool, {"status": "error", "advice": ADVICE})
    turns, expected = LEADS[tool]
    said = [call.say(turn) for turn in turns][-1]
    assert tool in call.called()
    assert expected in said and "slot_id" not in said and "tool" not in said
    assert said.count("?") <= 1 and PERSON not in said


@pytest.mark.parametrize("tool", LEADS)
def test_an_errors_message_is_said_and_its_advice_is_not(tool: str, desk: Any, call: Any) -> None:
    fail(desk, tool, UNWELL)
    said = [call.say(turn) for turn in LEADS[tool][0]][-1]
    assert UNWELL["message"] in said and UNWELL["advice"] not in said
    assert said.count("?") <= 1


def test_a_message_is_said_word_for_word_and_its_question_is_the_only_one(
    desk: Any, call: Any
) -> None:
    message = "The first of those days comes after the last. Which days did you mean?"
    fail(desk, "find_openings", {"status": "error", "message": message})
    call.say("oil change on tuesday")
    assert call.say("March 12 1984").endswith(message)
    assert "Wednesday, November 25" in call.say("Wednesday")


def test_none_has_advice_for_the_model_alone(desk: Any, call: Any) -> None:
    fail(desk, "find_openings", {"status": "none", "advice": "Suggest other days."})
    call.say("oil change on tuesday")
    said = call.say("March 12 1984")
    assert "I don't find an opening then. What day works best for you?" in said
    assert "Suggest" not in said


@pytest.mark.parametrize("error", [UNWELL, {"status": "error", "advice": ADVICE}])
def test_the_second_failure_of_a_tool_offers_a_person(
    error: dict[str, Any], desk: Any, call: Any
) -> None:
    fail(desk, "find_openings", error, error)
    call.say("oil change on tuesday")
    assert PERSON not in call.say("March 12 1984")
    said = call.say("Wednesday then")
    assert said.endswith(PERSON) and "I'm sorry" in said
    call.say("yes, please")
    assert call.called()[-1] == "transfer_to_person"


def test_who_declines_the_person_is_helped_on(desk: Any, call: Any) -> None:
    fail(desk, "find_openings", UNWELL, UNWELL)
    call.say("oil change on tuesday")
    call.say("March 12 1984")
    call.say("Wednesday then")
    assert "What day works best" in call.say("no")
    assert "Thursday, November 26" in call.say("Thursday")


def test_a_success_between_two_failures_forgives_the_first(desk: Any, call: Any) -> None:
    fail(desk, "find_openings", UNWELL)
    call.say("oil change on tuesday")
    call.say("March 12 1984")
    call.say("tuesday")
    fail(desk, "find_openings", UNWELL)
    said = call.say("none of those, on Thursday")
    assert UNWELL["message"] in said and PERSON not in said


def test_a_booking_that_fails_offers_openings_again_then_a_person(desk: Any, call: Any) -> None:
    fail(desk, "book_appointment", {"status": "error", "advice": ADVICE}, UNWELL)
    for turn in ("oil change on tuesday at nine", "March 12 1984"):
        call.say(turn)
    said = call.say("yes")
    assert "Shall I book it?" in said and ADVICE not in said
    assert call.say("yes").endswith(PERSON)
    assert "booked for" not in str(call.messages)
