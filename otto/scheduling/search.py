"""Looking for openings: days of taken time are read, and what is free between them offered."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import false, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.dealership import Dealership, Location
from otto.scheduling.hours import Period, local_day, periods_reaching
from otto.scheduling.openings import (
    Opening,
    OpeningsQuery,
    compute_openings,
    fits_day,
    rank_bays,
    spread,
)
from otto.scheduling.taken import OCCUPIES, overlapping, work_overlapping
from otto.scheduling.validation import service_of
from otto.storage.tables import AppointmentLineRow

SEARCH_DAYS = 14
"""How many days of appointments are read at once while looking for openings."""


async def search(
    connection: AsyncConnection,
    query: OpeningsQuery,
    dealership: Dealership,
    location: Location,
    now: datetime,
) -> tuple[Opening, ...]:
    """Up to `query.limit` openings with distinct starts, in order; the first one available is
    always among them. Raises `SchedulingError` for an unknown service."""
    service = service_of(dealership, query.service_code)
    bays = rank_bays(location.bays, service.skill)
    today = now.astimezone(location.zone).date()
    last = today + timedelta(days=location.horizon_days)
    day = max(query.from_date or today, today)
    if query.to_date is not None:
        last = min(last, query.to_date)

    found: list[Opening] = []
    days_with_openings = 0
    busy: dict[str, list[Period]] = {}
    away: list[Period] = []
    known_until = day
    # Enough days to choose from, no more: "as soon as possible" reads two weeks, not two months.
    while day <= last and days_with_openings < query.limit:
        if day >= known_until:
            known_until = min(day + timedelta(days=SEARCH_DAYS), last + timedelta(days=1))
            # A night may reach into the day after.
            busy, away = await _busy(connection, location, day, known_until, query.vehicle_id)
        openings = compute_openings(
            location_id=location.id,
            service_code=service.code,
            bays=bays,
            busy=busy,
            open_periods=periods_reaching(location, day),
            duration=timedelta(minutes=service.duration_minutes),
            step=timedelta(minutes=location.slot_minutes),
            not_before=now + timedelta(minutes=location.min_notice_minutes),
        )
        fitting = [
            one
            for one in openings
            if one.starts_at.astimezone(location.zone).date() == day
            and fits_day(one, query, location.zone)
            and not any(Period(one.starts_at, one.ends_at).overlaps(each) for each in away)
        ]
        found += fitting
        days_with_openings += bool(fitting)
        day += timedelta(days=1)
    return spread(found, query.limit, location.zone)


async def _busy(
    connection: AsyncConnection,
    location: Location,
    first: date,
    last: date,
    vehicle_id: int | None,
) -> tuple[dict[str, list[Period]], list[Period]]:
    """Taken periods by bay, and those of the vehicle in whichever bay, from the start of the
    first local day to the end of the last."""
    line = AppointmentLineRow
    days = Period(local_day(location, first).starts_at, local_day(location, last).ends_at)
    in_bays = line.bay_id.in_([bay.id for bay in location.bays]) & overlapping(days)
    of_vehicle = (
        false() if vehicle_id is None else (line.vehicle_id == vehicle_id) & work_overlapping(days)
    )
    taken = select(line.bay_id, line.vehicle_id, line.starts_at, line.ends_at, line.free_at).where(
        OCCUPIES, or_(in_bays, of_vehicle)
    )
    busy: dict[str, list[Period]] = {}
    away = []
    for bay_id, whose, starts_at, ends_at, free_at in await connection.execute(taken):
        busy.setdefault(bay_id, []).append(Period(starts_at, free_at))
        if vehicle_id is not None and whose == vehicle_id:
            away.append(Period(starts_at, ends_at))
    return busy, away
