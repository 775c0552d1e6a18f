"""A vehicle is its customer's and in one place at a time, a bay its location's: whoever writes."""

from __future__ import annotations

import asyncio
import uuid
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
from otto.scheduling.bookings import wish_of
from otto.scheduling.openings import Opening
from otto.storage.database import (
    _config,
    _migration_engine,
    current_revision,
    head_revision,
    make_engine,
    migrate,
    sync_dealership,
)
from otto.storage.errors import DealershipRefused, MigrationStopped
from otto.storage.tables import (
    AppointmentChangeRow,
    AppointmentLineRow,
    AppointmentRow,
    BayRow,
    CustomerRow,
    VehicleRow,
)
from tests.support.appointments import write_appointment

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
        wish = {"customer_id": self.maria, "vehicle_id": self.civic, "starts_at": NINE}
        async with self.engine.begin() as connection:
            await write_appointment(connection, key, **{**wish, **changes})

    async def book_of_old(self, key: str, **changes: Any) -> None:
        """The same before appointments had lines."""
        values = {
            "id": uuid.uuid4(),
            "location_id": "main",
            "bay_id": "bay-1",
            "customer_id": self.maria,
            "vehicle_id": self.civic,
            "service_code": "oil_change",
            "starts_at": NINE,
            "ends_at": NINE + timedelta(minutes=45),
            "idempotency_key": key,
            "google_event_id": f"event-{key}",
        } | changes
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        async with self.engine.begin() as connection:
            await connection.execute(
                text(f"INSERT INTO appointments ({names}) VALUES ({marks})"),
                values,
            )

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
        with pytest.raises(IntegrityError, match="ex_appointment_lines_vehicle_time"):
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
                "WITH visit AS (INSERT INTO appointments (id, location_id, customer_id, vehicle_id,"
                " starts_at, ends_at, idempotency_key) VALUES (gen_random_uuid(), 'main', $2, $3,"
                " $4::timestamptz, $4::timestamptz + interval '45 minutes', $5) RETURNING *)"
                " INSERT INTO appointment_lines (id, appointment_id, location_id, bay_id,"
                " vehicle_id, service_code, starts_at, ends_at, free_at)"
                " SELECT id, id, location_id, $1, vehicle_id, 'oil_change', starts_at, ends_at,"
                " ends_at FROM visit",
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
        ({"location_id": "elsewhere"}, "fk_appointment_lines_bay_id"),
        ({"bay_id": "bay-9"}, "fk_appointment_lines_bay_id"),
        ({"line": {"location_id": "elsewhere"}}, "fk_appointment_lines_bay_id"),
        ({"line": {"vehicle_id": None}}, "fk_appointment_lines_appointment"),
        ({"line": {"vehicle_id": "truck"}}, "fk_appointment_lines_appointment"),
        ({"vehicle_id": None, "line": {"vehicle_id": "civic"}}, "fk_appointment_lines_appointment"),
        ({"line": {"status": "cancelled"}}, "fk_appointment_lines_status"),
        ({"line": {"status": "held"}}, "ck_appointment_lines_held"),
        ({"line": {"appointment_id": None}}, "ck_appointment_lines_held"),
        ({"line": {"held_by": "CA1"}}, "ck_appointment_lines_held"),
        ({"line": {"free_at": NINE}}, "ck_appointment_lines_order"),
    ],
)
async def test_what_does_not_belong_together_is_refused(
    changes: dict[str, Any], rule: str, garage: Garage
) -> None:
    def known(given: dict[str, Any]) -> dict[str, Any]:
        return {
            name: known(value)
            if isinstance(value, dict)
            else getattr(garage, value)
            if value in ("truck", "john", "civic")
            else value
            for name, value in given.items()
        }

    with pytest.raises(IntegrityError, match=rule):
        await garage.book("wrong", **known(changes))


async def test_a_line_is_as_its_appointment(garage: Garage) -> None:
    """What is written to one side alone is taken along, or refused."""
    await garage.book("first")
    for status in ("arrived", "completed", "booked", "cancelled"):
        async with garage.engine.begin() as connection:
            await connection.execute(update(AppointmentRow).values(status=status))
            assert await connection.scalar(select(AppointmentLineRow.status)) == status
    refused = {
        "fk_appointment_lines_status": {"status": "booked"},
        "fk_appointment_lines_appointment": {"vehicle_id": None},
    }
    for rule, values in refused.items():
        with pytest.raises(IntegrityError, match=rule):
            async with garage.engine.begin() as connection:
                await connection.execute(update(AppointmentLineRow).values(values))
    with pytest.raises(IntegrityError, match="fk_appointment_lines_appointment"):
        async with garage.engine.begin() as connection:
            await connection.execute(update(AppointmentRow).values(vehicle_id=None))


async def test_who_is_there_keeps_the_bay_until_they_have_left(garage: Garage) -> None:
    await garage.book("first", status="arrived")
    theirs = {"customer_id": garage.john, "vehicle_id": garage.truck}
    with pytest.raises(IntegrityError, match="ex_appointment_lines_bay_time"):
        await garage.book("second", **theirs)
    with pytest.raises(IntegrityError, match="ex_appointment_lines_vehicle_time"):
        await garage.book("second", bay_id="bay-2")
    async with garage.engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status="completed"))
    await garage.book("second", **theirs)


async def test_a_bay_is_taken_until_it_is_free_again(garage: Garage) -> None:
    done = NINE + timedelta(minutes=45)
    await garage.book("first", line={"free_at": done + timedelta(minutes=15)})
    theirs = {"customer_id": garage.john, "vehicle_id": garage.truck}
    with pytest.raises(IntegrityError, match="ex_appointment_lines_bay_time"):
        await garage.book("second", starts_at=done, **theirs)
    await garage.book("elsewhere", starts_at=done, bay_id="bay-2")  # the car is done
    await garage.book("third", starts_at=done + timedelta(minutes=15), **theirs)


async def test_what_is_held_is_held_from_others(garage: Garage) -> None:
    held = {
        "location_id": "main",
        "bay_id": "bay-1",
        "service_code": "oil_change",
        "starts_at": NINE,
        "ends_at": NINE + timedelta(minutes=45),
        "free_at": NINE + timedelta(minutes=45),
        "status": "held",
        "held_by": "CA1",
        "held_until": NINE,
    }
    async with garage.engine.begin() as connection:
        await connection.execute(insert(AppointmentLineRow).values(held))
    with pytest.raises(IntegrityError, match="ex_appointment_lines_bay_time"):
        await garage.book("second")
    await garage.book("elsewhere", bay_id="bay-2")
    for missing in ("held_by", "held_until"):
        with pytest.raises(IntegrityError, match="ck_appointment_lines_held"):
            async with garage.engine.begin() as connection:
                await connection.execute(
                    insert(AppointmentLineRow).values(held | {"bay_id": "bay-3", missing: None})
                )


async def test_a_place_of_the_shuttle_is_given_once(garage: Garage) -> None:
    day = {"transport": "shuttle", "transport_date": NINE.date(), "transport_place": 1}
    await garage.book("first", **day)
    later = {"starts_at": NINE + timedelta(hours=2)}
    with pytest.raises(IntegrityError, match="uq_appointments_transport_place"):
        await garage.book("second", **day, **later)
    await garage.book("another seat", **{**day, "transport_place": 2}, **later)
    await garage.book("a car", bay_id="bay-2", **{**day, "transport": "loaner"}, vehicle_id=None)
    await garage.book("over", **day, **later, status="cancelled")
    with pytest.raises(IntegrityError, match="ck_appointments_transport_place"):
        await garage.book("no day", **{**day, "transport_date": None}, bay_id="bay-3")


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
        (line,) = await connection.execute(select(AppointmentLineRow.__table__))
        assert (line.bay_id, line.status) == ("bay-1", row.status)
        assert (row.customer_id, row.vehicle_id, line.vehicle_id) == (None, None, None)


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
        assert await connection.scalar(select(AppointmentLineRow.location_id)) == "north"


async def test_a_bay_does_not_leave_a_visit_behind(garage: Garage, dealership: Dealership) -> None:
    await garage.book("first")
    later = {"starts_at": NINE + timedelta(hours=1), "ends_at": NINE + timedelta(hours=2)}
    async with garage.engine.begin() as connection:
        (first,) = await connection.execute(select(AppointmentLineRow.__table__))
        second = {**first._mapping, **later, "free_at": later["ends_at"], "position": 2}
        second |= {"id": uuid.uuid4(), "service_code": "battery", "bay_id": "bay-2"}
        del second["vehicle_key"]
        await connection.execute(insert(AppointmentLineRow).values(second))
    main = dealership.locations[0]
    stays, moves = main.bays[1:], main.bays[:1]
    north = main.model_copy(update={"id": "north", "bays": moves})
    moved = dealership.model_copy(
        update={"locations": (main.model_copy(update={"bays": stays}), north)}
    )
    with pytest.raises(DealershipRefused, match="bays bay-2 and bay-1 cannot be at different"):
        await sync_dealership(garage.engine, moved)
    async with garage.engine.connect() as connection:
        assert {*await connection.scalars(select(BayRow.location_id))} == {"main"}


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
    await garage.book_of_old("first")
    given = {name: garage.truck if value == "truck" else value for name, value in changes.items()}
    given.setdefault("ends_at", given.get("starts_at", NINE) + timedelta(minutes=45))
    await garage.book_of_old("second", **given)
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
    await garage.book_of_old("first", location_id="elsewhere")
    await migrate(garage.url)
    async with garage.engine.connect() as connection:
        assert await connection.scalar(select(AppointmentRow.location_id)) == "main"


async def test_down_and_up_on_a_seeded_database(garage: Garage, dealership: Dealership) -> None:
    report = await seed(garage.engine, dealership, date(2026, 11, 23))
    await garage.move_to("0004")
    await migrate(garage.url)
    async with garage.engine.connect() as connection:
        for table in (AppointmentRow, AppointmentLineRow, AppointmentChangeRow):
            counted = await connection.scalar(select(func.count()).select_from(table))
            assert counted == report.appointments
        bays = await connection.scalars(select(BayRow.location_id).distinct())
        assert bays.all() == ["main"]


async def test_appointments_get_their_line_and_their_history(garage: Garage) -> None:
    await garage.move_to("0009")
    await garage.book_of_old("CA1:slot", call_sid="CA1", status="cancelled")
    await garage.book_of_old("by hand", starts_at=NINE, bay_id="bay-2")
    await migrate(garage.url)
    async with garage.engine.connect() as connection:
        heads = {row.id: row for row in await connection.execute(select(AppointmentRow.__table__))}
        lines = (await connection.execute(select(AppointmentLineRow.__table__))).all()
        changes = (await connection.execute(select(AppointmentChangeRow.__table__))).all()
    assert [heads[line.appointment_id].idempotency_key for line in lines] == ["CA1:slot", "by hand"]
    assert [(line.bay_id, line.status, line.google_event_id) for line in lines] == [
        ("bay-1", "cancelled", "event-CA1:slot"),
        ("bay-2", "booked", "event-by hand"),
    ]
    for line in lines:
        head = heads[line.appointment_id]
        assert (line.starts_at, line.ends_at, line.free_at) == (NINE, head.ends_at, head.ends_at)
        assert (line.vehicle_id, head.transport, head.version) == (garage.civic, "drop_off", 1)
    opening = Opening.of_one("main", "bay-3", "oil_change", NINE, NINE + timedelta(minutes=45))
    assert [(one.key, one.actor, one.wish) for one in changes] == [
        ("CA1:slot", "caller", wish_of(opening)),
        ("by hand", "staff", wish_of(opening)),
    ]


async def test_a_visit_of_two_lines_stops_the_way_back(garage: Garage) -> None:
    await garage.book("first", status="arrived")
    later = {"starts_at": NINE + timedelta(hours=1), "ends_at": NINE + timedelta(hours=2)}
    async with garage.engine.begin() as connection:
        (first,) = await connection.execute(select(AppointmentLineRow.__table__))
        second = {**first._mapping, **later, "free_at": later["ends_at"], "position": 2}
        second |= {"id": uuid.uuid4(), "service_code": "battery"}
        del second["vehicle_key"]
        await connection.execute(insert(AppointmentLineRow).values(second))
    with pytest.raises(MigrationStopped, match="1 lines are beyond the first") as stopped:
        await garage.move_to("0009")
    assert await current_revision(garage.url) == head_revision()
    listed = str(stopped.value).split("This lists them: ")[1]
    async with garage.engine.begin() as connection:
        assert len((await connection.execute(text(listed))).all()) == 1
        beyond = AppointmentLineRow.position > 1
        await connection.execute(delete(AppointmentLineRow).where(beyond))
    await garage.move_to("0009")
    async with garage.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT bay_id, service_code, status FROM appointments")
        )
        assert [tuple(row) for row in found] == [("bay-1", "oil_change", "booked")]
