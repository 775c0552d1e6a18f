"""Otto's roles on a real PostgreSQL: the actors' one takes a booking from the first question to the
last text, and can do nothing else."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from cluster import database
from cluster.database_check import check_postgres
from cluster.errors import Failed, StackError
from config.dealership import Dealership
from config.privacy import RetentionSettings
from config.settings import DatabaseSettings, Settings
from otto.crm.cache_invalidations import CacheInvalidations
from otto.crm.customer_cache import CustomerCache
from otto.crm.customers import IdentityClaim, NewCustomer, NewVehicle
from otto.crm.records import Callback, CallRecord, TurnLine
from otto.crm.retention import RetentionSweeper
from otto.crm.service import CrmService
from otto.scheduling.bookings import BookingRequest, CancelRequest, MoveRequest
from otto.scheduling.openings import OpeningsQuery
from otto.scheduling.outbox import OutboxWorker
from otto.scheduling.service import CalendarService
from otto.scheduling.texts.code_requests import CodeRequest
from otto.scheduling.texts.codes import TextCodes
from otto.scheduling.texts.rules import TextRules
from otto.scheduling.texts.texts import KIND, Unsubscribed, text_handler
from otto.storage import rights
from otto.storage.database import make_engine, migrate, sync_dealership
from otto.storage.tables import Base

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
MARIA, STRANGER = "+13125550142", "+17735550199"
PASSWORD = secrets.token_hex(8)
Urls = dict[str, str]


async def ask(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


async def with_roles(url: str) -> Urls:
    """The database's URL by role; `roles.sql` was run by its superuser."""
    passwords = [
        f"ALTER ROLE {role} PASSWORD '{PASSWORD}'"
        for role in ("otto_migrate", "otto_app", "otto_read")
    ]
    await ask(url, rights.roles_sql(), *passwords, "SELECT 1")
    return {
        role: make_url(url).set(username=role, password=PASSWORD).render_as_string(False)
        for role in ("otto_migrate", "otto_app", "otto_read")
    } | {"superuser": url}


@pytest.fixture(scope="module")
def _emptied(make_database: Callable[[str | None], str]) -> str:
    return make_database(None)


@pytest.fixture
async def urls(_emptied: str, dealership: Dealership) -> Urls:
    """A database whose tables `otto_migrate` has made, by role."""
    made = await with_roles(_emptied)
    await migrate(made["otto_migrate"])
    engine = engine_of(made["otto_migrate"])
    await sync_dealership(engine, dealership)
    await engine.dispose()
    return made


def engine_of(url: str) -> AsyncEngine:
    return make_engine(DatabaseSettings(url=SecretStr(url)))


@pytest.fixture
async def app(urls: Urls) -> AsyncIterator[AsyncEngine]:
    engine = engine_of(urls["otto_app"])
    yield engine
    await engine.dispose()


async def test_the_actors_role_takes_a_booking_from_end_to_end(
    app: AsyncEngine, dealership: Dealership, redis: Redis
) -> None:
    cache = CustomerCache(redis, 60)
    crm = CrmService(app, "main", cache)
    customer = await crm.create_customer(NewCustomer("c", "Maria", "Lopez", MARIA, None))
    car = await crm.add_vehicle(NewVehicle("v", customer.id, 2019, "Honda", "Civic", None))
    await crm.add_phone(customer.id, STRANGER)
    assert await crm.find_by_phone(MARIA) == await crm.find_by_phone(STRANGER) != ()
    assert await CacheInvalidations(app, cache).deliver() >= 3, (
        "noted with the tables' owner's right"
    )
    await crm.verify(IdentityClaim(MARIA, "CA1", date_of_birth=date(1980, 1, 1)))

    calendar = CalendarService(app, dealership, "main", clock=lambda: NOW)
    slot, later, last = await calendar.find_openings(OpeningsQuery.of_days("oil_change", limit=3))
    request = BookingRequest("k", slot, customer.id, car.id, MARIA, "CA1", caller=MARIA)
    booking = await calendar.book(request)
    assert booking.is_texted and await calendar.book(request) == booking
    assert await calendar.appointments_of(customer.id) == (booking,)
    moved = await calendar.reschedule(
        MoveRequest("m", booking.appointment_id, customer.id, later, "CA1", MARIA, MARIA)
    )
    assert moved.starts_at == later.starts_at
    done = await calendar.book(replace(request, idempotency_key="k2", opening=last))
    there = CalendarService(app, dealership, "main", clock=lambda: last.starts_at)
    await there.mark(done.appointment_id, "arrived")
    gone = CancelRequest("x", booking.appointment_id, customer.id, call_sid="CA1", caller=MARIA)
    assert (await calendar.cancel(gone)).status == "cancelled"
    after = CalendarService(app, dealership, "main", clock=lambda: NOW + timedelta(days=9))
    assert await after.end_what_is_over() == 1

    rules = TextRules(frozenset(), frozenset({"US"}))
    codes = TextCodes(app, "Lakeside", rules, settings_limits(), clock=lambda: NOW)
    assert await codes.send(CodeRequest("CA2", STRANGER, STRANGER))
    told: list[str] = []

    async def send(to: str, body: str) -> None:
        told.append(to)
        if to == STRANGER:
            raise Unsubscribed("twilio_21610")

    async def upsert(item: object) -> None:
        told.append("event")

    handlers = {KIND: text_handler(app, rules, send, lambda: NOW), "calendar.upsert": upsert}
    await OutboxWorker(app, handlers).run_once()
    assert set(told) == {MARIA, STRANGER, "event"}
    code = await codes.check("CA2", "000000")
    assert code is not None

    at = NOW - timedelta(days=400)
    said = TurnLine(0, "caller", "hello", "hello", {"total_ms": 900}, at)
    record = CallRecord("CA1", MARIA, None, "inbound", "done", at, at, turns=(said,))
    await crm.calls.record_call(record)
    await crm.calls.record_call(replace(record, outcome="booked"))
    await crm.calls.request_callback(Callback("b", STRANGER, "oil", "CA2"))
    swept = await RetentionSweeper(app, RetentionSettings()).sweep(NOW + timedelta(days=500))
    assert swept["transcripts"] == 1 and swept["callbacks"] == 1 and swept["outbox"] >= 1


def settings_limits() -> object:
    return Settings().limits


ROW = "SELECT count(*) FROM pg_class WHERE false"


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE outbox",
        "DROP TABLE appointments CASCADE",
        "TRUNCATE outbox",
        "TRUNCATE customers CASCADE",
        "ALTER TABLE appointments DROP CONSTRAINT ck_appointments_status",
        "ALTER TABLE customers ADD COLUMN x int",
        "DROP INDEX ix_outbox_due",
        "CREATE INDEX ON customers (last_name)",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE VIEW mine AS SELECT * FROM customers",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TRIGGER mine AFTER INSERT ON outbox EXECUTE FUNCTION tsvector_update_trigger()",
        "CREATE SCHEMA mine",
        "CREATE EXTENSION pg_trgm",
        "CREATE ROLE mine",
        "ALTER ROLE otto_app SUPERUSER",
        "SET ROLE otto_migrate",
        "DELETE FROM customers",
        "DELETE FROM appointments",
        "DELETE FROM calls",
        "DELETE FROM opt_outs",
        "UPDATE opt_outs SET scope = 'texts'",
        "UPDATE number_hash_key SET key = ''",
        "INSERT INTO cache_invalidations (phone) VALUES ('+13125550142')",
        "INSERT INTO erasures VALUES ('x', now())",
        "UPDATE alembic_version SET version_num = '0001'",
        "UPDATE services SET price_cents = 0",
        "DELETE FROM bays",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY customers TO PROGRAM 'cat'",
        "COPY customers TO '/tmp/customers'",
    ],
)
async def test_the_actors_role_cannot(statement: str, urls: Urls) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(urls["otto_app"], statement, "SELECT 1")


@pytest.mark.parametrize(
    ("statement", "is_allowed"),
    [
        ("SELECT count(starts_at) FROM appointments", True),
        ("SELECT count(outcome) FROM calls", True),
        ("SELECT count(latency) FROM turns", True),
        ("SELECT count(last_error) FROM outbox", True),
        ("SELECT count(*) FROM services", True),
        ("SELECT notes FROM appointments", False),
        ("SELECT from_number FROM calls", False),
        ("SELECT text FROM turns", False),
        ("SELECT heard_text FROM turns", False),
        ("SELECT payload FROM outbox", False),
        ("SELECT phone FROM callbacks", False),
        ("SELECT reason FROM callbacks", False),
        ("SELECT 1 FROM customers", False),
        ("SELECT 1 FROM vehicles", False),
        ("SELECT 1 FROM number_hash_key", False),
        ("SELECT 1 FROM text_codes", False),
        ("UPDATE services SET price_cents = 0", False),
    ],
)
async def test_reports_see_no_person(statement: str, is_allowed: bool, urls: Urls) -> None:
    if is_allowed:
        await ask(urls["otto_read"], statement)
        return
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
        await ask(urls["otto_read"], statement)


async def test_reports_write_nothing_even_where_they_were_allowed_to(urls: Urls) -> None:
    assert await ask(urls["otto_read"], "SHOW default_transaction_read_only") == "on"


def test_every_table_has_its_rights_written_down() -> None:
    script = (Path(rights.__file__).with_name("sql") / "grants.sql").read_text(encoding="utf-8")
    granted = re.findall(r"GRANT [^;]*? ON\s+([\w,\s]+?)\s+TO otto_app", script)
    named = [table for each in granted for table in re.split(r",\s*", each.strip())]
    assert sorted(named) == sorted([*Base.metadata.tables, "alembic_version"])


async def test_rights_are_taken_back_with_the_next_migration(urls: Urls) -> None:
    owner = urls["otto_migrate"]
    await ask(owner, "GRANT DELETE ON customers TO otto_app", "SELECT 1")
    await migrate(owner)
    privilege = "SELECT has_table_privilege('otto_app', 'customers', 'DELETE')"
    assert await ask(owner, privilege) is False


async def test_tables_that_a_superuser_has_made_change_hands(
    make_database: Callable[[str | None], str], _template: str, dealership: Dealership
) -> None:
    made = await with_roles(make_database(_template))
    owners = (
        "SELECT string_agg(DISTINCT tableowner, ',') FROM pg_tables WHERE schemaname = 'public'"
    )
    assert await ask(made["superuser"], owners) == "otto_migrate"
    functions = "SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'note_customer_change'"
    assert await ask(made["superuser"], functions) == "otto_migrate"
    await with_roles(made["superuser"])  # again does no harm
    await migrate(made["otto_migrate"])
    assert await ask(made["otto_app"], "SELECT count(*) FROM customers") == 0
    await migrate(made["otto_migrate"], "0005")
    await migrate(made["otto_migrate"])
    assert await ask(made["otto_app"], "SELECT count(*) FROM customers") == 0


async def test_the_actors_role_may_start_at_the_newest_tables(urls: Urls) -> None:
    await migrate(urls["otto_app"])
    await ask(urls["otto_migrate"], "SELECT 1")
    assert await ask(urls["otto_app"], "SELECT count(*) FROM customers") is not None


# What `otto check` says of them


def settings_of(urls: Urls, role: str, migrating: str = "") -> Settings:
    given = {"url": SecretStr(urls[role])}
    if migrating:
        given["migration_url"] = SecretStr(urls[migrating])
    return Settings(database=DatabaseSettings(**given))


async def test_the_check_likes_roles_of_their_own(urls: Urls) -> None:
    found = await check_postgres(settings_of(urls, "otto_app", "otto_migrate"))
    assert "may change tables" not in found
    assert "may change tables" in await check_postgres(settings_of(urls, "superuser"))
    assert "may change tables" in await check_postgres(settings_of(urls, "otto_migrate"))


@pytest.mark.parametrize(
    ("role", "migrating", "says"),
    [
        ("superuser", "otto_migrate", "is a superuser, though"),
        ("otto_migrate", "otto_migrate", "role otto_migrate owns the tables, though"),
        ("otto_app", "otto_app", "otto_app does not own the tables"),
        ("otto_app", "otto_read", "otto_read does not own the tables"),
        ("otto_read", "otto_migrate", "role otto_read may not read appointments"),
    ],
)
async def test_the_check_refuses_roles_that_are_mixed_up(
    role: str, migrating: str, says: str, urls: Urls
) -> None:
    with pytest.raises(Failed, match=says) as failed:
        await check_postgres(settings_of(urls, role, migrating))
    assert PASSWORD not in str(failed.value) + failed.value.remedy


async def test_a_table_that_is_closed_is_named(urls: Urls) -> None:
    await ask(urls["otto_migrate"], "REVOKE ALL ON text_codes FROM otto_app", "SELECT 1")
    with pytest.raises(Failed, match="otto_app may not read text_codes"):
        await check_postgres(settings_of(urls, "otto_app"))


# The `otto` command with them


async def test_the_command_uses_the_migrations_role_and_the_actors_cannot_stand_in_for_it(
    make_database: Callable[[str | None], str],
) -> None:
    made = await with_roles(make_database(None))
    with pytest.raises(StackError, match="give DATABASE_MIGRATION_URL the role that owns"):
        await database.initialise(settings_of(made, "otto_app"))
    both = settings_of(made, "otto_app", "otto_migrate")
    assert "services" in await database.initialise(both)
    assert await ask(made["otto_app"], "SELECT count(*) > 0 FROM services") is True
    await check_postgres(both)
    assert dict(await database.status(both))["customers"] == "0"
    # At the newest tables, the menu is still the owner's to change.
    with pytest.raises(StackError, match="permission denied"):
        await database.initialise(settings_of(made, "otto_app"))
