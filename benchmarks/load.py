"""Callers for a benchmark: distinct people with distinct wishes, and the records of their calls.

They want different services, because bays differ in what they can do: if all wanted the first
opening for an oil change, the run would measure a rush for one bay and not a call.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

from benchmarks.systems import System

WISHES = (
    "oil_change",
    "tire_rotation",
    "wheel_alignment",
    "brake_inspection",
    "state_inspection",
    "ac_service",
    "battery",
    "diagnostic",
)
DAYS = ("tuesday", "wednesday", "thursday", "friday", "monday")
STAGGER_S = 0.5
"""Within so long all calls of a row are placed."""
POLL_S = 0.5
CALL_LIMIT_S = 240.0

Json = dict[str, Any]


async def place(http: httpx.AsyncClient, system: System, calls: int, first: int = 0) -> list[str]:
    """Place `calls` calls, by customers from the `first` on; their sids."""
    sids = []
    for number in range(first, first + calls):
        answer = await http.post(f"{system.sandbox}/sandbox/calls", json=caller(system, number))
        answer.raise_for_status()
        sids.append(answer.json()["call_sid"])
        await asyncio.sleep(STAGGER_S / calls)
    return sids


def caller(system: System, number: int) -> Json:
    """The request that places the call of the customer with this number."""
    facts: Json = {"known": False, "phone": f"+1312555{2000 + number}"}
    if system.customers:
        facts = {"known": True, **system.customers[number % len(system.customers)]}
    goal = {
        "service": WISHES[number % len(WISHES)],
        "prefer": DAYS[number // len(WISHES) % len(DAYS)],
    }
    return {
        "persona": "load",
        "speech": "known",
        "from": facts["phone"],
        "facts": facts,
        "goal": goal,
    }


async def answers(http: httpx.AsyncClient, system: System) -> int:
    """How many answers the model has begun so far."""
    found: int = (await http.get(f"{system.sandbox}/sandbox/health")).json()["answers"]
    return found


async def finished(
    http: httpx.AsyncClient, system: System, sid: str, deadline_s: float | None = None
) -> Json:
    """The record of a call, once it is over. At `deadline_s` (monotonic) the caller hangs up.

    Raises TimeoutError when a call does not end.
    """
    url = f"{system.sandbox}/sandbox/calls/{sid}"
    give_up_s = time.monotonic() + CALL_LIMIT_S
    while True:
        record: Json = (await http.get(url)).json()
        if record["over"]:
            return record
        now_s = time.monotonic()
        if deadline_s is not None and now_s > deadline_s:
            await http.post(
                url, json={"hang_up": True}
            )  # over meanwhile: refused, and that is fine
            deadline_s = None
        if now_s > give_up_s:
            raise TimeoutError(f"call {sid} did not end in {CALL_LIMIT_S:.0f} s")
        await asyncio.sleep(POLL_S)
