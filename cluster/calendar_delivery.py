"""Telling Google what waits in the outbox, for a command that wants to say that it is done."""

from __future__ import annotations

import asyncio
import contextlib

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.mirror.book import EventBook
from otto.scheduling.mirror.delivery import calendar_handlers
from otto.scheduling.outbox import OutboxWorker
from otto.storage.tables import OutboxRow

TELLING_S = 60.0
"""How long a command tells Google what waits before it leaves the rest to the running stack."""


async def tell_google(engine: AsyncEngine, dealership: Dealership, google: GoogleCalendar) -> int:
    """Deliver what waits for Google, for `TELLING_S` at most; returns how much is left. A running
    stack may do the same meanwhile."""
    worker = OutboxWorker(engine, calendar_handlers(google, EventBook(engine, dealership)))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TELLING_S):
            while await worker.run_once():
                pass
    waiting = (
        select(func.count())
        .select_from(OutboxRow)
        .where(OutboxRow.done_at.is_(None), OutboxRow.kind.startswith("calendar."))
    )
    async with engine.connect() as connection:
        return int(await connection.scalar(waiting) or 0)
