"""Cars, e-mail addresses and miles as callers say them, labelled by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.sets import load
from otto.language.emails import read_email
from otto.language.mileage import read_mileage
from otto.language.numerals import cardinal
from otto.language.vehicle_names import MODELS
from otto.language.vehicles import names_of_models, read_vehicle

CASES = load("vehicles")
CARS = [(make, model) for make in MODELS for model in names_of_models(make)]


@pytest.mark.parametrize(("said", "right"), CASES)
def test_the_car_a_caller_names(said: str, right: str) -> None:
    car = read_vehicle(said, 2026)
    parts = (car.year, car.make, car.model)
    assert " ".join(str(part) for part in parts if part is not None) == right


@given(st.sampled_from(CARS), st.integers(1980, 2027))
def test_every_car_of_the_list_is_known_by_its_name(car: tuple[str, str], year: int) -> None:
    make, model = car
    found = read_vehicle(f"it's a {year} {make} {model}", 2026)
    assert (found.year, found.make, found.model) == (year, make, model)


@given(st.text(max_size=80))
def test_whatever_is_said_only_listed_cars_are_found(said: str) -> None:
    car = read_vehicle(said, 2026)
    assert car.make is None or car.make in MODELS
    assert car.model is None or car.model in names_of_models(car.make or "")


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("maria dot alvarez at gmail dot com", "maria.alvarez@gmail.com"),
        ("it's m a r i a at gmail dot com", "maria@gmail.com"),
        ("my email is john_smith99@yahoo.com", "john_smith99@yahoo.com"),
        ("john underscore smith ninety nine at yahoo dot com please", "john_smith99@yahoo.com"),
        ("info at ottos dash auto dot co dot uk, all lower case", "info@ottos-auto.co.uk"),
        ("my e-mail address is Maria at Gmail.com.", "maria@gmail.com"),
        ("bob at gmail", None),
        ("I don't have one", None),
        ("", None),
    ],
)
def test_addresses_as_they_are_said(said: str, address: str | None) -> None:
    assert read_email(said) == address


@pytest.mark.parametrize(
    ("said", "miles"),
    [
        ("forty five thousand", 45_000),
        ("45,000 miles", 45_000),
        ("about 45k", 45_000),
        ("120.5k", 120_500),
        ("a hundred and twenty thousand", 120_000),
        ("it has 98 thousand on it", 98_000),
        ("one hundred twenty three thousand four hundred fifty six", 123_456),
        ("twelve hundred", 1_200),
        ("between 40 and 50 thousand", None),
        ("forty five two", None),
        ("I don't know", None),
    ],
)
def test_miles_as_they_are_said(said: str, miles: int | None) -> None:
    assert read_mileage(said) == miles


@given(st.integers(1, 999_999))
def test_miles_said_in_words_come_back(miles: int) -> None:
    assert read_mileage(cardinal(str(miles))) == read_mileage(f"{miles:,} miles") == miles
