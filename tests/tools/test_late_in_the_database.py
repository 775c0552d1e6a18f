"""A booking that the database keeps waiting, with real stores: told late, once, and on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.dealership import Dealership
from config.settings import CallSettings, DatabaseSettings
from otto.crm.records import Callback, CallRecord
from otto.crm.service import CrmService
from otto.dialogue.context import CallContext, Workers
from otto.dialogue.conversation import Conversation
from otto.dialogue.prompts import Phrases
from otto.dialogue.session.opening import open_session
from otto.media_link.events import LineStopped
from otto.scheduling.service import CalendarService
from otto.storage.database import make_engine, sync_dealership
from otto.storage.guard import DatabaseGuard
from otto.storage.tables import AppointmentRow, TurnRow
from otto.telephony.switchboard_port import CallerFacts, CallStart
from tests.support.call import NOW, Call, Memory, ScriptedModel, Step, Telephone

NEW = (
    "create_customer",
    {"first_name": "Robin", "last_name": "Walker", "date_of_birth": "May 3, 1990"},
)
CAR = ("add_vehicle", {"vehicle": "2020 Honda Civic", "vin": None})
FIND = ("find_openings", {"services": ["oil_change"], "when": "tomorrow"})


ASKED = (
    "That's an oil change for your 2020 Honda Civic on Tuesday, November 24 at 7:30 AM. "
    "Shall I book it?"
)


class Quick(Telephone):
    """A voice that nobody has to wait for."""

    def length_ms(self, text: str) -> int:
        return 50


class Customers(CrmService):
    """The service in the shape of the port that the tools have, as the CRM actor is."""

    async def request_callback(self, request: Callback) -> None:
        await self.calls.request_callback(request)

    async def record_call(self, record: CallRecord) -> None:
        await self.calls.record_call(record)


@pytest.fixture
async def call(
    request: pytest.FixtureRequest, postgres_url: str, engine: AsyncEngine, dealership: Dealership
) -> AsyncIterator[Call]:
    """A call of a new caller, `request.param`, over the clock of the wall."""
    caller: str = request.param
    await sync_dealership(engine, dealership)
    own = make_engine(DatabaseSettings(url=SecretStr(postgres_url)))
    location = dealership.locations[0]
    crm: Any = Customers(own, location.id, guard=DatabaseGuard(20.0))
    calendar: Any = CalendarService(
        own, dealership, location.id, clock=lambda: NOW, guard=DatabaseGuard(20.0)
    )
    memory, model, telephone = Memory(), ScriptedModel(), Quick()
    context = CallContext(
        dealership=dealership,
        location=location,
        phrases=Phrases(dealership),
        settings=CallSettings(tool_timeout_s=1.0, tool_filler_s=30.0, model_filler_s=30.0),
        calendar=calendar,
        crm=crm,
        sessions=memory,
        sub_actors="inline",
        now=lambda: NOW,
    )
    anchor_s = asyncio.get_running_loop().time()
    started = CallStart(f"CA{caller}", "stream-1", CallerFacts(caller, "+13125550100"))
    opened = await open_session(memory, started, telephone.save_checkpoint, NOW)
    workers = Workers(telephone, telephone, model)
    conversation = Conversation(context, workers, telephone, opened, anchor_s)
    telephone.emit = model.emit = conversation.on_event
    telephone.on_line = conversation.on_line
    conversation.start()
    yield Call(context, model, telephone, calendar, crm, memory, conversation, anchor_s, [])
    if not conversation.ended.is_set():
        conversation.on_line(LineStopped())
        await conversation.close()
    await own.dispose()


async def until(is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.05)


async def book_behind_a_lock(call: Call, locked: AsyncConnection) -> None:
    """The caller is offered times, says yes, and the booking waits for a lock."""
    identify = ("identify_caller", {"phone_number": None})
    # What was found in the book before the lock is found quickly: that the machine is busy is no
    # reason to call it late.
    call.conversation._answering._runner._timeout_s = 20.0
    await call.until_quiet()
    enter, add, right = Step("", (NEW,)), Step("", (CAR,)), " Is that right?"
    await call.turn(
        "Robin Walker. May 3, 1990.",
        Step("", (identify,)),
        enter,
        Step("So that's Robin Walker, born May 3, 1990." + right),
    )
    await call.turn("Yes", enter, Step("Your car?"))
    await call.turn("A 2020 Honda Civic", add, Step("That's a 2020 Honda Civic." + right))
    await call.turn("Yes", add, Step("", (FIND,)), Step(ASKED))
    slot = next(iter(call.conversation.session.offers))
    await locked.execute(text("LOCK TABLE appointments IN ACCESS EXCLUSIVE MODE"))
    call.conversation._answering._runner._timeout_s = 0.5
    booking = ("book_appointment", {"slot_id": slot, "vehicle_ref": None, "notes": None})
    await call.turn("Yes, that is fine", Step("", (booking,)), Step("That takes long, I'm afraid."))
    assert "too long" in call.results()[-1]["message"]
    assert call.conversation.session.bookings == []


async def rows(call: Call, engine: AsyncEngine, table: Any) -> list[Any]:
    call_sid = call.conversation.session.call_sid
    async with engine.connect() as connection:
        found = await connection.execute(select(table).where(table.c.call_sid == call_sid))
        return list(found.all())


@pytest.mark.parametrize("call", ["+13125550167"], indirect=True)
async def test_a_booking_that_waited_for_a_lock_is_told_and_stands_once(
    call: Call, engine: AsyncEngine
) -> None:
    async with engine.connect() as locked:
        await book_behind_a_lock(call, locked)
        await locked.rollback()
    session = call.conversation.session
    await until(lambda: session.bookings)
    await until(lambda: "did go through" in call.telephone.said[-1])
    [appointment] = await rows(call, engine, AppointmentRow.__table__)
    assert session.bookings == [str(appointment.id)]
    assert call.results()[-1]["status"] == "booked"
    await call.until_quiet()
    call.conversation.on_line(LineStopped())
    await call.conversation.close()
    lines = [
        row.text for row in await rows(call, engine, TurnRow.__table__) if row.speaker == "tool"
    ]
    assert len(lines) == 1 and "did go through" in lines[0]


@pytest.mark.parametrize("call", ["+13125550168"], indirect=True)
async def test_a_booking_whose_caller_has_hung_up_is_in_the_record(
    call: Call, engine: AsyncEngine
) -> None:
    async with engine.connect() as locked:
        await book_behind_a_lock(call, locked)
        call.conversation.on_line(LineStopped())
        closing = asyncio.create_task(call.conversation.close())
        await asyncio.sleep(0)
        await locked.rollback()
    await closing
    [appointment] = await rows(call, engine, AppointmentRow.__table__)
    assert call.conversation.session.bookings == [str(appointment.id)]
    lines = [
        row.text for row in await rows(call, engine, TurnRow.__table__) if row.speaker == "tool"
    ]
    assert len(lines) == 1 and "did go through" in lines[0]
