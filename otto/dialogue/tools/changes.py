"""The tools for what a caller has in the book already: told, moved and cancelled.

As with bookings, an appointment is changed under a reference that was told in this call, after the
caller has agreed to what they heard (`consent.py`); a move goes to an opening that was offered.
Keys are made of the call and the wish, so whoever asks again, the model or a next owner of the
call, does it once.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from config.dealership import Dealership, Location
from otto.dialogue.session.state import AppointmentRef, Session
from otto.dialogue.tools.appointments import AppointmentTools
from otto.dialogue.tools.arguments import (
    CancelAppointment,
    MyAppointments,
    RescheduleAppointment,
)
from otto.dialogue.tools.consent import Consents
from otto.dialogue.tools.information import services_said
from otto.dialogue.tools.offers import (
    forget_start,
    known_offer,
    met,
    opening_of,
    wish_key,
    withdraw,
)
from otto.dialogue.tools.outcome import Late, Outcome, Pinned
from otto.dialogue.tools.outcome import told as answered
from otto.dialogue.tools.ports import Calendar
from otto.dialogue.tools.read_back import ReadBacks
from otto.dialogue.tools.results import Result, ToolFault
from otto.language.spoken_times import describe_start
from otto.scheduling.bookings import (
    Booking,
    CancelRequest,
    MoveRequest,
    SlotTaken,
    VehicleBooked,
)

NO_APPOINTMENT: Result = {
    "status": "none",
    "message": "I don't see an appointment of yours in our book.",
    "advice": "Offer to make one, or to connect a person.",
}
NOT_MOVED = "I'm sorry, your appointment was not moved, and stands as it was"
STANDING = frozenset({"booked", "arrived"})


class ChangeTools:
    """A caller's own appointments. `appointments` says what is free instead."""

    def __init__(
        self,
        dealership: Dealership,
        location: Location,
        calendar: Calendar,
        consents: Consents,
        appointments: AppointmentTools,
    ) -> None:
        self._dealership = dealership
        self._location = location
        self._calendar = calendar
        self._consents = consents
        self._read_backs = ReadBacks(dealership, location)
        self._appointments = appointments

    async def mine(self, pinned: Pinned, arguments: MyAppointments) -> Outcome:
        """What stands in the book for the caller, soonest first."""
        assert pinned.customer_id is not None
        bookings = await self._calendar.appointments_of(pinned.customer_id)

        def found(session: Session) -> Result:
            session.appointments = [self._told(session, booking) for booking in bookings]
            if not bookings:
                return {**NO_APPOINTMENT}
            return {
                "status": "ok",
                "appointments": [_listed(each) for each in session.appointments],
            }

        return Outcome(found)

    async def reschedule(self, pinned: Pinned, arguments: RescheduleAppointment) -> Outcome:
        """Move an appointment to an opening, both of which the caller agreed to."""
        told = _known(pinned, arguments.appointment_ref)
        offer = known_offer(pinned, arguments.slot_id)
        if offer.service_codes != told.service_codes:
            same = " and ".join(told.service_codes)
            raise ToolFault(f"This slot is not for the same work. Find openings for {same}.")
        key = wish_key(offer, pinned.call_sid, "move", told.appointment_id)
        known = [*pinned.appointments.values()]
        wish = self._read_backs.move(key, told, offer, known, pinned.vehicles)
        refusal = self._consents.refusal(pinned, wish, max(told.caller_turn, offer.caller_turn))
        if refusal is not None:
            return answered(refusal)
        request = MoveRequest(
            idempotency_key=key,
            appointment_id=UUID(told.appointment_id),
            customer_id=pinned.customer_id,
            opening=opening_of(offer, self._location.id),
            call_sid=pinned.call_sid,
            caller=pinned.own_number,
            customer_phone=pinned.phone,
        )
        try:
            booking = await self._calendar.reschedule(request)
        except SlotTaken:
            openings = await self._appointments.instead(offer, told.vehicle_id)
            return self._appointments.taken(offer, openings, NOT_MOVED)
        except VehicleBooked as second:
            openings = await self._appointments.instead(offer, told.vehicle_id)
            return self._appointments.one_at_a_time(second.sentence, openings, NOT_MOVED)
        if booking.status not in STANDING:
            return _no_longer(told, booking)
        starts_at, when = self._time_of(booking)
        stands = replace(told, starts_at=starts_at, when=when)
        result = {
            "status": "moved",
            "when": stands.when,
            "moved_from": told.when,
            "service": stands.service,
            "vehicle": stands.vehicle,
            "confirmation": stands.confirmation,
            "text_message": booking.is_texted,
        }

        def moved(session: Session) -> Result:
            if _is_told(session, told) and told.starts_at != stands.starts_at:
                session.changes += 1
                forget_start(session, told.starts_at)
            session.appointments = [
                stands if each.ref == told.ref else each for each in session.appointments
            ]
            met(session, key)
            withdraw(session, offer, "booked")
            _correct(session, told, f"moved to {stands.when}")
            return result

        def late(session: Session) -> Late:
            is_known = _is_told(session, stands)  # asked for again, and told then
            sentence = (
                f"Good news: your appointment has been moved. It's the {stands.service} on "
                f"{stands.when}, and the confirmation is still {stands.confirmation}."
            )
            return Late(moved(session), "" if is_known else sentence)

        return Outcome(moved, late)

    async def cancel(self, pinned: Pinned, arguments: CancelAppointment) -> Outcome:
        """Cancel an appointment, which the caller agreed to when they heard it."""
        told = _known(pinned, arguments.appointment_ref)
        key = f"{pinned.call_sid}:cancel:{told.appointment_id}"
        known = [*pinned.appointments.values()]
        wish = self._read_backs.cancellation(key, told, known, pinned.vehicles)
        refusal = self._consents.refusal(pinned, wish, told.caller_turn)
        if refusal is not None:
            return answered(refusal)
        request = CancelRequest(
            idempotency_key=key,
            appointment_id=UUID(told.appointment_id),
            customer_id=pinned.customer_id,
            reason=arguments.reason,
            call_sid=pinned.call_sid,
            caller=pinned.own_number,
            customer_phone=pinned.phone,
        )
        booking = await self._calendar.cancel(request)
        if booking.status != "cancelled":
            return _no_longer(told, booking)
        result = {
            "status": "cancelled",
            "when": told.when,
            "service": told.service,
            "vehicle": told.vehicle,
            "text_message": booking.is_texted,
        }

        def cancelled(session: Session) -> Result:
            if _is_told(session, told):
                session.changes += 1
                forget_start(session, told.starts_at)
            met(session, key)
            _drop(session, told, "cancelled")
            return result

        def late(session: Session) -> Late:
            is_known = not _is_told(session, told)
            sentence = f"Your {told.service} on {told.when} has been cancelled after all."
            return Late(cancelled(session), "" if is_known else sentence)

        return Outcome(cancelled, late)

    def _told(self, session: Session, booking: Booking) -> AppointmentRef:
        """Its reference in this call. One that stands as it was told keeps the caller's answer."""
        appointment_id = str(booking.appointment_id)
        known = next(
            (each for each in session.appointments if each.appointment_id == appointment_id), None
        )
        vehicle = next(
            (each for each in session.vehicles if each.vehicle_id == booking.vehicle_id), None
        )
        starts_at, when = self._time_of(booking)
        made = AppointmentRef(
            ref=f"a-{appointment_id[:8]}",
            appointment_id=appointment_id,
            service_codes=booking.service_codes,
            service=services_said(self._dealership, booking.service_codes),
            vehicle_id=booking.vehicle_id,
            vehicle=vehicle.description if vehicle else "",
            confirmation=booking.confirmation,
            starts_at=starts_at,
            when=when,
            caller_turn=session.caller_turns,
        )
        if known and replace(made, caller_turn=known.caller_turn) == known:
            return known
        return made

    def _time_of(self, booking: Booking) -> tuple[str, str]:
        """ISO 8601, and as it is said."""
        said = describe_start(booking.starts_at, self._location.zone)
        return booking.starts_at.isoformat(), said


def _known(pinned: Pinned, ref: str) -> AppointmentRef:
    """The appointment that was told under that reference. Raises `ToolFault`."""
    told = pinned.appointments.get(ref)
    if told is None:
        raise ToolFault("This appointment was not told in this call. Use my_appointments first.")
    return told


def _listed(told: AppointmentRef) -> Result:
    return {
        "appointment_ref": told.ref,
        "when": told.when,
        "service": told.service,
        "service_codes": list(told.service_codes),
        "vehicle": told.vehicle,
        "confirmation": told.confirmation,
    }


def _no_longer(told: AppointmentRef, booking: Booking) -> Outcome:
    """The wish was met before, and the appointment has become something else since."""
    become = {"cancelled": "has been cancelled", "no_show": "is over already"}
    become |= {"completed": "is over already", "arrived": "has begun already"}
    stands = become.get(booking.status, "stands in our book")
    sentence = f"Your {told.service} on {told.when} {stands}."
    result = {
        "status": booking.status,
        "message": sentence,
        "advice": "Use my_appointments to see what stands now, or offer to connect a person.",
    }

    def over(session: Session) -> Result:
        if booking.status not in STANDING:
            _drop(session, told, booking.status)
        return result

    return Outcome(over, lambda session: Late(over(session), sentence))


def _is_told(session: Session, told: AppointmentRef) -> bool:
    """Whether the session still has it at that time."""
    return any(
        (each.ref, each.starts_at) == (told.ref, told.starts_at) for each in session.appointments
    )


def _drop(session: Session, told: AppointmentRef, status: str) -> None:
    """It stands no longer."""
    session.appointments = [each for each in session.appointments if each.ref != told.ref]
    if told.appointment_id in session.bookings:
        session.bookings.remove(told.appointment_id)
    _correct(session, told, status)


def _correct(session: Session, told: AppointmentRef, now: str) -> None:
    """Results that name the appointment as it was say what it is now."""

    def truth(name: str, result: Result) -> Result | None:
        if name == "book_appointment" and result.get("confirmation") == told.confirmation:
            return {**result, "now": now}
        listed = result.get("appointments", ())
        if not any(each["appointment_ref"] == told.ref for each in listed):
            return None
        marked = [
            {**each, "now": now} if each["appointment_ref"] == told.ref else each for each in listed
        ]
        return {**result, "appointments": marked}

    session.history.correct(truth)
