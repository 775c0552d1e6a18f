"""The Calendar API's methods: what is asked in, what is answered out, no HTTP in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.google.calendar_list import calendar_json, list_calendars, list_entry
from sandbox.google.discovery import Query
from sandbox.google.errors import GoogleError
from sandbox.google.free_busy import free_busy
from sandbox.google.listing import list_events, shown
from sandbox.google.push import Channels
from sandbox.google.sign_in import STAFF
from sandbox.google.store import ACCOUNT, Calendar, CalendarStore
from sandbox.google.times import zone_of
from sandbox.world import World

Answer = dict[str, Any] | None
"""None: done, and nothing to say (204)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method, its parameters and body checked against Google's description."""

    path: Mapping[str, str]
    query: Query = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    if_match: str = ""
    user: str = ACCOUNT

    def parameter(self, name: str, default: str = "") -> str:
        """The parameter's last value."""
        return self.query.get(name, [default])[-1]


class CalendarApi:
    """The account's calendars. Every method raises `GoogleError`."""

    def __init__(self, world: World, store: CalendarStore, channels: Channels) -> None:
        self._world, self._store, self._channels = world, store, channels
        self.methods: dict[str, Callable[[Call], Answer]] = {
            "calendars.insert": self._insert_calendar,
            "calendars.get": self._get_calendar,
            "calendars.patch": self._change_calendar,
            "calendars.update": self._change_calendar,
            "calendars.delete": self._delete_calendar,
            "calendarList.list": self._list_calendars,
            "calendarList.get": self._get_list_entry,
            "events.insert": self._insert,
            "events.list": self._list,
            "events.get": self._get,
            "events.instances": self._instances,
            "events.patch": self._patch,
            "events.update": self._update,
            "events.delete": self._delete,
            "events.move": self._move,
            "events.watch": self._watch,
            "channels.stop": self._stop,
            "freebusy.query": self._free_busy,
        }

    def _calendar(self, call: Call, role: str = "reader", name: str = "") -> Calendar:
        """The calendar of the call, or the one called `name`, if the caller may use it so."""
        calendar = self._store.calendar(name or call.path["calendarId"])
        if call.user == STAFF or calendar.allows(role):
            return calendar
        if calendar.access_role == "none":
            raise GoogleError(404, "notFound")
        message = f"You need to have {role} access to this calendar."
        raise GoogleError(403, "requiredAccessLevel", message)

    # --- Calendars ------------------------------------------------------------------------------

    def _insert_calendar(self, call: Call) -> Answer:
        return calendar_json(self._store.insert_calendar(call.body))

    def _get_calendar(self, call: Call) -> Answer:
        return calendar_json(self._calendar(call))

    def _change_calendar(self, call: Call) -> Answer:
        calendar = self._calendar(call, "owner")
        _check_match(call, calendar_json(calendar)["etag"])
        return calendar_json(self._store.change_calendar(calendar, call.body))

    def _delete_calendar(self, call: Call) -> Answer:
        calendar = self._calendar(call, "owner")
        if calendar.id == ACCOUNT:
            raise GoogleError(403, "cannotDeletePrimaryCalendar", "It cannot be deleted.")
        self._store.delete_calendar(calendar)
        return None

    def _list_calendars(self, call: Call) -> Answer:
        return list_calendars(self._store, call.query)

    def _get_list_entry(self, call: Call) -> Answer:
        return list_entry(self._calendar(call, "freeBusyReader"))

    # --- Events ---------------------------------------------------------------------------------

    def _insert(self, call: Call) -> Answer:
        calendar = self._calendar(call, "writer")
        return self._shown(call, calendar, self._store.insert(calendar, call.body, call.user))

    def _list(self, call: Call) -> Answer:
        largest = self._world.options.google_page
        calendar = self._calendar(call, "freeBusyReader")
        return list_events(self._store, calendar, call.query, largest)

    def _get(self, call: Call) -> Answer:
        calendar = self._calendar(call)
        return self._shown(call, calendar, self._store.get(calendar, call.path["eventId"]))

    def _instances(self, call: Call) -> Answer:
        calendar = self._calendar(call)
        series = self._store.get(calendar, call.path["eventId"])
        return list_events(
            self._store,
            calendar,
            {**call.query, "singleEvents": ["true"], "orderBy": ["startTime"]},
            self._world.options.google_page,
            series_id=series["id"],
        )

    def _patch(self, call: Call) -> Answer:
        calendar, event_id = self._matching(call)
        return self._shown(call, calendar, self._store.patch(calendar, event_id, call.body))

    def _update(self, call: Call) -> Answer:
        calendar, event_id = self._matching(call)
        return self._shown(call, calendar, self._store.update(calendar, event_id, call.body))

    def _delete(self, call: Call) -> Answer:
        self._store.delete(*self._matching(call))
        return None

    def _move(self, call: Call) -> Answer:
        calendar, event_id = self._matching(call)
        target = self._calendar(call, "writer", call.parameter("destination"))
        return self._shown(call, target, self._store.move(calendar, event_id, target))

    def _matching(self, call: Call) -> tuple[Calendar, str]:
        """The calendar and event id, the event's etag being the one the client knows."""
        calendar, event_id = self._calendar(call, "writer"), call.path["eventId"]
        _check_match(call, self._store.get(calendar, event_id)["etag"])
        return calendar, event_id

    def _shown(self, call: Call, calendar: Calendar, event: dict[str, Any]) -> dict[str, Any]:
        zone = zone_of(call.parameter("timeZone", calendar.timeZone), "timeZone")
        return shown(event, calendar, zone)

    # --- What is left ---------------------------------------------------------------------------

    def _watch(self, call: Call) -> Answer:
        return self._channels.watch(self._calendar(call), call.body)

    def _stop(self, call: Call) -> Answer:
        self._channels.stop(call.body)
        return None

    def _free_busy(self, call: Call) -> Answer:
        return free_busy(self._store, call.body)


def _check_match(call: Call, etag: str) -> None:
    expected = [each.strip() for each in call.if_match.split(",")]
    if call.if_match and "*" not in expected and etag not in expected:
        raise GoogleError(412, "conditionNotMet")
