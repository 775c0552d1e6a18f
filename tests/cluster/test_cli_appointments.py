"""`otto appointment`: staff see the day, mark who came, cancel; what is wrong is one sentence."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from cluster import cli, cli_appointments
from config.dealership import Dealership
from config.settings import DatabaseSettings, Settings
from otto.crm.customers import NewCustomer, NewVehicle
from otto.crm.service import CrmService
from otto.scheduling.bookings import Booking, BookingRequest
from otto.scheduling.openings import OpeningsQuery
from otto.scheduling.service import CalendarService
from otto.storage.database import sync_dealership

PHONE = "+17735550178"


@pytest.fixture
async def booked(
    engine: AsyncEngine,
    postgres_url: str,
    dealership: Dealership,
    monkeypatch: pytest.MonkeyPatch,
) -> Booking:
    """One appointment; its time is moved into the past by whoever needs it to be."""
    made = Settings(database=DatabaseSettings(url=SecretStr(postgres_url)))
    monkeypatch.setattr(cli_appointments, "load_settings", lambda: made)
    await sync_dealership(engine, dealership)
    crm = CrmService(engine, "main")
    who = await crm.create_customer(NewCustomer("dana", "Dana", "Field", PHONE))
    car = await crm.add_vehicle(NewVehicle("civic", who.id, 2019, "Honda", "Civic"))
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE appointments, outbox CASCADE"))
    calendar = CalendarService(engine, dealership, "main")
    found = await calendar.find_openings(OpeningsQuery(("oil_change",)))
    request = BookingRequest("one", found.openings[0], who.id, car.id, PHONE)
    return await calendar.book(request)


async def begin(engine: AsyncEngine) -> None:
    """The appointment began an hour ago."""
    async with engine.begin() as connection:
        for table, ends in (("appointments", ""), ("appointment_lines", ", free_at = now()")):
            await connection.execute(
                text(
                    f"UPDATE {table} SET starts_at = now() - interval '1 hour',"
                    f" ends_at = now(){ends}"
                )
            )


async def otto(*arguments: str) -> Any:
    """In a thread: the commands have loops of their own."""
    return await asyncio.to_thread(CliRunner().invoke, cli.app, ["appointment", *arguments])


async def test_the_day_is_listed_and_the_car_marked(booked: Booking, engine: AsyncEngine) -> None:
    day = (booked.starts_at - timedelta(days=1)).date().isoformat()
    listed = await otto("list", "--day", day, "--days", "3")
    assert booked.confirmation in listed.output and "oil_change" in listed.output
    early = await otto("completed", booked.confirmation)
    assert "has not begun yet" in str(early.exception)
    await begin(engine)
    for command, status in (
        ("arrived", "arrived"),
        ("no-show", "no show"),
        ("completed", "completed"),
    ):
        run = await otto(command, booked.confirmation.lower())
        assert run.exit_code == 0 and run.output.rstrip().endswith(f": {status}")


async def test_a_cancellation_frees_the_bay_and_is_told(
    booked: Booking, engine: AsyncEngine
) -> None:
    for _ in range(2):  # typed twice, it is one
        run = await otto("cancel", str(booked.appointment_id))
        assert run.output.rstrip().endswith(": cancelled")
    async with engine.connect() as connection:
        kinds = await connection.scalars(text("SELECT kind FROM outbox ORDER BY id"))
        reasons = await connection.scalars(
            text("SELECT reason FROM appointment_changes WHERE action = 'cancelled'")
        )
        assert list(reasons) == ["by_staff"]
        assert [kind for kind in kinds if kind == "calendar.delete"] == ["calendar.delete"]
    again = await otto("arrived", str(booked.appointment_id))
    assert "has been cancelled" in str(again.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("arrived", "ZZZZ"), "no appointment around today has the code 'ZZZZ'"),
        (("list", "--day", "tomorrow"), "--day is a date, like 2026-11-24"),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    arguments: tuple[str, ...], said: str, booked: Booking
) -> None:
    run = await otto(*arguments)
    assert run.exit_code != 0 and said in str(run.exception)
