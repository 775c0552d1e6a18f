"""What a request may say and how it is answered: parts, zones, versions, methods, bad input."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from googleapiclient.errors import HttpError
from hypothesis import given
from hypothesis import strategies as st

from sandbox.google.errors import GoogleError
from sandbox.google.fields import parse, partial
from tests.support.google_wire import API, BAY, EVENTS, NINE, Run, Served, body, fails

EVENT = {
    "id": "aaaa1",
    "summary": "Oil change",
    "start": {"dateTime": NINE, "timeZone": "America/Chicago"},
    "extendedProperties": {"private": {"a": "1", "b": "2"}},
    "attendees": [{"email": "x@example.com", "displayName": "X"}],
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("id", {"id": "aaaa1"}),
        ("id, summary", {"id": "aaaa1", "summary": "Oil change"}),
        ("start/dateTime", {"start": {"dateTime": NINE}}),
        ("start(dateTime)", {"start": {"dateTime": NINE}}),
        ("start", {"start": EVENT["start"]}),
        ("start/*", {"start": EVENT["start"]}),
        ("start(timeZone),start/dateTime", {"start": EVENT["start"]}),
        ("start,start/dateTime", {"start": EVENT["start"]}),
        ("start/dateTime,start", {"start": EVENT["start"]}),
        ("attendees/email", {"attendees": [{"email": "x@example.com"}]}),
        ("extendedProperties/private/a", {"extendedProperties": {"private": {"a": "1"}}}),
        ("extendedProperties(private(a,b))", {"extendedProperties": EVENT["extendedProperties"]}),
        ("*", EVENT),
        ("*/dateTime,id", {"start": {"dateTime": NINE}, "id": "aaaa1"}),
        ("hangoutLink", {}),  # a field of Google's which this event has not
    ],
)
def test_a_mask_selects(fields: str, expected: dict[str, Any]) -> None:
    found = partial(dict(EVENT), fields, "Event")
    if fields == "*/dateTime,id":
        found = {name: found[name] for name in expected}
    assert found == expected


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "nonsense",
        "id,",
        ",id",
        "start(dateTime",
        "start(dateTime))",
        "start()",
        "start/",
        "start/nonsense",
        "start(dateTime,nonsense)",
        "summary/id",
        "id summary",
        "id;summary",
        "items(id)",
        "/id",
        "((((",
        "start/" * 60 + "dateTime",
    ],
)
async def test_a_bad_mask_is_400(run: Run, fields: str) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1")))
    get = lambda s: s.events().get(calendarId=BAY, eventId="aaaa1", fields=fields)  # noqa: E731
    if fields:
        assert await fails(run, get) == (400, "invalidParameter")
    with pytest.raises(GoogleError):
        parse(fields, "Event")


@given(st.text(alphabet="id,start/()*summary dateTime", max_size=40))
def test_any_mask_is_read_or_refused(fields: str) -> None:
    try:
        found = partial(dict(EVENT), fields, "Event")
    except GoogleError as error:
        assert (error.status, error.reason) == (400, "invalidParameter")
    else:
        assert found.items() <= EVENT.items() or set(found) <= set(EVENT)


async def test_parts_of_lists_and_single_resources(run: Run) -> None:
    for at in range(2):
        await run(lambda s, at=at: s.events().insert(calendarId=BAY, body=body(f"aaaa{at}")))
    fields = "items(id,start/dateTime),nextSyncToken"
    found = await run(lambda s: s.events().list(calendarId=BAY, fields=fields))
    assert set(found) == {"items", "nextSyncToken"}
    assert found["items"][0] == {"id": "aaaa0", "start": {"dateTime": NINE}}
    made = await run(lambda s: s.events().insert(calendarId=BAY, body=body("bbbb1"), fields="etag"))
    assert set(made) == {"etag"}
    entry = await run(lambda s: s.calendarList().get(calendarId=BAY, fields="accessRole"))
    assert entry == {"accessRole": "owner"}


# --- Zones --------------------------------------------------------------------------------------


async def test_times_are_told_in_the_zone_asked_for(run: Run) -> None:
    given = body("aaaa1", "2026-11-24T10:00:00-05:00", "2026-11-24T16:00:00Z")
    given["end"].pop("timeZone")
    made = await run(lambda s: s.events().insert(calendarId=BAY, body=given))
    assert (made["start"]["dateTime"], made["end"]["dateTime"]) == (
        "2026-11-24T09:00:00-06:00",  # the calendar's own
        "2026-11-24T10:00:00-06:00",
    )
    list_ = await run(lambda s: s.events().list(calendarId=BAY, timeZone="Asia/Kolkata"))
    assert list_["timeZone"] == "Asia/Kolkata"
    start = list_["items"][0]["start"]
    assert start == {"dateTime": "2026-11-24T20:30:00+05:30", "timeZone": "America/Chicago"}
    one = await run(lambda s: s.events().get(calendarId=BAY, eventId="aaaa1", timeZone="UTC"))
    assert one["start"]["dateTime"] == "2026-11-24T15:00:00Z"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "America", "a\0b", "☃"])
async def test_an_unknown_zone_is_400(run: Run, zone: str) -> None:
    for make in (
        lambda s: s.events().list(calendarId=BAY, timeZone=zone),
        lambda s: s.calendars().patch(calendarId=BAY, body={"timeZone": zone}),
        lambda s: s.calendars().insert(body={"summary": "X", "timeZone": zone}),
        lambda s: s.freebusy().query(
            body={"timeMin": NINE, "timeMax": "2026-11-25T00:00:00Z", "timeZone": zone or "no"}
        ),
    ):
        assert await fails(run, make) == (400, "invalid")


# --- Versions -----------------------------------------------------------------------------------


def with_header(request: Any, name: str, value: str) -> Any:
    request.headers[name] = value
    return request


async def test_what_is_known_already_is_not_sent_again(run: Run) -> None:
    made = await run(lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1")))
    list_ = await run(lambda s: s.events().list(calendarId=BAY))
    calendar = await run(lambda s: s.calendars().get(calendarId=BAY))
    reads = [
        (lambda s: s.events().get(calendarId=BAY, eventId="aaaa1"), made["etag"]),
        (lambda s: s.events().list(calendarId=BAY), list_["etag"]),
        (lambda s: s.calendars().get(calendarId=BAY), calendar["etag"]),
    ]
    for make, etag in reads:
        for known in (etag, f'"x", {etag}', f"W/{etag}", "*"):
            with pytest.raises(HttpError) as answer:
                await run(
                    lambda s, make=make, known=known: with_header(make(s), "If-None-Match", known)
                )
            assert answer.value.status_code == 304
        await run(lambda s, make=make: with_header(make(s), "If-None-Match", '"other"'))
    await run(lambda s: s.events().patch(calendarId=BAY, eventId="aaaa1", body={"summary": "x"}))
    for make, etag in reads[:2]:  # the calendar itself is as it was
        await run(lambda s, make=make, etag=etag: with_header(make(s), "If-None-Match", etag))


@pytest.mark.parametrize("method", ["patch", "update", "delete", "move"])
async def test_a_version_that_is_no_longer_is_412(run: Run, method: str) -> None:
    made = await run(lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1")))
    more: dict[str, Any] = {"patch": {"body": {"summary": "x"}}, "update": {"body": body()}}.get(
        method, {}
    )
    if method == "move":
        more = {"destination": "bay-2@ottos-auto.example"}

    def change(etag: str) -> Any:
        return lambda s: with_header(
            getattr(s.events(), method)(calendarId=BAY, eventId="aaaa1", **more), "If-Match", etag
        )

    assert await fails(run, change('"0000000000000000"')) == (412, "conditionNotMet")
    await run(change(f'"x", {made["etag"]}'))


# --- Methods ------------------------------------------------------------------------------------


async def test_a_method_in_a_header(served: Served, run: Run) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1")))
    override = lambda verb: {"X-HTTP-Method-Override": verb}  # noqa: E731
    one = f"{EVENTS}/aaaa1"
    patched = await served.ask("POST", one, headers=override("PATCH"), json={"summary": "x"})
    assert (patched.status_code, patched.json()["summary"]) == (200, "x")
    got = await served.ask("POST", one, headers=override("get"))
    assert got.json()["id"] == "aaaa1"
    listed = await served.ask("POST", EVENTS, headers=override("GET"), data={"q": "nothing"})
    assert listed.json()["items"] == []
    assert (await served.ask("POST", one)).status_code == 404
    assert (await served.ask("POST", one, headers=override("BREW"))).status_code == 404
    gone = await served.ask("POST", one, headers=override("DELETE"))
    assert (gone.status_code, gone.content) == (204, b"")


async def test_a_query_too_long_for_an_address(run: Run) -> None:
    """Google's client sends it as a form, with the method in a header."""
    given = body("aaaa1", extendedProperties={"private": {"k": "v" * 900}})
    await run(lambda s: s.events().insert(calendarId=BAY, body=given))
    for value, ids in (("v" * 900, ["aaaa1"]), ("w" * 900, [])):
        pairs = [f"k={value}"] * 4
        make = lambda s, pairs=pairs: s.events().list(  # noqa: E731
            calendarId=BAY, privateExtendedProperty=pairs
        )
        assert [each["id"] for each in (await run(make))["items"]] == ids


# --- Bad input ----------------------------------------------------------------------------------

ODD_BODIES = [
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe{}",
    b'{"summary": "\\ud83d"}',
    b'{"summary": NaN}',
    b'{"summary": -Infinity}',
    b"[" * 100_000,
    b'{"summary": 7}',
    b'{"start": "nine", "end": "ten"}',
    b'{"start": [], "end": {}}',
    b'{"start": {"dateTime": 9}, "end": {"dateTime": 10}}',
    b'{"start": {"date": "2026-13-40"}, "end": {"date": "2026-11-25"}}',
    b'{"start": {"date": "2026-W48-2"}, "end": {"date": "2026-11-25"}}',
    b'{"start": {"date": "0001-01-01"}, "end": {"date": "0001-01-02"}}',
    b'{"start": {"dateTime": "9999-12-31T23:59:59-12:00"}, "end": {"date": "2026-11-25"}}',
    b'{"start": {"dateTime": "2026-11-24 09:00:00Z"}, "end": {"dateTime": "2026-11-24T10:00:00Z"}}',
    b'{"start": {"date": "2026-11-24"}, "end": {"dateTime": "2026-11-24T10:00:00Z"}}',
    b'{"attendees": [null]}',
    b'{"attendees": "x@example.com"}',
    b'{"recurrence": "RRULE:FREQ=DAILY"}',
    b'{"extendedProperties": {"private": ["a"]}}',
    b'{"extendedProperties": {"hidden": {"a": "b"}}}',
]


@pytest.mark.parametrize("content", ODD_BODIES)
async def test_a_malformed_body_is_400(served: Served, content: bytes) -> None:
    whole = json.dumps(body("aaaa1")).encode()
    if content.startswith(b'{"') and b'"start"' not in content:
        whole = whole[:-1] + b", " + content[1:]
    else:
        whole = content
    header = {"Content-Type": "application/json"}
    answer = await served.ask("POST", EVENTS, content=whole, headers=header)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["errors"][0]["reason"]
    assert (await served.ask("GET", EVENTS)).json()["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "timeMin=2026-11-24",
        "timeMin=2026-11-24T09:00:00",
        "timeMax=tomorrow",
        "updatedMin=0",
        "timeMin=2026-13-24T09:00:00Z",
        "timeMin=0001-01-01T00:00:00%2B14:00",
        "timeMin=2026-11-24T09:00:00Z&timeMax=2026-11-24T09:00:00Z",
        "maxResults=0",
        "maxResults=-1",
        "maxResults=many",
        "maxResults=" + "9" * 400,
        "maxResults=%D9%A3",
        "singleEvents=maybe",
        "showDeleted=1",
        "orderBy=summary",
        "orderBy=startTime",
        "eventTypes=party",
        "privateExtendedProperty=novalue",
        "privateExtendedProperty==value",
    ],
)
async def test_a_malformed_query_is_400(served: Served, query: str) -> None:
    answer = await served.ask("GET", f"{EVENTS}?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == 400


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"timeMin": NINE},
        {"timeMin": NINE, "timeMax": NINE},
        {"timeMin": 9, "timeMax": 10},
        {"timeMin": NINE, "timeMax": "2026-11-25T00:00:00Z", "items": "bay-1"},
        {"timeMin": NINE, "timeMax": "2026-11-25T00:00:00Z", "items": [None]},
        {"timeMin": NINE, "timeMax": "2026-11-25T00:00:00Z", "items": [{"id": 7}]},
    ],
)
async def test_a_malformed_free_busy_is_400(served: Served, wish: dict[str, Any]) -> None:
    answer = await served.ask("POST", f"{API}/freeBusy", json=wish)
    assert answer.status_code == 400, answer.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "start",
                    "end",
                    "dateTime",
                    "date",
                    "timeZone",
                    "status",
                    "private",
                    "extendedProperties",
                    "recurrence",
                    "id",
                    "attendees",
                    "eventType",
                ]
            ),
            inner,
        )
    ),
)


async def test_no_body_is_a_500(served: Served) -> None:
    header = await served.bearer()
    bodies: list[Any] = []

    @given(JSON)
    def collect(wish: Any) -> None:
        bodies.append(wish)

    collect()
    async with httpx.AsyncClient(base_url=served.http, headers=header) as plain:
        for wish in bodies:
            for verb, path in (
                ("POST", EVENTS),
                ("POST", f"{API}/freeBusy"),
                ("POST", f"{API}/calendars"),
                ("POST", f"{EVENTS}/watch"),
            ):
                answer = await plain.request(verb, path, content=json.dumps(wish))
                assert answer.status_code < 500, (wish, path, answer.text)
