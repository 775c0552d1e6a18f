"""Every way in which Google, or whoever is in between, can be made to fail on demand."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any

import httplib2
import httpx
import pytest
from google.auth.exceptions import GoogleAuthError
from googleapiclient.errors import HttpError

from sandbox.faults import FaultError
from tests.support.google_wire import API, BAY, BAY_2, EVENTS, Run, Served, body, conforms, fails

LOGIN = "<!doctype html><title>Sign in to the hotel's network</title>"
PAGE = f"{API}/calendars/{BAY_2}/events"


def listing(service: Any) -> Any:
    return service.events().list(calendarId=BAY)


@pytest.mark.parametrize(
    ("status", "reason", "domain"),
    [
        (403, "quotaExceeded", "usageLimits"),
        (403, "dailyLimitExceeded", "usageLimits"),
        (403, "rateLimitExceeded", "usageLimits"),
        (403, "userRateLimitExceeded", "usageLimits"),
        (403, "accessNotConfigured", "usageLimits"),
        (403, "insufficientPermissions", "global"),
        (403, "forbidden", "global"),
        (403, "requiredAccessLevel", "calendar"),
        (404, "notFound", "global"),
        (409, "duplicate", "global"),
        (410, "fullSyncRequired", "calendar"),
        (410, "updatedMinTooLongAgo", "calendar"),
        (410, "deleted", "global"),
        (412, "conditionNotMet", "global"),
        (429, "rateLimitExceeded", "usageLimits"),
        (429, "quotaExceeded", "usageLimits"),
        (500, "backendError", "global"),
        (503, "backendError", "global"),
    ],
)
async def test_an_error_of_googles_has_its_shape(
    run: Run, served: Served, status: int, reason: str, domain: str
) -> None:
    served.world.faults.add("google", "fail", status=status, says=reason, count=2)
    assert await fails(run, listing) == (status, reason)
    error = (await served.ask("GET", EVENTS)).json()["error"]
    assert (error["code"], error["errors"][0]["domain"]) == (status, domain)
    assert error["message"] and error["message"] == error["errors"][0]["message"]
    assert (await run(listing))["items"] == []


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (302, LOGIN),
        (403, LOGIN),
        (404, LOGIN),
        (502, LOGIN),
        (200, LOGIN),
        (200, '{"id": "aa'),
        (200, "null"),
        (200, "{}"),
        (204, ""),
        (200, '{"summary": "\udcff"}'),
    ],
)
@pytest.mark.parametrize("target", ["google", "google.token"])
async def test_somebody_in_between_answers(
    served: Served, target: str, status: int, says: str
) -> None:
    header = await served.bearer()
    fault = {"target": target, "kind": "answer", "status": status, "says": says}
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as control:
        laid = await control.post("/sandbox/faults", content=json.dumps(fault))
        assert laid.status_code == 201, laid.text
        assert (await control.get("/sandbox/faults")).json()["faults"][0]["says"] == says
    async with httpx.AsyncClient(base_url=served.http, headers=header) as plain:
        if target == "google":
            answer = await plain.get(EVENTS)
        else:
            answer = await plain.post("/google/token")
    assert answer.status_code == status
    assert answer.content == (says.encode("utf-8", "surrogateescape") if status != 204 else b"")
    assert answer.headers.get("location") == ("/login" if status == 302 else None)


@pytest.mark.parametrize("target", ["google", "google.token"])
async def test_an_answer_is_cut_or_no_http(run: Run, served: Served, target: str) -> None:
    for kind, says, expected in (
        ("cut", LOGIN, http.client.IncompleteRead),
        ("cut", "", http.client.IncompleteRead),
        ("garble", "", http.client.BadStatusLine),
        ("garble", "SSH-2.0-OpenSSH_9.6\r\n", http.client.BadStatusLine),
    ):
        more = {"status": 200} if kind == "cut" else {}
        fault = served.world.faults.add(target, kind, says=says, **more)
        # A sign-in's failure is wrapped by Google's library, or comes through as it is.
        with pytest.raises((expected, GoogleAuthError, httplib2.HttpLib2Error)) as failed:
            await run(listing)
        if target == "google":
            assert failed.type is expected
        assert fault.bitten > 0
        served.world.faults.clear()
    assert (await run(listing))["items"] == []


@pytest.mark.parametrize("kind", ["cut", "drop"])
async def test_what_was_asked_is_done_though_its_answer_is_lost(
    run: Run, served: Served, kind: str
) -> None:
    await run(listing)
    served.world.faults.add("google", kind)
    with pytest.raises((http.client.HTTPException, OSError)):
        await run(lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1")))
    served.world.faults.clear()
    assert (await run(listing))["items"][0]["id"] == "aaaa1"


async def test_a_true_answer_drips(run: Run, served: Served) -> None:
    """Byte by byte, and whole in the end: for a client without a deadline it is an answer."""
    served.world.faults.add("google", "drip", status=200, delay_ms=1, count=1)
    made = await run(lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1")))
    conforms(made, {"$ref": "Event"})


async def test_a_fault_is_of_one_method_or_one_calendar(run: Run, served: Served) -> None:
    faults = served.world.faults
    faults.add("google", "fail", status=410, only="events.list")
    insert = lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1"))  # noqa: E731
    assert (await run(insert))["id"] == "aaaa1"
    assert await fails(run, listing) == (410, "fullSyncRequired")
    faults.clear()
    faults.add("google", "fail", status=404, only=BAY)
    assert await fails(run, listing) == (404, "notFound")
    assert (await run(lambda s: s.events().list(calendarId=BAY_2)))["items"] == []
    faults.clear()
    faults.add("google", "stall", only=BAY)
    header = await served.bearer()
    async with httpx.AsyncClient(base_url=served.http, headers=header) as plain:
        stalled = asyncio.create_task(plain.get(EVENTS, timeout=60))
        assert (await plain.get(PAGE)).status_code == 200
        assert not stalled.done()
        stalled.cancel()


@pytest.mark.parametrize(
    ("status", "says", "error"),
    [
        (400, "", "invalid_grant"),
        (400, "invalid_client", "invalid_client"),
        (401, "", "invalid_grant"),
        (500, "", "internal_failure"),
        (503, "temporarily_unavailable", "temporarily_unavailable"),
    ],
)
async def test_the_token_endpoint_fails_in_oauths_words(
    served: Served, status: int, says: str, error: str
) -> None:
    served.world.faults.add("google.token", "fail", status=status, says=says)
    async with httpx.AsyncClient(base_url=served.http) as plain:
        answer = await plain.post("/google/token")
    assert answer.json()["error"] == error
    assert answer.status_code == (status if status >= 500 else 400)


@pytest.mark.parametrize(
    ("target", "kind", "more"),
    [
        ("twilio", "cut", {}),
        ("openai", "garble", {}),
        ("google", "repeat", {}),
        ("google.push", "fail", {}),
        ("google.push", "stall", {}),
        ("twilio", "fail", {"only": "events.list"}),
        ("google", "cut", {"status": 100}),
    ],
)
async def test_a_fault_that_cannot_be(
    served: Served, target: str, kind: str, more: dict[str, Any]
) -> None:
    with pytest.raises(FaultError):
        served.world.faults.add(target, kind, **more)
    wish = {"target": target, "kind": kind, **more}
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as control:
        assert (await control.post("/sandbox/faults", json=wish)).status_code == 400
    assert served.world.faults.list() == []


async def test_a_fault_narrowed_by_request(run: Run, served: Served) -> None:
    wish = {
        "target": "google",
        "kind": "fail",
        "status": 403,
        "says": "quotaExceeded",
        "only": "events.insert",
        "count": 1,
    }
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as control:
        laid = await control.post("/sandbox/faults", json=wish)
        assert laid.json()["only"] == "events.insert"
    await run(listing)
    insert = lambda s: s.events().insert(calendarId=BAY, body=body("aaaa1"))  # noqa: E731
    with pytest.raises(HttpError) as refused:
        await run(insert)
    assert refused.value.error_details[0]["reason"] == "quotaExceeded"
    await run(insert)
