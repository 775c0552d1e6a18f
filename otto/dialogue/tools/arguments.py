"""The tools' arguments as they are checked, whatever the model was told about them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from config.clock import utc_now
from otto.language.birth_dates import BirthDateError, read_birth_date
from otto.language.characters import shortened
from otto.language.mileage import read_mileage
from otto.scheduling.bookings import CancelReason
from otto.scheduling.openings import Transport

MOST_CHARACTERS = 300
Retold = Annotated[
    str,
    BeforeValidator(
        lambda text: shortened(text, MOST_CHARACTERS) if isinstance(text, str) else text
    ),
]
"""What the model says in its own words for a person: longer, it is cut, and no reason to refuse."""


def _listed(given: Any) -> Any:
    """Models write "oil_change" where they mean ["oil_change"]."""
    return [given] if isinstance(given, str) else given


class Arguments(BaseModel):
    """Strict on shape, lenient on blanks: models write "" where they mean null."""

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, str_max_length=MOST_CHARACTERS
    )


class IdentifyCaller(Arguments):
    phone_number: str | None = None


def _born(given: object) -> object:
    """A date of birth in the caller's own words. Raises `BirthDateError` (a ValueError)."""
    return read_birth_date(given, utc_now().date()) if isinstance(given, str) else given


BirthDate = Annotated[date, BeforeValidator(_born)]


class VerifyCaller(Arguments):
    date_of_birth: BirthDate | None = None
    vin_last_six: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class TextCode(Arguments):
    pass


class CheckCode(Arguments):
    code: str = Field(min_length=1)


class CreateCustomer(Arguments):
    first_name: str = Field(min_length=1)
    last_name: str | None = None
    phone_number: str | None = None
    date_of_birth: BirthDate | None = None
    email: str | None = None


def _miles(given: object) -> object:
    """Miles in the caller's own words."""
    if not isinstance(given, str):
        return given
    if (miles := read_mileage(given)) is None:
        raise ValueError("a mileage, as they said it")
    return miles


class AddNumber(Arguments):
    pass


class AddVehicle(Arguments):
    year: int = Field(ge=1950, le=2100)
    make: str = Field(min_length=1, max_length=40)
    model: str = Field(min_length=1, max_length=60)
    vin: str | None = None
    mileage: Annotated[int, BeforeValidator(_miles)] | None = None
    mileage_confirmed: bool | None = None


class FindOpenings(Arguments):
    services: Annotated[list[str], BeforeValidator(_listed)] = Field(min_length=1, max_length=4)
    when: str | None = None
    staff: str | None = Field(None, alias="with")
    transport: Transport | None = None
    appointment_ref: str | None = None


class BookAppointment(Arguments):
    slot_id: str
    vehicle_ref: str | None = None
    notes: Retold | None = None


class MyAppointments(Arguments):
    pass


class RescheduleAppointment(Arguments):
    appointment_ref: str
    slot_id: str


class CancelAppointment(Arguments):
    appointment_ref: str
    reason: CancelReason = CancelReason.OTHER


class RepairStatusOf(Arguments):
    vehicle_ref: str | None = None


Topic = Literal[
    "hours", "prices", "address", "services", "towing", "sales", "parts", "loaner", "shuttle",
    "waiting_room",
]  # fmt: skip


class DealershipInfo(Arguments):
    topic: Topic
    service: str | None = None
    date: str | None = None


class TransferToPerson(Arguments):
    reason: Retold


class RequestCallback(Arguments):
    reason: Retold = Field(min_length=1)
    when: str | None = None
    phone_number: str | None = None


class EndCall(Arguments):
    reason: Retold


def to_be_said(invalid: ValidationError) -> str:
    """What to say to the caller about arguments that were refused; empty when it is the model's
    own affair."""
    causes = (fault.get("ctx", {}).get("error") for fault in invalid.errors(include_url=False))
    return next((str(cause) for cause in causes if isinstance(cause, BirthDateError)), "")


def not_usable(invalid: ValidationError) -> str:
    """A sentence for the model about arguments that were refused; their values are not in it."""
    faults = [
        f"{fault['loc'][0]} ({fault['msg'].rstrip('.')})"
        for fault in invalid.errors(include_url=False, include_input=False, include_context=False)
        if fault["loc"]
    ]
    return f"These arguments are not usable: {', '.join(faults) or 'all of them'}."
