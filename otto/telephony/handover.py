"""A caller is handed over to a person at the service desk: what state that is in. Sans-I/O.

The caller waits in a conference of Twilio's while the desk is called and hears, before anybody
else can, what it is about; key 1 takes the caller. Webhooks of both calls tell what happens. They
come twice, late, and in any order, and to any node, so one table decides::

    state      event        state
    asked      ring         ringing
    ringing    accepted     taken
    ringing    refused, unanswered, overdue, caller back     nobody
    taken      desk gone, caller back                        parted
    any        caller gone  gone

What is not in the table changes nothing: a desk that accepts when the caller has gone, or is back
with Otto, is told so; a second key 1 of the same call is the first one again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

KEPT: Final = 2000
"""Handovers that are remembered; the oldest go first."""


class Stage(StrEnum):
    """How far a handover is."""

    UNKNOWN = "unknown"
    """Whoever knew of it was restarted meanwhile."""
    ASKED = "asked"
    """A call actor has given up its stream for it."""
    RINGING = "ringing"
    TAKEN = "taken"
    """A person has accepted: they talk, or are about to."""
    NOBODY = "nobody"
    """Nobody took the caller, who goes back to Otto."""
    PARTED = "parted"
    """They have talked, and the desk has hung up first."""
    GONE = "gone"
    """The caller has hung up."""


class Event(StrEnum):
    """What webhooks tell."""

    RING = "ring"
    """The caller's line is free: whoever asks begins."""
    DIALLED = "dialled"
    """The desk is being called, in the way and by the call given."""
    ANSWERED = "answered"
    """Somebody, or something, at the desk has picked up."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DESK_GONE = "desk_gone"
    """The desk's call is over, however it ended: unanswered, if nobody had accepted."""
    WAITING = "waiting"
    """The caller still waits."""
    OVERDUE = "overdue"
    """The caller waits longer than any desk can take to answer."""
    CALLER_BACK = "caller_back"
    """The caller's line is free again."""
    CALLER_GONE = "caller_gone"


class Way(StrEnum):
    """How caller and desk are brought together."""

    ROOM = "room"
    """Two calls of ours, in one conference."""
    LINE = "line"
    """The caller's own call dials the desk: needs nothing but TwiML."""


_S, _E = Stage, Event
TRANSITIONS: Final[dict[tuple[Stage, Event], Stage]] = {
    (_S.UNKNOWN, _E.RING): _S.RINGING,
    (_S.UNKNOWN, _E.ACCEPTED): _S.TAKEN,  # the conference knows whether anybody is there
    (_S.UNKNOWN, _E.OVERDUE): _S.NOBODY,
    (_S.UNKNOWN, _E.CALLER_BACK): _S.NOBODY,
    (_S.ASKED, _E.RING): _S.RINGING,
    (_S.RINGING, _E.ACCEPTED): _S.TAKEN,
    (_S.RINGING, _E.REFUSED): _S.NOBODY,
    (_S.RINGING, _E.DESK_GONE): _S.NOBODY,
    (_S.RINGING, _E.OVERDUE): _S.NOBODY,
    (_S.RINGING, _E.CALLER_BACK): _S.NOBODY,
    (_S.TAKEN, _E.DESK_GONE): _S.PARTED,
    (_S.TAKEN, _E.CALLER_BACK): _S.PARTED,
    **{(stage, _E.CALLER_GONE): _S.GONE for stage in _S if stage is not _S.UNKNOWN},
}
_OF_THE_DESK: Final = frozenset({_E.ANSWERED, _E.ACCEPTED, _E.REFUSED, _E.DESK_GONE})
"""Events of a call to the desk: they count only from the one that this handover knows."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A handover as it stands. `summary` is said to the desk; "" when nobody knows any."""

    stage: Stage
    summary: str = ""
    way: Way | None = None
    leg: str = ""
    """The CallSid of the call to the desk, once it is known."""
    is_new: bool = False
    """Whether what was just told has changed the stage."""
    is_own: bool = True
    """Whether it came from the call to the desk that this handover knows."""


class Handovers:
    """The handovers of one node, by the callers' CallSids."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, Handover] = OrderedDict()

    def ask(self, call_sid: str, summary: str) -> None:
        """A call actor is about to give up the caller's stream, for a person."""
        self._keep(call_sid, Handover(Stage.ASKED, summary))

    def happened(
        self, call_sid: str, event: Event, way: Way | None = None, leg: str = ""
    ) -> Handover:
        """Tell what has happened; how things stand now. A repeat changes nothing."""
        before = self._found.get(call_sid, Handover(Stage.UNKNOWN))
        if event is Event.DIALLED:
            return self._keep(call_sid, replace(before, way=way, leg=leg or before.leg))
        if event in _OF_THE_DESK:
            if not _is_of(before, way, leg):
                return replace(before, is_own=False)
            before = replace(before, way=way, leg=leg)
        stage = TRANSITIONS.get((before.stage, event), before.stage)
        is_new = stage is not before.stage
        if before.stage is Stage.UNKNOWN and not is_new:
            return before
        return replace(self._keep(call_sid, replace(before, stage=stage)), is_new=is_new)

    def _keep(self, call_sid: str, handover: Handover) -> Handover:
        self._found[call_sid] = handover
        self._found.move_to_end(call_sid)
        if len(self._found) > KEPT:
            self._found.popitem(last=False)
        return handover


def _is_of(handover: Handover, way: Way | None, leg: str) -> bool:
    """Whether a call to the desk is this handover's: its callbacks may overtake the answer to
    the request that placed it."""
    if handover.stage is Stage.ASKED:
        return False  # of an earlier one of the same call
    return handover.way in {None, way} and handover.leg in {"", leg}
