"""Each resolver on its labelled set: what it makes of a line, and how that is to be judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from benchmarks.understanding.sets import load
from benchmarks.understanding.wish_labels import CHICAGO, in_words, resolve
from config.dealership import Dealership, load_dealership
from otto.dialogue.turns.completeness import Verdict, assess, expectation
from otto.language.birth_dates import BirthDateError, read_birth_date
from otto.language.consent import Answer, judge
from otto.language.corrections import corrected
from otto.language.emails import read_email
from otto.language.intents import intents
from otto.language.mileage import read_mileage
from otto.language.names import NameSaid, corrected_name, read_name
from otto.language.phone import PhoneError, parse_phone
from otto.language.services import read_services
from otto.language.vehicles import read_vehicle
from otto.language.vin import (
    CHECK_POSITION,
    LENGTH,
    VinError,
    check_digit,
    normalise_vin,
    normalise_vin_tail,
)

TODAY = date(2026, 11, 18)
ROOT = Path(__file__).parents[2]


class Judged(StrEnum):
    """How a line was understood."""

    EXACT = "exact"
    ASKED = "asked"
    """It was not, and Otto asks: a turn lost, nothing wrong."""
    WRONG = "wrong"
    """Something else was understood, with confidence."""


Results = list[tuple[tuple[str, ...], Judged]]
"""Lines with what they were judged to be."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """`judge` gets a line's columns."""

    name: str
    set_name: str
    judge: Callable[[tuple[str, ...]], Judged]

    def results(self) -> Results:
        """Every line of the set, judged."""
        return [(line, self.judge(line)) for line in load(self.set_name)]


def _judged(got: str | None, right: str, *, is_right_to_ask: bool) -> Judged:
    if got is None:
        return Judged.EXACT if is_right_to_ask else Judged.ASKED
    return Judged.EXACT if got == right else Judged.WRONG


def _phone(line: tuple[str, ...]) -> Judged:
    said, right = line
    try:
        got: str | None = parse_phone(said)
    except PhoneError:
        got = None
    return _judged(got, right, is_right_to_ask=not right.startswith("+"))


def _vin(line: tuple[str, ...]) -> Judged:
    said, right = line
    is_tail = len(right) == 6 or right.startswith("I need")
    try:
        got: str | None = (normalise_vin_tail if is_tail else normalise_vin)(said)
    except VinError:
        got = None
    return _judged(got, right, is_right_to_ask=not right.isalnum())


def _born(line: tuple[str, ...]) -> Judged:
    said, right = line
    try:
        got: str | None = read_birth_date(said, TODAY).isoformat()
    except BirthDateError:
        got = None
    return _judged(got, right, is_right_to_ask=not right[0].isdigit())


def _wish(line: tuple[str, ...]) -> Judged:
    said, right = line
    return _compared(in_words(resolve(said)), right)


def _wish_about(line: tuple[str, ...]) -> Judged:
    said, right = line
    about = datetime(2026, 11, 24, 7, 30, tzinfo=CHICAGO)
    return _compared(in_words(resolve(said, about)), right)


def _compared(got: str, right: str) -> Judged:
    if got == right:
        return Judged.EXACT
    return Judged.ASKED if got == "ask" else Judged.WRONG


def _car(line: tuple[str, ...]) -> Judged:
    said, right = line
    car = read_vehicle(said, TODAY.year)
    got = " ".join(str(part) for part in (car.year, car.make, car.model) if part is not None)
    if got == right:
        return Judged.EXACT
    return Judged.ASKED if set(got.split()) <= set(right.split()) else Judged.WRONG


def _email(line: tuple[str, ...]) -> Judged:
    said, right = line
    return _compared(read_email(said) or "ask", right)


def _miles(line: tuple[str, ...]) -> Judged:
    said, right = line
    return _compared(str(read_mileage(said) or "ask"), right)


def _name(line: tuple[str, ...]) -> Judged:
    said, right = line
    name = read_name(said)
    return _judged(name.whole if name else None, right, is_right_to_ask=right == "none")


def _corrected(line: tuple[str, ...]) -> Judged:
    known, said, right = line
    if len(known) == LENGTH:
        ways = corrected(known, said, lambda vin: vin[CHECK_POSITION] == check_digit(vin))
        return _compared(next(iter(ways)) if len(ways) == 1 else "ask", right)
    first, _, last = known.partition(" ")
    name = corrected_name(NameSaid(first, last), said)
    return _compared(name.whole if name else "ask", right)


def _consent(line: tuple[str, ...]) -> Judged:
    said, right = line
    got = judge(said)
    if (got is Answer.AGREES) == (right == Answer.AGREES):
        return Judged.EXACT
    return Judged.WRONG if got is Answer.AGREES else Judged.ASKED


def _intent(line: tuple[str, ...]) -> Judged:
    said, right = line
    got = ",".join(intents(said)) or "none"
    if got == right:
        return Judged.EXACT
    return Judged.ASKED if got == "none" else Judged.WRONG


def _service(line: tuple[str, ...]) -> Judged:
    said, right = line
    dealership = _dealership()
    meant = read_services(said, dealership.services, dealership.not_offered)
    got = "+".join(meant.codes) or (
        "none" if meant.not_offered else "ask" if meant.is_vague else "-"
    )
    if got == right:
        return Judged.EXACT
    return Judged.ASKED if got in {"ask", "-"} else Judged.WRONG


def _turn(line: tuple[str, ...]) -> Judged:
    asked, said, right = line
    is_over = assess(said, expectation(asked)) in {Verdict.COMPLETE, Verdict.PLAIN}
    if right == "either" or is_over == (right == "yes"):
        return Judged.EXACT
    return Judged.WRONG if is_over else Judged.ASKED  # waited for in vain


@cache
def _dealership() -> Dealership:
    return load_dealership(ROOT / "config" / "dealership.yaml")


RESOLVERS = (
    Resolver("Days and times", "wishes", _wish),
    Resolver("Corrections of a time that was read back", "wishes_about", _wish_about),
    Resolver("Consent", "consent", _consent),
    Resolver("Intents", "intents", _intent),
    Resolver("Services, by everyday words and symptoms", "services", _service),
    Resolver("Telephone numbers", "phones", _phone),
    Resolver("VINs and their last six", "vins", _vin),
    Resolver("Dates of birth", "birth_dates", _born),
    Resolver("Year, make and model", "vehicles", _car),
    Resolver("Names, also spelled", "names", _name),
    Resolver("Corrections of letters and digits", "corrections", _corrected),
    Resolver("E-mail addresses", "emails", _email),
    Resolver("Mileages", "mileage", _miles),
    Resolver("Is the turn over?", "turns", _turn),
)
