"""What was offered and told in a call: openings, appointments and vehicles, under the names that
the model knows them by. Plain data of the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from otto.scheduling.openings import Transport


@dataclass(frozen=True, slots=True)
class OfferLine:
    """One service of an opening that was offered. Times are ISO 8601, UTC."""

    service_code: str
    bay_id: str
    starts_at: str
    ends_at: str
    free_at: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An opening that was offered in this call, under an opaque id."""

    slot_id: str
    lines: tuple[OfferLine, ...]
    """What is done then, in the order of the work."""
    starts_at: str
    """ISO 8601, UTC."""
    ends_at: str
    when: str
    """As it is said: "Tuesday, November 24 at 9:00 AM"."""
    caller_turn: int
    """How many turns the caller had taken when it was offered: it can be booked only after the
    caller has answered."""
    transport: Transport = "drop_off"
    """How they go on without the car, as far as there is a place for it."""
    change: int = 0
    """How many appointments this call had moved or cancelled by then: a time that was given up
    and is wanted again is another wish."""

    @property
    def service_codes(self) -> tuple[str, ...]:
        return tuple(line.service_code for line in self.lines)

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        """The inverse of `asdict`."""
        return cls(**{**data, "lines": tuple(OfferLine(**line) for line in data["lines"])})


@dataclass(frozen=True, slots=True)
class AppointmentRef:
    """A standing appointment of the caller's that they were told of in this call."""

    ref: str
    """The name that the model knows it by."""
    appointment_id: str
    service_codes: tuple[str, ...]
    service: str
    """As it is said."""
    vehicle_id: int | None
    vehicle: str
    starts_at: str
    """ISO 8601, UTC."""
    when: str
    confirmation: str
    caller_turn: int
    """How many turns the caller had taken when they were told of it as it stands: it can be
    changed only after they have answered."""

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        """The inverse of `asdict`."""
        return cls(**{**data, "service_codes": tuple(data["service_codes"])})


@dataclass(frozen=True, slots=True)
class VehicleRef:
    """A vehicle under the name the model knows it by; the database's id stays with us."""

    ref: str
    vehicle_id: int
    description: str
