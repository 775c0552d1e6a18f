"""Public holidays of the dealership's file, by the holidays library's names."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Self

import holidays as holiday_library
from pydantic import model_validator

from config.dealership_file import Frozen, did_you_mean

OBSERVED = " (observed)"
"""Ends the name of a day on which a holiday is kept instead of, or beside, its own."""


class Holidays(Frozen):
    """Public holidays on which the location is closed, named as the holidays library names them.

    A holiday on a weekend is often kept on another day as well, which has a name of its own:
    "Christmas Day (observed)". `closed_on` empty: every public holiday, such days included.
    """

    country: str
    subdivision: str | None = None
    closed_on: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        countries = holiday_library.list_supported_countries()
        if self.country not in countries:
            raise ValueError(f"no holidays are known for country '{self.country}' (like US)")
        if self.subdivision and self.subdivision not in countries[self.country]:
            raise ValueError(f"country {self.country} has no subdivision '{self.subdivision}'")
        # Three years, because some holidays are not kept every year.
        known = {
            name
            for year in (2026, 2027, 2028)
            for name in _holidays_of(self.country, self.subdivision, year).values()
        }
        faults = [
            f"no public holiday is called '{name}'{did_you_mean(plain, known)}"
            for name in self.closed_on
            # Which holidays fall on a weekend differs from year to year.
            if (plain := name.removesuffix(OBSERVED)) not in known
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def name_on(self, day: date) -> str | None:
        """The name of the holiday that closes the location on `day`, such as "Labor Day" or
        "Christmas Day (observed)", or None."""
        found = _holidays_of(self.country, self.subdivision, day.year).get(day)
        if found is None:
            return None
        # Two holidays on one day are joined by "; ".
        names = found.split("; ")
        return next((name for name in names if not self.closed_on or name in self.closed_on), None)


@lru_cache(maxsize=64)
def _holidays_of(country: str, subdivision: str | None, year: int) -> dict[date, str]:
    found = holiday_library.country_holidays(country, subdiv=subdivision, years=year)
    return dict(found.items())
