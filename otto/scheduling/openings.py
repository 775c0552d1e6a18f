"""Openings: what is asked for, what is found, and why not. Shapes only, for call actors carry them.

How they are found is in `planning.py` (which starts are free), `choosing.py` (which to offer) and
`search.py` (over the database).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from otto.language.wishes import ANY_TIME, Choice, DaySet, Hours, Wish

Transport = Literal["drop_off", "wait", "loaner", "shuttle"]
"""How the customer goes on without the car."""
OFFERED = 3
"""More openings than this nobody remembers who only hears them."""


@dataclass(frozen=True, slots=True)
class OpeningLine:
    """One service in one bay. Aware UTC; exclusive are `ends_at`, when the work is done, and
    `free_at`, when the bay is free again."""

    service_code: str
    bay_id: str
    starts_at: datetime
    ends_at: datetime
    free_at: datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """A start that was free when it was computed, and what is done then: at least one line, in
    the order of the work. Aware UTC; `ends_at` excluded."""

    location_id: str
    starts_at: datetime
    ends_at: datetime
    lines: tuple[OpeningLine, ...]
    transport: Transport = "drop_off"
    """What there is a place for on that day, of what was wished."""

    @classmethod
    def of_one(
        cls,
        location_id: str,
        bay_id: str,
        service_code: str,
        starts_at: datetime,
        ends_at: datetime,
        free_at: datetime | None = None,
    ) -> Opening:
        """An opening for a single service."""
        line = OpeningLine(service_code, bay_id, starts_at, ends_at, free_at or ends_at)
        return cls(location_id, starts_at, ends_at, (line,))

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


@dataclass(frozen=True, slots=True)
class OpeningsQuery:
    """What a caller asks for: one or more services in one visit.

    `wish` None: as soon as possible. `staff`, `transport`: what they would like, which ranks the
    openings and rules none out.
    """

    service_codes: tuple[str, ...]
    wish: Wish | None = None
    limit: int = OFFERED
    vehicle_id: int | None = None
    """The vehicle it is for, if that is known: nothing is offered while it is in a bay already."""
    staff: str | None = None
    """The name of somebody who works there, as the caller says it."""
    transport: Transport = "drop_off"
    moving: UUID | None = None
    """The appointment that is to be moved: its own times are free for it."""
    call_sid: str | None = None
    """The call that asks. What it is offered steers other calls to other openings; what is held
    for it is not in its own way."""

    @classmethod
    def of_days(
        cls,
        service_code: str,
        first: date | None = None,
        last: date | None = None,
        *,
        hours: Hours = ANY_TIME,
        limit: int = OFFERED,
        vehicle_id: int | None = None,
    ) -> OpeningsQuery:
        """One service on any of these days, both included; None: from today, to the horizon."""
        wish = Wish((Choice(DaySet(first or date.min, last), hours),))
        return cls((service_code,), wish, limit=limit, vehicle_id=vehicle_id)


class Why(StrEnum):
    """Why openings are not what was asked for."""

    CLOSED = "closed"
    """Closed on that day."""
    OUTSIDE_HOURS = "outside_hours"
    TOO_LONG = "too_long"
    """It would not be done before closing."""
    TOO_SOON = "too_soon"
    OFF_GRID = "off_grid"
    """Appointments begin at other minutes."""
    VEHICLE_BOOKED = "vehicle_booked"
    """The vehicle is in a bay already then."""
    TAKEN = "taken"
    """Every bay that can do it is taken."""
    STAFF = "staff"
    """Not with the one who was asked for."""
    TRANSPORT = "transport"
    """No place left of the transport that was asked for."""
    TOO_FAR = "too_far"
    """Nothing as far ahead as bookings go."""


@dataclass(frozen=True, slots=True)
class Openings:
    """What was found: the openings to offer, best first, and how they meet the wish.

    `asked`: the one start that was named, aware UTC, and whether it is free. `why` and `sentence`
    say what stands against the wish (or a part of it); None and "" when all of it is met.
    """

    openings: tuple[Opening, ...]
    asked: datetime | None = None
    asked_is_free: bool | None = None
    why: Why | None = None
    sentence: str = ""

    def __iter__(self) -> Iterator[Opening]:
        return iter(self.openings)

    def __len__(self) -> int:
        return len(self.openings)
