"""Which of the free starts to offer: the nearest to what was asked, and why they are not that.

A wish is met or not; what a caller would *like* (somebody of the staff, a seat in the waiting room)
ranks what meets it. When nothing meets the wish, the nearest starts are offered all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from otto.language.wishes import Hours, Wish
from otto.scheduling.openings import Opening, Why

OTHER_DAY_MIN = 180
"""Another day is as far from the wish as this many minutes on the day itself."""


@dataclass(frozen=True, slots=True)
class FreeStart:
    """A free start. `with_staff`, `has_transport`: whether that part of the wish is met;
    `is_offered`: whether as many other calls are considering it as there are bays for it."""

    opening: Opening
    with_staff: bool = True
    has_transport: bool = True
    is_offered: bool = False

    @property
    def is_full(self) -> bool:
        """Whether it is all that they would like, but for the time."""
        return self.with_staff and self.has_transport


@dataclass(frozen=True, slots=True)
class Choice:
    """The openings to offer, best first, and what stands against the wish, if anything."""

    openings: tuple[Opening, ...]
    why: Why | None = None


def meets(starts_at: datetime, wish: Wish, zone: ZoneInfo) -> bool:
    """Whether a start is at a day and a time that were asked for."""
    local = starts_at.astimezone(zone)
    return any(local.time() in hours for hours in wish.hours_on(local.date()))


def choose(
    candidates: Sequence[FreeStart], wish: Wish, zone: ZoneInfo, limit: int
) -> Choice | None:
    """What to offer of the candidates that meet the wish; None when none does."""
    fitting = [one for one in candidates if meets(one.opening.starts_at, wish, zone)]
    if not fitting:
        return None
    full = [one for one in fitting if one.is_full]
    if full:
        return Choice(_best(full, wish, zone, limit))
    with_staff = [one for one in fitting if one.with_staff]
    why = Why.TRANSPORT if with_staff else Why.STAFF
    return Choice(_best(with_staff or fitting, wish, zone, limit), why)


def nearest(
    candidates: Iterable[FreeStart], wish: Wish, zone: ZoneInfo, limit: int
) -> tuple[Opening, ...]:
    """The openings nearest to the wish, whether they meet it or not."""
    ranked = sorted(
        candidates,
        key=lambda one: (
            one.is_offered,
            not one.is_full,
            _off(one.opening.starts_at.astimezone(zone), wish),
            # Who names a time may not be free before it.
            _is_before(one.opening.starts_at.astimezone(zone), wish),
            one.opening.starts_at,
        ),
    )
    return tuple(one.opening for one in ranked[:limit])


def _best(
    fitting: Sequence[FreeStart], wish: Wish, zone: ZoneInfo, limit: int
) -> tuple[Opening, ...]:
    """Those that nobody else is considering, while there are any: nearest to the start that was
    named, or spread over days and times of day."""
    left = [one.opening for one in fitting if not one.is_offered]
    openings = left or [one.opening for one in fitting]
    if any(choice.hours.wished is not None for choice in wish.choices):
        return tuple(
            sorted(openings, key=lambda one: _off_wished(one.starts_at.astimezone(zone), wish))[
                :limit
            ]
        )
    return spread(openings, limit, zone)


def _off_wished(local: datetime, wish: Wish) -> tuple[int, datetime]:
    minutes = _minutes(local.time())
    wished = [
        abs(minutes - _minutes(hours.wished))
        for hours in wish.hours_on(local.date())
        if hours.wished is not None and local.time() in hours
    ]
    return min(wished, default=0), local


def _off(local: datetime, wish: Wish) -> int:
    """Minutes from a start to the nearest one that was asked for, days included."""
    return min(
        OTHER_DAY_MIN * _days_off(local.date(), choice.days.first, choice.days.last)
        + (0 if local.date() in choice.days else OTHER_DAY_MIN)
        + _minutes_off(local.time(), choice.hours)
        for choice in wish.choices
    )


def _is_before(local: datetime, wish: Wish) -> bool:
    named = [choice.hours.wished for choice in wish.choices if choice.hours.wished is not None]
    return bool(named) and local.time() < min(named)


def _days_off(day: date, first: date, last: date | None) -> int:
    if day < first:
        return (first - day).days
    return max((day - last).days, 0) if last is not None else 0


def _minutes_off(moment: time, hours: Hours) -> int:
    """Minutes outside of the hours; inside, from the start that was named, if one was."""
    minutes = _minutes(moment)
    if hours.wished is not None:
        return abs(minutes - _minutes(hours.wished))
    low = minutes if hours.earliest is None else _minutes(hours.earliest)
    high = minutes if hours.latest is None else _minutes(hours.latest)
    return max(low - minutes, minutes - high, 0)


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute


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
    nearest_one = min(abs(minutes - _minute_of_day(other, tz)) for other in chosen)
    return nearest_one, minutes % 60 == 0, -candidate.starts_at.timestamp()


def _minute_of_day(opening: Opening, tz: ZoneInfo) -> int:
    return _minutes(opening.starts_at.astimezone(tz).time())
