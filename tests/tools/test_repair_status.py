""" "Is my car ready?": who may ask, and what they hear."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.dealership import Dealership
from otto.crm.repair_orders import Approval, RepairOrder, RepairStatus
from otto.dialogue.session.state import Identity, Session, VehicleRef
from otto.dialogue.tools.repairs import spoken
from otto.dialogue.tools.toolbox import Toolbox
from otto.events import ToolCall
from otto.storage.errors import StoreUnavailable
from tests.support.call import MARIA, NOW, Book, People

CAR = "2019 Honda Civic"
_ids = itertools.count()


def order(
    status: str,
    promised: datetime | None = None,
    approval: Approval | None = None,
    vehicle_id: int = 70,
) -> RepairOrder:
    return RepairOrder("1", vehicle_id, RepairStatus(status), NOW, promised, approval)


def chicago(day: int, hour: int, minute: int = 0) -> datetime:
    """A time of November 2026 there."""
    return datetime(2026, 11, day, tzinfo=UTC) + timedelta(hours=hour + 6, minutes=minute)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (order("open"), f"Your {CAR} is here, and its turn is still to come."),
        (
            order("in_progress", chicago(23, 16)),
            f"We are working on your {CAR}. It is promised for 4:00 PM today.",
        ),
        (
            order("in_progress", chicago(23, 8)),
            f"We are working on your {CAR}. It was promised for 8:00 AM today, and I'm sorry that "
            "it is late.",
        ),
        (
            order("waiting_for_parts", chicago(25, 16, 30)),
            f"Your {CAR} is waiting for parts. It is promised for Wednesday, November 25 at "
            "4:30 PM.",
        ),
        (
            order("waiting_for_parts", chicago(20, 16, 30)),
            f"Your {CAR} is waiting for parts. It was promised for Friday, November 20 at 4:30 PM, "
            "and I'm sorry that it is late.",
        ),
        (
            order("waiting_for_approval", None, Approval("front brake pads", 128_905)),
            f"Your {CAR} is waiting for your approval: front brake pads, for $1,289.05.",
        ),
        (
            order("waiting_for_approval", None, Approval("a wheel", 0)),
            f"Your {CAR} is waiting for your approval: a wheel, for $0.00.",
        ),
        (
            order("waiting_for_approval", chicago(24, 12), Approval("front brake pads")),
            f"Your {CAR} is waiting for your approval: front brake pads. It is promised for "
            "Tuesday, November 24 at 12:00 PM.",
        ),
        (
            order("ready", chicago(23, 8)),
            f"Your {CAR} is ready. You can pick it up until 6:00 PM today.",
        ),
        (
            order("closed", chicago(20, 16)),
            f"The work on your {CAR} is done, and it has been picked up.",
        ),
    ],
)
def test_each_state_is_said(of: RepairOrder, said: str, dealership: Dealership) -> None:
    assert spoken(of, CAR, dealership.locations[0], NOW) == said


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (chicago(23, 7, 29), "We are closed now; you can pick it up today from 7:30 AM on."),
        (chicago(23, 7, 30), "You can pick it up until 6:00 PM today."),
        (chicago(23, 17, 59), "You can pick it up until 6:00 PM today."),
        (
            chicago(23, 18),
            "We are closed now; you can pick it up on Tuesday, November 24 from 7:30 AM on.",
        ),
        (
            chicago(28, 15),  # a Saturday after closing; Sunday is closed
            "We are closed now; you can pick it up on Monday, November 30 from 7:30 AM on.",
        ),
        (
            chicago(25, 19),  # the evening before Thanksgiving
            "We are closed now; you can pick it up on Friday, November 27 from 7:30 AM on.",
        ),
    ],
)
def test_it_is_said_until_or_from_when_it_can_be_picked_up(
    now: datetime, said: str, dealership: Dealership
) -> None:
    heard = spoken(order("ready"), CAR, dealership.locations[0], now)
    assert heard == f"Your {CAR} is ready. {said}"


class Desk:
    """Maria's call, verified, with what the workshop has of hers."""

    def __init__(self, dealership: Dealership, *repairs: RepairOrder) -> None:
        self.session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
        self.session.identity = Identity.VERIFIED
        self.session.customer_id, self.session.phone = MARIA.id, MARIA.phone
        self.session.vehicles = [VehicleRef("v1", 70, CAR), VehicleRef("v2", 71, "2016 Camry")]
        self.people = People()
        self.people.repairs = repairs
        location = dealership.locations[0]
        self.tools = Toolbox(
            self.session,
            dealership,
            location,
            Book(location.bays[0].id),
            self.people,
            now=lambda: NOW,
            verification_attempts=3,
        )

    async def ask(self, vehicle_ref: str | None = None) -> dict[str, Any]:
        arguments = json.dumps({"vehicle_ref": vehicle_ref})
        return await self.tools.run(ToolCall(f"t{next(_ids)}", "repair_status", arguments))

    def is_offered(self) -> bool:
        return "repair_status" in {tool["function"]["name"] for tool in self.tools.offered()}


async def test_one_vehicle_is_asked_about_or_all(dealership: Dealership) -> None:
    desk = Desk(dealership, order("in_progress"), order("ready", vehicle_id=71))
    told = await desk.ask()
    assert [(each["vehicle_ref"], each["state"]) for each in told["repairs"]] == [
        ("v1", "in_progress"),
        ("v2", "ready"),
    ]
    told = await desk.ask("v2")
    assert [each["vehicle_ref"] for each in told["repairs"]] == ["v2"]
    assert "advice" not in told


async def test_what_needs_a_person_is_advised(dealership: Dealership) -> None:
    late = await Desk(dealership, order("open", NOW - timedelta(minutes=1))).ask()
    assert "connect a person" in late["advice"]
    waits = await Desk(
        dealership, order("waiting_for_approval", None, Approval("brake pads"))
    ).ask()
    assert "Approvals are given to a person only" in waits["advice"]


async def test_advice_is_about_what_was_asked_for(dealership: Dealership) -> None:
    desk = Desk(
        dealership,
        order("waiting_for_approval", None, Approval("brake pads")),
        order("ready", vehicle_id=71),
    )
    assert "advice" not in await desk.ask("v2")
    assert "advice" in await desk.ask("v1")


async def test_a_vehicle_that_is_not_there_or_not_theirs(dealership: Dealership) -> None:
    nothing = await Desk(dealership).ask()
    assert nothing["status"] == "none" and "don't see" in nothing["message"]
    # Whatever a store sends: what is not in this session is nobody's to hear.
    other = await Desk(dealership, order("ready", vehicle_id=99)).ask()
    assert other["status"] == "none"
    unknown = await Desk(dealership, order("ready")).ask("v9")
    assert (unknown["status"], unknown["code"]) == ("ask", "which_vehicle")
    assert unknown["message"] == f"Which car is it, the {CAR} or the 2016 Camry?"
    named = await Desk(dealership, order("ready")).ask("the Civic")
    assert [each["vehicle_ref"] for each in named["repairs"]] == ["v1"]


@pytest.mark.parametrize("identity", [each for each in Identity if each is not Identity.VERIFIED])
async def test_nobody_is_told_who_has_not_proved_who_they_are(
    identity: Identity, dealership: Dealership
) -> None:
    desk = Desk(dealership, order("ready"))
    desk.session.identity = identity
    assert not desk.is_offered()
    refused = await desk.ask()
    assert refused["status"] == "error" and "repairs" not in refused
    desk.session.identity = Identity.VERIFIED
    assert desk.is_offered()


async def test_a_system_that_is_away_is_said_and_a_call_back_is_offered(
    dealership: Dealership, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(dealership, order("ready"))

    async def away(customer_id: int) -> None:
        raise StoreUnavailable("dealer_system")

    monkeypatch.setattr(desk.people, "repair_orders", away)
    told = await desk.ask()
    assert told["message"] == "I'm sorry, I can't see our book right now."
    assert "request_callback" in told["advice"] and told["code"] == "book_away"
