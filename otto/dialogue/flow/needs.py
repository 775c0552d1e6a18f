"""What an errand still needs, in the order in which it is asked for: one table."""

from __future__ import annotations

from otto.dialogue.flow.table import OFFERED, TOLD, TRUSTED, VEHICLE, Guard
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.slots import SlotName
from otto.dialogue.session.state import Session


def _knows(name: SlotName) -> Guard:
    return Guard(
        name.value, lambda session: bool(name in session.slots and session.slots[name].value)
    )


def _either(one: Guard, other: Guard) -> Guard:
    return Guard(one.name, lambda session: one.holds(session) or other.holds(session))


ONLY_THEY_CAN_SAY = Guard("theirs to say", lambda session: False)
"""Holds never: when it has been said, the errand is done or another one."""

SERVICE = "what the car needs", _either(OFFERED, _knows(SlotName.SERVICE))
WHO = "who is calling, proved", TRUSTED
CAR = "the car: year, make and model", VEHICLE
TIME = "a day and a time", OFFERED
YES = "their yes to what you have said back", ONLY_THEY_CAN_SAY
WHICH = "which appointment", TOLD
NEW_TIME = "the new day and time", OFFERED
MOVE_OR_CANCEL = "whether to move or to cancel it", ONLY_THEY_CAN_SAY
HOW_LATE = "how late they will be", ONLY_THEY_CAN_SAY

NEEDS: dict[Errand, tuple[tuple[str, Guard], ...]] = {
    Errand.BOOK: (SERVICE, WHO, CAR, TIME, YES),
    Errand.MOVE: (WHO, WHICH, NEW_TIME, YES),
    Errand.CANCEL: (WHO, WHICH, YES),
    Errand.CHANGE: (WHO, WHICH, MOVE_OR_CANCEL),
    Errand.LOOK_UP: (WHO,),
    Errand.REPAIR: (WHO,),
    Errand.LATE: (WHO, WHICH, HOW_LATE),
}
"""An errand that is not here needs nothing but what the caller says."""


def missing(session: Session) -> tuple[str, ...]:
    """What the errand under way still needs; the first is what to ask for next."""
    return tuple(
        what for what, is_had in NEEDS.get(session.errand, ()) if not is_had.holds(session)
    )
