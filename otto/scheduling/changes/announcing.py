"""What a booking and its changes leave in the outbox: word for Google and for the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from config.dealership import Dealership, Location
from otto.scheduling.bookings import Booking, BookingRequest
from otto.scheduling.changes.appointments import Line
from otto.scheduling.changes.messages import CHANGE_KEY, CONFIRMATION_KEY, appointment_text
from otto.scheduling.texts.texts import Text


def calendar_rows(
    location: Location, booking: Booking, work: Sequence[Line]
) -> list[dict[str, Any]]:
    """A row for each line that has an event, to write in the transaction that makes it true. What
    the event has to be is asked when the row is delivered."""
    calendars = {bay.id: bay.calendar_id for bay in location.bays}
    return [
        {
            "kind": "calendar.upsert",
            "key": f"calendar.upsert:{line.event_id}:{booking.version}",
            "payload": {
                "appointment_id": str(booking.appointment_id),
                "calendar_id": calendars[line.work.bay_id],
                "event_id": line.event_id,
            },
        }
        for line in work
        if line.event_id is not None
    ]


def calendar_deletions(
    calendars: Mapping[str, str], booking: Booking, gone: Sequence[Line]
) -> list[dict[str, Any]]:
    """A row for each line whose event goes; `calendars` are the bays' by their ids."""
    return [
        {
            "kind": "calendar.delete",
            "key": f"calendar.delete:{line.event_id}:{booking.version}",
            "payload": {
                "appointment_id": str(booking.appointment_id),
                "calendar_id": calendars[line.work.bay_id],
                "event_id": line.event_id,
            },
        }
        for line in gone
        if line.event_id is not None
    ]


def confirmation(
    dealership: Dealership, location: Location, request: BookingRequest, booking: Booking
) -> Text:
    """The text message that confirms a booking, of use until the appointment begins."""
    return Text(
        key=f"{CONFIRMATION_KEY}{booking.appointment_id}",
        to=request.customer_phone,
        body=_body("booked", dealership, location, booking),
        not_after=booking.starts_at,
        call_sid=request.call_sid,
        caller=request.caller,
        customer_id=request.customer_id,
        appointment_id=str(booking.appointment_id),
    )


def word_of_change(
    news: Literal["moved", "cancelled"],
    dealership: Dealership,
    location: Location,
    booking: Booking,
    *,
    to: str,
    not_after: datetime,
    call_sid: str | None,
    caller: str | None,
) -> Text:
    """The text message about a change of a booking, of use until `not_after`."""
    return Text(
        key=f"{CHANGE_KEY}{booking.appointment_id}:{booking.version}",
        to=to,
        body=_body(news, dealership, location, booking),
        not_after=not_after,
        call_sid=call_sid,
        caller=caller,
        customer_id=booking.customer_id,
        appointment_id=str(booking.appointment_id),
    )


def _body(
    news: Literal["booked", "moved", "cancelled"],
    dealership: Dealership,
    location: Location,
    booking: Booking,
) -> str:
    return appointment_text(
        news,
        dealership_name=dealership.name,
        appointment_id=booking.appointment_id,
        location=location,
        work=[_name(dealership, code) for code in booking.service_codes],
        starts_at=booking.starts_at,
    )


def _name(dealership: Dealership, code: str) -> str:
    """What a service is called; a code is readable where it has left the dealership's file."""
    try:
        return dealership.service(code).name
    except KeyError:
        return code.replace("_", " ").capitalize()
