"""The tools that find out who the caller is, and enter new customers and vehicles.

For whom they are then taken is read from what these come to, by `otto.dialogue.flow`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from otto.crm.customers import (
    Customer,
    IdentityClaim,
    NewCustomer,
    NewVehicle,
    Vehicle,
    Verdict,
)
from otto.crm.proof import is_enough
from otto.dialogue.session.state import Identity, Session, VehicleRef
from otto.dialogue.tools.arguments import (
    AddNumber,
    AddVehicle,
    CreateCustomer,
    IdentifyCaller,
    VerifyCaller,
)
from otto.dialogue.tools.outcome import Late, Outcome, Pinned, left_out, told
from otto.dialogue.tools.ports import Crm
from otto.dialogue.tools.results import Result, ToolFault, error, vehicle_result
from otto.language.phone import caller_number, said_number
from otto.language.vin import VinError, normalise_vin, normalise_vin_tail
from otto.storage.errors import CustomerExists, MileageFell, StoreUnavailable

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
CHECK_MILEAGE = (
    "Ask them to check it. When they say the same again, call add_vehicle once more with "
    "mileage_confirmed; when they do not know, without the mileage."
)
ONE_NUMBER = "One other number a call can be looked up. Offer to connect a person."
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

    def may_look_up(self, said: str) -> bool: ...
    def attempt(self, *given: object) -> str: ...
    def take_back(self, attempt: str) -> None: ...


class CallerTools:
    """Who the caller is. `most_attempts`: so many wrong answers, and nothing more is checked."""

    def __init__(self, crm: Crm, attempts: Attempts, most_attempts: int) -> None:
        self._crm = crm
        self._attempts = attempts
        self._most_attempts = most_attempts

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
            return Outcome(lambda session: _claimed(session, phone))
        return known_number(phone, await self._crm.find_by_phone(phone))

    async def verify(self, pinned: Pinned, arguments: VerifyCaller) -> Outcome:
        """Check what the caller gives as proof against the customer with the number."""
        facts = (
            arguments.date_of_birth,
            _tail(arguments.vin_last_six),
            _name(arguments.first_name),
            _name(arguments.last_name),
        )
        phone, has_number = pinned.phone, pinned.has(pinned.phone)
        claim = IdentityClaim(
            phone,
            key="",
            caller=caller_number(pinned.caller),
            has_number=has_number,
            date_of_birth=arguments.date_of_birth,
            vin_last_six=arguments.vin_last_six,
            first_name=arguments.first_name,
            last_name=arguments.last_name,
        )
        if not is_enough(claim.facts, has_number=has_number):
            raise ToolFault(_MISSING[has_number])
        is_said = not has_number and phone != claim.caller
        if is_said and not self._attempts.may_look_up(phone):
            raise ToolFault(ONE_NUMBER)
        attempt = self._attempts.attempt(*facts)
        if self._attempts.attempts > self._most_attempts:
            return told({**LOCKED})  # the last answer allowed was checked too late to lock
        try:
            found = await self._crm.verify(replace(claim, key=f"{pinned.call_sid}:{attempt}"))
        except StoreUnavailable:
            self._attempts.take_back(attempt)  # nobody has looked
            raise
        match found.verdict:
            case Verdict.LOCKED:
                return told({**LOCKED})
            case Verdict.MISMATCH:
                return Outcome(self._mismatch)
            case Verdict.SEVERAL:
                self._attempts.take_back(attempt)  # it was right, as far as it went
                return told({**WHICH})
        having = await self._crm.find_by_phone(phone)
        customer = next((one for one in having if one.id == found.customer_id), None)
        if customer is None:
            raise ToolFault("The customer is no longer in the book. Offer a person.")
        return Outcome(lambda session: _verified(session, customer, phone))

    async def create(self, pinned: Pinned, arguments: CreateCustomer) -> Outcome:
        """Enter a new customer, under a number that is known to be theirs."""
        phone = pinned.number(arguments.phone_number or pinned.proved or None)
        if not pinned.has(phone):
            raise ToolFault(
                "A new customer can only have the number they call from, or one that they have "
                "proved: use identify_caller with it, then text_code."
            )
        new = NewCustomer(
            f"{pinned.call_sid}:customer",
            arguments.first_name,
            arguments.last_name or "",
            phone,
            arguments.date_of_birth,
            arguments.email,
        )
        try:
            customer = await self._crm.create_customer(new)
        except CustomerExists:
            return Outcome(lambda session: _exists(session, phone))

        def created(session: Session) -> Result:
            session.customer_id, session.phone = customer.id, customer.phone
            session.first_name = customer.first_name
            return {"status": "created", "first_name": customer.first_name}

        return Outcome(created)

    async def add_vehicle(self, pinned: Pinned, arguments: AddVehicle) -> Outcome:
        """Enter a vehicle of the caller's."""
        assert pinned.customer_id is not None
        vin = normalise_vin(arguments.vin) if arguments.vin else None
        said = (pinned.customer_id, arguments.year, arguments.make, arguments.model, vin)
        key = f"{pinned.call_sid}:vehicle:{':'.join(map(str, said))}"
        new = NewVehicle(
            key,
            pinned.customer_id,
            arguments.year,
            arguments.make,
            arguments.model,
            vin,
            arguments.mileage,
            is_sure_of_mileage=bool(arguments.mileage_confirmed),
        )
        try:
            vehicle = await self._crm.add_vehicle(new)
        except MileageFell as fell:
            return told(error(str(fell), advice=CHECK_MILEAGE) | {"code": "mileage_fell"})

        def late(session: Session) -> Late:
            is_theirs = session.identity.trusted and session.customer_id == pinned.customer_id
            return Late(_added(session, vehicle)) if is_theirs else left_out(session)

        return Outcome(lambda session: _added(session, vehicle), late)

    async def add_number(self, pinned: Pinned, arguments: AddNumber) -> Outcome:
        """Note the number that calls as a further one of the caller's."""
        calling = pinned.own_number
        assert pinned.customer_id is not None and calling is not None
        await self._crm.add_phone(pinned.customer_id, calling)
        return told({"status": "noted"})

    def _mismatch(self, session: Session) -> Result:
        left = self._most_attempts - session.attempts
        if left <= 0:
            return {**LOCKED}
        result: Result = {"status": "mismatch", "attempts_left": left}
        is_claimed = session.identity is Identity.CLAIMED
        return result | {"advice": NO_MATCH} if is_claimed else result


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


def _exists(session: Session, phone: str) -> Result:
    """The person has the number already: as anybody, they have to prove who they are."""
    session.customer_id, session.phone = None, phone
    return {
        "status": "exists",
        "advice": "They are in the book: call verify_caller with name and date of birth.",
    }


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


def _added(session: Session, vehicle: Vehicle) -> Result:
    known = next((ref for ref in session.vehicles if ref.vehicle_id == vehicle.id), None)
    if known is None:
        known = VehicleRef(f"v{len(session.vehicles) + 1}", vehicle.id, vehicle.description)
        session.vehicles.append(known)
    return {"status": "added", **vehicle_result(known)}


def _tail(spelt: str | None) -> str | None:
    """The last six of a VIN in one spelling, where they can be read."""
    try:
        return normalise_vin_tail(spelt) if spelt else None
    except VinError:
        return spelt


def _name(said: str | None) -> str | None:
    return said.casefold() if said else None
