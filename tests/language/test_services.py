"""Services by everyday words and symptoms, labelled by hand, on the shipped dealership's file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.sets import load
from config.dealership import load_dealership
from otto.language.services import ServicesMeant, read_services

MENU = load_dealership(Path(__file__).parents[2] / "config/dealership.yaml")
CASES = load("services")


def read(said: str) -> ServicesMeant:
    return read_services(said, MENU.services, MENU.not_offered)


@pytest.mark.parametrize(("said", "right"), CASES)
def test_what_the_car_needs(said: str, right: str) -> None:
    meant = read(said)
    got = "+".join(meant.codes) or (
        "none" if meant.not_offered else "ask" if meant.is_vague else "-"
    )
    assert got == right


@pytest.mark.parametrize("service", MENU.services, ids=lambda service: service.code)
def test_a_service_is_known_by_its_name_and_by_each_alias(service) -> None:
    for words in (service.name, *service.aliases):
        assert read(f"I need {words} please").codes == (service.code,)
        assert read(f"I do not need {words}").codes == ()


def test_a_part_of_a_longer_name_is_not_another_service() -> None:
    assert read("brake pads").codes == ("brake_pads",)
    assert read("safety and emissions inspection").codes == ("state_inspection",)


@given(st.text(max_size=100))
def test_whatever_is_said_only_the_menu_is_found(said: str) -> None:
    assert set(read(said).codes) <= {service.code for service in MENU.services}
