"""The clock that all of Otto goes by: the machine's, or one that a setting has pinned.

`OTTO_CLOCK` says what the clock shows when the stack starts; it runs on from there, and by as much
in every process, in PostgreSQL (`otto.storage.clock`) and in the sandbox. It is for trying what
happens on a Friday before a holiday, and for scenarios that name days; with anything real around it
is refused (`config.loading`), because a booking for a week that is over helps nobody.

Durations are measured on the machine's monotonic clock, and ages of what lies in Redis by its own:
both run as fast as this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class PinnedClock:
    """A clock that is ahead of the machine's by `ahead`, or behind it."""

    ahead: timedelta

    @classmethod
    def showing(cls, now: datetime) -> PinnedClock:
        """One that shows `now`, which has a zone, at this moment."""
        return cls(now - datetime.now(UTC))

    @classmethod
    def read(cls, text: str) -> PinnedClock:
        """One that shows an ISO 8601 date and time with its zone. Raises ValueError."""
        try:
            shown = datetime.fromisoformat(text)
        except ValueError:
            shown = None
        if shown is None or shown.tzinfo is None:
            raise ValueError("must be a date and time with a zone, like 2026-11-23T09:05:00-06:00")
        return cls.showing(shown)

    def now(self) -> datetime:
        """What it shows."""
        return datetime.now(UTC) + self.ahead

    def __str__(self) -> str:
        return self.now().isoformat(timespec="seconds")


def _machines() -> datetime:
    return datetime.now(UTC)


_shows: Callable[[], datetime] = _machines


def utc_now() -> datetime:
    """The date and time, in UTC."""
    return _shows()


def is_pinned() -> bool:
    """Whether this process goes by another clock than the machine's."""
    return _shows is not _machines


def ahead() -> timedelta:
    """How far this process' clock is ahead of the machine's just now."""
    return _shows() - _machines()


def follow(pinned: PinnedClock | None) -> None:
    """From now on this process goes by `pinned`; None is the machine's clock."""
    use(pinned.now if pinned else None)


def use(shows: Callable[[], datetime] | None) -> None:
    """Likewise, for a clock that does not run as fast: virtual time."""
    global _shows
    _shows = shows or _machines
