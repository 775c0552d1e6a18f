"""Google's stand-in, held to Google's own client and to the discovery document inside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials

from sandbox.google.store import CalendarStore
from sandbox.world import World
from tests.support.google_wire import BAY, NINE, TEN, Run, Served, body, conforms, fails


async def test_an_event_is_inserted_read_and_conforms(run: Run) -> None:
    given = body("a1b2c", extendedProperties={"private": {"appointment": "7"}})
    made = await run(lambda s: s.events().insert(calendarId=BAY, body=given, sendUpdates="none"))
    conforms(made, {"$ref": "Event"})
    assert made["id"] == "a1b2c" and made["status"] == "confirmed"
    assert made["extendedProperties"] == {"private": {"appointment": "7"}}
    assert await run(lambda s: s.events().get(calendarId=BAY, eventId="a1b2c")) == made
    listed = await run(lambda s: s.events().list(calendarId=BAY))
    conforms(listed, {"$ref": "Events"})
    assert listed["items"] == [made]


async def test_every_other_answer_conforms(run: Run) -> None:
    made = await run(lambda s: s.calendars().insert(body={"summary": "Loaners"}))
    conforms(made, {"$ref": "Calendar"})
    found = await run(lambda s: s.calendars().get(calendarId=made["id"]))
    assert found == made
    changed = await run(lambda s: s.calendars().patch(calendarId=made["id"], body={"summary": "X"}))
    assert changed["summary"] == "X" and changed["etag"] != made["etag"]
    entries = await run(lambda s: s.calendarList().list())
    conforms(entries, {"$ref": "CalendarList"})
    assert [entry["id"] for entry in entries["items"]] == [made["id"]]
    entry = await run(lambda s: s.calendarList().get(calendarId=made["id"]))
    conforms(entry, {"$ref": "CalendarListEntry"})
    await run(lambda s: s.calendars().delete(calendarId=made["id"]))
    assert await fails(run, lambda s: s.calendars().get(calendarId=made["id"])) == (404, "notFound")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (body("short"[:4]), (400, "invalid")),
        (body("has-dashes"), (400, "invalid")),
        (body("xyzxyz"), (400, "invalid")),
        (body(end=NINE), (400, "timeRangeEmpty")),
        ({"summary": "no times"}, (400, "required")),
        (body(start="2026-11-24 nine"), (400, "invalid")),
        (
            {"start": {"dateTime": "2026-11-24T09:00:00"}, "end": {"dateTime": TEN}},
            (400, "required"),
        ),
        (body(extendedProperties={"private": {"n": 7}}), (400, "invalid")),
    ],
)
async def test_an_impossible_event_is_refused(run: Run, given: Any, expected: Any) -> None:
    assert await fails(run, lambda s: s.events().insert(calendarId=BAY, body=given)) == expected


async def test_an_id_stays_reserved_for_ever(run: Run) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=body("a1b2c")))
    again = lambda s: s.events().insert(calendarId=BAY, body=body("a1b2c"))  # noqa: E731
    assert await fails(run, again) == (409, "duplicate")
    await run(lambda s: s.events().delete(calendarId=BAY, eventId="a1b2c"))
    assert await fails(run, again) == (409, "duplicate")
    gone = lambda s: s.events().delete(calendarId=BAY, eventId="a1b2c")  # noqa: E731
    assert await fails(run, gone) == (410, "deleted")
    found = await run(lambda s: s.events().get(calendarId=BAY, eventId="a1b2c"))
    assert found["status"] == "cancelled"
    never = lambda s: s.events().delete(calendarId=BAY, eventId="fffff")  # noqa: E731
    assert await fails(run, never) == (404, "notFound")


async def test_patch_merges_and_update_replaces(run: Run) -> None:
    given = body("a1b2c", description="x", extendedProperties={"private": {"a": "1", "b": "2"}})
    made = await run(lambda s: s.events().insert(calendarId=BAY, body=given))
    change = {"description": None, "extendedProperties": {"private": {"a": None, "c": "3"}}}
    patched = await run(lambda s: s.events().patch(calendarId=BAY, eventId="a1b2c", body=change))
    assert "description" not in patched
    assert patched["extendedProperties"]["private"] == {"b": "2", "c": "3"}
    assert patched["sequence"] == 0 and patched["etag"] != made["etag"]
    assert patched["updated"] > made["updated"]
    later = body(start=TEN, end="2026-11-24T11:00:00-06:00")
    updated = await run(lambda s: s.events().update(calendarId=BAY, eventId="a1b2c", body=later))
    assert "extendedProperties" not in updated and updated["sequence"] == 1


@pytest.mark.parametrize("method", ["patch", "update", "delete"])
async def test_a_stale_etag_is_412(run: Run, method: str) -> None:
    made = await run(lambda s: s.events().insert(calendarId=BAY, body=body("a1b2c")))
    newer = await run(
        lambda s: s.events().patch(calendarId=BAY, eventId="a1b2c", body={"summary": "y"})
    )

    def request(etag: str) -> Callable[[Any], Any]:
        def make(service: Any) -> Any:
            more = {} if method == "delete" else {"body": body()}
            made = getattr(service.events(), method)(calendarId=BAY, eventId="a1b2c", **more)
            made.headers["If-Match"] = etag
            return made

        return make

    assert await fails(run, request(made["etag"])) == (412, "conditionNotMet")
    await run(request(newer["etag"]))


async def test_the_list_is_filtered_ordered_and_paged(run: Run) -> None:
    for at, hour in enumerate((15, 9, 12)):
        start, end = (f"2026-11-24T{h:02}:00:00-06:00" for h in (hour, hour + 1))
        given = body(f"aaaa{at}", start, end, extendedProperties={"private": {"n": str(at)}})
        await run(lambda s, given=given: s.events().insert(calendarId=BAY, body=given))

    async def ids(**query: Any) -> list[str]:
        found = await run(lambda s: s.events().list(calendarId=BAY, **query))
        return [event["id"] for event in found["items"]]

    assert await ids(singleEvents=True, orderBy="startTime") == ["aaaa1", "aaaa2", "aaaa0"]
    assert await ids(timeMin=TEN) == ["aaaa0", "aaaa2"]  # an end is exclusive
    assert await ids(timeMax="2026-11-24T12:00:00-06:00") == ["aaaa1"]
    assert await ids(privateExtendedProperty="n=2") == ["aaaa2"]
    assert await ids(q="oil") == ["aaaa0", "aaaa1", "aaaa2"]
    assert await ids(q="tires") == []
    await run(lambda s: s.events().delete(calendarId=BAY, eventId="aaaa1"))
    assert await ids() == ["aaaa0", "aaaa2"]
    assert await ids(showDeleted=True) == ["aaaa0", "aaaa1", "aaaa2"]
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert await ids(updatedMin=hour_ago) == ["aaaa0", "aaaa1", "aaaa2"]
    by_start = lambda s: s.events().list(calendarId=BAY, orderBy="startTime")  # noqa: E731
    assert await fails(run, by_start) == (400, "badRequest")
    no_offset = lambda s: s.events().list(calendarId=BAY, timeMin="2026-11-24")  # noqa: E731
    assert await fails(run, no_offset) == (400, "badRequest")

    first = await run(lambda s: s.events().list(calendarId=BAY, maxResults=1))
    assert "nextSyncToken" not in first
    await run(lambda s: s.events().patch(calendarId=BAY, eventId="aaaa0", body={"summary": "n"}))
    token = first["nextPageToken"]
    second = await run(lambda s: s.events().list(calendarId=BAY, maxResults=5, pageToken=token))
    assert "nextPageToken" not in second
    # Nothing that stood on a later page is missed because the first page changed.
    assert "aaaa2" in [event["id"] for event in second["items"]]
    # What changed while pages were turned comes with the next sync.
    sync = second["nextSyncToken"]
    assert await ids(syncToken=sync) == ["aaaa0"]


async def test_sync_tells_changes_and_deletions_once(run: Run) -> None:
    for event_id in ("aaaa1", "aaaa2"):
        await run(
            lambda s, event_id=event_id: s.events().insert(calendarId=BAY, body=body(event_id))
        )
    token = (await run(lambda s: s.events().list(calendarId=BAY)))["nextSyncToken"]
    await run(lambda s: s.events().delete(calendarId=BAY, eventId="aaaa1"))
    news = await run(lambda s: s.events().list(calendarId=BAY, syncToken=token))
    assert [(event["id"], event["status"]) for event in news["items"]] == [("aaaa1", "cancelled")]
    token = news["nextSyncToken"]
    assert (await run(lambda s: s.events().list(calendarId=BAY, syncToken=token)))["items"] == []


@pytest.mark.parametrize("token", ["nonsense", "e30="])
async def test_a_sync_token_of_another_life_is_410(run: Run, token: str) -> None:
    listing = lambda s: s.events().list(calendarId=BAY, syncToken=token)  # noqa: E731
    assert await fails(run, listing) == (410, "fullSyncRequired")


async def test_a_sync_token_forbids_filters(run: Run) -> None:
    token = (await run(lambda s: s.events().list(calendarId=BAY)))["nextSyncToken"]
    both = lambda s: s.events().list(calendarId=BAY, syncToken=token, timeMin=NINE)  # noqa: E731
    assert await fails(run, both) == (400, "invalidParameter")


async def test_free_busy_joins_and_has_its_errors_inside(run: Run) -> None:
    half_past = "2026-11-24T09:30:00-06:00"
    for event_id, start, end, more in (
        ("aaaa1", NINE, TEN, {}),
        ("aaaa2", half_past, "2026-11-24T10:30:00-06:00", {}),
        ("aaaa3", "2026-11-24T14:00:00-06:00", "2026-11-24T15:00:00-06:00", {}),
        ("aaaa4", "2026-11-24T12:00:00-06:00", "2026-11-24T13:00:00-06:00", "transparent"),
    ):
        given = body(event_id, start, end, **({"transparency": more} if more else {}))
        await run(lambda s, given=given: s.events().insert(calendarId=BAY, body=given))
    await run(lambda s: s.events().delete(calendarId=BAY, eventId="aaaa3"))
    query = {
        "timeMin": half_past,
        "timeMax": "2026-11-24T23:00:00Z",
        "items": [{"id": BAY}, {"id": "bay-2@ottos-auto.example"}, {"id": "nobody@example.com"}],
    }
    found = await run(lambda s: s.freebusy().query(body=query))
    conforms(found, {"$ref": "FreeBusyResponse"})
    calendars = found["calendars"]
    assert calendars[BAY]["busy"] == [
        {"start": "2026-11-24T15:30:00Z", "end": "2026-11-24T16:30:00Z"}
    ]
    assert calendars["bay-2@ottos-auto.example"] == {"busy": []}
    assert calendars["nobody@example.com"]["errors"][0]["reason"] == "notFound"
    many = {**query, "items": [{"id": f"bay-{n}@x"} for n in range(51)]}
    assert (await fails(run, lambda s: s.freebusy().query(body=many)))[0] == 400


# --- Credentials and faults ---------------------------------------------------------------------


async def test_a_revoked_refresh_token_is_invalid_grant(run: Run, world: World) -> None:
    world.faults.add("google.token", "fail", status=400, count=1)
    with pytest.raises(RefreshError, match="invalid_grant"):
        await run(lambda s: s.events().list(calendarId=BAY))
    assert (await run(lambda s: s.events().list(calendarId=BAY)))["items"] == []


async def test_an_expired_access_token_is_refreshed_once(
    run: Run, credentials: Credentials
) -> None:
    await run(lambda s: s.events().list(calendarId=BAY))
    credentials.token = "ya29.stale"
    assert (await run(lambda s: s.events().list(calendarId=BAY)))["items"] == []


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "client_id": "x"}, 401, "invalid_client"),
        (
            {"grant_type": "refresh_token", "client_id": "x", "client_secret": "KEY"},
            400,
            "invalid_grant",
        ),
    ],
)
async def test_the_token_endpoint_refuses(
    world: World, served: Served, form: dict[str, str], status: int, error: str
) -> None:
    filled = {name: world.api_key if value == "KEY" else value for name, value in form.items()}
    async with httpx.AsyncClient() as plain:
        answer = await plain.post(f"{served.http}/google/token", data=filled)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_no_token_is_401(served: Served) -> None:
    async with httpx.AsyncClient() as plain:
        answer = await plain.get(f"{served.http}/google/calendar/v3/calendars/{BAY}/events")
    assert answer.status_code == 401
    assert answer.json()["error"]["errors"][0]["reason"] == "authError"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "userRateLimitExceeded"), (429, "rateLimitExceeded"), (503, "backendError")],
)
async def test_fail_has_the_reason_clients_decide_by(
    run: Run, world: World, status: int, reason: str
) -> None:
    world.faults.add("google", "fail", status=status, count=1)
    assert await fails(run, lambda s: s.events().list(calendarId=BAY)) == (status, reason)


async def test_an_answer_lost_once_comes_back_as_a_conflict(run: Run, world: World) -> None:
    """httplib2 repeats a request whose connection closed, a POST too: an insert meets itself."""
    await run(lambda s: s.events().list(calendarId=BAY))
    world.faults.add("google", "drop", count=1)
    insert = lambda s: s.events().insert(calendarId=BAY, body=body("a1b2c"))  # noqa: E731
    assert await fails(run, insert) == (409, "duplicate")


async def test_a_drop_loses_the_answer_and_keeps_the_effect(run: Run, world: World) -> None:
    await run(lambda s: s.events().list(calendarId=BAY))
    world.faults.add("google", "drop")
    with pytest.raises(OSError):
        await run(lambda s: s.events().insert(calendarId=BAY, body=body("a1b2c")))
    world.faults.clear()
    again = lambda s: s.events().insert(calendarId=BAY, body=body("a1b2c"))  # noqa: E731
    assert await fails(run, again) == (409, "duplicate")


# --- What stays, and what people see ------------------------------------------------------------


def test_a_second_sandbox_keeps_the_events(tmp_path: Path) -> None:
    file = tmp_path / "state" / "google-calendar.json"
    clock = lambda: datetime.fromisoformat(NINE)  # noqa: E731
    store = CalendarStore(clock, file)
    store.insert(store.calendar(BAY), body("a1b2c"))
    store.save()
    assert file.stat().st_mode & 0o077 == 0
    again = CalendarStore(clock, file)
    assert again.calendar(BAY).events["a1b2c"]["summary"] == "Oil change"
    assert (again.revision, again.life) == (store.revision, store.life)


def test_a_broken_file_begins_an_empty_calendar(tmp_path: Path) -> None:
    file = tmp_path / "google-calendar.json"
    file.write_text("{")
    assert CalendarStore(lambda: datetime.fromisoformat(NINE), file).calendars == {}


async def test_the_page_shows_the_week_by_bay(run: Run, served: Served) -> None:
    given = body("a1b2c", summary="Oil change <b>")
    given["start"] = {"dateTime": NINE.replace("2026", "2030")}
    given["end"] = {"dateTime": TEN.replace("2026", "2030")}
    await run(lambda s: s.events().insert(calendarId=BAY, body=given))
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as plain:
        page = await plain.get("/sandbox/calendar")
        data = (await plain.get("/sandbox/calendar?format=json")).json()
        empty = await plain.get("/sandbox/calendar?week=2031-01-01")
    assert page.headers["content-type"].startswith("text/html")
    assert "Oil change &lt;b&gt;" in page.text and "9:00 AM – 10:00 AM" in page.text
    assert "Bay 1" in page.text and "week of November 18, 2030" in page.text
    assert data["calendars"][0]["events"][0]["id"] == "a1b2c"
    assert "Oil change" not in empty.text


async def test_the_page_shows_series_days_and_nights(run: Run, served: Served) -> None:
    series = body("aaaa1", summary="Stand-up", recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    days = {
        "summary": "Fair",
        "start": {"date": "2026-11-26"},
        "end": {"date": "2026-11-28"},
    }
    night = body("aaaa2", "2026-11-27T22:00:00-06:00", "2026-11-28T02:00:00-06:00", summary="Late")
    for given in (series, days, night):
        await run(lambda s, given=given: s.events().insert(calendarId=BAY, body=given))
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as plain:
        page = (await plain.get("/sandbox/calendar?week=2026-11-24")).text
    assert page.count("Stand-up") == 3 and page.count("Fair") == 2 and page.count("Late") == 2
    assert "All day" in page and "until 2:00 AM" in page
