"""What a booking leaves in the outbox: word for Google and for the customer."""

from __future__ import annotations

from typing import Any

from config.dealership import Bay, Location, Service
from otto.scheduling.bookings import Booking, BookingRequest
from otto.scheduling.messages import CONFIRMATION_KEY, Visitor, calendar_event, confirmation_text
from otto.scheduling.texts import Text


def calendar_row(
    location: Location,
    request: BookingRequest,
    booking: Booking,
    service: Service,
    bay: Bay,
    visitor: Visitor,
) -> dict[str, Any]:
    """The row to write in the booking's own transaction."""
    appointment_id = booking.appointment_id
    body = calendar_event(
        appointment_id=appointment_id,
        location=location,
        service=service,
        visitor=visitor,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        notes=request.notes,
    )
    return {
        "kind": "calendar.upsert",
        "key": f"calendar.upsert:{appointment_id}",
        "payload": {
            "appointment_id": str(appointment_id),
            "calendar_id": bay.calendar_id,
            "event_id": appointment_id.hex,
            "body": body,
        },
    }


def confirmation(
    dealership_name: str,
    location: Location,
    request: BookingRequest,
    booking: Booking,
    service: Service,
) -> Text:
    """The text message that confirms a booking, of use until the appointment begins."""
    appointment_id = booking.appointment_id
    body = confirmation_text(
        dealership_name=dealership_name,
        appointment_id=appointment_id,
        location=location,
        service=service,
        starts_at=booking.starts_at,
    )
    return Text(
        key=f"{CONFIRMATION_KEY}{appointment_id}",
        to=request.customer_phone,
        body=body,
        not_after=booking.starts_at,
        call_sid=request.call_sid,
        caller=request.caller,
        customer_id=request.customer_id,
        appointment_id=str(appointment_id),
    )
