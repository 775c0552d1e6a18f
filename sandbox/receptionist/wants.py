"""What a caller wants, and what is done about it: the table from wishes to ways.

A wish that is heard in a turn is taken up here, unless the words belong to the question that is
open ("I can't make it then" to an opening). What is left of the turn answers that question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.receptionist import errands, phrases
from sandbox.receptionist.questions import Question
from sandbox.receptionist.state import Desk, Errand, Inquiry
from sandbox.receptionist.understanding.services import services
from sandbox.receptionist.understanding.times import clock_times, day_words, volunteered
from sandbox.receptionist.understanding.wishes import Wish, transport, wishes
from sandbox.receptionist.understanding.words import normalise


@dataclass(frozen=True, slots=True)
class HandOver:
    """A person sees to it: `what` the caller does, for the person; `said` before to the caller."""

    what: str
    said: str = phrases.TRANSFER


@dataclass(frozen=True, slots=True)
class Answer:
    """The dealership's file answers, by a topic of `dealership_info`; a missing one goes to the
    desk."""

    topic: str


@dataclass(frozen=True, slots=True)
class Begin:
    """An errand about what is in the book already."""

    errand: Errand


@dataclass(frozen=True, slots=True)
class Leave:
    """The call ends with a goodbye."""


@dataclass(frozen=True, slots=True)
class CallBack:
    """Somebody calls them."""


@dataclass(frozen=True, slots=True)
class Say:
    """A sentence, and then the question that was open."""

    sentence: str


Way = HandOver | Answer | Begin | Leave | CallBack | Say

_CONNECT = "I'll connect you with a service advisor. One moment, please."
WAYS: dict[Wish, Way] = {
    Wish.DANGER: HandOver(
        "has a car that is not safe to drive",
        f"That doesn't sound safe, so please don't drive the car. {_CONNECT}",
    ),
    Wish.OPT_OUT: HandOver(
        "wants no more calls or texts to this number", f"{phrases.OPTED_OUT} {_CONNECT}"
    ),
    Wish.LANGUAGE: HandOver("would like to speak another language than English"),
    Wish.ROBOT: Say(phrases.ROBOT),
    Wish.CALLBACK: CallBack(),
    Wish.PERSON: HandOver("asks for a person"),
    Wish.WRONG_NUMBER: Leave(),
    Wish.TOW: Answer("towing"),
    Wish.MOVE: Begin(Errand.MOVE),
    Wish.CANCEL: Begin(Errand.CANCEL),
    Wish.CANNOT_COME: Begin(Errand.UNSETTLED),
    Wish.LATE: HandOver(
        "will be late for their appointment", f"Thank you for telling us. {_CONNECT}"
    ),
    Wish.WHEN: Begin(Errand.WHEN),
    Wish.REPAIR: Begin(Errand.REPAIR),
    Wish.COMPLAINT: HandOver("has a complaint", f"{phrases.SORRY_TO_HEAR} {_CONNECT}"),
    Wish.RECALL: HandOver("asks about a recall", f"Our service desk looks recalls up. {_CONNECT}"),
    Wish.BILLING: HandOver(
        "asks about a bill, a payment or the warranty",
        f"Our service desk can help with that. {_CONNECT}",
    ),
    Wish.RETURNED_CALL: HandOver("returns a call", f"Thank you for calling back. {_CONNECT}"),
    Wish.SALES: Answer("sales"),
    Wish.PARTS: Answer("parts"),
    Wish.LOANER: Answer("loaner"),
    Wish.SHUTTLE: Answer("shuttle"),
    Wish.WAITING_ROOM: Answer("waiting_room"),
    Wish.HOURS: Answer("hours"),
    Wish.PRICES: Answer("prices"),
    Wish.ADDRESS: Answer("address"),
    Wish.SERVICES: Answer("services"),
}

_PROPOSED = frozenset(
    {Question.OPENING, Question.CONFIRM, Question.WHAT_TO_CHANGE, Question.DAY, Question.NEW_DAY}
)
"""Questions about a time that is being found: "move it to Friday" is about that one."""
_ABOUT_THE_TIME = frozenset({Wish.MOVE, Wish.CANCEL, Wish.CANNOT_COME})
_ASKED_IN_PASSING = frozenset({Wish.BILLING, Wish.RECALL})
_OF_THE_WAIT = frozenset({Wish.LOANER, Wish.SHUTTLE, Wish.WAITING_ROOM})
_STANDING = re.compile(
    r"\b(my|the other|an existing|another) (\w+ ){0,3}?(appointments?|booking)\b(?! (for|on) that)"
)


def take_up(desk: Desk, question: Question, text: str) -> bool:
    """Take up what the caller wants beside answering; False when nothing was decisive."""
    is_taken = False
    settled = {Wish.MOVE, Wish.CANCEL} & {wish for part in apart(text) for wish in wishes(part)}
    for part in apart(text):
        for wish in wishes(part):
            way = WAYS.get(wish)
            if settled and wish in {Wish.LATE, Wish.CANNOT_COME}:
                continue  # They have said what shall come of it.
            if way is None or _answers_the_question(desk, question, wish, part):
                continue
            if isinstance(way, Answer):
                desk.inquiries = (*desk.inquiries, *_inquiries(desk, wish, way, part))
            elif wish in _ASKED_IN_PASSING and question in _PROPOSED:
                desk.news.append(phrases.ASK_THE_DESK)
            elif isinstance(way, Begin) and is_taken:
                if way.errand in {desk.errand, *(errand for errand, _ in desk.later)}:
                    continue
                desk.later = (*desk.later, (way.errand, part))
            else:
                _go(desk, way, wish, part)
                is_taken = is_taken or not isinstance(way, Say)
    return is_taken


def booked_besides(desk: Desk, text: str) -> str:
    """The parts of the turn that speak of a new appointment, when others speak of other things."""
    return " ".join(
        part
        for part in apart(text)
        if not set(wishes(part)) & set(WAYS)
        and (Wish.BOOK in wishes(part) or services(part, desk.codes))
    )


def only_asks(desk: Desk, text: str) -> bool:
    """Whether the turn is a question alone: then its services and days are not wishes."""
    return bool(desk.inquiries) and Wish.BOOK not in wishes(text)


def summary(desk: Desk, what: str, text: str = "") -> str:
    """One sentence for the person who takes over."""
    who = " ".join(filter(None, (desk.first_name, desk.last_name))) or "The caller"
    about = desk.service.replace("_", " ") if desk.service else ""
    wanted = f", about: {about}" if about else ""
    words = " ".join(text.split()).rstrip(".")
    said = f' In their words: "{words}".' if words else ""
    return f"{who} {what}{wanted}.{said}"


def call_back(desk: Desk, text: str) -> None:
    """Somebody shall call them; when, is in their own words."""
    desk.wants_callback, desk.offers_callback = True, False
    said = volunteered(text)
    desk.callback_when = said.words if said else text.strip() if clock_times(text) else None


def apart(text: str) -> list[str]:
    """The parts of a turn that want different things: "cancel my appointment, and book ..."."""
    parts = [part.strip(" ,") for part in _JOINTS.split(text) if part and part.strip(" ,")]
    telling = [part for part in parts if wishes(part)]
    return telling if len(telling) > 1 else [text]


_JOINTS = re.compile(
    r"(?<=[.!?;])\s+|,?\s+(?:and|plus|then|but)\s+(?:also |then )?(?=(?:i|i'd|i'll|can|could|when"
    r"|what|what's|is|are|do|how|please|get|book|make|schedule|cancel|need|where|tell|also)\b)"
    r"|,?\s+also\s+",
    re.IGNORECASE,
)


def _answers_the_question(desk: Desk, question: Question, wish: Wish, text: str) -> bool:
    """Whether the words are no wish of their own while this question is open."""
    if wish in _ABOUT_THE_TIME and question in _PROPOSED:
        is_other = desk.errand is not None and WAYS[wish] != Begin(desk.errand)
        is_other = is_other and wish is not Wish.CANNOT_COME
        is_named = desk.errand is None and _STANDING.search(normalise(text)) is not None
        return not (is_other or is_named)
    if question is Question.CANCEL_IT:
        return wish in {Wish.CANCEL, Wish.CANNOT_COME}
    if question is Question.MOVE_OR_CANCEL:
        return wish in _ABOUT_THE_TIME
    if question is Question.WHICH_APPOINTMENT:
        return wish in _ABOUT_THE_TIME and WAYS[wish] == Begin(desk.errand or Errand.WHEN)
    if wish in _OF_THE_WAIT:
        # "Can I wait for it" with a service is how they come, not a question.
        books = desk.wants or services(text, desk.codes)
        return bool(books and transport(text))
    return question is Question.PERSON and isinstance(WAYS[wish], Answer)


def _go(desk: Desk, way: Way, wish: Wish, text: str) -> None:
    match way:
        case HandOver(what, said):
            desk.wants_person = True
            desk.reason = desk.purpose = summary(desk, what, "" if wish is Wish.PERSON else text)
            desk.handing_over = said
        case Begin(errand):
            desk.offers_person, desk.last_said = False, ""
            errands.begin(desk, errand, text)
        case Leave():
            desk.goodbye = desk.wrong_number = True
        case CallBack():
            call_back(desk, text)
        case Say(sentence):
            desk.news.append(sentence)
            desk.answered = True


def _inquiries(desk: Desk, wish: Wish, way: Answer, text: str) -> tuple[Inquiry, ...]:
    """What to ask the file; what it has no topic for is the desk's."""
    if desk.topics and way.topic not in desk.topics:
        desk.wants_person = True
        desk.reason, desk.handing_over = summary(desk, "has a question", text), phrases.TRANSFER
        return ()
    named = services(text, desk.codes)
    if wish is Wish.TOW and named and not desk.wants:
        desk.priced = named[0]
    if wish is Wish.PRICES:
        if named and not desk.wants:
            desk.priced = named[0]
        return tuple(Inquiry("prices", each) for each in named) or (
            Inquiry("prices", desk.service or desk.spoken_of),
        )
    if wish is Wish.HOURS:
        return (Inquiry("hours", date=day_words(text)),)
    return (Inquiry(way.topic),)
