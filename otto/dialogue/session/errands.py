"""What a call is about: the errand that is under way. Plain data of the session; what leads from
one to another is the table of `otto.dialogue.flow`."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Errand(StrEnum):
    """What the caller wants at the moment."""

    OPEN = "open"
    """Nobody knows yet."""
    BOOK = "book"
    """A new appointment, also for a symptom."""
    MOVE = "move"
    CANCEL = "cancel"
    CHANGE = "change"
    """They cannot come: whether to move or to cancel is still to be asked."""
    LOOK_UP = "look_up"
    """When is my appointment?"""
    REPAIR = "repair"
    """Is my car ready?"""
    LATE = "late"
    """They are on their way, and late."""
    QUESTION = "question"
    """Hours, prices, address, waiting, loaner, shuttle."""
    DEPARTMENT = "department"
    """Sales or parts."""
    TOW = "tow"
    DESK = "desk"
    """Warranty, recall, bill, complaint, a call they were to return: the desk's affair."""
    CALLBACK = "callback"
    WRONG_NUMBER = "wrong_number"
    PERSON = "person"
    """They want a person, and get one at once."""
    LANGUAGE = "language"
    """They speak a language that Otto does not."""
    DANGER = "danger"
    """The car is not safe to drive."""
    DONE = "done"
    """What they wanted is seen to."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        """One that another release knows: what the caller wants is found out again."""
        return cls("open")
