"""The tools over the real services: what the model is told is what stands in the database."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.limits import LimitSettings
from otto.crm.customers import Customer, NewCustomer
from otto.crm.service import CrmService
from otto.dialogue.session.state import Identity, Session
from otto.dialogue.tools.toolbox import Toolbox
from otto.events import ToolCall
from otto.scheduling.service import CalendarService
from otto.storage.database import sync_dealership
from otto.storage.tables import AppointmentLineRow, AppointmentRow, OfferedStartRow
from tests.support.call import NOW
from tests.support.heard import use_and_agree

VIN = "1HGBH41JXMN109186"
OTHER_VIN = "1M8GDM9AXKP042788"
_numbers = itertools.count(100)
_ids = itertools.count()


class Desk:
    """A caller who is in the book, and the tools of their call."""

    def __init__(self, engine: AsyncEngine, dealership: Dealership, customer: Customer) -> None:
        self.engine = engine
        self.session = Session.begin(f"CA{customer.phone}", customer.phone, "+13125550100", NOW)
        self.session.identity = Identity.VERIFIED
        self.session.customer_id, self.session.phone = customer.id, customer.phone
        calendar = CalendarService(
            engine, dealership, "main", lambda: NOW, limits=LimitSettings(bookings_per_call=9)
        )
        crm: Any = CrmService(engine, "main")
        self.tools = Toolbox(
            self.session,
            dealership,
            dealership.locations[0],
            calendar,
            crm,
            now=lambda: NOW,
            verification_attempts=3,
        )

    async def use(self, tool: str, **arguments: Any) -> dict[str, Any]:
        if tool == "add_vehicle":
            return await use_and_agree(self.tools, self.session, tool, **arguments)
        call = ToolCall(f"t{next(_ids)}", tool, json.dumps(arguments))
        result: dict[str, Any] = await self.tools.run(call)
        return result

    async def agreed(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Use a tool that needs the caller's consent: it is refused, its sentence said, and the
        caller says yes."""
        refused = await self.use(tool, **arguments)
        assert refused["status"] == "not_done", refused
        self.session.history.otto(refused["read_back"])
        self.session.history.caller("Yes, please.")
        self.session.caller_turns += 1
        return await self.use(tool, **arguments)

    async def offered(self, service: str = "oil_change") -> str:
        """The slot of the first opening tomorrow, heard by the caller."""
        found = await self.use("find_openings", services=[service], when="tomorrow")
        self.session.caller_turns += 1
        slot: str = found["openings"][0]["slot_id"]
        return slot


@pytest.fixture
async def desk(engine: AsyncEngine, dealership: Dealership) -> AsyncIterator[Desk]:
    await sync_dealership(engine, dealership)
    phone = f"+1773556{next(_numbers):04d}"
    new = NewCustomer(f"desk:{phone}", "Dana", "Field", phone)
    yield Desk(engine, dealership, await CrmService(engine, "main").create_customer(new))
    async with engine.begin() as connection:
        for table in (AppointmentRow, AppointmentLineRow, OfferedStartRow):
            await connection.execute(delete(table))


async def test_two_equal_trucks_are_told_apart_by_their_vins(desk: Desk) -> None:
    truck = {"vehicle": "2019 Ford F-150"}
    told = [await desk.use("add_vehicle", **truck, vin=vin) for vin in (VIN, OTHER_VIN, VIN, None)]
    assert [result["vehicle_ref"] for result in told] == ["v1", "v2", "v1", "v1"]
    tesla = await desk.use("add_vehicle", vehicle="2023 Tesla Model 3", vin=None)
    assert (tesla["vehicle_ref"], tesla["description"]) == ("v3", "2023 Tesla Model 3")


async def test_what_the_book_refuses_is_said_in_a_sentence(desk: Desk) -> None:
    asked = await desk.use("add_vehicle", vehicle="2099 Tesla Model 3", vin=None)
    assert (asked["code"], asked["message"]) == ("incomplete", "Which year is the Tesla Model 3?")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("cancelled", "has been cancelled by the service department"),
        ("completed", "is over already"),
        ("no_show", "is over already"),
    ],
)
async def test_a_repeat_after_staff_cancelled_is_not_booked(
    status: str, said: str, desk: Desk
) -> None:
    await desk.use("add_vehicle", vehicle="2019 Honda Civic", vin=None)
    slot = await desk.offered()
    booked = await desk.agreed("book_appointment", slot_id=slot)
    assert booked["status"] == "booked" and len(desk.session.bookings) == 1
    assert await desk.use("book_appointment", slot_id=slot) == booked
    async with desk.engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status=status))
    again = await desk.use("book_appointment", slot_id=slot)
    assert again["status"] == status
    assert again["message"] == f"Your Oil change on Tuesday, November 24 at 7:30 AM {said}."
    assert "confirmation" not in again
    assert desk.session.bookings == []
    assert slot not in desk.session.offers


async def test_a_caller_hears_that_their_car_is_booked_already(desk: Desk) -> None:
    for model in ("Civic", "Accord"):
        await desk.use("add_vehicle", vehicle=f"2019 Honda {model}", vin=None)
    slot = await desk.offered()
    booked = await desk.agreed("book_appointment", slot_id=slot, vehicle_ref="v1")
    assert booked["status"] == "booked"
    second = await desk.offered("battery")
    refused = await desk.agreed("book_appointment", slot_id=second, vehicle_ref="v1")
    assert refused["status"] == "vehicle_booked"
    assert refused["message"] == (
        "That vehicle has an appointment already, on Tuesday, November 24 at 7:30 AM."
    )
    # What is offered instead is free for the vehicle: its oil change takes until 8:15.
    whens = [opening["when"] for opening in refused["openings"]]
    assert len(whens) == 3
    assert not any("24 at 7:30 AM" in when or "24 at 8:00 AM" in when for when in whens)
    assert second in desk.session.offers
    other = await desk.agreed("book_appointment", slot_id=second, vehicle_ref="v2")
    assert (other["status"], other["vehicle"]) == ("booked", "2019 Honda Accord")
    assert len(desk.session.bookings) == 2


async def test_arguments_of_half_characters_and_too_many_are_no_raw_error(desk: Desk) -> None:
    added = await desk.use("add_vehicle", vehicle="2019 Honda \x00Civic", vin=None)
    assert added["description"] == "2019 Honda Civic"
    slot = await desk.offered()
    booked = await desk.agreed("book_appointment", slot_id=slot, notes=f"\x00squeaks {'n' * 501}")
    assert booked["status"] == "booked"
    async with desk.engine.connect() as connection:
        notes = await connection.scalar(select(AppointmentRow.notes))
    assert notes is not None and notes.startswith("squeaks nnn") and notes.endswith("n…")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("add_vehicle", {"vehicle": "x" * 301}, "vehicle (String should"),
        ("add_vehicle", {"vehicle": "2019 " + "x" * 201}, "vehicle (String should"),
        ("add_vehicle", {"vehicle": {"year": 2019}}, "vehicle (Input should be"),
        ("add_vehicle", {"vehicle": "\x00"}, "vehicle (Input should be"),
        ("find_openings", {"services": ["o" * 301]}, "services (String should"),
    ],
)
async def test_what_is_refused_is_named_and_not_repeated(
    tool: str, arguments: dict[str, Any], said: str, desk: Desk
) -> None:
    refused = await desk.use(tool, **arguments)
    assert refused["status"] == "error"
    assert refused["advice"].startswith(f"These arguments are not usable: {said}")
    assert "xxxx" not in refused["advice"] and "oooo" not in refused["advice"]


async def test_arguments_nested_without_end_are_no_raw_error(desk: Desk) -> None:
    nested = ToolCall("deep", "find_openings", "[" * 100_000)
    refused = await desk.tools.run(nested)
    assert refused["status"] == "error"


async def test_nothing_is_offered_while_the_only_vehicle_is_in_a_bay(desk: Desk) -> None:
    await desk.use("add_vehicle", vehicle="2019 Honda Civic", vin=None)
    for count in range(4):
        booked = await desk.agreed("book_appointment", slot_id=await desk.offered())
        assert booked["status"] == "booked", count
    assert len(set(desk.session.bookings)) == 4


# Asking by day and time


async def test_a_time_that_was_named_is_offered_alone_and_held(desk: Desk) -> None:
    await desk.use("add_vehicle", vehicle="2019 Honda Civic", vin=None)
    found = await desk.use("find_openings", services=["oil_change"], when="Tuesday at nine")
    assert (found["status"], found["asked_is_free"]) == ("ok", True)
    (slot,) = found["openings"]
    assert slot["when"] == "Tuesday, November 24 at 9:00 AM"
    async with desk.engine.connect() as connection:
        held = await connection.scalar(select(AppointmentLineRow.held_by))
    assert held == desk.session.call_sid
    desk.session.caller_turns += 1
    assert (await desk.agreed("book_appointment", slot_id=slot["slot_id"]))["status"] == "booked"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("Tuesday the 25th", {"status": "ask"}),
        ("something later", {"status": "ask"}),
        ("yesterday", {"status": "ask"}),
        ("Sunday at nine", {"status": "ok", "why": "closed", "asked_is_free": False}),
        ("Tuesday at 8 pm", {"status": "ok", "why": "outside_hours", "asked_is_free": False}),
        ("Tuesday at 9:10", {"status": "ok", "why": "off_grid"}),
    ],
)
async def test_what_is_open_or_not_to_be_had_is_said(
    desk: Desk, when: str, expected: dict[str, Any]
) -> None:
    found = await desk.use("find_openings", services="oil_change", when=when)
    assert {key: found[key] for key in expected} == expected
    assert found["message"].endswith((".", "?"))
    assert len(found.get("openings", ())) == (3 if found["status"] == "ok" else 0)


async def test_what_is_said_next_is_about_the_day_that_was_offered(desk: Desk) -> None:
    await desk.use("find_openings", services=["oil_change"], when="Wednesday")
    desk.session.caller_turns += 1
    found = await desk.use("find_openings", services=["oil_change"], when="ten o'clock please")
    assert [one["when"] for one in found["openings"]] == ["Wednesday, November 25 at 10:00 AM"]


async def test_several_services_with_a_loaner_are_one_booking(desk: Desk) -> None:
    await desk.use("add_vehicle", vehicle="2019 Honda Civic", vin=None)
    found = await desk.use(
        "find_openings",
        services=["oil_change", "tire_rotation"],
        when="Tuesday at nine",
        transport="loaner",
    )
    assert found["price"] == "$119.90"
    (slot,) = found["openings"]
    assert slot["transport"] == "loaner"
    desk.session.caller_turns += 1
    booked = await desk.agreed("book_appointment", slot_id=slot["slot_id"])
    assert booked["status"] == "booked"
    async with desk.engine.connect() as connection:
        rows = (await connection.execute(select(AppointmentRow.transport))).all()
        lines = (await connection.execute(select(AppointmentLineRow.service_code))).all()
    assert [row.transport for row in rows] == ["loaner"]
    assert sorted(line.service_code for line in lines) == ["oil_change", "tire_rotation"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"services": []},
        {"services": ["oil_change", "battery", "brake_pads", "diagnostic", "ac_service"]},
        {"services": ["car_wash"]},
        {"services": ["oil_change"], "transport": "helicopter"},
        {"services": ["oil_change"], "when": "x" * 301},
        {"services": ["oil_change"], "from_date": "tomorrow"},
    ],
)
async def test_what_cannot_be_looked_for_is_refused(desk: Desk, arguments: dict[str, Any]) -> None:
    found = await desk.use("find_openings", **arguments)
    assert found["status"] == "error"


async def test_an_appointment_that_is_moved_is_not_in_its_own_way(desk: Desk) -> None:
    await desk.use("add_vehicle", vehicle="2019 Honda Civic", vin=None)
    work = {"services": ["wheel_alignment"]}
    found = await desk.use("find_openings", **work, when="Tuesday at nine")
    desk.session.caller_turns += 1
    await desk.agreed("book_appointment", slot_id=found["openings"][0]["slot_id"])
    (mine,) = (await desk.use("my_appointments"))["appointments"]
    ref = mine["appointment_ref"]
    desk.session.caller_turns += 1
    blocked = await desk.use("find_openings", **work, when="Tuesday at nine thirty")
    assert (blocked["asked_is_free"], blocked["why"]) == (False, "vehicle_booked")
    desk.session.offers.clear()
    later = await desk.use("find_openings", **work, when="half an hour later", appointment_ref=ref)
    assert later["asked_is_free"] is True
    (slot,) = later["openings"]
    assert slot["when"] == "Tuesday, November 24 at 9:30 AM"
    desk.session.caller_turns += 1
    moved = await desk.agreed(
        "reschedule_appointment", appointment_ref=ref, slot_id=slot["slot_id"]
    )
    assert (moved["status"], moved["when"]) == ("moved", slot["when"])


async def test_a_reference_that_nobody_was_told_moves_nothing(desk: Desk) -> None:
    found = await desk.use("find_openings", services=["oil_change"], appointment_ref="a-1")
    assert found["status"] == "error"
