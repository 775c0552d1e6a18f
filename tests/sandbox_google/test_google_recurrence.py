"""Recurring, all-day, transparent events and events between calendars."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.google import recurrence
from sandbox.google.errors import GoogleError
from sandbox.google.times import span
from tests.support.google_wire import BAY, BAY_2, NINE, TEN, Run, Served, body, conforms, fails

ZONE = "America/Chicago"


def series(*lines: str, **more: Any) -> Any:
    return {**body("aaaa1", recurrence=list(lines)), **more}


async def starts(run: Run, **query: Any) -> list[str]:
    found = await run(
        lambda s: s.events().list(calendarId=BAY, singleEvents=True, orderBy="startTime", **query)
    )
    return [each["start"].get("dateTime", each["start"].get("date")) for each in found["items"]]


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        (["RRULE:FREQ=DAILY;COUNT=3"], [24, 25, 26]),
        (["RRULE:FREQ=DAILY;INTERVAL=2;COUNT=3"], [24, 26, 28]),
        (["RRULE:FREQ=WEEKLY;BYDAY=TU,TH;COUNT=2"], [24, 26]),
        (["RRULE:FREQ=DAILY;UNTIL=20261126T150000Z"], [24, 25, 26]),
        (["RRULE:FREQ=DAILY;UNTIL=20261126T145959Z"], [24, 25]),
        (["RRULE:FREQ=DAILY;UNTIL=20261126"], [24, 25, 26]),
        (["RRULE:FREQ=DAILY;COUNT=4", "EXDATE;TZID=America/Chicago:20261125T090000"], [24, 26, 27]),
        (["RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20261126T150000Z,20261127T150000Z"], [24, 25]),
        (["RRULE:FREQ=DAILY;COUNT=2", "RDATE;TZID=America/Chicago:20261129T090000"], [24, 25, 29]),
        (["RDATE:20261128T150000Z"], [24, 28]),
        (["RRULE:FREQ=DAILY;COUNT=4", "EXRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=9"], [24, 26, 27]),
    ],
)
async def test_a_series_is_expanded(run: Run, lines: list[str], days: list[int]) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=series(*lines)))
    assert await starts(run) == [f"2026-11-{day}T09:00:00-06:00" for day in days]


async def test_a_series_keeps_to_the_clock_on_the_wall(run: Run) -> None:
    given = series(
        "RRULE:FREQ=DAILY;COUNT=3",
        start={"dateTime": "2026-10-31T09:00:00-05:00", "timeZone": ZONE},
        end={"dateTime": "2026-10-31T10:00:00-05:00", "timeZone": ZONE},
    )
    await run(lambda s: s.events().insert(calendarId=BAY, body=given))
    assert await starts(run) == [
        "2026-10-31T09:00:00-05:00",
        "2026-11-01T09:00:00-06:00",
        "2026-11-02T09:00:00-06:00",
    ]


async def test_the_series_and_its_instances(run: Run) -> None:
    made = await run(lambda s: s.events().insert(calendarId=BAY, body=series("RRULE:FREQ=WEEKLY")))
    conforms(made, {"$ref": "Event"})
    plain = await run(lambda s: s.events().list(calendarId=BAY))
    assert [each["id"] for each in plain["items"]] == ["aaaa1"]
    until = "2026-12-10T00:00:00Z"
    found = await run(
        lambda s: s.events().list(calendarId=BAY, singleEvents=True, timeMin=TEN, timeMax=until)
    )
    conforms(found, {"$ref": "Events"})
    first = found["items"][0]
    assert first["id"] == "aaaa1_20261201T150000Z" and "recurrence" not in first
    assert first["recurringEventId"] == "aaaa1" and first["iCalUID"] == made["iCalUID"]
    assert first["originalStartTime"] == first["start"]
    one = await run(lambda s: s.events().get(calendarId=BAY, eventId=first["id"]))
    assert one == first
    for wrong in ("aaaa1_20261202T150000Z", "aaaa1_20261201", "aaaa1_x", "bbbb1_20261201T150000Z"):
        make = lambda s, wrong=wrong: s.events().get(calendarId=BAY, eventId=wrong)  # noqa: E731
        assert await fails(run, make) == (404, "notFound")
    instances = await run(
        lambda s: s.events().instances(calendarId=BAY, eventId="aaaa1", timeMax=until)
    )
    assert [each["id"] for each in instances["items"]][1:] == [
        each["id"] for each in found["items"]
    ]
    # Without an end it goes on for two years, and not for ever.
    assert 100 < len(await starts(run)) < 120


async def test_one_instance_is_changed_and_one_is_cancelled(run: Run) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=series("RRULE:FREQ=DAILY;COUNT=4")))
    token = (await run(lambda s: s.events().list(calendarId=BAY)))["nextSyncToken"]
    single = lambda s: s.events().list(calendarId=BAY, singleEvents=True)  # noqa: E731
    token_single = (await run(single))["nextSyncToken"]
    moved, gone = "aaaa1_20261125T150000Z", "aaaa1_20261126T150000Z"
    times = {
        "start": {"dateTime": "2026-11-25T13:00:00-06:00"},
        "end": {"dateTime": "2026-11-25T14:00:00-06:00"},
    }
    changed = await run(lambda s: s.events().patch(calendarId=BAY, eventId=moved, body=times))
    assert changed["originalStartTime"]["dateTime"] == "2026-11-25T09:00:00-06:00"
    await run(lambda s: s.events().delete(calendarId=BAY, eventId=gone))
    assert await starts(run) == [
        "2026-11-24T09:00:00-06:00",
        "2026-11-25T13:00:00-06:00",
        "2026-11-27T09:00:00-06:00",
    ]
    # Unexpanded, the exceptions stand beside the series, the cancelled one as well.
    plain = await run(lambda s: s.events().list(calendarId=BAY))
    assert [(each["id"], each["status"]) for each in plain["items"]] == [
        ("aaaa1", "confirmed"),
        (moved, "confirmed"),
        (gone, "cancelled"),
    ]
    for query, known in (({}, token), ({"singleEvents": True}, token_single)):
        news = await run(
            lambda s, query=query, known=known: s.events().list(
                calendarId=BAY, syncToken=known, **query
            )
        )
        assert [(each["id"], each["status"]) for each in news["items"]] == [
            (moved, "confirmed"),
            (gone, "cancelled"),
        ]
        assert news["items"][1]["recurringEventId"] == "aaaa1"
    with_deleted = await run(
        lambda s: s.events().list(calendarId=BAY, singleEvents=True, showDeleted=True)
    )
    assert len(with_deleted["items"]) == 4


@pytest.mark.parametrize("act", ["delete", "shorten", "shift"])
async def test_a_client_that_expands_hears_what_a_series_lost(run: Run, act: str) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=series("RRULE:FREQ=DAILY;COUNT=3")))
    single = lambda s, **more: s.events().list(  # noqa: E731
        calendarId=BAY, singleEvents=True, **more
    )
    first = await run(single)
    known = {each["id"]: each["status"] for each in first["items"]}
    if act == "delete":
        await run(lambda s: s.events().delete(calendarId=BAY, eventId="aaaa1"))
    else:
        change: Any = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}
        if act == "shift":
            change = {"start": {"dateTime": "2026-11-24T09:30:00-06:00"}}
        await run(lambda s: s.events().patch(calendarId=BAY, eventId="aaaa1", body=change))
    news = await run(lambda s: single(s, syncToken=first["nextSyncToken"]))
    known |= {each["id"]: each["status"] for each in news["items"]}
    standing = {name for name, status in known.items() if status != "cancelled"}
    now = await run(single)
    assert standing == {each["id"] for each in now["items"]}
    assert len(standing) == {"delete": 0, "shorten": 2, "shift": 3}[act]
    plain = await run(lambda s: s.events().list(calendarId=BAY))
    assert [each["id"] for each in plain["items"]] == ([] if act == "delete" else ["aaaa1"])


async def test_a_series_takes_time(run: Run) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=series("RRULE:FREQ=DAILY;COUNT=3")))
    await run(lambda s: s.events().delete(calendarId=BAY, eventId="aaaa1_20261125T150000Z"))
    wish = {
        "timeMin": NINE,
        "timeMax": "2026-12-01T00:00:00Z",
        "items": [{"id": BAY}],
        "timeZone": ZONE,
    }
    found = await run(lambda s: s.freebusy().query(body=wish))
    assert [each["start"] for each in found["calendars"][BAY]["busy"]] == [
        "2026-11-24T09:00:00-06:00",
        "2026-11-26T09:00:00-06:00",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "RRULE:FREQ=SECONDLY",
        "RRULE:FREQ=HOURLY;COUNT=3",
        "RRULE:",
        "RRULE:FREQ",
        "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20261126T150000Z",
        "RRULE:FREQ=DAILY;COUNT=many",
        "RRULE:FREQ=DAILY;UNTIL=tomorrow",
        "RRULE:FREQ=DAILY;BYDAY=XX",
        "RRULE:FREQ=DAILY;NONSENSE=1",
        "DTSTART:20261124T150000Z",
        "EXDATE;TZID=Mars/Olympus:20261126T090000",
        "RDATE:20261301T090000",
        "every day",
        "",
    ],
)
async def test_a_rule_that_cannot_be_read_is_400(run: Run, line: str) -> None:
    insert = lambda s: s.events().insert(calendarId=BAY, body=series(line))  # noqa: E731
    assert await fails(run, insert) == (400, "invalid")


async def test_a_series_needs_its_zone(run: Run) -> None:
    given = series("RRULE:FREQ=DAILY", start={"dateTime": NINE}, end={"dateTime": TEN})
    insert = lambda s: s.events().insert(calendarId=BAY, body=given)  # noqa: E731
    assert await fails(run, insert) == (400, "required")


RULES = st.builds(
    "RRULE:FREQ={};INTERVAL={}{}{}".format,
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.integers(1, 9),
    st.sampled_from(["", ";BYDAY=MO", ";BYDAY=TU,FR", ";BYMONTH=2;BYMONTHDAY=30"]),
    st.sampled_from(["", ";COUNT=5", ";UNTIL=20270401T000000Z"]),
)


@given(RULES, st.booleans(), st.sampled_from([ZONE, "UTC", "Asia/Kathmandu", "Pacific/Apia"]))
def test_any_series_is_in_order_and_found_again(rule: str, is_day: bool, zone: str) -> None:
    start: Any = {"dateTime": NINE, "timeZone": zone}
    end: Any = {"dateTime": TEN, "timeZone": zone}
    if is_day:
        start, end = {"date": "2026-11-24"}, {"date": "2026-11-26"}
    event = {"id": "aaaa1", "recurrence": [rule], "start": start, "end": end}
    finish = datetime.fromisoformat("2028-01-01T00:00:00+00:00")
    found = list(recurrence.instances(event, zone, None, finish))
    begins = [span(each, zone)[0] for each in found]
    assert begins == sorted(set(begins)) and begins[0] == span(event, zone)[0]
    for each in found[:20]:
        assert recurrence.instance(event, each["id"], zone) == each
        assert recurrence.series_id(each["id"]) == "aaaa1"
        first, last = span(each, zone)
        if not is_day:
            assert last - first == timedelta(hours=1)
        else:
            days = [date.fromisoformat(each[name]["date"]) for name in ("start", "end")]
            assert days[1] - days[0] == timedelta(days=2)


@given(st.text(alphabet="RULEXDAT:;=FQYMWIKCOUN0123456789,Z", max_size=40))
def test_any_line_is_read_or_refused(line: str) -> None:
    event = body("aaaa1", recurrence=[line])
    try:
        recurrence.check(event, ZONE)
    except GoogleError as error:
        assert error.status == 400


# --- All-day and transparent events, events between calendars -----------------------------------


async def test_an_all_day_event_is_a_day_of_its_calendar(run: Run) -> None:
    given = {
        "id": "aaaa1",
        "summary": "Closed",
        "start": {"date": "2026-11-26"},
        "end": {"date": "2026-11-27"},
        "recurrence": ["RRULE:FREQ=YEARLY;COUNT=2"],
    }
    await run(lambda s: s.events().insert(calendarId=BAY, body=given))
    assert await starts(run) == ["2026-11-26", "2027-11-26"]
    found = await run(
        lambda s: s.events().list(calendarId=BAY, singleEvents=True, timeZone="Asia/Tokyo")
    )
    assert found["items"][0]["id"] == "aaaa1_20261126"
    assert found["items"][0]["start"] == {"date": "2026-11-26"}
    wish = {
        "timeMin": "2026-11-26T00:00:00Z",
        "timeMax": "2026-12-01T00:00:00Z",
        "items": [{"id": BAY}],
    }
    busy = (await run(lambda s: s.freebusy().query(body=wish)))["calendars"][BAY]["busy"]
    assert busy == [{"start": "2026-11-26T06:00:00Z", "end": "2026-11-27T06:00:00Z"}]
    clear = {"transparency": "transparent"}
    await run(lambda s: s.events().patch(calendarId=BAY, eventId="aaaa1", body=clear))
    assert (await run(lambda s: s.freebusy().query(body=wish)))["calendars"][BAY]["busy"] == []
    both = {"start": {"dateTime": NINE}, "end": {"dateTime": TEN}}
    patch = lambda s: s.events().patch(calendarId=BAY, eventId="aaaa1", body=both)  # noqa: E731
    assert await fails(run, patch) == (400, "invalid")  # the day is still there


async def test_an_event_is_moved_to_another_calendar(run: Run) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1")))
    token = (await run(lambda s: s.events().list(calendarId=BAY)))["nextSyncToken"]
    move = lambda s: s.events().move(  # noqa: E731
        calendarId=BAY, eventId="aaaa1", destination=BAY_2
    )
    moved = await run(move)
    conforms(moved, {"$ref": "Event"})
    assert (moved["id"], moved["organizer"]["email"]) == ("aaaa1", BAY_2)
    assert moved["iCalUID"] == "aaaa1@google.com"
    news = await run(lambda s: s.events().list(calendarId=BAY, syncToken=token))
    assert [(each["id"], each["status"]) for each in news["items"]] == [("aaaa1", "cancelled")]
    there = await run(lambda s: s.events().list(calendarId=BAY_2))
    assert [each["id"] for each in there["items"]] == ["aaaa1"]
    assert await fails(run, move) == (404, "notFound")
    back = lambda s: s.events().move(  # noqa: E731
        calendarId=BAY_2, eventId="aaaa1", destination=BAY
    )
    assert (await run(back))["status"] == "confirmed"
    nowhere = lambda s: s.events().move(  # noqa: E731
        calendarId=BAY, eventId="aaaa1", destination="nobody@example.com"
    )
    assert await fails(run, nowhere) == (404, "notFound")


async def test_a_moved_series_takes_its_exceptions_along(run: Run, served: Served) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=series("RRULE:FREQ=DAILY;COUNT=3")))
    changed = "aaaa1_20261125T150000Z"
    await run(lambda s: s.events().patch(calendarId=BAY, eventId=changed, body={"summary": "x"}))
    one = lambda s: s.events().move(  # noqa: E731
        calendarId=BAY, eventId=changed, destination=BAY_2
    )
    assert (await fails(run, one))[0] == 400
    await served.staff("move", "aaaa1", to=BAY_2)
    for calendar, count in ((BAY, 0), (BAY_2, 3)):
        found = await run(
            lambda s, calendar=calendar: s.events().list(calendarId=calendar, singleEvents=True)
        )
        assert len(found["items"]) == count
    assert "x" in [each["summary"] for each in found["items"]]


async def test_events_of_a_kind_and_by_their_ical_id(run: Run) -> None:
    away = body("aaaa1", eventType="outOfOffice", iCalUID="meeting@elsewhere.example")
    for wish in (away, body("aaaa2")):
        await run(lambda s, wish=wish: s.events().insert(calendarId=BAY, body=wish))
    for query, ids in (
        ({"eventTypes": ["outOfOffice"]}, ["aaaa1"]),
        ({"eventTypes": ["default", "outOfOffice"]}, ["aaaa1", "aaaa2"]),
        ({"iCalUID": "meeting@elsewhere.example"}, ["aaaa1"]),
        ({"iCalUID": "aaaa2@google.com"}, ["aaaa2"]),
    ):
        found = await run(lambda s, query=query: s.events().list(calendarId=BAY, **query))
        assert [each["id"] for each in found["items"]] == ids
    odd = body("aaaa3", eventType="party")
    insert = lambda s: s.events().insert(calendarId=BAY, body=odd)  # noqa: E731
    assert await fails(run, insert) == (400, "invalid")
