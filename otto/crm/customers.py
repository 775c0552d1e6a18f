"""A customer and their vehicles, as the rest of Otto sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


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


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Somebody to be recorded as a customer; `phone` is E.164. `key` makes a repeat the same."""

    key: str
    first_name: str
    last_name: str
    phone: str
    date_of_birth: date | None = None


@dataclass(frozen=True, slots=True)
class NewVehicle:
    """A vehicle to be recorded as a customer's. `key` makes a repeat the same."""

    key: str
    customer_id: int
    year: int
    make: str
    model: str
    vin: str | None = None


@dataclass(frozen=True, slots=True)
class IdentityClaim:
    """What a caller has said to prove that they are this customer: at least one fact."""

    customer_id: int
    date_of_birth: date | None = None
    vin_last_six: str | None = None
