"""The tools while the book cannot be seen: what the model is told, and the wish to be called."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from config.dealership import Dealership
from otto.dialogue.flow.machine import allowed_tools
from otto.dialogue.session.state import (
    AppointmentRef,
    Identity,
    Offer,
    OfferLine,
    Session,
    VehicleRef,
)
from otto.dialogue.tools.results import CALENDAR_AWAY
from otto.dialogue.tools.schemas import tool_schemas
from otto.dialogue.tools.toolbox import Toolbox
from otto.events import ToolCall
from otto.storage.errors import StoreUnavailable
from tests.support.call import MARIA, MOVE_IT, NOW, READ_BACK, Book, People
from tests.support.heard import use_and_agree

NINE, LATER = "2026-11-24T15:00:00+00:00", "2026-11-24T15:45:00+00:00"
OFFER = Offer("s-1", (OfferLine("oil_change", "bay-1", NINE, LATER, LATER),), NINE, LATER, "9", 0)

TOLD = AppointmentRef(
    *("a-1", str(UUID(int=1)), ("oil_change",), "Oil change", 70, "2019 Honda Civic"),
    *(NINE, "Tuesday, November 24 at 9:00 AM", "K7F2", 0),
)


ASKED = {
    "book_appointment": READ_BACK,
    "reschedule_appointment": MOVE_IT,
    "cancel_appointment": READ_BACK.replace("book", "cancel"),
}


class Away:
    """A calendar and a CRM whose database is away."""

    def __init__(self, error: StoreUnavailable) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*args: Any, **kwargs: Any) -> Any:
            raise self._error

        return fail


def verified(caller: str = MARIA.phone) -> Session:
    session = Session.begin("CA1", caller, "+13125550100", NOW)
    session.identity, session.customer_id, session.phone = Identity.VERIFIED, 7, MARIA.phone
    session.vehicles, session.offers = [VehicleRef("v1", 70, "2019 Honda Civic")], {"s-1": OFFER}
    session.caller_turns = 3
    session.appointments = [TOLD]
    return session


def make(
    dealership: Dealership, session: Session, calendar: Any = None, crm: Any = None
) -> tuple[Toolbox, People]:
    people = People()
    toolbox = Toolbox(
        session,
        dealership,
        dealership.locations[0],
        calendar or Book("bay-1"),
        crm or people,
        now=lambda: NOW,
        verification_attempts=3,
    )
    return toolbox, people


def agreed(toolbox: Toolbox, tool: str) -> None:
    """The caller has heard what the tool is about to do, and said yes."""
    session = toolbox._session
    session.history.otto(ASKED.get(tool, "What can I do for you?"))
    session.history.caller("Yes, please.")


async def run(toolbox: Toolbox, name: str, **arguments: Any) -> dict[str, Any]:
    return await toolbox.run(ToolCall("c1", name, json.dumps(arguments)))


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("find_openings", {"services": ["oil_change"]}),
        ("book_appointment", {"slot_id": "s-1"}),
        ("my_appointments", {}),
        ("reschedule_appointment", {"appointment_ref": "a-1", "slot_id": "s-1"}),
        ("cancel_appointment", {"appointment_ref": "a-1"}),
        ("repair_status", {}),
        ("add_vehicle", {"vehicle": "2019 Honda Civic"}),
    ],
)
async def test_the_caller_hears_that_the_book_cannot_be_seen(
    tool: str, arguments: dict[str, Any], dealership: Dealership
) -> None:
    away = Away(StoreUnavailable("too_slow"))
    toolbox, _ = make(dealership, verified(), away, away)
    if tool in ASKED:
        agreed(toolbox, tool)
        result = await run(toolbox, tool, **arguments)
    else:
        result = await use_and_agree(toolbox, toolbox._session, tool, **arguments)
    assert (result["status"], result["code"], result["message"]) == (
        "error",
        "book_away",
        CALENDAR_AWAY,
    )
    assert "request_callback" in result["advice"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("book_appointment", {"slot_id": "s-1"}, "that booking went through"),
        (
            "reschedule_appointment",
            {"appointment_ref": "a-1", "slot_id": "s-1"},
            "that change went through",
        ),
        ("cancel_appointment", {"appointment_ref": "a-1"}, "that cancellation went through"),
    ],
)
async def test_what_may_stand_is_not_denied(
    tool: str, arguments: dict[str, Any], said: str, dealership: Dealership
) -> None:
    away = Away(StoreUnavailable("too_slow", outcome_unknown=True))
    toolbox, _ = make(dealership, verified(), away)
    agreed(toolbox, tool)
    result = await run(toolbox, tool, **arguments)
    assert result["code"] == "book_away" and said in result["message"]
    assert result["message"].endswith("If it did, you will get a text message.")


async def test_who_the_caller_is_stays_open_for_another_try(dealership: Dealership) -> None:
    session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
    toolbox, _ = make(dealership, session, crm=Away(StoreUnavailable()))
    assert (await run(toolbox, "identify_caller", phone_number=None))["code"] == "book_away"
    assert session.identity is Identity.UNKNOWN
    again, _ = make(dealership, session)
    assert (await run(again, "identify_caller", phone_number=None))["status"] == "found"


async def test_a_wrong_guess_is_not_counted_while_nobody_could_check_it(
    dealership: Dealership,
) -> None:
    session = verified()
    session.identity = Identity.FOUND
    toolbox, _ = make(dealership, session, crm=Away(StoreUnavailable()))
    session.history.caller("March 12, 1984")
    for _ in range(5):
        result = await run(toolbox, "verify_caller", date_of_birth="1984-03-12")
        assert result["code"] == "book_away"
    assert session.identity is Identity.FOUND and session.attempts == 0


@pytest.mark.parametrize("identity", list(Identity))
async def test_a_call_back_is_noted_once_whoever_the_caller_is(
    identity: Identity, dealership: Dealership
) -> None:
    session = verified()
    session.identity = identity
    toolbox, people = make(dealership, session)
    for reason in ("wants an oil change", "really wants an oil change"):
        result = await run(
            toolbox, "request_callback", reason=reason, when="tomorrow", phone_number=None
        )
        assert result["status"] == "noted"
    assert people.callbacks == {
        "CA1:callback": (MARIA.phone, "wants an oil change (when: tomorrow)")
    }
    assert Session.load(json.loads(json.dumps(session.dump()))).callback_requested


@pytest.mark.parametrize(
    "caller", ["anonymous", "+266696687", "sip:alice@example.com", "1001", "+19005550142"]
)
async def test_a_withheld_number_is_asked_for(dealership: Dealership, caller: str) -> None:
    toolbox, people = make(dealership, verified(caller=caller))
    result = await run(toolbox, "request_callback", reason="x", when=None, phone_number=None)
    assert result["status"] == "error" and "number" in result["advice"]
    await run(toolbox, "request_callback", reason="x", when=None, phone_number="312 555 0177")
    assert people.callbacks["CA1:callback"][0] == "+13125550177"


async def test_a_wish_that_cannot_be_kept_is_not_promised(dealership: Dealership) -> None:
    session = verified()
    toolbox, _ = make(dealership, session, crm=Away(StoreUnavailable()))
    result = await run(toolbox, "request_callback", reason="x", when=None, phone_number=None)
    assert (result["status"], result["code"]) == ("error", "not_kept")
    assert not session.callback_requested


def test_a_call_back_is_always_on_offer(dealership: Dealership) -> None:
    for identity in Identity:
        session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
        session.identity = identity
        assert "request_callback" in allowed_tools(session)
    parameters = tool_schemas(dealership)["request_callback"]["function"]["parameters"]
    assert set(parameters["required"]) == {"reason", "when", "phone_number"}
