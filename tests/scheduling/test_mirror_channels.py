"""Channels: made, believed, renewed, ended, against the sandbox's Google and a real server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route

from config.settings import Settings, TwilioSettings
from otto.scheduling.google.channel_token import PATH
from otto.scheduling.mirror.channels import Channels, channels_of
from otto.scheduling.mirror.follower import Follower
from otto.telephony.calendar_notice import calendar_notice
from tests.scheduling.google_support import google_settings
from tests.scheduling.mirror_support import BAY_2, Workshop

KEY = "the auth token of the account"


@dataclass
class Ingress:
    """The part of the ingress that takes notices."""

    origin: str = ""
    changes: int = 0
    follower: Follower | None = None
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def calendar_changed(self) -> None:
        self.changes += 1
        self.told.set()
        if self.follower is not None:
            self.follower.nudge()

    async def wait(self, changes: int) -> None:
        async with asyncio.timeout(20):
            while self.changes < changes:
                self.told.clear()
                await self.told.wait()


@pytest.fixture
async def ingress() -> AsyncIterator[Ingress]:
    taken = Ingress()
    app = Starlette(
        routes=[Route(PATH, calendar_notice([SecretStr(KEY)], taken), methods=["POST"])]  # type: ignore[arg-type]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    taken.origin = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield taken
    server.should_exit = True
    await running


def channels(shop: Workshop, ingress: Ingress, key: str = KEY) -> Channels:
    location = shop.dealership.locations[0]
    return Channels(shop.engine, shop.google, location, ingress.origin, key, clock=lambda: shop.now)


def living(shop: Workshop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.world.google.channels.living()
    return found


async def test_a_change_is_told_at_once_and_read(shop: Workshop, ingress: Ingress) -> None:
    await channels(shop, ingress).renew()
    assert sorted(each["calendar"] for each in living(shop)) == [
        bay.calendar_id for bay in shop.dealership.locations[0].bays
    ]
    stop = asyncio.Event()
    ingress.follower = Follower(shop.mirror, None, poll_s=3600)
    following = asyncio.create_task(ingress.follower.run(stop))
    async with asyncio.timeout(20):
        while (await _synced(shop, BAY_2)) is None:
            await asyncio.sleep(0.02)
        await shop.block(calendar=BAY_2)
        while not await shop.blocks():  # long before the next poll
            await asyncio.sleep(0.02)
    stop.set()
    await following
    assert ingress.changes >= 1


async def test_channels_are_kept_until_they_are_about_to_end(
    shop: Workshop, ingress: Ingress
) -> None:
    shop.now = shop.world.clock()
    own = channels(shop, ingress)
    await own.renew()
    first = {each["id"] for each in living(shop)}
    await own.renew()
    assert {each["id"] for each in living(shop)} == first
    shop.now += timedelta(days=6, hours=1)
    await own.renew()
    second = {each["id"] for each in living(shop)}
    assert len(second) == 4, "the old ones were ended"
    assert not second & first


async def test_another_key_or_address_makes_them_anew(shop: Workshop, ingress: Ingress) -> None:
    await channels(shop, ingress).renew()
    first = {each["id"] for each in living(shop)}
    await channels(shop, ingress, key="exchanged").renew()
    assert not {each["id"] for each in living(shop)} & first
    await shop.block()
    await asyncio.sleep(0)
    assert ingress.changes == 0, "what the ingress cannot check it does not believe"


async def test_what_google_refuses_is_tried_again_later(shop: Workshop, ingress: Ingress) -> None:
    own = channels(shop, ingress)
    shop.world.faults.add("google", "fail", status=503)
    await own.renew()
    shop.world.faults.clear()
    await own.renew()
    assert living(shop) == []
    shop.now += timedelta(hours=2)
    await own.renew()
    assert len(living(shop)) == 4


@pytest.mark.parametrize(
    ("origin", "changes", "wanted"),
    [
        ("https://otto.example.com", {}, True),
        ("http://127.0.0.1:8000", {}, True),  # the sandbox reaches it
        ("http://127.0.0.1:8000", {"calendar_url": ""}, False),  # Google does not
        ("https://otto.example.com", {"calendar_url": ""}, True),
        ("https://otto.example.com", {"push": False}, False),
    ],
)
async def test_channels_are_made_where_google_can_reach_us(
    shop: Workshop, origin: str, changes: dict[str, Any], wanted: bool
) -> None:
    settings = Settings(
        public_origin=origin,
        google=google_settings(shop.world, **changes),
        twilio=TwilioSettings(auth_token=SecretStr(KEY)),
    )
    made = channels_of(shop.engine, shop.google, shop.dealership.locations[0], settings)
    assert (made is not None) is wanted


async def test_following_survives_whatever_is_away(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otto.scheduling.mirror.follower.AT_MOST_EVERY_S", 0.01)
    rounds = asyncio.Event()
    follow, fails = shop.mirror.follow, [RuntimeError("driver"), OSError("gone")]

    async def failing() -> int:
        if fails:
            raise fails.pop()
        rounds.set()
        return await follow()

    monkeypatch.setattr(shop.mirror, "follow", failing)
    stop = asyncio.Event()
    following = asyncio.create_task(Follower(shop.mirror, None, poll_s=0.01).run(stop))
    await asyncio.wait_for(rounds.wait(), 20)
    stop.set()
    await following


async def _synced(shop: Workshop, calendar: str) -> Any:
    with contextlib.suppress(Exception):
        return (await shop.synced(calendar)).synced_at
    return None
