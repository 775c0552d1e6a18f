"""The calendars and their events, in memory, saved to a JSON file when there is a place for it.

Every change gets the next *revision*: etags, sync tokens and `updated` follow from it. Deleted
events stay as tombstones (status cancelled), because their ids stay reserved and sync tokens
report them.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

EVENT_ID = re.compile(r"[a-v0-9]{5,1024}")
EXISTS_BY_ITSELF = re.compile(r"bay[-_][^@/]*@[^@/]+")
"""A dealership's bays have their calendars already, as if a manager had made them."""
DEFAULT_TIME_ZONE = "America/Chicago"
ACCOUNT = "service@ottos-auto.example"
WRITABLE = (
    "summary description location start end extendedProperties transparency visibility colorId "
    "status attendees reminders source guestsCanInviteOthers guestsCanModify "
    "guestsCanSeeOtherGuests anyoneCanAddSelf"
).split()


class GoogleError(Exception):
    """An error as Google words it: HTTP status, machine `reason`, message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


@dataclass(slots=True)
class Calendar:
    """One calendar: its own fields and its events by id, tombstones included."""

    id: str
    summary: str
    timeZone: str = DEFAULT_TIME_ZONE
    description: str = ""
    access_role: str = "owner"
    """The account's: freeBusyReader, reader, writer or owner."""
    revision: int = 0
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    """The revision of each event's last change."""


class CalendarStore:
    """All calendars of the one account the sandbox plays. `changed` is called after each change."""

    def __init__(self, clock: Callable[[], datetime], file: Path | None = None) -> None:
        self._clock = clock
        self._file = file
        self._last_updated = datetime.min.replace(tzinfo=UTC)
        self.life = secrets.token_hex(4)
        """Sync tokens of another life (of a sandbox that kept no file) are no longer valid."""
        self.revision = 0
        self.calendars: dict[str, Calendar] = {}
        self.changed: Callable[[], None] = lambda: None
        if file is not None:
            self._load(file)

    # --- Calendars ------------------------------------------------------------------------------

    def calendar(self, calendar_id: str) -> Calendar:
        """The calendar, made on the spot for a bay's. Raises `GoogleError` 404."""
        if calendar_id == "primary":
            calendar_id = ACCOUNT
        found = self.calendars.get(calendar_id)
        if found is not None:
            return found
        if calendar_id != ACCOUNT and not EXISTS_BY_ITSELF.fullmatch(calendar_id):
            raise GoogleError(404, "notFound", "Not Found")
        name = calendar_id.partition("@")[0].replace("-", " ").replace("_", " ").capitalize()
        return self._add(Calendar(calendar_id, name))

    def insert_calendar(self, body: dict[str, Any]) -> Calendar:
        """A new calendar, with an id of Google's making."""
        if not body.get("summary"):
            raise GoogleError(400, "required", "Missing title.")
        made = f"{secrets.token_hex(16)}@group.calendar.google.com"
        calendar = self._add(Calendar(made, str(body["summary"])))
        return self.change_calendar(calendar, body)

    def change_calendar(self, calendar: Calendar, body: dict[str, Any]) -> Calendar:
        """Set what `body` says of summary, description and time zone."""
        zone = body.get("timeZone")
        if zone is not None and not _is_zone(zone):
            raise GoogleError(400, "invalid", "Invalid time zone.")
        for name in ("summary", "description", "timeZone"):
            if name in body:
                setattr(calendar, name, str(body[name]))
        calendar.revision = self._next_revision()
        return calendar

    def delete_calendar(self, calendar: Calendar) -> None:
        """Forget the calendar and its events."""
        del self.calendars[calendar.id]
        self._next_revision()

    def _add(self, calendar: Calendar) -> Calendar:
        self.calendars[calendar.id] = calendar
        calendar.revision = self._next_revision()
        return calendar

    # --- Events ---------------------------------------------------------------------------------

    def insert(self, calendar: Calendar, body: dict[str, Any]) -> dict[str, Any]:
        """A new event. 400 for an impossible one, 409 for an id that is or was in use."""
        event_id = body.get("id") or secrets.token_hex(13)
        if not isinstance(event_id, str) or not EVENT_ID.fullmatch(event_id):
            raise GoogleError(400, "invalid", "Invalid resource id value.")
        if event_id in calendar.events:
            raise GoogleError(409, "duplicate", "The requested identifier already exists.")
        now = self._now()
        event = {
            "kind": "calendar#event",
            "id": event_id,
            "status": "confirmed",
            "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
            "created": now,
            "creator": {"email": ACCOUNT},
            "organizer": {"email": calendar.id, "displayName": calendar.summary, "self": True},
            "iCalUID": body.get("iCalUID") or f"{event_id}@google.com",
            "sequence": 0,
            "reminders": {"useDefault": True},
            "eventType": "default",
            **_writable(body),
        }
        return self._write(calendar, event, now)

    def get(self, calendar: Calendar, event_id: str) -> dict[str, Any]:
        """The event, also a deleted one. Raises `GoogleError` 404."""
        if event_id not in calendar.events:
            raise GoogleError(404, "notFound", "Not Found")
        return calendar.events[event_id]

    def patch(self, calendar: Calendar, event_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change what `body` names; null removes; maps are merged key by key."""
        before = self.get(calendar, event_id)
        return self._change(calendar, before, _merge(before, _writable(body)))

    def update(self, calendar: Calendar, event_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace everything that can be written by `body`."""
        before = self.get(calendar, event_id)
        kept = {key: value for key, value in before.items() if key not in WRITABLE}
        return self._change(calendar, before, {"status": "confirmed", **kept, **_writable(body)})

    def delete(self, calendar: Calendar, event_id: str) -> None:
        """Cancel the event. 404 when it never was, 410 when it is deleted already."""
        before = self.get(calendar, event_id)
        if before["status"] == "cancelled":
            raise GoogleError(410, "deleted", "Resource has been deleted")
        self._change(calendar, before, {**before, "status": "cancelled"})

    def _change(
        self, calendar: Calendar, before: dict[str, Any], after: dict[str, Any]
    ) -> dict[str, Any]:
        moved = any(before.get(edge) != after.get(edge) for edge in ("start", "end"))
        return self._write(calendar, {**after, "sequence": before["sequence"] + moved}, self._now())

    def _write(self, calendar: Calendar, event: dict[str, Any], now: str) -> dict[str, Any]:
        _check(event, calendar.timeZone)
        revision = self._next_revision()
        event = {**event, "etag": f'"{revision:016d}"', "updated": now}
        calendar.events[event["id"]] = event
        calendar.revisions[event["id"]] = calendar.revision = revision
        return event

    def since(self, calendar: Calendar, revision: int) -> Iterator[dict[str, Any]]:
        """Events changed after `revision`, oldest change first."""
        changed = sorted((at, key) for key, at in calendar.revisions.items() if at > revision)
        return (calendar.events[key] for _, key in changed)

    def _next_revision(self) -> int:
        self.revision += 1
        self.changed()
        return self.revision

    def _now(self) -> str:
        """The time of a change; two changes never have the same."""
        now = max(self._clock().astimezone(UTC), self._last_updated + timedelta(milliseconds=1))
        self._last_updated = now
        return rfc3339(now)

    # --- The file -------------------------------------------------------------------------------

    def save(self) -> None:
        """Write everything to the file, whole or not at all."""
        if self._file is None:
            return
        calendars = [asdict(calendar) for calendar in self.calendars.values()]
        content = json.dumps({"life": self.life, "revision": self.revision, "calendars": calendars})
        draft = self._file.with_suffix(".draft")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(content)
        draft.replace(self._file)

    def _load(self, file: Path) -> None:
        try:
            saved = json.loads(file.read_text(encoding="utf-8"))
            self.life, self.revision = saved["life"], saved["revision"]
            self.calendars = {each["id"]: Calendar(**each) for each in saved["calendars"]}
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError):
            # A file nobody can read is no reason not to start: the calendar begins empty.
            self.revision, self.calendars = 0, {}


# --- Times --------------------------------------------------------------------------------------


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds, as Google writes `created` and `updated`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: Any, name: str) -> datetime:
    """An RFC 3339 time with its offset. Raises `GoogleError` 400."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise GoogleError(
            400, "badRequest", f"Bad Request: {name} must be RFC 3339 with an offset."
        )
    return moment


def span(event: dict[str, Any], time_zone: str) -> tuple[datetime, datetime]:
    """When the event begins and ends (exclusive). Raises `GoogleError` 400 when it cannot say."""
    return _edge(event.get("start"), "start", time_zone), _edge(event.get("end"), "end", time_zone)


def _edge(value: Any, name: str, time_zone: str) -> datetime:
    if not isinstance(value, dict) or not (value.get("dateTime") or value.get("date")):
        raise GoogleError(400, "required", f"Missing {name} time.")
    zone = value.get("timeZone")
    if zone is not None and not _is_zone(zone):
        raise GoogleError(400, "invalid", f"Invalid time zone definition for {name} time.")
    try:
        if value.get("dateTime"):
            moment = datetime.fromisoformat(value["dateTime"])
        else:
            day = date.fromisoformat(value["date"])
            moment = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone or time_zone))
    except (TypeError, ValueError):
        raise GoogleError(400, "invalid", f"Invalid value for: {name}.") from None
    if moment.tzinfo is None:
        if zone is None:
            raise GoogleError(400, "required", f"Missing time zone definition for {name} time.")
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment


def _is_zone(name: Any) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, TypeError, ValueError, OSError):
        return False
    return True


# --- Bodies -------------------------------------------------------------------------------------


def _writable(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("recurrence"):
        raise GoogleError(400, "invalid", "The sandbox does not play recurring events.")
    return {key: value for key, value in body.items() if key in WRITABLE}


def _merge(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    after = dict(before)
    for key, value in changes.items():
        if value is None:
            after.pop(key, None)
        elif isinstance(value, dict):
            after[key] = _merge(before[key] if isinstance(before.get(key), dict) else {}, value)
        else:
            after[key] = value
    return after


def _check(event: dict[str, Any], time_zone: str) -> None:
    start, end = span(event, time_zone)
    if ("date" in event["start"]) != ("date" in event["end"]):
        raise GoogleError(400, "invalid", "Invalid start/end: both must be dates or both times.")
    if end <= start:
        raise GoogleError(400, "timeRangeEmpty", "The specified time range is empty.")
    if event["status"] not in {"confirmed", "tentative", "cancelled"}:
        raise GoogleError(400, "invalid", "Invalid value for: status.")
    properties = event.get("extendedProperties", {})
    for kind, values in properties.items() if isinstance(properties, dict) else [("", None)]:
        if kind not in {"private", "shared"} or not isinstance(values, dict):
            raise GoogleError(400, "invalid", "Invalid value for: extendedProperties.")
        if not all(isinstance(value, str) for value in values.values()):
            raise GoogleError(400, "invalid", "Extended properties must be strings.")
