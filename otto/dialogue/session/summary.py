"""What the service desk is told of a call before it takes it: one sentence, made of the session.

    "Maria, a verified customer, asks for a person, about moving an appointment."

No model has a part in it, and nobody's words are in it: who calls, as far as that is proved, why a
person is to take over, and what it is about. Of a caller who has not proved who they are it names
nothing that the book knows of them.
"""

from __future__ import annotations

from typing import Final, Protocol

from otto.dialogue.session.errands import Errand
from otto.dialogue.session.identity import Identity
from otto.dialogue.session.slots import SlotName, Slots


class Told(Protocol):
    """What of a session the desk is told."""

    identity: Identity
    first_name: str
    errand: Errand
    waiting: list[Errand]
    slots: Slots


WHO: Final[dict[Identity, str]] = {
    Identity.VERIFIED: "{name}, a verified customer,",
    Identity.CREATED: "{name}, a new customer,",
    Identity.LOCKED: "A caller who could not be verified",
}
STRANGER: Final = "A caller who is not verified"

WHY: Final[dict[str, str]] = {
    "transferred": "asks for a person",
    "danger": "has a car that may not be safe to drive",
    "complaint": "is not happy with us",
    "other_language": "does not speak English",
    "not_understood": "was not understood by Otto",
    "listening_failed": "could not be heard by Otto",
    "time_limit": "has talked with Otto for as long as a call may take",
}
"""By the outcome with which the call ends."""
ELSE: Final = "could not be served by Otto"

ABOUT: Final[dict[Errand, str]] = {
    Errand.BOOK: "a new appointment",
    Errand.MOVE: "moving an appointment",
    Errand.CANCEL: "cancelling an appointment",
    Errand.CHANGE: "changing an appointment",
    Errand.LOOK_UP: "an appointment of theirs",
    Errand.REPAIR: "a car in the workshop",
    Errand.LATE: "being late for an appointment",
    Errand.DEPARTMENT: "sales or parts",
    Errand.TOW: "a tow",
    Errand.DESK: "a bill, a warranty, a recall or a complaint",
}
"""What is under way. Of the others there is nothing to say, or `WHY` says it."""


def summarise(session: Told, outcome: str) -> str:
    """The sentence for a call that ends with `outcome`."""
    name = session.first_name or "Somebody"
    who = WHO.get(session.identity, STRANGER).format(name=name)
    about = _about(session)
    return f"{who} {WHY.get(outcome, ELSE)}{f', about {about}' if about else ''}."


def _about(session: Told) -> str:
    under_way = next(
        (errand for errand in (session.errand, *session.waiting) if errand in ABOUT), None
    )
    slot = session.slots.get(SlotName.SERVICE)
    services = slot.value.replace("_", " ") if slot is not None else ""
    if under_way is None:
        return services
    is_booking = under_way is Errand.BOOK and services
    return f"{ABOUT[under_way]} for {services}" if is_booking else ABOUT[under_way]
