"""A whole embedded stack for a test module, and the questions tests ask of it from outside."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
from rich.console import Console

from cluster.embedded import embedded
from config.settings import Settings
from otto.dialogue.session.store import SessionStore
from otto.storage.redis import make_redis

T = TypeVar("T")
PATIENCE_S = 60.0


class Running:
    """A stack that serves."""

    def __init__(self, settings: Settings, sandbox: str, token: str) -> None:
        self.settings = settings
        steering = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=sandbox, headers=steering, timeout=30.0)

    def call(self, persona: str, **more: Any) -> str:
        """Let a persona ring; returns the CallSid."""
        answer = self.http.post("/sandbox/calls", json={"persona": persona, **more})
        answer.raise_for_status()
        sid: str = answer.json()["call_sid"]
        return sid

    def customers(self, number: int) -> list[dict[str, Any]]:
        """So many customers of the book with one car each, as callers' facts. Who is known needs
        half the turns of a new customer to book."""
        query = (
            "select c.first_name, c.last_name, c.phone, c.date_of_birth::text as date_of_birth, "
            "min(v.year) as year, min(v.make) as make, min(v.model) as model "
            "from customers c join vehicles v on v.customer_id = c.id "
            "where c.date_of_birth is not null "
            "group by c.id having count(*) = 1 order by c.id limit $1"
        )
        return [{**row, "known": True} for row in self.rows(query, number)]

    def customer_calls(self, facts: dict[str, Any], **goal: str) -> str:
        """Let a customer ring, in known audio, to book an appointment."""
        wish = {"service": "oil_change", "prefer": "first", **goal}
        return self.call("load", speech="known", **{"from": facts["phone"]}, facts=facts, goal=wish)

    def record(self, sid: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/sandbox/calls/{sid}").json()
        return found

    def finished(self, *sids: str, within_s: float = 180.0) -> list[dict[str, Any]]:
        """The calls' records, once all of them are over."""
        return [
            until(lambda sid=sid: (r := self.record(sid))["over"] and r, within_s) for sid in sids
        ]

    def events(self, sid: str) -> list[dict[str, Any]]:
        """Everything that happened on a call that is over."""
        lines = self.http.get(f"/sandbox/calls/{sid}/events").text.splitlines()
        return [json.loads(line) for line in lines]

    def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """What PostgreSQL answers."""
        url = self.settings.database.url.get_secret_value().replace("+asyncpg", "")

        async def ask() -> list[dict[str, Any]]:
            connection = await asyncpg.connect(url)
            try:
                return [dict(row) for row in await connection.fetch(query, *arguments)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def session(self, sid: str) -> tuple[dict[str, Any] | None, int]:
        """The session in Redis, and its TTL in seconds."""

        async def ask() -> tuple[dict[str, Any] | None, int]:
            redis = make_redis(self.settings.redis)
            try:
                return await SessionStore(redis, 1).peek(sid)
            finally:
                await redis.aclose()

        return asyncio.run(ask())


def until(question: Callable[[], T | bool | None], within_s: float = PATIENCE_S) -> T:
    """Ask again until the answer is something; the last resort where nothing can be awaited."""
    deadline = time.monotonic() + within_s
    while True:
        answer = question()
        if answer:
            return answer  # type: ignore[return-value]
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:.0f} s")
        time.sleep(0.1)


@contextmanager
def running_stack(
    folder: Path, *, size: int, sub_actors: str, speech: str, more: dict[str, str] | None = None
) -> Iterator[Running]:
    """Bring a stack up with its data in `folder`, and end it. `more`: further settings."""
    names = {
        "OTTO_POOL_SIZE": str(size),
        "OTTO_POOL_SUB_ACTORS": sub_actors,
        "OTTO_POOL_TAKEOVER_RESERVE": "0",
        "OTTO_POOL_SPARES": "0",
        # Tests share their machine with other tests: it is no fault of Otto's when that is slow.
        "OTTO_POOL_MAX_LAG_MS": "60000",
        "OTTO_CALL_NO_INPUT_S": "20",
        # A Monday morning in Chicago: somebody is at the desk, whenever the tests are run.
        "OTTO_CLOCK": "2026-11-23T09:05:00-06:00",
        **(more or {}),
    }
    with embedded(folder, names, speech=speech, log=Console(stderr=True)) as stack:
        running = Running(stack.settings, stack.sandbox.http, stack.sandbox.control_token)
        yield running
        running.http.close()
