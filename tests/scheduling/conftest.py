"""A location with its bays and two customers in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.scheduling.google.calendar import GoogleCalendar
from otto.storage.database import sync_dealership
from otto.storage.tables import CustomerRow, VehicleRow
from sandbox.app import serve
from sandbox.world import Options, World
from tests.scheduling.booking_support import People
from tests.scheduling.google_support import google_settings
from tests.scheduling.mirror_support import Workshop


@pytest.fixture
async def people(engine: AsyncEngine, dealership: Dealership) -> AsyncIterator[People]:
    """Bays, services and two customers; appointments and the outbox are emptied afterwards."""
    await sync_dealership(engine, dealership)
    ids: list[int] = []
    async with engine.begin() as connection:
        for first, phone, make, model in (
            ("Maria", "+13125550142", "Honda", "Civic"),
            ("John", "+13125550143", "Ford", "F-150"),
        ):
            customer: dict[str, Any] = {
                "location_id": "main",
                "first_name": first,
                "last_name": "Lopez",
                "phone": phone,
            }
            made = insert(CustomerRow).values(customer).returning(CustomerRow.id)
            owner = (await connection.execute(made)).scalar_one()
            vehicle = {"customer_id": owner, "year": 2019, "make": make, "model": model}
            bought = insert(VehicleRow).values(vehicle).returning(VehicleRow.id)
            ids += [owner, (await connection.execute(bought)).scalar_one()]
    yield People(*ids)
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "TRUNCATE appointments, outbox, vehicles, customers, limit_events, text_codes,"
                " text_consents, opt_outs, offered_starts, bay_blocks RESTART IDENTITY CASCADE"
            )
        )


@pytest.fixture
async def shop(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> AsyncIterator[Workshop]:
    world = World(Options(rest_ms=0))
    async with serve(world):
        google = GoogleCalendar(google_settings(world))
        yield Workshop(engine, dealership, world, google, people)
        await google.close()
    async with engine.begin() as connection:
        await connection.execute(
            text("TRUNCATE bay_blocks, calendar_sync, calendar_conflicts, callbacks")
        )
