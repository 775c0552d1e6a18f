"""What Otto does with a sentence, and a turn of Otto's once it is understood."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.caller.words import Time


class Act(StrEnum):
    """What Otto does with a sentence."""

    REPEAT = "repeat"
    STILL_THERE = "still_there"
    ANYTHING_ELSE = "anything_else"
    OFFER = "offer"
    OFFER_PERSON = "offer_person"
    OFFER_CALLBACK = "offer_callback"
    OFFER_CODE = "offer_code"
    """May a code be texted?"""
    OTHER_DAY = "other_day"
    GO_ON = "go_on"
    """Shall we go on?"""
    ASK_APPOINTMENT = "ask_appointment"
    """Which of several appointments is meant."""
    ASK_CHANGE = "ask_change"
    """Which part of what was read back is wrong."""
    ASK_KNOWN = "ask_known"
    ASK_NAME = "ask_name"
    ASK_PHONE = "ask_phone"
    ASK_BIRTH = "ask_birth"
    ASK_VIN = "ask_vin"
    ASK_VEHICLE = "ask_vehicle"
    ASK_ZIP = "ask_zip"
    ASK_EMAIL = "ask_email"
    ASK_MILEAGE = "ask_mileage"
    ASK_CODE = "ask_code"
    ASK_REASON = "ask_reason"
    ASK_ARRIVAL = "ask_arrival"
    """When somebody who is late will be there."""
    ASK_TRANSPORT = "ask_transport"
    """Waiting for the car, a loaner or the shuttle."""
    ASK_TIME = "ask_time"
    ASK_SERVICE = "ask_service"
    CONFIRM = "confirm"
    UNKNOWN_QUESTION = "unknown_question"
    # Statements: nothing is asked.
    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    VISIT = "visit"
    """An appointment that is in the book is told."""
    WORK = "work"
    """How far the workshop is with the caller's car is told."""
    NOTED = "noted"
    """Something is passed on, or somebody will call back."""
    NUMBER = "number"
    """Another number to call is told."""
    WARNED = "warned"
    """The car must not be driven."""
    TRANSFER = "transfer"
    GOODBYE = "goodbye"
    HOLD = "hold"
    STATEMENT = "statement"


DETAILS = frozenset(
    {Act.ASK_NAME, Act.ASK_PHONE, Act.ASK_BIRTH, Act.ASK_VIN, Act.ASK_VEHICLE}
    | {Act.ASK_ZIP, Act.ASK_EMAIL, Act.ASK_MILEAGE}
)
"""What a caller is asked about themselves; several may be asked at once."""
STATEMENTS = frozenset(
    {Act.BOOKED, Act.MOVED, Act.CANCELLED, Act.VISIT, Act.WORK}
    | {Act.NOTED, Act.NUMBER, Act.WARNED}
    | {Act.TRANSFER, Act.GOODBYE, Act.HOLD, Act.STATEMENT}
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A turn of Otto's, understood. `acts` are in the order spoken; `times` likewise."""

    text: str
    acts: tuple[Act, ...]
    times: tuple[Time, ...] = ()
    parts: tuple[tuple[str, frozenset[Act]], ...] = ()
    """The sentences, as heard, each with its acts."""

    def about(self, *acts: Act) -> str:
        """What was said with one of `acts`, with what led up to it when it asks."""
        said: list[str] = []
        lead: list[str] = []
        for sentence, here in self.parts:
            if here & set(acts):
                said += [*(lead if here - STATEMENTS else []), sentence]
            lead = [] if here - STATEMENTS else [*lead, sentence]
        return " ".join(said)

    @property
    def asks(self) -> tuple[Act, ...]:
        """The acts that want an answer."""
        return tuple(act for act in self.acts if act not in STATEMENTS)
