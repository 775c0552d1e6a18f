"""How long a customer waits for the text that confirms a booking, whatever Google does.

From the booking's commit to Twilio's answer that it has the text: through the outbox's own worker,
with Google's and Twilio's SDKs against the sandbox. Bookings come in at a steady pace, so what
matters is what each of them waited; the operations a second show that none fell behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.data.filling import NOW
from benchmarks.data.measuring import Bench, Row, database, row
from benchmarks.data.writers import requests
from config.limits import LimitSettings
from config.settings import GoogleSettings, TwilioSettings
from otto.scheduling.bookings import BookingRequest
from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.mirror.book import EventBook
from otto.scheduling.mirror.delivery import calendar_handlers
from otto.scheduling.outbox import OutboxWorker
from otto.scheduling.service import CalendarService
from otto.scheduling.texts.rules import TextRules
from otto.scheduling.texts.texts import KIND, SendMessage, text_handler
from otto.storage.database import make_engine
from otto.telephony.rest import TwilioRest
from otto.telephony.texts import text_finder, text_sender
from sandbox.app import serve
from sandbox.world import Options, World

PART = "confirmations"
BOOKINGS = 150
EVERY_S = 0.15
GIVEN_UP_S = 120.0
"""A text that takes longer is not waited for: the run fails."""
WAITING = """
    INSERT INTO outbox (kind, key, payload)
    SELECT 'calendar.upsert', 'waits:' || n, jsonb_build_object(
        'calendar_id', calendar_id, 'event_id', google_event_id, 'appointment_id', appointment_id)
    FROM generate_series(1, $1) AS n
    JOIN (SELECT calendar_id, google_event_id, appointment_id, count(*) OVER () AS many,
                 row_number() OVER (ORDER BY starts_at, bay_id) - 1 AS place
          FROM appointment_lines JOIN bays ON bays.id = bay_id
          WHERE google_event_id IS NOT NULL) AS lines ON lines.place = n % lines.many
"""
_TOLD = text("SELECT count(*) FROM outbox WHERE kind = 'calendar.upsert' AND done_at IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Case:
    """What Google does meanwhile, and how many events it has not been told of yet."""

    name: str
    fault: dict[str, Any] | None = None
    waiting: int = 0


CASES = (
    Case("Google answers"),
    Case("Google stalls", {"kind": "stall"}),
    Case("Google answers, 10,000 events wait", waiting=10_000),
    Case("Google stalls, 10,000 events wait", {"kind": "stall"}, waiting=10_000),
)


async def measure(bench: Bench) -> list[Row]:
    """One case after the other, each on a copy of a year."""
    rows = [await _run(bench, case) for case in CASES]
    return [replace(one, ratio=round(one.per_s / rows[0].per_s, 2)) for one in rows]


async def _run(bench: Bench, case: Case) -> Row:
    url = await bench.copy("a year past")
    if case.waiting:
        filling = await asyncpg.connect(url.replace("+asyncpg", ""))
        await filling.execute(WAITING, case.waiting)
        await filling.close()
    wishes = requests(bench.dealership.location("main"), bench.times(BOOKINGS))
    engine, world = make_engine(database(url)), World(Options(speech="known"))
    async with serve(world) as origin, _vendors(world, origin) as (google, twilio):
        if case.fault is not None:
            world.faults.add("google", **case.fault)
        accepted = _Accepted(text_sender(twilio))
        worker = _worker(bench, engine, google, twilio, accepted.send)
        working = asyncio.create_task(worker.run(asyncio.Event()))
        try:
            committed = await _book(bench, engine, worker, wishes)
            async with asyncio.timeout(GIVEN_UP_S):
                await accepted.all_of(set(committed))
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
    async with engine.connect() as connection:
        told = await connection.scalar(_TOLD)
    await engine.dispose()
    took_ms = [max(0.0, accepted.at[to] - at) * 1000 for to, at in committed.items()]
    wall_s = max(accepted.at.values()) - min(committed.values())
    return row(PART, case.name, took_ms, wall_s, longest_ms=round(max(took_ms)), events_told=told)


class _Accepted:
    """When Twilio has taken the text to a number; every number gets one."""

    def __init__(self, send: SendMessage) -> None:
        self.at: dict[str, float] = {}
        self._send = send
        self._changed = asyncio.Event()

    async def send(self, to: str, body: str) -> None:
        await self._send(to, body)
        self.at[to] = time.perf_counter()
        self._changed.set()

    async def all_of(self, numbers: set[str]) -> None:
        while not numbers <= self.at.keys():
            self._changed.clear()
            await self._changed.wait()


def _worker(
    bench: Bench, engine: AsyncEngine, google: GoogleCalendar, twilio: TwilioRest, send: SendMessage
) -> OutboxWorker:
    location = bench.dealership.location("main")
    rules = TextRules.of(bench.dealership, location, LimitSettings(), ())
    texting = text_handler(engine, rules, send, lambda: NOW, text_finder(twilio))
    telling = calendar_handlers(google, EventBook(engine, bench.dealership))
    return OutboxWorker(engine, telling | {KIND: texting})


async def _book(
    bench: Bench, engine: AsyncEngine, worker: OutboxWorker, wishes: list[BookingRequest]
) -> dict[str, float]:
    """Book at a steady pace; by the customer's number, when each was committed."""
    calendar = CalendarService(
        engine, bench.dealership, "main", clock=lambda: NOW, after_commit=worker.nudge
    )
    committed: dict[str, float] = {}

    async def book(wish: BookingRequest, after_s: float) -> None:
        await asyncio.sleep(after_s)
        booking = await calendar.book(wish)
        if booking.is_texted:  # some numbers are the dealership's own
            committed[wish.customer_phone] = time.perf_counter()

    async with asyncio.TaskGroup() as group:
        for number, wish in enumerate(wishes):
            group.create_task(book(wish, number * EVERY_S))
    return committed


@asynccontextmanager
async def _vendors(world: World, origin: str) -> AsyncIterator[tuple[GoogleCalendar, TwilioRest]]:
    secret = SecretStr(world.api_key)
    google = GoogleCalendar(
        GoogleSettings(
            client_id="otto",
            client_secret=secret,
            refresh_token=secret,
            calendar_url=f"{origin}/google/calendar/v3/",
            token_url=f"{origin}/google/token",
        )
    )
    twilio = TwilioRest(
        TwilioSettings(
            account_sid=world.account_sid,
            auth_token=SecretStr(world.auth_token),
            phone_number=world.phone_number,
            api_url=f"{origin}/twilio",
        )
    )
    try:
        yield google, twilio
    finally:
        await google.close()
        await twilio.close()
