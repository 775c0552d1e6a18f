"""What people say of themselves and of their vehicles, as it is recorded: checked at the edge.

Whatever cannot be recorded is refused with `CrmError`: a sentence that says what is wrong with it,
and does not repeat it. Lengths are characters (code points, as PostgreSQL counts them) of what is
stored, after normalisation.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from datetime import date

from email_validator import EmailNotValidError, validate_email

from config.clock import utc_now
from otto.language.characters import storable
from otto.language.emails import read_email
from otto.storage.errors import CrmError, MileageFell
from otto.storage.tables import EMAIL_LENGTH, MILEAGE_MOST, NAME_LENGTH

EARLIEST_BIRTH = date(1900, 1, 1)
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""As the database checks it."""
MARKS_IN_A_ROW = 4
"""No script stacks more marks on a letter; who stacks more hides the lines around it."""

_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners: Persian and Indic names are spelt with them."""
_IN_NAMES = frozenset(" '’‘`´-‐‑–.,·・&()/" + _JOINERS)


def name_of(text: str, what: str) -> str:
    """A name in any script, NFC, in single spaces. `what`: "first name"."""
    name = words_of(_shown(unicodedata.normalize("NFC", storable(text))), what, NAME_LENGTH)
    kinds = [unicodedata.category(char)[0] for char in name]
    is_name = (
        "L" in kinds
        and all(kind in "LMN" or char in _IN_NAMES for kind, char in zip(kinds, name, strict=True))
        and "M" * (MARKS_IN_A_ROW + 1) not in "".join(kinds)
    )
    if not is_name:
        raise CrmError(f"That {what} cannot be recorded: a name is written in letters.")
    return name


def words_of(text: str, what: str, length: int) -> str:
    """`text` in single spaces, of at most `length` characters."""
    words = " ".join(storable(text).split())
    if not words:
        raise CrmError(f"The {what} is missing.")
    if len(words) > length:
        raise CrmError(f"That {what} is too long: it may have {length} characters.")
    return words


def email_of(text: str) -> str:
    """An e-mail address in one spelling, written or said. Whether it exists nobody asks."""
    plain = storable(text).strip()
    with suppress(EmailNotValidError):
        address = plain if "@" in plain else read_email(plain) or plain
        found = validate_email(address, check_deliverability=False, strict=True).normalized
        if len(found) <= EMAIL_LENGTH:
            return found
    # Its own text would hold the address.
    raise CrmError("That e-mail address cannot be right: please spell it once more.")


def birth_of(born: date | None) -> date | None:
    """A date of birth that can be right."""
    if born is not None and not EARLIEST_BIRTH < born <= utc_now().date():
        raise CrmError("That date of birth cannot be right.")
    return born


def phone_of(phone: str) -> str:
    """An E.164 number."""
    if not E164.fullmatch(phone):
        raise CrmError("That is not a telephone number that can be recorded.")
    return phone


def mileage_of(told: int | None) -> int | None:
    """A mileage that a car can have."""
    if told is not None and not 0 <= told <= MILEAGE_MOST:
        raise CrmError("That mileage cannot be right: please say it once more.")
    return told


def later_mileage(told: int | None, known: int | None, *, is_sure: bool) -> int | None:
    """The mileage to be kept. Raises `MileageFell` for one below the known, unless the caller has
    been asked again (`is_sure`): an instrument may have been replaced, or misread before."""
    if told is None:
        return known
    if known is not None and told < known and not is_sure:
        raise MileageFell("That is less than was noted before: please check the mileage.")
    return told


def _shown(text: str) -> str:
    """Without what nobody sees or says; what divides lines divides words."""
    return "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or char in _JOINERS or unicodedata.category(char) not in {"Cc", "Cf"}
    )
