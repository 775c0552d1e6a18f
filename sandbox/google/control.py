"""What staff do in the web page, and what happens to an account, by request: `/sandbox/google/…`.

| route                          | body                                                           |
|--------------------------------|----------------------------------------------------------------|
| POST /sandbox/google/staff     | `do`: create, edit, move, delete; `calendar`; `event` (its id) |
| POST /sandbox/google/calendars | `id`, and any of `summary`, `timeZone`, `description`,         |
|                                | `accessRole`; `"exists": false` takes it away                  |
| POST /sandbox/google/account   | `do`: expire_sync, expire_access, revoke, sign_in              |
| POST /sandbox/google/token     | an access token with which the API is a member of staff's      |
| GET  /sandbox/google/channels  | who watches, and what they were told                           |
| GET  /sandbox/calendar         | the page for people                                            |

A `create` has the event in `body`; an `edit` has what changes, as a patch. A `move` has `start`, or
`start` and `end`, or `to` (another calendar), or both; without `end` the event lasts as long as it
did. Faults of the API do not concern people: what they do, happens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.google.calendar_list import list_entry
from sandbox.google.discovery import check_body, read_body, schema
from sandbox.google.errors import GoogleError, invalid
from sandbox.google.page import calendar_page
from sandbox.google.push import Channels
from sandbox.google.sign_in import STAFF, SignIn
from sandbox.google.store import ROLES, Calendar, CalendarStore
from sandbox.google.times import day_of, parse_time, span
from sandbox.world import World

Handler = Callable[[Request], Awaitable[Response]]


def control_routes(
    world: World, store: CalendarStore, sign_in: SignIn, channels: Channels
) -> list[BaseRoute]:
    """The routes, which `sandbox.access` lets nobody use without the sandbox's token."""

    async def staff(request: Request) -> Response:
        wish = await _wish(request)
        calendar = store.calendar(str(wish.get("calendar") or ""))
        return JSONResponse(_done(store, calendar, wish))

    async def calendars(request: Request) -> Response:
        return JSONResponse(_shared(store, await _wish(request)))

    async def account(request: Request) -> Response:
        acts: dict[str, Callable[[], None]] = {
            "expire_sync": store.expire_sync_tokens,
            "expire_access": sign_in.expire_access,
            "revoke": sign_in.revoke,
            "sign_in": sign_in.sign_in_again,
        }
        act = acts.get(str((await _wish(request)).get("do")))
        if act is None:
            raise invalid(f"do, which is one of {', '.join(acts)}")
        act()
        return JSONResponse({})

    async def token(request: Request) -> Response:
        return JSONResponse(sign_in.staff_token())

    async def watching(request: Request) -> Response:
        told = list(world.log("google.push"))
        return JSONResponse({"channels": channels.living(), "told": told})

    async def page(request: Request) -> Response:
        return calendar_page(store, request, world.clock())

    posts: dict[str, Handler] = {
        "/sandbox/google/staff": staff,
        "/sandbox/google/calendars": calendars,
        "/sandbox/google/account": account,
        "/sandbox/google/token": token,
    }
    return [
        *(Route(path, _told(handler), methods=["POST"]) for path, handler in posts.items()),
        Route("/sandbox/google/channels", watching, methods=["GET"]),
        Route("/sandbox/calendar", page, methods=["GET"]),
    ]


def _done(store: CalendarStore, calendar: Calendar, wish: Mapping[str, Any]) -> dict[str, Any]:
    """What a person did, and the event as it is now."""
    body, event_id = wish.get("body") or {}, str(wish.get("event") or "")
    check_body(body, schema("Event"), "body")
    act = wish.get("do")
    if act == "create":
        return store.insert(calendar, body, STAFF)
    event = store.get(calendar, event_id)
    if act == "edit":
        return store.patch(calendar, event_id, body)
    if act == "delete":
        store.delete(calendar, event_id)
        return store.get(calendar, event_id)
    if act != "move":
        raise invalid("do, which is one of create, edit, move, delete")
    if wish.get("start") is None and wish.get("to") is None:
        raise GoogleError(400, "required", "A move needs `start` or `to`.")
    if wish.get("start") is not None:
        times = _moved(event, calendar, str(wish["start"]), wish.get("end"))
        event = store.patch(calendar, event_id, times)
    if wish.get("to") is not None:
        event = store.move(calendar, event_id, store.calendar(str(wish["to"])))
    return event


def _moved(
    event: Mapping[str, Any], calendar: Calendar, start: str, end: Any
) -> dict[str, dict[str, Any]]:
    """The start and the end after a move: days for an all-day event, else times with an offset."""
    before, after = span(event, calendar.timeZone)
    if "date" in event["start"]:
        first = day_of({"date": start}, "start")
        last = first + (after.date() - before.date())
        return {"start": {"date": start}, "end": {"date": str(end or last)}}
    begins = parse_time(start, "start")
    ends = begins + (after - before) if end is None else parse_time(end, "end")
    return {"start": {"dateTime": _text(begins)}, "end": {"dateTime": _text(ends)}}


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _shared(store: CalendarStore, wish: Mapping[str, Any]) -> dict[str, Any]:
    """A calendar made, changed or taken away, as its owner may."""
    calendar_id = str(wish.get("id") or "")
    if not calendar_id:
        raise GoogleError(400, "required", "Which calendar? `id` is needed.")
    if wish.get("accessRole", ROLES[0]) not in ROLES:
        raise invalid(f"accessRole, which is one of {', '.join(ROLES)}")
    check_body({name: wish.get(name) for name in ("summary", "timeZone")}, schema("Calendar"))
    if wish.get("exists") is False:
        store.delete_calendar(store.calendar(calendar_id))
        return {"id": calendar_id, "exists": False}
    calendar = store.calendars.get(calendar_id) or store.open_calendar(calendar_id)
    calendar.access_role = str(wish.get("accessRole", calendar.access_role))
    return list_entry(store.change_calendar(calendar, wish))


def _told(handler: Handler) -> Handler:
    """The handler; what it cannot do is answered in Google's words."""

    async def told(request: Request) -> Response:
        try:
            return await handler(request)
        except GoogleError as error:
            return JSONResponse(error.as_json(), status_code=error.status)

    return told


async def _wish(request: Request) -> dict[str, Any]:
    return read_body(await request.body())
