"""Where the book and a calendar differ: both read whole, and compared to the field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from otto.scheduling.google.seen_events import WORDS, SeenEvent, seen_event
from otto.scheduling.hours import Period
from otto.scheduling.mirror.book import PlannedEvent
from otto.scheduling.mirror.meaning import BookedLine

SHOWN_FIELDS = tuple(WORDS.split(","))


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. `kind`:

    missing      a line stands in the book, and its event is not in the calendar
    moved        its event is there at another time
    words        its title, description or location are others than ours
    extra        an event of an appointment that has none there: cancelled, or elsewhere by now
    foreign      an event of an appointment that this book does not know
    unknown      staff keep a time for themselves, and the book does not know it
    outdated     the book keeps a time for staff that the calendar does not, or another one
    """

    kind: str
    calendar_id: str
    event_id: str
    period: Period | None
    """In the calendar, or in the book for what the calendar does not have."""
    detail: str = ""
    """Which fields differ; no words."""
    etag: str = ""
    """The version that was looked at."""


def drift(
    calendar_id: str,
    zone: ZoneInfo,
    events: Iterable[Mapping[str, Any]],
    planned: Sequence[tuple[BookedLine, PlannedEvent]],
    blocks: Mapping[str, Period],
    known: frozenset[UUID],
) -> tuple[Drift, ...]:
    """The differences of one calendar. `planned` are the lines that stand there with their events
    as they have to be, `blocks` what the book keeps for staff, `known` the appointments that are in
    the book."""
    found = {
        seen.event_id: (seen, event)
        for event in events
        if (seen := seen_event(event, calendar_id, zone)) is not None and not seen.is_cancelled
    }
    ours = {line.event_id for line, _ in planned}
    differences = [
        difference
        for line, plan in planned
        for difference in _of_line(line, plan, *found.get(line.event_id, (None, {})))
    ]
    kept: dict[str, Period] = {}
    for event_id, (seen, _) in found.items():
        if event_id in ours:
            continue
        if seen.appointment_id in known and seen.is_as_written:
            differences.append(Drift("extra", calendar_id, event_id, seen.period))
            continue
        if seen.appointment_id is not None and seen.appointment_id not in known:
            differences.append(Drift("foreign", calendar_id, event_id, seen.period))
        if seen.takes_time and seen.period is not None:
            kept[event_id] = seen.period
    for event_id in sorted(kept.keys() | blocks.keys()):
        if event_id not in blocks:
            differences.append(Drift("unknown", calendar_id, event_id, kept[event_id]))
        elif kept.get(event_id) != blocks[event_id]:
            differences.append(Drift("outdated", calendar_id, event_id, blocks[event_id]))
    return tuple(differences)


def _of_line(
    line: BookedLine, plan: PlannedEvent, seen: SeenEvent | None, event: Mapping[str, Any]
) -> Iterable[Drift]:
    place = (line.place.calendar_id, line.event_id)
    if seen is None:
        yield Drift("missing", *place, line.place.period)
        return
    if seen.period != line.place.period:
        yield Drift("moved", *place, seen.period, etag=seen.etag)
        return
    others = [name for name in SHOWN_FIELDS if (event.get(name) or "") != plan.body.get(name, "")]
    if others:
        yield Drift("words", *place, seen.period, ", ".join(others), seen.etag)
