"""The calendars and their events, in memory, saved to a JSON file when there is a place for it.

Every change gets the next *revision*: etags, sync tokens and `updated` follow from it. Deleted
events stay as tombstones (status cancelled), because their ids stay reserved and sync tokens
report them. A changed instance of a series is an event of its own, under the instance's id.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.google import recurrence
from sandbox.google.errors import GoogleError
from sandbox.google.event_body import WRITABLE, check_event, merged, new_event, writable
from sandbox.google.times import is_zone, rfc3339

EVENT_ID = re.compile(r"[a-v0-9]{5,1024}", re.ASCII)
EXISTS_BY_ITSELF = re.compile(r"bay[-_][^@/]*@[^@/]+")
"""A dealership's bays have their calendars already, as if a manager had made them."""
DEFAULT_TIME_ZONE = "America/Chicago"
ACCOUNT = "service@ottos-auto.example"
"""Whose access the API's callers have."""
ROLES = ("none", "freeBusyReader", "reader", "writer", "owner")
"""What somebody may do with a calendar, less before more."""
EXPANDED_FOR = timedelta(days=730)
"""So far ahead a series is expanded when nobody says how far."""


@dataclass(slots=True)
class Calendar:
    """One calendar: its own fields and its events by id, tombstones included."""

    id: str
    summary: str
    timeZone: str = DEFAULT_TIME_ZONE
    description: str = ""
    access_role: str = "owner"
    """The account's: staff may share a calendar for less than writing."""
    revision: int = 0
    """Of the last change, its own or an event's."""
    own_revision: int = 0
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    """The revision of each event's last change."""
    births: dict[str, int] = field(default_factory=dict)
    """The revision in which each event came to be."""

    def allows(self, role: str) -> bool:
        """Whether the account may do what takes `role`. A role of which nothing is known reads."""
        own = self.access_role if self.access_role in ROLES else "reader"
        return ROLES.index(own) >= ROLES.index(role)


class CalendarStore:
    """All calendars that the sandbox plays. `changed` is called after each change,
    `events_changed` after each of an event, with its calendar."""

    def __init__(self, clock: Callable[[], datetime], file: Path | None = None) -> None:
        self.clock = clock
        self._file = file
        self._last_updated = datetime.min.replace(tzinfo=UTC)
        self.life = secrets.token_hex(4)
        """Tokens of another life (of a sandbox that kept no file) are no longer valid."""
        self.revision = 0
        self.calendars: dict[str, Calendar] = {}
        self.deleted: dict[str, int] = {}
        """The calendars that are no more, by the revision in which they went."""
        self.synced_from = 0
        """Sync tokens of earlier revisions have expired."""
        self.channels: list[dict[str, Any]] = []
        """Who is to be told of changes, in JSON's terms; theirs who tell."""
        self.changed: Callable[[], None] = lambda: None
        self.events_changed: Callable[[Calendar], None] = lambda calendar: None
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
        exists = calendar_id == ACCOUNT or EXISTS_BY_ITSELF.fullmatch(calendar_id)
        if not exists or calendar_id in self.deleted:
            raise GoogleError(404, "notFound")
        return self.open_calendar(calendar_id)

    def open_calendar(self, calendar_id: str) -> Calendar:
        """A new calendar under an id that is free, or free again."""
        self.deleted.pop(calendar_id, None)
        name = calendar_id.partition("@")[0].replace("-", " ").replace("_", " ").capitalize()
        return self._add(Calendar(calendar_id, name))

    def insert_calendar(self, body: Mapping[str, Any]) -> Calendar:
        """A new calendar, with an id of Google's making."""
        if not body.get("summary"):
            raise GoogleError(400, "required", "Missing title.")
        _check_zone(body)
        made = f"{secrets.token_hex(16)}@group.calendar.google.com"
        calendar = self._add(Calendar(made, str(body["summary"])))
        return self.change_calendar(calendar, body)

    def change_calendar(self, calendar: Calendar, body: Mapping[str, Any]) -> Calendar:
        """Set what `body` says of summary, description and time zone."""
        _check_zone(body)
        for name in ("summary", "description", "timeZone"):
            if body.get(name) is not None:
                setattr(calendar, name, str(body[name]))
        calendar.revision = calendar.own_revision = self._next_revision()
        return calendar

    def delete_calendar(self, calendar: Calendar) -> None:
        """Forget the calendar and its events: from now on it is not found."""
        del self.calendars[calendar.id]
        self.deleted[calendar.id] = self._next_revision()

    def _add(self, calendar: Calendar) -> Calendar:
        self.calendars[calendar.id] = calendar
        calendar.revision = calendar.own_revision = self._next_revision()
        return calendar

    # --- Events ---------------------------------------------------------------------------------

    def insert(
        self, calendar: Calendar, body: Mapping[str, Any], creator: str = ACCOUNT
    ) -> dict[str, Any]:
        """A new event. 400 for an impossible one, 409 for an id that is or was in use."""
        event_id = body.get("id") or secrets.token_hex(13)
        if not isinstance(event_id, str) or not EVENT_ID.fullmatch(event_id):
            raise GoogleError(400, "invalid", "Invalid resource id value.")
        if event_id in calendar.events:
            raise GoogleError(409, "duplicate")
        now = self._now()
        event = new_event(event_id, body, now, creator, (calendar.id, calendar.summary))
        return self._write(calendar, event, now)

    def get(self, calendar: Calendar, event_id: str) -> dict[str, Any]:
        """The event, also a deleted one, or an instance of a series. Raises `GoogleError` 404."""
        found = calendar.events.get(event_id)
        if found is None:
            series = calendar.events.get(recurrence.series_id(event_id), {})
            if recurrence.is_series(series):
                found = recurrence.instance(series, event_id, calendar.timeZone)
        if found is None:
            raise GoogleError(404, "notFound")
        return found

    def patch(self, calendar: Calendar, event_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change what `body` names; null removes; maps are merged key by key."""
        before = self.get(calendar, event_id)
        return self._change(calendar, before, merged(before, writable(body, before)))

    def update(self, calendar: Calendar, event_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace everything that can be written by `body`."""
        before = self.get(calendar, event_id)
        kept = {key: value for key, value in before.items() if key not in WRITABLE}
        after = {"status": "confirmed", **kept, **merged({}, writable(body, before))}
        return self._change(calendar, before, after)

    def delete(self, calendar: Calendar, event_id: str) -> None:
        """Cancel the event. 404 when it never was, 410 when it is deleted already."""
        before = self.get(calendar, event_id)
        if before["status"] == "cancelled":
            raise GoogleError(410, "deleted")
        self._change(calendar, before, {**before, "status": "cancelled"})

    def move(self, calendar: Calendar, event_id: str, target: Calendar) -> dict[str, Any]:
        """The event into another calendar, under its id; where it was, a tombstone stays."""
        before = self.get(calendar, event_id)
        if before["status"] == "cancelled":
            raise GoogleError(404, "notFound")
        if "recurringEventId" in before:
            raise GoogleError(400, "cannotChangeOrganizerOfInstance")
        if target.id == calendar.id:
            raise GoogleError(400, "cannotChangeOrganizer", "It is in that calendar already.")
        there = target.events.get(event_id)
        if there is not None and there["status"] != "cancelled":
            raise GoogleError(409, "duplicate")
        now = self._now()
        organizer = {"email": target.id, "displayName": target.summary, "self": True}
        exceptions = [
            event
            for event in calendar.events.values()
            if event.get("recurringEventId") == event_id and event["status"] != "cancelled"
        ]
        moved = self._write(target, {**before, "organizer": organizer}, now)
        for event in exceptions:
            self._write(target, {**event, "organizer": organizer}, now)
        self._change(calendar, before, {**before, "status": "cancelled"})
        return moved

    def since(self, calendar: Calendar, revision: int) -> Iterator[dict[str, Any]]:
        """Events changed after `revision`, oldest change first."""
        changed = sorted((at, key) for key, at in calendar.revisions.items() if at > revision)
        return (calendar.events[key] for _, key in changed)

    def expire_sync_tokens(self) -> None:
        """From now on every sync token that was given is answered with 410."""
        self.synced_from = self._next_revision()

    def horizon(self, begin: datetime | None) -> datetime:
        """How far a series is expanded by itself."""
        return max(self.clock(), begin or self.clock()) + EXPANDED_FOR

    def occurrences(
        self, calendar: Calendar, begin: datetime | None, finish: datetime
    ) -> Iterator[dict[str, Any]]:
        """What takes place in between, series expanded, in no order; nothing cancelled."""
        for event in list(calendar.events.values()):
            if event["status"] == "cancelled":
                continue
            if not recurrence.is_series(event):
                yield event
                continue
            for each in recurrence.instances(event, calendar.timeZone, begin, finish):
                if each["id"] not in calendar.events:
                    yield each

    def _change(
        self, calendar: Calendar, before: dict[str, Any], after: dict[str, Any]
    ) -> dict[str, Any]:
        moved = any(before.get(edge) != after.get(edge) for edge in ("start", "end", "recurrence"))
        written = self._write(
            calendar, {**after, "sequence": before["sequence"] + moved}, self._now()
        )
        if recurrence.is_series(before):
            self._settle(calendar, before, written)
        return written

    def _settle(self, calendar: Calendar, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Instances that the changed series no longer has are cancelled, changed ones as well."""
        finish = self.horizon(None)
        lost = {
            event["id"]: event
            for event in calendar.events.values()
            if event.get("recurringEventId") == before["id"] and event["status"] != "cancelled"
        }
        if after["status"] != "cancelled":
            lost |= {each["id"]: each for each in self._instances(calendar, before, finish)}
            for each in self._instances(calendar, after, finish):
                lost.pop(each["id"], None)
        for event in lost.values():
            if calendar.events.get(event["id"], event)["status"] != "cancelled":
                self._write(calendar, {**event, "status": "cancelled"}, self._now())

    def _instances(
        self, calendar: Calendar, series: dict[str, Any], finish: datetime
    ) -> Iterator[dict[str, Any]]:
        if not recurrence.is_series(series):
            return iter(())
        return recurrence.instances(series, calendar.timeZone, None, finish)

    def _write(self, calendar: Calendar, event: dict[str, Any], now: str) -> dict[str, Any]:
        check_event(event, calendar.timeZone)
        revision = self._next_revision()
        event = {**event, "etag": f'"{revision:016d}"', "updated": now}
        calendar.events[event["id"]] = event
        calendar.births.setdefault(event["id"], revision)
        calendar.revisions[event["id"]] = calendar.revision = revision
        self.events_changed(calendar)
        return event

    def _next_revision(self) -> int:
        self.revision += 1
        self.changed()
        return self.revision

    def _now(self) -> str:
        """The time of a change; two changes never have the same."""
        now = max(self.clock().astimezone(UTC), self._last_updated + timedelta(milliseconds=1))
        self._last_updated = now
        return rfc3339(now)

    # --- The file -------------------------------------------------------------------------------

    def save(self) -> None:
        """Write everything to the file, whole or not at all."""
        if self._file is None:
            return
        content = json.dumps(
            {
                "life": self.life,
                "revision": self.revision,
                "calendars": [asdict(calendar) for calendar in self.calendars.values()],
                "synced_from": self.synced_from,
                "deleted": self.deleted,
                "channels": self.channels,
            }
        )
        draft = self._file.with_suffix(".draft")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(content)
        draft.replace(self._file)

    def _load(self, file: Path) -> None:
        # A file nobody can read is no reason not to start: all begins empty, in a new life.
        try:
            saved = json.loads(file.read_text(encoding="utf-8"))
            calendars = {each["id"]: Calendar(**each) for each in saved["calendars"]}
            life, revision = str(saved["life"]), int(saved["revision"])
            synced_from = int(saved.get("synced_from", 0))
            deleted, channels = dict(saved.get("deleted", {})), list(saved.get("channels", []))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return
        self.life, self.revision, self.calendars = life, revision, calendars
        self.synced_from, self.deleted, self.channels = synced_from, deleted, channels


def _check_zone(body: Mapping[str, Any]) -> None:
    zone = body.get("timeZone")
    if zone is not None and not is_zone(zone):
        raise GoogleError(400, "invalid", "Invalid time zone.")
