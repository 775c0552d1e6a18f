"""What a flow of the demo needs is made when it is not there: on a real database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from cluster import demo_flows
from cluster.errors import StackError
from cluster.evidence import Evidence
from cluster.loopback import Control
from config.clock import utc_now
from config.dealership import Dealership
from config.settings import DatabaseSettings, Settings
from otto.crm.customers import NewCustomer
from otto.crm.seed import seed
from otto.crm.service import CrmService
from otto.scheduling.bookings import CancelReason, CancelRequest
from otto.scheduling.service import CalendarService

GRACE, DANIEL = "+13125550171", "+17735550187"


@pytest.fixture
def settings(postgres_url: str) -> Settings:
    return Settings(database=DatabaseSettings(url=SecretStr(postgres_url)))


@pytest.fixture
async def seeded(engine: AsyncEngine, dealership: Dealership) -> None:
    await seed(engine, dealership, utc_now().date() + timedelta(days=1))


def persona(name: str, phone: str, vehicle: str) -> dict[str, str]:
    return {"name": name, "phone": phone, "vehicle": vehicle}


async def _prepared(name: str, settings: Settings, dealership: Dealership, phone: str) -> str:
    shown = demo_flows.FLOWS[name]
    made = await demo_flows.prepare(shown, persona(name, phone, ""), settings, dealership)
    return made.phone


async def test_an_appointment_is_made_for_whoever_has_none_and_none_for_whoever_has(
    seeded: None, settings: Settings, dealership: Dealership, engine: AsyncEngine
) -> None:
    calendar = CalendarService(engine, dealership, dealership.locations[0].id)
    (grace,) = await CrmService(engine, dealership.locations[0].id).find_by_phone(GRACE)
    (before,) = await calendar.appointments_of(grace.id)
    await _prepared("cancel", settings, dealership, GRACE)
    assert await calendar.appointments_of(grace.id) == (before,)
    key = "gone"
    await calendar.cancel(
        CancelRequest(key, before.appointment_id, None, CancelReason.BY_STAFF, actor="staff")
    )
    for _ in range(2):
        await _prepared("reschedule", settings, dealership, GRACE)
        (made,) = await calendar.appointments_of(grace.id)
        assert made.service_codes == ("oil_change",) and made.starts_at > utc_now()


async def test_a_new_customer_calls_from_a_number_that_nobody_has(
    seeded: None, settings: Settings, dealership: Dealership, engine: AsyncEngine
) -> None:
    crm = CrmService(engine, dealership.locations[0].id)
    numbers = []
    for count in range(3):
        numbers.append(await _prepared("new-customer", settings, dealership, DANIEL))
        await crm.create_customer(NewCustomer(f"k{count}", "Daniel", "Foster", numbers[-1]))
    assert numbers[0] == DANIEL and len({*numbers}) == 3


def test_a_flow_that_there_is_not_names_those_there_are() -> None:
    with pytest.raises(StackError, match="there are book, new-customer, reschedule, cancel"):
        demo_flows.flow("fly")


async def test_a_car_in_the_workshop_is_found_and_anothers_is_not(
    seeded: None, settings: Settings, dealership: Dealership
) -> None:
    evidence = Evidence("CAnone", settings, dealership, Control("http://127.0.0.1:9", ""))
    james = "+13125550117"
    assert "2016 Toyota Camry, ready" in (await evidence.repair(james, "2016 Toyota Camry")).found
    assert (await evidence.repair(james, "2019 Honda Civic")).found == ""
    assert (await evidence.customer(james, "2016 Toyota Camry")).found.startswith("James Okafor")
    assert (await evidence.customer(james, "2020 Honda Motor")).found == ""
    assert (await evidence.nothing_changed()).found
    for proofs in (await evidence.booked(), await evidence.moved(), await evidence.cancelled()):
        assert proofs and not any(proof.found for proof in proofs)


async def test_without_the_seed_a_sentence_says_so(
    settings: Settings, dealership: Dealership, engine: AsyncEngine
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE customers RESTART IDENTITY CASCADE"))
    with pytest.raises(StackError, match="otto db seed"):
        await _prepared("cancel", settings, dealership, GRACE)
