"""What a telephone number is: the one rule that the files, the settings and every room ask.

It says only what is true of a number whoever has it: that it exists in some country's plan, in
which, and of what kind it is. How callers say one is read in `otto/language/phone.py`, which also
knows how networks write that they withhold it. The plans are those of `phonenumbers`; an area code
that is newer than the installed release does not exist yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType

DEFAULT_REGION = "US"
"""Where a number without a country is read: the United States, and with them Canada and the rest of
the North American plan (+1)."""

MAX_CHARACTERS = 40
"""Longer than any way to write a number of fifteen digits."""

_WRITTEN = re.compile(r"\+?[0-9][0-9 .()/-]*|\+?\([0-9][0-9 .()/-]*")
_NO_COUNTRY = phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
_NANP_SERVICE = re.compile(r"\+1[0-9]{3}(?:976[0-9]{4}|5551212)")
"""Pay-per-call exchanges and directory assistance, plain lines to `phonenumbers`."""


class NumberKind(StrEnum):
    """What becomes of a call to a number."""

    ORDINARY = "ordinary"
    """A landline, a mobile or an internet telephone: somebody's own."""
    TOLL_FREE = "toll_free"
    """Whoever is called pays, such as a business."""
    COSTLY = "costly"
    """Whoever calls or texts pays more than for an ordinary number: premium rate, shared cost,
    personal and company-wide numbers, satellites and whatever else belongs to no country."""


_KINDS = {
    PhoneNumberType.FIXED_LINE: NumberKind.ORDINARY,
    PhoneNumberType.MOBILE: NumberKind.ORDINARY,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberKind.ORDINARY,
    PhoneNumberType.VOIP: NumberKind.ORDINARY,
    PhoneNumberType.TOLL_FREE: NumberKind.TOLL_FREE,
}
"""Every other type is costly."""


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A telephone number that exists."""

    e164: str
    """Like "+13125550142"."""
    region: str
    """ISO 3166 code of its country, like "US" or "CA"; "001" for a number of no country."""
    kind: NumberKind

    @property
    def is_callable(self) -> bool:
        """Whether a person can be expected to call it."""
        return self.kind is not NumberKind.COSTLY


def phone_number(written: str, region: str | None = DEFAULT_REGION) -> PhoneNumber | None:
    """The number that is `written`, in E.164 or as people of `region` write theirs; else None.

    None as well for what has the form of a number and is in no country's plan. With `region` None
    only a number with + and its country is one.
    """
    text = written.strip()
    if len(text) > MAX_CHARACTERS or not _WRITTEN.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    country = phonenumbers.region_code_for_number(number) or _NO_COUNTRY
    kind = _KINDS.get(phonenumbers.number_type(number), NumberKind.COSTLY)
    if country == _NO_COUNTRY or _NANP_SERVICE.fullmatch(e164):
        kind = NumberKind.COSTLY
    return PhoneNumber(e164, country, kind)


def callable_number(written: str, region: str | None = DEFAULT_REGION) -> str | None:
    """E.164 of the number that is `written`, if a person can be expected to call it; else None."""
    number = phone_number(written, region)
    return number.e164 if number is not None and number.is_callable else None


def checked_number(written: str) -> str:
    """E.164 of a number that an operator has `written` with + and its country.

    Raises `ValueError` with a sentence for whoever wrote it.
    """
    number = phone_number(written, region=None)
    if number is None and not written.strip().startswith("+"):
        raise ValueError(f"'{written}' is not a telephone number like \"+13125550100\"")
    if number is None:
        raise ValueError(f"'{written}' is not a telephone number that exists")
    if not number.is_callable:
        raise ValueError(f"'{written}' costs whoever calls it: give an ordinary telephone number")
    return number.e164
