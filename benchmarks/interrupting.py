"""How soon Otto stops when it is interrupted, how often for nothing, and how soon it then goes on.

One call at a time where messages of the recogniser are counted, so that all of them belong to it;
both ends of each measure are on the clock that all processes of the machine share.

    caller       ▌"no, Wednesday"                ▌ a cough, "mhm", Otto's own echo
    recogniser      ▌"no"                           ▌"wait"   ▌""  (no word after all)
    the line     ──Otto──X clear                 ──Otto──X      ▌Otto goes on
                 |-stop--|                           false stop |resume|
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks import load
from benchmarks.systems import System

INTO_ANSWER_S = 0.6
"""Into each of Otto's answers."""
AGAIN_S = 2.0
"""After a sound that is no interruption, if Otto goes on speaking, the next one."""
SOUNDS_AN_ANSWER = 2
MOAN = "wait"
"""What the recogniser at first takes a moan for: a word that stops Otto at once."""
MOANING_CALLS = 2
CALLS = 5
"""So many at once, where the record of each tells all."""
CALL_S = 60.0
REST_S = 5.0
"""Before other calls are placed: those that were cut off still have their places."""
SOON_MS = 2000.0
"""A `clear` so soon after a sound was made for it."""

INTERRUPTIONS = (
    "no, not Wednesday",
    "wait a minute",
    "I meant the other car",
    "can I ask you something",
    "hold on a second",
    "is that with the oil change",
    "but how much is it",
    "actually make that Thursday morning",
    "the other one, please",
    "oh and do you also do inspections",
)
"""What callers cut in with."""
COUGHS = ("wait", "what", "the", "stop", "I", "hot", "ha", "no", "huh", "who")
"""What recognisers take coughs for."""
BACKCHANNELS = (
    "mhm",
    "uh huh",
    "okay",
    "yeah",
    "right",
    "sure",
    "got it",
    "great",
    "alright",
    "mm-hmm",
)

Json = dict[str, Any]


@dataclass(slots=True)
class FalseStops:
    """Sounds that were no interruption, and how many of them stopped Otto."""

    sounds: int = 0
    stops: int = 0


async def barge_ins_ms(http: httpx.AsyncClient, system: System) -> list[float]:
    """From the caller's first sound to `clear` on Twilio's socket, for each interruption."""
    records = await _calls(http, system, lambda sid: _say(http, system, sid, INTERRUPTIONS))
    turns = [turn for record in records for turn in record["measured"]["turns"]]
    stops = (turn["clear_ms"] for turn in turns if turn["interrupting"])
    return [ms for ms in stops if ms is not None]


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


async def false_stops(http: httpx.AsyncClient, system: System) -> dict[str, FalseStops]:
    """Sounds into Otto's answers that are no interruption, by kind: what stopped it."""

    async def make(sid: str, kind: str, guesses: Sequence[str]) -> None:
        await _into_answers(http, system, sid, [{kind: guess} for guess in guesses])

    async def on_speaker(sid: str) -> None:
        await _act(http, system, sid, {"speaker": True})

    kinds = {
        "coughs": lambda sid: make(sid, "cough", COUGHS),
        "backchannels": lambda sid: make(sid, "murmur", BACKCHANNELS),
        "echoes": on_speaker,
    }
    found: dict[str, FalseStops] = {}
    for name, act in kinds.items():
        records = await _calls(http, system, act)
        noises = [noise for record in records for noise in record["measured"]["noises"]]
        stops = sum(
            noise["clear_ms"] is not None and noise["clear_ms"] <= SOON_MS for noise in noises
        )
        found[name] = FalseStops(len(noises), stops)
    return found


async def resumes_ms(http: httpx.AsyncClient, system: System) -> list[float | None]:
    """For each moan that stopped Otto: from the final segment without words to its next sound,
    the voice's first byte included. The callers moan into every answer."""
    resumes: list[float | None] = []
    for number in range(MOANING_CALLS):
        [sid] = await load.place(http, system, 1, number)
        await _into_answers(http, system, sid, [{"cough": MOAN, "pitch": True}], an_answer=1)
        record = await load.finished(http, system, sid)
        heard = await _recognised(http, system)
        nothing = [e["at"] * 1000 for e in heard if not e["text"] and e["speech_final"]]
        resumes += [
            _since(nothing, noise["resumed_monotonic_ms"])
            for noise in record["measured"]["noises"]
            if noise["resumed_monotonic_ms"] is not None
        ]
    return resumes


async def _calls(http: httpx.AsyncClient, system: System, act: Any) -> list[Json]:
    """The records of `CALLS` calls at once, cut off after `CALL_S`; `act(sid)` is done in each."""
    sids = await load.place(http, system, CALLS)
    deadline_s = time.monotonic() + CALL_S
    doing = [asyncio.create_task(act(sid)) for sid in sids]
    records = await asyncio.gather(*(load.finished(http, system, sid, deadline_s) for sid in sids))
    await asyncio.gather(*doing)
    await asyncio.sleep(REST_S)
    return records


async def _say(http: httpx.AsyncClient, system: System, sid: str, texts: Sequence[str]) -> None:
    """One of the `texts` into each answer, until the call is over."""
    await _into_answers(http, system, sid, [{"say": text} for text in texts], an_answer=1)


async def _into_answers(
    http: httpx.AsyncClient,
    system: System,
    sid: str,
    sounds: Sequence[Json],
    an_answer: int = SOUNDS_AN_ANSWER,
) -> None:
    """Into every answer, until the call is over, `an_answer` of the `sounds` in turn."""
    made = 0
    async with _answers(http, system, sid) as answers:
        async for _ in answers:
            await asyncio.sleep(INTO_ANSWER_S)
            for number in range(an_answer):
                if number:
                    await asyncio.sleep(AGAIN_S)
                await _act(http, system, sid, sounds[made % len(sounds)])
                made += 1


@asynccontextmanager
async def _answers(
    http: httpx.AsyncClient, system: System, sid: str
) -> AsyncIterator[AsyncIterator[Json]]:
    """The events that an answer of Otto's has begun, as they come."""
    url = f"{system.sandbox}/sandbox/calls/{sid}/events"
    async with http.stream("GET", url, timeout=None) as events:

        async def begun() -> AsyncIterator[Json]:
            async for line in events.aiter_lines():
                event: Json = json.loads(line)
                if (event["who"], event["kind"]) == ("otto", "answers"):
                    yield event

        yield begun()


async def _act(http: httpx.AsyncClient, system: System, sid: str, what: Json) -> None:
    # A call that is over meanwhile refuses, and that is fine.
    await http.post(f"{system.sandbox}/sandbox/calls/{sid}", json=what)


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
