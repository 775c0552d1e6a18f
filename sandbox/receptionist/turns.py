"""What the caller's words do to the desk, in the light of the question that is open.

One function per question, in a table at the end; wishes that callers volunteer beside the answer
(a service, a day) are heard with them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.receptionist import errands, people, phrases, understanding
from sandbox.receptionist.dates import ClockTime, DayWish, clock_times, date_of_birth, day_wish
from sandbox.receptionist.phrases import Question
from sandbox.receptionist.state import Desk, Identity, Inquiry
from sandbox.receptionist.understanding import Intent
from sandbox.receptionist.words import normalise

MAX_UNCLEAR = 2
"""How often a question is asked again before a person is offered."""


def hear(desk: Desk, text: str) -> None:
    """Take in one turn of the caller."""
    question = desk.open_question()
    desk.news, desk.failed, desk.rounds, desk.repeat = [], set(), 0, False
    desk.inquiries, desk.wants_person = (), False
    if not normalise(text):
        return
    before = desk.facts()
    wanted = understanding.intents(text)
    if Intent.CALLBACK in wanted:
        _want_callback(desk, text)
    elif Intent.PERSON in wanted:
        desk.wants_person = True
    elif Intent.WRONG_NUMBER in wanted:
        desk.goodbye = desk.wrong_number = True
    elif errand := errands.errand_in(desk, question, wanted):
        errands.begin(desk, errand, text)
    elif Intent.REPEAT in wanted and len(text.split()) <= 9:
        desk.repeat = True
        return
    else:
        if question is not Question.PERSON:
            _hear_inquiries(desk, text, wanted)
        if not _only_asks(desk, wanted):
            _ANSWERS[question](desk, text)
            if question not in _CLOSED and desk.errand is None:
                _hear_wishes(desk, text, wanted)
        how = understanding.transport(text)
        if how and how != desk.transport:
            desk.transport = how
            desk.forget_openings()
        if Intent.DONE in wanted and desk.facts() == before:
            desk.goodbye = True
    if desk.facts() != before:
        desk.unclear = 0
    elif not desk.repeat:
        desk.unclear += 1
        if desk.unclear > MAX_UNCLEAR:
            desk.offers_person = True
    desk.earlier.append(text)


_CLOSED = frozenset(
    {Question.DATE_OF_BIRTH, Question.FIRST_AND_LAST_NAME, Question.LAST_NAME, Question.PHONE}
    | {
        Question.CODE_OFFER,
        Question.CODE,
        Question.CALLBACK,
        Question.PERSON,
        Question.OPENING,
        Question.CONFIRM,
        Question.WHAT_TO_CHANGE,
        Question.WHICH_APPOINTMENT,
        Question.CANCEL_IT,
        Question.NEW_DAY,
    }
)
"""Questions whose answers see to further wishes themselves, or whose words would be misread."""

_TOPICS = {
    Intent.HOURS: "hours",
    Intent.PRICES: "prices",
    Intent.ADDRESS: "address",
    Intent.SERVICES: "services",
}


def _hear_inquiries(desk: Desk, text: str, wanted: Sequence[Intent]) -> None:
    found = []
    for intent in wanted:
        if intent is Intent.PRICES:
            named = understanding.services(text, desk.codes)
            service = named[0] if named else desk.service
            if named and not desk.wants:
                desk.priced = named[0]
            found.append(Inquiry("prices", service))
        elif intent is Intent.HOURS:
            wish = day_wish(text)
            found.append(Inquiry("hours", date=wish.first if wish else None))
        elif intent in _TOPICS:
            found.append(Inquiry(_TOPICS[intent]))
    desk.inquiries = tuple(found)


def _only_asks(desk: Desk, wanted: Sequence[Intent]) -> bool:
    """Whether the turn is a question alone: then its services and days are not wishes."""
    return bool(desk.inquiries) and Intent.BOOK not in wanted


def _hear_wishes(desk: Desk, text: str, wanted: Sequence[Intent]) -> None:
    """A service, a day, a car: whatever the caller volunteers."""
    named = understanding.services(text, desk.codes)
    if named:
        _want_services(desk, text, named)
    elif Intent.BOOK in wanted and not desk.inquiries:
        desk.wants = True
    wish, times = day_wish(text), tuple(clock_times(text))
    if wish and (desk.wants or wish.names_a_day):
        _want_day(desk, wish, times)


def _want_services(desk: Desk, text: str, named: list[str]) -> None:
    desk.wants, desk.priced = True, None
    if desk.identity is not Identity.UNKNOWN and named[0] != desk.service:
        desk.news.append(phrases.glad_to_help(desk.name_of(named[0])))
    if desk.service is None:
        desk.service, desk.also = named[0], tuple(named[1:])
    elif named[0] != desk.service:
        if understanding.is_addition(text) and not understanding.is_change_of_mind(text):
            desk.also = (*desk.also, *(code for code in named if code not in desk.also))
        else:
            desk.service, desk.service_name, desk.also = named[0], "", tuple(named[1:])
        desk.forget_openings()


def _want_day(desk: Desk, wish: DayWish, times: tuple[ClockTime, ...] = ()) -> None:
    if wish.part is None and times and times[0].half:
        part = "morning" if times[0].half == "am" else "afternoon"
        wish = replace(wish, part=part)  # type: ignore[arg-type]
    if wish.first is None and desk.day is not None and wish.part:
        # "In the afternoon, please": the day named before still holds.
        day = desk.day
        words = f"{day.words}, {wish.words}" if day.words else wish.words
        wish = replace(day, part=wish.part, words=words)
    desk.day, desk.times = wish, times
    desk.forget_openings()


def _answer_nothing(desk: Desk, text: str) -> None:
    """Nothing particular is open: the wishes say it all."""


def _answer_anything_else(desk: Desk, text: str) -> None:
    if Intent.DONE in understanding.intents(text):
        return
    answer = understanding.yes_or_no(text)
    thanks = re.search(r"\bthank", normalise(text))
    more = understanding.services(text, desk.codes) or understanding.is_addition(text)
    if not more and not desk.inquiries and (answer is False or (thanks and answer is None)):
        desk.goodbye = True
    elif answer and not more:
        desk.booked, desk.answered = 0, False


def _answer_book_it_too(desk: Desk, text: str) -> None:
    answer = understanding.yes_or_no(text)
    if answer is False:
        desk.priced, desk.answered = None, True
        desk.goodbye = Intent.DONE in understanding.intents(text)
    elif answer or day_wish(text) or Intent.BOOK in understanding.intents(text):
        desk.wants, desk.service, desk.priced = True, desk.priced, None


def _answer_person(desk: Desk, text: str) -> None:
    answer = understanding.yes_or_no(text)
    if answer:
        desk.wants_person = True
    elif answer is False:
        desk.offers_person, desk.last_said = False, ""
        desk.news = [phrases.DECLINED_PERSON]
        if desk.identity is Identity.LOCKED:
            desk.goodbye = True
    elif (
        understanding.services(text, desk.codes)
        or day_wish(text)
        or date_of_birth(text, desk.today)
    ):
        # The caller goes on with the business at hand.
        desk.offers_person, desk.last_said = False, ""
        question = desk.open_question()
        if question is not Question.PERSON:
            _ANSWERS[question](desk, text)
            _hear_wishes(desk, text, ())


def _answer_callback(desk: Desk, text: str) -> None:
    answer = understanding.yes_or_no(text)
    if re.search(r"\b(try|look|check) (it )?(once )?(again|once more)\b|\bwait\b", normalise(text)):
        desk.offers_callback = False
    elif answer or (answer is None and (day_wish(text) or clock_times(text))):
        _want_callback(desk, text)
    elif answer is False:
        desk.offers_callback, desk.wants, desk.answered = False, False, True


def _want_callback(desk: Desk, text: str) -> None:
    desk.wants_callback, desk.offers_callback = True, False
    desk.callback_when = text.strip() if day_wish(text) or clock_times(text) else None


def _answer_phone(desk: Desk, text: str) -> None:
    number = people.phone_number(text)
    if number:
        desk.phone, desk.identity = number, Identity.UNKNOWN


def _answer_code_offer(desk: Desk, text: str) -> None:
    answer = understanding.yes_or_no(text)
    if answer is not None:
        desk.offers_code, desk.wants_code = False, answer
    if answer is False:
        desk.news = [phrases.CODE_DECLINED]


def _answer_code(desk: Desk, text: str) -> None:
    desk.code = people.code(text)


def _answer_birth(desk: Desk, text: str) -> None:
    desk.vin = people.vin_last_six(text)
    born = date_of_birth(text, desk.today) if not desk.vin else None
    if born is None and desk.fragment:
        born = date_of_birth(f"{desk.fragment} {text}", desk.today)
    desk.born, desk.fragment = born, "" if born else text


def _answer_name(desk: Desk, text: str) -> None:
    number = people.phone_number(text)
    if number:
        desk.phone, desk.identity = number, Identity.UNKNOWN
        return
    first, last = people.full_name(text)
    if desk.first_name and first and not last:
        desk.last_name = first
    else:
        desk.first_name, desk.last_name = first or desk.first_name, last


def _answer_vehicle(desk: Desk, text: str) -> None:
    at = people.choose_vehicle(text, [name for _, name in desk.vehicles], by_place=False)
    if at is not None:
        desk.vehicle, desk.adding = desk.vehicles[at][0], False
        return
    year, make, model = people.vehicle(text, desk.today.year)
    desk.year = year or desk.year
    desk.make, desk.model = make or desk.make, model or desk.model
    if desk.make and not desk.model and not make:
        # Only the model was missing: whatever word came is its name.
        names = people.full_name(text)
        desk.model = names[0] or None


def _answer_which_vehicle(desk: Desk, text: str) -> None:
    at = people.choose_vehicle(text, [name for _, name in desk.vehicles])
    if at is not None:
        desk.vehicle = desk.vehicles[at][0]
    elif re.search(r"\b(new|another|other|different|neither|none)\b", normalise(text)):
        desk.adding = True
        desk.news = [phrases.ANOTHER_CAR]


def _answer_day(desk: Desk, text: str) -> None:
    wish, times = day_wish(text), tuple(clock_times(text))
    if wish is None and times:
        _want_day(desk, DayWish(words=text.strip()), times)


def _answer_opening(desk: Desk, text: str) -> None:
    offered = desk.narrowed or desk.openings
    if desk.errand is None and _changes_service_or_vehicle(desk, text):
        return
    meant = understanding.choose_openings(text, [opening.when for opening in offered])
    if not meant and desk.narrowed:
        offered = desk.openings
        meant = understanding.choose_openings(text, [opening.when for opening in offered])
    if len(meant) == 1:
        desk.chosen, desk.narrowed = offered[meant[0]], ()
    elif meant and len(meant) < len(offered):
        desk.narrowed = tuple(offered[at] for at in meant)
    elif not meant:
        _look_elsewhere(desk, text)


def _look_elsewhere(desk: Desk, text: str) -> None:
    """None of the openings is meant: another day, another part of it, or only a no."""
    wish, times = day_wish(text), tuple(clock_times(text))
    heard = normalise(text)
    if wish is None and re.search(r"\b(later|afternoon)\b", heard):
        wish = DayWish(part="afternoon", words="in the afternoon")
    elif wish is None and re.search(r"\b(earlier|sooner)\b", heard):
        wish = DayWish(part="morning", words="in the morning")
    if wish and (wish.names_a_day or wish.part):
        _want_day(desk, wish, times)
    elif times:
        _want_day(desk, DayWish(words=text.strip()), times)
    elif understanding.yes_or_no(text) is False:
        desk.day = None
        desk.forget_openings()


def _answer_confirm(desk: Desk, text: str) -> None:
    assert desk.chosen is not None
    if desk.errand is None and _changes_service_or_vehicle(desk, text):
        return
    wish, times = day_wish(text), clock_times(text)
    if (wish or times) and understanding.choose_openings(text, [desk.chosen.when]) != [0]:
        kept, desk.chosen = desk.openings, None
        _answer_opening(desk, text)
        if desk.chosen is None and desk.openings == kept and not desk.narrowed:
            desk.day = None
            desk.forget_openings()
        return
    if desk.errand is not None:
        errands.answer_move(desk, text)
        return
    answer = understanding.yes_or_no(text)
    asked = "book" in desk.last_said.lower() or "book" in normalise(text)
    if answer or (answer is None and "book" in normalise(text)):
        desk.confirmed = asked
        if not asked:
            desk.repeat = True
    elif answer is False:
        desk.refused = True


def _answer_what_to_change(desk: Desk, text: str) -> None:
    heard = normalise(text)
    if _changes_service_or_vehicle(desk, text):
        return
    if re.search(r"\b(service|work)\b", heard):
        desk.service, desk.service_name, desk.also = None, "", ()
        desk.forget_openings()
    elif re.search(r"\b(car|vehicle)\b", heard):
        desk.vehicle, desk.refused = None, False
        desk.adding = len(desk.vehicles) < 2
    elif re.search(r"\b(nothing|none|cancel|forget)\b", heard):
        desk.wants, desk.answered = False, True
        desk.news = [phrases.NOT_BOOKED]
        desk.forget_openings()
    elif day_wish(text) or clock_times(text):
        desk.chosen, desk.refused = None, False
        _answer_opening(desk, text)
    elif re.search(r"\b(time|day|date|when|appointment)\b", heard):
        desk.day = None
        desk.forget_openings()
    elif understanding.yes_or_no(text):
        desk.refused = False


def _changes_service_or_vehicle(desk: Desk, text: str) -> bool:
    named = [code for code in understanding.services(text, desk.codes) if code != desk.service]
    if named:
        _want_services(desk, text, named)
        return True
    others = [(ref, name) for ref, name in desk.vehicles if ref != desk.vehicle]
    at = people.choose_vehicle(text, [name for _, name in others], by_place=False)
    if at is not None:
        desk.vehicle, desk.refused = others[at][0], False
        return True
    return False


_ANSWERS: dict[Question, Callable[[Desk, str], None]] = {
    Question.HELP: _answer_nothing,
    Question.SERVICE: _answer_nothing,
    Question.PHONE: _answer_phone,
    Question.DATE_OF_BIRTH: _answer_birth,
    Question.CODE_OFFER: _answer_code_offer,
    Question.CODE: _answer_code,
    Question.FIRST_AND_LAST_NAME: _answer_name,
    Question.LAST_NAME: _answer_name,
    Question.VEHICLE: _answer_vehicle,
    Question.WHICH_VEHICLE: _answer_which_vehicle,
    Question.DAY: _answer_day,
    Question.OPENING: _answer_opening,
    Question.CONFIRM: _answer_confirm,
    Question.WHAT_TO_CHANGE: _answer_what_to_change,
    Question.ANYTHING_ELSE: _answer_anything_else,
    Question.BOOK_IT_TOO: _answer_book_it_too,
    Question.WHICH_APPOINTMENT: errands.answer_which,
    Question.CANCEL_IT: errands.answer_cancel,
    Question.NEW_DAY: errands.answer_new_day,
    Question.CALLBACK: _answer_callback,
    Question.PERSON: _answer_person,
}
