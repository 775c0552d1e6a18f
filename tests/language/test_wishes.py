"""What callers say about when they would like to come: a list labelled by hand, and its rules."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from num2words import num2words

from benchmarks.understanding.sets import load
from benchmarks.understanding.wish_labels import (
    CHICAGO,
    HORIZON_DAYS,
    NOW,
    hours_on,
    in_words,
    resolve,
)
from otto.language.spoken_times import describe_time, ordinal
from otto.language.times import resolve_wish
from otto.language.wishes import Ask, Wish


@pytest.mark.parametrize(("phrase", "meant"), load("wishes"))
def test_what_callers_say(phrase: str, meant: str) -> None:
    assert in_words(resolve(phrase)) == meant


@pytest.mark.parametrize(("phrase", "meant"), load("wishes_about"))
def test_what_is_said_of_an_opening(phrase: str, meant: str) -> None:
    about = datetime(2026, 11, 24, 7, 30, tzinfo=CHICAGO)
    assert in_words(resolve(phrase, about)) == meant


@pytest.mark.parametrize(
    ("phrase", "question"),
    [
        ("Tuesday the 25th", "November 25 is a Wednesday, not a Tuesday"),
        ("yesterday at nine", "has already passed"),
        ("today at nine", "That time has passed already: it is 10:00 AM now"),
        ("June 1st at nine", "That is too far ahead: I can book appointments up to"),
        ("ten to two", "from 10 to 2, or 10 minutes before 2?"),
        ("my brakes squeak", "Which day would you like to come"),
        ("x" * 5000, "Which day would you like to come"),
    ],
)
def test_what_is_open_comes_back_as_a_question(phrase: str, question: str) -> None:
    found = resolve(phrase)
    assert isinstance(found, Ask)
    assert question in found.question


def test_an_hour_that_may_be_morning_or_evening_is_asked() -> None:
    def long_day(day: date) -> list[tuple[time, time]]:
        return [(time(6), time(22))]

    found = resolve_wish("Friday at seven", now=NOW, hours_on=long_day, horizon_days=60)
    assert found == Ask("Do you mean 7:00 in the morning, or in the evening?")
    for phrase, meant in {
        "Friday at seven in the evening": "11-20 at 19:00",
        "Friday evening at seven": "11-20 at 19:00",
        "Friday at 7 am": "11-20 at 7:00",
        "Friday at one": "11-20 at 13:00",
    }.items():
        found = resolve_wish(phrase, now=NOW, hours_on=long_day, horizon_days=60)
        assert in_words(found) == meant


def test_a_night_shift_means_its_own_hours() -> None:
    def at_night(day: date) -> list[tuple[time, time]]:
        return [(time(18), time(2))]

    found = resolve_wish("Friday at eight", now=NOW, hours_on=at_night, horizon_days=60)
    assert in_words(found) == "11-20 at 20:00"


def test_nothing_said_means_as_soon_as_possible() -> None:
    assert in_words(resolve("")) == in_words(resolve("  ")) == "11-18.."


days_ahead = st.integers(1, HORIZON_DAYS).map(lambda days: NOW.date() + timedelta(days=days))
starts = st.sampled_from([time(*divmod(minutes, 60)) for minutes in range(450, 1080, 15)])
TEMPLATES = (
    "{weekday}, {month} {number} at {clock}",
    "{clock} on {month} {number}",
    "{iso} {clock24}",
    "the {number} of {month} at {clock}",
    "{month} {number}, {clock}",
    "no, {month} {number} at {clock}",
)


@given(days_ahead, starts, st.sampled_from(TEMPLATES))
def test_a_time_that_is_said_is_the_time_that_is_read(
    day: date, start: time, template: str
) -> None:
    said = template.format(
        weekday=f"{day:%A}",
        month=f"{day:%B}",
        number=day.day,
        iso=day.isoformat(),
        clock=describe_time(start),
        clock24=f"{start:%H:%M}",
    )
    found = resolve(said)
    assert isinstance(found, Wish), said
    assert found.exact == (day, start), said


@given(days_ahead, st.integers(8, 17), st.sampled_from([0, 15, 30, 45]))
def test_an_hour_in_words_is_the_one_at_which_it_is_open(day: date, hour: int, minute: int) -> None:
    spoken = num2words(hour % 12 or 12)
    words = {0: "", 15: " fifteen", 30: " thirty", 45: " forty five"}[minute]
    found = resolve(f"{day:%B} {ordinal(day.day)} at {spoken}{words}")
    opens, closes = (hours_on(day) or [(time(7, 30), time(18))])[0]
    both = [time(hour % 12, minute), time(hour % 12 + 12, minute)]
    fitting = [one for one in both if opens <= one < closes]
    if isinstance(found, Wish):
        exact = found.exact
        assert exact is not None
        assert exact[0] == day
        assert exact[1] in (fitting or both)
    else:
        assert not fitting  # closed then either way, and neither is nearer


WORDS = (
    "tuesday friday monday tomorrow today next this last week weekend month the of at in on after "
    "before between by until not no but except any every or and nine two 10 3 30 25th first 9:30 "
    "half past quarter to am pm o'clock morning afternoons noon lunch early late end later earlier "
    "from don't can't busy wait sorry actually make it the-one after hour hours , . - please same"
).split()


@given(
    st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)),
    st.booleans(),
    st.integers(0, 800),
)
@example("in 400 weeks at nine", False, 0)
@example("9999-12-31 at 23:59", True, 0)
def test_anything_said_is_a_wish_or_a_question(phrase: str, has_start: bool, days: int) -> None:
    now = NOW + timedelta(days=days)
    found = resolve(phrase, now + timedelta(days=6) if has_start else None, now)
    if isinstance(found, Ask):
        assert found.question
        return
    last = now.date() + timedelta(days=HORIZON_DAYS)
    for choice in found.choices:
        assert choice.days.first <= last
        low, high = choice.hours.earliest, choice.hours.latest
        assert low is None or high is None or low <= high


@given(
    st.sampled_from(["monday", "tuesday", "friday", "saturday"]),
    st.sampled_from(["any day but {}", "not {}", "{} doesn't work", "any morning except {}"]),
)
def test_a_day_that_will_not_do_is_in_no_choice(name: str, template: str) -> None:
    found = resolve(template.format(name))
    assert isinstance(found, Wish)
    last = NOW.date() + timedelta(days=HORIZON_DAYS)
    for choice in found.choices:
        assert all(f"{day:%A}".lower() != name for day in choice.days.days(last))
