"""How much one caller, one call and one number may do, and which numbers are texted."""

from __future__ import annotations

from typing import Annotated, Any

import phonenumbers
from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from config.environment import SettingsGroup

LONGEST_WINDOW_H = 24 * 30
"""What is older than this counts nowhere, and may be removed."""


class LimitSettings(SettingsGroup):
    """Counted in the database, so they hold across calls, processes and nodes."""

    model_config = SettingsConfigDict(env_prefix="OTTO_LIMIT_")

    texts_per_call: int = Field(6, ge=1)
    texts_per_number: int = Field(12, ge=1)
    """To one number, and at the wish of one calling number, within `window_h`."""
    codes_per_number: int = Field(4, ge=1)
    """Texts with a code to one number within `window_h`: anybody can have one sent to it."""
    bookings_per_call: int = Field(5, ge=1)
    bookings_per_number: int = Field(20, ge=1)
    """From one calling number, and for one customer's number, within `window_h`."""
    wrong_answers_per_customer: int = Field(6, ge=1)
    """Within `window_h`, in however many calls; then nobody is verified as this customer."""
    wrong_answers_per_number: int = Field(12, ge=1)
    """The same from one calling number, whomever they claim to be."""
    window_h: float = Field(24.0, gt=0, le=LONGEST_WINDOW_H)
    text_countries: Annotated[frozenset[str], NoDecode] = frozenset()
    """Countries whose numbers are texted, by ISO code. Empty: that of the location's own number."""

    @property
    def window_s(self) -> float:
        """`window_h` in seconds."""
        return self.window_h * 3600.0

    @field_validator("text_countries", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        codes = frozenset(code.strip().upper() for code in value.split(",") if code.strip())
        unknown = sorted(codes - phonenumbers.SUPPORTED_REGIONS)
        if unknown:
            raise ValueError(f"there is no country {', '.join(unknown)} (like US,CA)")
        return codes
