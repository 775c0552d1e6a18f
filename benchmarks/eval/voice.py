"""The same scenarios over the whole stack: a telephone line, voices, recognisers, Ray and all.

One stack for each pinned clock; before each call the tables and calendars are put back. What is
judged is the same as in text, and by the same code; what Otto was heard to say is taken from the
marks that came back from the line, and what the caller said from the sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text as sql

from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
from benchmarks.eval.book import Snapshot, changes, snapshot
from benchmarks.eval.grading import judge
from benchmarks.eval.results import Result, result_of
from benchmarks.eval.rules import DEAD_AIR_S, dead_air, talk_over
from benchmarks.eval.run import Outcome, why
from benchmarks.eval.scenario import Scenario
from benchmarks.eval.starting import settled, staff_events, until_read, write
from benchmarks.eval.transcript import Line, in_order
from benchmarks.machine import ports
from cluster.errors import StackError
from cluster.loopback import Control
from config.dealership import Dealership, load_dealership
from config.sandbox_endpoints import SandboxEndpoints, load_settings, read_endpoints
from config.settings import Settings
from otto.crm.seed import seed
from otto.storage.database import make_engine
from otto.storage.redis import make_redis
from otto.storage.tables import Base
from sandbox.audio.voices import CALLER_VOICES

SILENCE_TIMEOUT_S = 120.0
SETTLE_S = 20.0
KEPT_TABLES = frozenset({"number_hash_key", "services", "bays"})
MS_PER_CHARACTER = 62
STATE = "voice.json"
"""The results so far, for a run that is gone on with."""


def run_voice(
    scenarios: Sequence[Scenario], times: int, folder: Path, *, anew: bool
) -> list[Result]:
    """Hold these calls by voice; the results, with those of a run that was broken off before."""
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / STATE
    done = [] if anew or not state.exists() else _read(state)
    have = {(each.scenario, each.seed) for each in done}
    left = [(s, n) for n in range(times) for s in scenarios if (s.name, n) not in have]
    if have:
        print(f"{len(have)} calls were held before, {len(left)} are left", flush=True)
    clocks = dict.fromkeys(scenario.clock for scenario, _ in left)
    for clock in clocks:
        calls = [call for call in left if call[0].clock == clock]
        with _stack(folder / "stack", clock) as endpoints:
            line = _Line(endpoints, folder / "voice")
            for scenario, seed_number in calls:
                result = line.run(scenario, seed_number)
                done.append(result)
                state.write_text(json.dumps([each.as_json() for each in done]), encoding="utf-8")
                first = [result.crash, *result.broken, *result.faults, "passes"]
                print(f"{scenario.name} {seed_number}: {next(filter(None, first))}", flush=True)
    state.unlink(missing_ok=True)
    wanted = {(s.name, n) for n in range(times) for s in scenarios}
    return [each for each in done if (each.scenario, each.seed) in wanted]


@contextlib.contextmanager
def _stack(folder: Path, clock: datetime) -> Iterator[SandboxEndpoints]:
    """A stack in a process of its own (Ray reads its environment when it is imported, and here it
    is), whose clock shows that; this process goes by it as well."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {"OTTO_CLOCK": clock.isoformat(), "OTTO_LOG_LEVEL": "ERROR", **ports()}
    command = [sys.executable, "-m", "benchmarks.stack", str(folder), "real"]
    log = folder / "stack.log"
    with log.open("wb") as remarks:
        process = subprocess.Popen(
            command, env={**os.environ, **given}, stdout=subprocess.PIPE, stderr=remarks
        )
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise StackError(f"the stack could not start: see {log}")
        endpoints = read_endpoints(folder)
        assert endpoints is not None
        yield endpoints
    finally:
        process.terminate()
        process.wait()


def _read(state: Path) -> list[Result]:
    return [result_of(each) for each in json.loads(state.read_text(encoding="utf-8"))]


class _Line:
    """A telephone to the stack."""

    def __init__(self, endpoints: SandboxEndpoints, kept: Path) -> None:
        self._endpoints = endpoints
        self._settings: Settings = load_settings(endpoints)
        self._kept = kept
        self._sandbox = Control(endpoints.http, endpoints.control_token)
        self._dealership: Dealership = load_dealership(self._settings.dealership_file)

    def run(self, scenario: Scenario, number: int) -> Result:
        """Hold one call and judge it."""
        began = time.monotonic()
        try:
            outcome, measured = self._hold(scenario, number, began)
        except Exception as error:
            crash = why(error)
            return Result(scenario.name, scenario.flow, "voice", number, (), (), 0, 0.0, 0.0, crash)
        verdict = judge(outcome, self._dealership, without=(dead_air, talk_over))
        broken = (*verdict.broken, *_measured(measured))
        lines = [scenario.about, "", outcome.transcript.as_text()]
        lines += [*map(str, outcome.happened), *verdict.faults, *broken]
        self._kept.mkdir(parents=True, exist_ok=True)
        page = self._kept / f"{scenario.name}-{number}.txt"
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
        page.chmod(0o600)
        return Result(
            scenario.name,
            scenario.flow,
            "voice",
            number,
            verdict.faults,
            broken,
            outcome.transcript.turns,
            round(outcome.transcript.ended_s, 1),
            round(outcome.took_s, 1),
        )

    def _hold(
        self, scenario: Scenario, number: int, began: float
    ) -> tuple[Outcome, Mapping[str, Any]]:
        before, texts_before = asyncio.run(self._begin(scenario))
        sid = self._sandbox.request("/sandbox/calls", method="POST", body=_placed(scenario, number))
        path = f"/sandbox/calls/{sid['call_sid']}"
        events = [*self._sandbox.lines(f"{path}/events", SILENCE_TIMEOUT_S)]
        told = self._sandbox.request(path)
        after = asyncio.run(self._after())
        call = after.tables["calls"].get((sid["call_sid"],))
        zone = self._dealership.locations[0].zone
        starts = call["started_at"] if call else scenario.clock
        is_transfer = any(event["kind"] in ("dialling", "conference") for event in events)
        ends = "caller" if told["ended_by"] == "caller" else "goodbye"
        outcome = Outcome(
            scenario=scenario,
            seed=number,
            transcript=in_order([*_callers(events, told), *_ottos(after, sid["call_sid"], starts)]),
            before=before,
            after=after,
            happened=tuple(changes(before, after, zone)),
            texts=tuple(self._texts()[texts_before:]),
            call_sid=sid["call_sid"],
            starts=starts,
            ends="transfer" if is_transfer else ends,
            was_verified=bool(call and (call["customer_id"],) in before.tables["customers"]),
            missed=(*told["missed"], *told["wrong"]),
            took_s=time.monotonic() - began,
        )
        return outcome, told["measured"]

    # The book, before and after

    async def _begin(self, scenario: Scenario) -> tuple[Snapshot, int]:
        """Put everything back, write the starting data, and look."""
        settings, location = self._settings, self._dealership.locations[0]
        engine = make_engine(settings.database)
        names = ", ".join(name for name in Base.metadata.tables if name not in KEPT_TABLES)
        async with engine.begin() as connection:
            await connection.execute(sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        for calendar_id, event in self._events():
            if event.get("status") != "cancelled":
                wish = {"do": "delete", "calendar": calendar_id, "event": event["id"]}
                self._sandbox.request("/sandbox/google/staff", method="POST", body=wish)
        redis = make_redis(settings.redis)
        await redis.flushdb()
        await redis.aclose()
        today = scenario.clock.astimezone(location.zone).date()
        await seed(engine, self._dealership, today, is_booked=False)
        calendar = CalendarActor(settings, self._dealership, location.id)
        crm = CrmActor(settings, location.id)
        for calendar_id, event in staff_events(scenario.given, location):
            wish = {"do": "create", "calendar": calendar_id, "body": event}
            self._sandbox.request("/sandbox/google/staff", method="POST", body=wish)
        await write(scenario.given, self._dealership, calendar, crm, engine)
        if scenario.given.staff:
            await until_read(engine, len(location.bays))
        await settled(engine, SETTLE_S)
        found = await snapshot(engine, {event["id"]: event for _, event in self._events()})
        await engine.dispose()
        return found, len(self._texts())

    async def _after(self) -> Snapshot:
        engine = make_engine(self._settings.database)
        await settled(engine, SETTLE_S)
        await asyncio.sleep(1.0)  # the call's record is written when its actor is free again
        found = await snapshot(engine, {event["id"]: event for _, event in self._events()})
        await engine.dispose()
        return found

    def _texts(self) -> list[Any]:
        return list(self._sandbox.request("/sandbox/messages"))

    def _events(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """All events of the bays' calendars, as staff see them."""
        token = self._sandbox.request("/sandbox/google/token", method="POST", body={})
        for bay in self._dealership.locations[0].bays:
            url = (
                f"{self._endpoints.google_calendar_url}calendars/{bay.calendar_id}/events"
                "?showDeleted=true&maxResults=2500"
            )
            headers = {"Authorization": f"Bearer {token['access_token']}"}
            wanted = urllib.request.Request(url, headers=headers)
            with urllib.request.urlopen(wanted, timeout=10) as answer:
                for event in json.loads(answer.read()).get("items", ()):
                    yield bay.calendar_id, event


def _placed(scenario: Scenario, number: int) -> dict[str, Any]:
    """The call as the sandbox is asked for it."""
    given = json.loads(json.dumps(scenario.persona, default=str))
    chance = random.Random(f"{scenario.name} {number}")
    traits = {name: given[name] for name in given if name not in ("based_on", "goal", "facts")}
    traits["seed"] = number
    if number:
        traits["voice"] = chance.choice(CALLER_VOICES)
    placed = {
        "persona": given.get("based_on", "maria"),
        "goal": given.get("goal", {}),
        "facts": given.get("facts", {}),
        "traits": traits,
        "from": scenario.number,
    }
    return placed | ({"stir_verstat": scenario.attestation} if scenario.attestation else {})


def _callers(events: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> Iterator[Line]:
    """What the caller said, by the clock of the stream."""
    began_ms = next((e["at_ms"] for e in events if e["kind"] == "stream_started"), 0)
    ends = [turn["ended_ms"] for turn in told["measured"]["turns"]]
    for event in events:
        if event["who"] != "caller" or event["kind"] not in ("says", "keyed"):
            continue
        at_s = (event["at_ms"] - began_ms) / 1000
        is_key = event["kind"] == "keyed"
        end_ms = None if is_key or not ends else ends.pop(0)
        ended_s = at_s if end_ms is None else (end_ms - began_ms) / 1000
        yield Line("caller", event["text"], at_s, max(at_s, ended_s), is_key=is_key)


def _ottos(after: Snapshot, call_sid: str, starts: datetime) -> Iterator[Line]:
    """What was heard of Otto, turn by turn; a turn is written down when it has been heard."""
    for row in after.tables["turns"].values():
        if row["call_sid"] != call_sid or row["speaker"] != "otto" or not row["heard_text"]:
            continue
        ended_s = (row["at"] - starts).total_seconds()
        lasts_s = len(row["heard_text"]) * MS_PER_CHARACTER / 1000
        is_cut = row["heard_text"] != row["text"]
        yield Line("otto", row["heard_text"], ended_s - lasts_s, ended_s, is_cut)


def _measured(measured: Mapping[str, Any]) -> Iterator[str]:
    """Dead air and talking over, as the line measured them."""
    turns = [turn for turn in measured["turns"] if turn["latency_ms"] is not None]
    for turn in turns:
        if turn["latency_ms"] > DEAD_AIR_S * 1000:
            yield f"dead air: {turn['latency_ms'] / 1000:.1f} s after {turn['text']!r}"
    over = [turn for turn in turns if turn["latency_ms"] < 0]
    if len(over) > max(2, round(0.12 * len(turns))):
        yield f"talk over: {len(over)} of {len(turns)} turns"
