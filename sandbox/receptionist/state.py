"""Where a service-desk conversation stands: everything known, and the question that is open."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from typing import Any

from sandbox.receptionist import phrases
from sandbox.receptionist.questions import Question
from sandbox.receptionist.understanding.vehicles import Car


class Identity(Enum):
    """How far the caller is known."""

    UNKNOWN = auto()
    NEEDS_NUMBER = auto()
    FOUND = auto()
    NOT_FOUND = auto()
    CLAIMED = auto()
    """A number was said; name and date of birth are wanted, whoever's it is."""
    KNOWN = auto()
    LOCKED = auto()


@dataclass(frozen=True, slots=True)
class Opening:
    """One slot the calendar offered, as `find_openings` words it."""

    slot_id: str
    when: str
    transport: str | None = None


class Errand(Enum):
    """What a caller may want who is in the book already."""

    WHEN = auto()
    """To hear when their appointment is."""
    MOVE = auto()
    CANCEL = auto()
    UNSETTLED = auto()
    """They cannot come, and have not said whether they would move or cancel it."""
    REPAIR = auto()
    """To hear how far the work on their car is."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A standing appointment, as `my_appointments` words it."""

    ref: str
    when: str
    service: str
    codes: tuple[str, ...]
    work: str
    """The same, in the middle of a sentence."""
    vehicle: str
    confirmation: str


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question for `dealership_info`."""

    topic: str
    service: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call that a tool answered with a question: it is made again after a yes."""

    tool: str
    arguments: tuple[tuple[str, Any], ...]
    message: str


@dataclass(slots=True)
class Desk:
    """All that is known of the conversation."""

    today: date
    codes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    """What `dealership_info` can be asked about."""
    names: dict[str, str] = field(default_factory=dict)
    """Service names by code, as far as the system prompt tells them."""

    wants: bool = False
    service: str | None = None
    service_name: str = ""
    price: str = ""
    also: tuple[str, ...] = ()
    """What is to be done in the same visit."""
    transport: str | None = None
    staff: str | None = None
    """Whom of the staff they would like."""
    priced: str | None = None
    spoken_of: str | None = None
    """The service that was spoken of last: "how much is it" is about that one."""
    when: str | None = None
    """When they want to come, in their own words; None: not said yet."""

    identity: Identity = Identity.UNKNOWN
    phone: str | None = None
    is_shared: bool = False
    """Several people have the number: only their name tells them apart."""
    born: str | None = None
    """Their date of birth, in their own words."""
    vin: str | None = None
    """The words with the last six of their VIN."""
    fragment: str = ""
    """What was said of a date of birth that was not whole."""
    offers_code: bool = False
    """The details did not match, and a code by text was offered."""
    wants_code: bool = False
    code_sent: bool = False
    code: str | None = None
    first_name: str = ""
    last_name: str = ""
    told: tuple[str, str, str] = ("", "", "")
    """First name, last name and date of birth as they were said for a number that was not known."""
    email: str | None = None
    asks_birth: bool = False
    """A new customer is asked for their date of birth, to be known by it the next time."""

    vehicles: tuple[tuple[str, str], ...] = ()
    vehicle: str | None = None
    adding: bool = False
    car: Car = field(default_factory=Car)
    """The car they describe, which is not among theirs yet."""
    car_vin: str | None = None
    """The words with its VIN."""
    asks_vin: bool = False
    """They were asked for it, to be known by it the next time."""

    openings: tuple[Opening, ...] = ()
    narrowed: tuple[Opening, ...] = ()
    chosen: Opening | None = None
    confirmed: bool = False
    refused: bool = False
    waiting: bool = False
    """They asked for a moment: nothing is asked until they go on."""

    doubt: Doubt | None = None
    assent: bool = False
    """They said yes to what is in doubt."""

    errand: Errand | None = None
    hints: str = ""
    """What was said when the errand was: it may name the appointment or the car that is meant."""
    kept_when: str | None = None
    """When they want to come for what they book besides, while something else is seen to."""
    later: tuple[tuple[Errand, str], ...] = ()
    """Errands that were named together with this one, and the words for each."""
    appointments: tuple[Appointment, ...] | None = None
    """None: not asked for yet, or no longer as they were."""
    appointment: Appointment | None = None
    agreed: bool = False
    """The caller has said yes to the cancellation."""

    wants_person: bool = False
    reason: str = ""
    """Why, for the person who takes over, when it is more than their wish for one."""
    purpose: str = ""
    """The last such reason of the call, for whoever calls them back."""
    handing_over: str = ""
    """What is said before they are connected for that reason."""
    offers_person: bool = False
    offers_callback: bool = False
    """The book cannot be seen, and the caller was asked whether somebody may call back."""
    wants_callback: bool = False
    callback_when: str | None = None
    goodbye: bool = False
    wrong_number: bool = False
    transferring: bool = False
    ending: bool = False

    inquiries: tuple[Inquiry, ...] = ()
    answered: bool = False
    booked: int = 0

    news: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """The tools that failed since the caller spoke: not to be called again at once."""
    failures: dict[str, int] = field(default_factory=dict)
    """Errors of each tool since it last did what was asked, over the caller's turns."""
    rounds: int = 0
    unclear: int = 0
    repeat: bool = False
    last_said: str = ""
    earlier: list[str] = field(default_factory=list)

    def facts(self) -> tuple[Any, ...]:
        """What an understood turn changes: equal before and after means it was not understood."""
        names = [name for name in self.__slots__ if name not in _BOOKKEEPING]
        return tuple(getattr(self, name) for name in names)

    def begin_turn(self) -> None:
        """The caller speaks: what belonged to the turn before is over."""
        self.news, self.failed, self.rounds, self.repeat = [], set(), 0, False
        self.inquiries, self.wants_person, self.reason, self.handing_over = (), False, "", ""
        self.waiting = self.assent = self.transferring = False

    def open_question(self) -> Question:
        """What the caller was asked last, or will be asked next."""
        if self.offers_person or self.last_said.endswith(phrases.PERSON_OFFER):
            return Question.PERSON
        if self.offers_callback or _OFFERS_CALLBACK.search(self.last_said):
            return Question.CALLBACK
        if self.doubt is not None:
            return Question.READ_BACK
        if self.errand is not None:
            return self._errand_question()
        if not self.wants:
            if self.priced:
                return Question.BOOK_IT_TOO
            done = self.booked or self.answered
            return Question.ANYTHING_ELSE if done else Question.HELP
        if not self.service:
            return Question.SERVICE
        if self.identity is not Identity.KNOWN:
            return self._identity_question()
        if not self.vehicle:
            several = len(self.vehicles) > 1 and not self.adding
            return Question.WHICH_VEHICLE if several else Question.VEHICLE
        if self.when is None:
            return Question.DAY
        if self.chosen is None:
            return Question.OPENING
        return Question.WHAT_TO_CHANGE if self.refused else Question.CONFIRM

    def _errand_question(self) -> Question:
        if self.errand is Errand.UNSETTLED:
            return Question.MOVE_OR_CANCEL
        if self.identity is not Identity.KNOWN:
            return self._identity_question()
        if self.appointment is None:
            return Question.WHICH_APPOINTMENT
        if self.errand is Errand.CANCEL:
            return Question.CANCEL_IT
        if self.when is None:
            return Question.NEW_DAY
        return Question.OPENING if self.chosen is None else Question.CONFIRM

    def _identity_question(self) -> Question:
        if self.identity is Identity.LOCKED:
            return Question.PERSON
        if self.code_sent:
            return Question.CODE
        if self.offers_code:
            return Question.CODE_OFFER
        if self.identity is Identity.FOUND:
            needs_name = (self.vin or self.is_shared) and not (self.first_name and self.last_name)
            return self._name_question() if needs_name else Question.DATE_OF_BIRTH
        if self.identity is Identity.CLAIMED:
            is_named = self.first_name and self.last_name
            return Question.DATE_OF_BIRTH if is_named else self._name_question()
        if self.identity is Identity.NOT_FOUND:
            is_named = self.first_name and self.last_name
            return Question.NEW_BIRTH if is_named and self.asks_birth else self._name_question()
        return Question.PHONE

    def _name_question(self) -> Question:
        return Question.LAST_NAME if self.first_name else Question.FIRST_AND_LAST_NAME

    def begin(self, errand: Errand, said: str) -> None:
        """The caller wants something about what is in the book already."""
        self.errand, self.hints = errand, said
        self.appointment, self.agreed, self.when = None, False, None
        self.forget_openings()

    def settle_errand(self) -> None:
        """It is done, or given up; the next one begins, if there is one."""
        self.errand, self.appointments, self.appointment, self.agreed = None, None, None, False
        self.when, self.answered = self.kept_when, True
        self.kept_when = None
        self.forget_openings()
        if self.later:
            (errand, said), *rest = self.later
            self.later = tuple(rest)
            self.begin(errand, said)

    def forget_openings(self) -> None:
        """Whatever was offered no longer answers what the caller wants."""
        self.openings, self.narrowed, self.chosen = (), (), None
        self.confirmed = self.refused = self.waiting = False

    def name_of(self, code: str) -> str:
        """What callers call the service."""
        return self.names.get(code) or code.replace("_", " ")

    def work(self) -> str:
        """All that is wanted in this visit, in the middle of a sentence."""
        if not self.also:
            return phrases.a_service(self.service_name)
        codes = [self.service, *self.also]
        return phrases.work([self.name_of(code) for code in codes if code])

    def vehicle_name(self) -> str:
        """The chosen vehicle's description, or nothing."""
        return dict(self.vehicles).get(self.vehicle or "", "")


_OFFERS_CALLBACK = re.compile(r"\b(?:call|calls) you back\b[^.?]*\?$")
"""Whoever has said it: what the desk's hours are is told without the model, too."""
_BOOKKEEPING = frozenset(
    {
        "news",
        "failed",
        "failures",
        "rounds",
        "unclear",
        "repeat",
        "last_said",
        "purpose",
        "earlier",
        "topics",
    }
    | {"today", "codes", "names"}
)
