"""Steering the sandbox: faults, options, and what belongs to the world."""

from __future__ import annotations

import asyncio
from datetime import UTC

import httpx
import pytest

from sandbox.faults import FaultError, Faults
from sandbox.world import LOG_LENGTH, Options, OptionsError, World


async def test_a_fault_bites_as_often_as_it_was_laid_for(served) -> None:
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as client:
        wanted = {"target": "openai", "kind": "fail", "status": 503, "count": 2}
        answer = await client.post("/sandbox/faults", json=wanted)
        assert answer.status_code == 201
        assert answer.json().items() >= wanted.items()
        met = [await served.world.faults.meet("openai") for _ in range(3)]
        assert [fault and fault.status for fault in met] == [503, 503, None]
        assert (await client.get("/sandbox/faults")).json() == {"faults": []}


async def test_a_fault_without_a_count_stays_until_it_is_removed(served) -> None:
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as client:
        for target in ("google", "twilio"):
            await client.post("/sandbox/faults", json={"target": target, "kind": "drop"})
        for _ in range(5):
            assert await served.world.faults.meet("google") is not None
        removed = await client.delete("/sandbox/faults", params={"target": "google"})
        assert removed.json() == {"removed": 1}
        assert await served.world.faults.meet("google") is None
        assert await served.world.faults.meet("twilio") is not None
        assert (await client.delete("/sandbox/faults")).json() == {"removed": 1}


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"target": "openai", "kind": "explode"},
        {"target": "nobody", "kind": "fail"},
        {"target": "openai", "kind": "fail", "status": 200},
        {"target": "openai", "kind": "slow", "delay_ms": -1},
        {"target": "openai", "kind": "slow", "delay_ms": "long"},
        {"target": "openai", "kind": "fail", "count": 0},
        {"target": "openai", "kind": "fail", "often": 1},
        ["openai"],
    ],
)
async def test_a_senseless_fault_is_refused_with_a_sentence(served, wanted) -> None:
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as client:
        answer = await client.post("/sandbox/faults", json=wanted)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert served.world.faults.list() == []


@pytest.mark.looptime
async def test_slow_waits_by_itself_and_lets_another_kind_follow() -> None:
    faults = Faults()
    faults.add("openai", "slow", delay_ms=2000)
    faults.add("openai", "fail", status=500, count=1)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    fault = await faults.meet("openai")
    assert loop.time() - begun == pytest.approx(2.0)
    assert fault is not None
    assert fault.kind == "fail"
    assert await faults.meet("openai") is None
    assert loop.time() - begun == pytest.approx(4.0)


def test_take_picks_only_the_kinds_asked_for_oldest_first() -> None:
    faults = Faults()
    faults.add("deepgram.listen", "fail", count=1)
    drop = faults.add("deepgram.listen", "drop", count=1)
    assert faults.take("deepgram.speak") is None
    assert faults.take("deepgram.listen", "drop", "stall") is drop
    assert faults.take("deepgram.listen", "drop", "stall") is None
    with pytest.raises(FaultError):
        faults.add("deepgram.listen", "fail", status=99)


async def test_options_change_all_or_none(served) -> None:
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as client:
        changed = await client.post("/sandbox/options", json={"model_token_ms": 7})
        assert changed.json()["model_token_ms"] == 7
        for wrong in ({"model_token_ms": 1, "nonsense": 2}, {"speech": "loud"}, {"rest_ms": -1}, 3):
            refused = await client.post("/sandbox/options", json=wrong)
            assert refused.status_code == 400
        assert (await client.get("/sandbox/options")).json() == served.world.options.as_dict()
        assert served.world.options.model_token_ms == 7


def test_options_keep_their_types() -> None:
    options = Options()
    options.update({"rest_ms": 3.0, "speak_pace": 2})
    assert (type(options.rest_ms), type(options.speak_pace)) == (int, float)
    with pytest.raises(OptionsError):
        options.update({"rest_ms": True})


async def test_health(served) -> None:
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as client:
        health = (await client.get("/sandbox/health")).json()
    assert health == {"status": "ok", "speech": "known", "tasks": 0, "answers": 0, "faults": 0}


async def test_closing_the_world_ends_its_tasks_even_those_begun_meanwhile() -> None:
    world = World()
    ended = []

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            world.spawn(quick())
            ended.append("stubborn")

    async def quick() -> None:
        await asyncio.Event().wait()

    world.spawn(stubborn())
    await asyncio.sleep(0)
    await world.aclose()
    assert ended == ["stubborn"]
    assert world.tasks == 0


def test_a_world_has_keys_of_its_own_an_aware_clock_and_bounded_logs() -> None:
    first, second = World(), World()
    assert first.api_key != second.api_key
    assert first.clock().tzinfo is UTC
    log = first.log("x")
    log.extend({"n": n} for n in range(LOG_LENGTH + 5))
    assert len(first.log("x")) == LOG_LENGTH
    assert first.log("x")[0] == {"n": 5}
