"""How soon Otto stops when it is interrupted, and goes on when it was only a cough.

One call at a time, so that every message of the recogniser belongs to it; both ends of each
measure are on the clock that all processes of the machine share.

    recogniser   ▌"wait"            ▌""  (no word after all)
    the line     ──Otto──X clear         ▌Otto goes on
                 |stop|              |resume|
"""

from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Iterable
from typing import Any

import httpx

from benchmarks import load
from benchmarks.systems import System

COUGH = "wait"
"""What the recogniser at first takes the cough for: a word that stops Otto at once."""
COUGH_AFTER_S = 0.6
"""Into each of Otto's answers."""
COUGHING_CALLS = 2

Json = dict[str, Any]


async def barge_in_ms(http: httpx.AsyncClient, system: System) -> float | None:
    """From the interim that interrupts Otto to `clear` on Twilio's socket: median of one call with
    a caller in a hurry."""
    request = {"persona": "hurried", "speech": "known"}
    answer = await http.post(f"{system.sandbox}/sandbox/calls", json=request)
    answer.raise_for_status()
    record = await load.finished(http, system, answer.json()["call_sid"])
    words = [heard["at"] * 1000 for heard in await _recognised(http, system) if heard["text"]]
    clears = record["measured"]["clears"]
    return median(_since(words, clear["monotonic_ms"]) for clear in clears)


async def resumes_ms(http: httpx.AsyncClient, system: System) -> list[float | None]:
    """For each cough that stopped Otto: from the final segment without words to its next sound,
    the voice's first byte included. The callers cough into every answer."""
    resumes: list[float | None] = []
    for number in range(COUGHING_CALLS):
        [sid] = await load.place(http, system, 1, number)
        await _cough(http, system, sid)
        record = await load.finished(http, system, sid)
        heard = await _recognised(http, system)
        nothing = [e["at"] * 1000 for e in heard if not e["text"] and e["speech_final"]]
        resumes += [
            _since(nothing, noise["resumed_monotonic_ms"])
            for noise in record["measured"]["noises"]
            if noise["resumed_monotonic_ms"] is not None
        ]
    return resumes


async def _cough(http: httpx.AsyncClient, system: System, sid: str) -> None:
    """Into every answer, until the call is over."""
    url = f"{system.sandbox}/sandbox/calls/{sid}"
    async with http.stream("GET", f"{url}/events", timeout=None) as events:
        async for line in events.aiter_lines():
            event = json.loads(line)
            if (event["who"], event["kind"]) == ("otto", "answers"):
                await asyncio.sleep(COUGH_AFTER_S)
                await http.post(url, json={"cough": COUGH})  # over meanwhile: refused, and fine


async def _recognised(http: httpx.AsyncClient, system: System) -> list[Json]:
    log = (await http.get(f"{system.sandbox}/sandbox/deepgram/log")).json()
    return [entry for entry in log["entries"] if entry["kind"] == "Results"]


def _since(before_ms: list[float], at_ms: float) -> float | None:
    """From the last of `before_ms` to `at_ms`."""
    earlier = [each for each in before_ms if each <= at_ms]
    return at_ms - max(earlier) if earlier else None


def median(values: Iterable[float | None]) -> float | None:
    """The median of what is known."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
