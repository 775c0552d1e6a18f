"""What the ingress needs of the switchboard: the port that the actors implement.

The ingress knows no actor. It asks for a call actor by reservation and reaches it through a
`CallHandle`; tests put plain objects in both places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from otto.health.calls import CallerFacts, Reservation
from otto.telephony.handover import Event, Handover, Way

__all__ = [
    "CallHandle",
    "CallStart",
    "CallerFacts",
    "DeskInfo",
    "Redeemed",
    "Reservation",
    "Serving",
    "SwitchboardClient",
]


@dataclass(frozen=True, slots=True)
class DeskInfo:
    """What to say when the pool is full, and the service desk's number, if it has one."""

    sentence_full: str
    desk_number: str | None
    closed: str = ""
    """Out of hours: when somebody is there again, as in "when we open at 7:30 AM on Monday"."""


@dataclass(frozen=True, slots=True)
class CallStart:
    """A stream that has begun, as the call actor needs it.

    `stream` is the ingress' own name for it, which nobody outside can choose: Twilio's comes from
    the stream itself. `at_ms` is the caller's media time so far. Generations of Otto's speech must
    begin at `first_generation`: the ingress fences off older ones, and after a call actor's death
    they were the dead one's. `checkpoint` is what the last owner of the call had the ingress keep.
    """

    call_sid: str
    stream: str
    facts: CallerFacts
    taken_over: bool = False
    first_generation: int = 0
    at_ms: int = 0
    checkpoint: bytes = b""


@dataclass(frozen=True, slots=True)
class Serving:
    """The call that a call actor has, for a switchboard that was not there when it got it."""

    call_sid: str
    stream: str
    facts: CallerFacts


class CallHandle(Protocol):
    """One call actor, leased to one call."""

    async def attach(self, link_address: str, link_token: str, started: CallStart) -> None:
        """Take the call: connect to the media link, then greet, or go on where it stopped.

        Returns once the control connection is attached; raises whatever prevented it.
        """


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The call actor that a stream has, and who is on the line."""

    handle: CallHandle
    facts: CallerFacts


class SwitchboardClient(Protocol):
    """The switchboard of this node. Any method may raise when it is being restarted."""

    async def reserve(self, call_sid: str, facts: CallerFacts, resume: bool = False) -> Reservation:
        """Hold a free call actor for a call that rings, or with `resume` for one that comes back
        after its stream. A webhook that comes again gets what it got, and harms nothing."""

    async def redeem(self, token: str, call_sid: str, stream: str) -> Redeemed | None:
        """The reserved call actor; None for a token that is wrong, used, old or another call's.

        Whoever got no answer may ask again for the same stream.
        """

    async def take_over(self, call_sid: str, facts: CallerFacts, stream: str) -> Redeemed | str:
        """Another call actor for a stream that has lost the one it redeemed; or the reason why
        there is none. `facts` are those that came with the token."""

    async def stream_ended(self, call_sid: str, stream: str) -> None:
        """A stream that was redeemed is given up; the call may come back through another."""

    async def late(self, source: str, lag_ms: float) -> None:
        """The event loop of the process `source` is late; repeated for as long as it is."""

    async def call_ended(self, call_sid: str, status: str) -> str:
        """Twilio says the call is over; may come twice, or for a call never seen. Gives the CallSid
        of a call to the desk that was placed for it; "" when there is none."""

    async def handover(
        self, call_sid: str, event: Event, way: Way | None = None, leg: str = ""
    ) -> Handover:
        """What has happened on the way to the desk, and how things stand now; a repeat changes
        nothing. `leg` is the CallSid of the call to the desk, `way` how it was placed."""

    async def resume_directive(self, call_sid: str) -> str:
        """What TwiML should follow this call's stream: "hangup", "transfer" or "resume".

        Anything else is taken as "transfer".
        """

    async def calendar_changed(self) -> None:
        """Google says that a bay's calendar has changed: have it read soon."""

    async def desk(self) -> DeskInfo:
        """Where calls go that Otto cannot take. Serves as the readiness check, too."""

    async def request_callback(self, call_sid: str, caller: str) -> None:
        """Note that this caller is to be called back; idempotent by call."""
