"""Whether a text speaks of this car or of another one: for what *Otto* was heard to say. Pure.

`vehicles.py` reads the car that a caller describes. Here the car is known by its description, which
may hold names that are in no list of ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from num2words import num2words

from otto.language.vehicles import VehicleSaid, read_vehicle

_DATE_YEAR = re.compile(r"(?<=\d)(?:st|nd|rd|th)?,? 20\d\d\b")
"""The year of "December 1, 2026" is no car's."""


@dataclass(frozen=True, slots=True)
class Car:
    """A vehicle by its description ("2019 Honda Civic"), and how it is spoken of."""

    year: int | None
    make: str
    model: str
    known: VehicleSaid
    """As far as our list of names goes."""
    this_year: int

    @classmethod
    def of(cls, description: str, this_year: int) -> Self:
        known = read_vehicle(description, this_year)
        words = _words(description)
        year = int(words.pop(0)) if words and re.fullmatch(r"(?:19|20)\d\d", words[0]) else None
        make = len(_words(known.make or "")) or 1
        model = " ".join(words[make:])
        return cls(year, " ".join(words[:make]), model, known, this_year)

    def is_named_in(self, text: str, others: Sequence[Car] = ()) -> bool:
        """Whether it is this one of theirs: by its model; by its make when no other has it; and
        by its year when that is all that tells them apart."""
        plain, heard = " ".join(_words(text)), self._read(text)
        same_make = [each for each in others if each.make == self.make]
        same_model = [each for each in same_make if each.model == self.model]
        by_model = bool(self.model) and (
            self._by_model.search(plain) is not None
            or (heard.model is not None and heard.model == self.known.model)
        )
        by_make = bool(self.make) and (
            re.search(rf"\b{_spaced(self.make)}\b", plain) is not None
            or (heard.make is not None and heard.make == self.known.make)
        )
        if same_model and heard.year != self.year:
            return False
        return by_model or (by_make and not same_make)

    def is_contradicted_in(self, text: str, others: Sequence[Car] = ()) -> bool:
        """Whether another car is named, one of the `others` or any, or another year."""
        text = _DATE_YEAR.sub(" ", text)
        heard = self._read(text)
        if heard.year is not None and self.year not in (None, heard.year):
            return True
        rest = self.blanked(text)
        another = self._read(rest)
        return (
            (another.make is not None and another.make != self.known.make)
            or (another.model is not None and another.model != self.known.model)
            or any(each.is_named_in(rest, [self]) for each in others)
        )

    def blanked(self, text: str) -> str:
        """The text without what names this car."""
        for name in (f"{self.make} {self.model}", self.model, self.make):
            if re.search(r"[a-z]{2}|[a-z] ?\d|\d ?[a-z]", name):
                between = r"[\s.-]*"
                letters = between.join(re.escape(char) for char in name.replace(" ", ""))
                text = re.sub(rf"\b{letters}\b", " ", text, flags=re.IGNORECASE)
        if self.year is not None:
            spoken = num2words(self.year, to="year").replace("-", "[ -]")
            text = re.sub(rf"\b(?:{self.year}|{spoken})\b", " ", text, flags=re.IGNORECASE)
        return text

    def _read(self, text: str) -> VehicleSaid:
        return read_vehicle(text, self.this_year)

    @property
    def _by_model(self) -> re.Pattern[str]:
        # Many models are everyday words ("does that fit?"), some are numbers ("at 3").
        make = _spaced(self.make)
        owner = rf"(?:your|my|the|his|her|their|our|a|for|\d{{4}}|{make})"
        if not re.search(r"[a-z]", self.model):
            owner = make
        return re.compile(rf"\b{owner} (?:\d{{4}} |{make} )*{_spaced(self.model)}\b")


def _spaced(name: str) -> str:
    """A pattern for a name whose words and numbers may be written together or apart."""
    return r" ?".join(re.escape(char) for char in name.replace(" ", ""))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", text.lower())
