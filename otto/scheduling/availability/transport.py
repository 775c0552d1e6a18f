"""How customers go on without their car: so many a day in the waiting room, with a loaner car or
in the shuttle.

A visit that needs one takes a numbered place of its day. Who takes the next number is decided under
a lock on (location, kind, day), and the unique index over the places is what counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config.dealership import Location
from otto.scheduling.bookings import Booking, BookingRefused
from otto.scheduling.openings import Opening
from otto.storage.appointment_terms import STANDING
from otto.storage.tables import AppointmentRow

FULL = {
    "wait": "I am sorry, on that day there is no place left in the waiting room.",
    "loaner": "I am sorry, on that day all our loaner cars are out.",
    "shuttle": "I am sorry, on that day our shuttle is full.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A numbered place of a day; both None where places are not counted."""

    day: date | None
    number: int | None


NO_PLACE = Place(None, None)


async def take_place(connection: AsyncConnection, opening: Opening, location: Location) -> Place:
    """The place that a new visit takes. Raises `BookingRefused` when its day has none left."""
    day = opening.starts_at.astimezone(location.zone).date()
    place = await _next_place(connection, opening.transport, day, location)
    if place is None:
        raise BookingRefused("no_transport", FULL[opening.transport])
    return place


async def move_place(
    connection: AsyncConnection, moved: Booking, location: Location, *, by_staff: bool
) -> None:
    """Have a visit that was moved take a place of its new day, and give the old one back. Raises
    `BookingRefused` when there is none; staff see to it themselves."""
    head = AppointmentRow
    its_own = head.id == moved.appointment_id
    wanted = select(head.transport, head.transport_date).where(its_own)
    transport, old = (await connection.execute(wanted)).one()
    day = moved.starts_at.astimezone(location.zone).date()
    if old is None or old == day:
        return
    place = await _next_place(connection, transport, day, location)
    if place is None and not by_staff:
        raise BookingRefused("no_transport", FULL[transport])
    taken = place or Place(day, None)
    await connection.execute(
        update(head).where(its_own).values(transport_date=taken.day, transport_place=taken.number)
    )


async def _next_place(
    connection: AsyncConnection, transport: str, day: date, location: Location
) -> Place | None:
    """The first free place, for the caller's transaction alone; None when all are taken."""
    places = location.places_a_day(transport)
    if places is None:
        return NO_PLACE
    key = func.hashtextextended(f"transport {location.id} {transport} {day}", 0)
    await connection.execute(select(func.pg_advisory_xact_lock(key)))
    head = AppointmentRow
    wanted = select(head.transport_place).where(
        head.location_id == location.id,
        head.transport == transport,
        head.transport_date == day,
        head.transport_place.is_not(None),
        head.status.in_(STANDING),
    )
    # A statement of its own: its snapshot is taken when the lock is held.
    taken = set(await connection.scalars(wanted))
    free = next((number for number in range(1, places + 1) if number not in taken), None)
    return None if free is None else Place(day, free)
