"""A customer and their vehicles, as the rest of Otto sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from otto.crm.proof import Fact


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A customer's vehicle; `year` is the model year."""

    id: int
    year: int
    make: str
    model: str
    vin: str | None
    mileage: int | None = None
    """Miles, as it was last told."""

    @property
    def description(self) -> str:
        """As it is said: "2019 Honda Civic"."""
        return f"{self.year} {self.make} {self.model}"


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer; `phone` is E.164, the first of their numbers, which others may have, too.
    `last_name` is "" for somebody who has one name. What verifies them is not in here."""

    id: int
    first_name: str
    last_name: str
    phone: str
    vehicles: tuple[Vehicle, ...]


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Somebody to be recorded as a customer; `phone` is E.164. `key` makes a repeat the same.
    `last_name` is "" for somebody who has one name only."""

    key: str
    first_name: str
    last_name: str
    phone: str
    date_of_birth: date | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class NewVehicle:
    """A vehicle to be recorded as a customer's. `key` makes a repeat the same.

    `mileage`: in miles. One below the last is recorded only when the caller was asked again and is
    sure.
    """

    key: str
    customer_id: int
    year: int
    make: str
    model: str
    vin: str | None = None
    mileage: int | None = None
    is_sure_of_mileage: bool = False


class Verdict(StrEnum):
    """What became of a caller's proof."""

    VERIFIED = "verified"
    MISMATCH = "mismatch"
    """Something does not fit, or there is no such customer: nobody learns which."""
    SEVERAL = "several"
    """Everything fits more than one of those who have the number: only the name can tell."""
    LOCKED = "locked"
    """Too many wrong answers in one call or several: nothing is looked at any more for a while."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of a caller's proof, and whom it fits when they are verified."""

    verdict: Verdict
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class IdentityClaim:
    """What a caller has said to prove that they are a customer with this number, if there is
    one. The same answer again (a retry's, a next owner's of the call) has the same `key`."""

    phone: str
    """E.164."""
    key: str
    caller: str | None = None
    """The number that calls, E.164, vouched for or not; None when it is withheld."""
    has_number: bool = True
    """Whether `phone` is known to be the caller's: see `otto.crm.proof`."""
    date_of_birth: date | None = None
    vin_last_six: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    misheard: tuple[str, ...] = ()
    """Keys of this call's wrong answers that were read back and not confirmed: forgiven to whoever
    is verified in the end."""

    @property
    def facts(self) -> frozenset[Fact]:
        """Which facts are claimed."""
        given = {
            Fact.DATE_OF_BIRTH: self.date_of_birth is not None,
            Fact.VIN_TAIL: self.vin_last_six is not None,
            Fact.NAME: bool(self.first_name and self.last_name),
        }
        return frozenset(fact for fact, is_given in given.items() if is_given)
