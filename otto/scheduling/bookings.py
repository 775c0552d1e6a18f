"""A booking: the wish, what stands in the database, and why it may not. Shapes only.

They are apart from the service that makes bookings, because call actors carry them to and fro and
would carry SQLAlchemy with them (15 MB a call, half a CPU-second at the start).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal
from zoneinfo import ZoneInfo

from otto.language.spoken_times import describe_start
from otto.scheduling.confirmation import confirmation_code
from otto.scheduling.openings import Opening, OpeningLine
from otto.storage.appointment_terms import Actor


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
    """The opening breaks a rule (hours, notice, skill), customer and vehicle do not fit, there are
    too many bookings already ("too_many"), or the appointment is not theirs ("unknown_appointment")
    or in no state for it ("over", "cancelled", "arrived", "begun")."""


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
    """E.164; where the confirmation goes, if it may be texted (`otto.scheduling.texts.rules`)."""
    call_sid: str | None = None
    notes: str | None = None
    caller: str | None = None
    """The number that calls, E.164; None when it is withheld or nobody vouches for it."""


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """A wish to move an appointment to an opening. The same `idempotency_key` always means the same
    wish. A caller's is refused for an appointment that is not `customer_id`'s; staff may leave it
    out."""

    idempotency_key: str
    appointment_id: uuid.UUID
    customer_id: int | None
    opening: Opening
    call_sid: str | None = None
    caller: str | None = None
    """The number that calls, E.164; None when nobody does or nobody vouches for it."""
    customer_phone: str | None = None
    """E.164; where the text goes, if it may. None: to the number on file."""
    actor: Actor = "caller"


class CancelReason(StrEnum):
    """Why an appointment was cancelled: a closed set, because words would be personal data."""

    CANNOT_COME = "cannot_come"
    NO_LONGER_NEEDED = "no_longer_needed"
    WENT_ELSEWHERE = "went_elsewhere"
    BOOKED_BY_MISTAKE = "booked_by_mistake"
    OTHER = "other"
    BY_STAFF = "by_staff"
    EVENT_DELETED = "event_deleted"
    """Staff took it out of their calendar."""


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A wish to cancel an appointment; otherwise as `MoveRequest`."""

    idempotency_key: str
    appointment_id: uuid.UUID
    customer_id: int | None
    reason: CancelReason = CancelReason.OTHER
    call_sid: str | None = None
    caller: str | None = None
    customer_phone: str | None = None
    actor: Actor = "caller"


Mark = Literal["arrived", "completed", "no_show"]
"""What staff say of an appointment whose day has come."""


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Hold an opening for a call while the caller makes up their mind."""

    call_sid: str
    opening: Opening
    seconds: int = 120


@dataclass(frozen=True, slots=True)
class Booking:
    """An appointment in the database. Times are aware UTC, `ends_at` excluded."""

    appointment_id: uuid.UUID
    location_id: str
    customer_id: int
    vehicle_id: int | None
    starts_at: datetime
    ends_at: datetime
    lines: tuple[OpeningLine, ...]
    """What is done where, in the order of the work."""
    status: str = "booked"
    """What has become of it: booked, arrived, completed, no_show or cancelled."""
    version: int = 1
    """One more with every change."""
    is_texted: bool = False
    """Whether a text message about it as it stands is, or will be, on its way."""

    @property
    def service_codes(self) -> tuple[str, ...]:
        """What is done, in order."""
        return tuple(line.service_code for line in self.lines)

    @property
    def bay_id(self) -> str:
        """The bay of the first line."""
        return self.lines[0].bay_id

    @property
    def service_code(self) -> str:
        """The service of the first line."""
        return self.lines[0].service_code

    @property
    def as_opening(self) -> Opening:
        """What it takes of the bays' time."""
        return Opening(self.location_id, self.starts_at, self.ends_at, self.lines)

    @property
    def confirmation(self) -> str:
        """A short code that can be said aloud, such as "K7F2"."""
        return confirmation_code(self.appointment_id)


def wish_of(opening: Opening) -> dict[str, Any]:
    """What an opening asks for, in whichever bay, JSON-ready: two wishes are the same when these
    are."""
    wish: dict[str, Any] = {
        "location_id": opening.location_id,
        "starts_at": opening.starts_at.astimezone(UTC).isoformat(),
        "services": list(opening.service_codes),
    }
    return wish if opening.transport == "drop_off" else wish | {"transport": opening.transport}


def state_of(booking: Booking) -> dict[str, Any]:
    """How an appointment stands, for its history; JSON-ready, and nothing of its customer."""

    def instant(moment: datetime) -> str:
        return moment.astimezone(UTC).isoformat()

    return {
        "status": booking.status,
        "starts_at": instant(booking.starts_at),
        "ends_at": instant(booking.ends_at),
        "lines": [
            {
                "service": line.service_code,
                "bay": line.bay_id,
                "starts_at": instant(line.starts_at),
                "ends_at": instant(line.ends_at),
                "free_at": instant(line.free_at),
            }
            for line in booking.lines
        ],
    }
