"""`call = await ring()`: a call in virtual time, answered, with the greeting heard."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from config.dealership import Dealership
from config.settings import CallSettings
from otto.dialogue.context import CallContext, Workers
from otto.dialogue.conversation import Conversation
from otto.dialogue.prompts import Phrases
from otto.dialogue.session.opening import open_session
from otto.telephony.switchboard_port import CallerFacts, CallStart
from tests.support.call import (
    CHUNK_MS,
    MARIA,
    NOW,
    Book,
    Call,
    Memory,
    People,
    ScriptedModel,
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
        language_model: ScriptedModel | None = None,
        book: Book | None = None,
        people: People | None = None,
        keys: list[str] | None = None,
        checkpoint: bytes = b"",
        now: datetime = NOW,
        returned: str = "",
        stream: str = "stream-1",
        **settings: Any,
    ) -> Call:
        location = dealership.locations[0]
        book, people = book or Book(location.bays[0].id), people or People()
        memory = memory or Memory()
        context = CallContext(
            dealership=dealership,
            location=location,
            phrases=Phrases(dealership, spanish=bool(settings.get("spanish"))),
            settings=CallSettings(audio_chunk_ms=CHUNK_MS, **settings),
            calendar=book,
            crm=people,
            sessions=memory,
            sub_actors="inline",
            now=lambda: now,
        )
        language_model = language_model or ScriptedModel()
        telephone = telephone or Telephone()
        started = CallStart(
            *(call_sid, stream, CallerFacts(caller, "+13125550100", returned=returned)),
            checkpoint=checkpoint,
        )
        anchor_s = asyncio.get_running_loop().time()
        opened = await open_session(memory, started, telephone.save_checkpoint, now)
        conversation = Conversation(
            context, Workers(telephone, telephone, language_model), telephone, opened, anchor_s
        )
        telephone.emit = language_model.emit = conversation.on_event
        telephone.on_line = conversation.on_line
        conversation.start()
        call = Call(
            context, language_model, telephone, book, people, memory, conversation, anchor_s, []
        )
        for key in keys or []:
            call.press(key)
        if greeted:
            await call.until_quiet()
        return call

    return make
