"""The starting data of a scenario, written through the product: customers, appointments, and what
staff have put into the calendars."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
from benchmarks.eval.scenario import Given, GivenAppointment
from config.dealership import Dealership, Location
from otto.crm.customers import NewCustomer, NewVehicle
from otto.scheduling.bookings import BookingRequest
from otto.scheduling.openings import Opening
from otto.storage.tables import CalendarSyncRow, CustomerRow, OutboxRow, VehicleRow

READ_WITHIN_S = 60.0


class GivenError(ValueError):
    """The starting data cannot be. The message is a sentence."""


def staff_events(given: Given, location: Location) -> Iterator[tuple[str, dict[str, Any]]]:
    """What staff have entered: the calendar, and the event as Google takes it."""
    for entered in given.staff:
        starts, ends = (
            datetime.combine(entered.day, at, location.zone).isoformat()
            for at in (entered.start, entered.end)
        )
        for bay in location.bays:
            if not entered.bays or bay.id in entered.bays:
                times = {"start": {"dateTime": starts}, "end": {"dateTime": ends}}
                yield bay.calendar_id, {"summary": entered.title, **times}


async def write(
    given: Given,
    dealership: Dealership,
    calendar: CalendarActor,
    crm: CrmActor,
    engine: AsyncEngine,
) -> None:
    """Customers, their cars and the appointments. Raises `GivenError`."""
    for customer in given.customers:
        first, _, last = customer.name.partition(" ")
        key = f"given:{customer.name}"
        new = NewCustomer(key, first, last, customer.phone, customer.born)
        made = await crm._service.create_customer(new)
        for car in customer.cars:
            year, make, model = car.split(" ", 2)
            await crm._service.add_vehicle(
                NewVehicle(f"{key}:{car}", made.id, int(year), make, model)
            )
    for appointment in given.appointments:
        await _book(appointment, dealership, calendar, engine)


async def until_read(engine: AsyncEngine, calendars: int) -> None:
    """Until what staff have entered is in the book. Raises `GivenError`."""
    read = select(func.count()).where(CalendarSyncRow.synced_at.is_not(None))
    deadline_s = asyncio.get_running_loop().time() + READ_WITHIN_S
    while asyncio.get_running_loop().time() < deadline_s:
        async with engine.connect() as connection:
            if (await connection.scalar(read) or 0) >= calendars:
                return
        await asyncio.sleep(0.2)
    raise GivenError("what staff have entered was never read")


async def settled(engine: AsyncEngine, within_s: float) -> None:
    """Wait until everything that was to be delivered is, but no longer than that."""
    due = select(func.count()).where(OutboxRow.done_at.is_(None))
    deadline_s = asyncio.get_running_loop().time() + within_s
    while asyncio.get_running_loop().time() < deadline_s:
        async with engine.connect() as connection:
            if not await connection.scalar(due):
                return
        await asyncio.sleep(0.5)


async def _book(
    wanted: GivenAppointment,
    dealership: Dealership,
    calendar: CalendarActor,
    engine: AsyncEngine,
) -> None:
    location = dealership.locations[0]
    who, car_id = await _owner(wanted, engine)
    if wanted.service not in {each.code for each in dealership.services}:
        raise GivenError(f"there is no service {wanted.service}")
    service = dealership.service(wanted.service)
    starts = wanted.starts.replace(tzinfo=location.zone)
    bays = [bay for bay in location.bays if service.skill in bay.skills]
    ends = starts + timedelta(minutes=service.duration_minutes)
    opening = Opening.of_one(
        location.id,
        wanted.bay or bays[-1].id,
        service.code,
        starts,
        ends,
        ends + timedelta(minutes=service.buffer_minutes),
    )
    key = f"given:{who.id}:{starts.isoformat()}:{service.code}"
    await calendar._service.book(BookingRequest(key, opening, who.id, car_id, who.phone))


async def _owner(wanted: GivenAppointment, engine: AsyncEngine) -> tuple[Any, int]:
    first, _, last = wanted.who.partition(" ")
    named = (CustomerRow.first_name == first, CustomerRow.last_name == last)
    async with engine.connect() as connection:
        who = (await connection.execute(select(CustomerRow).where(*named))).first()
        if who is None:
            raise GivenError(f"{wanted.who} is not in the book")
        owned = select(VehicleRow).where(VehicleRow.customer_id == who.id)
        cars = (await connection.execute(owned.order_by(VehicleRow.id))).all()
    for car in cars:
        if wanted.car in (None, f"{car.year} {car.make} {car.model}"):
            return who, car.id
    raise GivenError(f"{wanted.who} has no {wanted.car}")
