"""Sync tokens and pages: what is told, when, and to whom it is refused."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from hypothesis import given
from hypothesis import strategies as st

from sandbox.app import serve
from sandbox.google.errors import GoogleError
from sandbox.google.listing import list_events
from sandbox.google.store import CalendarStore
from sandbox.world import Options, World
from tests.support.google_wire import BAY, BAY_2, NINE, TEN, Clock, Run, Served, body, fails

DECEMBER = "2026-12-01T00:00:00Z"


def later(days: int) -> tuple[str, str]:
    return (f"2026-12-{days:02}T09:00:00-06:00", f"2026-12-{days:02}T10:00:00-06:00")


def listing(**query: Any) -> Callable[[Any], Any]:
    return lambda s: s.events().list(calendarId=BAY, **query)


def inserting(*args: Any, calendar: str = BAY, **more: Any) -> Callable[[Any], Any]:
    return lambda s: s.events().insert(calendarId=calendar, body=body(*args, **more))


def patching(event_id: str, **change: Any) -> Callable[[Any], Any]:
    return lambda s: s.events().patch(calendarId=BAY, eventId=event_id, body=change)


async def news(run: Run, token: str, **query: Any) -> tuple[list[str], str]:
    found = await run(listing(syncToken=token, **query))
    return [f"{each['id']} {each['status']}" for each in found["items"]], found["nextSyncToken"]


async def test_a_list_from_a_time_on_gives_a_sync_token(run: Run) -> None:
    await run(inserting("aaaa1"))
    await run(inserting("bbbb1", *later(3)))
    first = await run(listing(timeMin=DECEMBER, singleEvents=True))
    assert [each["id"] for each in first["items"]] == ["bbbb1"]
    token = first["nextSyncToken"]
    assert await news(run, token, singleEvents=True) == ([], token)
    # The range goes on to hold for what comes later.
    await run(inserting("aaaa2"))
    await run(inserting("bbbb2", *later(4)))
    told, token = await news(run, token, singleEvents=True)
    assert told == ["bbbb2 confirmed"]
    # What the client knows is told when it leaves the range.
    start, end = {"dateTime": NINE}, {"dateTime": TEN}
    await run(patching("bbbb2", start=start, end=end))
    told, _ = await news(run, token, singleEvents=True)
    assert told == ["bbbb2 confirmed"]


async def test_a_range_is_narrowed_at_both_ends(run: Run) -> None:
    first = await run(listing(timeMin=DECEMBER, timeMax="2026-12-05T00:00:00Z"))
    await run(inserting("bbbb1", *later(4)))
    await run(inserting("bbbb2", *later(5)))
    assert (await news(run, first["nextSyncToken"]))[0] == ["bbbb1 confirmed"]


@pytest.mark.parametrize(
    "narrowed",
    [
        {"orderBy": "updated"},
        {"orderBy": "startTime", "singleEvents": True},
        {"q": "oil"},
        {"iCalUID": "aaaa1@google.com"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"updatedMin": "UPDATED"},
    ],
)
async def test_what_a_sync_cannot_repeat_gives_no_token(
    run: Run, served: Served, narrowed: dict[str, Any]
) -> None:
    if "updatedMin" in narrowed:
        hour_ago = served.world.clock() - timedelta(hours=1)
        narrowed = {"updatedMin": hour_ago.isoformat()}
    assert "nextSyncToken" not in await run(listing(**narrowed))
    token = (await run(listing()))["nextSyncToken"]
    name = next(iter(narrowed))
    with_single = {"singleEvents": True} if "singleEvents" in narrowed else {}
    both = listing(syncToken=token, **{name: narrowed[name]}, **with_single)
    assert await fails(run, both) == (400, "invalidParameter")


@pytest.mark.parametrize("name", ["timeMin", "timeMax"])
async def test_a_sync_token_knows_its_range_itself(run: Run, name: str) -> None:
    token = (await run(listing(timeMin=NINE)))["nextSyncToken"]
    assert await fails(run, listing(syncToken=token, **{name: TEN})) == (400, "invalidParameter")


@pytest.mark.parametrize(
    "other",
    [{"singleEvents": True}, {"eventTypes": ["default"]}, {"showDeleted": False}],
)
async def test_the_other_parameters_must_be_the_same(run: Run, other: dict[str, Any]) -> None:
    token = (await run(listing()))["nextSyncToken"]
    assert await fails(run, listing(syncToken=token, **other)) == (400, "invalidParameter")
    how_it_looks = {"maxResults": 7, "timeZone": "Asia/Tokyo", "fields": "items,nextSyncToken"}
    assert (await run(listing(syncToken=token, **how_it_looks)))["items"] == []


async def test_of_a_deleted_event_only_its_id_is_sure(run: Run) -> None:
    await run(inserting("aaaa1", extendedProperties={"private": {"appointment": "7"}}))
    token = (await run(listing()))["nextSyncToken"]
    await run(lambda s: s.events().delete(calendarId=BAY, eventId="aaaa1"))
    bare = (await run(listing(syncToken=token)))["items"]
    assert [sorted(each) for each in bare] == [["etag", "id", "kind", "status"]]
    whole = (await run(listing(syncToken=token, showDeleted=True)))["items"]
    assert whole[0]["extendedProperties"]["private"] == {"appointment": "7"}


async def test_what_came_and_went_between_two_syncs_is_told(run: Run) -> None:
    token = (await run(listing()))["nextSyncToken"]
    await run(inserting("aaaa1"))
    await run(lambda s: s.events().delete(calendarId=BAY, eventId="aaaa1"))
    assert (await news(run, token))[0] == ["aaaa1 cancelled"]


async def test_only_the_last_page_has_the_token(run: Run, world: World) -> None:
    for at in range(5):
        await run(inserting(f"aaaa{at}"))
    world.options.google_page = 2  # less than what is asked for, as Google may
    pages, query = [], {"maxResults": 100}
    while True:
        page = await run(listing(**query))
        pages.append(page)
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert ["nextSyncToken" in page for page in pages] == [False, False, True]
    token = pages[-1]["nextSyncToken"]
    for at in range(3):
        await run(patching(f"aaaa{at}", summary="new"))
    first = await run(listing(syncToken=token))
    assert "nextSyncToken" not in first
    other = listing(pageToken=first["nextPageToken"])
    assert await fails(run, other) == (400, "invalid")  # its query had a sync token
    last = await run(listing(syncToken=token, pageToken=first["nextPageToken"]))
    ids = [each["id"] for page in (first, last) for each in page["items"]]
    assert ids == ["aaaa0", "aaaa1", "aaaa2"] and "nextSyncToken" in last


async def test_a_change_while_pages_are_turned_loses_nothing(run: Run, world: World) -> None:
    for at in range(4):
        await run(inserting(f"aaaa{at}"))
    world.options.google_page = 1
    seen: list[str] = []
    query: dict[str, Any] = {}
    for _ in range(4):
        page = await run(listing(**query))
        seen += [each["id"] for each in page["items"]]
        await run(patching(seen[-1], summary="changed"))
        if seen == ["aaaa0"]:
            await run(lambda s: s.events().delete(calendarId=BAY, eventId="aaaa0"))
        query = {"pageToken": page.get("nextPageToken")}
    assert seen == ["aaaa0", "aaaa1", "aaaa2", "aaaa3"]
    assert "nextSyncToken" in page  # nor comes anything twice


async def test_tokens_of_another_calendar_or_kind_are_refused(run: Run) -> None:
    for at in range(2):
        await run(inserting(f"aaaa{at}"))
    sync = (await run(listing()))["nextSyncToken"]
    page = (await run(listing(maxResults=1)))["nextPageToken"]
    there = lambda s: s.events().list(calendarId=BAY_2, syncToken=sync)  # noqa: E731
    assert await fails(run, there) == (410, "fullSyncRequired")
    assert await fails(run, listing(syncToken=page)) == (410, "fullSyncRequired")
    assert await fails(run, listing(maxResults=1, pageToken=sync)) == (400, "invalid")
    entries = lambda s: s.calendarList().list(syncToken=sync)  # noqa: E731
    assert await fails(run, entries) == (410, "fullSyncRequired")


async def test_staff_can_make_every_sync_token_expire(run: Run, served: Served) -> None:
    old = (await run(listing()))["nextSyncToken"]
    await served.steer("account", do="expire_sync")
    assert await fails(run, listing(syncToken=old)) == (410, "fullSyncRequired")
    fresh = (await run(listing()))["nextSyncToken"]
    assert await news(run, fresh) == ([], fresh)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_tokens_of_another_life(tmp_path: Path, is_kept: bool) -> None:
    """A sandbox that kept its file goes on; one that lost it asks for a full sync."""
    clock = Clock()
    file = tmp_path / "google-calendar.json"
    store = CalendarStore(clock, file)
    calendar = store.calendar(BAY)
    store.insert(calendar, body("aaaa1"))
    token = list_events(store, calendar, {})["nextSyncToken"]
    store.save()
    again = CalendarStore(clock, file if is_kept else tmp_path / "other.json")
    again.insert(again.calendar(BAY), body("aaaa2"))
    again.insert(again.calendar(BAY), body("aaaa3"))
    if is_kept:
        found = list_events(again, again.calendar(BAY), {"syncToken": [token]})
        assert [each["id"] for each in found["items"]] == ["aaaa2", "aaaa3"]
        return
    with pytest.raises(GoogleError) as refused:
        list_events(again, again.calendar(BAY), {"syncToken": [token]})
    assert (refused.value.status, refused.value.reason) == (410, "fullSyncRequired")


async def test_a_restart_refuses_the_tokens_of_the_other_life() -> None:
    """Access tokens are 401, the refresh token is `invalid_grant`."""
    async with serve(before := World(Options(rest_ms=0))) as http:
        header = await Served(before, http).bearer()
    async with serve(after := World(Options(rest_ms=0))) as http:
        served = Served(after, http)
        answer = await served.ask("GET", f"/google/calendar/v3/calendars/{BAY}", headers=header)
        assert answer.status_code == 401
        assert answer.json()["error"]["errors"][0]["reason"] == "authError"
        old = served.credentials()
        old._refresh_token = before.api_key
        with pytest.raises(RefreshError, match="invalid_grant"):
            await asyncio.to_thread(old.refresh, Request())


async def test_too_long_ago_is_410(run: Run, served: Served) -> None:
    now = served.world.clock()
    for days, expected in ((27, None), (29, (410, "updatedMinTooLongAgo"))):
        query = listing(updatedMin=(now - timedelta(days=days)).isoformat())
        if expected is None:
            await run(query)
        else:
            assert await fails(run, query) == expected


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode()))
def test_any_text_is_no_token(text: str) -> None:
    store = CalendarStore(Clock())
    for name, status in (("syncToken", 410), ("pageToken", 400)):
        with pytest.raises(GoogleError) as refused:
            list_events(store, store.calendar(BAY), {name: [text]})
        assert refused.value.status == status


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["life", "kind", "collection", "revision", "wish"]), inner
            )
        ),
    )
)
def test_any_json_is_no_token(content: Any) -> None:
    store = CalendarStore(Clock())
    text = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    with pytest.raises(GoogleError):
        list_events(store, store.calendar(BAY), {"syncToken": [text]})


async def test_the_list_of_calendars_has_pages_and_news_too(run: Run, served: Served) -> None:
    for name in (BAY, BAY_2):
        await served.steer("calendars", id=name)
    first = await run(lambda s: s.calendarList().list(maxResults=1))
    assert [each["id"] for each in first["items"]] == [BAY]
    page = first["nextPageToken"]
    last = await run(lambda s: s.calendarList().list(maxResults=1, pageToken=page))
    assert [each["id"] for each in last["items"]] == [BAY_2]
    token = last["nextSyncToken"]
    await served.steer("calendars", id=BAY, exists=False)
    await served.steer("calendars", id=BAY_2, summary="Bay two")
    found = await run(lambda s: s.calendarList().list(syncToken=token))
    assert [(each["id"], each.get("deleted", False)) for each in found["items"]] == [
        (BAY, True),
        (BAY_2, False),
    ]
