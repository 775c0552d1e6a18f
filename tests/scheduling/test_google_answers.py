"""What Google, or somebody in its place, may answer: nothing is done until Google has said so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httplib2
import pytest
from googleapiclient.errors import HttpError
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.google.errors import (
    CalendarAuthError,
    CalendarError,
    CalendarMisconfigured,
    CalendarQuotaExceeded,
    CalendarRejected,
    CalendarUnavailable,
    classified,
    of_status,
    reason_of,
    until_quota_renews_s,
)
from otto.scheduling.mirror.book import PlannedEvent
from otto.scheduling.mirror.delivery import calendar_handlers
from otto.scheduling.outbox import OutboxWorker
from otto.storage.tables import OutboxRow
from sandbox.app import serve
from sandbox.world import Options, World
from tests.scheduling.google_support import FakeBook
from tests.scheduling.test_google_calendar import CALENDAR, END, EVENT, START, body, settings

LOGIN = "<!doctype html><title>Sign in to the hotel's network</title>"
NO_ANSWERS = {
    "a login page": (200, LOGIN),
    "half a JSON": (200, '{"id": "0f2a'),
    "null": (200, "null"),
    "an empty object": (200, "{}"),
    "a list": (200, "[]"),
    "a number": (200, "7"),
    "no content": (204, ""),
    "nothing": (200, ""),
    "another event": (200, '{"id": "beef", "etag": "x", "status": "confirmed"}'),
    "an event without a version": (200, json.dumps({"id": EVENT})),
    "bad UTF-8": (200, '{"id": "\udcff\udcfe"}'),
    "nested without end": (200, "[" * 100_000),
    "a redirect": (302, LOGIN),
    "moved for good": (301, ""),
    "a proxy's 403": (403, LOGIN),
    "a proxy's 404": (404, LOGIN),
    "a proxy's 407": (407, LOGIN),
    "a proxy's 401": (401, LOGIN),
    "a JSON 403 of somebody's": (403, '{"message": "blocked by policy"}'),
    "a 502 page": (502, LOGIN),
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(Options(rest_ms=0))
    async with serve(world):
        yield world


@asynccontextmanager
async def calendar_of(world: World, **changes: Any) -> AsyncIterator[GoogleCalendar]:
    google = GoogleCalendar(settings(world, **changes))
    try:
        yield google
    finally:
        world.faults.clear()
        await google.close()


@pytest.mark.parametrize(("status", "says"), NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_no_answer_of_googles_is_tried_again(status: int, says: str, world: World) -> None:
    async with calendar_of(world) as google:
        world.faults.add("google", "answer", status=status, says=says)
        with pytest.raises(CalendarUnavailable):
            await google.upsert_event(CALENDAR, EVENT, body())
        world.faults.clear()
        made = await google.upsert_event(CALENDAR, EVENT, body())
        assert made["summary"] == "Oil change"


@pytest.mark.parametrize(("status", "says"), NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_was_not_said_is_not_deleted(status: int, says: str, world: World) -> None:
    if (status, says) in {(204, ""), (200, "")}:
        pytest.skip("that is how Google says that it is deleted")
    async with calendar_of(world) as google:
        await google.upsert_event(CALENDAR, EVENT, body())
        world.faults.add("google", "answer", status=status, says=says)
        with pytest.raises(CalendarUnavailable):
            await google.delete_event(CALENDAR, EVENT)
        world.faults.clear()
        assert (await google.get_event(CALENDAR, EVENT))["status"] == "confirmed"


@pytest.mark.parametrize(("status", "says"), NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_a_calendar_that_was_not_read_is_not_free(
    status: int, says: str, world: World
) -> None:
    async with calendar_of(world) as google:
        world.faults.add("google", "answer", status=status, says=says)
        with pytest.raises(CalendarUnavailable):
            await google.free_busy([CALENDAR], START, END)


@pytest.mark.parametrize(
    "calendar",
    [None, 7, {}, {"busy": None}, {"busy": [{}]}, {"busy": [{"start": "soon", "end": "late"}]}],
)
async def test_a_calendar_without_its_periods_is_unavailable(calendar: Any, world: World) -> None:
    async with calendar_of(world) as google:
        says = json.dumps({"calendars": {CALENDAR: calendar}})
        world.faults.add("google", "answer", status=200, says=says)
        found = await google.free_busy([CALENDAR], START, END)
    assert (dict(found.busy), found.unavailable) == ({}, {CALENDAR})


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (200, LOGIN),
        (200, "null"),
        (200, "{}"),
        (200, "[]"),
        (200, '{"access_token": 7}'),
        (200, '{"access_token": "t", "expires_in": "soon"}'),
        (200, '{"access_token": null}'),
        (200, "\udcff"),
        (302, LOGIN),
        (403, LOGIN),
        (404, LOGIN),
        (500, LOGIN),
        (502, LOGIN),
        (503, LOGIN),
        (504, ""),
        (403, '{"error": {"code": 403, "message": "blocked"}}'),
    ],
)
async def test_an_odd_token_endpoint_is_no_broken_sign_in(
    status: int, says: str, world: World
) -> None:
    async with calendar_of(world) as google:
        world.faults.add("google.token", "answer", status=status, says=says)
        with pytest.raises(CalendarUnavailable):
            await google.upsert_event(CALENDAR, EVENT, body())
        world.faults.clear()
        await google.upsert_event(CALENDAR, EVENT, body())


@pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "unauthorized_client"])
async def test_a_sign_in_that_google_refuses_is_one_for_a_person(code: str, world: World) -> None:
    async with calendar_of(world) as google:
        says = json.dumps({"error": code, "error_description": "no"})
        world.faults.add("google.token", "answer", status=400, says=says)
        with pytest.raises(CalendarAuthError) as refused:
            await google.upsert_event(CALENDAR, EVENT, body())
    assert refused.value.code == code


@pytest.mark.parametrize("target", ["google", "google.token"])
async def test_an_answer_that_drips_ends_at_the_deadline(target: str, world: World) -> None:
    """Each byte comes within the time limit of a read, the whole never."""
    async with calendar_of(world, timeout_s=5.0, deadline_s=0.4) as google:
        says = " " * 500 + '{"access_token": "t"}'
        world.faults.add(target, "drip", status=200, says=says, delay_ms=50)
        with pytest.raises(CalendarUnavailable) as late:
            await google.upsert_event(CALENDAR, EVENT, body())
        assert late.value.code == "deadline"


async def test_dripping_answers_stop_nobody_else(world: World) -> None:
    async with calendar_of(world, timeout_s=5.0, deadline_s=0.4) as google:
        await google.get_event(CALENDAR, await _made(google))
        world.faults.add("google", "drip", status=200, says=" " * 500, delay_ms=50, count=8)
        ids = [f"{number:032x}" for number in range(12)]
        done = await asyncio.gather(
            *(google.upsert_event(CALENDAR, one, body()) for one in ids), return_exceptions=True
        )
    late = [each for each in done if isinstance(each, CalendarUnavailable)]
    assert {each.code for each in late} == {"deadline"} and len(done) - len(late) >= 4


async def _made(google: GoogleCalendar) -> str:
    await google.upsert_event(CALENDAR, EVENT, body())
    return EVENT


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"NOT HTTP AT ALL\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        b"",
    ],
    ids=["cut off", "bad status", "no HTTP", "bad chunk", "endless header", "nothing"],
)
async def test_what_is_no_http_is_the_networks_fault(raw: bytes, world: World) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        there = f"http://{host}:{port}/"
        async with calendar_of(world, calendar_url=there, timeout_s=1.0) as google:
            with pytest.raises(CalendarUnavailable) as fault:
                await google.upsert_event(CALENDAR, EVENT, body())
    assert fault.value.code.startswith("network_")


NOON = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)
"""Noon in Los Angeles."""


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (403, "rateLimitExceeded", CalendarUnavailable),
        (403, "userRateLimitExceeded", CalendarUnavailable),
        (429, "rateLimitExceeded", CalendarUnavailable),
        (403, "quotaExceeded", CalendarQuotaExceeded),
        (403, "dailyLimitExceeded", CalendarQuotaExceeded),
        (403, "variableTermLimitExceeded", CalendarQuotaExceeded),
        (403, "accessNotConfigured", CalendarMisconfigured),
        (403, "insufficientPermissions", CalendarMisconfigured),
        (403, "SERVICE_DISABLED", CalendarMisconfigured),
        (403, "forbidden", CalendarMisconfigured),
        (403, "", CalendarMisconfigured),
        (404, "notFound", CalendarMisconfigured),
        (400, "invalid", CalendarRejected),
        (413, "", CalendarRejected),
        (408, "", CalendarUnavailable),
        (500, "backendError", CalendarUnavailable),
        (502, None, CalendarUnavailable),
        (400, None, CalendarUnavailable),
        (302, None, CalendarUnavailable),
        (401, "authError", CalendarAuthError),
        (401, None, CalendarUnavailable),
    ],
)
def test_googles_error_guide(status: int, reason: str | None, kind: type[CalendarError]) -> None:
    says = LOGIN if reason is None else _error_of(status, reason)

    def refused() -> None:
        raise HttpError(httplib2.Response({"status": status}), says.encode())

    with pytest.raises(CalendarError) as found:
        classified(refused)
    assert type(found.value) is kind
    assert found.value.code.startswith(f"http_{status}")


def _error_of(status: int, reason: str) -> str:
    if reason == "SERVICE_DISABLED":  # the newer form
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]
        return json.dumps({"error": {"code": status, "details": details}})
    return json.dumps({"error": {"code": status, "errors": [{"reason": reason}] if reason else []}})


def test_a_daily_quota_is_waited_for_until_midnight_pacific_time() -> None:
    fault = of_status(403, "dailyLimitExceeded", NOON)
    assert isinstance(fault, CalendarQuotaExceeded)
    assert fault.after_s == 12 * 3600
    # The night in which the clocks go back has an hour more.
    before = datetime(2026, 11, 1, 7, 0, tzinfo=UTC)
    assert until_quota_renews_s(before) == timedelta(hours=25).total_seconds()


def _error_like(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["error", "errors", "details", "reason", "x"]), inner, max_size=3
    )


ERRORS = st.recursive(st.none() | st.integers() | st.text(max_size=9), _error_like, max_leaves=9)


@given(st.binary(max_size=300) | ERRORS.map(lambda found: json.dumps(found).encode()))
def test_any_content_has_a_reason_or_none(content: bytes) -> None:
    reason = reason_of(content)
    assert reason is None or reason == "" or reason.replace("_", "").isalnum()


@pytest.mark.parametrize("reason", ["quotaExceeded", "dailyLimitExceeded", "accessNotConfigured"])
async def test_a_booking_waits_for_whoever_mends_it(
    reason: str, world: World, engine: AsyncEngine
) -> None:
    payload = {"calendar_id": CALENDAR, "event_id": EVENT, "appointment_id": "a"}
    planned = PlannedEvent(CALENDAR, EVENT, body())
    async with engine.begin() as connection:
        await connection.execute(delete(OutboxRow))
        row = {"kind": "calendar.upsert", "key": "k", "payload": payload}
        await connection.execute(insert(OutboxRow).values(row))
    async with calendar_of(world) as google:
        world.faults.add("google", "fail", status=403, says=reason)
        await OutboxWorker(engine, calendar_handlers(google, FakeBook(planned))).run_once()
    async with engine.connect() as connection:
        row = (await connection.execute(select(OutboxRow.__table__))).one()
    assert (row.done_at, row.attempts, row.last_error) == (None, 0, f"http_403_{reason}")
    assert row.next_attempt_at > datetime.now(UTC)
