"""The checker of bookings finds what cannot be, each kind of it, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.chaos.histories import (
    CalendarEvent,
    Found,
    Operation,
    State,
    Stretch,
    World,
    broken_history,
)

NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
CALENDARS = {f"bay-{n}": f"bay-{n}@example" for n in (1, 2, 3)}


def at(hours: float, bay: str = "bay-1") -> Stretch:
    start = NINE + timedelta(hours=hours)
    return Stretch(bay, start, start + timedelta(minutes=45), start + timedelta(minutes=50))


def state(*stretches: Stretch, status: str = "booked") -> State:
    return State(status, stretches)


@dataclass
class History:
    """One that holds: two who book; the first moves, the second cancels. To be spoilt."""

    operations: list[Operation] = field(
        default_factory=lambda: [
            done("book", "k1", 1, 0, 1, "A", state(at(0))),
            done("book", "k2", 2, 0.5, 1.5, "B", state(at(0, "bay-2"))),
            done("move", "k3", 1, 2, 3, "A", state(at(2))),
            done("cancel", "k4", 2, 2, 3, "B", state(at(0, "bay-2"), status="cancelled")),
            replace(done("book", "k5", 3, 2, 3, "", None), outcome="refused"),
        ]
    )
    appointments: list[Found] = field(
        default_factory=lambda: [
            Found("A", "k1", 1, 1, state(at(2)), ("ea",)),
            Found("B", "k2", 2, 2, state(at(0, "bay-2"), status="cancelled"), ("eb",)),
        ]
    )
    events: list[CalendarEvent] = field(default_factory=lambda: [event("ea", at(2))])
    changes: list[tuple[str, str, str | None]] = field(
        default_factory=lambda: [
            *(("A", "booked", None), ("B", "booked", None)),
            *(("A", "moved", "k3"), ("B", "cancelled", "k4")),
        ]
    )
    texts: list[str] = field(default_factory=lambda: ["A booked", "B booked"])

    def broken(self) -> list[str]:
        due = {"A booked": 1, "B booked": 1}
        world = World(self.appointments, self.events, CALENDARS, self.changes, self.texts, due)
        return broken_history(self.operations, world)

    def add(self, operation: Operation, found: Found, *events: CalendarEvent) -> None:
        self.operations.append(operation)
        self.appointments.append(found)
        self.events.extend(events)


def done(
    kind: Any, key: str, who: int, since: float, until: float, appointment: str, told: State | None
) -> Operation:
    return Operation(kind, key, who, who, since, until, "done", appointment, told)


def event(event_id: str, stretch: Stretch) -> CalendarEvent:
    return CalendarEvent(event_id, CALENDARS[stretch.bay_id], stretch.starts_at, stretch.ends_at)


def change(history: History, index: int, **what: Any) -> None:
    history.operations[index] = replace(history.operations[index], **what)


def find(history: History, index: int, **what: Any) -> None:
    history.appointments[index] = replace(history.appointments[index], **what)


def test_what_holds_is_not_broken() -> None:
    assert History().broken() == []


def lost(history: History) -> None:
    del history.appointments[0]
    del history.events[0]


def another_customers(history: History) -> None:
    find(history, 0, customer_id=9)


def another_bookings_answer(history: History) -> None:
    change(history, 0, key="k9")


def two_of_a_key(history: History) -> None:
    history.appointments.append(replace(history.appointments[1], id="C", event_ids=()))


def two_answers_to_a_key(history: History) -> None:
    change(history, 0, repeats=("A", "C"))


def moved_twice(history: History) -> None:
    history.changes.append(("A", "moved", "k3"))


def booked_twice(history: History) -> None:
    history.changes.append(("A", "booked", None))


def refused_and_booked(history: History) -> None:
    history.add(
        done("cancel", "k6", 3, 4, 5, "C", state(status="cancelled")),
        Found("C", "k5", 3, 3, state(status="cancelled")),
    )


def refused_and_moved(history: History) -> None:
    change(history, 4, kind="move", appointment_id="A")
    history.changes.append(("A", "moved", "k5"))


def out_of_nothing(history: History) -> None:
    history.appointments.append(Found("C", "?", 3, 3, state(status="cancelled")))


def the_move_was_lost(history: History) -> None:
    find(history, 0, state=state(at(0)))
    history.events[0] = event("ea", at(0))


def the_cancellation_was_lost(history: History) -> None:
    find(history, 1, state=state(at(0, "bay-2")))
    history.events.append(event("eb", at(0, "bay-2")))


def the_bay_is_another(history: History) -> None:
    find(history, 0, state=state(at(2, "bay-3")))
    history.events[0] = event("ea", at(2, "bay-3"))


def two_in_a_bay(history: History) -> None:
    history.add(
        done("book", "k6", 3, 9, 10, "C", state(at(2.5))),
        Found("C", "k6", 3, 3, state(at(2.5)), ("ec",)),
        event("ec", at(2.5)),
    )


def within_a_buffer(history: History) -> None:
    soon = 2 + 47 / 60
    history.add(
        done("book", "k6", 3, 9, 10, "C", state(at(soon))),
        Found("C", "k6", 3, 3, state(at(soon)), ("ec",)),
        event("ec", at(soon)),
    )


def one_car_in_two_bays(history: History) -> None:
    history.add(
        replace(done("book", "k6", 3, 9, 10, "C", state(at(2.5, "bay-2"))), vehicle_id=1),
        Found("C", "k6", 3, 1, state(at(2.5, "bay-2")), ("ec",)),
        event("ec", at(2.5, "bay-2")),
    )


def one_visit_twice_in_a_bay(history: History) -> None:
    both = state(at(2), at(2.2))
    change(history, 2, told=both)
    find(history, 0, state=both, event_ids=("ea", "ea2"))
    history.events.append(event("ea2", at(2.2)))


def two_in_a_bay_for_a_while(history: History) -> None:
    """C had A's first bay before A asked to leave it, and cancelled: nothing of it is left."""
    history.add(
        done("book", "k6", 3, 1.2, 1.6, "C", state(at(0))),
        Found("C", "k6", 3, 3, state(at(0), status="cancelled"), ("ec",)),
    )
    history.operations.append(
        done("cancel", "k7", 3, 5, 6, "C", state(at(0), status="cancelled")),
    )


def no_event(history: History) -> None:
    history.events.clear()


def event_at_another_time(history: History) -> None:
    history.events[0] = event("ea", at(3))


def event_that_ends_later(history: History) -> None:
    history.events[0] = replace(history.events[0], ends_at=at(2).free_at)


def event_in_another_bay(history: History) -> None:
    history.events[0] = event("ea", at(2, "bay-2"))


def event_of_a_cancelled_one(history: History) -> None:
    history.events.append(event("eb", at(0, "bay-2")))


def event_twice(history: History) -> None:
    history.events.append(history.events[0])


def event_of_nobody(history: History) -> None:
    history.events.append(event("e?", at(6)))


def text_twice(history: History) -> None:
    history.texts.append("A booked")


def text_of_nothing(history: History) -> None:
    history.texts.append("C booked")


def never_answered(history: History) -> None:
    change(history, 2, outcome="unknown", told=None, asked=state(at(2)))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lost, "lost"),
        (another_customers, "another customer"),
        (another_bookings_answer, "the booking of k1"),
        (two_of_a_key, "key k2 has 2 bookings"),
        (two_answers_to_a_key, "different bookings"),
        (moved_twice, "moved k3 happened 2 times"),
        (booked_twice, "appointment A was booked 2 times"),
        (refused_and_booked, "book k5 was refused, and happened"),
        (refused_and_moved, "move k5 was refused, and happened"),
        (out_of_nothing, "nobody asked for appointment C"),
        (the_move_was_lost, "appointment A is not what"),
        (the_cancellation_was_lost, "appointment B is not what"),
        (the_bay_is_another, "appointment A is not what"),
        (two_in_a_bay, "A and C are in one bay"),
        (within_a_buffer, "A and C are in one bay"),
        (one_car_in_two_bays, "vehicle 1 is in two places"),
        (one_visit_twice_in_a_bay, "in one bay twice"),
        (two_in_a_bay_for_a_while, "were promised bay-1 at the same time"),
        (no_event, "event ea is missing"),
        (event_at_another_time, "event ea says another time"),
        (event_that_ends_later, "event ea says another time"),
        (event_in_another_bay, "event ea says another time or bay"),
        (event_of_a_cancelled_one, "event eb belongs to nothing"),
        (event_twice, "event ea is in the calendars 2 times"),
        (event_of_nobody, "event e? belongs to nothing"),
        (text_twice, "text 'A booked' was sent 2 times, for 1"),
        (text_of_nothing, "text 'C booked' was sent 1 times, for 0"),
        (never_answered, "move k3 was never answered"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_each_kind_of_violation_is_found(spoil: Callable[[History], None], says: str) -> None:
    history = History()
    spoil(history)
    assert any(says in line for line in history.broken()), history.broken()


@pytest.mark.parametrize("happened", [False, True])
def test_what_nobody_was_told_of_may_have_happened_or_not(happened: bool) -> None:
    history = History()
    never_answered(history)
    if not happened:
        find(history, 0, state=state(at(0)))
        history.events[0] = event("ea", at(0))
        del history.changes[2]
    assert history.broken() == ["move k3 was never answered"]


def test_a_bay_given_back_may_be_another_customers() -> None:
    history = History()
    history.add(
        done("book", "k6", 3, 2.1, 4, "C", state(at(0))),
        Found("C", "k6", 3, 3, state(at(0)), ("ec",)),
        event("ec", at(0)),
    )
    assert history.broken() == []


def test_what_was_there_before_is_nobodys_fault() -> None:
    history = History()
    old = Found("old", "seed", 9, 9, state(at(-5)), ("eo",))
    world = World(
        [*history.appointments, old],
        history.events,
        CALENDARS,
        history.changes,
        known_before=frozenset({"old"}),
    )
    assert broken_history(history.operations, world) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12))
def test_every_serial_history_holds(wishes: list[tuple[int, bool]]) -> None:
    """A single client who books, and cancels some, at hours that are free."""
    history = History([], [], [], [], [])
    taken: dict[int, str] = {}
    clock = 0.0
    for number, (hour, stays) in enumerate(wishes):
        key, appointment = f"k{number}", f"A{number}"
        clock += 2
        if hour in taken:
            refused = replace(done("book", key, number, clock, clock + 1, "", None))
            history.operations.append(replace(refused, outcome="refused"))
            continue
        now = state(at(hour))
        made = done("book", key, number, clock, clock + 1, appointment, now)
        if stays:
            taken[hour] = appointment
            found = Found(appointment, key, number, number, now, (f"e{number}",))
            history.add(made, found, event(f"e{number}", at(hour)))
        else:
            ended = replace(now, status="cancelled")
            history.add(made, Found(appointment, key, number, number, ended, (f"e{number}",)))
            cancel = done("cancel", f"c{number}", number, clock + 1, clock + 2, appointment, ended)
            history.operations.append(cancel)
    assert history.broken() == []
