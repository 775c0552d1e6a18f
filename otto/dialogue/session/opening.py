"""Taking a call's session over: the one there is, or a new one.

A session says who the caller has proved to be, and what was said. So it goes on only with the same
person: on the stream that it was on (its call actor was lost), or on the next one of the same call,
from and to the same numbers, soon enough. Otherwise the caller hears the greeting of a new call,
and has to say again who they are and what they want; wrong answers that were counted stay counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from otto.dialogue.session.state import Directive, Session
from otto.dialogue.session.store import CLOCK_SKEW_US, Sessions
from otto.dialogue.session.writer import SessionWriter
from otto.telephony.attestation import is_forged
from otto.telephony.switchboard_port import CallStart

log = structlog.get_logger()

GENERATIONS_PER_EPOCH = 100_000
"""Generations count on from epoch × this, so that a call taken over by another actor uses numbers
the line has not seen, without anything having to be read."""

KEPT_S: Final = 120.0
"""How long after a stream the next one is taken for the same person's. Twilio asks for it within
seconds of a stream that broke; on a node in trouble it takes two webhooks of 15 s and the start of
an actor. Whoever comes later may have been handed the telephone."""

SKEW_S: Final = CLOCK_SKEW_US / 1e6
"""A session from further in the future than this was dated by a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session under its new owner's epoch, and what keeps it written."""

    session: Session
    writer: SessionWriter
    is_taken_over: bool
    """Whether another call actor has served this call before."""
    first_generation: int
    """Generations of Otto's speech begin here: the line has not seen any so high."""
    returned: str = ""
    """Why the caller is back from the service desk, and hears that first (`CallerFacts`)."""


async def open_session(
    sessions: Sessions,
    started: CallStart,
    on_line: Callable[[bytes], None],
    now: datetime,
) -> OpenedSession:
    """Open the session of a call that has started; never raises, and waits no longer than the
    store's timeout. `on_line` gets each checkpoint of the session, for the call's next owner."""
    writer = SessionWriter(sessions, started.call_sid, on_line)
    found = await writer.open(started.checkpoint)
    saved, facts = _loaded(found.state), started.facts
    is_taken_over, returned = False, facts.returned
    if not saved:
        session = Session.begin(started.call_sid, facts.caller, facts.called, now)
    elif is_same_caller(saved, started, found.age_s):
        session, is_taken_over = saved, True
        if facts.returned and session.directive is Directive.TRANSFER:
            session.come_back()
        else:
            returned = ""  # they have heard it, or are about to
    else:
        log.warning("session_begun_anew", call_sid=started.call_sid)
        session = saved.renewed(facts.caller, facts.called)
    session.is_forged = session.is_forged or is_forged(facts.attestation)
    session.epoch = found.owners
    session.on_stream(started.stream)
    first = max(found.owners * GENERATIONS_PER_EPOCH, started.first_generation)
    return OpenedSession(session, writer, is_taken_over, first, returned)


def _loaded(state: dict[str, Any] | None) -> Session | None:
    """The session of a state; None also for one that is not of this release's making."""
    if not state:
        return None
    try:
        return Session.load(state)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.error("session_unreadable", error=type(error).__name__)
        return None


def is_same_caller(saved: Session, started: CallStart, age_s: float | None) -> bool:
    """Whether the person of the session is the one on this stream. `age_s`: for how long it had not
    been written, which is at least as long as its last stream is over; None: nobody knows."""
    facts = started.facts
    known = (saved.call_sid, saved.caller, saved.called)
    if known != (started.call_sid, facts.caller, facts.called):
        return False
    if saved.stream == started.stream:
        return True
    return age_s is not None and -SKEW_S <= age_s < KEPT_S
