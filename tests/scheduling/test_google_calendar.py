"""The official client against the sandbox's Google, through its faults."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.settings import GoogleSettings
from otto.scheduling.google.calendar import FINGERPRINT, GoogleCalendar
from otto.scheduling.google.errors import (
    CalendarAuthError,
    CalendarRejected,
    CalendarUnavailable,
    EventGone,
)
from otto.scheduling.hours import Period
from otto.scheduling.mirror.book import EventBook
from otto.scheduling.mirror.delivery import calendar_handlers
from otto.scheduling.openings import OpeningsQuery
from otto.scheduling.outbox import OutboxWorker
from otto.scheduling.service import Booking, BookingRequest, CalendarService
from otto.scheduling.texts.rules import TextRules
from otto.scheduling.texts.texts import KIND, text_handler
from otto.storage.tables import AppointmentLineRow, OutboxRow
from sandbox.app import serve
from sandbox.world import Options, World
from tests.scheduling.booking_support import NOW, People

CALENDAR = "bay-1@ottos-auto.example"
EVENT = "0f2a" * 8
RULES = TextRules(frozenset(), frozenset({"US"}))
START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
END = START + timedelta(minutes=45)


def body(summary: str = "Oil change", start: datetime = START) -> dict[str, Any]:
    return {
        "summary": summary,
        "start": {"dateTime": start.isoformat(), "timeZone": "America/Chicago"},
        "end": {
            "dateTime": (start + timedelta(minutes=45)).isoformat(),
            "timeZone": "America/Chicago",
        },
        "extendedProperties": {"private": {"otto_location": "main"}},
    }


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(Options(rest_ms=0))
    async with serve(world):
        yield world


def settings(world: World, **changes: Any) -> GoogleSettings:
    given: dict[str, Any] = {
        "client_id": "otto",
        "client_secret": SecretStr(world.api_key),
        "refresh_token": SecretStr(world.api_key),
        "calendar_url": f"{world.http_url}/google/calendar/v3/",
        "token_url": f"{world.http_url}/google/token",
        "timeout_s": 2.0,
    }
    return GoogleSettings(**(given | changes))


@pytest.fixture
async def google(world: World) -> AsyncIterator[GoogleCalendar]:
    calendar = GoogleCalendar(settings(world))
    yield calendar
    await calendar.close()


async def edit(google: GoogleCalendar, **changes: Any) -> None:
    """Somebody at the dealership edits the event in Google's own page."""
    await google._run(
        lambda: (
            google._service()
            .events()
            .patch(calendarId=CALENDAR, eventId=EVENT, body=changes)
            .execute()
        )
    )


async def test_an_event_is_made_once_however_often_it_is_told(google: GoogleCalendar) -> None:
    made = await google.upsert_event(CALENDAR, EVENT, body())
    again = await google.upsert_event(CALENDAR, EVENT, body())
    assert (made["id"], made["etag"]) == (EVENT, again["etag"])
    assert made["extendedProperties"]["private"]["otto_location"] == "main"


async def test_an_answer_that_is_lost_makes_no_second_event(
    google: GoogleCalendar, world: World
) -> None:
    world.faults.add("google", "drop", count=1)
    await google.upsert_event(CALENDAR, EVENT, body())  # httplib2 sends it again by itself
    assert world.faults.list() == []
    found = await google.free_busy([CALENDAR], START - timedelta(days=1), END + timedelta(days=1))
    assert found.busy[CALENDAR] == (Period(START, END),)


async def test_a_new_body_changes_the_event(google: GoogleCalendar) -> None:
    await google.upsert_event(CALENDAR, EVENT, body())
    later = START + timedelta(hours=2)
    await google.upsert_event(CALENDAR, EVENT, body(start=later))
    found = await google.get_event(CALENDAR, EVENT)
    assert datetime.fromisoformat(found["start"]["dateTime"]) == later


async def test_a_late_retry_leaves_the_staffs_edit_alone(google: GoogleCalendar) -> None:
    await google.upsert_event(CALENDAR, EVENT, body())
    await edit(google, summary="Oil change (waiting in the lounge)")
    await google.upsert_event(CALENDAR, EVENT, body())
    found = await google.get_event(CALENDAR, EVENT)
    assert found["summary"] == "Oil change (waiting in the lounge)"
    assert found["extendedProperties"]["private"][FINGERPRINT]


async def test_an_event_that_changes_under_our_hands_is_read_again(
    google: GoogleCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our look and our patch somebody edits: If-Match refuses, and we look again."""
    await google.upsert_event(CALENDAR, EVENT, body())
    looked: list[str] = []
    get = google._get

    def get_then_somebody_edits(calendar_id: str, event_id: str) -> dict[str, Any]:
        found = get(calendar_id, event_id)
        looked.append(found["etag"])
        if len(looked) == 1:
            google._service().events().patch(
                calendarId=CALENDAR, eventId=EVENT, body={"location": "Bay 1"}
            ).execute()
        return found

    monkeypatch.setattr(google, "_get", get_then_somebody_edits)
    changed = await google.upsert_event(CALENDAR, EVENT, body("Oil change and wash"))
    assert len(set(looked)) == 2
    assert (changed["summary"], changed["location"]) == ("Oil change and wash", "Bay 1")


async def test_delete_is_a_success_twice(google: GoogleCalendar) -> None:
    await google.upsert_event(CALENDAR, EVENT, body())
    await google.delete_event(CALENDAR, EVENT)
    await google.delete_event(CALENDAR, EVENT)
    await google.delete_event(CALENDAR, "beef" * 8)
    assert (await google.get_event(CALENDAR, EVENT))["status"] == "cancelled"


async def test_delete_of_another_version_is_refused(google: GoogleCalendar) -> None:
    made = await google.upsert_event(CALENDAR, EVENT, body())
    await edit(google, summary="Changed")
    with pytest.raises(CalendarRejected) as refused:
        await google.delete_event(CALENDAR, EVENT, etag=made["etag"])
    assert refused.value.code == "changed"


async def test_a_deleted_event_is_not_revived(google: GoogleCalendar) -> None:
    await google.upsert_event(CALENDAR, EVENT, body())
    await google.delete_event(CALENDAR, EVENT)
    with pytest.raises(EventGone):
        await google.upsert_event(CALENDAR, EVENT, body())


@pytest.mark.parametrize("status", [429, 500, 503, 403])
async def test_what_may_be_tried_again(status: int, google: GoogleCalendar, world: World) -> None:
    """The stand-in's 403 carries userRateLimitExceeded."""
    world.faults.add("google", "fail", status=status, count=1)
    with pytest.raises(CalendarUnavailable) as unavailable:
        await google.upsert_event(CALENDAR, EVENT, body())
    assert unavailable.value.code.startswith(f"http_{status}_")
    await google.upsert_event(CALENDAR, EVENT, body())


async def test_what_may_not(google: GoogleCalendar, world: World) -> None:
    world.faults.add("google", "fail", status=400, count=1)
    with pytest.raises(CalendarRejected) as rejected:
        await google.upsert_event(CALENDAR, EVENT, body())
    assert not rejected.value.retryable
    with pytest.raises(CalendarRejected):
        await google.upsert_event(CALENDAR, "not/an/id!", body())


@pytest.mark.parametrize("kind", ["refuse", "stall"])
async def test_a_dead_line_is_unavailable(kind: str, world: World) -> None:
    world.faults.add("google", kind)
    google = GoogleCalendar(settings(world, timeout_s=0.3))
    with pytest.raises(CalendarUnavailable) as unavailable:
        await google.upsert_event(CALENDAR, EVENT, body())
    assert unavailable.value.code.startswith("network_")
    world.faults.clear()
    await google.close()


class Router:
    """A relay before Google that forgets its connections when it is told to, as a router does."""

    def __init__(self, world: World) -> None:
        self._address = urlsplit(world.http_url)
        self._writers: list[asyncio.StreamWriter] = []

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._address.hostname, self._address.port)
        self._writers += (writer, back)
        with suppress(ConnectionError):
            await asyncio.gather(_pump(reader, back), _pump(there, writer))

    async def forget(self) -> None:
        """Answer whatever comes on the connections there are with a reset."""
        for writer in self._writers:
            line: socket.socket = writer.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        await asyncio.gather(
            *(writer.wait_closed() for writer in self._writers), return_exceptions=True
        )
        self._writers.clear()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize("through", ["calendar_url", "token_url"])
async def test_a_connection_that_broke_while_nobody_used_it_is_made_anew(
    through: str, world: World
) -> None:
    router = Router(world)
    async with await asyncio.start_server(router.relay, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        path = urlsplit(getattr(settings(world), through)).path
        calendar = GoogleCalendar(settings(world, **{through: f"http://{host}:{port}{path}"}))
        made = await calendar.upsert_event(CALENDAR, EVENT, body())
        for summary in ("Brakes", "Tires"):
            await router.forget()
            world.faults.add("google", "fail", status=401, count=1)  # so a token is asked for, too
            changed = await calendar.upsert_event(CALENDAR, EVENT, body(summary))
            assert (changed["id"], changed["summary"]) == (made["id"], summary)
        await calendar.close()
        await router.forget()


async def test_a_rejected_token_is_refreshed_once(google: GoogleCalendar, world: World) -> None:
    await google.upsert_event(CALENDAR, EVENT, body())
    world.faults.add("google", "fail", status=401, count=1)
    await google.get_event(CALENDAR, EVENT)
    world.faults.add("google", "fail", status=401, count=2)
    with pytest.raises(CalendarAuthError) as refused:
        await google.get_event(CALENDAR, EVENT)
    assert refused.value.code == "http_401_authError"


async def test_a_revoked_sign_in_is_final(google: GoogleCalendar, world: World) -> None:
    world.faults.add("google.token", "fail", status=400)
    with pytest.raises(CalendarAuthError) as refused:
        await google.upsert_event(CALENDAR, EVENT, body())
    assert refused.value.code == "invalid_grant"
    world.faults.clear()
    await google.upsert_event(CALENDAR, EVENT, body())  # a person has signed in again


async def test_many_threads_refresh_one_token(google: GoogleCalendar, world: World) -> None:
    world.faults.add("google.token", "slow", delay_ms=100)
    events = [f"{number:032x}" for number in range(12)]
    await asyncio.gather(*(google.upsert_event(CALENDAR, one, body()) for one in events))
    (fault,) = world.faults.list()
    assert fault["bitten"] == 1


async def test_free_busy_never_calls_an_unreadable_calendar_free(google: GoogleCalendar) -> None:
    await google.upsert_event(CALENDAR, EVENT, body())
    names = [f"bay-{number}@ottos-auto.example" for number in range(1, 61)]
    window = (START - timedelta(hours=2), END + timedelta(hours=2))
    found = await google.free_busy([*names, "no-such-calendar"], *window)
    assert found.unavailable == {"no-such-calendar"}
    assert set(found.busy) == set(names)
    assert found.busy[CALENDAR] == (Period(START, END),)


async def event_of(engine: AsyncEngine, booking: Booking) -> str:
    theirs = AppointmentLineRow.appointment_id == booking.appointment_id
    async with engine.connect() as connection:
        return str(
            await connection.scalar(select(AppointmentLineRow.google_event_id).where(theirs))
        )


async def test_a_booking_reaches_the_calendar_and_the_telephone(
    google: GoogleCalendar, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    calendar = CalendarService(engine, dealership, "main", clock=lambda: NOW)
    (opening,) = await calendar.find_openings(OpeningsQuery.of_days("oil_change", limit=1))
    booking = await calendar.book(
        BookingRequest("k", opening, people.maria, people.civic, "+13125550142")
    )
    sent: list[tuple[str, str]] = []

    async def send(to: str, text: str) -> None:
        sent.append((to, text))

    handlers = calendar_handlers(google, EventBook(engine, dealership))
    handlers |= {KIND: text_handler(engine, RULES, send, lambda: NOW)}
    worker = OutboxWorker(engine, handlers)
    assert await worker.run_once() == 2
    event = await google.get_event(CALENDAR, await event_of(engine, booking))
    assert event["summary"] == "Oil change: Maria Lopez, 2019 Honda Civic"
    assert datetime.fromisoformat(event["start"]["dateTime"]) == booking.starts_at
    ((to, message),) = sent
    assert to == "+13125550142"
    assert booking.confirmation in message
    async with engine.connect() as connection:
        open_rows = select(OutboxRow.id).where(OutboxRow.done_at.is_(None))
        assert (await connection.execute(open_rows)).all() == []


async def test_google_away_costs_the_caller_nothing(
    google: GoogleCalendar,
    world: World,
    engine: AsyncEngine,
    dealership: Dealership,
    people: People,
) -> None:
    world.faults.add("google", "fail", status=503)
    calendar = CalendarService(engine, dealership, "main", clock=lambda: NOW)
    (opening,) = await calendar.find_openings(OpeningsQuery.of_days("oil_change", limit=1))
    wish = BookingRequest("k", opening, people.maria, None, "+13125550142")
    booking = await calendar.book(wish)
    worker = OutboxWorker(engine, calendar_handlers(google, EventBook(engine, dealership)))
    await worker.run_once()
    world.faults.clear()
    async with engine.begin() as connection:
        waiting = "UPDATE outbox SET next_attempt_at = now() WHERE done_at IS NULL RETURNING kind"
        rows = (await connection.execute(text(waiting))).scalars().all()
        assert sorted(rows) == ["calendar.upsert", KIND]
    await worker.run_once()
    event = await google.get_event(CALENDAR, await event_of(engine, booking))
    assert event["summary"] == "Oil change: Maria Lopez"
