"""Which starts are free, and which to offer: arithmetic over periods, no clock, no database.

    open      |-------------------------------------|          |------------------|
    busy A        |======|        |=====|                          |====|
    busy B    |====|                       |====|
    starts    ^   ^   ^   ^   ^   ^   ^   ^   ^                ^   ^   ^   ^
              every `step` from each opening time, where some bay with the skill is free for
              `duration` and the work is done before closing.

One opening is offered per start; which bay it names is decided here, so that the database only
has to refuse what somebody else took meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from config.dealership import Bay
from otto.scheduling.hours import Period

NOON = time(12, 0)


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
    """What a caller asked for. Dates are local, both included; None means from today, to the
    horizon. `earliest` is a local time of day that no opening begins before."""

    service_code: str
    from_date: date | None = None
    to_date: date | None = None
    part_of_day: Literal["morning", "afternoon"] | None = None
    limit: int = 3
    earliest: time | None = None
    vehicle_id: int | None = None
    """The vehicle it is for, if that is known: nothing is offered while it is in a bay already."""


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


def compute_openings(
    *,
    location_id: str,
    service_code: str,
    bays: Sequence[Bay],
    busy: Mapping[str, Sequence[Period]],
    open_periods: Iterable[Period],
    duration: timedelta,
    step: timedelta,
    not_before: datetime,
) -> tuple[Opening, ...]:
    """All openings, one per start, in order.

    `bays` must have the skill already and come in order of preference (`rank_bays`); `busy` maps
    bay ids to taken periods in any order.
    """
    found = []
    for period in open_periods:
        # Days of appointments come in; only those of this period are worth looking at.
        near = {bay.id: [t for t in busy.get(bay.id, ()) if t.overlaps(period)] for bay in bays}
        for start in starts_within(period, duration, step):
            if start < not_before:
                continue
            work = Period(start, start + duration)
            for bay in bays:
                if not any(work.overlaps(taken) for taken in near[bay.id]):
                    found.append(
                        Opening.of_one(
                            location_id, bay.id, service_code, work.starts_at, work.ends_at
                        )
                    )
                    break
    return tuple(found)


def fits_day(opening: Opening, query: OpeningsQuery, tz: ZoneInfo) -> bool:
    """Whether the start suits the part of day and the earliest time the caller asked for."""
    wall = opening.starts_at.astimezone(tz).time()
    if query.part_of_day is not None and (wall < NOON) != (query.part_of_day == "morning"):
        return False
    return query.earliest is None or wall >= query.earliest


def spread(openings: Sequence[Opening], limit: int, tz: ZoneInfo) -> tuple[Opening, ...]:
    """Choose up to `limit` openings worth reading aloud, in order of time.

    The first one is always among them, because "as soon as possible" is what most callers want.
    The others come from the earliest days that have any, one day after the other, and at times of
    day as different as possible from those already chosen: a caller who cannot come at eight
    rarely can at half past. `openings` must be in order and have distinct starts.
    """
    if limit <= 0 or not openings:
        return ()
    by_day: dict[date, list[Opening]] = {}
    for opening in openings:
        by_day.setdefault(opening.starts_at.astimezone(tz).date(), []).append(opening)
    days = list(by_day.values())[:limit]
    quota = _share(limit, [len(day) for day in days])
    chosen = [openings[0]]
    for index, day in enumerate(days):
        left = [opening for opening in day if opening is not openings[0]]
        for _ in range(quota[index] - (1 if index == 0 else 0)):
            best = max(left, key=lambda candidate: _distance(candidate, chosen, tz))
            left.remove(best)
            chosen.append(best)
    return tuple(sorted(chosen, key=lambda opening: opening.starts_at))


def _share(limit: int, available: Sequence[int]) -> list[int]:
    """How many to take from each day: round by round, earlier days first."""
    quota = [0] * len(available)
    while limit > 0 and quota != list(available):
        for index, count in enumerate(available):
            if limit > 0 and quota[index] < count:
                quota[index] += 1
                limit -= 1
    return quota


def _distance(
    candidate: Opening, chosen: Sequence[Opening], tz: ZoneInfo
) -> tuple[int, bool, float]:
    """Larger is better: far in time of day from the chosen ones, on the hour, early."""
    minutes = _minute_of_day(candidate, tz)
    nearest = min(abs(minutes - _minute_of_day(other, tz)) for other in chosen)
    return nearest, minutes % 60 == 0, -candidate.starts_at.timestamp()


def _minute_of_day(opening: Opening, tz: ZoneInfo) -> int:
    local = opening.starts_at.astimezone(tz)
    return local.hour * 60 + local.minute
