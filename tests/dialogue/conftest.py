"""`call = await ring()`: a call in virtual time, answered, with the greeting heard."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from config.dealership import Dealership
from config.settings import CallSettings
from otto.dialogue.conversation import Conversation, House, Workers
from otto.dialogue.prompts import Phrases
from otto.telephony.switchboard_port import CallStart
from tests.support.call import (
    CHUNK_MS,
    MARIA,
    NOW,
    Book,
    Call,
    Memory,
    People,
    ScriptedMind,
    Telephone,
)


@pytest.fixture
def ring(dealership: Dealership) -> Any:
    async def make(
        *,
        caller: str = MARIA.phone,
        call_sid: str = "CA1",
        memory: Memory | None = None,
        greeted: bool = True,
        telephone: Telephone | None = None,
        mind: ScriptedMind | None = None,
        book: Book | None = None,
        people: People | None = None,
        keys: list[str] | None = None,
        kept: bytes = b"",
        **settings: Any,
    ) -> Call:
        location = dealership.locations[0]
        book, people = book or Book(location.bays[0].id), people or People()
        memory = memory or Memory()
        house = House(
            dealership=dealership,
            location=location,
            phrases=Phrases(dealership),
            settings=CallSettings(audio_chunk_ms=CHUNK_MS, **settings),
            calendar=book,
            crm=people,
            sessions=memory,
            workers_mode="inline",
            now=lambda: NOW,
        )
        mind = mind or ScriptedMind()
        telephone = telephone or Telephone()
        started = CallStart(call_sid, "MZ1", caller, "+13125550100", kept=kept)
        anchor_s = asyncio.get_running_loop().time()
        conversation = Conversation(
            house, Workers(telephone, telephone, mind), telephone, started, anchor_s
        )
        telephone.emit = mind.emit = conversation.on_event
        telephone.on_line = conversation.on_line
        await conversation.open()
        call = Call(house, mind, telephone, book, people, memory, conversation, anchor_s, [])
        for key in keys or []:
            call.press(key)
        if greeted:
            await call.until_quiet()
        return call

    return make
