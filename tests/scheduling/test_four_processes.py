"""One opening, 200 callers, four processes straight at the database: exactly one gets it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.scheduling.booking_support import People

ROOT = Path(__file__).parents[2]
PROCESSES, CALLERS_EACH = 4, 50
CALLERS = """
import asyncio, json, os, sys
import structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
from datetime import datetime
from pathlib import Path
from pydantic import SecretStr
from config.dealership import load_dealership
from config.settings import DatabaseSettings
from otto.scheduling.bookings import BookingRequest, SlotTaken
from otto.scheduling.service import CalendarService
from otto.storage.database import make_engine
from otto.storage.guard import DatabaseGuard
from tests.scheduling.booking_support import MANY, NOW
from tests.scheduling.test_booking import opening

async def main(url, which, callers, customer):
    engine = make_engine(DatabaseSettings(url=SecretStr(url), command_timeout_s=60))
    dealership = load_dealership(Path("config/dealership.yaml"))
    calendar = CalendarService(engine, dealership, "main", lambda: NOW, limits=MANY,
                               guard=DatabaseGuard(60))
    wish = opening("bay-4", service="wheel_alignment", minutes=60)
    print("ready", flush=True)
    sys.stdin.readline()

    async def attempt(caller):
        request = BookingRequest(f"{which}-{caller}", wish, customer, None, "+13125550142")
        try:
            return str((await calendar.book(request)).appointment_id)
        except SlotTaken:
            return None

    got = await asyncio.gather(*(attempt(caller) for caller in range(callers)))
    print(json.dumps([one for one in got if one]), flush=True)
    await engine.dispose()

asyncio.run(main(os.environ["TRIED_DATABASE"], sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


async def test_one_of_two_hundred_callers_from_four_processes_gets_it(
    engine: AsyncEngine, postgres_url: str, people: People
) -> None:
    def rush() -> list[str]:
        processes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-c", CALLERS, str(number)),
                    *(str(CALLERS_EACH), str(people.maria)),
                ],
                cwd=ROOT,
                env={**os.environ, "TRIED_DATABASE": postgres_url},  # not where `ps` shows it
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for number in range(PROCESSES)
        ]
        pipes: list[Any] = [(process.stdin, process.stdout) for process in processes]
        try:
            for _, said in pipes:
                assert said.readline() == "ready\n"
            for told, _ in pipes:  # all of them are up: now at once
                told.write("\n")
                told.flush()
            return [won for _, said in pipes for won in json.loads(said.readline())]
        finally:
            for process in processes:
                process.communicate()

    won = await asyncio.to_thread(rush)
    async with engine.connect() as connection:
        standing = await connection.scalars(
            text("SELECT id::text FROM appointments WHERE status = 'booked'")
        )
        assert won == list(standing) and len(won) == 1
