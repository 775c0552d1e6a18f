"""The sandbox lets itself be steered by whoever has its token, and by nobody else."""

from __future__ import annotations

from base64 import b64encode

import httpx
import pytest
from starlette.routing import Route

from sandbox.access import CONTROL
from sandbox.app import build
from sandbox.world import World

WORLD = World()
STEERING = sorted(
    (method, route.path.replace("{sid}", "CA1"))
    for route in build(WORLD).routes
    if isinstance(route, Route) and route.path.startswith(CONTROL)
    for method in route.methods or ()
)


def _client(world: World, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(build(world))
    return httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers)


def _basic(password: str) -> str:
    return "Basic " + b64encode(f"somebody:{password}".encode()).decode()


def test_everything_that_steers_is_known() -> None:
    assert {path.split("/")[2] for _, path in STEERING} == {
        "calendar", "calls", "deepgram", "desk", "faults", "google", "health", "messages", "number",
        "options", "personas", "services",
    }  # fmt: skip


@pytest.mark.parametrize(("method", "path"), STEERING)
@pytest.mark.parametrize(
    "given", ["", "Bearer ", "Bearer guessed", "Bearer ünknown", "Basic ????", "Token x", "bearer"]
)
async def test_nobody_steers_without_the_token(method: str, path: str, given: str) -> None:
    world = World()
    async with _client(world) as client:
        headers = {"Authorization": given.encode("latin-1")} if given else {}
        answer = await client.request(method, path, headers=headers, json={"target": "google"})
    assert answer.status_code == 401
    assert world.control_token not in answer.text
    assert not world.faults.list()


@pytest.mark.parametrize("path", ["//sandbox/faults", "/sandbox/faults/", "/SANDBOX/faults"])
async def test_no_other_spelling_of_a_path_goes_around_it(path: str) -> None:
    async with _client(World()) as client:
        answer = await client.post(path, json={"target": "google", "kind": "drop"})
    assert answer.status_code in (307, 401, 404)


async def test_the_token_opens_it() -> None:
    world = World()
    async with _client(world, Authorization=f"Bearer {world.control_token}") as client:
        fault = {"target": "google", "kind": "fail"}
        assert (await client.post("/sandbox/faults", json=fault)).status_code == 201
        assert (await client.get("/sandbox/calendar")).status_code == 200


async def test_each_sandbox_has_a_token_of_its_own() -> None:
    world = World()
    async with _client(world, Authorization=f"Bearer {World().control_token}") as client:
        assert (await client.get("/sandbox/health")).status_code == 401


async def test_a_browser_asks_its_user_and_may_then_look_but_not_steer() -> None:
    world = World()
    async with _client(world) as client:
        asked = await client.get("/sandbox/calendar")
        assert asked.headers["WWW-Authenticate"].startswith("Basic ")
        headers = {"Authorization": _basic(world.control_token)}
        assert (await client.get("/sandbox/calendar", headers=headers)).status_code == 200
        for method, path in (("POST", "/sandbox/options"), ("DELETE", "/sandbox/faults")):
            assert (await client.request(method, path, headers=headers)).status_code == 401
        wrong = {"Authorization": _basic("guessed")}
        assert (await client.get("/sandbox/calendar", headers=wrong)).status_code == 401


async def test_the_vendors_ask_for_keys_of_their_own() -> None:
    world = World()
    async with _client(world, Authorization=f"Bearer {world.control_token}") as client:
        answer = await client.post("/openai/v1/chat/completions", json={})
    assert answer.status_code == 401
