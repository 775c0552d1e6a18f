"""The proofs' eyes and hands, on the real sandbox: a run that sees nothing would find nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.chaos.driving import Driver
from benchmarks.chaos.faults import Vendor
from benchmarks.chaos.judging import Outcome, outcome_of
from benchmarks.chaos.stack_probe import StackProbe
from benchmarks.chaos.striking import Targets, carry_out
from benchmarks.chaos.timeline import gaps, worst
from benchmarks.soak import Run, markdown
from benchmarks.soak_sampling import count_processes
from benchmarks.soak_slopes import Sample, judge
from config.settings import Settings
from sandbox.app import listen, serve
from sandbox.world import Options, World

TWIML = """<Response><Pause length="1"/><Say>All our lines are busy.</Say>
<Dial>+13125550100</Dial></Response>"""


@pytest.fixture
async def probe() -> AsyncIterator[StackProbe]:
    """A sandbox whose number is answered by fixed TwiML: a second of silence, words, the desk."""

    async def answer(request: Request) -> Response:
        return Response(TWIML, media_type="text/xml")

    socket = listen()
    config = uvicorn.Config(
        Starlette(routes=[Route("/voice", answer, methods=["POST"])]), log_level="error"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    world = World(Options(speech="known"))
    async with serve(world) as url:
        probe = StackProbe(Settings(), url, world.control_token, sandbox_pid=0, stack_id="none")
        async with probe.connected():
            number = {"voice_url": f"http://127.0.0.1:{socket.getsockname()[1]}/voice"}
            (await probe.http.put("/sandbox/number", json=number)).raise_for_status()
            yield probe
    server.should_exit = True
    await serving


async def test_a_call_that_reaches_the_desk_is_seen_with_its_silence(probe: StackProbe) -> None:
    sid = await Driver(probe, lambda line: None).place(books=False)
    record, events = await probe.finished(sid, 20), await probe.events(sid)
    assert outcome_of(record, events, False, False) is Outcome.TRANSFERRED
    # The second before the words; known to a tenth of one.
    assert 900 <= worst(gaps(events)) <= 1_600


async def test_a_caller_can_be_made_to_leave_when_the_moment_has_come(probe: StackProbe) -> None:
    sid = await Driver(probe, lambda line: None).place(books=True)
    async with aclosing(probe.follow(sid)) as events:
        async for event in events:
            if event["kind"] == "answered":
                break
    assert await probe.act(sid, hang_up=True)
    record = await probe.finished(sid, 10)
    assert outcome_of(record, await probe.events(sid), False, True) is Outcome.HUNG_UP
    assert not await probe.act(sid, hang_up=True)


async def test_a_call_that_does_not_end_is_ended_and_lost(probe: StackProbe) -> None:
    sid = await Driver(probe, lambda line: None).place(books=False)
    record = await probe.finished(sid, 0.0)
    assert outcome_of(record, await probe.events(sid), False, False) is Outcome.LOST


async def test_a_fault_that_nobody_met_is_no_strike(probe: StackProbe) -> None:
    fault = await probe.lay("openai", "fail")
    once = await probe.lay("google.token", "fail", count=1)
    assert not await probe.has_bitten([fault, once])
    await probe.http.post("/google/token")
    assert await probe.has_bitten([fault, once])
    assert not await probe.has_bitten([fault])
    await probe.lift()
    struck = await carry_out(probe, Vendor("openai", ("fail",), for_s=0.0), Targets())
    with pytest.raises(Exception, match="nobody met the fault"):
        await struck.undo()


def test_the_sandbox_is_counted_apart_from_what_is_ours() -> None:
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with (
        subprocess.Popen(sleep, stdout=subprocess.PIPE) as outside,
        subprocess.Popen(sleep, stdout=subprocess.PIPE) as other,
    ):
        for child in (outside, other):
            assert child.stdout is not None
            child.stdout.readline()
        found = count_processes(os.getpid(), outside.pid)
        outside.kill()
        other.kill()
    assert found["processes: sandbox"] == 1
    assert found["MB: sandbox"] > 1
    assert found["fds: sandbox"] >= 3
    assert sum(count for name, count in found.items() if name.startswith("processes: ")) >= 2
    run = Run("inline", {"answered": 1}, findings=judge(Sample(0, found), [], Sample(1, found)))
    assert json.loads(json.dumps(asdict(run)))["outcomes"] == {"answered": 1}
    assert "inline: 1 answered" in markdown([run], {"at": "now"})
    assert "MB in all" not in found, "neither is one of Otto's"
