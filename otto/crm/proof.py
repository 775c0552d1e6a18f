"""What proves that a caller is a customer: which facts are enough, and when a name is the same.

The tail of a VIN can be read through the windscreen, and a name on a letterbox: neither proves
anything by itself. The number that calls is a fact, too, as long as the network vouches for it;
when it does not, or another number was said, one more is asked for.
"""

from __future__ import annotations

import unicodedata
from difflib import SequenceMatcher
from enum import StrEnum


class Fact(StrEnum):
    """What a caller can give as proof."""

    DATE_OF_BIRTH = "date of birth"
    VIN_TAIL = "last six characters of the VIN"
    NAME = "first and last name"


_ENOUGH: dict[bool, tuple[frozenset[Fact], ...]] = {
    True: (frozenset({Fact.DATE_OF_BIRTH}), frozenset({Fact.VIN_TAIL, Fact.NAME})),
    False: (
        frozenset({Fact.DATE_OF_BIRTH, Fact.NAME}),
        frozenset({Fact.DATE_OF_BIRTH, Fact.VIN_TAIL}),
    ),
}
"""By whether the customer's number is known to be the caller's: sets of facts, each enough."""

SAME_NAME = 0.75
"""How alike two spellings of a name are at least: recognisers write "Alvares" and "Steven"."""


def is_enough(given: frozenset[Fact], *, has_number: bool) -> bool:
    """Whether these facts, if they fit, prove who the caller is. `has_number`: the number that
    the customer is known by is the caller's, by the network's word or by a code."""
    return any(wanted <= given for wanted in _ENOUGH[has_number])


def is_same_name(heard: str, known: str) -> bool:
    """Whether a name as it was recognised can be the one on record; never for an empty one."""
    one, other = _letters(heard), _letters(known)
    return bool(one and other) and SequenceMatcher(None, one, other).ratio() >= SAME_NAME


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in plain if character.isalpha())
