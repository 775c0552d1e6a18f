"""Whole calls with the sandbox's receptionist and callers: what the model is told is under way."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from otto.crm.repair_orders import RepairOrder, RepairStatus
from otto.dialogue.flow.prompt_files import shipped_prompts
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.slots import SlotName, Source
from otto.dialogue.session.state import Identity
from sandbox.caller.mind import Mind
from sandbox.caller.personas import persona
from tests.dialogue.test_whole_calls import Receptionist, hold
from tests.support.call import BORN, MARIA, NOW, Book, Call

pytestmark = pytest.mark.looptime

FRIDAY = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)
FACTS = {"first_name": "Maria", "last_name": "Alvarez", "phone": MARIA.phone}
FACTS |= {"year": 2019, "make": "Honda", "model": "Civic", "date_of_birth": str(BORN)}  # type: ignore[dict-item]


def under_way(call: Call) -> list[Errand]:
    """The errands that the model was told of, each once, in their order."""
    of_title = {title: errand for errand, title in shipped_prompts().titles.items()}
    told = [
        of_title[match[1]]
        for messages, _ in call.language_model.requests
        if (match := re.search(r"^Under way: (.+)\.$", messages[0]["content"], re.MULTILINE))
    ]
    assert len(told) == len(call.language_model.requests), "every time it was asked"
    return [errand for at, errand in enumerate(told) if at == 0 or told[at - 1] is not errand]


@pytest.mark.parametrize(
    ("name", "errands"),
    [
        ("maria", [Errand.BOOK, Errand.DONE]),
        ("reschedule", [Errand.MOVE, Errand.DONE]),
        ("cancel", [Errand.CANCEL, Errand.DONE]),
        ("when", [Errand.LOOK_UP, Errand.DONE]),
        ("car-ready", [Errand.REPAIR, Errand.DONE]),
    ],
)
async def test_the_model_is_told_the_flow_that_is_under_way(
    ring: Any, name: str, errands: list[Errand]
) -> None:
    book, caller = Book("bay-1"), Mind(persona(name, facts=FACTS))
    if name not in {"maria", "car-ready"}:
        book.has(FRIDAY)
    call = await ring(language_model=Receptionist(), greeted=False, book=book)
    call.people.repairs = (RepairOrder("1", 70, RepairStatus.READY, NOW),)
    await hold(call, caller, None)
    session = call.conversation.session
    assert under_way(call) == errands
    assert session.identity is Identity.VERIFIED
    assert session.slots[SlotName.NAME].source is Source.BOOK
    assert session.slots[SlotName.BIRTH_DATE].value == BORN.isoformat()
    assert not {SlotName.SERVICE, SlotName.DAY} & {*session.slots} or name in {"when", "car-ready"}
    await call.conversation.close()
