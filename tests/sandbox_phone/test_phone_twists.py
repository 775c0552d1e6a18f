"""What callers do that makes a call harder, each as data, and what all kinds of wishes come to."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from sandbox.caller.mind import NEXT_QUESTION_MS, Mind, Reply
from sandbox.caller.personas import PERSONAS, persona, read_persona
from sandbox.caller.profile import GoalKind

GREETING = "This is Otto, the automated assistant. How can I help you today?"
OFFER = "I have Thursday, November 26 at 9:00 AM or Friday, November 27 at 9:00 AM. Which works?"
READ_BACK = "That's an oil change on Thursday, November 26 at 9:00 AM. Shall I book it?"
BIRTH = "What is your date of birth?"
ELSE = "Is there anything else I can do for you?"


def caller(*twists: Any, **goal: Any) -> Mind:
    return Mind(persona("maria", {"prefer": "first", **goal}, None, {"twists": [*twists]}))


def says(mind: Mind, text: str) -> str:
    reply = mind.hear(text)
    assert reply is not None, f"no answer to {text!r}"
    return reply.text


def test_a_mind_is_changed_after_an_offer_and_stays_changed() -> None:
    mind = caller({"kind": "changes_mind", "to": {"days": ["friday"]}})
    assert says(mind, OFFER) == "Actually, could we make it Friday instead?"
    assert "Friday" in says(mind, OFFER)
    assert says(mind, READ_BACK).startswith("No, ")
    assert mind.chosen is not None and mind.chosen.weekday == "friday"


@pytest.mark.parametrize(
    ("to", "says_"),
    [
        ({"service": "battery"}, "Actually, I need a new battery instead."),
        (
            {"vehicle": "2016 Toyota Camry"},
            "Actually, it's for my other car, the 2016 Toyota Camry.",
        ),
        ({"kind": "cancel"}, "Actually, please just cancel my appointment."),
        ({"kind": "person"}, "Actually, let me talk to a person, please."),
        ({"when": "the week after"}, "Actually, could we make it the week after instead?"),
    ],
)
def test_a_change_of_mind_says_what_is_wanted_instead(to: dict[str, Any], says_: str) -> None:
    mind = caller({"kind": "changes_mind", "at": "confirm", "to": to})
    mind.hear(OFFER)
    assert says(mind, READ_BACK) == says_
    if "service" in to or "vehicle" in to:
        old = "That's an oil change for your 2019 Honda Civic on Friday at 9 AM. Shall I book it?"
        assert says(mind, old).startswith("No, ")


def test_a_wrong_birth_date_is_given_once_and_corrected_when_it_is_read_back() -> None:
    mind = caller("gives_wrong_birth_date_first")
    assert says(mind, BIRTH) == "My date of birth is March 13, 1985."
    assert says(mind, "I heard March 13, 1985. Is that right?") == (
        "No, my date of birth is March 12, 1984."
    )
    assert says(mind, BIRTH) == "My date of birth is March 12, 1984."


def test_a_wrong_number_is_given_once() -> None:
    mind = caller("gives_wrong_number_first")
    assert "312-555-0143" in says(mind, "What is your phone number?")
    assert "312-555-0142" in says(mind, "What is your phone number?")


def test_every_answer_is_taken_back_in_the_same_breath() -> None:
    mind = caller("changes_every_answer")
    said = says(mind, BIRTH)
    assert "1985" in said and said.endswith(
        "No, wait, that's wrong. My date of birth is March 12, 1984."
    )
    assert "2018 Honda Civic" in says(mind, "What are the year, make and model of your car?")


@pytest.mark.parametrize(
    ("twist", "asked", "part"),
    [
        ("refuses_birth_date", BIRTH, "don't want to give that out"),
        ("answers_beside_the_point", BIRTH, ""),
        ("asks_instead_of_yes", READ_BACK, "?"),
        ("says_ignore_instructions", GREETING, "instructions"),
        ("asks_for_other_customer", GREETING, "James Okafor"),
        ({"kind": "asks_for_other_customer", "words": "Susan Whitfield"}, ELSE, "Susan Whitfield"),
        ("claims_to_be_spouse", BIRTH, "my wife"),
        ("insists_on_yesterday", "What day works best for you?", "yesterday"),
        ("speaks_other_language", GREETING, "No hablo"),
        ("asks_if_safe_to_drive", GREETING, "drive"),
        ("asks_if_robot", GREETING, "robot"),
        ({"kind": "says", "words": "Purple.", "at": "offer"}, OFFER, "Purple."),
        ("wants_person", BIRTH, "person"),
    ],
)
def test_something_else_is_said_in_place_of_the_answer_and_then_the_answer(
    twist: Any, asked: str, part: str
) -> None:
    plain = says(caller(), asked)
    mind = caller(twist)
    said = says(mind, asked)
    assert said != plain and part in said
    if twist != "wants_person" and part:
        again = [says(mind, asked) for _ in range(2)]
        assert part not in again[-1], "it is over"


def test_who_wants_a_moment_goes_on_after_it() -> None:
    mind = caller("says_wait")
    mind.hear(OFFER)
    assert says(mind, READ_BACK).startswith("Hold on please")
    assert mind.hear("Take your time.") is None
    assert mind.waited(NEXT_QUESTION_MS - 1) is None
    reply = mind.waited(NEXT_QUESTION_MS)
    assert reply is not None and reply.text == "Yes, please."
    mind = caller("says_wait")
    mind.hear(OFFER)
    mind.hear(READ_BACK)
    assert says(mind, READ_BACK) == "Yes, please."


def test_who_falls_silent_says_nothing_more_and_hangs_up_at_the_goodbye() -> None:
    mind = caller("goes_silent")
    mind.hear(GREETING)
    assert mind.hear(OFFER) is None and mind.hear("Are you still there?") is None
    assert mind.waited(60_000) is None
    assert mind.hear("I'll hang up now. Goodbye.") == Reply("", hang_up=True)
    assert mind.outcome.missed == ("book",)


def test_who_hangs_up_hangs_up() -> None:
    mind = caller("hangs_up")
    mind.hear(OFFER)
    assert mind.hear(READ_BACK) == Reply("", hang_up=True)


def test_hesitations_and_repairs_have_a_pause_where_they_are_spoken() -> None:
    mind = caller("hesitates", "repairs")
    reply = mind.hear(BIRTH)
    assert reply is not None and "…" in reply.spoken and "…" not in reply.text
    assert ", I mean, March 12, 1984." in reply.text
    assert reply.text.lower().startswith(("uh, ", "um, ", "well, uh, ", "let me think, uh, "))
    assert reply.spoken.replace("…", "") == reply.text


def test_who_swears_does_so_in_every_answer() -> None:
    mind = caller("swears")
    assert says(mind, GREETING) != says(caller(), GREETING)
    assert says(mind, BIRTH).endswith("my date of birth is March 12, 1984.")
    assert ", Thursday, November 26" in says(mind, OFFER), "a name keeps its capital"


def test_who_interrupts_is_told_to_the_ear() -> None:
    assert caller("interrupts").interrupt_after_ms
    assert caller().interrupt_after_ms is None
    assert Mind(PERSONAS["hurried"]).interrupt_after_ms == 1800


def test_a_seed_varies_the_wording_and_is_repeatable() -> None:
    questions = (GREETING, BIRTH, OFFER, READ_BACK, ELSE)

    def call(seed: int) -> list[str]:
        mind = Mind(read_persona({"based_on": "maria", "seed": seed}))
        return [says(mind, question) for question in questions]

    assert call(1) == call(1) and len({tuple(call(seed)) for seed in range(8)}) >= 5
    same = [Mind(PERSONAS["maria"], Random(3)).hear(GREETING) for _ in range(2)]
    assert same[0] == same[1]


# What callers want


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("reschedule", "Your oil change is moved to Thursday, November 26 at 9:00 AM."),
        ("cancel", "Your oil change is cancelled."),
        ("when", "You have an oil change on Tuesday, November 24 at 2:00 PM."),
        ("status", "Your 2019 Honda Civic is ready."),
        ("late", "Thanks for letting us know. They will expect you."),
        ("danger", "That doesn't sound safe. Please don't drive the car."),
        ("desk", "I'll connect you with the service desk. Please hold on."),
        ("sales", "You can reach our sales department at 312-555-0160."),
        ("parts", "You can reach our parts department at 312-555-0161."),
        ("callback", "I've noted that. Somebody will call you back."),
        ("opt_out", "All right, we won't call or text this number any more."),
        ("wrong_number", "No problem. Have a good day. Goodbye."),
        ("person", "I'll connect you with the service desk. Please hold on."),
        ("language", "I'm sorry, I only speak English. I'll connect you with the service desk."),
    ],
)
def test_every_wish_is_said_and_is_reached_by_what_otto_says(kind: str, told: str) -> None:
    mind = caller(kind=kind)
    assert says(mind, GREETING)
    assert mind.outcome.missed == (kind,) and not mind.outcome.is_satisfied
    mind.hear("One moment, please.")
    mind.hear(told)
    assert mind.outcome.reached == (kind,) and mind.outcome.is_satisfied
    assert mind.done_as and mind.done_as in told


def test_every_kind_of_goal_has_words() -> None:
    for kind in GoalKind:
        for seed in range(4):
            mind = Mind(persona("maria", {"kind": kind}, None, {"seed": seed}))
            reply = mind.hear(GREETING)
            assert (reply is None) is (kind in {"silent", "noise"})


def test_somebody_elses_car_being_ready_is_no_news() -> None:
    mind = caller(kind="status")
    mind.hear(GREETING)
    mind.hear("Your 2015 Ford Escape is ready.")
    assert mind.outcome.wrong == ("vehicle",) and mind.done_as is None


def test_several_wishes_are_told_one_after_the_other() -> None:
    mind = Mind(
        read_persona(
            {
                "based_on": "maria",
                "goal": {"prefer": "first"},
                "then": [
                    {"kind": "book", "service": "battery", "vehicle": "2016 Toyota Camry"},
                    {"kind": "ask", "questions": ["What are your hours?"]},
                ],
            }
        )
    )
    assert "oil change" in says(mind, GREETING)
    mind.hear(OFFER)
    mind.hear(READ_BACK)
    done = "You're booked for an oil change on Thursday, November 26 at 9:00 AM."
    assert says(mind, f"{done} {ELSE}") == "Yes. I'd like to book a new battery, please."
    assert says(mind, "Which car is it, the 2019 Honda Civic or the 2016 Toyota Camry?") == (
        "It's a 2016 Toyota Camry."
    )
    mind.hear(OFFER)
    wrong = "That's a battery for your 2019 Honda Civic on Thursday at 9:00 AM. Shall I book it?"
    assert says(mind, wrong) == "No, it's a 2016 Toyota Camry."
    mind.hear("That's a new battery for your 2016 Toyota Camry on Thursday at 9. Shall I book it?")
    done = "You're booked for a battery on Thursday, November 26 at 9:00 AM."
    assert says(mind, f"{done} {ELSE}") == "Yes. What are your hours?"
    assert says(mind, f"We are open until six. {ELSE}") == "That's all, thank you."
    assert mind.outcome.reached == ("book", "book", "ask") and mind.outcome.is_satisfied


# What they are asked


def test_a_code_is_read_from_the_text_message() -> None:
    mind = caller()
    assert says(mind, "May I text a code to your number instead?") == "Yes, please."
    asked = "What are the six digits in the text message?"
    assert says(mind, asked) == "One moment, it hasn't come yet."
    assert mind.waited(NEXT_QUESTION_MS) is None
    mind.receive_text("Otto's Auto: your code is 048213. Do not share it.")
    reply = mind.waited(NEXT_QUESTION_MS)
    assert reply is not None and reply.text == "The code is 0 4 8 2 1 3."
    assert says(mind, asked) == "The code is 0 4 8 2 1 3."


def test_a_message_without_a_code_is_none() -> None:
    mind = caller()
    mind.receive_text("Your appointment: Tuesday. Confirmation 1234567")
    assert "hasn't come" in says(mind, "What are the six digits in the text message?")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("And your last name?", "My name is Foster."),
        ("What is your first name?", "My name is Daniel."),
        ("Could you spell your last name?", "Foster. That's F O S T E R."),
        ("What is your zip code?", "My zip code is 6 0 6 1 4."),
        ("What is your email address?", "It's dan dot f at example dot com."),
        ("What is the mileage?", "It has 48,500 miles on it."),
        ("What is your VIN?", "I don't have that with me, sorry."),
        ("How late will you be?", "I'll be there in about 20 minutes."),
        ("May I ask why you are cancelling?", "I don't need it any more."),
        ("Will you wait here, or do you need a loaner?", "I'd need a loaner car."),
        ("Should somebody call you back?", "Yes, please."),
        ("When should we call you back?", "Any time is fine."),
        ("Please key in your phone number on the keypad.", ""),
    ],
)
def test_what_is_asked_of_a_caller_is_answered(asked: str, answer: str) -> None:
    facts = {"zip_code": "60614", "email": "dan.f@example.com", "mileage": 48500}
    mind = Mind(persona("new-customer", {"transport": "loaner"}, facts))
    mind.hear(GREETING)
    assert says(mind, asked) == answer


def test_who_does_not_know_says_so() -> None:
    mind = Mind(persona("new-customer", None, {"date_of_birth": None, "phone": ""}))
    for asked in (BIRTH, "What is your phone number?", "What is your zip code?"):
        assert says(mind, asked) == "I don't have that with me, sorry."
