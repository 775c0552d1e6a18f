"""The tools' arguments as they are checked, whatever the model was told about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from otto.language.characters import shortened
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


def _as_words(given: object) -> object:
    """Models write a number where they are to pass words."""
    is_number = isinstance(given, int) and not isinstance(given, bool)
    return str(given) if is_number else given


Words = Annotated[str, BeforeValidator(_as_words)]
"""What the caller said, in their own words: the tool reads it, and holds it against the call's."""


class IdentifyCaller(Arguments):
    phone_number: Words | None = None


class VerifyCaller(Arguments):
    date_of_birth: Words | None = None
    vin_last_six: Words | None = None
    first_name: str | None = None
    last_name: str | None = None


class TextCode(Arguments):
    pass


class CheckCode(Arguments):
    code: str = Field(min_length=1)


class CreateCustomer(Arguments):
    first_name: str = Field(min_length=1)
    last_name: str | None = None
    phone_number: Words | None = None
    date_of_birth: Words | None = None
    email: str | None = None


class AddNumber(Arguments):
    pass


class AddVehicle(Arguments):
    vehicle: Words = Field(min_length=1, max_length=200)
    vin: Words | None = None
    mileage: Words | None = None
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
    phone_number: Words | None = None


class EndCall(Arguments):
    reason: Retold


def not_usable(invalid: ValidationError) -> str:
    """A sentence for the model about arguments that were refused; their values are not in it."""
    faults = [
        f"{fault['loc'][0]} ({fault['msg'].rstrip('.')})"
        for fault in invalid.errors(include_url=False, include_input=False, include_context=False)
        if fault["loc"]
    ]
    return f"These arguments are not usable: {', '.join(faults) or 'all of them'}."
