"""A customer and their vehicles, as the rest of Otto sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A customer's vehicle; `year` is the model year."""

    id: int
    year: int
    make: str
    model: str
    vin: str | None

    @property
    def description(self) -> str:
        """As it is said: "2019 Honda Civic"."""
        return f"{self.year} {self.make} {self.model}"


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer; `phone` is E.164. What verifies them is not in here."""

    id: int
    first_name: str
    last_name: str
    phone: str
    vehicles: tuple[Vehicle, ...]
