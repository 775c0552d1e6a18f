"""What a booking tells the outside world: its calendar event and its text messages.

The event and the text hold personal data; they live in the database and at the vendor, and are
never logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from config.dealership import Location, Service
from otto.language.spoken_times import describe_start, join_spoken
from otto.scheduling.changes.event_text import LOCATION_CHARACTERS, TITLE_CHARACTERS, note, one_line
from otto.scheduling.confirmation import confirmation_code

CONFIRMATION_KEY = "sms.send:confirmation:"
"""The outbox's key of a booking's text message, before the appointment's id."""
CHANGE_KEY = "sms.send:change:"
"""The same of a text about a change, before the appointment's id and version."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The names a dealership's staff need to see in their calendar."""

    customer_name: str
    vehicle: str | None


def calendar_event(
    *,
    appointment_id: UUID,
    location: Location,
    service: Service,
    visitor: Visitor,
    starts_at: datetime,
    ends_at: datetime,
    notes: str | None,
    visit: Sequence[Service] = (),
) -> dict[str, Any]:
    """The body of a Google Calendar event, without its id. `visit`: everything that is done in the
    visit, in order, if that is more than this service."""
    who = visitor.customer_name + (f", {visitor.vehicle}" if visitor.vehicle else "")
    lines = [f"Confirmation {confirmation_code(appointment_id)}, booked by Otto."]
    if len(visit) > 1:
        whole = join_spoken([one.name for one in visit])
        lines.append(note(f"{visit.index(service) + 1} of {len(visit)} in this visit: {whole}."))
    if notes and (noted := note(notes)):
        lines.append(f"Notes: {noted}")
    return {
        "summary": one_line(f"{service.name}: {who}", TITLE_CHARACTERS),
        "description": "\n".join(lines),
        "location": one_line(location.address, LOCATION_CHARACTERS),
        "start": _event_time(starts_at, location),
        "end": _event_time(ends_at, location),
        "reminders": {"useDefault": False},
        "extendedProperties": {
            "private": {"otto_appointment": str(appointment_id), "otto_location": location.id}
        },
    }


def appointment_text(
    news: Literal["booked", "moved", "cancelled"],
    *,
    dealership_name: str,
    appointment_id: UUID,
    location: Location,
    work: Sequence[str],
    starts_at: datetime,
) -> str:
    """The text message about a booking; plain characters, so it is not sent as UCS-2."""
    when = describe_start(starts_at, location.zone)
    services = join_spoken(list(work))
    if news == "cancelled":
        return (
            f"{dealership_name}: {services} on {when} is cancelled. "
            f"Confirmation {confirmation_code(appointment_id)}. "
            f"For another time, call {location.phone}."
        )
    what = "booked for" if news == "booked" else "moved to"
    return (
        f"{dealership_name}: {services} {what} {when}, {location.address}. "
        f"Confirmation {confirmation_code(appointment_id)}. "
        f"To change or cancel, call {location.phone}."
    )


def _event_time(moment: datetime, location: Location) -> dict[str, str]:
    # The offset makes the instant unambiguous where the clock shows the same hour twice.
    return {
        "dateTime": moment.astimezone(location.zone).isoformat(),
        "timeZone": location.timezone,
    }
