"""A caller's way through a call whose database is away: every part real but voice and ears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.settings import DatabaseSettings
from otto.dialogue.flow.briefing import system_prompt
from otto.dialogue.flow.prompt_files import shipped_prompts
from otto.dialogue.prompts import Phrases
from otto.dialogue.session.state import Session
from otto.dialogue.tools.results import BOOKING_UNKNOWN, CALENDAR_AWAY
from otto.dialogue.tools.toolbox import Toolbox
from otto.scheduling.service import CalendarService
from otto.storage.database import make_engine, sync_dealership
from otto.storage.guard import DatabaseGuard
from otto.storage.spool import Spool
from otto.storage.tables import AppointmentRow, CallbackRow
from tests.support.call import NOW
from tests.support.spoken import Customers, SpokenCall
from tests.support.wire import Wire

DEADLINE_S = 0.6
SLACK_S = 0.5
"""For two busy cores; a hang would be seconds."""
PHONE = "+13125550167"


@pytest.fixture
async def wire(
    postgres_url: str, engine: AsyncEngine, dealership: Dealership
) -> AsyncIterator[Wire]:
    await sync_dealership(engine, dealership)
    async with Wire(postgres_url) as wire:
        yield wire


@pytest.fixture
async def book(wire: Wire, tmp_path: Path, dealership: Dealership) -> AsyncIterator[Any]:
    settings = DatabaseSettings(url=SecretStr(wire.url), command_timeout_s=DEADLINE_S)
    engine = make_engine(settings)
    spool = Spool(None, tmp_path, "main")
    crm = Customers(engine, "main", guard=DatabaseGuard(DEADLINE_S, 0.05), spool=spool)
    guard = DatabaseGuard(DEADLINE_S, 0.05)
    calendar = CalendarService(engine, dealership, "main", clock=lambda: NOW, guard=guard)
    await crm.find_by_phone(PHONE)
    yield crm, calendar, spool
    await wire.mend()
    await engine.dispose()


@pytest.fixture
def ring(book: Any, dealership: Dealership) -> Any:
    crm, calendar, _ = book
    location = dealership.locations[0]

    def make(call_sid: str) -> SpokenCall:
        session = Session.begin(call_sid, PHONE, "+13125550100", NOW)
        toolbox = Toolbox(
            session,
            dealership,
            location,
            calendar,
            crm,
            now=lambda: NOW,
            verification_attempts=3,
        )
        now = NOW.astimezone(ZoneInfo(location.timezone))
        prompt = system_prompt(shipped_prompts(), dealership, location, session, now)
        greeting = Phrases(dealership).greeting
        messages = [
            {"role": "system", "content": prompt},
            {"role": "assistant", "content": greeting},
        ]
        return SpokenCall(toolbox, session, messages)

    return make


@pytest.mark.parametrize("how", ["stopped", "hangs"])
async def test_the_caller_is_told_offered_a_call_back_and_called(
    how: str, ring: Any, book: Any, wire: Wire, engine: AsyncEngine
) -> None:
    crm, _, spool = book
    call: SpokenCall = ring(f"CA-{how}")
    if how == "stopped":
        await wire.refuse()
    else:
        wire.black_hole = True
    said = await call.say("Hi, I'd like to book an oil change, please.")
    assert said.endswith(f"{CALENDAR_AWAY} May I have somebody call you back?")
    assert "open" in await call.say("What are your hours?")  # what needs no book goes on
    said = await call.say("Yes, please call me back tomorrow morning.")
    assert "Somebody will call you back." in said and "Goodbye" in said
    assert call.longest_tool_s < DEADLINE_S + SLACK_S
    await wire.mend()
    await asyncio.sleep(0.1)
    assert await spool.deliver_all(crm.calls.take_in) == 1
    async with engine.connect() as connection:
        [row] = (
            await connection.execute(
                select(CallbackRow.__table__).where(CallbackRow.call_sid == f"CA-{how}")
            )
        ).all()
    assert row.phone == PHONE
    assert "oil change" in row.reason and "tomorrow morning" in row.reason


async def test_a_booking_whose_answer_is_lost_is_not_denied_and_stands_once(
    ring: Any, wire: Wire, engine: AsyncEngine
) -> None:
    call: SpokenCall = ring("CA-commit")
    for words in (
        "I'd like to book an oil change for tomorrow",
        "My name is Robin Walker",
        "May 3, 1990",
        "Yes",
        "It's a 2020 Honda Civic",
        "Yes",
        "The first one",
    ):
        said = await call.say(words)
    assert "Shall I book it?" in said
    wire.then_black_hole = True
    wire.cut_after(b"COMMIT")
    assert BOOKING_UNKNOWN in await call.say("Yes, please.")
    await wire.mend()
    await asyncio.sleep(0.1)
    said = await call.say("Could you try again?")
    assert "You're booked for an oil change" in said
    async with engine.connect() as connection:
        rows = (
            await connection.execute(
                select(AppointmentRow.id).where(AppointmentRow.call_sid == "CA-commit")
            )
        ).all()
    assert len(rows) == 1
