"""Looking for openings: days of taken time are read, and what is free between them offered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from config.dealership import Dealership, Location
from otto.language.wishes import Choice, DaySet, Wish
from otto.scheduling.availability.choosing import FreeStart, choose, meets, nearest
from otto.scheduling.availability.holds import blocked, not_held_for, offered_to_others
from otto.scheduling.availability.looking import Taken, Visit, free_starts_on, visit_of, why_not
from otto.scheduling.availability.planning import MOST_SERVICES
from otto.scheduling.availability.reasons import sentence_of
from otto.scheduling.availability.taken import (
    HAS_VEHICLE,
    OCCUPIES,
    STANDS,
    overlapping,
    work_overlapping,
)
from otto.scheduling.availability.validation import service_of
from otto.scheduling.bookings import SchedulingError
from otto.scheduling.hours import Period, local_day, to_instant
from otto.scheduling.openings import Opening, Openings, OpeningsQuery, Why
from otto.storage.tables import AppointmentLineRow, AppointmentRow, BayBlockRow

SEARCH_DAYS = 14
"""How many days of appointments are read at once while looking for openings."""
AROUND_DAYS = 7
"""How far around the wished days the nearest opening is looked for before all the others."""
TOO_MANY_SERVICES = f"I can put at most {MOST_SERVICES} services into one visit."


async def search(
    connection: AsyncConnection,
    query: OpeningsQuery,
    dealership: Dealership,
    location: Location,
    now: datetime,
) -> Openings:
    """What to offer: up to `query.limit` openings with distinct starts. Raises `SchedulingError`
    for unknown, repeated or too many services."""
    looking = _Looking(connection, query, dealership, location, now)
    return await looking.found()


class _Looking:
    """One search. What was read of the days is kept, in stretches of `SEARCH_DAYS`."""

    def __init__(
        self,
        connection: AsyncConnection,
        query: OpeningsQuery,
        dealership: Dealership,
        location: Location,
        now: datetime,
    ) -> None:
        codes = tuple(dict.fromkeys(query.service_codes))
        if not 1 <= len(codes) <= MOST_SERVICES:
            raise SchedulingError("too_many_services", TOO_MANY_SERVICES)
        services = [service_of(dealership, code) for code in codes]
        self._visit: Visit = visit_of(
            services, location, now, staff=query.staff, transport=query.transport
        )
        self._connection, self._query, self._location, self._now = connection, query, location, now
        self._today = now.astimezone(location.zone).date()
        self._last = self._today + timedelta(days=location.horizon_days)
        self._wish = query.wish or Wish((Choice(DaySet(self._today, None)),))
        self._taken = Taken()
        self._known: set[date] = set()

    async def found(self) -> Openings:
        zone, limit = self._location.zone, self._query.limit
        first, last = self._wished_span()
        candidates = await self._wished()
        choice = choose(candidates, self._wish, zone, limit)
        asked, is_free = self._asked(), None
        if asked is not None:
            is_free = any(one.opening.starts_at == asked for one in candidates)
        if choice is not None:
            if choice.why is None:
                return Openings(choice.openings, asked, is_free)
            day = choice.openings[0].starts_at.astimezone(zone).date()
            # The time that was asked for, and then where the rest of the wish could be met.
            full = [one for one in await self._around(first, last) if one.is_full]
            beside = nearest(full, self._wish, zone, 1)
            chosen = (*choice.openings[: limit - len(beside)], *beside)
            return self._openings(chosen, asked, is_free, choice.why, day)
        why, day = why_not(self._wish, self._visit, self._taken, first, last)
        near = nearest(await self._around(first, last), self._wish, zone, limit)
        if not near:
            why, day = Why.TOO_FAR, self._last
        return self._openings(near, asked, is_free, why, day)

    def _openings(
        self,
        openings: Sequence[Opening],
        asked: datetime | None,
        is_free: bool | None,
        why: Why,
        day: date,
    ) -> Openings:
        sentence = sentence_of(why, self._visit, day, self._query.staff)
        return Openings(tuple(openings), asked, is_free, why, sentence)

    def _asked(self) -> datetime | None:
        exact = self._wish.exact
        return None if exact is None else to_instant(exact[0], exact[1], self._location.zone)

    def _wished_span(self) -> tuple[date, date]:
        """The first and the last day that may be meant, within the days that are booked."""
        first = min(choice.days.first for choice in self._wish.choices)
        lasts = [choice.days.last or self._last for choice in self._wish.choices]
        low = min(max(first, self._today), self._last)
        return low, max(min(max(lasts), self._last), low)

    async def _wished(self) -> list[FreeStart]:
        """Free starts on the wished days: enough days to choose from, no more. "As soon as
        possible" reads two weeks, not two months."""
        first, last = self._wished_span()
        found: list[FreeStart] = []
        full_days = days_since = 0
        day = first
        while day <= last and full_days < self._query.limit and days_since < SEARCH_DAYS:
            if self._wish.hours_on(day):
                await self._read(day, min(day + timedelta(days=SEARCH_DAYS - 1), last))
                todays = list(free_starts_on(day, self._visit, self._taken))
                found += todays
                fitting = [
                    one
                    for one in todays
                    if meets(one.opening.starts_at, self._wish, self._location.zone)
                ]
                full_days += any(one.is_full for one in fitting)
                # The rest of the wish is worth a fortnight's look, once there are openings at all.
                days_since += bool(fitting) or days_since > 0
            day += timedelta(days=1)
        return found

    async def _around(self, first: date, last: date) -> list[FreeStart]:
        """Free starts around the wished days; without any, on the first days after that have."""
        around = timedelta(days=AROUND_DAYS)
        low, high = max(first - around, self._today), min(last + around, self._last)
        if (high - low).days > SEARCH_DAYS + AROUND_DAYS:
            high = low + timedelta(days=SEARCH_DAYS + AROUND_DAYS)
        found = await self._on(low, high)
        day = high + timedelta(days=1)
        while not found and day <= self._last:
            end = min(day + timedelta(days=SEARCH_DAYS - 1), self._last)
            found, day = await self._on(day, end), end + timedelta(days=1)
        return found or await self._on(self._today, low - timedelta(days=1))

    async def _on(self, first: date, last: date) -> list[FreeStart]:
        days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
        if days:
            await self._read(first, last)
        return [one for day in days for one in free_starts_on(day, self._visit, self._taken)]

    async def _read(self, first: date, last: date) -> None:
        """Make sure that all is known of these days."""
        days = {first + timedelta(days=ahead) for ahead in range((last - first).days + 1)}
        unknown = days - self._known
        if not unknown:
            return
        self._known |= unknown
        first, last = min(unknown), max(unknown)
        # A night may reach into the day after.
        span = Period(
            local_day(self._location, first).starts_at,
            local_day(self._location, last + timedelta(days=1)).ends_at,
        )
        await self._read_bays(span)
        if self._location.places_a_day(self._query.transport) is not None:
            await self._read_places(first, last)
        if self._query.call_sid is not None:
            offered = await offered_to_others(
                self._connection, self._location.id, span, self._query.call_sid, self._now
            )
            self._taken.offered |= Counter(offered)

    async def _read_bays(self, span: Period) -> None:
        line, vehicle_id = AppointmentLineRow, self._query.vehicle_id
        bays = [bay.id for bay in self._location.bays]
        columns = line.bay_id, line.vehicle_id, line.starts_at, line.ends_at, line.free_at
        moving = self._query.moving
        others = true() if moving is None else line.appointment_id.is_distinct_from(moving)
        # Each look has an index of its own; together, under one OR, they would have none.
        taken: Any = select(*columns).where(
            OCCUPIES,
            others,
            line.bay_id.in_(bays),
            overlapping(span),
            not_held_for(self._query.call_sid, self._now),
        )
        if vehicle_id is not None:
            of_vehicle = select(*columns).where(
                HAS_VEHICLE, others, line.vehicle_id == vehicle_id, work_overlapping(span)
            )
            taken = taken.union_all(of_vehicle)
        busy, away = self._taken.busy, self._taken.away
        for bay_id, whose, starts_at, ends_at, free_at in await self._connection.execute(taken):
            busy.setdefault(bay_id, []).append(Period(starts_at, free_at))
            if vehicle_id is not None and whose == vehicle_id:
                away.append(Period(starts_at, ends_at))
        block = BayBlockRow
        blocks = select(block.bay_id, block.starts_at, block.ends_at).where(
            block.bay_id.in_(bays), blocked(span)
        )
        for bay_id, starts_at, ends_at in await self._connection.execute(blocks):
            busy.setdefault(bay_id, []).append(Period(starts_at, ends_at))

    async def _read_places(self, first: date, last: date) -> None:
        head = AppointmentRow
        used = (
            select(head.transport_date, func.count())
            .where(
                head.location_id == self._location.id,
                head.transport == self._query.transport,
                head.transport_date.between(first, last),
                STANDS,
            )
            .group_by(head.transport_date)
        )
        for day, count in await self._connection.execute(used):
            if day is not None:
                self._taken.places[day] = count
