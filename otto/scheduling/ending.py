"""The appointments that nobody marks, ended beside the other work of who keeps the book."""

from __future__ import annotations

import asyncio

import structlog

from otto.scheduling.service import CalendarService

log = structlog.get_logger()

LOOK_EVERY_S = 60.0


async def keep_ending(calendar: CalendarService) -> None:
    """End what is over every minute, until cancelled. A database that is away is asked again
    then."""
    while True:
        try:
            await calendar.end_what_is_over()
        except Exception as error:
            log.warning("appointments_not_ended", error=type(error).__name__)
        await asyncio.sleep(LOOK_EVERY_S)
