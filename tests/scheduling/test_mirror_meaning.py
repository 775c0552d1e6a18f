"""What staff's events and edits mean: the table row by row, and what holds for all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.scheduling.google.seen_events import Place, SeenEvent
from otto.scheduling.hours import Period
from otto.scheduling.mirror.meaning import (
    Block,
    BookedLine,
    Cancel,
    Meaning,
    Move,
    NoBlock,
    Nothing,
    PutBack,
    meaning,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HERE, THERE = "bay-1@ottos-auto.example", "bay-2@ottos-auto.example"


def at(hours: float, calendar: str = HERE, length: float = 1) -> Place:
    starts_at = NOW + hours * HOUR
    return Place(calendar, Period(starts_at, starts_at + length * HOUR))


NINE, TEN, NOON = at(27), at(28), at(30)
LINE = BookedLine(UUID(int=2), "ours", NINE, "booked", "caller")


def event(place: Place | None, written: Place | None = NINE, **changes: object) -> SeenEvent:
    given = {
        "calendar_id": place.calendar_id if place else HERE,
        "event_id": "ours",
        "etag": "2",
        "ical_uid": "ours@google.com",
        "is_cancelled": False,
        "period": place.period if place else None,
        "takes_time": place is not None,
        "appointment_id": LINE.appointment_id,
        "written": written,
    }
    return SeenEvent(**(given | changes))  # type: ignore[arg-type]


DELETED = {"is_cancelled": True, "takes_time": False}
MOVED = replace(LINE, place=NOON)
BY_STAFF = replace(MOVED, moved_by="staff")
CANCELLED = replace(LINE, status="cancelled")


@pytest.mark.parametrize(
    ("seen", "line", "expected"),
    [
        # Staff's own
        (event(NINE, None, appointment_id=None), None, Block(NINE.period)),
        (event(NINE, None, appointment_id=None, takes_time=False), None, NoBlock()),
        (event(NINE, None, **DELETED), None, NoBlock()),
        (event(NINE), None, Block(NINE.period)),  # a copy of ours, or of an unknown appointment
        # Ours, as we wrote it
        (event(NINE), LINE, Nothing()),
        (event(NINE), MOVED, Nothing()),  # our next write is on its way
        (event(NOON, NINE), BY_STAFF, Nothing()),  # agreed, and not yet written
        # Ours, moved
        (event(TEN), LINE, Move(LINE, TEN)),
        (event(at(27, length=2)), LINE, Move(LINE, at(27, length=2))),  # made longer
        (event(at(27, THERE)), LINE, Move(LINE, at(27, THERE))),
        (event(TEN), MOVED, PutBack(MOVED, "changed_meanwhile")),  # the caller was earlier
        (event(TEN), BY_STAFF, Move(BY_STAFF, TEN)),  # staff again, before we wrote
        (event(TEN, None), LINE, Move(LINE, TEN)),  # written by an older release
        (event(None), LINE, PutBack(LINE, "no_time")),
        (event(TEN), replace(LINE, status="arrived"), Move(replace(LINE, status="arrived"), TEN)),
        # Ours, deleted
        (event(NINE, **DELETED), LINE, Cancel(LINE)),
        (event(None, None, **DELETED), LINE, Cancel(LINE)),  # no more is told of it
        (event(NINE, **DELETED), MOVED, PutBack(MOVED, "changed_meanwhile")),
        (
            event(None, None, **DELETED),
            replace(MOVED, is_told=False),
            PutBack(replace(MOVED, is_told=False), "changed_meanwhile"),
        ),
        (event(NINE, **DELETED), replace(LINE, place=at(27, THERE)), Nothing()),
        (event(NINE, **DELETED), replace(LINE, event_id="another"), Nothing()),
        # Over
        (event(NINE), replace(LINE, status="completed"), NoBlock()),
        (event(TEN), replace(LINE, status="completed"), Block(TEN.period)),  # used once more
        (event(TEN), replace(LINE, status="no_show"), Block(TEN.period)),
        (event(TEN, at(-1)), replace(LINE, place=at(-1)), Block(TEN.period)),
        (event(None, **DELETED), replace(LINE, place=at(-1)), NoBlock()),
        # Cancelled in the book
        (event(NINE), CANCELLED, NoBlock()),  # our deletion is on its way
        (event(NINE, **DELETED), CANCELLED, NoBlock()),
        (event(TEN), CANCELLED, Block(TEN.period, CANCELLED)),  # somebody wants it all the same
    ],
)
def test_each_row(seen: SeenEvent, line: BookedLine | None, expected: Meaning) -> None:
    assert meaning(seen, line, NOW) == expected


places = st.builds(
    at, st.integers(-3, 40), st.sampled_from([HERE, THERE]), st.sampled_from([0.5, 1, 2])
)
lines = st.builds(
    BookedLine,
    st.just(UUID(int=2)),
    st.sampled_from(["ours", "another"]),
    places,
    st.sampled_from(["booked", "arrived", "completed", "no_show", "cancelled"]),
    st.sampled_from(["caller", "staff", "otto"]),
    st.booleans(),
)
events = st.one_of(
    st.builds(event, st.none() | places, st.none() | places),
    st.builds(event, places, st.none() | places, takes_time=st.just(False)),
    st.builds(
        event,
        st.none() | places,
        st.none() | places,
        is_cancelled=st.just(True),
        takes_time=st.just(False),
    ),
)


@given(events, lines)
def test_what_holds_for_every_edit(seen: SeenEvent, line: BookedLine) -> None:
    found = meaning(seen, line, NOW)
    is_over = not line.stands or line.place.period.ends_at <= NOW
    if is_over:
        assert not isinstance(found, Move | Cancel | PutBack)
    if seen.is_as_written and not seen.is_cancelled:
        assert not isinstance(found, Move | Cancel | PutBack)  # our own echo does nothing
    if isinstance(found, Move):
        assert found.to == seen.place != line.place
    if isinstance(found, Move | Cancel) and line.moved_by == "caller" and seen.written is not None:
        assert seen.written == line.place  # nobody overrules a caller unseen
    if seen.is_cancelled:
        assert not isinstance(found, Move | Block)
    else:
        assert not isinstance(found, Cancel)


@given(events, lines)
def test_what_was_agreed_to_is_not_asked_again(seen: SeenEvent, line: BookedLine) -> None:
    found = meaning(seen, line, NOW)
    if isinstance(found, Move):
        agreed = replace(line, place=found.to, moved_by="staff")
        assert not isinstance(meaning(seen, agreed, NOW), Move | Cancel | PutBack)
