"""The caller's answer to the question that is open: one function per question, in a table at the
end."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.receptionist import errands, phrases, wants, who
from sandbox.receptionist.booking import changes_service_or_vehicle, hear_wishes, want_day
from sandbox.receptionist.questions import Question
from sandbox.receptionist.state import Desk, Identity
from sandbox.receptionist.understanding import people
from sandbox.receptionist.understanding.agreement import (
    Answer,
    agreement,
    is_addition,
    yes_or_no,
)
from sandbox.receptionist.understanding.choices import choose_openings, names
from sandbox.receptionist.understanding.dates import date_of_birth
from sandbox.receptionist.understanding.services import services
from sandbox.receptionist.understanding.times import says_when, volunteered, when
from sandbox.receptionist.understanding.vehicles import Car, choose_vehicle, read_car
from sandbox.receptionist.understanding.wishes import Wish, wishes
from sandbox.receptionist.understanding.words import normalise, tokens


def _answer_nothing(desk: Desk, text: str) -> None:
    """Nothing particular is open: the wishes say it all, and a no is a goodbye."""
    has_been_helped = len(desk.earlier) > 1
    if has_been_helped and yes_or_no(text) is False and not services(text, desk.codes):
        desk.goodbye = Wish.BOOK not in wishes(text)


# --- Which car, when, and whether ---------------------------------------------------------------


def _answer_vehicle(desk: Desk, text: str) -> None:
    at = choose_vehicle(text, [name for _, name in desk.vehicles], by_place=False)
    if at is not None:
        desk.vehicle, desk.adding = desk.vehicles[at][0], False
        return
    if desk.asks_vin:
        # Whatever they say to that, a no as well, is an answer.
        desk.car_vin = text.strip() if any(char.isdigit() for char in text) else None
        desk.asks_vin = False
        return
    said = read_car(text, desk.today.year)
    if said == Car() and desk.car.make and not desk.car.model and people.full_name(text)[0]:
        # Only the model was missing: whatever word came is its name.
        said = Car(text.strip(), model=people.full_name(text)[0])
    desk.car = desk.car.with_more(said)


def _answer_which_vehicle(desk: Desk, text: str) -> None:
    at = choose_vehicle(text, [name for _, name in desk.vehicles])
    car = read_car(text, desk.today.year)
    if at is not None:
        desk.vehicle = desk.vehicles[at][0]
    elif car.make or re.search(r"\b(new|another|other|different|neither|none)\b", normalise(text)):
        desk.adding, desk.car = True, car
        desk.news = [] if car.make else [phrases.ANOTHER_CAR]


def _answer_day(desk: Desk, text: str) -> None:
    if changes_service_or_vehicle(desk, text):
        said = volunteered(text)
        if said:
            want_day(desk, said.words)
    elif says_when(text):
        want_day(desk, text.strip())


def _answer_opening(desk: Desk, text: str) -> None:
    offered = desk.narrowed or desk.openings
    if desk.errand is None and changes_service_or_vehicle(desk, text):
        return
    meant = choose_openings(text, [opening.when for opening in offered])
    if not meant and desk.narrowed:
        offered = desk.openings
        meant = choose_openings(text, [opening.when for opening in offered])
    if len(meant) == 1:
        desk.chosen, desk.narrowed = offered[meant[0]], ()
    elif meant and len(meant) < len(offered):
        desk.narrowed = tuple(offered[at] for at in meant)
    elif not meant and says_when(text):
        want_day(desk, text.strip())
    elif not meant and yes_or_no(text) is False:
        desk.when = None
        desk.forget_openings()


def _answer_confirm(desk: Desk, text: str) -> None:
    """The answer to the read-back; the tool judges a yes once more, by what was heard."""
    assert desk.chosen is not None
    if desk.errand is None and changes_service_or_vehicle(desk, text):
        return
    to = "move" if desk.errand is not None else "book"
    answer = agreement(text, to)
    if answer is Answer.OTHER:
        answer = agreement(_beside_the_read_back(desk, text), to)
    is_that_time = names(text, desk.chosen.when)
    if answer is Answer.AGREES or (is_that_time and says_when(text) and yes_or_no(text)):
        _agree(desk, text, to)
    elif _ANOTHER_TIME.search(normalise(text)) and when(text) is None:
        desk.when = None
        desk.forget_openings()
    elif says_when(text) and not is_that_time:
        correct_the_time(desk, text)
    elif to == "book" and _ANOTHER_CAR.search(normalise(text)):
        _ask_for_another_car(desk)
    elif answer is Answer.WAITS:
        desk.waiting, desk.news = True, [phrases.TAKE_YOUR_TIME]
    elif answer is Answer.DECLINES and to == "move":
        errands.another_time(desk, text)
    elif answer is Answer.DECLINES:
        desk.refused = True
    elif answer is Answer.CONDITION:
        desk.news.append(phrases.ONLY_AS_IT_IS)


_ANOTHER_TIME = re.compile(r"\b(an?other|different|other) (day|time|date)\b")
_ANOTHER_CAR = re.compile(
    r"\b(wife|husband|son|daughter|mom|mother|dad|father|other|another|different|wrong)s? "
    r"(car|truck|vehicle|van|suv)\b"
)


def _ask_for_another_car(desk: Desk) -> None:
    desk.vehicle, desk.refused, desk.confirmed = None, False, False
    desk.news = [phrases.ANOTHER_CAR]
    desk.adding = len(desk.vehicles) < 2


def _beside_the_read_back(desk: Desk, text: str) -> str:
    """What they say besides the words that were read back to them ("yes, the oil change")."""
    assert desk.chosen is not None
    told = {
        *tokens(f"{desk.work()} {desk.vehicle_name()} {desk.chosen.when}"),
        *"for my on at car".split(),
    }
    return " ".join(word for word in tokens(text) if word not in told)


def _agree(desk: Desk, text: str, to: str) -> None:
    """A yes counts when they can have heard the question: it may have been cut off."""
    was_asked = to in desk.last_said.lower() or to in normalise(text)
    desk.confirmed = was_asked
    desk.repeat = not was_asked


def correct_the_time(desk: Desk, text: str) -> None:
    """Another time than the one that was read back: one of the others that were offered, or what is
    found by their words."""
    whens = [opening.when for opening in desk.openings]
    meant = choose_openings(text, whens, by_place=False)
    desk.chosen, desk.refused = None, False
    if len(meant) == 1:
        desk.chosen = desk.openings[meant[0]]
    else:
        want_day(desk, text.strip())


def _answer_what_to_change(desk: Desk, text: str) -> None:
    heard = normalise(text)
    if changes_service_or_vehicle(desk, text):
        return
    if re.search(r"\b(service|work)\b", heard):
        desk.service, desk.service_name, desk.also = None, "", ()
        desk.forget_openings()
    elif re.search(r"\b(car|vehicle)\b", heard):
        _ask_for_another_car(desk)
    elif re.search(r"\b(nothing|none|cancel|forget|never ?mind|leave it)\b", heard):
        leave_booking(desk)
    elif says_when(text):
        desk.chosen, desk.refused = None, False
        _answer_opening(desk, text)
    elif re.search(r"\b(time|day|date|when|appointment)\b", heard):
        desk.when = None
        desk.forget_openings()
    elif (answer := yes_or_no(text)) is not None:
        desk.refused = False
        if answer is False:
            leave_booking(desk)


def leave_booking(desk: Desk) -> None:
    """They do not want it at all."""
    desk.wants, desk.service, desk.service_name, desk.also = False, None, "", ()
    desk.answered, desk.when = True, None
    desk.news = [phrases.NOT_BOOKED]
    desk.forget_openings()


# --- Anything else, a person, a call back -------------------------------------------------------


def _answer_anything_else(desk: Desk, text: str) -> None:
    if Wish.DONE in wishes(text):
        return
    answer = yes_or_no(text)
    thanks = re.search(r"\bthank", normalise(text))
    more = services(text, desk.codes) or is_addition(text)
    if not more and not desk.inquiries and (answer is False or (thanks and answer is None)):
        desk.goodbye = True
    elif answer and not more:
        desk.booked, desk.answered = 0, False


def _answer_book_it_too(desk: Desk, text: str) -> None:
    answer = yes_or_no(text)
    if answer is False:
        desk.priced, desk.answered = None, True
        desk.goodbye = Wish.DONE in wishes(text)
    elif answer or says_when(text) or Wish.BOOK in wishes(text):
        desk.wants, desk.service, desk.priced = True, desk.priced, None


def _answer_person(desk: Desk, text: str) -> None:
    answer = yes_or_no(text)
    goes_on = services(text, desk.codes) or when(text) or date_of_birth(text, desk.today)
    if answer:
        desk.wants_person = True
    elif answer is False:
        desk.offers_person, desk.last_said = False, ""
        desk.news = [phrases.DECLINED_PERSON]
        if desk.identity is Identity.LOCKED:
            desk.goodbye = True
    elif goes_on:
        # The caller goes on with the business at hand.
        desk.offers_person, desk.last_said = False, ""
        question = desk.open_question()
        if question is not Question.PERSON:
            ANSWERS[question](desk, text)
            hear_wishes(desk, text)


def _answer_callback(desk: Desk, text: str) -> None:
    answer, desk.last_said = yes_or_no(text), ""
    if re.search(r"\b(try|look|check) (it )?(once )?(again|once more)\b|\bwait\b", normalise(text)):
        desk.offers_callback = False
    elif answer or (answer is None and says_when(text)):
        wants.call_back(desk, text)
    elif answer is False:
        desk.offers_callback, desk.wants, desk.answered = False, False, True


SEE_TO_WISHES = frozenset(
    {Question.DATE_OF_BIRTH, Question.NEW_BIRTH, Question.FIRST_AND_LAST_NAME, Question.LAST_NAME}
    | {Question.PHONE, Question.CODE_OFFER, Question.CODE, Question.CALLBACK, Question.PERSON}
    | {
        Question.OPENING,
        Question.CONFIRM,
        Question.WHAT_TO_CHANGE,
        Question.READ_BACK,
        Question.DAY,
    }
    | {Question.WHICH_APPOINTMENT, Question.CANCEL_IT, Question.NEW_DAY, Question.MOVE_OR_CANCEL}
)
"""Questions whose answers see to further wishes themselves, or whose words would be misread."""

ANSWERS: dict[Question, Callable[[Desk, str], None]] = {
    Question.HELP: _answer_nothing,
    Question.SERVICE: _answer_nothing,
    Question.PHONE: who.answer_phone,
    Question.DATE_OF_BIRTH: who.answer_birth,
    Question.NEW_BIRTH: who.answer_new_birth,
    Question.CODE_OFFER: who.answer_code_offer,
    Question.CODE: who.answer_code,
    Question.FIRST_AND_LAST_NAME: who.answer_name,
    Question.LAST_NAME: who.answer_name,
    Question.READ_BACK: who.answer_read_back,
    Question.VEHICLE: _answer_vehicle,
    Question.WHICH_VEHICLE: _answer_which_vehicle,
    Question.DAY: _answer_day,
    Question.OPENING: _answer_opening,
    Question.CONFIRM: _answer_confirm,
    Question.WHAT_TO_CHANGE: _answer_what_to_change,
    Question.ANYTHING_ELSE: _answer_anything_else,
    Question.BOOK_IT_TOO: _answer_book_it_too,
    Question.MOVE_OR_CANCEL: errands.answer_move_or_cancel,
    Question.WHICH_APPOINTMENT: errands.answer_which,
    Question.CANCEL_IT: errands.answer_cancel,
    Question.NEW_DAY: errands.answer_new_day,
    Question.CALLBACK: _answer_callback,
    Question.PERSON: _answer_person,
}
