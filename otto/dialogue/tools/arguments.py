"""The tools' arguments as they are checked, whatever the model was told about them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PartOfDay = Literal["morning", "afternoon"]


class Arguments(BaseModel):
    """Strict on shape, lenient on blanks: models write "" where they mean null."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, str_max_length=300)


class IdentifyCaller(Arguments):
    phone_number: str | None = None


class VerifyCaller(Arguments):
    date_of_birth: date | None = None
    vin_last_six: str | None = None
    first_name: str | None = Field(None, max_length=60)
    last_name: str | None = Field(None, max_length=60)


class TextCode(Arguments):
    pass


class CheckCode(Arguments):
    code: str = Field(min_length=1)


class CreateCustomer(Arguments):
    first_name: str = Field(min_length=1, max_length=60)
    last_name: str = Field(min_length=1, max_length=60)
    phone_number: str | None = None
    date_of_birth: date | None = None


class AddVehicle(Arguments):
    year: int = Field(ge=1950, le=2100)
    make: str = Field(min_length=1, max_length=40)
    model: str = Field(min_length=1, max_length=40)
    vin: str | None = None


class FindOpenings(Arguments):
    service: str
    from_date: str | None = None
    to_date: str | None = None
    part_of_day: PartOfDay | None = None


class BookAppointment(Arguments):
    slot_id: str
    vehicle_ref: str | None = None
    notes: str | None = None


class DealershipInfo(Arguments):
    topic: Literal["hours", "prices", "address", "services"]
    service: str | None = None
    date: str | None = None


class TransferToPerson(Arguments):
    reason: str


class RequestCallback(Arguments):
    reason: str = Field(min_length=1)
    when: str | None = None
    phone_number: str | None = None


class EndCall(Arguments):
    reason: str
