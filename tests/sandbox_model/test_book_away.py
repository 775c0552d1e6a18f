"""The receptionist and the caller when the book cannot be seen: a call back, and a goodbye."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.caller.comprehension import Act, understand
from sandbox.caller.mind import Mind
from sandbox.caller.personas import PERSONAS

MESSAGE = "I'm sorry, I can't see our book right now."
AWAY = {
    "status": "error",
    "code": "book_away",
    "message": MESSAGE,
    "advice": "Offer that somebody calls back; on yes, use request_callback.",
}
OFFER = "May I have somebody call you back?"

LEADS = {
    "identify_caller": ["oil change"],
    "verify_caller": ["oil change", "March 12 1984"],
    "find_openings": ["oil change on tuesday", "March 12 1984"],
    "book_appointment": ["oil change on tuesday at nine", "March 12 1984", "yes"],
}


def away(desk: Any, tool: str, times: int = 99) -> None:
    """Let the book be away for the next calls of `tool`."""
    working, left = getattr(desk, f"_{tool}"), [AWAY] * times

    def failing(**arguments: Any) -> dict[str, Any]:
        return left.pop() if left else working(**arguments)

    setattr(desk, f"_{tool}", failing)


@pytest.mark.parametrize("tool", LEADS)
def test_a_call_back_is_offered_noted_and_the_call_ended(tool: str, desk: Any, call: Any) -> None:
    away(desk, tool)
    said = [call.say(turn) for turn in LEADS[tool]][-1]
    assert said.endswith(f"{MESSAGE} {OFFER}")
    said = call.say("Yes, please.")
    assert call.called()[-2:] == ["request_callback", "end_call"]
    assert "Somebody will call you back" in said and "Goodbye" in said
    [wish] = [arguments for name, arguments in desk.calls if name == "request_callback"]
    assert "oil change" in wish["reason"] and wish["when"] is None


def test_when_to_call_is_taken_from_the_answer(desk: Any, call: Any) -> None:
    away(desk, "identify_caller")
    call.say("oil change")
    call.say("yes, tomorrow morning please")
    [wish] = [arguments for name, arguments in desk.calls if name == "request_callback"]
    assert "tomorrow morning" in wish["when"]


def test_who_declines_is_asked_for_other_wishes_and_not_nagged(desk: Any, call: Any) -> None:
    away(desk, "find_openings")
    call.say("oil change on tuesday")
    call.say("March 12 1984")
    said = call.say("no, thank you")
    assert "anything else" in said and "call you back" not in said
    assert "12 Main Street" in call.say("What is your address?")


def test_who_wants_to_wait_gets_another_look_at_the_book(desk: Any, call: Any) -> None:
    away(desk, "find_openings", times=1)
    call.say("oil change on tuesday")
    assert OFFER in call.say("March 12 1984")
    assert "9:00 AM" in call.say("Could you try again?")


def test_who_asks_to_be_called_back_is(desk: Any, call: Any) -> None:
    call.say("I need an oil change but can somebody call me back")
    assert call.called()[-2:] == ["request_callback", "end_call"]


def test_a_wish_that_could_not_be_noted_leads_to_a_person(desk: Any, call: Any) -> None:
    away(desk, "identify_caller")
    refused = {"status": "error", "code": "not_kept", "message": "I can't note that down."}
    desk._request_callback = lambda **_: refused
    call.say("oil change")
    said = call.say("yes")
    assert said.startswith("I can't note that down.") and "connect you" in said
    call.say("yes")
    assert call.called()[-1] == "transfer_to_person"


@pytest.mark.parametrize(
    "said",
    [
        f"{MESSAGE} {OFFER}",
        "I can't see the book right now. Would you like somebody to call you back?",
        "Shall I request a callback for you?",
    ],
)
def test_a_caller_who_wants_to_book_takes_the_call_back(said: str) -> None:
    assert understand(said).asks == (Act.OFFER_CALLBACK,)
    mind = Mind(next(each for each in PERSONAS.values() if each.goal.kind == "book"))
    mind.hear("How can I help you?")
    answer = mind.hear(said)
    assert answer is not None and answer.text.lower().startswith("yes")
    goodbye = mind.hear("I've noted that. Somebody will call you back. Thank you. Goodbye.")
    assert goodbye is not None and goodbye.hang_up
