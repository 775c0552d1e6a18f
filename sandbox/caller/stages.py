"""How far a call has come towards what its caller wants, and what tells that it is reached."""

from __future__ import annotations

from enum import StrEnum

from sandbox.caller.comprehension import Act


class Stage(StrEnum):
    """How far a call came, in the order a booking goes."""

    GREETED = "greeted"
    REQUESTED = "requested"
    IDENTIFIED = "identified"
    OFFERED = "offered"
    CHOSEN = "chosen"
    CONFIRMED = "confirmed"
    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    TOLD = "told"
    TRANSFERRED = "transferred"
    GOODBYE = "goodbye"


DONE: dict[str, tuple[Act, Stage]] = {
    "book": (Act.BOOKED, Stage.BOOKED),
    "reschedule": (Act.MOVED, Stage.MOVED),
    "cancel": (Act.CANCELLED, Stage.CANCELLED),
    "when": (Act.VISIT, Stage.TOLD),
    "status": (Act.WORK, Stage.TOLD),
}
"""By the goal's kind: what Otto says when it is reached, and how far the call has come then."""
WANTS_TIME = frozenset({"book", "reschedule"})
