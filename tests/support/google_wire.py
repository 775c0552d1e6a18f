"""Google's own client against the sandbox's Google, and plain HTTP where the client hides it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import googleapiclient
import httpx
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.errors import HttpError

from sandbox.world import World

BAY = "bay-1@ottos-auto.example"
BAY_2 = "bay-2@ottos-auto.example"
API = "/google/calendar/v3"
EVENTS = f"{API}/calendars/{BAY}/events"
NINE, TEN = "2026-11-24T09:00:00-06:00", "2026-11-24T10:00:00-06:00"
DISCOVERY = json.loads(
    (
        Path(googleapiclient.__file__).parent / "discovery_cache/documents/calendar.v3.json"
    ).read_text()
)
Run = Callable[[Callable[[Any], Any]], Awaitable[Any]]


@dataclass
class Clock:
    """The sandbox's clock, which the test turns."""

    now: datetime = datetime(2026, 11, 20, 15, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Served:
    """A running sandbox and ways to reach it."""

    world: World
    http: str

    @property
    def steering(self) -> dict[str, str]:
        """What the control API asks for."""
        return {"Authorization": f"Bearer {self.world.control_token}"}

    def credentials(self) -> Credentials:
        """The account's sign-in."""
        return Credentials(
            None,
            refresh_token=self.world.api_key,
            token_uri=f"{self.http}/google/token",
            client_id="sandbox",
            client_secret=self.world.api_key,
        )

    async def bearer(self) -> dict[str, str]:
        """An access token, as a header."""
        form = {
            "grant_type": "refresh_token",
            "client_id": "sandbox",
            "client_secret": self.world.api_key,
            "refresh_token": self.world.api_key,
        }
        async with httpx.AsyncClient() as plain:
            answer = await plain.post(f"{self.http}/google/token", data=form)
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request of the API without Google's client."""
        headers = {**await self.bearer(), **more.pop("headers", {})}
        async with httpx.AsyncClient(base_url=self.http) as plain:
            return await plain.request(method, path, headers=headers, **more)

    async def steer(self, path: str, **body: Any) -> Any:
        """What the control API answers."""
        async with httpx.AsyncClient(base_url=self.http, headers=self.steering) as plain:
            answer = await plain.post(f"/sandbox/google/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def staff(self, do: str, event: str = "", calendar: str = BAY, **more: Any) -> Any:
        """What a person does in the web page."""
        return await self.steer("staff", do=do, calendar=calendar, event=event, **more)


def body(event_id: str | None = None, start: str = NINE, end: str = TEN, **more: Any) -> Any:
    """An event to insert."""
    event = {
        "summary": "Oil change",
        "start": {"dateTime": start, "timeZone": "America/Chicago"},
        "end": {"dateTime": end, "timeZone": "America/Chicago"},
        **more,
    }
    return {**event, "id": event_id} if event_id else event


def conforms(value: Any, schema: dict[str, Any], where: str = "") -> None:
    """Check `value` against a schema of the discovery document: names, types and formats."""
    if "$ref" in schema:
        conforms(value, DISCOVERY["schemas"][schema["$ref"]], where or schema["$ref"])
        return
    kinds = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}
    assert isinstance(value, kinds[schema["type"]]), where
    if schema["type"] == "array":
        for item in value:
            conforms(item, schema["items"], f"{where}[]")
    if schema["type"] == "object":
        properties = schema.get("properties", {})
        for key, item in value.items():
            inner = properties.get(key) or schema.get("additionalProperties")
            assert inner, f"{where}.{key} is not a field of Google's"
            conforms(item, inner, f"{where}.{key}")
    if schema.get("format") == "date-time":
        assert datetime.fromisoformat(value).tzinfo is not None, where
    if "pattern" in schema:
        assert re.fullmatch(schema["pattern"], value), where


async def fails(run: Run, make: Callable[[Any], Any]) -> tuple[int, str]:
    """The status and the reason with which Google refuses."""
    with pytest.raises(HttpError) as caught:
        await run(make)
    return caught.value.status_code, caught.value.error_details[0]["reason"]
