"""Opening hours as instants and as sentences, through clock changes and holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.dealership import Dealership, Location, load_dealership
from otto.language.spoken_times import describe_start, join_spoken, ordinal
from otto.scheduling.confirmation import CODE_LETTERS, CODE_SYMBOLS, confirmation_code
from otto.scheduling.hours import (
    describe_day,
    describe_week,
    local_day,
    open_periods,
    periods_reaching,
    to_instant,
)

NEW_YORK = ZoneInfo("America/New_York")
_MAIN = load_dealership(Path(__file__).parents[2] / "config" / "dealership.yaml")


@pytest.fixture
def location(dealership: Dealership) -> Location:
    return dealership.location("main")


def always(location: Location, hours: str, timezone: str = "America/New_York") -> Location:
    """The location with the same hours every day and no holidays."""
    week = dict.fromkeys(dict(location.hours.items()), hours)
    changed = location.model_dump() | {"hours": week, "timezone": timezone, "holidays": None}
    return Location.model_validate(changed | {"special_hours": [], "closed_dates": []})


def utc(day: int, hour: int, minute: int = 0, *, month: int = 11, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def test_an_ordinary_day(location: Location) -> None:
    (only,) = open_periods(location, date(2026, 11, 24))
    assert (only.starts_at, only.ends_at) == (utc(24, 13, 30), utc(25, 0))


def test_sunday_thanksgiving_and_a_short_christmas_eve(location: Location) -> None:
    assert open_periods(location, date(2026, 11, 22)) == ()
    assert open_periods(location, date(2026, 11, 26)) == ()
    (eve,) = open_periods(location, date(2026, 12, 24))
    assert eve.ends_at == utc(24, 18, month=12)


def test_the_day_the_clocks_go_forward_loses_an_hour(location: Location) -> None:
    (only,) = open_periods(always(location, "00:30-12:00"), date(2027, 3, 14))
    assert only.ends_at - only.starts_at == timedelta(hours=10, minutes=30)


def test_the_day_the_clocks_go_back_gains_an_hour(location: Location) -> None:
    (only,) = open_periods(always(location, "00:30-12:00"), date(2026, 11, 1))
    assert only.ends_at - only.starts_at == timedelta(hours=12, minutes=30)


def test_a_time_that_is_skipped_means_the_hour_after_it() -> None:
    # 02:30 on 14 March 2027 does not exist in New York; it is 03:30 daylight time.
    assert to_instant(date(2027, 3, 14), time(2, 30), NEW_YORK) == utc(
        14, 7, 30, month=3, year=2027
    )


def test_a_time_that_comes_twice_opens_at_the_first_and_closes_at_the_second(
    location: Location,
) -> None:
    # 01:30 on 1 November 2026 is 05:30 and 06:30 UTC in New York.
    (opens,) = open_periods(always(location, "01:30-08:00"), date(2026, 11, 1))
    (closes,) = open_periods(always(location, "00:00-01:30"), date(2026, 11, 1))
    assert opens.starts_at == utc(1, 5, 30)
    assert closes.ends_at == utc(1, 6, 30)


def test_hours_that_a_clock_change_swallows_are_no_hours(location: Location) -> None:
    # 02:30 to 03:30 is no time at all when 02:00 is followed by 03:00.
    assert open_periods(always(location, "02:30-03:30"), date(2027, 3, 14)) == ()


@given(st.dates(date(2026, 1, 1), date(2030, 12, 31)))
def test_local_days_meet_without_gap_or_overlap(day: date) -> None:
    location = _MAIN.location("main")
    today, tomorrow = local_day(location, day), local_day(location, day + timedelta(days=1))
    assert today.ends_at == tomorrow.starts_at
    assert today.ends_at - today.starts_at in {timedelta(hours=hours) for hours in (23, 24, 25)}
    for period in open_periods(location, day):
        assert today.starts_at <= period.starts_at < period.ends_at <= today.ends_at


def test_a_day_in_a_sentence(location: Location) -> None:
    assert describe_day(location, date(2026, 11, 24)) == (
        "On Tuesday, November 24 we are open from 7:30 AM to 6:00 PM."
    )
    assert describe_day(location, date(2026, 11, 22)) == ("On Sunday, November 22 we are closed.")
    assert describe_day(location, date(2026, 11, 26)) == (
        "On Thursday, November 26 we are closed for Thanksgiving Day."
    )
    assert describe_day(location, date(2026, 12, 24)) == (
        "On Thursday, December 24 we are open from 7:30 AM to 12:00 PM because of Christmas Eve."
    )


def test_the_week_in_sentences(location: Location) -> None:
    assert describe_week(location, date(2026, 11, 10)) == (
        "We are open Monday through Friday from 7:30 AM to 6:00 PM, and Saturday from 8:00 AM to "
        "2:00 PM. We are closed on Sunday."
    )
    assert describe_week(location, date(2026, 11, 22)).endswith(
        "We are closed on Sunday. On Thursday, November 26 we are closed for Thanksgiving Day."
    )


def test_small_wordings() -> None:
    chicago = ZoneInfo("America/Chicago")
    assert describe_start(utc(24, 15), chicago) == "Tuesday, November 24 at 9:00 AM"
    assert describe_start(utc(24, 18, 30), chicago) == "Tuesday, November 24 at 12:30 PM"
    assert describe_start(utc(25, 6, 5), chicago) == "Wednesday, November 25 at 12:05 AM"
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 30)] == (
        "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 30th".split()
    )
    assert join_spoken(["a"]) == "a"
    assert join_spoken(["a", "b", "c"]) == "a, b, and c"


@given(st.uuids())
def test_a_confirmation_code_can_be_said_and_never_changes(appointment_id: UUID) -> None:
    code = confirmation_code(appointment_id)
    assert code == confirmation_code(appointment_id)
    assert len(code) == 4
    assert code[0] in CODE_LETTERS
    assert set(code) <= set(CODE_SYMBOLS)
    assert not set(code) & set("01580IOSBCDEGPTVZ")


# Midnight and past it


@pytest.mark.parametrize(
    ("hours", "starts_at", "ends_at", "said"),
    [
        ("18:00-24:00", utc(24, 23), utc(25, 5), "from 6:00 PM to midnight"),
        ("18:00-00:00", utc(24, 23), utc(25, 5), "from 6:00 PM to midnight"),
        ("18:00-02:00", utc(24, 23), utc(25, 7), "from 6:00 PM to 2:00 AM"),
        ("22:00-07:00", utc(25, 3), utc(25, 12), "from 10:00 PM to 7:00 AM"),
        ("00:00-24:00", utc(24, 5), utc(25, 5), "around the clock"),
        ("00:00-08:00", utc(24, 5), utc(24, 13), "from midnight to 8:00 AM"),
    ],
)
def test_hours_to_midnight_and_past_it(
    hours: str, starts_at: datetime, ends_at: datetime, said: str, location: Location
) -> None:
    night = always(location, hours)
    (only,) = open_periods(night, date(2026, 11, 24))
    assert (only.starts_at, only.ends_at) == (starts_at, ends_at)
    assert describe_day(night, date(2026, 11, 24)) == f"On Tuesday, November 24 we are open {said}."
    assert describe_week(night, date(2026, 11, 24)) == f"We are open Monday through Sunday {said}."


def test_a_day_has_what_is_left_of_the_night_before(location: Location) -> None:
    night = always(location, "18:00-02:00")
    assert periods_reaching(night, date(2026, 11, 24)) == (
        *open_periods(night, date(2026, 11, 23)),
        *open_periods(night, date(2026, 11, 24)),
    )
    to_midnight = always(location, "18:00-24:00")
    assert periods_reaching(to_midnight, date(2026, 11, 24)) == open_periods(
        to_midnight, date(2026, 11, 24)
    )


@pytest.mark.parametrize("hours", [["00:00-24:00"], ["00:00-02:00", "20:00-24:00"]])
def test_work_goes_on_over_a_midnight_without_a_break(hours: list[str], location: Location) -> None:
    around = always(location, "closed").model_dump()
    week = dict.fromkeys(around["hours"], hours)
    open_at_midnight = Location.model_validate(around | {"hours": week})
    *_, last = periods_reaching(open_at_midnight, date(2026, 11, 24))
    first = open_periods(open_at_midnight, date(2026, 11, 25))[0]
    assert last.starts_at < first.starts_at < last.ends_at == first.ends_at


def test_nights_in_which_the_clocks_change(location: Location) -> None:
    # New York: 02:00 comes an hour late on 1 November 2026, and never on 14 March 2027.
    night = always(location, "22:00-03:00")
    (longer,) = open_periods(night, date(2026, 10, 31))
    (shorter,) = open_periods(night, date(2027, 3, 13))
    assert longer.ends_at - longer.starts_at == timedelta(hours=6)
    assert shorter.ends_at - shorter.starts_at == timedelta(hours=4)


@pytest.mark.parametrize("zone", ["America/Havana", "America/New_York", "Asia/Beirut"])
@given(day=st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_around_the_clock_leaves_no_gap_and_no_overlap(zone: str, day: date) -> None:
    """Havana's clocks go back from 1:00 to midnight, so that midnight comes twice."""
    around = always(_MAIN.location("main"), "00:00-24:00", zone)
    (today,), (tomorrow,) = (open_periods(around, day + timedelta(days=n)) for n in (0, 1))
    assert today.ends_at == tomorrow.starts_at
    assert (today.starts_at, today.ends_at) == (
        local_day(around, day).starts_at,
        local_day(around, day).ends_at,
    )


# Clocks that go back


@pytest.mark.parametrize(
    ("zone", "at", "said"),
    [
        ("America/Chicago", utc(1, 6, 30), "1:30 AM, before the clocks go back"),
        ("America/Chicago", utc(1, 7, 30), "1:30 AM, after the clocks go back"),
        ("America/Chicago", utc(1, 6), "1:00 AM, before the clocks go back"),
        ("America/Chicago", utc(1, 7, 59), "1:59 AM, after the clocks go back"),
        ("America/Chicago", utc(1, 5, 59), "12:59 AM"),
        ("America/Chicago", utc(1, 8), "2:00 AM"),
        ("America/Phoenix", utc(1, 8, 30), "1:30 AM"),
        ("America/Havana", utc(1, 4, 30), "12:30 AM, before the clocks go back"),
        ("America/Havana", utc(1, 5, 30), "12:30 AM, after the clocks go back"),
        # Half an hour back, on Lord Howe Island on 5 April 2026.
        ("Australia/Lord_Howe", utc(4, 14, 45, month=4), "1:45 AM, before the clocks go back"),
        ("Australia/Lord_Howe", utc(4, 15, 15, month=4), "1:45 AM, after the clocks go back"),
    ],
)
def test_of_a_time_that_comes_twice_it_is_said_which(zone: str, at: datetime, said: str) -> None:
    assert describe_start(at, ZoneInfo(zone)).endswith(f" at {said}")


@given(
    st.integers(0, 3 * 366 * 24 * 60),
    st.sampled_from(["America/Chicago", "America/Havana", "Australia/Lord_Howe", "Europe/Dublin"]),
)
def test_no_two_minutes_sound_alike(minute: int, zone: str) -> None:
    at, tz = utc(1, 0, month=1) + timedelta(minutes=minute), ZoneInfo(zone)
    for minutes in (30, 60, 120):
        assert describe_start(at, tz) != describe_start(at + timedelta(minutes=minutes), tz)


# Holidays on a weekend


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2027, 12, 24), "open from 7:30 AM to 6:00 PM"),
        (date(2027, 12, 25), "closed for Christmas Day"),
        (date(2027, 12, 31), "open from 7:30 AM to 6:00 PM"),  # New Year's Day is a Saturday
        (date(2028, 1, 1), "closed for New Year's Day"),
        (date(2026, 7, 3), "closed for Independence Day, observed"),  # listed in the file
        (date(2026, 7, 4), "closed for Independence Day"),
        (date(2027, 7, 5), "closed for Independence Day, observed"),
        (date(2027, 6, 18), "open from 7:30 AM to 6:00 PM"),  # Juneteenth, not in the file
    ],
)
def test_a_holiday_on_a_weekend_closes_the_days_that_are_listed(
    location: Location, day: date, said: str
) -> None:
    assert describe_day(location, day).split(" we are ")[1] == f"{said}."


@pytest.mark.parametrize(
    ("closed_on", "said"),
    [
        (["Christmas Day (observed)"], "closed for Christmas Day, observed"),
        (["Christmas Day", "Christmas Day (observed)"], "closed for Christmas Day, observed"),
        (["Christmas Day"], "open from 7:30 AM to 6:00 PM"),
        ([], "closed for Christmas Day, observed"),  # every public holiday
        (["Memorial Day (observed)"], "open from 7:30 AM to 6:00 PM"),
    ],
)
def test_the_observed_day_is_closed_where_the_file_says_so(
    location: Location, closed_on: list[str], said: str
) -> None:
    holidays = {"country": "US", "closed_on": closed_on}
    changed = Location.model_validate(location.model_dump() | {"holidays": holidays})
    assert describe_day(changed, date(2027, 12, 24)) == f"On Friday, December 24 we are {said}."
