"""The running stack as somebody outside sees it: its calls, its processes, its stores, its faults.

Nothing in here knows how Otto works inside. It talks HTTP to the sandbox, SQL to PostgreSQL, asks
Ray's state API who lives, and sends signals.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
)
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]
import httpx
import psutil
import ray
from ray.util.state import list_actors
from rich.console import Console

from actors.call.actor import CallActor
from actors.node.switchboard import SwitchboardActor
from actors.runtime.handle import Handle, find
from cluster import processes
from cluster.embedded import embedded
from config.settings import Settings

T = TypeVar("T")

NOTHING: dict[str, Any] = {}
ASK_TIMEOUT_S = 3.0
"""For one question to one actor: a frozen one must not freeze us."""
POLL_S = 0.2
PLACES = ("adding", "idle", "reserved", "busy", "fenced")
"""What a call actor of the pool may be doing (otto/health/pool.py)."""
AT_REST_S = 4.0
"""The pool is taken to be complete when it has not changed for so long."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A living actor: Ray's class name, its own name ("" for Serve's replicas' ids), its pid."""

    kind: str
    name: str
    pid: int


class StackProbeError(Exception):
    """What was asked of the stack did not come to be. The message is a sentence."""


class StackProbe:
    """A stack that serves. Its methods may be used from one event loop; see `running`."""

    def __init__(
        self, settings: Settings, sandbox: str, token: str, sandbox_pid: int, stack_id: str
    ) -> None:
        """`sandbox` and `token`: where its control API is, and what it asks for."""
        self.settings = settings
        self.sandbox_pid = sandbox_pid
        self.stack_id = stack_id
        self._client: dict[str, Any] = {
            "base_url": sandbox,
            "headers": {"Authorization": f"Bearer {token}"},
        }
        self._http: httpx.AsyncClient | None = None
        self._at_rest: dict[str, int] = {}
        self._switchboards: list[str] = []

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[StackProbe]:
        """Hold the connection to the sandbox while in here."""
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(**self._client, timeout=30.0, limits=limits) as http:
            self._http = http
            yield self

    @property
    def http(self) -> httpx.AsyncClient:
        assert self._http is not None, "only inside connected()"
        return self._http

    # Calls

    async def place(self, persona: str, **more: Any) -> str:
        """Let a persona ring with known audio; returns the CallSid."""
        body = {"persona": persona, "speech": "known", **more}
        answer = await self.http.post("/sandbox/calls", json=body)
        answer.raise_for_status()
        sid: str = answer.json()["call_sid"]
        return sid

    async def act(self, sid: str, **what: Any) -> bool:
        """Make the caller hang up, say or press something; False when the call is over."""
        answer = await self.http.post(f"/sandbox/calls/{sid}", json=what)
        return answer.is_success

    async def record(self, sid: str) -> dict[str, Any]:
        """The call's record as it is now."""
        found: dict[str, Any] = (await self.http.get(f"/sandbox/calls/{sid}")).json()
        return found

    async def follow(self, sid: str) -> AsyncGenerator[dict[str, Any], None]:
        """The call's events, from the first on, as they happen, until it is over."""
        path = f"/sandbox/calls/{sid}/events"
        async with self.http.stream("GET", path, timeout=None) as answer:
            async for line in answer.aiter_lines():
                yield json.loads(line)

    async def events(self, sid: str) -> list[dict[str, Any]]:
        """Everything that happened on a call that is over."""
        return [event async for event in self.follow(sid)]

    async def finished(self, sid: str, within_s: float) -> dict[str, Any]:
        """The record of a call once it is over. One that does not end is hung up, and its record
        then has `"ended_by": "harness"`."""
        deadline = time.monotonic() + within_s
        while not (record := await self.record(sid))["over"]:
            if time.monotonic() > deadline:
                await self.act(sid, hang_up=True)
                await asyncio.sleep(2.0)
                return {**await self.record(sid), "ended_by": "harness"}
            await asyncio.sleep(POLL_S)
        return record

    # What is kept

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """What PostgreSQL answers."""
        url = self.settings.database.url.get_secret_value().replace("+asyncpg", "")
        connection = await asyncpg.connect(url, timeout=10, command_timeout=10)
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def calendar_events(self) -> list[dict[str, Any]]:
        """Every standing event of every bay's calendar."""
        answer = await self.http.get("/sandbox/calendar", params={"format": "json"})
        return [event for each in answer.json()["calendars"] for event in each["events"]]

    async def messages(self) -> list[dict[str, Any]]:
        """Every text message that was sent."""
        sent: list[dict[str, Any]] = (await self.http.get("/sandbox/messages")).json()
        return sent

    # Who lives

    async def actors(self, *kinds: str) -> list[Actor]:
        """The living actors, of these classes only if any are named. Serve's replicas are of the
        class `ServeReplica:<application>:<deployment>`."""
        listed = await asyncio.to_thread(
            list_actors,
            address=ray.get_runtime_context().gcs_address,
            filters=[("state", "=", "ALIVE")],
            limit=5000,
            raise_on_missing_output=False,
        )
        found = [Actor(a["class_name"], a["name"] or a["actor_id"], a["pid"]) for a in listed]
        return [actor for actor in found if not kinds or actor.kind in kinds]

    async def ask(self, name: str, question: Callable[[Any], Awaitable[T]]) -> T | None:
        """What the actor `name` answers to a question, a method of its class like
        `CallActor.status`; None when it is dead, frozen or does not answer."""

        def ask() -> T:
            actor: Handle[Any] = find(name)
            answer: T = ray.get(actor.submit(question), timeout=ASK_TIMEOUT_S)
            return answer

        try:
            return await asyncio.to_thread(ask)
        except (ValueError, AttributeError, ray.exceptions.RayError):
            return None

    async def serving(self, sid: str) -> Actor | None:
        """The call actor that has a call, if one says so."""
        calls = await self.actors("CallActor")
        answers = await asyncio.gather(*(self.ask(actor.name, CallActor.status) for actor in calls))
        return next((actor for actor, has in zip(calls, answers, strict=True) if has == sid), None)

    async def pool(self) -> dict[str, int]:
        """What the switchboard's call actors are doing, and its spare workers by kind; empty while
        it does not answer."""
        if not self._switchboards:  # a restart keeps the name, and listing all actors is not cheap
            self._switchboards = [actor.name for actor in await self.actors("SwitchboardActor")]
        answers = await asyncio.gather(
            *(self.ask(name, SwitchboardActor.snapshot) for name in self._switchboards)
        )
        total: dict[str, int] = {}
        for answer in answers:
            known = {place: n for place, n in (answer or NOTHING).items() if place in PLACES}
            spares = {
                f"spare {kind}": n for kind, n in (answer or NOTHING).get("spares", {}).items()
            }
            for place, count in (known | spares).items():
                total[place] = total.get(place, 0) + count
        return total

    async def settle(self, within_s: float) -> None:
        """Wait until the pool is complete and at rest; from now on that is what `whole` means.
        Raises StackProbeError."""
        began = time.monotonic()
        last, since = await self.pool(), began
        while time.monotonic() - began < within_s:
            await asyncio.sleep(POLL_S)
            now = await self.pool()
            if now != last or not self._is_complete(now):
                last, since = now, time.monotonic()
            elif time.monotonic() - since >= AT_REST_S:
                self._at_rest = now
                return
        raise StackProbeError(f"the pool did not come to rest within {within_s:.0f} s: {last}")

    def _is_complete(self, pool: dict[str, int]) -> bool:
        wanted = self.settings.pool
        spares = [count for place, count in pool.items() if place not in PLACES]
        return (
            not pool.get("adding")
            and pool.get("idle", 0) >= wanted.size + wanted.takeover_reserve
            and (wanted.sub_actors == "inline" or min(spares, default=0) >= wanted.spares)
        )

    async def warm_up(self, within_s: float) -> None:
        """One short call and then `settle`: what the first call opens for good, in Otto and in
        the sandbox, was there before anything is counted. Raises StackProbeError."""
        sid = await self.place("window-shopper")
        async with aclosing(self.follow(sid)) as events:
            async for event in events:
                if event["kind"] == "first_audio":
                    break
        await self.act(sid, hang_up=True)
        await self.finished(sid, within_s)
        await self.settle(within_s)

    async def whole(self, within_s: float) -> float | None:
        """Wait until every place of the pool is warm and free again; the seconds it took, or None.
        After `settle`."""
        began = time.monotonic()
        while time.monotonic() - began < within_s:
            if await self.pool() == self._at_rest:
                return time.monotonic() - began
            await asyncio.sleep(POLL_S)
        return None

    # What breaks

    async def lay(self, target: str, kind: str, **numbers: int) -> int:
        """Lay a vendor's fault (see sandbox/faults.py); returns its id."""
        answer = await self.http.post(
            "/sandbox/faults", json={"target": target, "kind": kind, **numbers}
        )
        answer.raise_for_status()
        number: int = answer.json()["id"]
        return number

    async def has_bitten(self, faults: Collection[int]) -> bool:
        """Whether any of these faults was met. One that has bitten as often as it may is gone."""
        lying = (await self.http.get("/sandbox/faults")).json()["faults"]
        waiting = {fault["id"] for fault in lying if not fault["bitten"]}
        return not set(faults) <= waiting

    async def lift(self, target: str | None = None) -> None:
        """Remove the faults of a vendor, or all."""
        await self.http.delete("/sandbox/faults", params={"target": target} if target else {})

    async def service(self, name: str, action: str) -> None:
        """Stop, start, pause or resume "valkey" or "postgres" (sandbox/services/routes.py)."""
        answer = await self.http.post(
            "/sandbox/services", json={"service": name, "action": action}, timeout=60.0
        )
        if not answer.is_success:
            raise StackProbeError(
                f"the sandbox would not {action} {name}: HTTP {answer.status_code}"
            )


def send_signal(pid: int, number: signal.Signals) -> bool:
    """Signal one process; False when it is gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def descendants(pid: int) -> list[psutil.Process]:
    """All processes below one."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@contextmanager
def running(folder: Path, environment: dict[str, str], log: Console) -> Iterator[StackProbe]:
    """Bring a stack with known audio up with its data in `folder`, and end it. Main thread only,
    and outside of any event loop."""
    with embedded(folder, environment, speech="known", log=log) as stack:
        sandbox = stack.sandbox
        yield StackProbe(
            stack.settings, sandbox.http, sandbox.control_token, sandbox.pid, stack.stack_id
        )


def left_behind(stack_id: str) -> list[str]:
    """What still runs of a stack that has ended: one line a process."""
    found = []
    for process in processes.tagged(stack_id):
        with contextlib.suppress(psutil.Error):
            found.append(f"{process.pid} {psutil.Process(process.pid).name()}")
    return sorted(found)
