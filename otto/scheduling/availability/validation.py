"""Whether an opening keeps today's rules: hours, notice, skills, durations. No clock, no database.

Openings come back from callers, and a dealership's file may have changed since they were offered:
each is checked as if it came from a stranger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import get_args

from config.dealership import Bay, Dealership, Location, Service
from otto.scheduling.availability.looking import notice_for
from otto.scheduling.availability.planning import (
    MOST_SERVICES,
    rank_bays,
    starts_within,
    with_buffers,
)
from otto.scheduling.availability.reasons import NEVER
from otto.scheduling.bookings import BookingRefused, SchedulingError
from otto.scheduling.hours import Period, periods_reaching
from otto.scheduling.openings import Opening, OpeningLine, Transport
from otto.storage.appointment_terms import Actor

NOTICE_GRACE = timedelta(minutes=10)
"""A caller may take this long to decide on an opening that was offered at the last minute."""
LONGEST = timedelta(hours=24)
"""Of one line, as the tables have it."""
NO_LONGER_VALID = "That opening is no longer valid."


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """A line that keeps the rules, and the bays that could serve for it, its own first."""

    line: OpeningLine
    service: Service
    bays: tuple[Bay, ...]


def checked(
    opening: Opening,
    dealership: Dealership,
    location: Location,
    now: datetime,
    *,
    actor: Actor = "caller",
) -> tuple[CheckedLine, ...]:
    """The opening's lines. Raises `SchedulingError` for what breaks a rule.

    Staff know their day: theirs may begin off the grid, at short notice and beyond the horizon,
    take longer or shorter than the menu says, and is done in the bay they name. It still keeps to
    the future, the opening hours, the skills of the bays, and one bay at a time.
    """
    by_staff = actor == "staff"
    lines = tuple(
        _checked_line(line, opening, dealership, location, by_staff) for line in opening.lines
    )
    services = [line.service for line in lines]
    if not 1 <= len(lines) <= MOST_SERVICES or not _is_one_visit(opening):
        raise BookingRefused("wrong_duration", NO_LONGER_VALID)
    if not by_staff and opening.lines != with_buffers(opening.lines, buffers_of(services)):
        raise BookingRefused("wrong_duration", NO_LONGER_VALID)
    if opening.transport not in get_args(Transport):
        raise BookingRefused("no_transport", "We do not offer that.")
    if location.places_a_day(opening.transport) == 0:
        raise BookingRefused("no_transport", NEVER[opening.transport])
    notice = timedelta() if by_staff else notice_for(services, location)
    if opening.starts_at < now + max(notice - NOTICE_GRACE, timedelta()):
        raise BookingRefused("too_soon", "I am sorry, that time is too soon to book by now.")
    day = opening.starts_at.astimezone(location.zone).date()
    today = now.astimezone(location.zone).date()
    if day > today + timedelta(days=location.horizon_days) and not by_staff:
        raise BookingRefused("too_far", "I cannot book that far ahead.")
    if not _is_within_hours(opening, location, day, by_staff):
        raise BookingRefused("outside_hours", "The service department is closed at that time.")
    return lines


def service_of(dealership: Dealership, code: str) -> Service:
    """The service. Raises `SchedulingError` for an unknown one."""
    try:
        return dealership.service(code)
    except KeyError:
        raise SchedulingError("unknown_service", "We do not offer that service.") from None


def _checked_line(
    line: OpeningLine,
    opening: Opening,
    dealership: Dealership,
    location: Location,
    by_staff: bool,
) -> CheckedLine:
    service = service_of(dealership, line.service_code)
    bays = rank_bays(location.bays, service.skill)
    if opening.location_id != location.id or line.bay_id not in {bay.id for bay in bays}:
        raise BookingRefused("wrong_bay", "That appointment cannot be done there.")
    duration = line.ends_at - line.starts_at
    if line.free_at < line.ends_at or (
        not timedelta() < duration <= LONGEST
        if by_staff
        else duration != timedelta(minutes=service.duration_minutes)
    ):
        raise BookingRefused("wrong_duration", NO_LONGER_VALID)
    bays = tuple(sorted(bays, key=lambda bay: bay.id != line.bay_id))
    return CheckedLine(line, service, bays[:1] if by_staff else bays)


def buffers_of(services: Iterable[Service]) -> dict[str, timedelta]:
    """How long a bay is needed after each service."""
    return {service.code: timedelta(minutes=service.buffer_minutes) for service in services}


def _is_one_visit(opening: Opening) -> bool:
    """The opening is the span of its lines, which follow one another: a car is in one bay at a
    time. Nothing is done twice."""
    lines = opening.lines
    codes = opening.service_codes
    return (
        (opening.starts_at, opening.ends_at) == (lines[0].starts_at, lines[-1].ends_at)
        and all(one.ends_at <= two.starts_at for one, two in pairwise(lines))
        and len(set(codes)) == len(codes)
    )


def _is_within_hours(opening: Opening, location: Location, day: date, off_grid: bool) -> bool:
    """It is done in one open period, and begins on the grid of that."""
    step = timedelta(minutes=location.slot_minutes)
    work = Period(opening.starts_at, opening.ends_at)
    duration = work.ends_at - work.starts_at
    return any(
        period.starts_at <= work.starts_at and work.ends_at <= period.ends_at
        if off_grid
        else work.starts_at in starts_within(period, duration, step)
        for period in periods_reaching(location, day)
    )
