"""One turn of the caller taken in: what they want (`wants`), their answer to the open question
(`answers`), and what they volunteer beside it: a service, a day, a car."""

from __future__ import annotations

from sandbox.receptionist import phrases, wants
from sandbox.receptionist.answers import ANSWERS, SEE_TO_WISHES
from sandbox.receptionist.booking import hear_wishes
from sandbox.receptionist.state import Desk
from sandbox.receptionist.understanding.agreement import Answer, agreement
from sandbox.receptionist.understanding.people import introduced
from sandbox.receptionist.understanding.wishes import Wish, staff, transport, wishes
from sandbox.receptionist.understanding.words import normalise

MAX_UNCLEAR = 2
"""How often a question is asked again before a person is offered."""
MOST_WORDS_OF_A_REQUEST_TO_REPEAT = 9


def hear(desk: Desk, text: str) -> None:
    """Take in one turn of the caller."""
    question = desk.open_question()
    desk.begin_turn()
    if not normalise(text):
        return
    before = desk.facts()
    if name := introduced(text) if not desk.first_name else None:
        desk.first_name, desk.last_name = name
    wanted = wishes(text)
    if wants.take_up(desk, question, text):
        if besides := wants.booked_besides(desk, text):
            hear_wishes(desk, besides)
    elif Wish.REPEAT in wanted and len(text.split()) <= MOST_WORDS_OF_A_REQUEST_TO_REPEAT:
        desk.repeat = True
        return
    elif not wants.only_asks(desk, text):
        ANSWERS[question](desk, text)
        if question not in SEE_TO_WISHES and desk.errand is None:
            hear_wishes(desk, text)
        _hear_how(desk, text)
        if Wish.DONE in wanted and desk.facts() == before:
            desk.goodbye = True
    if desk.facts() != before or desk.news:
        desk.unclear = 0
    elif agreement(text) is Answer.WAITS:
        desk.waiting, desk.news = True, [phrases.TAKE_YOUR_TIME]
    elif not desk.repeat and not desk.waiting:
        desk.unclear += 1
        if desk.unclear > MAX_UNCLEAR:
            desk.offers_person = True
    desk.earlier.append(text)


def _hear_how(desk: Desk, text: str) -> None:
    """How they will go on without the car, and whom of the staff they would like."""
    how, who = transport(text), staff(text)
    if how and how != desk.transport:
        desk.transport = how
        desk.forget_openings()
    if who and who != desk.staff and who not in {desk.first_name, desk.last_name}:
        desk.staff = who
        desk.forget_openings()
