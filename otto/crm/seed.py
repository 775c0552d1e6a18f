"""A believable dealership, made up: 200 customers, 300 vehicles, two months of appointments.

The same `today` gives the same rows. Nobody in it exists: numbers are those set aside for
fiction (555-01xx), VINs are random with a correct check digit.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import Table, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.dealership import Bay, Dealership, Interval, Location, Service
from otto.crm.seed_data import AREA_CODES, CARS, EXPECTED, FIRST_NAMES, LAST_NAMES, REGULARS
from otto.crm.seed_repairs import repair_orders
from otto.language.vin import CHECK_POSITION, check_digit
from otto.storage.appointment_changes import Change, record_changes
from otto.storage.database import sync_dealership
from otto.storage.tables import (
    AppointmentLineRow,
    AppointmentRow,
    Base,
    CustomerRow,
    OutboxRow,
    RepairOrderRow,
    VehicleRow,
)

_log = structlog.get_logger()

CUSTOMERS = 200
VEHICLES = 300
DAYS_BACK = 30
DAYS_AHEAD = 30
EXPECTED_FOR = "oil_change"
EXPECTED_DAYS = 3
"""What the regulars who are expected come for, and from how many days ahead on."""
ROWS_PER_INSERT = 1000
"""PostgreSQL takes 32,767 parameters a statement; a row has twelve."""
SEED_LOCK = 0x0771
"""Key of the advisory lock under which the seed is sown: two starts at once make one."""

_NAMESPACE = uuid.UUID("6f1d3c1e-6a3e-4a63-9a53-0770a0770a07")
_YEAR_CODES = "ABCDEFGHJKLMNPRSTVWXY123456789"
"""Model year codes from 1980 on, repeating every 30 years: 49 CFR 565.15(d), table VII."""
_VIN_CHARACTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class SeedReport:
    """What was written; all 0 with `already` when the database had been seeded before."""

    customers: int
    vehicles: int
    appointments: int
    already: bool
    repair_orders: int = 0


async def seed(
    engine: AsyncEngine, dealership: Dealership, today: date, *, is_booked: bool = True
) -> SeedReport:
    """Fill the database around `today`, in one transaction; does nothing when it has been done.
    Without `is_booked` nobody has an appointment. Google is told of those to come by the outbox.

    What is there already is respected: a number that is taken is left out, and so is an
    appointment that would overlap with one.
    """
    await sync_dealership(engine, dealership)
    chance = random.Random(f"otto {today.isoformat()}")
    location_id = dealership.locations[0].id
    async with engine.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({SEED_LOCK})"))
        sown = select(func.count()).where(CustomerRow.creation_key.startswith("seed:"))
        if await connection.scalar(sown):
            return SeedReport(0, 0, 0, already=True)
        taken = set(await connection.scalars(select(CustomerRow.phone)))
        people = [
            person for person in _customers(chance, location_id) if person["phone"] not in taken
        ]
        owners = await _insert(connection, CustomerRow, people)
        cars = list(_vehicles(chance, owners, today))
        vehicles = await _insert(connection, VehicleRow, cars)
        regulars = {owners.get(_customer_key(index)) for index in range(len(REGULARS))}
        drivers = [
            (vehicles[car["creation_key"]], car["customer_id"])
            for car in cars
            if car["creation_key"] in vehicles and car["customer_id"] not in regulars
        ]
        repairs = await _insert_repairs(connection, dealership.locations[0], vehicles, cars, today)
        appointments = list(_appointments(chance, dealership, drivers, today))
        expected = {owners.get(_customer_key(index)) for index in EXPECTED}
        owned = [
            (car["customer_id"], vehicles[car["creation_key"]])
            for car in cars
            if car["customer_id"] in expected and car["creation_key"] in vehicles
        ]
        _give_to_regulars(appointments, owned, today)
        calendars = {bay.id: bay.calendar_id for at in dealership.locations for bay in at.bays}
        booked = 0
        for first in range(0, len(appointments) if is_booked else 0, ROWS_PER_INSERT):
            booked += await _book(
                connection, appointments[first : first + ROWS_PER_INSERT], calendars
            )
    report = SeedReport(len(owners), len(vehicles), booked, False, repairs)
    _log.info("seeded", customers=len(owners), vehicles=len(vehicles), appointments=booked)
    return report


def _give_to_regulars(
    appointments: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    owned: Iterable[tuple[int, int]],
    today: date,
) -> None:
    """One oil change ahead for each of them, given by customer and vehicle."""
    ahead = (
        both
        for both in appointments
        if both[0]["status"] == "booked"
        and both[1]["service_code"] == EXPECTED_FOR
        and (both[0]["starts_at"].date() - today).days >= EXPECTED_DAYS
    )
    for (customer_id, vehicle_id), (visit, work) in zip(owned, ahead, strict=False):
        visit["customer_id"] = customer_id
        visit["vehicle_id"] = work["vehicle_id"] = vehicle_id


async def _book(
    connection: AsyncConnection,
    visits: list[tuple[dict[str, Any], dict[str, Any]]],
    calendars: Mapping[str, str],
) -> int:
    """Write appointments with their only line, and have Google told of those to come; returns how
    many found their place. `calendars` are the bays'."""
    head, line = AppointmentRow, AppointmentLineRow
    heads = insert(head).values([visit for visit, _ in visits]).on_conflict_do_nothing()
    new = {*await connection.scalars(heads.returning(head.id))}
    rows = [work for visit, work in visits if visit["id"] in new]
    if not rows:
        return 0
    lines = insert(line).values(rows).on_conflict_do_nothing()
    placed = {*await connection.scalars(lines.returning(line.appointment_id))}
    await connection.execute(delete(head).where(head.id.in_(new - placed)))
    history = (
        Change(visit["id"], "booked", "staff", after={"status": "booked"})
        for visit, _ in visits
        if visit["id"] in placed
    )
    await record_changes(connection, history)
    events = [
        {
            "kind": "calendar.upsert",
            "key": f"calendar.upsert:{row['google_event_id']}:1",
            "payload": {
                "appointment_id": str(row["appointment_id"]),
                "calendar_id": calendars[row["bay_id"]],
                "event_id": row["google_event_id"],
            },
        }
        for row in rows
        if row["appointment_id"] in placed and row["google_event_id"] is not None
    ]
    if events:
        await connection.execute(insert(OutboxRow), events)
    return len(placed)


async def _insert(
    connection: AsyncConnection, model: type[Base], rows: list[dict[str, Any]]
) -> dict[str, int]:
    """Insert; returns the ids by creation key."""
    table = cast(Table, model.__table__)
    added = (
        insert(table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(table.c.creation_key, table.c.id)
    )
    return {row.creation_key: row.id for row in await connection.execute(added)}


async def _insert_repairs(
    connection: AsyncConnection,
    location: Location,
    vehicles: dict[str, int],
    cars: list[dict[str, Any]],
    today: date,
) -> int:
    """What the workshop does with the regulars' vehicles; returns how many."""
    owned = {
        (car["year"], car["make"], car["model"]): (car["customer_id"], vehicles[key])
        for car in reversed(cars)  # the regulars' come first, and win
        if (key := car["creation_key"]) in vehicles
    }
    rows = list(repair_orders(location, owned, today))
    if rows:
        await connection.execute(insert(RepairOrderRow).values(rows).on_conflict_do_nothing())
    return len(rows)


def _customer_key(index: int) -> str:
    return f"seed:customer:{index}"


def _customers(chance: random.Random, location_id: str) -> Iterator[dict[str, Any]]:
    """The regulars first, then invented people with distinct names and numbers."""

    def row(index: int, first: str, last: str, phone: str, born: date) -> dict[str, Any]:
        return {
            "location_id": location_id,
            "first_name": first,
            "last_name": last,
            "phone": phone,
            "date_of_birth": born,
            "creation_key": _customer_key(index),
        }

    for index, person in enumerate(REGULARS):
        yield row(index, person.first_name, person.last_name, person.phone, person.born)
    numbers = [f"+1{area}5550{last}" for area in AREA_CODES for last in range(100, 200)]
    names = [(first, last) for first in FIRST_NAMES for last in LAST_NAMES]
    more = CUSTOMERS - len(REGULARS)
    chosen = zip(chance.sample(names, more), chance.sample(numbers, more), strict=True)
    for index, ((first, last), phone) in enumerate(chosen, start=len(REGULARS)):
        born = date(1945, 1, 1) + timedelta(days=chance.randrange(365 * 61))
        yield row(index, first, last, phone, born)


def _vehicles(
    chance: random.Random, owners: dict[str, int], today: date
) -> Iterator[dict[str, Any]]:
    """Everybody has one vehicle, some have two or three; the regulars have theirs.

    `owners` are the customers' ids by creation key; who is missing there gets none.
    """
    prefixes = {make: prefix for make, prefix, _ in CARS}

    def row(index: int, owner: int, year: int, make: str, model: str) -> dict[str, Any]:
        return {
            "customer_id": owner,
            "year": year,
            "make": make,
            "model": model,
            "vin": make_vin(chance, prefixes[make], year),
            "creation_key": f"seed:vehicle:{index}",
        }

    index = 0
    for number, person in enumerate(REGULARS):
        if (owner := owners.get(_customer_key(number))) is None:
            continue
        for year, make, model in person.vehicles:
            yield row(index, owner, year, make, model)
            index += 1
    keys = map(_customer_key, range(len(REGULARS), CUSTOMERS))
    others = [owners[key] for key in keys if key in owners]
    for owner in [*others, *chance.choices(others, k=VEHICLES - index - len(others))]:
        make, _, models = chance.choice(CARS)
        age = min(int(chance.expovariate(1 / 6)), 20)
        yield row(index, owner, today.year - age, make, chance.choice(models))
        index += 1


def make_vin(chance: random.Random, prefix: str, year: int) -> str:
    """A random VIN that begins with the maker's prefix, with its model year and check digit."""
    body = "".join(chance.choices(_VIN_CHARACTERS, k=3))
    # The seventh character says which run of 30 years is meant: a letter from 2010 on.
    era = chance.choice("ABCDEFGHJKLMNPRSTUVWXYZ" if year >= 2010 else "0123456789")
    code = _YEAR_CODES[(year - 1980) % len(_YEAR_CODES)]
    plant = chance.choice("ABCDEFGHJKLMNPRSTUVWXYZ")
    vin = f"{prefix}{body}{era}{chance.choice(_VIN_CHARACTERS)}0{code}{plant}"
    vin += f"{chance.randrange(100_000, 1_000_000)}"
    return vin[:CHECK_POSITION] + check_digit(vin) + vin[CHECK_POSITION + 1 :]


def _appointments(
    chance: random.Random, dealership: Dealership, drivers: list[tuple[int, int]], today: date
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Walk through every bay of every open day, leaving gaps; nobody comes twice in a day. Each
    appointment with its line."""
    for offset in range(-DAYS_BACK, DAYS_AHEAD + 1):
        day = today + timedelta(days=offset)
        for location in dealership.locations:
            seen: set[int] = set()
            for bay in location.bays:
                for interval in location.intervals_on(day):
                    for service, starts_at in _fill(
                        chance, dealership, location, bay, day, interval, _busy(offset)
                    ):
                        free = [driver for driver in drivers if driver[1] not in seen]
                        vehicle_id, customer_id = chance.choice(free)
                        seen.add(customer_id)
                        key = f"seed:{location.id}:{bay.id}:{starts_at.isoformat()}"
                        appointment_id = uuid.uuid5(_NAMESPACE, key)
                        status = _status(chance, offset)
                        is_ahead = offset >= 0 and status == "booked"
                        ends_at = starts_at + timedelta(minutes=service.duration_minutes)
                        both = {
                            "location_id": location.id,
                            "vehicle_id": vehicle_id,
                            "starts_at": starts_at,
                            "ends_at": ends_at,
                            "status": status,
                        }
                        visit = {
                            "id": appointment_id,
                            "customer_id": customer_id,
                            "idempotency_key": key,
                        }
                        work = {
                            "id": uuid.uuid5(appointment_id, "1"),
                            "appointment_id": appointment_id,
                            "bay_id": bay.id,
                            "service_code": service.code,
                            "free_at": ends_at,
                            # What is over has no event: nobody looks it up in a calendar.
                            "google_event_id": appointment_id.hex if is_ahead else None,
                        }
                        yield both | visit, both | work


def _fill(
    chance: random.Random,
    dealership: Dealership,
    location: Location,
    bay: Bay,
    day: date,
    interval: Interval,
    busy: float,
) -> Iterator[tuple[Service, datetime]]:
    """Services one after another on the location's grid of start times, `busy` of it taken."""
    able = [service for service in dealership.services if service.skill in bay.skills]
    grid = timedelta(minutes=location.slot_minutes)
    # In UTC, so that a day on which the clocks change is as long as it really is.
    at = datetime.combine(day, interval.opens, location.zone).astimezone(UTC)
    closing = datetime.combine(interval.closing_day(day), interval.closes, location.zone)
    closes = closing.astimezone(UTC)
    while at < closes:
        service = chance.choice(able)
        length = timedelta(minutes=service.duration_minutes)
        if chance.random() < busy and at + length <= closes:
            yield service, at
            at += -(-length // grid) * grid
        else:
            at += grid


def _busy(offset: int) -> float:
    """How likely a free start time is taken, by days from today: what is past was well booked,
    tomorrow has room for a caller, in a month there is hardly anything yet."""
    if offset < 0:
        return 0.5
    return max(0.08, 0.32 - 0.01 * offset)


def _status(chance: random.Random, offset: int) -> str:
    if offset < 0:
        return chance.choices(("completed", "no_show", "cancelled"), (90, 4, 6))[0]
    return chance.choices(("booked", "cancelled"), (95, 5))[0]
