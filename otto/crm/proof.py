"""What proves that a caller is a customer: which facts are enough.

The tail of a VIN can be read through the windscreen, and a name on a letterbox: neither proves
anything by itself. The number that calls is a fact, too, as long as the network vouches for it;
when it does not, or another number was said, one more is asked for.
"""

from __future__ import annotations

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


def is_enough(given: frozenset[Fact], *, has_number: bool) -> bool:
    """Whether these facts, if they fit, prove who the caller is. `has_number`: the number that
    the customer is known by is the caller's, by the network's word or by a code."""
    return any(wanted <= given for wanted in _ENOUGH[has_number])
