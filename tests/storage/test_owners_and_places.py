"""A vehicle is its customer's and in one place at a time, a bay its location's: whoever writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from alembic import command
from pydantic import SecretStr
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from cluster.database import initialise
from cluster.errors import StackError
from config.dealership import Dealership
from config.settings import DatabaseSettings, Settings
from otto.crm.personal_data import erase_person
from otto.crm.seed import seed
from otto.storage.database import (
    _config,
    _migration_engine,
    current_revision,
    head_revision,
    make_engine,
    migrate,
    sync_dealership,
)
from otto.storage.errors import MigrationStopped
from otto.storage.tables import AppointmentRow, BayRow, CustomerRow, VehicleRow

NINE = datetime(2026, 11, 24, 15, tzinfo=UTC)


@dataclass
class Garage:
    """Two customers with a car each, in a database of its own."""

    engine: AsyncEngine
    url: str
    maria: int = 0
    civic: int = 0
    john: int = 0
    truck: int = 0

    async def book(self, key: str, **changes: Any) -> None:
        values = {
            "location_id": "main",
            "bay_id": "bay-1",
            "customer_id": self.maria,
            "vehicle_id": self.civic,
            "service_code": "oil_change",
            "starts_at": NINE,
            "ends_at": NINE + timedelta(minutes=45),
            "idempotency_key": key,
        }
        async with self.engine.begin() as connection:
            await connection.execute(insert(AppointmentRow).values({**values, **changes}))

    async def move_to(self, revision: str) -> None:
        def run(connection: Any) -> None:
            config = _config()
            config.attributes["connection"] = connection
            command.downgrade(config, revision)

        engine = _migration_engine(self.url)
        async with engine.begin() as connection:
            await connection.run_sync(run)
        await engine.dispose()


@pytest.fixture
async def garage(
    make_database: Callable[[str | None], str], _template: str, dealership: Dealership
) -> AsyncIterator[Garage]:
    url = make_database(_template)
    made = Garage(make_engine(DatabaseSettings(url=SecretStr(url))), url)
    await sync_dealership(made.engine, dealership)
    async with made.engine.begin() as connection:
        for who, car, phone in (("maria", "civic", "2"), ("john", "truck", "3")):
            values = {"location_id": "main", "first_name": who, "last_name": "L"}
            values["phone"] = f"+1312555014{phone}"
            owner = insert(CustomerRow).values(values).returning(CustomerRow.id)
            setattr(made, who, await connection.scalar(owner))
            bought = {"customer_id": getattr(made, who), "year": 2019, "make": "A", "model": "B"}
            vehicle = insert(VehicleRow).values(bought).returning(VehicleRow.id)
            setattr(made, car, await connection.scalar(vehicle))
    yield made
    await made.engine.dispose()


async def test_the_database_refuses_one_car_in_two_bays(garage: Garage) -> None:
    await garage.book("first")
    half = timedelta(minutes=44)
    for bay, start in (("bay-2", NINE), ("bay-3", NINE + half), ("bay-2", NINE - half)):
        times = {"starts_at": start, "ends_at": start + timedelta(minutes=45)}
        with pytest.raises(IntegrityError, match="ex_appointments_vehicle_time"):
            await garage.book("second", bay_id=bay, **times)
    await garage.book("cancelled", bay_id="bay-2", status="cancelled")
    await garage.book("no car", bay_id="bay-2", vehicle_id=None)
    await garage.book("nor here", bay_id="bay-3", vehicle_id=None)
    touching = NINE + timedelta(minutes=45)
    await garage.book("later", starts_at=touching, ends_at=touching + timedelta(hours=1))
    async with garage.engine.begin() as connection:
        revive = update(AppointmentRow).where(AppointmentRow.idempotency_key == "cancelled")
        with pytest.raises(IntegrityError):
            await connection.execute(revive.values(status="booked"))


async def test_of_many_connections_at_once_one_gets_the_car(garage: Garage) -> None:
    connections = [await asyncpg.connect(garage.url.replace("+asyncpg", "")) for _ in range(8)]

    async def book(number: int) -> bool:
        try:
            await connections[number].execute(
                "INSERT INTO appointments (id, location_id, bay_id, customer_id, vehicle_id,"
                " service_code, starts_at, ends_at, idempotency_key) VALUES (gen_random_uuid(),"
                " 'main', $1, $2, $3, 'oil_change', $4::timestamptz,"
                " $4::timestamptz + interval '45 minutes', $5)",
                f"bay-{number % 4 + 1}",
                garage.maria,
                garage.civic,
                NINE + timedelta(minutes=10 * (number % 3)),
                f"key-{number}",
            )
        except (asyncpg.ExclusionViolationError, asyncpg.DeadlockDetectedError):
            return False
        return True

    assert sum(await asyncio.gather(*(book(number) for number in range(8)))) == 1
    for connection in connections:
        await connection.close()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"vehicle_id": "truck"}, "fk_appointments_vehicle_id"),
        ({"customer_id": "john"}, "fk_appointments_vehicle_id"),
        ({"customer_id": None}, "ck_appointments_owner"),
        ({"location_id": "elsewhere"}, "fk_appointments_bay_id"),
        ({"bay_id": "bay-9"}, "fk_appointments_bay_id"),
    ],
)
async def test_what_does_not_belong_together_is_refused(
    changes: dict[str, Any], rule: str, garage: Garage
) -> None:
    given = {
        name: getattr(garage, value) if value in ("truck", "john") else value
        for name, value in changes.items()
    }
    with pytest.raises(IntegrityError, match=rule):
        await garage.book("wrong", **given)


async def test_a_car_with_appointments_changes_hands_as_a_new_row(garage: Garage) -> None:
    await garage.book("first")
    sold = update(VehicleRow).where(VehicleRow.id == garage.civic).values(customer_id=garage.john)
    async with garage.engine.begin() as connection:
        with pytest.raises(IntegrityError, match="fk_appointments_vehicle_id"):
            await connection.execute(sold)


async def test_who_is_erased_leaves_the_bay_and_no_car(garage: Garage) -> None:
    await garage.book("first")
    await erase_person(garage.engine, "+13125550142", cancel_appointments=True)
    async with garage.engine.connect() as connection:
        (row,) = await connection.execute(select(AppointmentRow.__table__))
        assert (row.bay_id, row.customer_id, row.vehicle_id) == ("bay-1", None, None)


async def test_appointments_move_along_with_their_bay(
    garage: Garage, dealership: Dealership
) -> None:
    await garage.book("first")
    main = dealership.locations[0]
    stays, moves = main.bays[1:], main.bays[:1]
    moved = dealership.model_copy(
        update={
            "locations": (
                main.model_copy(update={"bays": stays}),
                main.model_copy(update={"id": "north", "bays": moves}),
            )
        }
    )
    await sync_dealership(garage.engine, moved)
    async with garage.engine.connect() as connection:
        assert await connection.scalar(select(AppointmentRow.location_id)) == "north"


# Coming from a database without these rules


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"bay_id": "bay-2"}, "1 pairs of booked appointments have one vehicle"),
        ({"vehicle_id": "truck", "bay_id": "bay-2"}, "1 appointments are for a vehicle that is"),
        ({"customer_id": None, "starts_at": NINE - timedelta(hours=9)}, "1 appointments are for"),
    ],
)
async def test_rows_that_break_a_rule_stop_the_migration(
    changes: dict[str, Any], advice: str, garage: Garage
) -> None:
    await garage.move_to("0004")
    await garage.book("first")
    given = {name: garage.truck if value == "truck" else value for name, value in changes.items()}
    given.setdefault("ends_at", given.get("starts_at", NINE) + timedelta(minutes=45))
    await garage.book("second", **given)
    with pytest.raises(MigrationStopped, match=advice) as stopped:
        await migrate(garage.url)
    assert await current_revision(garage.url) == "0004"
    # The command says it in the same words, and what it lists is what is in the way.
    settings = Settings(database={"url": garage.url}, _env_file=None)
    with pytest.raises(StackError) as told:
        await initialise(settings)
    assert str(told.value) == str(stopped.value)
    listed = str(stopped.value).split("This lists them: ")[1]
    async with garage.engine.begin() as connection:
        assert len((await connection.execute(text(listed))).all()) == 1
        second = AppointmentRow.idempotency_key == "second"
        await connection.execute(delete(AppointmentRow).where(second))
    await migrate(garage.url)
    assert await current_revision(garage.url) == head_revision()


async def test_an_appointment_is_brought_to_where_its_bay_is(garage: Garage) -> None:
    await garage.move_to("0004")
    await garage.book("first", location_id="elsewhere")
    await migrate(garage.url)
    async with garage.engine.connect() as connection:
        assert await connection.scalar(select(AppointmentRow.location_id)) == "main"


async def test_down_and_up_on_a_seeded_database(garage: Garage, dealership: Dealership) -> None:
    report = await seed(garage.engine, dealership, date(2026, 11, 23))
    await garage.move_to("0004")
    await migrate(garage.url)
    async with garage.engine.connect() as connection:
        counted = await connection.scalar(select(func.count()).select_from(AppointmentRow))
        assert counted == report.appointments
        bays = await connection.scalars(select(BayRow.location_id).distinct())
        assert bays.all() == ["main"]
