"""Notification channels: who is told of changes, of what, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiohttp import web

from sandbox.app import serve
from sandbox.google import push
from sandbox.world import Options, World
from tests.support.google_wire import BAY, BAY_2, Clock, Run, Served, body, conforms, fails

PATIENCE_S = 10


@dataclass
class Receiver:
    """Whoever is told; answers with the statuses given, then with 200."""

    address: str = ""
    statuses: list[int] = field(default_factory=list)
    told: asyncio.Queue[dict[str, str]] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        assert await request.read() == b""
        self.told.put_nowait({name.lower(): value for name, value in request.headers.items()})
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def next(self) -> tuple[str, str, int]:
        """The channel, the state and the number of the next message."""
        async with asyncio.timeout(PATIENCE_S):
            found = await self.told.get()
        number = int(found["x-goog-message-number"])
        return found["x-goog-channel-id"], found["x-goog-resource-state"], number


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.address = f"http://{host}:{port}/push"
    yield receiver
    await runner.cleanup()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(Options(rest_ms=0), clock=clock)


def watching(receiver: Receiver, channel: str = "c1", calendar: str = BAY, **more: Any) -> Any:
    wish = {"id": channel, "type": "web_hook", "address": receiver.address, **more}
    return lambda s: s.events().watch(calendarId=calendar, body=wish)


def inserting(event_id: str, calendar: str = BAY) -> Any:
    return lambda s: s.events().insert(calendarId=calendar, body=body(event_id))


async def test_sync_comes_first_and_then_what_exists(
    run: Run, receiver: Receiver, clock: Clock, served: Served
) -> None:
    made = await run(watching(receiver, token="secret=1"))
    conforms(made, {"$ref": "Channel"})
    async with asyncio.timeout(PATIENCE_S):
        first = await receiver.told.get()
    expiration = datetime.fromtimestamp(int(made["expiration"]) / 1000, UTC)
    assert expiration == clock() + timedelta(days=7)
    assert {name: value for name, value in first.items() if name.startswith("x-goog")} == {
        "x-goog-channel-id": "c1",
        "x-goog-channel-token": "secret=1",
        "x-goog-channel-expiration": first["x-goog-channel-expiration"],
        "x-goog-message-number": "1",
        "x-goog-resource-id": made["resourceId"],
        "x-goog-resource-state": "sync",
        "x-goog-resource-uri": made["resourceUri"],
    }
    assert parsedate_to_datetime(first["x-goog-channel-expiration"]) == expiration
    await run(inserting("aaaa1"))
    assert await receiver.next() == ("c1", "exists", 2)
    await served.staff("delete", "aaaa1")
    assert await receiver.next() == ("c1", "exists", 3)


async def test_only_changes_of_events_there_are_told(run: Run, receiver: Receiver) -> None:
    await run(watching(receiver))
    await receiver.next()
    await run(lambda s: s.events().list(calendarId=BAY))
    await run(inserting("bbbb1", BAY_2))
    odd = lambda s: s.events().insert(calendarId=BAY, body={"summary": "no times"})  # noqa: E731
    assert (await fails(run, odd))[0] == 400
    await run(inserting("aaaa1"))
    assert await receiver.next() == ("c1", "exists", 2)
    move = lambda s: s.events().move(  # noqa: E731
        calendarId=BAY_2, eventId="bbbb1", destination=BAY
    )
    await run(move)
    assert await receiver.next() == ("c1", "exists", 3)


async def test_a_stopped_channel_is_silent(run: Run, receiver: Receiver) -> None:
    made = await run(watching(receiver))
    await run(watching(receiver, "c2"))
    assert {(await receiver.next())[0] for _ in range(2)} == {"c1", "c2"}
    stop = lambda s, **more: s.channels().stop(body=more)  # noqa: E731
    for wrong in ({"id": "c1", "resourceId": "other"}, {"id": "c3"}, {}):
        assert await fails(run, lambda s, wrong=wrong: stop(s, **wrong)) == (404, "notFound")
    await run(lambda s: stop(s, id="c1", resourceId=made["resourceId"]))
    await run(inserting("aaaa1"))
    assert (await receiver.next())[0] == "c2"
    assert await fails(run, lambda s: stop(s, id="c1", resourceId=made["resourceId"])) == (
        404,
        "notFound",
    )


async def test_a_channel_expires(
    run: Run, receiver: Receiver, clock: Clock, served: Served
) -> None:
    begun = clock()
    soon = int((clock() + timedelta(hours=1)).timestamp() * 1000)
    made = await run(watching(receiver, expiration=str(soon)))
    assert made["expiration"] == str(soon)
    short = await run(watching(receiver, "c2", params={"ttl": "600"}))
    assert int(short["expiration"]) == soon - 50 * 60 * 1000
    far = await run(watching(receiver, "c3", expiration=soon * 2))
    assert int(far["expiration"]) == int((clock() + timedelta(days=7)).timestamp() * 1000)
    for _ in range(3):
        await receiver.next()
    for minutes, told in ((5, {"c1", "c2", "c3"}), (10, {"c1", "c3"}), (60, {"c3"})):
        clock.now = begun + timedelta(minutes=minutes)
        await served.staff("create", body=body())
        assert {(await receiver.next())[0] for _ in told} == told
    assert receiver.told.empty()


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"id": ""}, (400, "required")),
        ({"id": "with space"}, (400, "invalid")),
        ({"id": "x" * 65}, (400, "invalid")),
        ({"id": "taken"}, (400, "channelIdNotUnique")),
        ({"type": "pigeon"}, (400, "channelUnknownType")),
        ({"token": "x" * 257}, (400, "invalid")),
        ({"expiration": "1"}, (400, "invalid")),
        ({"expiration": "soon"}, (400, "invalid")),
        ({"params": {"ttl": "soon"}}, (400, "invalid")),
        ({"params": {"ttl": "-5"}}, (400, "invalid")),
        ({"address": ""}, (400, "invalid")),
        ({"address": "nowhere"}, (400, "invalid")),
        ({"address": "http://[broken"}, (400, "invalid")),
        ({"address": "http://127.0.0.1:99999/"}, (400, "invalid")),
        ({"address": "ftp://127.0.0.1/"}, (400, "invalid")),
        ({"address": "http://127.0.0.1/\r\nX: y"}, (400, "invalid")),
        ({"address": "http://example.com/push"}, (401, "push.webhookUrlUnauthorized")),
        ({"address": "https://127.0.0.1/push"}, (401, "push.webhookUrlUnauthorized")),
        ({"address": "http://10.0.0.1/push"}, (401, "push.webhookUrlUnauthorized")),
        ({"address": "http://127.0.0.1@example.com/"}, (401, "push.webhookUrlUnauthorized")),
        ({"address": "http://localhost.example.com/"}, (401, "push.webhookUrlUnauthorized")),
    ],
)
async def test_a_channel_that_cannot_be(
    run: Run, receiver: Receiver, served: Served, wish: dict[str, Any], expected: tuple[int, str]
) -> None:
    await run(watching(receiver, "taken"))
    made = watching(receiver, **{"channel": wish.pop("id", "c1"), **wish})
    assert await fails(run, made) == expected
    assert len(served.world.google.channels.living()) == 1


async def test_a_failed_message_is_tried_again(
    run: Run, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "FIRST_PAUSE_S", 0.001)
    receiver.statuses = [503, 500, 200, 404, 302]
    await run(watching(receiver))
    assert [await receiver.next() for _ in range(3)] == [("c1", "sync", 1)] * 3
    for at, number in ((1, 2), (2, 3), (3, 4)):  # neither 404 nor 302 is tried again or followed
        await run(inserting(f"aaaa{at}"))
        assert await receiver.next() == ("c1", "exists", number)


async def test_nobody_listens(
    run: Run, receiver: Receiver, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "FIRST_PAUSE_S", 0.001)
    await run(watching(receiver, address="http://127.0.0.1:9/push"))
    async with asyncio.timeout(PATIENCE_S):
        while not served.world.log("google.push"):
            await asyncio.sleep(0.01)
    assert served.world.log("google.push")[-1]["outcome"] == "unreachable"
    assert (await run(inserting("aaaa1")))["id"] == "aaaa1"


async def test_a_message_is_lost_repeated_or_late(
    run: Run, receiver: Receiver, served: Served
) -> None:
    faults = served.world.faults
    await run(watching(receiver))
    assert await receiver.next() == ("c1", "sync", 1)
    faults.add("google.push", "drop", count=1)
    await run(inserting("aaaa1"))
    faults.add("google.push", "repeat", count=1)
    await run(inserting("aaaa2"))
    # The first is lost: its number is missing.
    assert [await receiver.next() for _ in range(2)] == [("c1", "exists", 3)] * 2
    faults.add("google.push", "slow", delay_ms=1500, count=1)
    await run(inserting("aaaa3"))
    await run(inserting("aaaa4"))
    assert [(await receiver.next())[2] for _ in range(2)] == [5, 4]
    assert "lost" in [each["outcome"] for each in served.world.log("google.push")]


async def test_a_fault_is_of_one_calendar(run: Run, receiver: Receiver, served: Served) -> None:
    for channel, calendar in (("c1", BAY), ("c2", BAY_2)):
        await run(watching(receiver, channel, calendar))
        await receiver.next()
    served.world.faults.add("google.push", "drop", only=BAY)
    await run(inserting("aaaa1"))
    await run(inserting("bbbb1", BAY_2))
    assert await receiver.next() == ("c2", "exists", 2)


async def test_channels_outlive_a_restart(tmp_path: Any, receiver: Receiver) -> None:
    for at in range(2):
        world = World(Options(rest_ms=0))
        world.state_dir = tmp_path
        async with serve(world) as http:
            served = Served(world, http)
            if at == 0:
                wish = {"id": "c1", "type": "web_hook", "address": receiver.address}
                path = f"/google/calendar/v3/calendars/{BAY}/events/watch"
                assert (await served.ask("POST", path, json=wish)).status_code == 200
                assert await receiver.next() == ("c1", "sync", 1)
            else:
                await served.staff("create", body=body("aaaa1"))
                assert await receiver.next() == ("c1", "exists", 2)
