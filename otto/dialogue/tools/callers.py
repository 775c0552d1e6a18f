"""The tools that find out who the caller is, and enter new customers and vehicles."""

from __future__ import annotations

from typing import Protocol

from otto.crm.customers import Customer, IdentityClaim, NewCustomer, NewVehicle, Vehicle
from otto.dialogue.session.state import Identity, Session, VehicleRef
from otto.dialogue.tools.arguments import AddVehicle, CreateCustomer, IdentifyCaller, VerifyCaller
from otto.dialogue.tools.outcome import Late, Outcome, Pinned, left_out, told
from otto.dialogue.tools.ports import Crm
from otto.dialogue.tools.results import Result, ToolFault, vehicle_result
from otto.language.phone import caller_number, parse_phone
from otto.language.vin import VinError, normalise_vin, normalise_vin_tail
from otto.storage.errors import CustomerExists, StoreUnavailable


class Attempts(Protocol):
    """How often the caller has tried to be verified: counted before anybody looks."""

    attempts: int

    def attempt(self, *given: object) -> str: ...
    def take_back(self, attempt: str) -> None: ...


class CallerTools:
    """Who the caller is. `most_attempts`: so many wrong answers, and nothing more is checked."""

    def __init__(self, crm: Crm, attempts: Attempts, most_attempts: int) -> None:
        self._crm = crm
        self._attempts = attempts
        self._most_attempts = most_attempts

    async def identify(self, pinned: Pinned, arguments: IdentifyCaller) -> Outcome:
        """Look the caller up, by the number they call from or another."""
        given = arguments.phone_number
        phone = parse_phone(given) if given else caller_number(pinned.caller)
        if phone is None:
            return Outcome(_not_found)  # withheld number: nothing to look up
        customer = await self._crm.find_by_phone(phone)
        if customer is None:
            return Outcome(_not_found)
        customer_id = customer.id

        def found(session: Session) -> Result:
            session.identity = Identity.FOUND
            session.customer_id, session.phone = customer_id, phone
            return {"status": "found", "verified": False}

        return Outcome(found)

    async def verify(self, pinned: Pinned, arguments: VerifyCaller) -> Outcome:
        """Check what the caller gives as proof against the customer they were found to be."""
        if arguments.date_of_birth is None and arguments.vin_last_six is None:
            raise ToolFault("Ask the caller for their date of birth first.")
        assert pinned.customer_id is not None
        attempt = self._attempts.attempt(arguments.date_of_birth, _tail(arguments.vin_last_six))
        if self._attempts.attempts > self._most_attempts:
            return Outcome(_locked)  # the last answer allowed was checked too late to lock
        claim = IdentityClaim(pinned.customer_id, arguments.date_of_birth, arguments.vin_last_six)
        try:
            ok = await self._crm.verify(claim)
        except StoreUnavailable:
            self._attempts.take_back(attempt)  # nobody has looked
            raise
        if not ok:
            return Outcome(self._mismatch)
        customer = await self._crm.find_by_phone(pinned.phone)
        if customer is None or customer.id != pinned.customer_id:
            raise ToolFault("The customer is no longer in the book. Offer a person.")
        return Outcome(lambda session: _verified(session, customer))

    async def create(self, pinned: Pinned, arguments: CreateCustomer) -> Outcome:
        """Enter a new customer."""
        new = NewCustomer(
            f"{pinned.call_sid}:customer",
            arguments.first_name,
            arguments.last_name,
            pinned.number(arguments.phone_number),
            arguments.date_of_birth,
        )
        try:
            customer = await self._crm.create_customer(new)
        except CustomerExists:
            return told(
                {"status": "exists", "advice": "This number is in the book: identify them."}
            )

        def created(session: Session) -> Result:
            session.identity = Identity.CREATED
            session.customer_id, session.phone = customer.id, customer.phone
            session.first_name = customer.first_name
            return {"status": "created", "first_name": customer.first_name}

        return Outcome(created)

    async def add_vehicle(self, pinned: Pinned, arguments: AddVehicle) -> Outcome:
        """Enter a vehicle of the caller's."""
        assert pinned.customer_id is not None
        vin = normalise_vin(arguments.vin) if arguments.vin else None
        key = f"{pinned.call_sid}:vehicle:{arguments.year}:{arguments.make}:{arguments.model}"
        vehicle = await self._crm.add_vehicle(
            NewVehicle(
                key, pinned.customer_id, arguments.year, arguments.make, arguments.model, vin
            )
        )

        def late(session: Session) -> Late:
            is_theirs = session.identity.trusted and session.customer_id == pinned.customer_id
            return Late(_added(session, vehicle)) if is_theirs else left_out(session)

        return Outcome(lambda session: _added(session, vehicle), late)

    def _mismatch(self, session: Session) -> Result:
        left = self._most_attempts - session.attempts
        return _locked(session) if left <= 0 else {"status": "mismatch", "attempts_left": left}


def _not_found(session: Session) -> Result:
    session.identity = Identity.NOT_FOUND
    return {"status": "not_found"}


def _locked(session: Session) -> Result:
    session.identity = Identity.LOCKED
    return {"status": "locked"}


def _verified(session: Session, customer: Customer) -> Result:
    session.identity = Identity.VERIFIED
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
