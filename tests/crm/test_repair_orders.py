"""Repair orders: who is told of what, how staff keep them, and other systems behind the port."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.settings import SettingsError
from otto.crm.customers import Customer, NewCustomer, NewVehicle, Vehicle
from otto.crm.personal_data import erase_person, export_person
from otto.crm.repair_desk import RepairDesk, dealer_system
from otto.crm.repair_orders import (
    REMEMBERED,
    Approval,
    Owner,
    RepairChange,
    RepairOrder,
    RepairStatus,
    to_tell,
)
from otto.crm.repair_table import RepairTable, checked_number
from otto.crm.seed import seed
from otto.crm.service import CrmService
from otto.storage.errors import CrmError, StoreUnavailable
from otto.storage.tables import CustomerRow, RepairOrderRow

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CIVIC, TESLA = Vehicle(1, 2019, "Honda", "Civic", None), Vehicle(2, 2023, "Tesla", "Model 3", None)
OWNER = Owner(7, "+13125550142", (CIVIC, TESLA))
_numbers = itertools.count(100)


def order(vehicle_id: int, status: str, days_ago: float = 0.0, number: str = "1") -> RepairOrder:
    approval = Approval("brake pads") if status == "waiting_for_approval" else None
    at = NOW - timedelta(days=days_ago)
    return RepairOrder(number, vehicle_id, RepairStatus(status), at, None, approval)


# What is told


def test_each_vehicle_has_its_latest_in_the_order_of_the_vehicles() -> None:
    told = to_tell(
        [order(2, "open"), order(1, "ready", 0.5, "b"), order(1, "open", 3, "a")], OWNER, NOW
    )
    assert [(each.vehicle_id, each.status.value) for each in told] == [(1, "ready"), (2, "open")]


def test_an_order_that_goes_on_beats_a_later_one_that_is_closed() -> None:
    told = to_tell([order(1, "closed", 0.0), order(1, "in_progress", 9.0)], OWNER, NOW)
    assert [each.status.value for each in told] == ["in_progress"]


def test_a_closed_one_is_forgotten_in_time_and_a_forgotten_car_in_the_shop_is_not() -> None:
    days = REMEMBERED.days
    assert to_tell([order(1, "closed", days + 0.1)], OWNER, NOW) == ()
    assert len(to_tell([order(1, "closed", days)], OWNER, NOW)) == 1
    assert len(to_tell([order(1, "ready", days * 10)], OWNER, NOW)) == 1


def test_whatever_a_system_sends_nothing_of_another_s_vehicle_is_told() -> None:
    assert to_tell([order(3, "ready"), order(-1, "open")], OWNER, NOW) == ()


_orders = st.lists(
    st.builds(
        order,
        st.integers(-1, 4),
        st.sampled_from([each.value for each in RepairStatus]),
        st.floats(-5, 60),
        st.sampled_from("abc"),
    ),
    max_size=12,
)


@given(_orders)
def test_one_at_most_of_each_own_vehicle(orders: list[RepairOrder]) -> None:
    told = to_tell(orders, OWNER, NOW)
    ids = [each.vehicle_id for each in told]
    assert ids == sorted(set(ids)) and set(ids) <= {1, 2}
    for each in told:
        rivals = [other for other in orders if other.vehicle_id == each.vehicle_id]
        assert each.status is not RepairStatus.CLOSED or all(
            other.status is RepairStatus.CLOSED for other in rivals
        )


# The table


@pytest.fixture
async def somebody(engine: AsyncEngine) -> Customer:
    crm, phone = CrmService(engine, "main"), f"+1773558{next(_numbers):04d}"
    made = await crm.create_customer(NewCustomer(phone, "Dana", "Field", phone))
    for year, make, model in ((2019, "Honda", "Civic"), (2023, "Tesla", "Model 3")):
        await crm.add_vehicle(NewVehicle(f"{phone}{model}", made.id, year, make, model))
    (found,) = await crm.find_by_phone(phone)
    return found


@pytest.fixture
async def table(engine: AsyncEngine) -> Any:
    yield RepairTable(engine, "main")
    async with engine.begin() as connection:
        await connection.execute(delete(RepairOrderRow))


def desk(engine: AsyncEngine, table: Any, **more: Any) -> RepairDesk:
    return RepairDesk(engine, table, **more)


async def test_staff_open_and_change_an_order_and_its_owner_is_told(
    engine: AsyncEngine, table: RepairTable, somebody: Customer
) -> None:
    opened = await table.open(" ab-7 ", somebody.phone, "civic")
    assert (opened.order.number, opened.vehicle) == ("AB-7", "2019 Honda Civic")
    waits = RepairChange(
        RepairStatus.WAITING_FOR_APPROVAL, NOW, Approval("  brake\x00 pads ", 28_900)
    )
    await table.change("ab-7", waits)
    told = await desk(engine, table).repair_orders(somebody.id)
    assert [(each.number, each.approval) for each in told] == [
        ("AB-7", Approval("brake pads", 28_900))
    ]
    assert told[0].promised_at == NOW
    ready = await table.change("AB-7", RepairChange(RepairStatus.READY))
    assert ready.order.approval is None, "what waited is settled"
    assert ready.order.promised_at == NOW, "the promise stands"
    assert [line.order.number for line in await table.lines()] == ["AB-7"]
    await table.change("AB-7", RepairChange(RepairStatus.CLOSED))
    assert await table.lines() == ()
    assert len(await table.lines(with_closed=True)) == 1


@pytest.mark.parametrize(
    ("number", "phone", "vehicle", "said"),
    [
        ("A1", None, "", "Say which of their vehicles it is: 2019 Honda Civic, 2023 Tesla Model 3"),
        ("A1", None, "Accord", "Say which of their vehicles"),
        ("A1", "+17735550100", "", "No customer with a vehicle has that number"),
        ("", None, "Civic", "letters, digits and hyphens"),
        ("1; DROP", None, "Civic", "letters, digits and hyphens"),
        ("A" * 21, None, "Civic", "20 at most"),
        ("-", None, "Civic", "letters, digits and hyphens"),
    ],
)
async def test_what_cannot_be_opened_is_one_sentence(
    number: str,
    phone: str | None,
    vehicle: str,
    said: str,
    table: RepairTable,
    somebody: Customer,
) -> None:
    with pytest.raises(CrmError, match=said):
        await table.open(number, phone or somebody.phone, vehicle)
    assert await table.lines(with_closed=True) == ()


async def test_a_number_is_given_once(table: RepairTable, somebody: Customer) -> None:
    await table.open("A1", somebody.phone, "Civic")
    with pytest.raises(CrmError, match="already"):
        await table.open("a1", somebody.phone, "Tesla")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (RepairChange(RepairStatus.WAITING_FOR_APPROVAL), "Say what waits"),
        (RepairChange(RepairStatus.WAITING_FOR_APPROVAL, None, Approval(" \x00 ")), "Say what"),
        (RepairChange(RepairStatus.READY, None, Approval("pads")), "only while the status"),
        (
            RepairChange(RepairStatus.WAITING_FOR_APPROVAL, None, Approval("p" * 121)),
            "120 characters",
        ),
        (RepairChange(RepairStatus.WAITING_FOR_APPROVAL, None, Approval("p", -1)), "amount"),
        (RepairChange(RepairStatus.WAITING_FOR_APPROVAL, None, Approval("p", 10**10)), "amount"),
    ],
)
async def test_what_does_not_fit_changes_nothing(
    change: RepairChange, said: str, table: RepairTable, somebody: Customer
) -> None:
    await table.open("A1", somebody.phone, "Civic")
    with pytest.raises(CrmError, match=said):
        await table.change("A1", change)
    assert [line.order.status for line in await table.lines()] == [RepairStatus.OPEN]


async def test_an_order_that_is_not_there_and_another_location_s(
    engine: AsyncEngine, table: RepairTable, somebody: Customer
) -> None:
    await table.open("A1", somebody.phone, "Civic")
    for other, number in ((table, "A2"), (RepairTable(engine, "north"), "A1")):
        with pytest.raises(CrmError, match="no repair order"):
            await other.change(number, RepairChange(RepairStatus.READY))
    assert await RepairTable(engine, "north").lines() == ()
    owner = Owner(somebody.id, somebody.phone, somebody.vehicles)
    assert await RepairTable(engine, "north").repair_orders(owner) == []


@given(st.text(max_size=30))
def test_a_number_is_kept_or_refused_and_never_a_raw_error(number: str) -> None:
    try:
        kept = checked_number(number)
    except CrmError:
        return
    assert kept.isascii() and len(kept) <= 20 and kept == checked_number(kept)


async def test_the_database_itself_keeps_vehicle_and_owner_together(
    engine: AsyncEngine, table: RepairTable, somebody: Customer
) -> None:
    await table.open("A1", somebody.phone, "Civic")
    for values in (
        {"customer_id": somebody.id + 1000},
        {"status": "waiting_for_approval"},
        {"status": "lost"},
        {"approval_item": "pads"},
        {"approval_cents": 5},
    ):
        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(update(RepairOrderRow).values(values))


async def test_an_erased_customer_s_orders_are_shown_first_and_then_gone(
    engine: AsyncEngine, table: RepairTable, somebody: Customer
) -> None:
    await table.open("A1", somebody.phone, "Civic")
    assert [row["number"] for row in (await export_person(engine, somebody.phone))["repair_orders"]]
    assert (await erase_person(engine, somebody.phone))["repair_orders"] == 1
    assert await table.lines(with_closed=True) == ()


# Whose system


class OtherSystem:
    """A dealer's system that does what a test says."""

    def __init__(self, answer: Any = ()) -> None:
        self.answer = answer
        self.asked: list[Owner] = []

    async def repair_orders(self, owner: Owner) -> Sequence[RepairOrder]:
        self.asked.append(owner)
        if isinstance(self.answer, BaseException):
            raise self.answer
        if self.answer == "never":
            await asyncio.Event().wait()
        found: Sequence[RepairOrder] = self.answer
        return found


class Adapter(OtherSystem):
    """One that is named by a setting."""

    def __init__(self, location_id: str) -> None:
        super().__init__()
        self.location_id = location_id


class NoSystem:
    def __init__(self, location_id: str) -> None:
        pass


async def test_another_system_is_asked_with_what_it_may_know_them_by(
    engine: AsyncEngine, somebody: Customer
) -> None:
    system = OtherSystem([order(somebody.vehicles[1].id, "ready"), order(10**9, "open")])
    told = await RepairDesk(engine, system, clock=lambda: NOW).repair_orders(somebody.id)
    assert [each.vehicle_id for each in told] == [somebody.vehicles[1].id]
    assert system.asked == [Owner(somebody.id, somebody.phone, somebody.vehicles)]
    assert await RepairDesk(engine, system).repair_orders(10**9) == ()
    assert len(system.asked) == 1, "nobody is asked about nobody"


@pytest.mark.parametrize(
    "answer", ["never", ValueError("secret"), ConnectionError(), [None], KeyError("vin")]
)
async def test_a_system_that_does_not_answer_is_away(
    answer: Any, engine: AsyncEngine, somebody: Customer
) -> None:
    desk = RepairDesk(engine, OtherSystem(answer), deadline_s=0.05)
    with pytest.raises(StoreUnavailable, match="dealer_system") as away:
        await desk.repair_orders(somebody.id)
    assert "secret" not in str(away.value) and away.value.__cause__ is None


def test_the_setting_names_the_system(engine: AsyncEngine) -> None:
    assert isinstance(dealer_system("table", engine, "main"), RepairTable)
    made = dealer_system(f"{__name__}:Adapter", engine, "north")
    assert isinstance(made, Adapter) and made.location_id == "north"


@pytest.mark.parametrize("name", ["nowhere:Class", f"{__name__}:Nobody", f"{__name__}:NoSystem"])
def test_a_system_that_cannot_be_used_stops_the_start(name: str, engine: AsyncEngine) -> None:
    with pytest.raises(SettingsError, match="OTTO_DEALER_SYSTEM"):
        dealer_system(name, engine, "main")


# The believable dealership


async def test_the_seed_has_an_order_in_each_state(
    engine: AsyncEngine, dealership: Dealership
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE customers CASCADE"))
    await seed(engine, dealership, NOW.date())
    table = RepairTable(engine, "main")
    lines = await table.lines(with_closed=True)
    assert {line.order.status for line in lines} == set(RepairStatus)
    waiting = next(line for line in lines if line.order.approval)
    assert waiting.order.approval == Approval("front brake pads and rotors", 41_500)
    async with engine.connect() as connection:
        okafor = await connection.scalar(
            select(CustomerRow.id).where(CustomerRow.phone == "+13125550117")
        )
    assert okafor is not None
    told = await RepairDesk(engine, table, clock=lambda: NOW).repair_orders(okafor)
    assert [each.status.value for each in told] == ["waiting_for_approval", "ready"]
