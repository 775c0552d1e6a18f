"""Cars, e-mail addresses and miles as callers say them, labelled by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.sets import load
from otto.language.emails import read_email
from otto.language.mileage import read_mileage
from otto.language.numerals import cardinal
from otto.language.vehicle_names import MODELS
from otto.language.vehicles import names_of_models, read_vehicle, worded_vehicle

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


@pytest.mark.parametrize(("said", "address"), load("emails"))
def test_addresses_as_they_are_said(said: str, address: str) -> None:
    assert (read_email(said) or "ask") == address


@pytest.mark.parametrize(("said", "miles"), load("mileage"))
def test_miles_as_they_are_said(said: str, miles: str) -> None:
    assert str(read_mileage(said) or "ask") == miles


@pytest.mark.parametrize(
    ("said", "year", "make", "model"),
    [
        ("1996 Oldsmobile Cutlass", 1996, "Oldsmobile", "Cutlass"),
        ("it's a 2023 Polestar 2", 2023, "Polestar", "2"),
        ("1987 DeLorean DMC 12", 1987, "DeLorean", "DMC 12"),
        ("2021 toyota mirai", 2021, "Toyota", "Mirai"),
        ("a 2020 Honda Motor", 2020, "Honda", "Motor"),
        ("a 2021 Toyota Corolla", 2021, "Toyota", "Corolla"),
        ("2020 Honda", 2020, "Honda", None),
        ("a Honda I think", None, "Honda", None),
        ("my wife's car", None, None, None),
        ("I don't know", None, None, None),
    ],
)
def test_a_car_that_is_not_in_the_list_is_taken_as_it_is_spelled(
    said: str, year: int | None, make: str | None, model: str | None
) -> None:
    car = worded_vehicle(said, 2026)
    assert (car.year, car.make, car.model) == (year, make, model)


@given(st.integers(1, 999_999))
def test_miles_said_in_words_come_back(miles: int) -> None:
    assert read_mileage(cardinal(str(miles))) == read_mileage(f"{miles:,} miles") == miles
