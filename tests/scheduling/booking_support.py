"""What the booking tests share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from config.limits import LimitSettings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""Monday, November 23, 2026, 6:00 AM in Chicago: the workshop opens at 7:30."""

MANY = LimitSettings(bookings_per_call=1000, bookings_per_number=1000, texts_per_number=1000)
"""For tests in which one call books much more than a caller would."""


@dataclass(frozen=True)
class People:
    """Ids of two customers with a vehicle each."""

    maria: int
    civic: int
    john: int
    truck: int
