"""Notification channels: who watches a calendar is told that something in it changed.

Facts from Google's guide to push notifications
(https://developers.google.com/workspace/calendar/api/guides/push): a message has no body, it says
everything in `X-Goog-…` headers; the first one is `sync`, further ones are `exists`; message
numbers grow, not always by one; an answer of 500, 502, 503 or 504 is tried again. Google asks for
HTTPS; this stand-in tells nobody but this machine, by plain HTTP.

What may go wrong lies under `google.push`: `drop` loses a message, `repeat` brings it twice,
`slow` brings it `delay_ms` later, behind those that follow.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from sandbox.google.errors import GoogleError, invalid
from sandbox.google.store import Calendar, CalendarStore
from sandbox.world import World

TARGET = "google.push"
LIFETIME_S = 604_800
"""Seven days, when the client asks for nothing less (reference of `events.watch`)."""
ATTEMPTS = 4
FIRST_PAUSE_S = 0.5
PATIENCE_S = 10
_AGAIN = frozenset({500, 502, 503, 504})
_ID = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}", re.ASCII)
_LONGEST_TOKEN = 256
_RESOURCE = "https://www.googleapis.com/calendar/v3/calendars/{}/events?alt=json"


class Channels:
    """All channels of the account; they live in the store, and survive with it."""

    def __init__(self, world: World, store: CalendarStore) -> None:
        self._world = world
        self._store = store
        store.events_changed = self._tell_soon
        self._due: set[str] = set()

    def watch(self, calendar: Calendar, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of `events.watch`. Raises `GoogleError`."""
        channel_id, token = str(body.get("id") or ""), str(body.get("token") or "")
        if not channel_id:
            raise GoogleError(400, "required", "entity.id is required")
        if not _ID.fullmatch(channel_id):
            raise invalid("id")
        if body.get("type") not in {"web_hook", "webhook"}:
            raise GoogleError(400, "channelUnknownType", "Unknown channel type.")
        if len(token) > _LONGEST_TOKEN:
            raise invalid("token")
        address = str(body.get("address") or "")
        _check_address(address)
        if any(each["id"] == channel_id for each in self._living()):
            raise GoogleError(400, "channelIdNotUnique", f"Channel id {channel_id} not unique")
        channel = {
            "id": channel_id,
            "token": token,
            "address": address,
            "calendar": calendar.id,
            "resourceId": _resource_id(self._store, calendar),
            "expiration": self._expiration(body),
            "messages": 0,
        }
        self._store.channels.append(channel)
        self._store.changed()
        self._world.spawn(self._tell(channel, "sync"), name="google-push")
        return {
            "kind": "api#channel",
            "id": channel_id,
            "resourceId": channel["resourceId"],
            "resourceUri": _RESOURCE.format(quote(calendar.id)),
            "expiration": str(channel["expiration"]),
            **({"token": token} if token else {}),
        }

    def stop(self, body: Mapping[str, Any]) -> None:
        """`channels.stop`: both ids must be the channel's. Raises `GoogleError` 404."""
        wanted = (body.get("id"), body.get("resourceId"))
        for channel in self._living():
            if (channel["id"], channel["resourceId"]) == wanted:
                self._store.channels.remove(channel)
                self._store.changed()
                return
        raise GoogleError(404, "notFound", f"Channel '{wanted[0]}' not found for project 'sandbox'")

    def living(self) -> list[dict[str, Any]]:
        """The channels that are neither stopped nor expired, in JSON's terms."""
        return [dict(channel) for channel in self._living()]

    def _living(self) -> list[dict[str, Any]]:
        now_ms = self._world.clock().timestamp() * 1000
        expired = [each for each in self._store.channels if each["expiration"] <= now_ms]
        for channel in expired:
            self._store.channels.remove(channel)
        return list(self._store.channels)

    def _expiration(self, body: Mapping[str, Any]) -> int:
        """In milliseconds since 1970: what is asked for, a week at most."""
        now_ms = int(self._world.clock().timestamp() * 1000)
        longest = now_ms + LIFETIME_S * 1000
        wanted = body.get("expiration")
        ttl = (body.get("params") or {}).get("ttl")
        try:
            if wanted is None and ttl is not None:
                wanted = now_ms + int(ttl) * 1000
            asked = longest if wanted is None else int(wanted)
        except ValueError:
            raise invalid("expiration") from None
        if asked <= now_ms:
            raise invalid("expiration")
        return min(asked, longest)

    # --- Telling --------------------------------------------------------------------------------

    def _tell_soon(self, calendar: Calendar) -> None:
        """Changes made in one go are told of in one message, as Google's often are."""
        watching = [each for each in self._living() if each["calendar"] == calendar.id]
        if watching and calendar.id not in self._due:
            self._due.add(calendar.id)
            self._world.spawn(self._tell_all(calendar.id), name="google-push")

    async def _tell_all(self, calendar_id: str) -> None:
        await asyncio.sleep(0)
        self._due.discard(calendar_id)
        watching = [each for each in self._living() if each["calendar"] == calendar_id]
        await asyncio.gather(*(self._tell(channel, "exists") for channel in watching))

    async def _tell(self, channel: dict[str, Any], state: str) -> None:
        channel["messages"] += 1
        headers = _headers(channel, state)
        faults = self._world.faults
        fault = await faults.meet(TARGET, only=(channel["calendar"],))
        if fault is not None and fault.kind == "drop":
            self._note(channel, state, "lost")
            return
        for _ in range(2 if fault is not None and fault.kind == "repeat" else 1):
            self._note(channel, state, await self._deliver(channel["address"], headers))

    async def _deliver(self, address: str, headers: Mapping[str, str]) -> str:
        """Returns what came of it: the last answer's status, or "unreachable"."""
        outcome, pause_s = "unreachable", FIRST_PAUSE_S
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=timeout) as client:
            for attempt in range(ATTEMPTS):
                if attempt:
                    await asyncio.sleep(pause_s)
                    pause_s *= 2
                try:
                    async with client.post(
                        address, headers=headers, allow_redirects=False
                    ) as answer:
                        outcome = str(answer.status)
                        if answer.status not in _AGAIN:
                            return outcome
                except (aiohttp.ClientError, TimeoutError):
                    outcome = "unreachable"
        return outcome

    def _note(self, channel: Mapping[str, Any], state: str, outcome: str) -> None:
        self._world.log("google.push").append(
            {
                "channel": channel["id"],
                "calendar": channel["calendar"],
                "state": state,
                "outcome": outcome,
            }
        )


def _headers(channel: Mapping[str, Any], state: str) -> dict[str, str]:
    expires = datetime.fromtimestamp(channel["expiration"] / 1000, UTC)
    headers = {
        "X-Goog-Channel-ID": channel["id"],
        "X-Goog-Channel-Expiration": format_datetime(
            expires - timedelta(microseconds=expires.microsecond), usegmt=True
        ),
        "X-Goog-Message-Number": str(channel["messages"]),
        "X-Goog-Resource-ID": channel["resourceId"],
        "X-Goog-Resource-State": state,
        "X-Goog-Resource-URI": _RESOURCE.format(quote(channel["calendar"])),
        "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        "Content-Type": "application/json; utf-8",
    }
    if channel["token"]:
        headers["X-Goog-Channel-Token"] = channel["token"]
    return headers


def _resource_id(store: CalendarStore, calendar: Calendar) -> str:
    """The same for every channel on the same calendar."""
    for channel in store.channels:
        if channel["calendar"] == calendar.id:
            return str(channel["resourceId"])
    return secrets.token_urlsafe(20)


def _check_address(address: str) -> None:
    """Only this machine is told of anything. Raises `GoogleError`."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise invalid("address") from None
    if not address.isprintable() or parts.scheme not in {"http", "https"} or not host:
        raise invalid("address")
    if parts.scheme != "http" or not _is_loopback(host):
        message = f"Unauthorized WebHook callback channel: {address}"
        raise GoogleError(401, "push.webhookUrlUnauthorized", message)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
