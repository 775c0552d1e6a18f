"""The made-up dealership is believable, the same every time, and leaves callers room."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.settings import DatabaseSettings
from otto.crm.customers import IdentityClaim, Verdict, Verification
from otto.crm.seed import SeedReport, seed
from otto.crm.service import CrmService
from otto.language.phone import parse_phone
from otto.language.vin import normalise_vin
from otto.storage.database import make_engine
from otto.storage.tables import AppointmentLineRow, AppointmentRow, CustomerRow, VehicleRow

TODAY = date(2026, 11, 23)


async def _rows(engine: AsyncEngine, model: Any) -> list[Any]:
    table: Table = model.__table__
    async with engine.connect() as connection:
        return list((await connection.execute(select(table).order_by(*table.primary_key))).all())


@pytest.fixture
async def seeded(engine: AsyncEngine, dealership: Dealership) -> AsyncEngine:
    await seed(engine, dealership, TODAY)
    return engine


@pytest.fixture
async def other(
    make_database: Callable[[str | None], str], _template: str
) -> AsyncIterator[AsyncEngine]:
    """Another database, not seeded."""
    made = make_engine(DatabaseSettings(url=SecretStr(make_database(_template))))
    yield made
    await made.dispose()


async def test_the_figures_and_that_it_happens_once(
    other: AsyncEngine, dealership: Dealership
) -> None:
    report = await seed(other, dealership, TODAY)
    assert (report.customers, report.vehicles) == (200, 300)
    assert 300 < report.appointments < 1500
    again = await seed(other, dealership, TODAY + timedelta(days=1))
    assert again == SeedReport(0, 0, 0, already=True)
    assert len(await _rows(other, CustomerRow)) == 200


async def test_the_same_day_gives_the_same_rows(
    seeded: AsyncEngine, other: AsyncEngine, dealership: Dealership
) -> None:
    await seed(other, dealership, TODAY)
    for model, keys in (
        (CustomerRow, ("first_name", "last_name", "phone", "date_of_birth")),
        (VehicleRow, ("year", "make", "model", "vin")),
        (AppointmentRow, ("id", "starts_at", "status")),
        (AppointmentLineRow, ("id", "bay_id", "service_code", "starts_at", "status")),
    ):
        ours, theirs = await _rows(seeded, model), await _rows(other, model)
        assert [[getattr(row, key) for key in keys] for row in ours] == [
            [getattr(row, key) for key in keys] for row in theirs
        ]


async def test_numbers_are_fictional_and_vins_are_sound(seeded: AsyncEngine) -> None:
    for customer in await _rows(seeded, CustomerRow):
        assert parse_phone(customer.phone) == customer.phone
        assert customer.phone[5:10] == "55501"
    vehicles = await _rows(seeded, VehicleRow)
    assert len({vehicle.vin for vehicle in vehicles}) == 300
    for vehicle in vehicles:
        assert normalise_vin(vehicle.vin) == vehicle.vin
    assert max(Counter(vehicle.customer_id for vehicle in vehicles).values()) >= 2


async def test_the_regulars_are_there_with_an_empty_book(seeded: AsyncEngine) -> None:
    crm = CrmService(seeded, "main")
    for phone, born, cars in (
        ("+13125550142", date(1984, 3, 12), ["2019 Honda Civic"]),
        ("+13125550117", date(1979, 11, 2), ["2021 Ford F-150", "2016 Toyota Camry"]),
        ("+13125550163", date(1990, 7, 25), ["2020 Subaru Outback"]),
    ):
        (customer,) = await crm.find_by_phone(phone)
        assert sorted(vehicle.description for vehicle in customer.vehicles) == sorted(cars)
        claim = IdentityClaim(phone, phone, phone, date_of_birth=born)
        assert await crm.verify(claim) == Verification(Verdict.VERIFIED, customer.id)
        booked = [
            row for row in await _rows(seeded, AppointmentRow) if row.customer_id == customer.id
        ]
        assert booked == []


async def test_appointments_keep_to_hours_bays_and_skills(
    seeded: AsyncEngine, dealership: Dealership
) -> None:
    location = dealership.locations[0]
    bays = {bay.id: bay for bay in location.bays}
    owners = {row.id: row.customer_id for row in await _rows(seeded, VehicleRow)}
    today = datetime(2026, 11, 23, 6, tzinfo=UTC)
    visits = {row.id: row for row in await _rows(seeded, AppointmentRow)}
    for row in await _rows(seeded, AppointmentLineRow):
        visit = visits.pop(row.appointment_id)
        assert (visit.starts_at, visit.ends_at) == (row.starts_at, row.ends_at)
        service = dealership.service(row.service_code)
        assert service.skill in bays[row.bay_id].skills
        assert owners[row.vehicle_id] == visit.customer_id
        starts, ends = (at.astimezone(location.zone) for at in (row.starts_at, row.ends_at))
        assert ends - starts == timedelta(minutes=service.duration_minutes)
        assert any(
            one.opens <= starts.time() and ends.time() <= one.closes
            for one in location.intervals_on(starts.date())
        )
        assert starts.minute % 30 == 0
        assert row.status in (
            {"booked", "cancelled"}
            if row.starts_at >= today
            else {"completed", "no_show", "cancelled"}
        )
    assert visits == {}


async def test_the_next_days_are_busy_but_not_full(
    seeded: AsyncEngine, dealership: Dealership
) -> None:
    location = dealership.locations[0]
    rows = [row for row in await _rows(seeded, AppointmentRow) if row.status == "booked"]
    for offset in range(1, 15):
        day = TODAY + timedelta(days=offset)
        open_hours = sum(
            (one.closes.hour * 60 + one.closes.minute - one.opens.hour * 60 - one.opens.minute) / 60
            for one in location.intervals_on(day)
        ) * len(location.bays)
        taken = sum(
            (row.ends_at - row.starts_at).total_seconds() / 3600
            for row in rows
            if row.starts_at.astimezone(location.zone).date() == day
        )
        if open_hours:
            assert 0.1 < taken / open_hours < 0.75, day


async def test_two_regulars_are_expected_in_some_days(seeded: AsyncEngine) -> None:
    crm, visits = CrmService(seeded, "main"), await _rows(seeded, AppointmentRow)
    lines = {row.appointment_id: row for row in await _rows(seeded, AppointmentLineRow)}
    for phone in ("+13125550171", "+13125550154"):
        (customer,) = await crm.find_by_phone(phone)
        (visit,) = [row for row in visits if row.customer_id == customer.id]
        assert visit.status == "booked" and visit.vehicle_id == customer.vehicles[0].id
        assert lines[visit.id].vehicle_id == visit.vehicle_id
        assert lines[visit.id].service_code == "oil_change"
        assert (visit.starts_at.date() - TODAY).days >= 3
