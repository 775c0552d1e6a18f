"""What must hold whatever breaks, judged from what was seen outside. No I/O.

Each check takes plain data and returns sentences, one for each thing that is broken; none means
that the invariant held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

LAST_WORDS_MS = 20_000
"""A sentence heard so shortly before the end of a call was its goodbye."""


class Outcome(StrEnum):
    """How a call ended for the caller, best first."""

    BOOKED = "booked"
    ANSWERED = "answered"
    """Asked, was told, and said goodbye."""
    TRANSFERRED = "transferred"
    CALLBACK = "callback"
    """Was promised to be called back, and stands on the list."""
    SENTENCE = "sentence"
    """Heard a sentence, and the line was closed in order."""
    HUNG_UP = "hung up"
    """Was made to hang up by the plan."""
    GAVE_UP = "gave up"
    """Waited in silence until they had enough."""
    LOST = "lost"
    """The line died, or the call did not end by itself."""


REACHED = frozenset(Outcome) - {Outcome.GAVE_UP, Outcome.LOST}
"""The outcomes with which a call has got somewhere."""

Event = dict[str, Any]


def outcome_of(
    record: Mapping[str, Any], events: Sequence[Event], on_callback_list: bool, hung_up: bool
) -> Outcome:
    """What a call came to. `hung_up`: the plan made the caller put down the receiver."""
    ended_by, stages = record["ended_by"], record["stages"]
    if ended_by in ("harness", "error", "time_limit", "sandbox", "too_many_documents", ""):
        return Outcome.LOST
    if record["booked"]:
        return Outcome.BOOKED
    if ended_by == "transferred":
        return Outcome.TRANSFERRED
    if hung_up and ended_by == "caller":
        return Outcome.HUNG_UP
    if on_callback_list:
        return Outcome.CALLBACK
    if "goodbye" in stages:
        return Outcome.ANSWERED
    if ended_by == "caller":
        return Outcome.GAVE_UP
    return Outcome.SENTENCE if _heard_last_words(events) else Outcome.LOST


def _heard_last_words(events: Sequence[Event]) -> bool:
    spoken = [e["at_ms"] for e in events if (e["who"], e["kind"]) == ("otto", "said")]
    return bool(spoken) and events[-1]["at_ms"] - spoken[-1] <= LAST_WORDS_MS


@dataclass(frozen=True, slots=True)
class Appointment:
    """A line of an appointment in the database; `id` is the appointment's."""

    id: str
    call_sid: str | None
    bay_id: str
    starts_at: datetime
    ends_at: datetime
    event_id: str | None


def broken_bookings(
    records: Sequence[Mapping[str, Any]],
    appointments: Sequence[Appointment],
    calendar_event_ids: Sequence[str],
) -> list[str]:
    """Every booking exists once in the database, once in the calendar, and its caller was told."""
    faults = []
    by_call = Counter(sid for sid, _ in {(row.call_sid, row.id) for row in appointments})
    told = {record["call_sid"] for record in records if record["booked"]}
    known = {record["call_sid"] for record in records}
    for sid in sorted(told):
        if by_call[sid] != 1:
            faults.append(
                f"call {sid} was told of a booking, and the database holds {by_call[sid]}"
            )
    for sid, count in by_call.items():
        if sid in known and sid not in told:
            faults.append(f"call {sid} has {count} booking(s) that its caller was not told of")
    events = Counter(calendar_event_ids)
    for row in appointments:
        if row.call_sid is None:
            continue  # example data: it was there before the first call
        count = events[row.event_id] if row.event_id else 0
        if count != 1:
            faults.append(f"booking {row.id} stands {count} times in the calendar")
    ours = {row.event_id for row in appointments}
    strangers = [event for event in events if event not in ours]
    faults += [f"calendar event {event} belongs to no booking" for event in strangers]
    ordered = sorted(appointments, key=lambda row: (row.bay_id, row.starts_at))
    for one, next_one in pairwise(ordered):
        if one.bay_id == next_one.bay_id and next_one.starts_at < one.ends_at:
            faults.append(f"bookings {one.id} and {next_one.id} overlap in bay {one.bay_id}")
    return faults


@dataclass(frozen=True, slots=True)
class Judged:
    """One call of a fault: what it came to, beside what was allowed."""

    call_sid: str
    fault: str
    outcome: Outcome
    worst_gap_ms: float


def broken_calls(
    calls: Sequence[Judged],
    allowed: Mapping[str, Collection[Outcome]],
    bounds_ms: Mapping[str, int],
) -> list[str]:
    """Every call reached an outcome that its fault allows, and no silence exceeded its bound."""
    faults = []
    for call in calls:
        if call.outcome not in allowed[call.fault]:
            faults.append(f"{call.fault}: call {call.call_sid} ended as “{call.outcome}”")
        if call.worst_gap_ms > bounds_ms[call.fault]:
            faults.append(
                f"{call.fault}: call {call.call_sid} was silent for {call.worst_gap_ms:.0f} ms, "
                f"{bounds_ms[call.fault]} are allowed"
            )
    return faults


@dataclass(frozen=True, slots=True)
class Census:
    """What there is of everything that could be left behind."""

    pool: dict[str, int]
    actors: dict[str, int]
    outbox_waiting: int
    sandbox_tasks: int
    database_connections: int
    processes: list[str] = field(default_factory=list)
    """After the stack was ended: what still runs."""

    def as_dict(self) -> dict[str, Any]:
        """All of it, in JSON's terms."""
        return asdict(self)


DATABASE_CONNECTIONS_MARGIN = 8
"""Pools open connections as they need them, and keep them: two actors, five each, and those that
were open before."""


def left_behind(before: Census, after: Census) -> list[str]:
    """The stack is as it was: places free, no actor too many, nothing undelivered."""
    faults = []
    if after.pool != before.pool:
        faults.append(f"the pool has {after.pool}, it had {before.pool}")
    for kind in sorted({*before.actors, *after.actors}):
        was, now = before.actors.get(kind, 0), after.actors.get(kind, 0)
        if was != now:
            faults.append(f"{now} actors {kind}, there were {was}")
    if after.outbox_waiting:
        faults.append(f"{after.outbox_waiting} rows of the outbox are undelivered")
    if after.sandbox_tasks > before.sandbox_tasks:
        faults.append(f"the sandbox still runs {after.sandbox_tasks} tasks")
    most = before.database_connections + DATABASE_CONNECTIONS_MARGIN
    if after.database_connections > most:
        faults.append(f"{after.database_connections} database connections, at most {most} expected")
    return faults + [f"process {line} outlived the stack" for line in after.processes]
