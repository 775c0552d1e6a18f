"""The calendar for people: a week, a row for each bay, as the dealership's staff would see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.google.store import Calendar, CalendarStore
from sandbox.google.times import span

_STYLE = """
:root{color-scheme:light dark;--line:#8883;--soft:#8881;--event:#2f6fdb}
body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem}
h1{font-size:1.4rem;margin:0}nav{margin:.4rem 0 1.2rem}nav a{margin-right:1rem}
table{border-collapse:collapse;width:100%;table-layout:fixed}
th,td{border:1px solid var(--line);padding:.4rem;text-align:left;vertical-align:top}
thead th{background:var(--soft);font-weight:600}tbody th{width:9rem;font-weight:600}
.today{box-shadow:inset 0 3px var(--event)}
.event{border-left:3px solid var(--event);background:var(--soft);border-radius:3px;
margin:0 0 .35rem;padding:.2rem .4rem;font-size:.85rem;overflow-wrap:anywhere}
.event b{display:block;font-variant-numeric:tabular-nums}.none{opacity:.35}
"""


def calendar_page(store: CalendarStore, request: Request, now: datetime) -> Response:
    """The week around `?week=YYYY-MM-DD` (default: the first with anything to show from today
    on), or all events as JSON with `?format=json`."""
    if request.query_params.get("format") == "json":
        return JSONResponse({"calendars": [_as_json(each) for each in _sorted(store)]})
    try:
        day = date.fromisoformat(request.query_params.get("week", ""))
    except ValueError:
        day = _first_day(store, now)
    return HTMLResponse(_html(store, day - timedelta(days=day.weekday()), now))


def _sorted(store: CalendarStore) -> list[Calendar]:
    return sorted(store.calendars.values(), key=lambda calendar: calendar.summary)


@dataclass(frozen=True, slots=True, order=True)
class _Shown:
    """An event in its calendar's own time zone."""

    start: datetime
    end: datetime
    event: dict[str, Any] = field(compare=False)

    def is_on(self, day: date) -> bool:
        """Whether any of it is on that day."""
        return (
            self.start.date() <= day and datetime.combine(day, time(), self.end.tzinfo) < self.end
        )


def _standing(
    store: CalendarStore, calendar: Calendar, begin: datetime, finish: datetime
) -> list[_Shown]:
    """What takes place in between, in order, the instances of recurring events each by itself."""
    zone = ZoneInfo(calendar.timeZone)
    found = []
    for event in store.occurrences(calendar, begin, finish):
        start, end = span(event, calendar.timeZone)
        if end > begin and start < finish:
            found.append(_Shown(start.astimezone(zone), end.astimezone(zone), event))
    return sorted(found)


def _as_json(calendar: Calendar) -> dict[str, Any]:
    """The calendar as it is kept: a recurring event is one."""
    standing = [event for event in calendar.events.values() if event["status"] != "cancelled"]
    return {
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.timeZone,
        "accessRole": calendar.access_role,
        "events": sorted(standing, key=lambda event: span(event, calendar.timeZone)),
    }


def _first_day(store: CalendarStore, now: datetime) -> date:
    coming = [
        max(shown.start, now.astimezone(shown.start.tzinfo)).date()
        for calendar in store.calendars.values()
        for shown in _standing(store, calendar, now, datetime.max.replace(tzinfo=UTC))
    ]
    return min(coming, default=now.date())


def _html(store: CalendarStore, monday: date, now: datetime) -> str:
    days = [monday + timedelta(days=offset) for offset in range(7)]
    head = "".join(_day_head(day, now) for day in days)
    rows = "".join(_row(store, calendar, days) for calendar in _sorted(store))
    if not rows:
        rows = '<tr><td colspan="8" class="none">No calendar has been used yet.</td></tr>'
    before, after = monday - timedelta(days=7), monday + timedelta(days=7)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Service calendar</title><style>{_STYLE}</style>"
        f"<h1>Service calendar, week of {monday:%B} {monday.day}, {monday.year}</h1>"
        f'<nav><a href="?week={before}">Week before</a><a href="?week={after}">Week after</a>'
        '<a href="?">Next events</a><a href="?format=json">JSON</a></nav>'
        f"<table><thead><tr><th>Bay</th>{head}</tr></thead><tbody>{rows}</tbody></table></html>"
    )


def _day_head(day: date, now: datetime) -> str:
    mark = ' class="today"' if day == now.date() else ""
    return f"<th{mark}>{day:%a} {day.day}</th>"


def _row(store: CalendarStore, calendar: Calendar, days: list[date]) -> str:
    begin = datetime.combine(days[0], time(), ZoneInfo(calendar.timeZone))
    events = _standing(store, calendar, begin, begin + timedelta(days=len(days)))
    cells = []
    for day in days:
        shown = [_event(each, day) for each in events if each.is_on(day)]
        cells.append(f"<td>{''.join(shown) or '<span class=none>–</span>'}</td>")
    name = f'<th title="{escape(calendar.id)}">{escape(calendar.summary)}</th>'
    return f"<tr>{name}{''.join(cells)}</tr>"


def _event(shown: _Shown, day: date) -> str:
    event = shown.event
    hours = f"{_clock(shown.start)} – {_clock(shown.end)}"
    if "date" in event["start"]:
        hours = "All day"
    elif shown.start.date() < day:
        hours = f"until {_clock(shown.end)}"
    title = escape(str(event.get("summary", "(no title)")))
    detail = escape(str(event.get("description", "")))
    return f'<div class="event" title="{detail}"><b>{hours}</b>{title}</div>'


def _clock(moment: datetime) -> str:
    return f"{moment.hour % 12 or 12}:{moment:%M} {moment:%p}"
