"""Taking a call's session over: the one there is, or a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from otto.dialogue.session.state import Session
from otto.dialogue.session.store import Sessions
from otto.dialogue.session.writer import SessionWriter
from otto.telephony.switchboard_port import CallStart

GENERATIONS_PER_EPOCH = 100_000
"""Generations count on from epoch × this, so that a call taken over by another actor uses numbers
the line has not seen, without anything having to be read."""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session under its new owner's epoch, and what keeps it written."""

    session: Session
    writer: SessionWriter
    is_taken_over: bool
    """Whether another call actor has served this call before."""
    first_generation: int
    """Generations of Otto's speech begin here: the line has not seen any so high."""


async def open_session(
    sessions: Sessions,
    started: CallStart,
    on_line: Callable[[bytes], None],
    now: datetime,
) -> OpenedSession:
    """Open the session of a call that has started; never raises, and waits no longer than the
    store's timeout. `on_line` gets each checkpoint of the session, for the call's next owner."""
    writer = SessionWriter(sessions, started.call_sid, on_line)
    epoch, saved = await writer.open(started.checkpoint)
    if saved is None:
        facts = started.facts
        session = Session.begin(started.call_sid, facts.caller, facts.called, now)
    else:
        session = Session.load(saved)
    session.epoch = epoch
    session.on_stream(started.stream)
    first = max(epoch * GENERATIONS_PER_EPOCH, started.first_generation)
    return OpenedSession(session, writer, saved is not None, first)
