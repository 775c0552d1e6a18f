"""Calls on the whole stack, workers as Ray actors: spoken, seen, refused, and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import ray
from ray.util.state import list_actors

from actors import names
from tests.support.stack import Running, running_stack, until

pytestmark = [pytest.mark.stack, pytest.mark.ray, pytest.mark.timeout(600)]
POOL = 2
"""One for the call, and a warm one to take over when it is killed."""
ACTORS = ("CallActor", "SttActor", "LlmActor", "TtsActor", "SwitchboardActor")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("stack"))
    with running_stack(folder, size=POOL, sub_actors="ray", speech="known") as running:
        yield running


def living(kind: str) -> list[str]:
    """The names of the living actors of a class."""
    filters = [("class_name", "=", kind), ("state", "=", "ALIVE")]
    return [actor["name"] for actor in list_actors(filters=filters, limit=1000)]


def idle_again(stack: Running) -> dict[str, int]:
    """Wait until every call actor of the pool is warm and free."""
    (name,) = living("SwitchboardActor")
    switchboard = ray.get_actor(name, namespace=names.NAMESPACE)

    def ask() -> dict[str, int] | None:
        places: dict[str, int] = ray.get(switchboard.snapshot.remote())
        return places if places["idle"] == POOL else None

    return until(ask)


def serving(sid: str) -> str:
    """The name of the call actor that has a call."""
    return next(
        name
        for name in living("CallActor")
        if ray.get(ray.get_actor(name, namespace=names.NAMESPACE).status.remote()) == sid
    )


@pytest.fixture(scope="module")
def spoken(stack: Running) -> dict[str, Any]:
    """Maria's call, with the real voice and the real recogniser, and who lived during it."""
    stack.http.post("/sandbox/options", json={"speech": "real"}).raise_for_status()
    sid = stack.call("maria", speech="real")
    until(lambda: stack.record(sid)["measured"]["greeting_ms"])
    during = {kind: living(kind) for kind in ACTORS}
    (record,) = stack.finished(sid)
    stack.http.post("/sandbox/options", json={"speech": "known"}).raise_for_status()
    return {**record, "during": during}


@pytest.mark.speech
def test_a_spoken_call_books_an_oil_change(stack: Running, spoken: dict[str, Any]) -> None:
    sid = spoken["call_sid"]
    assert spoken["booked"], stack.events(sid)
    (row,) = stack.rows("select * from appointments where call_sid = $1", sid)
    assert (row["service_code"], row["status"]) == ("oil_change", "booked")
    (customer,) = stack.rows("select * from customers where id = $1", row["customer_id"])
    assert customer["first_name"] == "Maria"
    delivered = "select * from outbox where payload->>'appointment_id' = $1 and done_at is not null"
    until(lambda: len(stack.rows(delivered, str(row["id"]))) == 2)
    messages = stack.http.get("/sandbox/messages").json()
    assert "+13125550142" in [message["to"] for message in messages]
    calendar = stack.http.get("/sandbox/calendar", params={"format": "json"}).text
    assert row["google_event_id"] in calendar
    state, ttl_s = stack.session(sid)
    assert state is not None
    assert state["bookings"] == [str(row["id"])]
    assert 0 < ttl_s <= stack.settings.redis.session_ttl_s
    turns = until(lambda: stack.rows("select * from turns where call_sid = $1", sid))
    assert len(turns) >= 10
    assert any("otto_ms" in (turn["latency"] or "") for turn in turns)


def test_a_call_and_its_three_workers_can_be_seen(stack: Running, spoken: dict[str, Any]) -> None:
    seen = spoken["during"]
    assert len(seen["CallActor"]) == POOL
    for kind, suffix in (("SttActor", "stt"), ("LlmActor", "llm"), ("TtsActor", "tts")):
        assert sorted(seen[kind]) == sorted(f"{call}.{suffix}" for call in seen["CallActor"])
    dashboard = httpx.get(f"http://127.0.0.1:{stack.settings.dashboard_port}/")
    assert dashboard.status_code == 200


def test_a_call_goes_on_when_its_actor_is_killed(stack: Running) -> None:
    idle_again(stack)
    person = {"first_name": "Robin", "last_name": "Walker", "phone": "+13125552042"}
    facts = {**person, "known": False, "year": 2020, "make": "Honda", "model": "Civic"}
    sid = stack.call("load", speech="known", **{"from": person["phone"]}, facts=facts)
    until(lambda: len(stack.record(sid)["measured"]["turns"]) >= 2)
    ray.kill(ray.get_actor(serving(sid), namespace=names.NAMESPACE))
    (record,) = stack.finished(sid)
    assert record["booked"], stack.events(sid)
    assert record["measured"]["streams"] == 1, "the line itself was never cut"
    assert len(stack.rows("select id from appointments where call_sid = $1", sid)) == 1
    state, _ = stack.session(sid)
    assert state is not None
    assert state["epoch"] == 2


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


def test_a_call_whose_ears_die_reaches_a_person_and_the_place_is_made_good(stack: Running) -> None:
    idle_again(stack)
    sid = stack.call("silent", speech="known")
    until(lambda: stack.record(sid)["measured"]["greeting_ms"])
    victim = serving(sid)
    ray.kill(ray.get_actor(f"{victim}.stt", namespace=names.NAMESPACE))
    (record,) = stack.finished(sid, within_s=60)
    assert record["ended_by"] == "transferred"
    idle_again(stack)
    assert victim not in living("CallActor"), "a call actor without ears must not be used again"


@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": "Zm9yZ2Vk"}])
def test_a_webhook_that_twilio_did_not_sign_is_refused(
    stack: Running, headers: dict[str, str]
) -> None:
    form = {"CallSid": "CAforged", "From": "+13125550142", "To": "+18155550100"}
    url = f"http://{stack.settings.host}:{stack.settings.port}/twilio/voice"
    assert httpx.post(url, data=form, headers=headers).status_code == 403
