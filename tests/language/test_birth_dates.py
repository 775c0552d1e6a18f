"""Dates of birth as they are said, labelled by hand; never one that nobody said."""

import contextlib
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.sets import load
from otto.language.birth_dates import BirthDateError, read_back, read_birth_date
from otto.language.numerals import cardinal
from otto.language.spoken_times import ordinal

TODAY = date(2026, 11, 18)
CASES = load("birth_dates")
births = st.dates(date(1930, 1, 1), TODAY - timedelta(days=15 * 366))


@pytest.mark.parametrize(("said", "right"), CASES)
def test_ways_to_say_a_date_of_birth(said: str, right: str) -> None:
    if right[0].isdigit():
        assert read_birth_date(said, TODAY) == date.fromisoformat(right)
    else:
        with pytest.raises(BirthDateError, match=right):
            read_birth_date(said, TODAY)


def year_said(year: int) -> str:
    if 2000 <= year < 2010:
        return "two thousand" + (f" {cardinal(str(year - 2000))}" if year > 2000 else "")
    first, last = divmod(year, 100)
    behind = (
        f"oh {cardinal(str(last))}" if 0 < last < 10 else cardinal(str(last)) if last else "hundred"
    )
    return f"{cardinal(str(first))} {behind}".replace("-", " ")


@given(births, st.sampled_from(["", "it's ", "my birthday is "]))
def test_what_is_said_comes_back(born: date, before: str) -> None:
    month = born.strftime("%B")
    for said in (
        f"{month} {ordinal(born.day)} {year_said(born.year)}",
        f"{month} {cardinal(str(born.day))}, {year_said(born.year)}",
        f"the {ordinal(born.day)} of {month} {born.year}",
        f"{born.month}/{born.day}/{born.year}",
        f"{born:%m%d%Y}",
        read_back(born),
    ):
        assert read_birth_date(before + said, TODAY) == born, said


@given(births)
def test_half_of_one_is_never_another(born: date) -> None:
    for said in (
        born.strftime("%B ") + ordinal(born.day),
        f"{born:%B} {year_said(born.year)}",
        year_said(born.year),
        f"{born.month} {born.day}",
    ):
        with pytest.raises(BirthDateError):
            read_birth_date(said, TODAY)


@given(st.text(max_size=60))
def test_anything_at_all_is_a_date_or_a_question(text: str) -> None:
    with contextlib.suppress(BirthDateError):
        assert read_birth_date(text, TODAY) < TODAY
