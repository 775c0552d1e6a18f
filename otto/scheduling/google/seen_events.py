"""What an event of Google's says, as far as a workshop's book cares: when it takes the bay, whether
it is ours, and whether it still is as we wrote it. No words of it are read.

Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from otto.scheduling.hours import Period

FIELDS = (
    "id,status,etag,iCalUID,recurringEventId,start,end,transparency,eventType,"
    "attendees(self,responseStatus),"
    "extendedProperties/private"
)
"""What is asked for of each event: no title, no description, no names."""
WORDS = "summary,description,location"
"""What people read in an event, where it is compared with ours."""
APPOINTMENT = "otto_appointment"
"""Private extended property: whose event it is."""
WRITTEN = "otto_written"
"""Private extended property: when and on which calendar we wrote the event to be. Whoever moves it
leaves that as it is."""
_NO_TIME = frozenset({"workingLocation", "birthday"})
"""Kinds of events that take nobody's time, whatever their transparency says."""


@dataclass(frozen=True, slots=True)
class Place:
    """A time on a calendar."""

    calendar_id: str
    period: Period


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event as Google has it now."""

    calendar_id: str
    event_id: str
    etag: str
    """Its version; "" for a deleted one that no longer says."""
    ical_uid: str
    is_cancelled: bool
    period: Period | None
    """None for a deleted one that no longer says, and where it has no length."""
    takes_time: bool
    """Whether it takes the bay: not when it is shown as free, or declined."""
    appointment_id: UUID | None
    """Which appointment it says it is for; None for an event of staff's own."""
    written: Place | None
    """What we last wrote it to be."""
    of_series: bool = False
    """Whether it is one of a series, whose events share what they say of themselves."""

    @property
    def place(self) -> Place | None:
        return None if self.period is None else Place(self.calendar_id, self.period)

    @property
    def is_as_written(self) -> bool:
        """Nobody but us has said when, or on which calendar, it is."""
        return self.written is not None and self.place == self.written


def seen_event(event: Any, calendar_id: str, zone: ZoneInfo) -> SeenEvent | None:
    """Read an event from a list of `calendar_id`; whole days are days of `zone`. None when it has
    no id or no version, so that nothing can be done about it. Of a deleted one Google promises
    its id and no more."""
    if not isinstance(event, Mapping):
        return None
    event_id, etag = _text(event.get("id")), _text(event.get("etag"))
    is_cancelled = event.get("status") == "cancelled"
    if not event_id or not (etag or is_cancelled):
        return None
    period = _period(event, zone)
    private = private_of(event)
    return SeenEvent(
        calendar_id=calendar_id,
        event_id=event_id,
        etag=etag,
        ical_uid=_text(event.get("iCalUID")),
        is_cancelled=is_cancelled,
        period=period,
        takes_time=(
            not is_cancelled
            and period is not None
            and event.get("transparency") != "transparent"
            and _text(event.get("eventType")) not in _NO_TIME
            and not _is_declined(event)
        ),
        appointment_id=_uuid(private.get(APPOINTMENT)),
        written=_read_place(private.get(WRITTEN)),
        of_series=bool(_text(event.get("recurringEventId"))),
    )


def private_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The private extended properties."""
    extended = event.get("extendedProperties")
    private = extended.get("private") if isinstance(extended, Mapping) else None
    return private if isinstance(private, Mapping) else {}


def write_place(place: Place) -> str:
    """As `WRITTEN` holds it; the calendar's id comes last, for it may hold anything."""
    return " ".join((_iso(place.period.starts_at), _iso(place.period.ends_at), place.calendar_id))


def _read_place(text: Any) -> Place | None:
    parts = _text(text).split(" ", 2)
    if len(parts) != 3:
        return None
    starts_at, ends_at = _moment(parts[0]), _moment(parts[1])
    if starts_at is None or ends_at is None or starts_at >= ends_at:
        return None
    return Place(parts[2], Period(starts_at, ends_at))


def _period(event: Mapping[str, Any], zone: ZoneInfo) -> Period | None:
    starts_at, ends_at = _edge(event.get("start"), zone), _edge(event.get("end"), zone)
    if starts_at is None or ends_at is None or starts_at >= ends_at:
        return None
    return Period(starts_at, ends_at)


def _edge(edge: Any, zone: ZoneInfo) -> datetime | None:
    if not isinstance(edge, Mapping):
        return None
    if edge.get("dateTime"):
        return _moment(edge["dateTime"])
    try:
        day = date.fromisoformat(_text(edge.get("date")))
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(text))
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _is_declined(event: Mapping[str, Any]) -> bool:
    """Whether the calendar itself was invited, and has said no."""
    attendees = event.get("attendees")
    return any(
        isinstance(one, Mapping)
        and one.get("self") is True
        and one.get("responseStatus") == "declined"
        for one in (attendees if isinstance(attendees, list) else ())
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(_text(text))
    except ValueError:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
