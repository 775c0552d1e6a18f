"""Who is calling, as far as they have proved it. Plain data of the session."""

from __future__ import annotations

from enum import StrEnum


class Identity(StrEnum):
    """How well we know the caller: changed by `otto.dialogue.flow` alone, by what tools come to."""

    UNKNOWN = "unknown"
    NOT_FOUND = "not_found"
    """We looked, and the number belongs to no customer."""
    FOUND = "found"
    """The number belongs to a customer; the caller has not proved to be that customer."""
    CLAIMED = "claimed"
    """The caller has said a number, or calls from one that the network does not vouch for. Whether
    it is a customer's has not been looked up, and is not told."""
    VERIFIED = "verified"
    CREATED = "created"
    """A new customer, entered in this call: nothing of anybody else's can be seen."""
    LOCKED = "locked"
    """Too many wrong answers: nothing of the customer's is said or changed in this call."""

    @property
    def trusted(self) -> bool:
        return self in {Identity.VERIFIED, Identity.CREATED}
