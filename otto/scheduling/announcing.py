"""What a booking leaves in the outbox: word for Google and for the customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from config.dealership import Dealership, Location
from otto.scheduling.bookings import Booking, BookingRequest
from otto.scheduling.messages import CONFIRMATION_KEY, Visitor, calendar_event, confirmation_text
from otto.scheduling.openings import OpeningLine
from otto.scheduling.texts import Text


def calendar_rows(
    dealership: Dealership,
    location: Location,
    booking: Booking,
    work: Sequence[tuple[OpeningLine, str]],
    visitor: Visitor,
    notes: str | None,
) -> list[dict[str, Any]]:
    """A row for each line, to write in the transaction that makes it true. `work` are the lines
    with the ids of their events."""
    calendars = {bay.id: bay.calendar_id for bay in location.bays}
    visit = [dealership.service(line.service_code) for line, _ in work]
    return [
        {
            "kind": "calendar.upsert",
            "key": f"calendar.upsert:{event_id}:{booking.version}",
            "payload": {
                "appointment_id": str(booking.appointment_id),
                "calendar_id": calendars[line.bay_id],
                "event_id": event_id,
                "body": calendar_event(
                    appointment_id=booking.appointment_id,
                    location=location,
                    service=dealership.service(line.service_code),
                    visitor=visitor,
                    starts_at=line.starts_at,
                    ends_at=line.ends_at,
                    notes=notes,
                    visit=visit,
                ),
            },
        }
        for line, event_id in work
    ]


def confirmation(
    dealership: Dealership, location: Location, request: BookingRequest, booking: Booking
) -> Text:
    """The text message that confirms a booking, of use until the appointment begins."""
    appointment_id = booking.appointment_id
    body = confirmation_text(
        dealership_name=dealership.name,
        appointment_id=appointment_id,
        location=location,
        services=[dealership.service(code) for code in booking.service_codes],
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
