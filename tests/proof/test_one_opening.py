"""Two hundred callers at once after one opening, through the CalendarActor: one gets it, also when
the actor is killed under them."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from actors.stores.calendar import CalendarActor
from benchmarks.chaos.booking_kinds import found_appointments, new_people
from benchmarks.chaos.clients import Client, wanted_starts
from benchmarks.chaos.workshop import Workshop, kill_calendar_actor, workshop
from otto.scheduling.bookings import BookingRequest, SchedulingError
from otto.scheduling.openings import Opening

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]
CALLERS = 200
SERVICE, MINUTES, BAY = "wheel_alignment", 60, "bay-4"
"""Only one bay can do it: one opening is one appointment."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with (
        tempfile.TemporaryDirectory(prefix="otto-one-", dir="/var/tmp") as folder,
        workshop(Path(folder)) as shop,
    ):
        yield shop


@pytest.mark.parametrize("is_killed", [False, True])
def test_two_hundred_callers_after_one_opening(is_killed: bool, shop: Workshop) -> None:
    start = wanted_starts(shop.dealership.location("main"), 0)[is_killed * 5]
    opening = Opening.of_one("main", BAY, SERVICE, start, start + timedelta(minutes=MINUTES))

    async def ask(caller: Client) -> str:
        key = f"{is_killed}-{caller.customer_id}"
        request = BookingRequest(
            *(key, opening, caller.customer_id, caller.vehicle_id, caller.phone, f"CA{key}"),
            caller=caller.phone,
        )
        while True:
            try:
                booking = await shop.calendar.ask(CalendarActor.book, request)
            except SchedulingError as refused:
                return refused.code
            except Exception:  # no answer: the key makes asking again safe
                await asyncio.sleep(0.2)
                continue
            return str(booking.appointment_id)

    async def all_of_them() -> Counter[str]:
        asked = [asyncio.create_task(ask(each)) for each in await new_people(shop, CALLERS)]
        if is_killed:
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            assert kill_calendar_actor()
        return Counter(await asyncio.gather(*asked))

    answers = asyncio.run(all_of_them())
    standing = [
        found
        for found in asyncio.run(found_appointments(shop))
        if found.state.stretches[0].starts_at == start
    ]
    assert answers.pop("taken") == CALLERS - 1
    assert answers == {found.id: 1 for found in standing}
    assert len(standing) == 1
