"""Calendars shared for less than writing, taken away, and what staff do in them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.google_wire import API, BAY, BAY_2, EVENTS, NINE, TEN, Run, Served, body, fails

WRITES = {
    "insert": lambda s: s.events().insert(calendarId=BAY, body=body()),
    "patch": lambda s: s.events().patch(calendarId=BAY, eventId="aaaa1", body={"summary": "x"}),
    "update": lambda s: s.events().update(calendarId=BAY, eventId="aaaa1", body=body()),
    "delete": lambda s: s.events().delete(calendarId=BAY, eventId="aaaa1"),
    "move away": lambda s: s.events().move(calendarId=BAY, eventId="aaaa1", destination=BAY_2),
    "move here": lambda s: s.events().move(calendarId=BAY_2, eventId="bbbb1", destination=BAY),
}
OWNERS = {
    "calendar": lambda s: s.calendars().patch(calendarId=BAY, body={"summary": "x"}),
    "delete": lambda s: s.calendars().delete(calendarId=BAY),
}


@pytest.fixture
async def events(run: Run) -> None:
    private = body("aaaa2", visibility="private", description="Mr X's leg")
    for given in (body("aaaa1"), private):
        await run(lambda s, given=given: s.events().insert(calendarId=BAY, body=given))
    await run(lambda s: s.events().insert(calendarId=BAY_2, body=body("bbbb1")))


@pytest.mark.parametrize("role", ["reader", "freeBusyReader"])
@pytest.mark.parametrize("write", [*WRITES, *OWNERS])
async def test_a_calendar_that_may_only_be_read(
    run: Run, served: Served, events: None, role: str, write: str
) -> None:
    await served.steer("calendars", id=BAY, accessRole=role)
    make = {**WRITES, **OWNERS}[write]
    assert await fails(run, make) == (403, "requiredAccessLevel")
    answer = await served.ask("DELETE", f"{EVENTS}/aaaa1")
    error = answer.json()["error"]
    assert error["message"] == "You need to have writer access to this calendar."
    assert error["errors"][0]["domain"] == "calendar"
    found = await run(lambda s: s.events().list(calendarId=BAY))
    assert found["accessRole"] == role and len(found["items"]) == 2
    entry = await run(lambda s: s.calendarList().get(calendarId=BAY))
    assert entry["accessRole"] == role


async def test_what_each_role_sees(run: Run, served: Served, events: None) -> None:
    seen = {}
    for role in ("owner", "writer", "reader", "freeBusyReader"):
        await served.steer("calendars", id=BAY, accessRole=role)
        found = await run(lambda s: s.events().list(calendarId=BAY))
        seen[role] = ["summary" in each for each in found["items"]]
    assert seen == {
        "owner": [True, True],
        "writer": [True, True],
        "reader": [True, False],
        "freeBusyReader": [False, False],
    }


async def test_a_writer_does_not_own(run: Run, served: Served, events: None) -> None:
    await served.steer("calendars", id=BAY, accessRole="writer")
    for make in OWNERS.values():
        assert await fails(run, make) == (403, "requiredAccessLevel")
    for name, make in WRITES.items():
        if name != "delete":
            await run(make)


@pytest.mark.parametrize("how", [{"accessRole": "none"}, {"exists": False}])
async def test_a_calendar_that_is_not_there_for_us(
    run: Run, served: Served, events: None, how: dict[str, Any]
) -> None:
    await served.steer("calendars", id=BAY, **how)
    for make in (
        lambda s: s.calendars().get(calendarId=BAY),
        lambda s: s.calendarList().get(calendarId=BAY),
        lambda s: s.events().list(calendarId=BAY),
        *WRITES.values(),
    ):
        assert await fails(run, make) == (404, "notFound")
    wish = {"timeMin": NINE, "timeMax": TEN, "items": [{"id": BAY}, {"id": BAY_2}]}
    found = (await run(lambda s: s.freebusy().query(body=wish)))["calendars"]
    assert found[BAY]["errors"][0]["reason"] == "notFound" and "errors" not in found[BAY_2]
    entries = (await run(lambda s: s.calendarList().list()))["items"]
    assert [each["id"] for each in entries] == [BAY_2]
    # A person mends it; what a person has deleted comes back empty.
    await served.steer("calendars", id=BAY, accessRole="owner")
    again = (await run(lambda s: s.events().list(calendarId=BAY)))["items"]
    assert len(again) == (2 if "accessRole" in how else 0)


async def test_calendars_by_what_may_be_done_with_them(run: Run, served: Served) -> None:
    await served.steer("calendars", id=BAY, accessRole="reader")
    await served.steer("calendars", id=BAY_2, accessRole="writer", timeZone="Europe/Berlin")
    for least, ids in (("writer", [BAY_2]), ("reader", [BAY, BAY_2]), ("owner", [])):
        found = await run(lambda s, least=least: s.calendarList().list(minAccessRole=least))
        assert [each["id"] for each in found["items"]] == ids
    assert (await run(lambda s: s.calendars().get(calendarId=BAY_2)))["timeZone"] == "Europe/Berlin"


# --- Staff --------------------------------------------------------------------------------------


async def test_staff_act_as_in_the_web_page(run: Run, served: Served) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1", description="VIN")))
    token = (await run(lambda s: s.events().list(calendarId=BAY)))["nextSyncToken"]
    block = await served.staff("create", body=body(summary="Lift is broken"))
    assert block["creator"]["email"] == "advisor@ottos-auto.example"
    moved = await served.staff("move", "aaaa1", start="2026-11-25T13:30:00-06:00")
    assert moved["end"]["dateTime"] == "2026-11-25T14:30:00-06:00"
    edited = await served.staff("edit", "aaaa1", body={"summary": "Brakes", "description": None})
    assert edited["summary"] == "Brakes" and "description" not in edited
    await served.staff("delete", block["id"])
    elsewhere = await served.staff("move", "aaaa1", to=BAY_2, start=NINE, end=TEN)
    assert elsewhere["organizer"]["email"] == BAY_2
    news = await run(lambda s: s.events().list(calendarId=BAY, syncToken=token))
    assert {each["id"]: each["status"] for each in news["items"]} == {
        block["id"]: "cancelled",
        "aaaa1": "cancelled",
    }


async def test_staff_move_days_and_single_instances(served: Served) -> None:
    day = {"id": "aaaa1", "start": {"date": "2026-11-26"}, "end": {"date": "2026-11-28"}}
    await served.staff("create", body=day)
    moved = await served.staff("move", "aaaa1", start="2026-12-01")
    assert (moved["start"], moved["end"]) == ({"date": "2026-12-01"}, {"date": "2026-12-03"})
    series = body("bbbb1", recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    await served.staff("create", body=series)
    one = "bbbb1_20261125T150000Z"
    moved = await served.staff("move", one, start="2026-11-25T15:00:00-06:00")
    assert moved["recurringEventId"] == "bbbb1"


async def test_people_meet_no_faults_and_no_roles(run: Run, served: Served) -> None:
    await served.steer("calendars", id=BAY, accessRole="reader")
    served.world.faults.add("google", "fail", status=503)
    made = await served.staff("create", body=body("aaaa1"))
    assert made["status"] == "confirmed"
    served.world.faults.clear()
    token = (await served.steer("token"))["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=served.http, headers=header) as plain:
        answer = await plain.patch(f"{EVENTS}/aaaa1", json={"summary": "By the API"})
    assert answer.json()["summary"] == "By the API"
    assert await fails(run, WRITES["patch"]) == (403, "requiredAccessLevel")


@pytest.mark.parametrize(
    ("path", "wish", "status"),
    [
        ("staff", {}, 404),
        ("staff", {"calendar": BAY}, 404),
        ("staff", {"calendar": BAY, "event": "aaaa1"}, 400),
        ("staff", {"calendar": BAY, "event": "aaaa1", "do": "dance"}, 400),
        ("staff", {"calendar": BAY, "event": "aaaa1", "do": "move"}, 400),
        ("staff", {"calendar": BAY, "event": "aaaa1", "do": "move", "start": "nine"}, 400),
        ("staff", {"calendar": BAY, "event": "aaaa1", "do": "move", "to": "nobody@x"}, 404),
        ("staff", {"calendar": BAY, "do": "create", "body": {"summary": "no times"}}, 400),
        ("staff", {"calendar": BAY, "do": "create", "body": 7}, 400),
        ("staff", {"calendar": BAY, "event": "zzzz", "do": "delete"}, 404),
        ("calendars", {}, 400),
        ("calendars", {"id": BAY, "accessRole": "king"}, 400),
        ("calendars", {"id": BAY, "timeZone": "Mars/Olympus"}, 400),
        ("calendars", {"id": BAY, "summary": 7}, 400),
        ("account", {}, 400),
        ("account", {"do": "forget"}, 400),
    ],
)
async def test_what_staff_cannot_do_is_said(
    served: Served, run: Run, path: str, wish: Any, status: int
) -> None:
    await run(lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1")))
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as plain:
        answer = await plain.post(f"/sandbox/google/{path}", json=wish)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)
    assert (await served.ask("GET", f"{EVENTS}/aaaa1")).json()["status"] == "confirmed"


async def test_a_withdrawn_consent_and_expired_access(run: Run, served: Served) -> None:
    header = await served.bearer()
    await served.steer("account", do="expire_access")
    assert (await served.ask("GET", EVENTS, headers=header)).status_code == 401
    assert (await served.ask("GET", EVENTS)).status_code == 200
    await served.steer("account", do="revoke")
    form = {
        "grant_type": "refresh_token",
        "client_id": "x",
        "client_secret": served.world.api_key,
        "refresh_token": served.world.api_key,
    }
    async with httpx.AsyncClient(base_url=served.http) as plain:
        refused = await plain.post("/google/token", data=form)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        await served.steer("account", do="sign_in")
        assert (await plain.post("/google/token", data=form)).status_code == 200
    assert (await served.ask("GET", f"{API}/users/me/calendarList")).status_code == 200
