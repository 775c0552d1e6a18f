"""Who is erased is found nowhere: not in a table, not in Redis, not in a file, not at Google.

The test looks for the person in everything there is, not where the code is known to write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.crm.cache_invalidations import CacheInvalidations
from otto.crm.call_log import CallLog
from otto.crm.customer_cache import CustomerCache
from otto.crm.customers import NewCustomer, NewVehicle
from otto.crm.person import Which, WhichPerson
from otto.crm.personal_data import AppointmentsAhead, erase_person, export_person
from otto.crm.records import Callback, CallRecord, TurnLine
from otto.crm.service import CrmService
from otto.dialogue.session.state import Session
from otto.dialogue.session.store import SessionStore
from otto.scheduling.bookings import BookingRequest
from otto.scheduling.mirror.book import planned_event
from otto.scheduling.openings import OpeningsQuery
from otto.scheduling.service import CalendarService
from otto.storage.database import sync_dealership
from otto.storage.guard import DatabaseGuard
from otto.storage.opt_outs import has_opted_out, opt_out
from otto.storage.spool import Spool, SpoolEntry
from otto.storage.tables import (
    AppointmentChangeRow,
    AppointmentLineRow,
    AppointmentRow,
    CallRow,
    OutboxRow,
)

NUMBER = "+17735550142"
VIN = "1HGBH41JXMN109186"
MARKS = ("7735550142", "Zebulon", "Quixano", "1931-05-17", VIN, "Batmobile", "grinding noise")
"""Of the person: whatever holds one of these holds the person."""
NOW = datetime(2026, 11, 16, 14, 0, tzinfo=UTC)
CALL_SID = "CA0000000000000000000000000000erased"
LOCATION = "main"


class World:
    """Everything that the person leaves behind, and everywhere it might lie."""

    def __init__(
        self, engine: AsyncEngine, redis: Redis, dealership: Dealership, folder: Path
    ) -> None:
        self.engine, self.redis, self.folder = engine, redis, folder
        self.dealership = dealership
        location = dealership.locations[0]
        self.spool = Spool(redis, folder, location.id)
        self.cache = CustomerCache(redis, 60)
        self.invalidations = CacheInvalidations(engine, self.cache)
        self.crm = CrmService(engine, location.id, self.cache, spool=self.spool)
        self.calendar = CalendarService(engine, dealership, location.id, clock=lambda: NOW)
        self.sessions = SessionStore(redis, 60)

    async def leave_traces(self) -> None:
        customer = await self.crm.create_customer(
            NewCustomer("key", "Zebulon", "Quixano", NUMBER, date(1931, 5, 17))
        )
        vehicle = await self.crm.add_vehicle(
            NewVehicle("vehicle", customer.id, 2021, "Wayne", "Batmobile", VIN)
        )
        openings = await self.calendar.find_openings(
            OpeningsQuery.of_days("oil_change", date(2026, 11, 17), limit=1)
        )
        await self.calendar.book(
            BookingRequest(
                idempotency_key=f"{CALL_SID}:book",
                opening=openings.openings[0],
                customer_id=customer.id,
                vehicle_id=vehicle.id,
                customer_phone=NUMBER,
                call_sid=CALL_SID,
                notes="grinding noise",
            )
        )
        await self.crm.calls.record_call(record())
        await self.crm.calls.request_callback(
            Callback(f"{CALL_SID}:callback", NUMBER, "a grinding noise", CALL_SID)
        )
        await self.crm.find_by_phone(NUMBER)
        session = Session.begin(CALL_SID, NUMBER, "+13125550100", NOW)
        session.first_name, session.outcome = "Zebulon", "done"
        session.history.caller("My Batmobile makes a grinding noise.")
        await self.sessions.open(CALL_SID, 1)
        await self.sessions.commit(CALL_SID, 1, session.dump())
        await self.spool.keep(SpoolEntry("call", "CA2", record("CA2").dump()))
        await self.invalidations.deliver()

    async def traces(self) -> dict[str, str]:
        """Where the person is found, and as what."""
        everything = {**await self._tables(), **await self._keys(), **self._files()}
        return {where: mark for where, what in everything.items() for mark in MARKS if mark in what}

    async def _tables(self) -> Mapping[str, str]:
        async with self.engine.connect() as connection:
            names = await connection.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            )
            return {
                name: "\n".join(
                    await connection.scalars(text(f'SELECT t::text FROM "{name}" AS t'))
                )
                for name in list(names)
            }

    async def _keys(self) -> Mapping[str, str]:
        found = {}
        for key in await self.redis.keys("*"):
            kind = (await self.redis.type(key)).decode()
            read: Any = {
                "string": lambda key: self.redis.get(key),
                "hash": lambda key: self.redis.hgetall(key),
                "list": lambda key: self.redis.lrange(key, 0, -1),
            }[kind]
            found[str(key)] = f"{key!r} {await read(key)!r}"
        return found

    def _files(self) -> Mapping[str, str]:
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path): path.read_text() for path in paths}


def record(call_sid: str = CALL_SID, started_at: datetime = NOW) -> CallRecord:
    said = TurnLine(0, "caller", "It is Zebulon, my Batmobile", "It is Zebulon", {}, NOW)
    return CallRecord(
        call_sid,
        NUMBER,
        "+13125550100",
        "inbound",
        "done",
        started_at,
        started_at + timedelta(minutes=2),
        turns=(said,),
    )


@pytest.fixture
async def world(engine: AsyncEngine, redis: Redis, dealership: Dealership, tmp_path: Path) -> World:
    world = World(engine, redis, dealership, tmp_path)
    await sync_dealership(engine, dealership)
    async with engine.begin() as connection:
        for table in (
            "outbox",
            "callbacks",
            "calls",
            "appointments",
            "customers",
            "erasures",
            "opt_outs",
        ):
            await connection.execute(text(f"DELETE FROM {table}"))
    await world.leave_traces()
    return world


async def erase_everywhere(world: World) -> dict[str, int]:
    """As `otto customer erase` does, which is tested with the command."""
    erased = await erase_person(world.engine, NUMBER, cancel_appointments=True)
    for session in await world.sessions.of_number(NUMBER):
        await world.sessions.forget(session.call_sid)
    await world.cache.forget(NUMBER)
    await world.invalidations.deliver()
    await world.spool.purge(lambda entry: entry.payload.get("from_number") == NUMBER)
    return erased


async def test_what_is_left_behind_is_found_by_the_test_itself(world: World) -> None:
    assert {*(await world.traces())} >= {
        "customers",
        "vehicles",
        "appointments",
        "turns",
        "calls",
        "callbacks",
        "outbox",
        f"{world.folder}/{LOCATION}/journal.jsonl",
    }


async def test_an_erased_person_is_found_nowhere(world: World) -> None:
    erased = await erase_everywhere(world)
    assert await world.traces() == {}
    assert erased["customers"] == erased["vehicles"] == erased["calls"] == erased["turns"] == 1


async def test_an_erasure_is_repeated_without_harm(world: World) -> None:
    await erase_everywhere(world)
    assert await erase_person(world.engine, NUMBER) == {}


async def test_the_event_is_deleted_and_never_written_again(world: World) -> None:
    async with world.engine.connect() as connection:
        event_id = await connection.scalar(select(AppointmentLineRow.google_event_id))
    await erase_everywhere(world)
    async with world.engine.connect() as connection:
        rows = (
            await connection.execute(
                select(OutboxRow.kind, OutboxRow.payload).order_by(OutboxRow.id)
            )
        ).all()
    told = [(row.kind, row.payload["event_id"]) for row in rows]
    assert told == [("calendar.upsert", event_id), ("calendar.delete", event_id)]
    assert set(rows[0].payload) == {"appointment_id", "calendar_id", "event_id"}, "ids alone"
    async with world.engine.connect() as connection:
        assert await planned_event(connection, world.dealership, str(event_id)) is None


async def test_that_the_bay_was_used_stays_known(world: World) -> None:
    async with world.engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status="completed"))
    await erase_person(world.engine, NUMBER)
    async with world.engine.connect() as connection:
        row = (await connection.execute(select(AppointmentRow.__table__))).one()
        line = (await connection.execute(select(AppointmentLineRow.__table__))).one()
        change = (await connection.execute(select(AppointmentChangeRow.__table__))).one()
    assert (row.status, row.customer_id, row.vehicle_id) == ("completed", None, None)
    assert (line.service_code, line.vehicle_id) == ("oil_change", None)
    assert (change.action, change.call_sid) == ("booked", None)
    assert CALL_SID not in change.key


async def test_whoever_is_expected_is_not_erased_by_mistake(world: World) -> None:
    before = await world.traces()
    async with world.engine.begin() as connection:
        # The database's clock, not the test's, says what lies ahead.
        moved = {"starts_at": datetime.now(UTC) + timedelta(days=1)}
        moved["ends_at"] = moved["starts_at"] + timedelta(minutes=30)
        await connection.execute(update(AppointmentRow).values(moved))
    with pytest.raises(AppointmentsAhead):
        await erase_person(world.engine, NUMBER)
    assert await world.traces() == before
    await erase_person(world.engine, NUMBER, cancel_appointments=True)
    async with world.engine.connect() as connection:
        assert await connection.scalar(select(AppointmentRow.status)) == "cancelled"


async def test_a_record_that_waited_does_not_bring_the_person_back(world: World) -> None:
    waiting = await world.spool.waiting()
    await erase_everywhere(world)
    log = CallLog(world.engine, LOCATION, DatabaseGuard(), None)
    for entry in waiting:
        await log.take_in(entry)
    callback = Callback("late", NUMBER, "grinding noise", None)
    kept_at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    await log.take_in(SpoolEntry("callback", "late", callback.dump(), kept_at))
    await log.take_in(SpoolEntry("callback", "old", callback.dump()))  # of release 0.1
    await log.record_call(record("CA3"))  # a call that was on the line meanwhile
    assert await world.traces() == {}


async def test_whoever_comes_again_is_served_again(world: World) -> None:
    await erase_everywhere(world)
    log = CallLog(world.engine, LOCATION, DatabaseGuard(), None)
    await log.record_call(record("CA4", datetime.now(UTC) + timedelta(seconds=1)))
    await log.request_callback(Callback("new", NUMBER, "an oil change", "CA4"))
    async with world.engine.connect() as connection:
        assert await connection.scalar(select(CallRow.from_number)) == NUMBER
    assert {"calls", "callbacks"} <= {*(await world.traces())}


async def test_an_opt_out_survives(world: World) -> None:
    async with world.engine.begin() as connection:
        await opt_out(connection, NUMBER, "texts", "carrier")
        await opt_out(connection, NUMBER, "texts", "carrier")
    await erase_everywhere(world)
    assert await world.traces() == {}
    async with world.engine.connect() as connection:
        assert await has_opted_out(connection, NUMBER, "texts")
        assert not await has_opted_out(connection, NUMBER, "calls")
        assert not await has_opted_out(connection, "+17735550143", "texts")


async def test_others_keep_what_is_theirs(world: World) -> None:
    other = await world.crm.create_customer(NewCustomer("b", "Bo", "Li", "+17735550143", None))
    await world.crm.calls.record_call(
        CallRecord("CA9", "+17735550143", None, "inbound", "done", NOW, NOW, other.id)
    )
    await erase_everywhere(world)
    assert await export_person(world.engine, "+17735550143") != {}
    assert (await world.crm.find_by_phone("+17735550143")) == (other,)


async def test_an_export_holds_every_trace(world: World) -> None:
    found = await export_person(world.engine, NUMBER)
    in_tables = {where for where in await world.traces() if "/" not in where and "b'" not in where}
    # Rows about their appointment that do not name them.
    assert {*found} == in_tables | {"appointment_lines", "appointment_changes", "outbox"}
    shown = json.dumps(found)
    assert [mark for mark in MARKS if mark not in shown] == []


# A number that somebody else has, too

OTHERS_MARKS = ("Lovelace", "2000-02-03", "1M8GDM9AXKP042788", "Phaeton", "a squeaking belt")


async def share(world: World) -> tuple[int, int]:
    """Ada has the number, too, and calls from it; returns Zebulon's id and hers."""
    (zebulon,) = await world.crm.find_by_phone(NUMBER)
    ada = await world.crm.create_customer(
        NewCustomer("ada", "Ada", "Lovelace", NUMBER, date(2000, 2, 3))
    )
    await world.crm.add_vehicle(
        NewVehicle("adas", ada.id, 1989, "VW", "Phaeton", "1M8GDM9AXKP042788")
    )
    said = TurnLine(0, "caller", "This is Ada Lovelace, a squeaking belt", None, {}, NOW)
    await world.crm.calls.record_call(
        CallRecord("CA7", NUMBER, None, "inbound", "done", NOW, NOW, ada.id, turns=(said,))
    )
    wish = Callback("CA7:callback", NUMBER, "a squeaking belt", "CA7")
    await world.crm.calls.request_callback(wish)
    return zebulon.id, ada.id


async def test_nobody_is_erased_or_shown_for_another_by_mistake(world: World) -> None:
    ids = await share(world)
    before = await export_all(world)
    for which in (
        Which(),
        Which("Eve Adams"),
        Which(customer_id=-1),
        Which("Ada Lovelace", ids[0]),
    ):
        with pytest.raises(WhichPerson) as unclear:
            await export_person(world.engine, NUMBER, which)
        with pytest.raises(WhichPerson):
            await erase_person(world.engine, NUMBER, which, cancel_appointments=True)
        assert "Ada" not in str(unclear.value) and "Zebulon" not in str(unclear.value)
        assert str(ids[0]) in str(unclear.value) and str(ids[1]) in str(unclear.value)
    assert await export_all(world) == before


async def export_all(world: World) -> str:
    await world.invalidations.deliver()
    return json.dumps({**await world._tables()})


@pytest.mark.parametrize("by", ["name", "id", "accents"])
async def test_one_of_two_is_erased_and_the_other_keeps_everything(by: str, world: World) -> None:
    zebulon, ada = await share(world)
    which = {
        "name": Which("Zebulon Quixano"),
        "id": Which(customer_id=zebulon),
        "accents": Which("zébulon  QUIXANO"),
    }[by]
    hers = await export_person(world.engine, NUMBER, Which(customer_id=ada))
    await erase_person(world.engine, NUMBER, which, cancel_appointments=True)
    marks = [mark for mark in MARKS if mark != NUMBER.removeprefix("+1")]
    everything = await export_all(world)
    assert [mark for mark in marks if mark in everything] == []
    assert await export_person(world.engine, NUMBER) == hers, "she is the only one now"
    shown = json.dumps(hers)
    assert [mark for mark in OTHERS_MARKS if mark not in shown] == []
    assert (await world.crm.calls.take_in(SpoolEntry("call", "CA8", late_record(ada)))) is None
    async with world.engine.connect() as connection:
        calls = await connection.scalars(select(CallRow.call_sid).order_by(CallRow.call_sid))
        assert list(calls) == ["CA7", "CA8"], "what waited of hers comes in"


def late_record(customer_id: int) -> dict[str, Any]:
    return CallRecord("CA8", NUMBER, None, "inbound", "done", NOW, NOW, customer_id).dump()


async def test_what_nobody_is_on_record_for_is_not_shown_to_one_of_them(world: World) -> None:
    zebulon, ada = await share(world)
    for who, marks in ((ada, MARKS[1:]), (zebulon, OTHERS_MARKS)):
        shown = json.dumps(await export_person(world.engine, NUMBER, Which(customer_id=who)))
        assert [mark for mark in marks if mark in shown] == []
    assert "a squeaking belt" in json.dumps(
        await export_person(world.engine, NUMBER, Which(customer_id=ada))
    )


async def test_a_person_is_erased_under_all_their_numbers(world: World) -> None:
    (zebulon,) = await world.crm.find_by_phone(NUMBER)
    second = "+17735550144"
    await world.crm.add_phone(zebulon.id, second)
    await world.crm.calls.request_callback(Callback("second", second, "x", None))
    shown = await export_person(world.engine, second)
    assert shown == await export_person(world.engine, NUMBER)
    assert {row["phone"] for row in shown["callbacks"]} == {NUMBER, second}
    await erase_person(world.engine, second, cancel_appointments=True)
    everything = await export_all(world)
    assert [mark for mark in (*MARKS, second[1:]) if mark in everything] == []
    old = Callback("old", second, "x", None)
    await world.crm.calls.take_in(SpoolEntry("callback", "old", old.dump()))
    assert await export_person(world.engine, second) == {}, "nor does what waited come back"
