"""What is known of a call before it begins, and how it may end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sandbox.caller.personas import Persona

if TYPE_CHECKING:
    from sandbox.twilio.conference import Room

MAX_CALL_S = 900.0
RING_TIMEOUT_S = 60.0
"""How long Twilio lets a telephone ring that it was asked to call (its default)."""
FINAL_STATUSES = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})

Direction = Literal["inbound", "outbound-api", "outbound-dial"]


class Over(Exception):
    """The call has ended; the message says by what."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Where Twilio tells how a call goes, and of what. Empty url: nowhere."""

    url: str = ""
    events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What is known before a call begins. At most one of `url` and `document` is given."""

    persona: Persona
    direction: Direction
    from_number: str
    to_number: str
    speech: Literal["real", "known"]
    url: str = ""
    method: str = "POST"
    document: str = ""
    callbacks: Callbacks = field(default_factory=Callbacks)
    machine_detection: bool = False
    stir_verstat: str = "TN-Validation-Passed-A"
    """What the network says of who rings; empty: nothing is said."""
    time_limit_s: float = MAX_CALL_S
    ring_timeout_s: float = RING_TIMEOUT_S
    is_desk: bool = False
    """The service desk answers, as it was told to behave."""
    parent_sid: str = ""
    """The call whose `<Dial>` placed this one."""
    bridge: Room | None = None
    """Where it meets that call when its TwiML has been carried out."""
