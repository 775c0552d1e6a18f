"""What callers say about days, resolved on Wednesday, November 18, 2026, in Chicago."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otto.language.dates import DateError, DateRange, resolve_dates

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=CHICAGO)
TODAY = NOW.date()
HORIZON_DAYS = 60


def resolve(first: str | None, last: str | None = None, now: datetime = NOW) -> DateRange:
    return resolve_dates(first, last, now=now, horizon_days=HORIZON_DAYS)


def day(text: str) -> date:
    return date.fromisoformat(text)


SINGLE_DAYS = {
    "today": "2026-11-18",
    "Tomorrow.": "2026-11-19",
    "the day after tomorrow": "2026-11-20",
    "Tuesday": "2026-11-24",
    "on Monday": "2026-11-23",
    "Wednesday": "2026-11-25",  # today is a Wednesday; a person would have said today
    "this Wednesday": "2026-11-18",
    "this Friday": "2026-11-20",
    "next Friday": "2026-11-27",
    "next Tuesday": "2026-11-24",
    "Tuesday next week": "2026-11-24",
    "next week Thursday": "2026-11-26",
    "Tuesday after next": "2026-12-01",
    "a week from Tuesday": "2026-12-01",
    "two weeks from today": "2026-12-02",
    "in three days": "2026-11-21",
    "the 25th": "2026-11-25",
    "the twenty-fifth": "2026-11-25",
    "the twenty fifth": "2026-11-25",
    "the 3rd": "2026-12-03",
    "the 31st": "2026-12-31",  # November has none
    "Tuesday the 24th": "2026-11-24",
    "Tuesday, November 24th": "2026-11-24",
    "tomorrow, Thursday": "2026-11-19",
    "November 25": "2026-11-25",
    "nov 25th": "2026-11-25",
    "the 25th of November": "2026-11-25",
    "December first": "2026-12-01",
    "January 5th": "2027-01-05",
    "11/25": "2026-11-25",
    "1/5": "2027-01-05",
    "01/05/2027": "2027-01-05",
    "25/11": "2026-11-25",
    "12/1/26": "2026-12-01",
    "2026-11-30": "2026-11-30",
    "2026-11-24T09:00:00-06:00": "2026-11-24",
    "Thanksgiving": "2026-11-26",
    "the day after Thanksgiving": "2026-11-27",
    "Christmas Eve": "2026-12-24",
    "New Year's Day": "2027-01-01",
    "the first Monday in December": "2026-12-07",
    "the last Friday of December": "2026-12-25",
    "Tuesday at 9 am": "2026-11-24",
    "do you have anything Friday?": "2026-11-20",
}

RANGES = {
    "this week": ("2026-11-18", "2026-11-22"),
    "later this week": ("2026-11-19", "2026-11-22"),
    "next week": ("2026-11-23", "2026-11-29"),
    "any day next week": ("2026-11-23", "2026-11-29"),
    "early next week": ("2026-11-23", "2026-11-25"),
    "end of next week": ("2026-11-26", "2026-11-29"),
    "the week after next": ("2026-11-30", "2026-12-06"),
    "the week of the 30th": ("2026-11-30", "2026-12-06"),
    "this weekend": ("2026-11-21", "2026-11-22"),
    "next weekend": ("2026-11-28", "2026-11-29"),
    "in two weeks": ("2026-12-02", "2026-12-08"),
    "in a couple of weeks": ("2026-12-02", "2026-12-08"),
    "in a month": ("2026-12-18", "2026-12-24"),
    "within the next 5 days": ("2026-11-18", "2026-11-23"),
    "end of the month": ("2026-11-24", "2026-11-30"),
    "this month": ("2026-11-18", "2026-11-30"),
    "next month": ("2026-12-01", "2026-12-31"),
    "mid December": ("2026-12-11", "2026-12-20"),
    "the first week of December": ("2026-12-01", "2026-12-07"),
    "December": ("2026-12-01", "2026-12-31"),
    "by Friday": ("2026-11-18", "2026-11-20"),
    "by the end of the week": ("2026-11-18", "2026-11-22"),
    "before Thanksgiving": ("2026-11-18", "2026-11-25"),
    "Monday or Tuesday": ("2026-11-23", "2026-11-24"),
    "Monday to Wednesday": ("2026-11-23", "2026-11-25"),
    "between the 24th and the 26th": ("2026-11-24", "2026-11-26"),
    "December 24 to 26": ("2026-12-24", "2026-12-26"),
    "2026-11-24 to 2026-11-26": ("2026-11-24", "2026-11-26"),
}

OPEN_ENDED = {
    "as soon as possible": "2026-11-18",
    "the first available": "2026-11-18",
    "any time": "2026-11-18",
    "after the 20th": "2026-11-21",
    "after next week": "2026-11-30",
    "starting Monday": "2026-11-23",
    "from Monday on": "2026-11-23",
}

REFUSED = {
    "yesterday": "has already passed",
    "last Tuesday": "has already passed",
    "November 3rd": "has already passed",
    "2025-11-24": "Monday, November 24, 2025 has already passed",
    "2027-06-01": "too far ahead: I can book appointments up to Sunday, January 17, 2027",
    "February 30": "February has only 28 days in 2027; there is no 30th",
    "2/29/2027": "February has only 28 days",
    "Tuesday the 25th": "November 25 is a Wednesday, not a Tuesday. "
    "Did you mean Wednesday, November 25, or Tuesday, November 24?",
    "Friday, November 26": "November 26 is a Thursday, not a Friday",
    "Monday tomorrow": "November 19 is a Thursday, not a Monday",
    "bananas": "did not catch",
    "the 45th": "did not catch",
    "13/13": "did not catch",
    "2026-13-01": "did not catch",
    "in 9999999999 weeks": "did not catch",
    "0000-01-01": "did not catch",
    "x" * 5000: "did not catch",
}


@pytest.mark.parametrize(("phrase", "expected"), SINGLE_DAYS.items())
def test_one_day(phrase: str, expected: str) -> None:
    found = resolve(phrase)
    assert (found.first, found.last) == (day(expected), day(expected))


@pytest.mark.parametrize(("phrase", "expected"), RANGES.items())
def test_several_days(phrase: str, expected: tuple[str, str]) -> None:
    found = resolve(phrase)
    assert (found.first, found.last) == (day(expected[0]), day(expected[1]))


@pytest.mark.parametrize(("phrase", "first"), OPEN_ENDED.items())
def test_open_ended(phrase: str, first: str) -> None:
    assert resolve(phrase) == DateRange(day(first), None)


@pytest.mark.parametrize(("phrase", "sentence"), REFUSED.items())
def test_refused_with_a_sentence(phrase: str, sentence: str) -> None:
    with pytest.raises(DateError) as refused:
        resolve(phrase)
    assert sentence in refused.value.sentence
    assert refused.value.sentence.endswith((".", "?"))


def test_nothing_said_means_from_today_on() -> None:
    assert resolve(None) == resolve("", "  ") == DateRange(TODAY, None)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("tomorrow morning", DateRange(day("2026-11-19"), day("2026-11-19"), "morning")),
        ("Tuesday afternoon", DateRange(day("2026-11-24"), day("2026-11-24"), "afternoon")),
        ("in the morning", DateRange(TODAY, None, "morning")),
        ("tonight", DateRange(TODAY, TODAY, "afternoon")),
    ],
)
def test_part_of_day_is_kept(phrase: str, expected: DateRange) -> None:
    assert resolve(phrase) == expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-11-24", "2026-11-26", ("2026-11-24", "2026-11-26")),
        ("tomorrow", "Friday", ("2026-11-19", "2026-11-20")),
        ("Monday", "Wednesday", ("2026-11-23", "2026-11-25")),  # not today's Wednesday
        ("next week", "next week", ("2026-11-23", "2026-11-29")),
        (None, "Friday", ("2026-11-18", "2026-11-20")),
        ("the 24th", "the 3rd", ("2026-11-24", "2026-12-03")),
    ],
)
def test_from_and_to(first: str | None, last: str, expected: tuple[str, str]) -> None:
    found = resolve(first, last)
    assert (found.first, found.last) == (day(expected[0]), day(expected[1]))


@pytest.mark.parametrize(("first", "last"), [("2026-11-26", "2026-11-24"), ("next week", "today")])
def test_a_range_that_runs_backwards(first: str, last: str) -> None:
    with pytest.raises(DateError, match="comes after the last"):
        resolve(first, last)


def test_next_and_this_on_a_monday() -> None:
    monday = datetime(2026, 11, 16, 8, 0, tzinfo=CHICAGO)
    assert resolve("this Tuesday", now=monday).first == day("2026-11-17")
    assert resolve("next Tuesday", now=monday).first == day("2026-11-24")
    assert resolve("next Monday", now=monday).first == day("2026-11-23")


def test_today_is_the_dealerships_day_not_utcs() -> None:
    late_evening = datetime(2026, 11, 19, 3, 30, tzinfo=ZoneInfo("UTC")).astimezone(CHICAGO)
    assert resolve("tomorrow", now=late_evening).first == day("2026-11-19")


def test_now_must_be_aware() -> None:
    with pytest.raises(ValueError, match="aware"):
        resolve_dates("today", now=datetime(2026, 11, 18))  # noqa: DTZ001


days_in_horizon = st.integers(0, HORIZON_DAYS).map(lambda ahead: TODAY + timedelta(days=ahead))


@given(days_in_horizon)
def test_every_full_spelling_of_a_day_means_that_day(wanted: date) -> None:
    for spelled in (
        wanted.isoformat(),
        f"{wanted:%A}, {wanted:%B} {wanted.day}",
        f"the {wanted.day} of {wanted:%B} {wanted.year}",
        f"{wanted.month}/{wanted.day}/{wanted.year}",
    ):
        assert resolve(spelled) == DateRange(wanted, wanted), spelled


@given(days_in_horizon, st.integers(1, 6))
def test_a_weekday_that_does_not_fit_is_never_booked(wanted: date, off: int) -> None:
    wrong = wanted + timedelta(days=off)
    with pytest.raises(DateError, match=f"is a {wanted:%A}, not a {wrong:%A}"):
        resolve(f"{wrong:%A}, {wanted:%B} {wanted.day}")


SMALL_WORDS = "next this last the to from after before week month weekend end of in"
WORDS = SMALL_WORDS.split()
WORDS += ["tuesday", "friday", "25th", "two", "tomorrow", "november", "11/25", "or", "eve", "-", ""]


@given(
    st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)),
    st.one_of(st.none(), st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)),
    st.integers(0, 800),
)
@example("9999-12-31", None, 0)
@example("after 9999-12-31", None, 0)
def test_anything_said_gives_a_usable_range_or_a_sentence(
    first: str, last: str | None, days_later: int
) -> None:
    now = NOW + timedelta(days=days_later)
    try:
        found = resolve(first, last, now=now)
    except DateError as refused:
        assert refused.sentence
        return
    assert now.date() <= found.first <= now.date() + timedelta(days=HORIZON_DAYS)
    assert found.last is None or found.last >= found.first
