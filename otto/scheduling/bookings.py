"""A booking: the wish, what stands in the database, and why it may not. Shapes only.

They are apart from the service that makes bookings, because call actors carry them to and fro and
would carry SQLAlchemy with them (15 MB a call, half a CPU-second at the start).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from otto.language.spoken_times import describe_start
from otto.scheduling.messages import confirmation_code
from otto.scheduling.openings import Opening


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class SchedulingError(Exception):
    """A request that cannot be met. `code` is for programs; `sentence` can be said aloud."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = sentence

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross from the calendar actor to the call actor: by default only `args` would.
        return _rebuilt, (type(self), self.code, self.sentence)


class SlotTaken(SchedulingError):
    """Every bay that can do the work is taken at that time by now."""

    def __init__(self) -> None:
        super().__init__("taken", "I am sorry, that time has just been taken.")


class VehicleBooked(SchedulingError):
    """The vehicle has another appointment then, in whichever bay."""

    def __init__(self, starts_at: datetime, zone: ZoneInfo) -> None:
        when = describe_start(starts_at, zone)
        super().__init__("vehicle_booked", f"That vehicle has an appointment already, on {when}.")


class BookingRefused(SchedulingError):
    """The opening breaks a rule (hours, notice, skill), customer and vehicle do not fit, or there
    are too many bookings already ("too_many")."""


def _rebuilt(kind: type[SchedulingError], code: str, sentence: str) -> SchedulingError:
    error = kind.__new__(kind, code)
    SchedulingError.__init__(error, code, sentence)
    return error


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """One wish to book. The same `idempotency_key` always means the same booking: with another
    customer, vehicle, service or time it is refused ("key_reused")."""

    idempotency_key: str
    opening: Opening
    customer_id: int
    vehicle_id: int | None
    customer_phone: str
    """E.164; where the confirmation goes, if it may be texted (`otto.scheduling.text_rules`)."""
    call_sid: str | None = None
    notes: str | None = None
    caller: str | None = None
    """The number that calls, E.164; None when it is withheld or nobody vouches for it."""


@dataclass(frozen=True, slots=True)
class Booking:
    """An appointment in the database. Times are aware UTC, `ends_at` excluded."""

    appointment_id: uuid.UUID
    location_id: str
    bay_id: str
    service_code: str
    customer_id: int
    vehicle_id: int | None
    starts_at: datetime
    ends_at: datetime
    is_texted: bool = False
    """Whether a text message with the confirmation is, or will be, on its way."""
    status: str = "booked"
    """What has become of it: booked, cancelled, completed or no_show."""

    def answers(self, request: BookingRequest) -> bool:
        """Whether it is what the request wishes for, in whichever bay."""
        opening = request.opening
        return (
            self.location_id,
            self.customer_id,
            self.vehicle_id,
            self.service_code,
            self.starts_at,
        ) == (
            opening.location_id,
            request.customer_id,
            request.vehicle_id,
            opening.service_code,
            opening.starts_at,
        )

    @property
    def confirmation(self) -> str:
        """A short code that can be said aloud, such as "K7F2"."""
        return confirmation_code(self.appointment_id)
