"""What `otto db` does, and what the stack does at every start."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date
from zoneinfo import ZoneInfo

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from cluster.calendar_delivery import tell_google
from cluster.errors import StackError
from config.clock import utc_now
from config.dealership import Dealership, load_dealership
from config.settings import Settings, Vendor
from otto.crm.seed import seed
from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.outbox_state import describe, outbox_state
from otto.storage.database import (
    BASE,
    current_revision,
    head_revision,
    make_engine,
    migrate,
    revisions,
    sync_dealership,
)
from otto.storage.errors import DealershipRefused, MigrationStopped

ADVICE = {
    "42501": "give DATABASE_MIGRATION_URL the role that owns the tables",
    "25006": "this server takes no writes: it is a standby",
    "3D000": "make the database, or correct its name",
    "28P01": "check the password",
}
"""By SQLSTATE; what is not here is about the address."""
SEEDED = {Vendor.POSTGRES: "the database", Vendor.GOOGLE: "Google Calendar"}
"""What `otto db seed` writes to."""
COUNTED = ("customers", "vehicles", "services", "bays", "appointments", "repair_orders", "calls")


async def prepare(settings: Settings, dealership: Dealership, tell: Callable[[str], None]) -> None:
    """Tables up to date, the dealership's menu copied, and in the sandbox a believable past.
    Raises StackError."""
    with database_errors():
        await migrate(settings.database.as_operator.url.get_secret_value())
        async with operator_engine(settings) as engine:
            await sync_dealership(engine, dealership)
            if Vendor.POSTGRES in settings.sandbox:
                tell("customers, vehicles, appointments")
                # An invented appointment would be told to the people whose calendar it is.
                is_booked = Vendor.GOOGLE in settings.sandbox
                await seed(engine, dealership, _today(dealership), is_booked=is_booked)


async def initialise(settings: Settings) -> str:
    """`otto db init`"""
    dealership = load_dealership(settings.dealership_file)
    with database_errors():
        await migrate(settings.database.as_operator.url.get_secret_value())
        async with operator_engine(settings) as engine:
            await sync_dealership(engine, dealership)
    return (
        f"the tables are at {head_revision()}; {len(dealership.services)} services and "
        f"{sum(len(place.bays) for place in dealership.locations)} bays are in place"
    )


async def fill(settings: Settings) -> str:
    """`otto db seed`: afterwards the database and the calendars agree. Refuses whatever is live:
    invented people have no place in it. Raises StackError."""
    live = [name for vendor, name in SEEDED.items() if vendor not in settings.sandbox]
    if live:
        raise StackError(
            f"{' and '.join(live)} {'is' if len(live) == 1 else 'are'} live: invented customers and"
            " appointments are for the sandbox's alone (OTTO_SANDBOX)"
        )
    dealership = load_dealership(settings.dealership_file)
    await initialise(settings)
    google = GoogleCalendar(settings.google)
    try:
        with database_errors():
            async with operator_engine(settings) as engine:
                report = await seed(engine, dealership, _today(dealership))
                left = await tell_google(engine, dealership, google)
    finally:
        await google.close()
    told = "the calendars agree" if not left else f"{left} events wait for Google Calendar"
    return f"{report}; {told}"


async def move(settings: Settings, to: str) -> str:
    """`otto db migrate --to`"""
    url = settings.database.as_operator.url.get_secret_value()
    with database_errors():
        await migrate(url, to)
        return f"the tables are at {await current_revision(url) or BASE}"


async def status(settings: Settings) -> list[tuple[str, str]]:
    """`otto db status`: pairs of what and value."""
    url = settings.database.as_operator.url.get_secret_value()
    with database_errors():
        at = await current_revision(url)
        rows = [("migration", _told(at)), ("wanted", head_revision())]
        if at != head_revision():
            return rows
        async with operator_engine(settings) as engine, engine.connect() as connection:
            for table in COUNTED:
                counted = await connection.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
                rows.append((table, str(counted)))
            lanes = await outbox_state(connection)
            rows += [(f"outbox, {name}", describe(lane)) for name, lane in lanes.items()]
    return rows


def _told(at: str | None) -> str:
    if at is None:
        return "none: run `otto db init`"
    return at if at in revisions() else f"{at}: not of this release"


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Whatever the driver raises, as a sentence without the address, which holds a password."""
    try:
        yield
    except (DealershipRefused, MigrationStopped) as stopped:
        raise StackError(str(stopped)) from None
    except (SQLAlchemyError, asyncpg.PostgresError, OSError, TimeoutError) as error:
        cause = getattr(error, "orig", None) or error
        reason = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        advice = ADVICE.get(getattr(cause, "sqlstate", None) or "", "check DATABASE_URL")
        raise StackError(f"PostgreSQL cannot be used: {reason} ({advice})") from error


@asynccontextmanager
async def operator_engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """With the rights of whoever owns the tables."""
    engine = make_engine(settings.database.as_operator)
    try:
        yield engine
    finally:
        await engine.dispose()


def _today(dealership: Dealership) -> date:
    return utc_now().astimezone(ZoneInfo(dealership.locations[0].timezone)).date()
