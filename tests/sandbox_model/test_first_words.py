"""Every kind of wish, by a caller's first words: what the receptionist does about it, or asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.receptionist.understanding.agreement import Answer, agreement
from sandbox.receptionist.understanding.services import is_vague, not_done_here, services
from sandbox.receptionist.understanding.vehicles import read_car
from sandbox.receptionist.understanding.wishes import Wish, wishes
from tests.sandbox_model.test_understanding import CODES

SETS = Path(__file__).parent / "sets"
"""Labelled by hand. The product has sets of its own: what one of the two learns, the other need
not."""


def labelled(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("|") for line in lines if line and not line.startswith("#")]


# --- Through the tools --------------------------------------------------------------------------


def seen_to_by(reason: str) -> Callable[[Any, Any, str], bool]:
    """A person, who is told this."""

    def is_right(call: Any, desk: Any, _: str) -> bool:
        [(name, arguments)] = [one for one in desk.calls if one[0] == "transfer_to_person"]
        return reason in arguments["reason"] and call.called() == [name]

    return is_right


def told(topic: str) -> Callable[[Any, Any, str], bool]:
    """The dealership's file answers, and nothing else is done."""
    return lambda call, desk, _: (
        set(call.called()) == {"dealership_info"}
        and topic in {arguments["topic"] for _, arguments in desk.calls}
    )


def found_in_the_book(sentence: str) -> Callable[[Any, Any, str], bool]:
    """They are verified, and then hear this."""

    def is_right(call: Any, desk: Any, _: str) -> bool:
        return call.called() == ["identify_caller"] and sentence in call.say("March 12 1984")

    return is_right


RIGHT: dict[str, Callable[[Any, Any, str], bool]] = {
    "danger": seen_to_by("not safe to drive"),
    "opt_out": seen_to_by("no more calls"),
    "language": seen_to_by("another language"),
    "person": seen_to_by("asks for a person"),
    "late": seen_to_by("will be late"),
    "complaint": seen_to_by("complaint"),
    "recall": seen_to_by("recall"),
    "billing": seen_to_by("bill, a payment or the warranty"),
    "returned_call": seen_to_by("returns a call"),
    "tow": told("towing"),
    "sales": told("sales"),
    "parts": told("parts"),
    "loaner": told("loaner"),
    "shuttle": told("shuttle"),
    "waiting_room": told("waiting_room"),
    "hours": told("hours"),
    "prices": told("prices"),
    "address": told("address"),
    "move": found_in_the_book("What day would suit you better?"),
    "cancel": found_in_the_book("Shall I cancel it?"),
    "when": found_in_the_book("Your confirmation code is"),
    "repair": found_in_the_book("in our workshop"),
    "cannot_come": lambda call, _, said: (
        not call.called() and said.endswith("move it to another day, or cancel it?")
    ),
    "robot": lambda call, _, said: not call.called() and "an automated assistant" in said,
    "callback": lambda call, *_: call.called() == ["request_callback", "end_call"],
    "wrong_number": lambda call, *_: call.called() == ["end_call"],
    "book": lambda call, _, said: call.called() == ["identify_caller"] and "birth" in said,
}


@pytest.mark.parametrize(("words", "wanted"), labelled(SETS / "first_words.psv"))
def test_first_words_lead_where_they_should(words: str, wanted: str, desk: Any, call: Any) -> None:
    said = call.say(words)
    first = wanted.split(",")[0]
    if first == "move" and RIGHT["move"](call, desk, said):
        return
    if first == "move":
        # A new day was said with it: openings are looked for in these words.
        assert call.called()[-1] == "find_openings", call.messages[-1]
        return
    assert RIGHT[first](call, desk, said), f"{said!r}, {desk.calls}"
    assert said.count("?") <= 1


@pytest.mark.parametrize("wish", sorted(set(RIGHT)))
def test_every_kind_of_wish_has_first_words(wish: str) -> None:
    kinds = {wanted.split(",")[0] for _, wanted in labelled(SETS / "first_words.psv")}
    assert wish in kinds


# --- From the words alone ------------------------------------------------------------------------

SAME = {
    "reschedule": {Wish.MOVE},
    "my_appointment": {Wish.WHEN},
    "repair_status": {Wish.REPAIR},
    "change_or_cancel": {Wish.CANNOT_COME},
    "running_late": {Wish.LATE},
    "waiting": {Wish.LOANER, Wish.SHUTTLE, Wish.WAITING_ROOM},
    "book": {Wish.BOOK},
    "none": set(),
}
LEAST_UNDERSTOOD = 0.97


def means(words: str, label: str) -> bool:
    found = set(wishes(words))
    for each in label.split(","):
        same = SAME.get(each, set() if each in SAME else {Wish(each)})
        if same and each != "book" and not found & same:
            return False
        found -= same
    return found <= {Wish.BOOK, Wish.DONE}


def test_intents_are_understood() -> None:
    cases = labelled(SETS / "intents.psv")
    missed = [words for words, label in cases if not means(words, label)]
    assert len(missed) <= (1 - LEAST_UNDERSTOOD) * len(cases), missed


def test_no_answer_that_is_no_yes_agrees() -> None:
    cases = labelled(SETS / "consent.psv")
    agreeing = {words for words, _ in cases if agreement(words) is Answer.AGREES}
    assert agreeing <= {words for words, label in cases if label == "agrees"}
    missed = [words for words, label in cases if label == "agrees" and words not in agreeing]
    assert len(missed) <= (1 - LEAST_UNDERSTOOD) * len(cases), missed


def test_services_are_understood() -> None:
    def read(words: str) -> str:
        if meant := services(words, CODES):
            return "+".join(meant)
        return "none" if not_done_here(words, CODES) else "ask" if is_vague(words) else "-"

    cases = labelled(SETS / "services.psv")
    missed = [(words, read(words)) for words, label in cases if read(words) != label]
    assert len(missed) <= (1 - LEAST_UNDERSTOOD) * len(cases), missed


def test_vehicles_are_understood() -> None:
    def read(words: str) -> str:
        car = read_car(words, 2026)
        return " ".join(str(part) for part in (car.year, car.make, car.model) if part)

    cases = labelled(SETS / "vehicles.psv")
    missed = [(words, read(words)) for words, label in cases if read(words) != label]
    assert len(missed) <= (1 - LEAST_UNDERSTOOD) * len(cases) + 1, missed


# --- When, and what else ------------------------------------------------------------------------


@pytest.mark.parametrize("words", [words for [words] in labelled(SETS / "days.psv")])
def test_when_is_passed_on_in_the_callers_own_words(words: str, desk: Any, call: Any) -> None:
    for said in ("I need an oil change", "March 12 1984", words):
        call.say(said)
    assert desk.calls[-1][0] == "find_openings" and desk.calls[-1][1]["when"] == words


FOLLOWS = {
    "svc": "Shall I book it?",
    "car": "Sure, another car.",
    "day": "What day",
    "change": "What would you like to change",
}


@pytest.mark.parametrize(("words", "follows"), labelled(SETS / "corrections.psv"))
def test_a_correction_of_what_was_read_back_books_nothing(
    words: str, follows: str, desk: Any, call: Any
) -> None:
    for turn in ("oil change on tuesday at nine", "March 12 1984"):
        call.say(turn)
    said = call.say(words)
    assert "book_appointment" not in call.called()
    if follows == "find":
        assert desk.calls[-1][0] == "find_openings" and desk.calls[-1][1]["when"] == words
    else:
        assert FOLLOWS[follows] in said
    if follows == "svc":
        assert desk.calls[-1][1]["services"] != ["oil_change"]
