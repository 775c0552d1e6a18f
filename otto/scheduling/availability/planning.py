"""Which starts are free for a visit: arithmetic over periods, no clock, no database.

    open      |-------------------------------------|          |------------------|
    busy A        |======|        |=====|                          |====|
    busy B    |====|                       |====|
    starts    ^   ^   ^   ^   ^   ^   ^   ^   ^                ^   ^   ^   ^
              every `step` from each opening time, where all the work of the visit finds bays with
              its skills, one piece after another, and is done before closing.

A car is in one bay at a time: several services follow one another without a gap, in whichever order
finds bays, and stay in one bay where they can. After the work a bay may be needed for a while
longer (the *buffer*), unless the next piece of the same visit is done in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import permutations

from config.dealership import Bay, Location, Service
from otto.scheduling.hours import Period
from otto.scheduling.openings import OpeningLine

MOST_SERVICES = 4
"""In one visit. Their orders are tried one by one."""


@dataclass(frozen=True, slots=True)
class Work:
    """A service to be done: how long it takes, and the bays that can do it, preferred first."""

    service_code: str
    duration: timedelta
    buffer: timedelta
    bays: tuple[str, ...]


def work_of(
    services: Iterable[Service], location: Location, preferred: Iterable[str] = ()
) -> tuple[Work, ...]:
    """The work of a visit. Of the bays that can do a piece the `preferred` come first."""
    first = frozenset(preferred)
    return tuple(
        Work(
            service.code,
            timedelta(minutes=service.duration_minutes),
            timedelta(minutes=service.buffer_minutes),
            tuple(
                bay.id
                for bay in sorted(
                    rank_bays(location.bays, service.skill), key=lambda bay: bay.id not in first
                )
            ),
        )
        for service in services
    )


def rank_bays(bays: Iterable[Bay], skill: str) -> tuple[Bay, ...]:
    """The bays that can do the work, least versatile first: the others stay free for work that
    only they can do."""
    able = [bay for bay in bays if skill in bay.skills]
    return tuple(sorted(able, key=lambda bay: (len(bay.skills), bay.id)))


def starts_within(period: Period, duration: timedelta, step: timedelta) -> Iterator[datetime]:
    """Every start in an open period, `step` apart from its beginning, that ends before closing."""
    start = period.starts_at
    while start + duration <= period.ends_at:
        yield start
        start += step


def plan(
    work: Sequence[Work], start: datetime, busy: Mapping[str, Sequence[Period]]
) -> tuple[OpeningLine, ...] | None:
    """The lines of a visit that begins at `start`, or None when some piece finds no bay. `busy`
    maps bay ids to taken periods in any order."""
    for order in permutations(work):
        lines = _in_order(order, start, busy)
        if lines is not None:
            return lines
    return None


def _in_order(
    order: Iterable[Work], start: datetime, busy: Mapping[str, Sequence[Period]]
) -> tuple[OpeningLine, ...] | None:
    lines: list[OpeningLine] = []
    buffers: dict[str, timedelta] = {}
    at, here = start, ""
    for work in order:
        done = at + work.duration
        use = Period(at, done + work.buffer)
        buffers[work.service_code] = work.buffer
        bay = next(
            (
                bay
                for bay in sorted(work.bays, key=lambda bay: bay != here)
                if not any(use.overlaps(taken) for taken in busy.get(bay, ()))
            ),
            None,
        )
        if bay is None:
            return None
        lines.append(OpeningLine(work.service_code, bay, at, done, use.ends_at))
        at, here = done, bay
    return with_buffers(lines, buffers)


def with_buffers(
    lines: Sequence[OpeningLine], buffers: Mapping[str, timedelta]
) -> tuple[OpeningLine, ...]:
    """The lines with their `free_at`: the work's end and the service's buffer, but no later than
    the visit's own next piece in that bay."""
    return tuple(
        replace(
            line,
            free_at=min(
                [
                    line.ends_at + buffers[line.service_code],
                    *(
                        later.starts_at
                        for later in lines
                        if later.bay_id == line.bay_id and later.starts_at >= line.ends_at
                    ),
                ]
            ),
        )
        for line in lines
    )


def duration_of(work: Iterable[Work]) -> timedelta:
    """How long a visit takes, from the first piece's start to the last one's end."""
    return sum((one.duration for one in work), timedelta())
