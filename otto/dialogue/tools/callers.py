"""The tools that find out who the caller is, by their number and by what they can prove.

For whom they are then taken is read from what these come to, by `otto.dialogue.flow`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from otto.crm.customers import Customer, IdentityClaim, Verdict
from otto.crm.names import is_same_name
from otto.crm.proof import is_enough
from otto.dialogue.session.state import Identity, Session, VehicleRef
from otto.dialogue.tools.arguments import IdentifyCaller, VerifyCaller
from otto.dialogue.tools.outcome import Outcome, Pinned, told
from otto.dialogue.tools.ports import Crm
from otto.dialogue.tools.results import Result, ToolFault, asked, vehicle_result
from otto.dialogue.tools.said import Said, Standing
from otto.language.birth_dates import BirthDateError, read_birth_date
from otto.language.birth_dates import read_back as born_on
from otto.language.names import NameSaid
from otto.language.phone import caller_number, parse_phone, said_number
from otto.language.read_backs import birth_said, phone_said, spelled_with_words
from otto.language.vin import VinError, normalise_vin_tail
from otto.storage.errors import StoreUnavailable

ASK: Result = {
    "status": "ask",
    "advice": (
        "Ask for their first and last name and their date of birth, and call verify_caller with "
        "all of them. Whether the number is in the book is not known, and must not be said."
    ),
}
"""After a number that is not known to be the caller's: the same whoever's it is."""
NO_NUMBER: Result = {
    "status": "no_number",
    "advice": (
        "Their telephone shows no number. Ask for their telephone number, and call "
        "identify_caller with it."
    ),
}
NO_MATCH = (
    "Say only that you could not match these details. They may say them again; or, when they may "
    "be new here, offer to text a code to their number (text_code), or a person."
)
SHARED = (
    "Several people have this number. Ask for their first and last name and their date of birth, "
    "and call verify_caller with all of them. Never say who has it. Somebody of them who is new "
    "here is entered with create_customer."
)
WHICH: Result = {
    "status": "ask",
    "shared": True,
    "advice": (
        "Several people have this number, and this fits more than one of them. Ask for their first "
        "and last name, and call verify_caller with all they have said. Never say who has it."
    ),
}
LOCKED: Result = {"status": "locked"}
ONE_NUMBER = "One other number a call can be looked up. Offer to connect a person."
AGAIN = "Then please say it once more."
NOT_HEARD = {
    "number": "I'm not sure I got your number. Could you say it once more, digit by digit?",
    "date": "I'm not sure I got your date of birth. Please say the month, the day and the year.",
    "name": "I'm not sure I got your name. Could you say it once more, and spell your last name?",
    "vin": "I'm not sure I got the VIN. Could you read me its last six characters once more?",
}
"""What the caller did not say, as far as it was recognised, and the model passed all the same."""
OWN_WORDS = "Pass what the caller says, in their own words, and nothing that they have not said."
MOST_MISHEARD = 2
"""Answers a call that may have been misheard: they are read back before they count in it."""
_MISSING = {
    True: (
        "Ask the caller for their date of birth first. The last six of the VIN are enough only "
        "with first and last name."
    ),
    False: "Ask the caller for their first and last name and their date of birth first.",
}


class Attempts(Protocol):
    """How often the caller has tried to be verified, and as whom: counted before anybody looks."""

    attempts: int
    misheard: list[str]

    def may_look_up(self, said: str) -> bool: ...
    def attempt(self, *given: object) -> str: ...
    def take_back(self, attempt: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """What a caller has said to prove who they are, or what is to be asked first."""

    born: date | None = None
    vin_tail: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    question: Result | None = None

    def facts(self, phone: str | None) -> list[str]:
        """As they are read back, with the number where one was said."""
        name = NameSaid(self.first_name or "", self.last_name or "").whole
        return [
            *([name] if name else []),
            *([born_on(self.born)] if self.born else []),
            *([self.vin_tail] if self.vin_tail else []),
            *([phone] if phone else []),
        ]

    def read_back(self, phone: str | None) -> str:
        """The question whether it was heard right."""
        name = NameSaid(self.first_name or "", self.last_name or "").whole
        parts = [
            name,
            birth_said(self.born)
            if self.born and name
            else born_on(self.born)
            if self.born
            else "",
            f"the VIN ending in {spelled_with_words(self.vin_tail)}" if self.vin_tail else "",
            f"with the number {phone}" if phone else "",
        ]
        return f"I heard {', '.join(filter(None, parts))}. Is that right?"


class CallerTools:
    """Who the caller is. `most_attempts`: so many wrong answers, and nothing more is checked."""

    def __init__(
        self, crm: Crm, attempts: Attempts, most_attempts: int, now: Callable[[], datetime]
    ) -> None:
        self._crm = crm
        self._attempts = attempts
        self._most_attempts = most_attempts
        self._now = now

    async def identify(self, pinned: Pinned, arguments: IdentifyCaller) -> Outcome:
        """Look the caller up by the number they call from, or take a number they say.

        One that is not known to be theirs is not looked up here: what follows is the same, and as
        quick, whether it is a customer's or not.
        """
        given = arguments.phone_number
        phone = said_number(given, pinned.caller)
        if phone is None:
            return told({**NO_NUMBER})
        if not pinned.has(phone):
            if pinned.said not in {"", phone} and phone != caller_number(pinned.caller):
                raise ToolFault(ONE_NUMBER)
            is_calling = phone == caller_number(pinned.caller)
            if not is_calling and not Said(pinned.exchange).has(phone, parse_phone):
                return told(asked("differs", NOT_HEARD["number"], advice=OWN_WORDS))
            return Outcome(lambda session: _claimed(session, phone))
        return known_number(phone, await self._crm.find_by_phone(phone))

    async def verify(self, pinned: Pinned, arguments: VerifyCaller) -> Outcome:
        """Check what the caller gives as proof against the customer with the number.

        An answer that does not fit may have been misheard: it is read back, and counts in this
        call when the caller says that it was heard right. In the database it counts at once, or
        reading back would let anybody guess for nothing.
        """
        proof = proof_of(Said(pinned.exchange), arguments, self._now().date())
        if proof.question is not None:
            return told(proof.question)
        phone, has_number = pinned.phone, pinned.has(pinned.phone)
        claim = IdentityClaim(
            phone,
            key="",
            caller=caller_number(pinned.caller),
            has_number=has_number,
            date_of_birth=proof.born,
            vin_last_six=proof.vin_tail,
            first_name=proof.first_name,
            last_name=proof.last_name,
        )
        if not is_enough(claim.facts, has_number=has_number):
            raise ToolFault(_MISSING[has_number])
        is_said = not has_number and phone != claim.caller
        if is_said and not self._attempts.may_look_up(phone):
            raise ToolFault(ONE_NUMBER)
        number = phone_said(phone) if is_said else None
        sentence, heard = proof.read_back(number), Said(pinned.exchange)
        standing = heard.standing(proof.facts(number))
        answer = ":".join(map(str, (phone, *_given(proof))))
        if answer in self._attempts.misheard and standing is not Standing.AGREED:
            is_denied = standing is Standing.DENIED
            return told(asked("differs", AGAIN) if is_denied else asked("read_back", sentence))
        attempt = self._attempts.attempt(*_given(proof))
        if self._attempts.attempts > self._most_attempts:
            return told({**LOCKED})  # the last answer allowed was checked too late to lock
        misheard = tuple(f"{pinned.call_sid}:{each}" for each in self._attempts.misheard)
        try:
            found = await self._crm.verify(
                replace(claim, key=f"{pinned.call_sid}:{answer}", misheard=misheard)
            )
        except StoreUnavailable:
            self._attempts.take_back(attempt)  # nobody has looked
            raise
        match found.verdict:
            case Verdict.LOCKED:
                return told({**LOCKED})
            case Verdict.MISMATCH:
                is_confirmed = standing is Standing.AGREED
                if is_confirmed or len(misheard) >= MOST_MISHEARD:
                    return Outcome(self._mismatch)
                return Outcome(lambda session: _heard(session, answer, attempt, sentence))
            case Verdict.SEVERAL:
                self._attempts.take_back(attempt)  # it was right, as far as it went
                return told({**WHICH})
        having = await self._crm.find_by_phone(phone)
        customer = next((one for one in having if one.id == found.customer_id), None)
        if customer is None:
            raise ToolFault("The customer is no longer in the book. Offer a person.")
        return Outcome(lambda session: _verified(session, customer, phone))

    def _mismatch(self, session: Session) -> Result:
        left = self._most_attempts - session.attempts
        if left <= 0:
            return {**LOCKED}
        result: Result = {"status": "mismatch", "attempts_left": left}
        return result | ({"advice": NO_MATCH} if session.identity is Identity.CLAIMED else {})


def proof_of(said: Said, arguments: VerifyCaller, today: date) -> Proof:
    """The proof in the arguments, as far as the caller has said it."""
    born: date | None = None
    if arguments.date_of_birth:
        found = birth_of(said, arguments.date_of_birth, today)
        if not isinstance(found, date):
            return Proof(question=found)
        born = found
    tail = None
    if arguments.vin_last_six:
        given = arguments.vin_last_six
        tail = said.confirmed(given, normalise_vin_tail)
        if tail is None:
            return Proof(question=_unread(given, normalise_vin_tail, "vin"))
    for name in filter(None, (arguments.first_name, arguments.last_name)):
        if not said.words(name, is_same_name):
            return Proof(question=asked("differs", NOT_HEARD["name"], advice=OWN_WORDS))
    return Proof(born, tail, arguments.first_name, arguments.last_name)


def birth_of(said: Said, given: str, today: date) -> date | Result:
    """A date of birth that the caller has said, or what is to be asked."""

    def read(text: str) -> date:
        return read_birth_date(text, today)

    born = said.resolved(given, read)
    return _unread(given, read, "date") if born is None else born


def _unread(given: str, read: Callable[[str], object], what: str) -> Result:
    """What to ask when something was not said: it cannot be read, or it was not said so."""
    try:
        read(given)
    except (BirthDateError, VinError) as lacks:
        return asked("incomplete", str(lacks))
    return asked("differs", NOT_HEARD[what], advice=OWN_WORDS)


def known_number(phone: str, customers: Sequence[Customer]) -> Outcome:
    """A number that is known to be the caller's has been looked up. Of several who have it nobody
    is taken for the caller before they have said which one they are."""

    def looked_up(session: Session) -> Result:
        session.customer_id = customers[0].id if len(customers) == 1 else None
        if not customers:
            return {"status": "not_found"}
        session.phone = phone
        found = {"status": "found", "verified": False}
        return found if len(customers) == 1 else found | {"shared": True, "advice": SHARED}

    return Outcome(looked_up)


def _claimed(session: Session, phone: str) -> Result:
    session.customer_id, session.phone = None, phone
    return {**ASK}


def _heard(session: Session, answer: str, attempt: str, sentence: str) -> Result:
    """It did not fit, and may have been misheard."""
    session.take_back(attempt)
    session.misheard.append(answer)
    return asked("read_back", sentence)


def _verified(session: Session, customer: Customer, phone: str) -> Result:
    session.customer_id, session.phone = customer.id, phone
    session.first_name = customer.first_name
    session.vehicles = [
        VehicleRef(f"v{i}", vehicle.id, vehicle.description)
        for i, vehicle in enumerate(customer.vehicles, start=1)
    ]
    return {
        "status": "verified",
        "first_name": customer.first_name,
        "vehicles": [vehicle_result(vehicle) for vehicle in session.vehicles],
    }


def _given(proof: Proof) -> tuple[object, ...]:
    """The answer in one spelling: the same again is the same."""
    names = (name.casefold() if name else None for name in (proof.first_name, proof.last_name))
    return (proof.born, proof.vin_tail, *names)
