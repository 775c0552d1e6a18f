"""A checker from outside, in Jepsen's manner (https://jepsen.io): what clients were told, beside
what there is. No I/O.

While processes die, clients write down each operation as it is invoked and as it completes: *done*
with what they were told, *refused*, or *unknown* when no answer came. What is unknown is asked for
again under the same key when all is up, until there is an answer. Then everything is read once, and
this module says what cannot be: something acknowledged that is lost, something that happened twice
or though it was refused, two cars in a bay, a calendar that says something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Literal

Kind = Literal["book", "move", "cancel"]
Outcome = Literal["done", "refused", "unknown"]
OCCUPYING = ("booked", "arrived")
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A bay for a time: the work until `ends_at`, the bay until `free_at`, both excluded."""

    bay_id: str
    starts_at: datetime
    ends_at: datetime
    free_at: datetime

    def overlaps(self, other: Stretch) -> bool:
        return (
            self.bay_id == other.bay_id
            and self.starts_at < other.free_at
            and other.starts_at < self.free_at
        )


@dataclass(frozen=True, slots=True)
class State:
    """An appointment as somebody was told of it, or as it stands."""

    status: str
    stretches: tuple[Stretch, ...]

    @property
    def occupied(self) -> tuple[Stretch, ...]:
        """What it keeps others from."""
        return self.stretches if self.status in OCCUPYING else ()


@dataclass(frozen=True, slots=True)
class Operation:
    """What one client asked for once. Seconds are of one clock for all clients."""

    kind: Kind
    key: str
    customer_id: int
    vehicle_id: int
    invoked_s: float
    completed_s: float = FOREVER
    outcome: Outcome = "unknown"
    appointment_id: str = ""
    """Which one was moved or cancelled, or came of it; "" when nobody knows."""
    told: State | None = None
    """What the answer said, when it was done."""
    asked: State | None = None
    """What it is afterwards, if it was done and nobody was told. None for a booking's bays."""
    repeats: tuple[str, ...] = ()
    """The appointments that repeats under the same key were answered with."""


@dataclass(frozen=True, slots=True)
class Found:
    """An appointment in the database."""

    id: str
    key: str
    customer_id: int
    vehicle_id: int
    state: State
    event_ids: tuple[str, ...] = ()
    """One for each stretch."""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """A standing event of one of our calendars."""

    id: str
    calendar_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class World:
    """Everything there is at the end, read when nothing moves any more."""

    appointments: Sequence[Found]
    events: Sequence[CalendarEvent]
    calendars: Mapping[str, str]
    """The calendar of each bay."""
    changes: Sequence[tuple[str, str, str | None]] = ()
    """The audit: appointment, action, key."""
    texts: Sequence[str] = ()
    """What tells the texts apart that were sent."""
    texts_due: Mapping[str, int] = field(default_factory=dict)
    """How often each was to be sent: whoever moves to and fro is told of the same time twice."""
    known_before: frozenset[str] = field(default_factory=frozenset)
    """Appointments that were there before anybody asked."""


def broken_history(operations: Sequence[Operation], world: World) -> list[str]:
    """Everything that cannot be, a sentence each."""
    return [
        *_unanswered(operations),
        *_lost(operations, world),
        *_twice(operations, world),
        *_refused_and_done(operations, world),
        *_out_of_nothing(operations, world),
        *_other_than_told(operations, world),
        *_together_now(world),
        *_together_once(operations),
        *_calendar(world),
        *(
            f"text {text!r} was sent {n} times, for {world.texts_due.get(text, 0)}"
            for text, n in Counter(world.texts).items()
            if n > world.texts_due.get(text, 0)
        ),
    ]


def _unanswered(operations: Iterable[Operation]) -> Iterator[str]:
    for one in operations:
        if one.outcome == "unknown":
            yield f"{one.kind} {one.key} was never answered"


def _lost(operations: Iterable[Operation], world: World) -> Iterator[str]:
    by_id = {found.id: found for found in world.appointments}
    for one in operations:
        if one.outcome != "done":
            continue
        found = by_id.get(one.appointment_id)
        if found is None:
            yield f"{one.kind} {one.key} was acknowledged, and {one.appointment_id} is lost"
        elif one.kind == "book" and found.key != one.key:
            yield f"book {one.key} was answered with the booking of {found.key}"
        elif (found.customer_id, found.vehicle_id) != (one.customer_id, one.vehicle_id):
            yield f"{one.kind} {one.key} is another customer's, or another vehicle's"


def _twice(operations: Iterable[Operation], world: World) -> Iterator[str]:
    for key, count in Counter(found.key for found in world.appointments).items():
        if count > 1:
            yield f"key {key} has {count} bookings"
    for one in operations:
        if one.outcome == "done" and set(one.repeats) - {one.appointment_id}:
            yield f"{one.kind} {one.key} was answered with different bookings"
    for (action, key), count in Counter((a, k) for _, a, k in world.changes if k).items():
        if count > 1:
            yield f"{action} {key} happened {count} times"
    for (found, _), count in Counter((f, a) for f, a, _ in world.changes if a == "booked").items():
        if count > 1:
            yield f"appointment {found} was booked {count} times"


def _refused_and_done(operations: Iterable[Operation], world: World) -> Iterator[str]:
    made = {found.key for found in world.appointments}
    changed = {key for _, _, key in world.changes if key}
    for one in operations:
        if one.outcome == "refused" and one.key in (made if one.kind == "book" else changed):
            yield f"{one.kind} {one.key} was refused, and happened"


def _out_of_nothing(operations: Sequence[Operation], world: World) -> Iterator[str]:
    asked = {one.key for one in operations if one.kind == "book"}
    for found in world.appointments:
        if found.id not in world.known_before and found.key not in asked:
            yield f"nobody asked for appointment {found.id}"


def _other_than_told(operations: Sequence[Operation], world: World) -> Iterator[str]:
    by_id = {found.id: found for found in world.appointments}
    for appointment_id, history in _by_appointment(operations).items():
        possible: list[State] = []
        for one in history:
            if one.outcome == "done" and one.told is not None:
                possible = [one.told]
            elif one.outcome == "unknown" and one.asked is not None:
                possible.append(one.asked)
        found = by_id.get(appointment_id)
        if found is not None and possible and not any(_is(found.state, one) for one in possible):
            yield f"appointment {appointment_id} is not what its customer was told last"


def _is(found: State, told: State) -> bool:
    """A cancelled one is cancelled, wherever it was."""
    if found.status != told.status:
        return False
    return told.status not in OCCUPYING or set(found.stretches) == set(told.stretches)


def _together_now(world: World) -> Iterator[str]:
    for one, other in combinations(world.appointments, 2):
        pairs = [(a, b) for a in one.state.occupied for b in other.state.occupied]
        if any(a.overlaps(b) for a, b in pairs):
            yield f"appointments {one.id} and {other.id} are in one bay at the same time"
        if one.vehicle_id == other.vehicle_id and any(
            a.starts_at < b.ends_at and b.starts_at < a.ends_at for a, b in pairs
        ):
            yield f"vehicle {one.vehicle_id} is in two places at the same time"
    for found in world.appointments:
        if any(a.overlaps(b) for a, b in combinations(found.state.occupied, 2)):
            yield f"appointment {found.id} is in one bay twice at the same time"


@dataclass(frozen=True, slots=True)
class _Held:
    """Somebody had been told that they have the bay, and had not asked to give it back."""

    appointment_id: str
    stretch: Stretch
    since_s: float
    until_s: float


def _together_once(operations: Sequence[Operation]) -> Iterator[str]:
    """Two who were both told that a bay is theirs, though one gave it back later."""
    held: list[_Held] = []
    for appointment_id, history in _by_appointment(operations).items():
        for one, after in zip(history, [*history[1:], None], strict=True):
            if one.outcome == "done" and one.told is not None:
                until_s = FOREVER if after is None else after.invoked_s
                held += [
                    _Held(appointment_id, stretch, one.completed_s, until_s)
                    for stretch in one.told.occupied
                ]
    held.sort(key=lambda each: (each.stretch.bay_id, each.stretch.starts_at))
    for mine, theirs in combinations(held, 2):
        if (
            mine.appointment_id != theirs.appointment_id
            and mine.stretch.overlaps(theirs.stretch)
            and max(mine.since_s, theirs.since_s) < min(mine.until_s, theirs.until_s)
        ):
            yield (
                f"appointments {mine.appointment_id} and {theirs.appointment_id} were promised "
                f"{mine.stretch.bay_id} at the same time"
            )


def _calendar(world: World) -> Iterator[str]:
    wanted: dict[str, CalendarEvent] = {}
    for found in world.appointments:
        if found.state.status not in OCCUPYING or found.id in world.known_before:
            continue
        for event_id, stretch in zip(found.event_ids, found.state.stretches, strict=True):
            calendar = world.calendars[stretch.bay_id]
            wanted[event_id] = CalendarEvent(event_id, calendar, stretch.starts_at, stretch.ends_at)
    for event_id, count in Counter(event.id for event in world.events).items():
        if count > 1:
            yield f"event {event_id} is in the calendars {count} times"
    there = {event.id: event for event in world.events}
    for event_id, event in wanted.items():
        if event_id not in there:
            yield f"event {event_id} is missing from the calendar"
        elif there[event_id] != event:
            yield f"event {event_id} says another time or bay than the database"
    old = {
        each
        for found in world.appointments
        for each in found.event_ids
        if found.id in world.known_before
    }
    for event_id in there:
        if event_id not in wanted and event_id not in old:
            yield f"event {event_id} belongs to nothing that stands"


def _by_appointment(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    """What was asked of each appointment, in order: one client has it, and asks one after the
    other. What was refused changed nothing."""
    found: dict[str, list[Operation]] = {}
    for one in sorted(operations, key=lambda each: each.invoked_s):
        if one.appointment_id and one.outcome != "refused":
            found.setdefault(one.appointment_id, []).append(one)
    return found
