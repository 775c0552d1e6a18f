"""The tools that find openings and book them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from config.dealership import Dealership, Location
from otto.dialogue.session.state import Offer, Session
from otto.dialogue.tools.arguments import BookAppointment, FindOpenings
from otto.dialogue.tools.consent import Consents
from otto.dialogue.tools.finding import described, instead_of, question
from otto.dialogue.tools.garage import one_of
from otto.dialogue.tools.information import service_of, services_said
from otto.dialogue.tools.offers import known_offer, met, offered, opening_of, wish_key, withdraw
from otto.dialogue.tools.outcome import Late, Outcome, Pinned, told
from otto.dialogue.tools.ports import Calendar
from otto.dialogue.tools.read_back import ReadBacks
from otto.dialogue.tools.results import Result
from otto.dialogue.tools.said import Said
from otto.language.wishes import Ask
from otto.scheduling.bookings import (
    Booking,
    BookingRequest,
    HoldRequest,
    SchedulingError,
    SlotTaken,
    VehicleBooked,
)
from otto.scheduling.openings import Opening, OpeningsQuery

NOT_THROUGH = "I'm sorry, your appointment did not go through"


class AppointmentTools:
    """The calendar, as far as a caller may see and change it."""

    def __init__(
        self,
        dealership: Dealership,
        location: Location,
        calendar: Calendar,
        consents: Consents,
        now: Callable[[], datetime],
    ) -> None:
        self._dealership = dealership
        self._location = location
        self._calendar = calendar
        self._consents = consents
        self._read_backs = ReadBacks(dealership, location)
        self._now = now
        self._zone = ZoneInfo(location.timezone)

    async def find_openings(self, pinned: Pinned, arguments: FindOpenings) -> Outcome:
        """What is free. Only what was found in this call can be booked."""
        query = question(arguments, pinned, self._dealership, self._location, self._now())
        if isinstance(query, Ask):
            return told({"status": "ask", "message": query.question})
        services = [service_of(self._dealership, code) for code in query.service_codes]
        found = await self._calendar.find_openings(query)
        is_said_back = bool(found.asked_is_free) and len(found) == 1
        if is_said_back:
            await self._hold(pinned, found.openings[0])

        def look(session: Session) -> Result:
            listed = offered(session, found.openings, self._zone)
            if is_said_back:
                session.held = listed[0]["slot_id"]
            return described(found, services, listed)

        return Outcome(look)

    async def _hold(self, pinned: Pinned, opening: Opening) -> None:
        """Keep the one that will be said back. If somebody was faster, the booking will tell."""
        with suppress(SchedulingError):
            await self._calendar.hold(HoldRequest(pinned.call_sid, opening))

    async def book(self, pinned: Pinned, arguments: BookAppointment) -> Outcome:
        """Book an opening that was offered, and that the caller agreed to when they heard it."""
        offer = known_offer(pinned, arguments.slot_id)
        said, year = Said(pinned.exchange), self._now().year
        vehicle = one_of(pinned.vehicles, arguments.vehicle_ref, said, year)
        assert pinned.customer_id is not None
        # Same call, slot and vehicle: same key. A retry, by the model or by us, books once.
        key = wish_key(offer, pinned.call_sid, vehicle.vehicle_id)
        wish = self._read_backs.booking(key, offer, vehicle, pinned.vehicles)
        refusal = self._consents.refusal(pinned, wish, offer.caller_turn)
        if refusal is not None:
            return told(refusal)
        request = BookingRequest(
            idempotency_key=key,
            opening=opening_of(offer, self._location.id),
            customer_id=pinned.customer_id,
            vehicle_id=vehicle.vehicle_id,
            customer_phone=pinned.phone,
            call_sid=pinned.call_sid,
            notes=arguments.notes,
            caller=pinned.own_number,
        )
        try:
            booking = await self._calendar.book(request)
        except SlotTaken:
            openings = await self.instead(offer, vehicle.vehicle_id)
            return self.taken(offer, openings, NOT_THROUGH)
        except VehicleBooked as second:
            openings = await self.instead(offer, vehicle.vehicle_id)
            return self.one_at_a_time(second.sentence, openings, NOT_THROUGH)
        service = services_said(self._dealership, offer.service_codes)
        if booking.status != "booked":
            return _over(booking, offer, service)
        appointment_id, confirmation = str(booking.appointment_id), booking.confirmation
        result = {
            "status": "booked",
            "when": offer.when,
            "service": service,
            "vehicle": vehicle.description,
            "confirmation": confirmation,
            "text_message": booking.is_texted,
        }
        if offer.transport != "drop_off":
            result["transport"] = offer.transport

        def booked(session: Session) -> Result:
            if appointment_id not in session.bookings:
                session.bookings.append(appointment_id)
            met(session, key)
            withdraw(session, offer, "booked")
            return result

        def late(session: Session) -> Late:
            is_known = appointment_id in session.bookings  # asked for again, and told then
            sentence = (
                f"Good news: your appointment did go through. It's the {service} on {offer.when}, "
                f"and the confirmation is {confirmation}."
            )
            return Late(booked(session), "" if is_known else sentence)

        return Outcome(booked, late)

    def taken(self, offer: Offer, openings: tuple[Opening, ...], not_done: str) -> Outcome:
        """The slot went to somebody else: offer what is next. `not_done` begins the sentence for a
        caller who has waited for it."""

        def taken(session: Session) -> Result:
            session.offers.pop(offer.slot_id, None)
            withdraw(session, offer, "taken")
            return {"status": "taken", "openings": offered(session, openings, self._zone)}

        def late(session: Session) -> Late:
            session.offers.pop(offer.slot_id, None)
            withdraw(session, offer, "taken")
            sentence = f"{not_done}: somebody else has just taken {offer.when}."
            return Late({"status": "taken", "advice": "Use find_openings again."}, sentence)

        return Outcome(taken, late)

    def one_at_a_time(self, sentence: str, openings: tuple[Opening, ...], not_done: str) -> Outcome:
        """Their vehicle is in another bay then. The opening stays one, for another vehicle."""
        advice = "Offer these times instead, or ask whether another vehicle is meant."
        result = {"status": "vehicle_booked", "message": sentence, "advice": advice}
        late = f"{not_done}. {sentence}"
        return Outcome(
            lambda session: {**result, "openings": offered(session, openings, self._zone)},
            lambda session: Late({**result, "advice": "Use find_openings again."}, late),
        )

    async def instead(self, offer: Offer, vehicle_id: int | None) -> tuple[Opening, ...]:
        """What is nearest to an opening that is gone."""
        query = OpeningsQuery(
            service_codes=offer.service_codes,
            wish=instead_of(offer, self._location),
            vehicle_id=vehicle_id,
        )
        return (await self._calendar.find_openings(query)).openings


def _over(booking: Booking, offer: Offer, service: str) -> Outcome:
    """It was booked under this key before, and stands no longer: nothing is booked anew."""
    why = {"cancelled": "has been cancelled by the service department"}
    sentence = f"Your {service} on {offer.when} {why.get(booking.status, 'is over already')}."
    result = {
        "status": booking.status,
        "message": sentence,
        "advice": "It is not booked. Offer another time, or to connect a person.",
    }

    def over(session: Session) -> Result:
        session.offers.pop(offer.slot_id, None)
        if str(booking.appointment_id) in session.bookings:
            session.bookings.remove(str(booking.appointment_id))
        withdraw(session, offer, booking.status)
        return result

    return Outcome(over, lambda session: Late(over(session), sentence))
