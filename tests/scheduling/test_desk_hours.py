"""When somebody is at the desk, and what is promised when nobody is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.dealership import Dealership, Location, load_dealership
from config.settings import Settings
from otto.scheduling.desk_hours import closed_desk, next_opening

CHICAGO = ZoneInfo("America/Chicago")
PLACE = load_dealership(Settings().dealership_file).locations[0]


def at(month: int, day: int, hour: int, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=CHICAGO)


@pytest.mark.parametrize(
    ("now", "promise"),
    [
        (at(11, 23, 7, 29), "when we open at 7:30 AM today"),
        (at(11, 23, 18), "when we open at 7:30 AM tomorrow"),
        (at(11, 28, 14), "when we open at 7:30 AM on Monday"),
        (at(11, 29, 3), "when we open at 7:30 AM tomorrow"),
        (at(11, 26, 10), "when we open at 7:30 AM tomorrow"),  # Thanksgiving
        (at(12, 24, 12), "when we open at 8:00 AM on Saturday"),  # Christmas on a Friday
        (at(12, 31, 15, 1), "when we open at 8:00 AM on Saturday"),
        (at(11, 27, 23, 59), "when we open at 8:00 AM tomorrow"),
    ],
)
def test_what_is_promised(now: datetime, promise: str) -> None:
    closed = closed_desk(PLACE, now)
    assert closed is not None and closed.promise == promise


@pytest.mark.parametrize(
    "now", [at(11, 23, 7, 30), at(11, 23, 17, 59), at(11, 28, 8), at(12, 31, 14, 59)]
)
def test_somebody_is_there(now: datetime) -> None:
    assert closed_desk(PLACE, now.astimezone(UTC)) is None


def _with(**changes: Any) -> Location:
    return Location.model_validate(PLACE.model_dump() | changes)


def _week(hours: Any) -> dict[str, Any]:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return {"hours": dict.fromkeys(days, hours), "holidays": None, "special_hours": ()}


def test_a_workshop_that_never_opens_promises_no_time() -> None:
    closed = closed_desk(_with(**_week("closed")), at(11, 23, 9))
    assert closed is not None and (closed.opens_at, closed.promise) == (
        None,
        "as soon as we open again",
    )


def test_a_night_shift_is_there_past_midnight() -> None:
    night = _with(**_week("18:00-02:00"))
    assert closed_desk(night, at(11, 24, 1, 59)) is None
    closed = closed_desk(night, at(11, 24, 2))
    assert closed is not None and closed.promise == "when we open at 6:00 PM today"


def test_a_long_holiday_is_promised_by_its_date() -> None:
    shut = [date(2026, 11, 24) + timedelta(days=days) for days in range(14)]
    closed = closed_desk(_with(closed_dates=shut), at(11, 24, 9))
    assert closed is not None
    assert closed.promise == "when we open at 7:30 AM on Tuesday, December 8"


@given(st.integers(0, 2 * 365 * 24 * 60))
def test_whoever_is_promised_a_time_finds_somebody_then(minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    closed = closed_desk(PLACE, now)
    if closed is None:
        return
    assert closed.opens_at is not None and closed.opens_at > now
    assert closed_desk(PLACE, closed.opens_at) is None
    assert closed_desk(PLACE, closed.opens_at - timedelta(seconds=1)) is not None
    assert next_opening(PLACE, closed.opens_at) != closed.opens_at


def test_the_dealership_used_here_is_the_one_that_ships(dealership: Dealership) -> None:
    assert dealership.locations[0].hours["monday"] == PLACE.hours["monday"]
