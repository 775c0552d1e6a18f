"""Calls on the whole stack, workers as Ray actors: spoken, seen, refused, and kept alive while
what serves them is killed, stopped and woken up."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import ray
from ray.util.state import list_actors

from actors import deployment
from actors.call.actor import CallActor
from actors.node.switchboard import SwitchboardActor
from actors.runtime.handle import Handle, find
from benchmarks.chaos.striking import is_connected
from otto.health.calls import CallerFacts
from tests.support.stack import Running, running_stack, until

pytestmark = [pytest.mark.stack, pytest.mark.ray, pytest.mark.timeout(600)]
POOL = 1
RESERVE = 1
"""One for the call, and a warm one to take over when it is killed."""
WARM = POOL + RESERVE
KINDS = {"SttActor": "stt", "LlmActor": "llm", "TtsActor": "tts"}
ACTORS = ("CallActor", "SttActor", "LlmActor", "TtsActor", "SwitchboardActor")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("stack"))
    more = {"OTTO_POOL_TAKEOVER_RESERVE": str(RESERVE), "OTTO_POOL_SPARES": "1"}
    with running_stack(folder, size=POOL, sub_actors="ray", speech="known", more=more) as running:
        yield running


def living_actors(kind: str) -> list[str]:
    """The names of the living actors of a class."""
    filters = [("class_name", "=", kind), ("state", "=", "ALIVE")]
    return [actor["name"] for actor in list_actors(filters=filters, limit=1000)]


def pid_of(name: str) -> int:
    """The process of a living actor."""
    filters = [("name", "=", name), ("state", "=", "ALIVE")]
    (actor,) = list_actors(filters=filters, detail=True)
    pid: int = actor["pid"]
    return pid


def switchboard() -> Handle[SwitchboardActor]:
    (name,) = living_actors("SwitchboardActor")
    return find(name)


def snapshot(timeout_s: float | None = None) -> dict[str, Any]:
    """What the switchboard says of its pool."""
    found: dict[str, Any] = ray.get(
        switchboard().submit(SwitchboardActor.snapshot), timeout=timeout_s
    )
    return found


def idle_again(stack: Running) -> dict[str, Any]:
    """Wait until every call actor of the pool is warm and free, and every spare is there."""

    def ask() -> dict[str, Any] | None:
        places = snapshot()
        is_whole = places["idle"] == WARM and set(places["spares"].values()) == {1}
        return places if is_whole else None

    return until(ask)


def after_turns(stack: Running, sid: str, turns: int) -> None:
    until(lambda: len(stack.record(sid)["measured"]["turns"]) >= turns)


def booked_once(stack: Running, sid: str) -> dict[str, Any]:
    """The call's record, once it is over and has booked exactly one appointment."""
    (record,) = stack.finished(sid)
    assert record["booked"], stack.events(sid)
    assert len(stack.rows("select id from appointments where call_sid = $1", sid)) == 1
    return record


def serving(sid: str) -> str:
    """The name of the call actor that has a call."""

    def call_of(name: str) -> str | None:
        actor: Handle[CallActor] = find(name)
        call_sid: str | None = ray.get(actor.submit(CallActor.status))
        return call_sid

    return next(name for name in living_actors("CallActor") if call_of(name) == sid)


@pytest.fixture(scope="module")
def spoken(stack: Running) -> dict[str, Any]:
    """Maria's call, with the real voice and the real recogniser, and who lived during it."""
    stack.http.post("/sandbox/options", json={"speech": "real"}).raise_for_status()
    sid = stack.call("maria", speech="real")
    until(lambda: stack.record(sid)["measured"]["greeting_ms"])
    during = {kind: living_actors(kind) for kind in ACTORS}
    (record,) = stack.finished(sid)
    stack.http.post("/sandbox/options", json={"speech": "known"}).raise_for_status()
    return {**record, "during": during}


@pytest.mark.speech
def test_a_spoken_call_books_an_oil_change(stack: Running, spoken: dict[str, Any]) -> None:
    sid = spoken["call_sid"]
    assert spoken["booked"], stack.events(sid)
    (row,) = stack.rows("select * from appointments where call_sid = $1", sid)
    (line,) = stack.rows("select * from appointment_lines where appointment_id = $1", row["id"])
    assert (line["service_code"], row["status"]) == ("oil_change", "booked")
    (customer,) = stack.rows("select * from customers where id = $1", row["customer_id"])
    assert customer["first_name"] == "Maria"
    delivered = "select * from outbox where payload->>'appointment_id' = $1 and done_at is not null"
    until(lambda: len(stack.rows(delivered, str(row["id"]))) == 2)
    messages = stack.http.get("/sandbox/messages").json()
    assert "+13125550142" in [message["to"] for message in messages]
    calendar = stack.http.get("/sandbox/calendar", params={"format": "json"}).text
    assert line["google_event_id"] in calendar
    state, ttl_s = stack.session(sid)
    assert state is not None
    assert state["bookings"] == [str(row["id"])]
    assert 0 < ttl_s <= stack.settings.redis.session_ttl_s
    turns = until(lambda: stack.rows("select * from turns where call_sid = $1", sid))
    assert len(turns) >= 10
    assert any("otto_ms" in (turn["latency"] or "") for turn in turns)


def test_a_call_and_its_three_workers_can_be_seen(stack: Running, spoken: dict[str, Any]) -> None:
    seen = spoken["during"]
    assert 1 <= len(seen["CallActor"]) <= WARM
    for kind, suffix in KINDS.items():
        assert {f"{call}.{suffix}" for call in seen["CallActor"]} <= set(seen[kind])
    dashboard = httpx.get(f"http://127.0.0.1:{stack.settings.dashboard_port}/")
    assert dashboard.status_code == 200


def test_a_call_goes_on_while_all_that_serves_it_is_killed_one_after_the_other(
    stack: Running,
) -> None:
    idle_again(stack)
    sid = stack.customer_calls(stack.customers(1)[0])
    after_turns(stack, sid, 1)
    host = serving(sid)
    for turns, kind in ((1, "stt"), (2, "tts"), (2, "llm")):
        after_turns(stack, sid, turns)
        os.kill(pid_of(f"{host}.{kind}"), signal.SIGKILL)
    after_turns(stack, sid, 3)
    assert serving(sid) == host, "workers are replaced under the same call actor"
    os.kill(pid_of(host), signal.SIGKILL)
    record = booked_once(stack, sid)
    assert record["measured"]["streams"] == 1, "the line itself was never cut"
    state, _ = stack.session(sid)
    assert state is not None
    assert state["epoch"] == 2, "another call actor took over, once"


@pytest.mark.slow
def test_a_call_actor_that_is_stopped_and_wakes_up_is_fenced(stack: Running) -> None:
    idle_again(stack)
    sid = stack.customer_calls(stack.customers(2)[1], service="tire_rotation")
    after_turns(stack, sid, 2)
    zombie = serving(sid)
    pid = pid_of(zombie)
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: snapshot()["fenced"] == 1, within_s=10)
    finally:
        os.kill(pid, signal.SIGCONT)
    record = booked_once(stack, sid)
    assert record["measured"]["streams"] == 1
    state, _ = stack.session(sid)
    assert state is not None
    assert state["epoch"] == 2
    (call,) = until(lambda: stack.rows("select outcome from calls where call_sid = $1", sid))
    assert call["outcome"] == "done", "the zombie's idea of the end must not be the record"
    assert idle_again(stack)["fenced"] == 0
    assert pid_of(zombie) == pid, "it has let go and serves again"


@pytest.mark.slow
def test_a_call_comes_back_when_the_process_that_holds_its_line_is_killed(stack: Running) -> None:
    idle_again(stack)
    sid = stack.customer_calls(stack.customers(3)[2], service="ac_service")
    after_turns(stack, sid, 2)
    host = pid_of(serving(sid))
    (holding,) = (
        actor["pid"]
        for actor in list_actors(filters=[("state", "=", "ALIVE")], detail=True, limit=1000)
        if actor["class_name"].startswith("ServeReplica:media")
        and is_connected(host, actor["pid"], stack.settings.link.host)
    )
    os.kill(holding, signal.SIGKILL)
    record = booked_once(stack, sid)
    assert record["measured"]["streams"] >= 2
    idle_again(stack)


def test_a_hundred_calls_for_the_places_there_are_get_exactly_those(stack: Running) -> None:
    idle_again(stack)
    board = switchboard()
    sids, nobody = [f"CAcrowd{number}" for number in range(100)], CallerFacts()
    answers = ray.get([board.submit(SwitchboardActor.reserve, sid, nobody) for sid in sids])
    for sid in sids:
        board.tell(SwitchboardActor.call_ended, sid, "canceled")
    assert sum(answer.token is not None for answer in answers) == POOL
    assert {answer.reason for answer in answers if answer.token is None} == {"full"}


def test_while_it_drains_new_calls_reach_a_person_and_the_one_in_progress_goes_on(
    stack: Running,
) -> None:
    idle_again(stack)
    held = stack.call("silent", speech="known")
    until(lambda: stack.record(held)["measured"]["greeting_ms"])
    deployment.drain()
    try:
        (refused,) = stack.finished(stack.call("maria", speech="known"), within_s=30)
        assert refused["ended_by"] == "transferred"
        assert snapshot()["refused"]["draining"] == 1
        assert deployment.calls_in_progress() == 1
        deployment.finish_calls()
        (ended,) = stack.finished(held, within_s=30)
        assert ended["ended_by"] == "transferred"
    finally:
        deployment.reopen()
    idle_again(stack)


def test_a_switchboard_that_is_killed_finds_its_calls_and_spares_again(stack: Running) -> None:
    idle_again(stack)
    before = sorted(name for kind in ("CallActor", *KINDS) for name in living_actors(kind))
    held = stack.call("silent", speech="known")
    until(lambda: stack.record(held)["measured"]["greeting_ms"])
    (name,) = living_actors("SwitchboardActor")
    os.kill(pid_of(name), signal.SIGKILL)

    def is_busy() -> bool:
        try:
            return bool(snapshot(timeout_s=5)["busy"] == 1)
        except (ValueError, ray.exceptions.RayError):
            return False

    until(is_busy)
    stack.http.post(f"/sandbox/calls/{held}", json={"hang_up": True}).raise_for_status()
    stack.finished(held)
    idle_again(stack)
    after = sorted(name for kind in ("CallActor", *KINDS) for name in living_actors(kind))
    assert after == before


def test_one_call_too_many_hears_a_sentence_and_is_put_through(stack: Running) -> None:
    idle_again(stack)
    served = [stack.call("silent", speech="known") for _ in range(POOL)]
    for sid in served:
        until(lambda sid=sid: stack.record(sid)["measured"]["greeting_ms"])
    (refused,) = stack.finished(stack.call("maria", speech="known"), within_s=30)
    assert refused["ended_by"] == "transferred"
    for sid in served:
        stack.http.post(f"/sandbox/calls/{sid}", json={"hang_up": True}).raise_for_status()
    stack.finished(*served)
    idle_again(stack)


@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": "Zm9yZ2Vk"}])
def test_a_webhook_that_twilio_did_not_sign_is_refused(
    stack: Running, headers: dict[str, str]
) -> None:
    form = {"CallSid": "CAforged", "From": "+13125550142", "To": "+18155550100"}
    url = f"http://{stack.settings.host}:{stack.settings.port}/twilio/voice"
    assert httpx.post(url, data=form, headers=headers).status_code == 403
