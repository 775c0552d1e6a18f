"""Which car a caller speaks of: one to be entered, or one of theirs. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from otto.crm.names import is_same_name
from otto.dialogue.session.state import VehicleRef
from otto.dialogue.tools.results import Asked
from otto.dialogue.tools.said import Said, Standing
from otto.language.read_backs import spelled
from otto.language.vehicle_names import MODELS
from otto.language.vehicles import VehicleSaid, names_of_models, read_vehicle, worded_vehicle

NO_CAR = "What are the year, make and model of the car?"
_ABOUT_A_CAR = re.compile(r"\b(?:year|make|model|car|vehicle)\b", re.IGNORECASE)
_WHICH_MODEL = re.compile(r"\bwhich (?:model|[\w-]+(?: [\w-]+)?) is it\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Car:
    """A car that was said whole, or what is to be asked."""

    said: VehicleSaid
    question: str = ""
    code: str = ""

    @property
    def description(self) -> str:
        """As it is said: "2021 Toyota Corolla"."""
        return in_words(self.said)

    @property
    def is_listed(self) -> bool:
        return self.said.model in names_of_models(self.said.make or "")


def in_words(car: VehicleSaid) -> str:
    """As much of it as was said."""
    return " ".join(str(part) for part in (car.year, car.make, car.model) if part is not None)


def a(car: str) -> str:
    """With its article: "a 2021 Toyota Corolla", "an 1980 ..."."""
    return f"an {car}" if re.match(r"[aeio]|8|11|18", car.lower()) else f"a {car}"


def car_of(said: Said, words: str, this_year: int) -> Car:
    """The car that `words` name, as far as the caller has said it.

    What the words leave open is taken from what was said before; what they say otherwise than the
    caller did is asked about (`differs`), and so is what is not whole (`incomplete`).
    """
    told = read_vehicle(words, this_year)
    spoken = _latest(said, this_year)
    if told.make is None or told.model is None:
        told = worded_vehicle(words, this_year)
    if told.model is None and spoken.model is not None and told.make in {None, spoken.make}:
        told = replace(told, make=spoken.make, model=spoken.model)
    car = VehicleSaid(told.year or spoken.year, told.make or spoken.make, told.model)
    if not car.is_whole:
        return Car(car, _what_lacks(car), "incomplete")
    if not _was_said(said, car, spoken, this_year):
        if spoken.is_whole:
            return Car(spoken, f"I heard {a(in_words(spoken))}. Is that right?", "differs")
        return Car(car, f"I'm not sure which car I heard. {NO_CAR}", "differs")
    is_known_make = car.make in MODELS
    found = Car(car)
    if is_known_make and not found.is_listed and not said.answers_to(_WHICH_MODEL):
        question = f"I don't know {a(f'{car.make} {car.model}')}. Which {car.make} is it?"
        return Car(car, question, "unknown")
    return found


def read_back(car: Car) -> str:
    """What is said back: a car that is not in our list is spelled."""
    if car.is_listed:
        return a(car.description)
    unlisted = [car.said.model or ""] if car.said.make in MODELS else in_words(car.said).split()[1:]
    spellings = " and ".join(
        f"{word} spelled {spelled(word)}" for word in unlisted if len(word) > 1
    )
    return f"{a(car.description)}, {spellings}" if spellings else a(car.description)


def which_of(vehicles: Sequence[VehicleRef]) -> str:
    """The question which of several it is, by name."""
    names = [f"the {vehicle.description}" for vehicle in vehicles]
    if len(names) == 1:
        return f"Is it about {names[0]}?"
    return f"Which car is it, {', '.join(names[:-1])} or {names[-1]}?"


def one_of(
    vehicles: Sequence[VehicleRef], ref: str | None, said: Said, this_year: int
) -> VehicleRef:
    """The vehicle under `ref`, or the one that the words in its place or the caller's last ones
    name. Raises `Asked` with the question which of them it is."""
    if not vehicles:
        raise Asked("incomplete", NO_CAR)
    known = next((vehicle for vehicle in vehicles if vehicle.ref == ref), None)
    if known is not None:
        return known
    words = [ref] if ref is not None else [*reversed(said.turns)]
    named = (vehicles_named(each, vehicles, this_year) for each in words)
    meant = next((found for found in named if found), [])
    if len(vehicles) == 1 and ref is None:
        return vehicles[0]
    if len(meant) == 1:
        return meant[0]
    raise Asked("which_vehicle", which_of(meant if len(meant) > 1 else vehicles))


def vehicles_named(words: str, vehicles: Sequence[VehicleRef], this_year: int) -> list[VehicleRef]:
    """Those of the vehicles that the words fit; none when they name none of them."""
    named = read_vehicle(words, this_year)
    if named == VehicleSaid():
        return []
    return [vehicle for vehicle in vehicles if _fits(named, vehicle.description, this_year)]


def _fits(named: VehicleSaid, description: str, this_year: int) -> bool:
    known = worded_vehicle(description, this_year)
    pairs = ((named.year, known.year), (named.make, known.make), (named.model, known.model))
    return all(one is None or one == other for one, other in pairs)


def _latest(said: Said, this_year: int) -> VehicleSaid:
    """Of every part what was said last; a model comes with its make. A year counts beside a make
    or model, or when the car was asked for: people are born in years, too."""
    found = VehicleSaid()
    for asked, turn in reversed([*zip(said.exchange.rounds, said.turns, strict=True)]):
        heard = read_vehicle(turn, this_year)
        if heard.make is None and not _ABOUT_A_CAR.search(asked.heard):
            heard = replace(heard, year=None)
        year = found.year or heard.year
        if found.model is None and found.make in {None, heard.make}:
            found = VehicleSaid(year, found.make or heard.make, heard.model)
        else:
            found = VehicleSaid(year, found.make, found.model)
    return found


def _was_said(said: Said, car: VehicleSaid, spoken: VehicleSaid, this_year: int) -> bool:
    if car == spoken:
        return True
    readings = [*said.readings(lambda text: read_vehicle(text, this_year))]
    if car in readings:
        return said.standing([in_words(car)]) is not Standing.DENIED
    if car.make in MODELS and car.model in names_of_models(car.make or ""):
        return False
    # What is not in our list can only be compared by its letters.
    name = f"{'' if car.make in MODELS else car.make} {car.model}"
    is_year = any(heard.year == car.year for heard in readings)
    is_make = car.make not in MODELS or any(heard.make == car.make for heard in readings)
    return is_year and is_make and said.words(name, is_same_name)


def _what_lacks(car: VehicleSaid) -> str:
    if car.make is not None and car.model is not None:
        return f"Which year is the {car.make} {car.model}?"
    if car.make is not None and car.year is not None:
        return f"Which {car.make} is it?"
    return NO_CAR
