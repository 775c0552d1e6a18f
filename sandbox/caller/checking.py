"""What is wrong in what Otto reads back or tells as done, and how a caller corrects it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sandbox.caller.claims import EXACTLY, Claims, claims, is_in
from sandbox.caller.phrases import long_date, national, spelled, work_words
from sandbox.caller.profile import Facts, Goal, GoalKind
from sandbox.caller.stages import WANTS_TIME
from sandbox.caller.words import MONTHS, Time, normalise, times_in


class Wrong(StrEnum):
    """What of the caller's is not as they want it."""

    SERVICE = "service"
    VEHICLE = "vehicle"
    TIME = "time"
    PRICE = "price"
    NAME = "name"
    PHONE = "phone"
    BIRTH = "birth"
    VIN = "vin"


_OF_THE_ERRAND = frozenset({Wrong.SERVICE, Wrong.VEHICLE, Wrong.TIME, Wrong.PRICE})
_OWN = frozenset({*WANTS_TIME, GoalKind.CANCEL, GoalKind.WHEN, GoalKind.STATUS})
"""About these the caller knows what is theirs."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller holds what they hear against."""

    facts: Facts
    goal: Goal
    chosen: Time | None = None
    price_cents: int | None = None
    """As it was told before, or as the caller knows it."""
    likeness: float = EXACTLY
    """From which on two words may be the same: who hears through a recogniser mishears."""

    @property
    def vin(self) -> str:
        """As much of the VIN as the caller knows, in small letters."""
        return (self.facts.vin or self.facts.vin_last_six or "").lower()

    @property
    def vehicle(self) -> str:
        return self.goal.vehicle or self.facts.vehicle


def what_is_wrong(text: str, wanted: Wanted) -> tuple[Wrong, ...]:
    """What of `text`, one read-back or one statement of what is done, is not the caller's."""
    claimed, times = claims(text), times_in(normalise(text))
    found = {
        Wrong.SERVICE: _is_other_work(claimed, wanted.goal),
        Wrong.VEHICLE: _is_other_car(claimed, wanted),
        Wrong.TIME: _is_other_time(times, wanted),
        Wrong.PRICE: wanted.price_cents is not None
        and bool(claimed.prices)
        and wanted.price_cents not in claimed.prices,
        Wrong.NAME: not (times or claimed.services or claimed.makes)
        and _is_other_name(claimed, wanted),
        Wrong.PHONE: _is_other_number(claimed, wanted.facts),
        Wrong.BIRTH: _is_other_birth(claimed, wanted.facts.date_of_birth),
        Wrong.VIN: bool(claimed.vin and wanted.vin) and not wanted.vin.endswith(claimed.vin),
    }
    return tuple(wrong for wrong, is_so in found.items() if is_so)


def wrong_when_done(text: str, wanted: Wanted) -> tuple[Wrong, ...]:
    """What of `text`, which tells that something is done, is not as it was wanted."""
    if wanted.goal.kind not in _OWN:
        return ()
    return tuple(wrong for wrong in what_is_wrong(text, wanted) if wrong in _OF_THE_ERRAND)


def correction(wrongs: Iterable[Wrong], wanted: Wanted, *, is_again: bool = False) -> str:
    """How the caller puts it right, e.g. "No, it's a 2021 Toyota Corolla.". Who was misheard says
    it otherwise when it `is_again` to be said."""
    otherwise = _OTHERWISE if is_again else {}
    said = [otherwise.get(wrong, _CORRECTIONS[wrong])(wanted) for wrong in wrongs]
    return f"No, {' And '.join(said)}" if said else ""


def vehicle_otherwise(vehicle: str) -> str:
    """ "Toyota Corolla, from the year 2021"."""
    year, _, car = vehicle.partition(" ")
    return f"{car}, from the year {year}"


def fits(time: Time, goal: Goal) -> bool:
    """Whether `goal` may begin at `time`, as far as both say."""
    clock = f"{time.minute_of_day // 60:02d}:{time.minute_of_day % 60:02d}"
    if (goal.earliest and clock < goal.earliest) or (goal.latest and clock > goal.latest):
        return False
    return not goal.days or any(_is_on(time, day) for day in goal.days)


def _is_on(time: Time, day: str) -> bool:
    if not day[0].isdigit():
        return time.weekday in (None, day)
    wanted = date.fromisoformat(day)
    if time.month is not None and time.day is not None:
        return (time.month, time.day) == (MONTHS[wanted.month - 1], wanted.day)
    return time.weekday in (None, f"{wanted:%A}".lower())


def _is_other_work(claimed: Claims, goal: Goal) -> bool:
    if goal.kind is not GoalKind.BOOK or not claimed.services:
        return False
    missing = [code for code in goal.codes if code not in claimed.services]
    if goal.service in missing and claimed.services & set(goal.accepts):
        missing.remove(goal.service)
    return bool(missing or claimed.services - {*goal.codes, *goal.accepts})


def _is_other_car(claimed: Claims, wanted: Wanted) -> bool:
    year, make, *model = wanted.vehicle.split()
    is_model = is_in(" ".join(model), claimed.words, wanted.likeness)
    if not (claimed.makes or is_model):
        return False  # no car is spoken of, or one whose make was not made out
    if claimed.years and int(year) not in claimed.years:
        return True
    if claimed.makes and not is_in(make, [*claimed.makes], EXACTLY):
        return True
    return bool(claimed.makes and claimed.years) and not is_model


def _is_other_time(times: tuple[Time, ...], wanted: Wanted) -> bool:
    if wanted.goal.kind not in WANTS_TIME or not times:
        return False
    if wanted.chosen is not None:
        return not any(time.agrees(wanted.chosen) for time in times)
    return not any(fits(time, wanted.goal) for time in times)


def _is_other_name(claimed: Claims, wanted: Wanted) -> bool:
    """A first name alone may be said; of what is spelled, every letter counts."""
    parts = normalise(wanted.facts.name).split()
    own = [*parts, "".join(parts)]
    if not all(is_in(letters, own, wanted.likeness) for letters in claimed.spelled):
        return True
    for said in claimed.names:
        words = [word for word in said if len(word) > 1]
        if not all(is_in(word, own, wanted.likeness) for word in words):
            return True
    return False


def _is_other_number(claimed: Claims, facts: Facts) -> bool:
    runs = [digits for digits in claimed.digits if len(digits) >= 7]
    own = re.sub(r"\D", "", facts.phone)
    if not runs or not own or claimed.vin:
        return False
    return not any(own.endswith(digits[-10:]) for digits in runs)


def _is_other_birth(claimed: Claims, born: date | None) -> bool:
    if born is None or not claimed.born:
        return False
    return (MONTHS[born.month - 1], born.day, born.year) not in claimed.born


def _time(wanted: Wanted) -> str:
    if wanted.chosen is not None:
        return f"I would like {wanted.chosen.said}."
    return f"it has to be {days_said(wanted.goal)}."


def days_said(goal: Goal) -> str:
    """When the caller can come, in their words."""
    if goal.when:
        return goal.when
    days = [
        long_date(date.fromisoformat(day)).rpartition(",")[0] if day[0].isdigit() else day.title()
        for day in goal.days
    ]
    said = " or ".join(days)
    if goal.earliest and not goal.latest:
        said = f"{said} after {_clock(goal.earliest)}".strip()
    elif goal.latest:
        said = f"{said} before {_clock(goal.latest)}".strip()
    return said or "another time"


def _spelled(wanted: Wanted) -> str:
    last = wanted.facts.last_name or wanted.facts.first_name
    return f"{last} is {spelled(last)}"


def _born(wanted: Wanted) -> str:
    born = wanted.facts.date_of_birth
    return long_date(born) if born else "another one"


def _clock(time: str) -> str:
    hour, minute = (int(part) for part in time.split(":"))
    return Time(hour * 60 + minute).said


_CORRECTIONS: dict[Wrong, Callable[[Wanted], str]] = {
    Wrong.SERVICE: lambda wanted: f"I need {work_words(wanted.goal.codes)}.",
    Wrong.VEHICLE: lambda wanted: f"it's a {wanted.vehicle}.",
    Wrong.TIME: _time,
    Wrong.PRICE: lambda wanted: f"you told me ${(wanted.price_cents or 0) / 100:.2f}.",
    Wrong.NAME: lambda wanted: f"my name is {wanted.facts.name}.",
    Wrong.PHONE: lambda wanted: f"my number is {national(wanted.facts.phone)}.",
    Wrong.VIN: lambda wanted: f"the VIN ends in {spelled(wanted.vin[-6:])}.",
    Wrong.BIRTH: lambda wanted: f"my date of birth is {_born(wanted)}.",
}
_OTHERWISE: dict[Wrong, Callable[[Wanted], str]] = {
    Wrong.VEHICLE: lambda wanted: f"it's a {vehicle_otherwise(wanted.vehicle)}.",
    Wrong.NAME: lambda wanted: f"my name is {wanted.facts.name}. {_spelled(wanted)}.",
}
