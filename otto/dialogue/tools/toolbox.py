"""The tools' execution: the model proposes, this module disposes.

A tool takes the model's arguments, checks them again, and works on the *session*: whose customer
it is, whether they are verified and which slots were offered come from there, never from the
arguments. It always answers with a result the model can speak about; what goes wrong inside is
logged without personal data and told as one sentence.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from pydantic import ValidationError

from config.dealership import Dealership, Location
from otto.crm.customers import IdentityClaim, NewCustomer, NewVehicle
from otto.crm.records import Callback
from otto.dialogue.session.state import Identity, Offer, Session, VehicleRef
from otto.dialogue.tools.arguments import (
    AddVehicle,
    Arguments,
    BookAppointment,
    CreateCustomer,
    DealershipInfo,
    EndCall,
    FindOpenings,
    IdentifyCaller,
    PartOfDay,
    RequestCallback,
    TransferToPerson,
    VerifyCaller,
)
from otto.dialogue.tools.information import answer, service_of
from otto.dialogue.tools.permissions import allowed_tools, denial
from otto.dialogue.tools.ports import Calendar, Crm
from otto.dialogue.tools.results import (
    Result,
    ToolFault,
    calendar_away,
    error,
    vehicle_result,
    without_blanks,
)
from otto.dialogue.tools.schemas import Schema, tool_schemas
from otto.events import ToolCall
from otto.language.dates import DateError, resolve_dates
from otto.language.phone import PhoneError, caller_number, parse_phone
from otto.language.spoken_times import describe_start
from otto.language.vin import VinError, normalise_vin, normalise_vin_tail
from otto.scheduling.bookings import BookingRequest, SchedulingError, SlotTaken
from otto.scheduling.openings import Opening, OpeningsQuery
from otto.storage.errors import CustomerExists, StoreUnavailable

log = structlog.get_logger()

OPENINGS_OFFERED = 3


class Toolbox:
    """The tools of one call, on its session."""

    def __init__(
        self,
        session: Session,
        dealership: Dealership,
        location: Location,
        calendar: Calendar,
        crm: Crm,
        *,
        now: Callable[[], datetime],
        verification_attempts: int,
    ) -> None:
        self._session = session
        self._dealership = dealership
        self._location = location
        self._calendar = calendar
        self._crm = crm
        self._now = now
        self._verification_attempts = verification_attempts
        self._zone = ZoneInfo(location.timezone)
        self._tools: dict[str, tuple[type[Arguments], Callable[[Any], Awaitable[Result]]]] = {
            "identify_caller": (IdentifyCaller, self._identify_caller),
            "verify_caller": (VerifyCaller, self._verify_caller),
            "create_customer": (CreateCustomer, self._create_customer),
            "add_vehicle": (AddVehicle, self._add_vehicle),
            "find_openings": (FindOpenings, self._find_openings),
            "book_appointment": (BookAppointment, self._book_appointment),
            "dealership_info": (DealershipInfo, self._dealership_info),
            "request_callback": (RequestCallback, self._request_callback),
            "transfer_to_person": (TransferToPerson, self._transfer),
            "end_call": (EndCall, self._end_call),
        }

    def offered(self) -> list[Schema]:
        """The tools the model may call now, in OpenAI's form."""
        allowed = allowed_tools(self._session)
        return [tool for name, tool in tool_schemas(self._dealership).items() if name in allowed]

    async def run(self, call: ToolCall) -> Result:
        """Execute one tool call. Never raises, except for cancellation."""
        if call.fault:
            return error(advice=call.fault)
        if call.name not in self._tools or call.name not in allowed_tools(self._session):
            return error(advice=denial(call.name, self._session))
        model, tool = self._tools[call.name]
        try:
            arguments = model.model_validate(without_blanks(json.loads(call.arguments or "{}")))
        except ValidationError as invalid:
            where = ", ".join(str(fault["loc"][0]) for fault in invalid.errors() if fault["loc"])
            return error(advice=f"These arguments are not usable: {where or 'all of them'}.")
        except ValueError:
            return error(advice="The arguments were not valid JSON. Call the tool again.")
        try:
            return await tool(arguments)
        except ToolFault as fault:
            return error(advice=str(fault))
        except (DateError, PhoneError, VinError) as fault:
            return error(str(fault))
        except SchedulingError as fault:
            return error(fault.sentence)
        except StoreUnavailable as away:
            log.warning("tool_without_database", tool=call.name, reason=away.reason)
            return calendar_away(call.name, away)
        except Exception as unexpected:
            log.error("tool_failed", tool=call.name, error=type(unexpected).__name__)
            return error(
                "I'm sorry, that did not work on our side.", advice="Offer to connect a person."
            )

    # Who the caller is

    async def _identify_caller(self, arguments: IdentifyCaller) -> Result:
        session = self._session
        given = arguments.phone_number
        phone = parse_phone(given) if given else caller_number(session.caller)
        if phone is None:
            session.identity = Identity.NOT_FOUND  # withheld number: nothing to look up
            return {"status": "not_found"}
        customer = await self._crm.find_by_phone(phone)
        if customer is None:
            session.identity = Identity.NOT_FOUND
            return {"status": "not_found"}
        session.identity = Identity.FOUND
        session.customer_id = customer.id
        session.phone = phone
        return {"status": "found", "verified": False}

    async def _verify_caller(self, arguments: VerifyCaller) -> Result:
        session = self._session
        if arguments.date_of_birth is None and arguments.vin_last_six is None:
            raise ToolFault("Ask the caller for their date of birth first.")
        assert session.customer_id is not None
        attempt = session.attempt(arguments.date_of_birth, _tail(arguments.vin_last_six))
        try:
            claim = IdentityClaim(
                session.customer_id, arguments.date_of_birth, arguments.vin_last_six
            )
            ok = await self._crm.verify(claim)
        except StoreUnavailable:
            session.take_back(attempt)  # nobody has looked
            raise
        if not ok:
            left = self._verification_attempts - session.attempts
            if left <= 0:
                session.identity = Identity.LOCKED
                return {"status": "locked"}
            return {"status": "mismatch", "attempts_left": left}
        customer = await self._crm.find_by_phone(session.phone)
        if customer is None:
            raise ToolFault("The customer is no longer in the book. Offer a person.")
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

    async def _create_customer(self, arguments: CreateCustomer) -> Result:
        session = self._session
        phone = self._number_of(arguments.phone_number)
        try:
            new = NewCustomer(
                f"{session.call_sid}:customer",
                arguments.first_name,
                arguments.last_name,
                phone,
                arguments.date_of_birth,
            )
            customer = await self._crm.create_customer(new)
        except CustomerExists:
            return {"status": "exists", "advice": "This number is in the book: identify them."}
        session.identity = Identity.CREATED
        session.customer_id = customer.id
        session.phone = phone
        session.first_name = customer.first_name
        return {"status": "created", "first_name": customer.first_name}

    async def _add_vehicle(self, arguments: AddVehicle) -> Result:
        session = self._session
        assert session.customer_id is not None
        vin = normalise_vin(arguments.vin) if arguments.vin else None
        key = f"{session.call_sid}:vehicle:{arguments.year}:{arguments.make}:{arguments.model}"
        new = NewVehicle(
            key, session.customer_id, arguments.year, arguments.make, arguments.model, vin
        )
        vehicle = await self._crm.add_vehicle(new)
        known = next((ref for ref in session.vehicles if ref.vehicle_id == vehicle.id), None)
        if known is None:
            known = VehicleRef(f"v{len(session.vehicles) + 1}", vehicle.id, vehicle.description)
            session.vehicles.append(known)
        return {"status": "added", **vehicle_result(known)}

    # The calendar

    async def _find_openings(self, arguments: FindOpenings) -> Result:
        service = service_of(self._dealership, arguments.service)
        days = resolve_dates(
            arguments.from_date,
            arguments.to_date,
            now=self._now().astimezone(self._zone),
            horizon_days=self._location.horizon_days,
        )
        query = OpeningsQuery(
            service_code=service.code,
            from_date=days.first,
            to_date=days.last,
            part_of_day=arguments.part_of_day or days.part_of_day,
            limit=OPENINGS_OFFERED,
        )
        openings = await self._calendar.find_openings(query)
        if not openings:
            return {"status": "none", "advice": "Nothing is free then. Suggest other days."}
        return {
            "status": "ok",
            "service": service.name,
            "duration_minutes": service.duration_minutes,
            "price": service.price_text,
            "openings": self._offer(openings),
        }

    async def _book_appointment(self, arguments: BookAppointment) -> Result:
        session = self._session
        offer = session.offers.get(arguments.slot_id)
        if offer is None:
            raise ToolFault("This slot was not offered in this call. Use find_openings again.")
        if session.caller_turns <= offer.caller_turn:
            raise ToolFault("Offer this slot to the caller first, and wait for their yes.")
        vehicle = session.vehicle(arguments.vehicle_ref)
        if vehicle is None:
            raise ToolFault("Ask which of their vehicles it is for.")
        assert session.customer_id is not None
        opening = Opening(
            location_id=self._location.id,
            bay_id=offer.bay_id,
            service_code=offer.service_code,
            starts_at=datetime.fromisoformat(offer.starts_at),
            ends_at=datetime.fromisoformat(offer.ends_at),
        )
        # Same call, slot and vehicle: same key. A retry, by the model or by us, books once.
        key = f"{session.call_sid}:{offer.starts_at}:{offer.service_code}:{vehicle.vehicle_id}"
        request = BookingRequest(
            idempotency_key=key,
            opening=opening,
            customer_id=session.customer_id,
            vehicle_id=vehicle.vehicle_id,
            customer_phone=session.phone,
            call_sid=session.call_sid,
            notes=arguments.notes,
        )
        try:
            booking = await self._calendar.book(request)
        except SlotTaken:
            session.offers.pop(arguments.slot_id, None)
            return await self._taken(offer)
        appointment_id = str(booking.appointment_id)
        if appointment_id not in session.bookings:
            session.bookings.append(appointment_id)
        return {
            "status": "booked",
            "when": offer.when,
            "service": service_of(self._dealership, offer.service_code).name,
            "vehicle": vehicle.description,
            "confirmation": booking.confirmation,
        }

    async def _taken(self, offer: Offer) -> Result:
        """The slot went to somebody else: offer what is next, from the same day on."""
        local = datetime.fromisoformat(offer.starts_at).astimezone(self._zone)
        part: PartOfDay = "morning" if local.time() < time(12) else "afternoon"
        for part_of_day in (part, None):
            query = OpeningsQuery(
                service_code=offer.service_code,
                from_date=local.date(),
                part_of_day=part_of_day,
                limit=OPENINGS_OFFERED,
            )
            openings = await self._calendar.find_openings(query)
            if openings:
                return {"status": "taken", "openings": self._offer(openings)}
        return {"status": "taken", "openings": []}

    def _offer(self, openings: tuple[Opening, ...]) -> list[Result]:
        session = self._session
        offered = []
        for opening in openings:
            starts_at = opening.starts_at.isoformat()
            known = next(
                (
                    offer
                    for offer in session.offers.values()
                    if (offer.starts_at, offer.service_code) == (starts_at, opening.service_code)
                ),
                None,
            )
            if known is None:
                known = Offer(
                    slot_id=f"s-{secrets.token_hex(3)}",
                    service_code=opening.service_code,
                    bay_id=opening.bay_id,
                    starts_at=starts_at,
                    ends_at=opening.ends_at.isoformat(),
                    when=describe_start(opening.starts_at, self._zone),
                    caller_turn=session.caller_turns,
                )
                session.offers[known.slot_id] = known
            known.bay_id = opening.bay_id
            offered.append({"slot_id": known.slot_id, "when": known.when})
        return offered

    # The rest

    async def _dealership_info(self, arguments: DealershipInfo) -> Result:
        now = self._now().astimezone(self._zone)
        return {
            "status": "ok",
            "answer": answer(self._dealership, self._location, arguments, now),
        }

    async def _request_callback(self, arguments: RequestCallback) -> Result:
        session = self._session
        if session.callback_requested:
            return {"status": "noted", "advice": "It was noted before: one request a call."}
        phone = self._number_of(arguments.phone_number)
        when = arguments.when or "as soon as possible"
        reason = f"{arguments.reason} (when: {when})"
        await self._crm.request_callback(
            Callback(f"{session.call_sid}:callback", phone, reason, session.call_sid)
        )
        session.callback_requested = True
        return {"status": "noted", "when": when}

    def _number_of(self, given: str | None) -> str:
        """The number the caller has given, or else calls from."""
        number = parse_phone(given) if given else caller_number(self._session.caller)
        if number is None:
            raise ToolFault(
                "Their telephone shows no number that can be called. Ask the caller for one."
            )
        return number

    async def _transfer(self, arguments: TransferToPerson) -> Result:
        return {"status": "transferring"}

    async def _end_call(self, arguments: EndCall) -> Result:
        return {"status": "ending"}


def _tail(spelt: str | None) -> str | None:
    """The last six of a VIN in one spelling, where they can be read."""
    try:
        return normalise_vin_tail(spelt) if spelt else None
    except VinError:
        return spelt
