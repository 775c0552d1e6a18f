"""Which bay each line of a visit gets: the first that seems free, and that the database gives."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from config.dealership import Location
from otto.scheduling.availability.planning import with_buffers
from otto.scheduling.availability.taken import Obstacle
from otto.scheduling.availability.validation import CheckedLine, buffers_of
from otto.scheduling.bookings import SlotTaken, VehicleBooked
from otto.scheduling.changes.appointments import Line
from otto.scheduling.changes.writing import insert_lines
from otto.scheduling.hours import Period
from otto.scheduling.openings import OpeningLine


async def take_places(
    connection: AsyncConnection,
    location: Location,
    appointment_id: uuid.UUID,
    vehicle_id: int | None,
    lines: Sequence[CheckedLine],
    obstacles: Sequence[Obstacle],
    *,
    look: Callable[[], Awaitable[Sequence[Obstacle]]],
    with_events: Callable[[Sequence[OpeningLine]], Sequence[Line]],
) -> Sequence[Line]:
    """Insert the lines, each with its event, where there is room; returns them with their bays.

    `obstacles` are what is known to be in the way, `look` looks again. Raises `SlotTaken` and
    `VehicleBooked`, and has then changed nothing.
    """
    # Each time that nothing was inserted, somebody has just taken one bay more.
    for _ in location.bays:
        work = with_events(places(lines, obstacles, location.zone))
        if await insert_lines(connection, appointment_id, location.id, vehicle_id, work):
            return work
        obstacles = await look()
    raise SlotTaken


def places(
    lines: Sequence[CheckedLine], obstacles: Sequence[Obstacle], zone: ZoneInfo
) -> tuple[OpeningLine, ...]:
    """The lines, each in the first of its bays that seems to be free, with what the bay is needed
    for after the work. Raises `SlotTaken` and
    `VehicleBooked`."""
    found = []
    for checked_line in lines:
        line = checked_line.line
        work, use = Period(line.starts_at, line.ends_at), Period(line.starts_at, line.free_at)
        for other in obstacles:
            if other.kind == "vehicle" and other.period.overlaps(work):
                raise VehicleBooked(other.period.starts_at, zone)
        taken = {
            other.bay_id
            for other in obstacles
            if other.kind == "bay" and other.period.overlaps(use)
        }
        bay = next((bay for bay in checked_line.bays if bay.id not in taken), None)
        if bay is None:
            raise SlotTaken
        found.append(replace(line, bay_id=bay.id))
    return with_buffers(found, buffers_of(line.service for line in lines))
