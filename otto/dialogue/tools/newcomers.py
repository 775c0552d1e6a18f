"""The tools that enter new customers, and what customers tell of themselves and their vehicles.

Nothing is kept that the caller has not said, or that was not said back to them and agreed to. What
they are asked, and answered, is read from the call's history, so it survives whoever serves it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime

from otto.crm.customers import NewCustomer, NewVehicle, Vehicle
from otto.crm.names import is_same_name
from otto.dialogue.session.state import Session, VehicleRef
from otto.dialogue.tools import garage
from otto.dialogue.tools.arguments import AddNumber, AddVehicle, CreateCustomer
from otto.dialogue.tools.callers import NOT_HEARD, OWN_WORDS, birth_of
from otto.dialogue.tools.outcome import Late, Outcome, Pinned, left_out, told
from otto.dialogue.tools.ports import Crm
from otto.dialogue.tools.results import Result, ToolFault, asked, error, vehicle_result
from otto.dialogue.tools.said import Said, Standing
from otto.language.birth_dates import BirthDateError, read_birth_date
from otto.language.birth_dates import read_back as born_on
from otto.language.common_names import has_common
from otto.language.corrections import corrected
from otto.language.emails import read_email
from otto.language.mileage import read_mileage
from otto.language.names import NameSaid, corrected_name, read_name
from otto.language.read_backs import (
    birth_said,
    email_said,
    is_question_about,
    name_said,
    squeezed,
    vin_said,
)
from otto.language.refusals import declines_to_say
from otto.language.vin import CHECK_POSITION, VinError, check_digit, normalise_vin
from otto.storage.errors import CustomerExists, MileageFell

ASK_BIRTH = "What is your date of birth, so that we can be sure it's you the next time?"
ASK_VIN = (
    "With the VIN and your name we can be sure it's you the next time. Do you have it at hand?"
)
KNOWN_BY_VIN = (
    "That's all right. Then it is your name and your car's VIN that we can know you by next time."
)
KNOWN_BY_NOBODY = (
    "That's all right. The next time, our service desk will have to help you with your "
    "appointments."
)
WHICH_PART = "I'm sorry. Which part of it is wrong?"
NOT_SURE = {
    "vin": "I'm not sure I got the VIN. Could you read it to me once more, one by one?",
    "email": "I'm not sure I got your e-mail address. Could you spell it for me once more?",
    "mileage": "I'm not sure I got the mileage. How many miles does it have?",
}
CHECK_MILEAGE = (
    "Ask them to check it. When they say the same again, call add_vehicle once more with "
    "mileage_confirmed; when they do not know, without the mileage."
)
_BIRTH = re.compile(
    r"\bdate of birth\b|\bbirth ?da(?:y|te)\b|\byou (?:were )?born\b", re.IGNORECASE
)
_NAME = re.compile(
    r"\bnames?\b|\bspell\b|\bwho am i speaking\b|\b(?:right|correct|wrong)\?", re.IGNORECASE
)
"""A question for a name, or whether one is right."""
_NAMES = re.compile(r"\bname|\bthis is\b|\bspeaking\b|\bhere\b|\bcall me\b|\bi'?m\b|\bi am\b", re.I)
"""Words with which people say who they are."""
_LETTERS = re.compile(r"[^\W\d_]+")
_VIN = re.compile(r"\bVIN\b[^.?]*\?|\bit at hand\?", re.IGNORECASE)


class NewcomerTools:
    """Customers and vehicles that are new."""

    def __init__(self, crm: Crm, now: Callable[[], datetime]) -> None:
        self._crm = crm
        self._now = now

    async def create(self, pinned: Pinned, arguments: CreateCustomer) -> Outcome:
        """Enter a new customer, under a number that is known to be theirs."""
        phone = pinned.number(arguments.phone_number or pinned.proved or None)
        if not pinned.has(phone):
            raise ToolFault(
                "A new customer can only have the number they call from, or one that they have "
                "proved: use identify_caller with it, then text_code."
            )
        said, today = Said(pinned.exchange), self._now().date()
        name = name_of(said, arguments.first_name, arguments.last_name or "")
        if name is None:
            return told(asked("differs", NOT_HEARD["name"], advice=OWN_WORDS))
        born = self._birth(said, arguments.date_of_birth, today)
        if isinstance(born, dict):
            return told(born)
        email = said.resolved(arguments.email, read_email) if arguments.email else None
        if arguments.email and email is None:
            return told(asked("differs", NOT_SURE["email"], advice=OWN_WORDS))
        facts = [name.whole, *([born_on(born)] if born else []), *([email] if email else [])]
        is_denied = said.standing(facts) is Standing.DENIED
        parts = [
            name_said(name, is_doubtful=is_denied),
            *([birth_said(born)] if born else []),
            *([email_said(email)] if email else []),
        ]
        if (question := _not_agreed(said, facts, f"So that's {', '.join(parts)}")) is not None:
            return told(question)
        key = f"{pinned.call_sid}:customer"
        new = NewCustomer(key, name.first, name.last, phone, born, email)
        try:
            customer = await self._crm.create_customer(new)
        except CustomerExists:
            return Outcome(lambda session: _exists(session, phone))

        def created(session: Session) -> Result:
            session.customer_id, session.phone = customer.id, customer.phone
            session.first_name = customer.first_name
            session.lacks_proof = born is None
            result = {"status": "created", "first_name": customer.first_name}
            return result if born else result | {"message": KNOWN_BY_VIN}

        return Outcome(created)

    def _birth(self, said: Said, given: str | None, today: date) -> date | Result | None:
        """The date of birth; what is to be asked; or None, when they would rather not say."""
        if given is not None:
            return birth_of(said, given, today)
        answers = said.answers_to(_BIRTH)
        if not answers:
            return asked("second_fact", ASK_BIRTH)
        try:
            return birth_in(answers, today)
        except BirthDateError as lacks:
            if declines_to_say(answers[-1]) or len(answers) > 1:
                return None
            return asked("incomplete", str(lacks))

    async def add_vehicle(self, pinned: Pinned, arguments: AddVehicle) -> Outcome:
        """Enter a vehicle of the caller's."""
        assert pinned.customer_id is not None
        said = Said(pinned.exchange)
        car = garage.car_of(said, arguments.vehicle, self._now().year)
        theirs = garage.vehicles_named(arguments.vehicle, pinned.vehicles, self._now().year)
        if car.code == "incomplete" and len(theirs) == 1:
            car = garage.car_of(said, theirs[0].description, self._now().year)
            car = replace(car, question="")
        if car.question:
            return told(asked(car.code, car.question))
        vin = (
            said.resolved(arguments.vin, normalise_vin, _vin_as_corrected)
            if arguments.vin
            else None
        )
        if arguments.vin and vin is None:
            normalise_vin(arguments.vin)  # says what is wrong with it
            return told(asked("differs", NOT_SURE["vin"], advice=OWN_WORDS))
        if vin is None and pinned.lacks_proof:
            vin = _try_vin(said)
            if vin is None and not said.answers_to(_VIN):
                return told(asked("second_fact", ASK_VIN))
        miles = said.confirmed(arguments.mileage, read_mileage) if arguments.mileage else None
        if arguments.mileage and miles is None:
            return told(asked("differs", NOT_SURE["mileage"], advice=OWN_WORDS))
        facts = [
            car.description,
            *([vin] if vin else []),
            *([f"{miles:,} miles"] if miles is not None else []),
        ]
        parts = [
            garage.read_back(car),
            *([vin_said(vin)] if vin else []),
            *([f"with {miles:,} miles"] if miles is not None else []),
        ]
        if (question := _not_agreed(said, facts, f"I have that as {', '.join(parts)}")) is not None:
            return told(question)
        assert car.said.year and car.said.make and car.said.model
        told_of = (pinned.customer_id, car.said.year, car.said.make, car.said.model, vin)
        new = NewVehicle(
            f"{pinned.call_sid}:vehicle:{':'.join(map(str, told_of))}",
            pinned.customer_id,
            car.said.year,
            car.said.make,
            car.said.model,
            vin,
            miles,
            is_sure_of_mileage=bool(arguments.mileage_confirmed),
        )
        try:
            vehicle = await self._crm.add_vehicle(new)
        except MileageFell as fell:
            return told(error(str(fell), advice=CHECK_MILEAGE) | {"code": "mileage_fell"})
        is_unknown = pinned.lacks_proof and vehicle.vin is None

        def late(session: Session) -> Late:
            is_theirs = session.identity.trusted and session.customer_id == pinned.customer_id
            return Late(_added(session, vehicle)) if is_theirs else left_out(session)

        def added(session: Session) -> Result:
            session.lacks_proof = False  # asked for, or told what it means
            return _added(session, vehicle) | ({"message": KNOWN_BY_NOBODY} if is_unknown else {})

        return Outcome(added, late)

    async def add_number(self, pinned: Pinned, arguments: AddNumber) -> Outcome:
        """Note the number that calls as a further one of the caller's."""
        calling = pinned.own_number
        assert pinned.customer_id is not None and calling is not None
        await self._crm.add_phone(pinned.customer_id, calling)
        return told({"status": "noted"})


def name_of(said: Said, first: str, last: str) -> NameSaid | None:
    """The name as the caller spelled or corrected it; None when it was not said: as a name, or to
    a question for one."""
    about = said.where(lambda heard, words: _NAME.search(heard) or _NAMES.search(words))
    names = [*about.readings(read_name)]
    # Unasked, "around noon" is no name, and "John Smith" is one.
    names += [name for name in said.readings(read_name) if has_common(name.whole)]
    words = [
        *(word for reading in names for word in reading.whole.split()),
        *(word for answer in said.answers_to(_NAME) for word in _LETTERS.findall(answer)),
    ]
    letters = squeezed("".join(words))
    parts = f"{first} {last}".split()
    if not all(
        squeezed(part) in letters or any(is_same_name(part, word) for word in words)
        for part in parts
    ):
        return None
    name = NameSaid(first, last)
    for reading in reversed(names):
        for word in reading.spelled:
            name = _respelled(name, word)
    for each in said.exchange.rounds:
        if is_question_about(each.heard, [name.whole]):
            name = corrected_name(name, each.said) or name
    return name


def birth_in(answers: Sequence[str], today: date) -> date:
    """The date of birth that was said last of these; else raises what the last one lacks."""
    for answer in reversed(answers):
        with suppress(BirthDateError):
            return read_birth_date(answer, today)
    return read_birth_date(answers[-1], today)


def _respelled(name: NameSaid, word: str) -> NameSaid:
    """The name with the word that was spelled in place of the one that sounds like it."""

    def put_in(part: str) -> str:
        words = part.split()
        return " ".join(word if is_same_name(word, each) else each for each in words)

    spelled = name.spelled | {word}
    return NameSaid(put_in(name.first), put_in(name.last), spelled)


def _not_agreed(said: Said, facts: list[str], sentence: str) -> Result | None:
    """What is to be asked before it is kept; None when the caller has agreed to all of it."""
    match said.standing(facts):
        case Standing.AGREED:
            return None
        case Standing.DENIED if not said.is_said_again(facts[0]):
            return asked("differs", WHICH_PART)
    return asked("read_back", f"{sentence}. Is that right?")


def _vin_as_corrected(vin: str, said: str) -> str | None:
    ways = corrected(vin, said, lambda other: other[CHECK_POSITION] == check_digit(other))
    return next(iter(ways)) if len(ways) == 1 else None


def _try_vin(said: Said) -> str | None:
    """A VIN that was said when it was asked for, whether the model passed it on or not."""
    for answer in reversed(said.answers_to(_VIN)):
        try:
            return normalise_vin(answer)
        except VinError:
            continue
    return None


def _exists(session: Session, phone: str) -> Result:
    """The person has the number already: as anybody, they have to prove who they are."""
    session.customer_id, session.phone = None, phone
    return {
        "status": "exists",
        "advice": "They are in the book: call verify_caller with name and date of birth.",
    }


def _added(session: Session, vehicle: Vehicle) -> Result:
    known = next((ref for ref in session.vehicles if ref.vehicle_id == vehicle.id), None)
    if known is None:
        known = VehicleRef(f"v{len(session.vehicles) + 1}", vehicle.id, vehicle.description)
        session.vehicles.append(known)
    return {"status": "added", **vehicle_result(known)}
