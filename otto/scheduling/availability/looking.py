"""One day at a time: which starts a visit may have on it, and why one may not. No database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from config.dealership import Location, Service
from otto.language.wishes import Hours, Wish
from otto.scheduling.availability.choosing import FreeStart
from otto.scheduling.availability.planning import Work, duration_of, plan, starts_within, work_of
from otto.scheduling.hours import Period, periods_reaching
from otto.scheduling.openings import Opening, Transport, Why

REASON_DAYS = 14
"""Days of a wish that are looked at for the reason why none of them will do."""
_NEAREST_FIRST = (
    Why.TAKEN,
    Why.VEHICLE_BOOKED,
    Why.OFF_GRID,
    Why.TOO_LONG,
    Why.TOO_SOON,
    Why.OUTSIDE_HOURS,
    Why.CLOSED,
)
"""Of several reasons the one is told that came nearest to an opening."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What is looked for at a location. `with_staff` is the same work in the bays of the one who
    was asked for; None: nobody was, or they do none of it."""

    location: Location
    work: tuple[Work, ...]
    with_staff: tuple[Work, ...] | None
    wants_staff: bool
    transport: Transport
    notice: timedelta
    not_before: datetime

    @property
    def duration(self) -> timedelta:
        return duration_of(self.work)

    @property
    def step(self) -> timedelta:
        return timedelta(minutes=self.location.slot_minutes)


@dataclass(slots=True)
class Taken:
    """What is taken on the days that were read: time in bays, time of the vehicle, places of the
    wished transport by date, and how many other calls consider a start."""

    busy: dict[str, list[Period]] = field(default_factory=dict)
    away: list[Period] = field(default_factory=list)
    places: dict[date, int] = field(default_factory=dict)
    offered: Counter[datetime] = field(default_factory=Counter)


def visit_of(
    services: Sequence[Service],
    location: Location,
    now: datetime,
    *,
    staff: str | None = None,
    transport: Transport = "drop_off",
) -> Visit:
    """The visit that is looked for."""
    member = location.staff_called(staff) if staff else None
    own_bays = member.bays if member else ()
    work = work_of(services, location, own_bays)
    theirs = tuple(
        Work(one.service_code, one.duration, one.buffer, own or one.bays)
        for one in work
        for own in (tuple(bay for bay in one.bays if bay in own_bays),)
    )
    does_any = any(set(one.bays) & set(own_bays) for one in work)
    notice = notice_for(services, location)
    return Visit(
        location=location,
        work=work,
        with_staff=theirs if does_any else None,
        wants_staff=bool(staff),
        transport=transport,
        notice=notice,
        not_before=now + notice,
    )


def notice_for(services: Iterable[Service], location: Location) -> timedelta:
    """How long before its start a visit has to be booked."""
    leads = (timedelta(hours=service.lead_time_hours) for service in services)
    return max([timedelta(minutes=location.min_notice_minutes), *leads])


def free_starts_on(day: date, visit: Visit, taken: Taken) -> Iterator[FreeStart]:
    """The free starts of a local date, in order."""
    location = visit.location
    for period in periods_reaching(location, day):
        near = {
            bay: [one for one in periods if one.overlaps(period)]
            for bay, periods in taken.busy.items()
        }
        for start in starts_within(period, visit.duration, visit.step):
            if start.astimezone(location.zone).date() != day:
                continue
            candidate = _free_start(start, day, visit, taken, near)
            if candidate is not None:
                yield candidate


def _free_start(
    start: datetime,
    day: date,
    visit: Visit,
    taken: Taken,
    near: Mapping[str, Sequence[Period]],
) -> FreeStart | None:
    whole = Period(start, start + visit.duration)
    if start < visit.not_before or any(whole.overlaps(one) for one in taken.away):
        return None
    lines = None if visit.with_staff is None else plan(visit.with_staff, start, near)
    is_theirs = lines is not None
    lines = lines or plan(visit.work, start, near)
    if lines is None:
        return None
    has_place = has_places(visit.location, visit.transport, taken.places.get(day, 0))
    transport: Transport = visit.transport if has_place else "drop_off"
    return FreeStart(
        Opening(visit.location.id, start, whole.ends_at, lines, transport),
        with_staff=is_theirs or not visit.wants_staff,
        has_transport=has_place,
        is_offered=start in taken.offered
        and _free_bays(visit, start, near) <= taken.offered[start],
    )


def has_places(location: Location, transport: Transport, used: int) -> bool:
    """Whether one more customer can have that transport on a day on which `used` have it."""
    places = location.places_a_day(transport)
    return places is None or used < places


def _free_bays(visit: Visit, start: datetime, near: Mapping[str, Sequence[Period]]) -> int:
    """How many visits like this one could begin then, by the bays of its first piece."""
    first = visit.work[0]
    use = Period(start, start + first.duration + first.buffer)
    return sum(not any(use.overlaps(one) for one in near.get(bay, ())) for bay in first.bays)


# Why not


def why_not(wish: Wish, visit: Visit, taken: Taken, first: date, last: date) -> tuple[Why, date]:
    """Why no start on the days from `first` to `last` meets the wish, and the day it is about."""
    found: dict[Why, date] = {}
    days = [
        first + timedelta(days=ahead)
        for ahead in range((last - first).days + 1)
        if wish.hours_on(first + timedelta(days=ahead))
    ]
    for day in days[:REASON_DAYS]:
        for start in _starts_wished(wish, visit, day):
            found.setdefault(_why_not_at(start, visit, taken), day)
        if not periods_reaching(visit.location, day):
            found.setdefault(Why.CLOSED, day)
        else:
            found.setdefault(Why.OUTSIDE_HOURS, day)
    return next(((why, found[why]) for why in _NEAREST_FIRST if why in found), (Why.TOO_FAR, last))


def _starts_wished(wish: Wish, visit: Visit, day: date) -> Iterator[datetime]:
    """The starts on a day that are worth asking about: the grid's within the wished hours, and the
    one that was named."""
    zone = visit.location.zone
    for hours in wish.hours_on(day):
        for named in {hours.exact, hours.wished} - {None}:
            yield datetime.combine(day, named or time(), zone).astimezone(UTC)
        for period in periods_reaching(visit.location, day):
            for start in starts_within(period, timedelta(), visit.step):
                if _is_wished(start.astimezone(zone), day, hours):
                    yield start


def _is_wished(local: datetime, day: date, hours: Hours) -> bool:
    return local.date() == day and local.time() in hours


def _why_not_at(start: datetime, visit: Visit, taken: Taken) -> Why:
    day = start.astimezone(visit.location.zone).date()
    periods = periods_reaching(visit.location, day)
    period = next((one for one in periods if one.starts_at <= start < one.ends_at), None)
    if period is None:
        return Why.OUTSIDE_HOURS if periods else Why.CLOSED
    whole = Period(start, start + visit.duration)
    if start < visit.not_before:
        return Why.TOO_SOON
    if whole.ends_at > period.ends_at:
        return Why.TOO_LONG
    if (start - period.starts_at) % visit.step:
        return Why.OFF_GRID
    if any(whole.overlaps(one) for one in taken.away):
        return Why.VEHICLE_BOOKED
    return Why.TAKEN
