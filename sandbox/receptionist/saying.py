"""What the receptionist says, beside a call and instead of one: its news, then one question."""

from __future__ import annotations

import re

from sandbox.receptionist import errands, phrases
from sandbox.receptionist.calls import Call, Reply
from sandbox.receptionist.questions import Question, question
from sandbox.receptionist.state import Desk, Opening

MOST_OPENINGS = 3
"""More at once nobody remembers."""


def said_while_calling(desk: Desk, call: Call) -> str:
    """What is said along with a call; most are quick enough to be made in silence."""
    if call.name == "transfer_to_person":
        return desk.handing_over or phrases.TRANSFER
    if call.name == "end_call":
        return phrases.WRONG_NUMBER if desk.wrong_number else _join(*desk.news, phrases.GOODBYE)
    if call.name == "identify_caller" and not desk.phone and desk.errand is not None:
        return _join(*desk.news) or phrases.CERTAINLY
    if call.name == "identify_caller" and not desk.phone and desk.service:
        return _join(*desk.news, phrases.glad_to_help(desk.name_of(desk.service)))
    if call.name in _MEANWHILE:
        return _join(*desk.news, _MEANWHILE[call.name])
    return ""


_MEANWHILE = {
    "my_appointments": phrases.LOOKING_UP,
    "repair_status": phrases.LOOKING_UP,
    "reschedule_appointment": phrases.MOVING,
    "cancel_appointment": phrases.CANCELLING,
    "book_appointment": phrases.BOOKING,
    "find_openings": phrases.LOOKING,
}

_SAID_BACK = frozenset({Question.CONFIRM, Question.CANCEL_IT})
"""Questions that are asked whole again, because a yes to them is acted upon."""


def speak(desk: Desk) -> str:
    """What is said when no tool is called."""
    if desk.waiting:
        return _join(*desk.news)
    open_one = desk.open_question()
    if desk.repeat and desk.last_said and open_one not in _SAID_BACK:
        return desk.last_said
    again = desk.unclear if not desk.news and not desk.repeat else min(desk.unclear, 1)
    news = [*desk.news]
    if desk.unclear and not desk.news and not desk.offers_person:
        news = [phrases.UNCLEAR[min(desk.unclear, len(phrases.UNCLEAR)) - 1]]
    if news and news[-1].endswith("?") and not desk.offers_person:
        return _join(*news)  # One question at a time: a tool's message has asked it.
    return _join(*news, _asked(desk, open_one, again))


def _asked(desk: Desk, kind: Question, again: int) -> str:
    if kind is Question.PERSON:
        return phrases.PERSON_OFFER
    if kind is Question.READ_BACK and desk.doubt and not desk.news:
        return desk.doubt.message
    if kind is Question.WHICH_VEHICLE:
        return phrases.which_vehicle([name for _, name in desk.vehicles], again)
    if kind is Question.OPENING:
        offered: tuple[Opening, ...] = (desk.narrowed or desk.openings)[:MOST_OPENINGS]
        return phrases.openings([opening.when for opening in offered], again)
    if kind is Question.WHICH_APPOINTMENT:
        return phrases.which_appointment([errands.visit(a) for a in desk.appointments or ()], again)
    if kind is Question.CANCEL_IT and desk.appointment:
        return phrases.cancel_it(errands.visit(desk.appointment), again)
    if kind is Question.CONFIRM and desk.chosen:
        return _read_back(desk, desk.chosen, again)
    return question(kind, again)


def _read_back(desk: Desk, chosen: Opening, again: int) -> str:
    if desk.errand is not None and desk.appointment:
        visit = desk.appointment
        return phrases.move_it(visit.work, visit.vehicle, chosen.when, again)
    vehicle = desk.vehicle_name()
    return phrases.confirm(desk.work(), vehicle, chosen.when, desk.price, again, chosen.transport)


def without(desk: Desk, call: Call) -> Reply:
    """The tool the state asks for is not offered now: say so, and offer a person."""
    if call.name == "end_call":
        return Reply(phrases.GOODBYE)
    if call.name == "transfer_to_person":
        desk.wants_person = desk.offers_person = False
        desk.last_said = ""
        open_one = desk.open_question()
        if open_one is Question.PERSON:
            open_one = Question.ANYTHING_ELSE
        return Reply(_join(phrases.NO_TRANSFER, _asked(desk, open_one, 0)))
    return Reply(_join(*desk.news, phrases.CANNOT_HELP, phrases.PERSON_OFFER))


def _join(*sentences: str) -> str:
    return re.sub(r"\s+", " ", " ".join(sentence for sentence in sentences if sentence)).strip()
