"""The way to the desk on the whole stack: they hear each other, or the caller is back with Otto."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.util.state import list_actors

from actors.node.switchboard import SwitchboardActor
from actors.runtime.handle import Handle, find
from sandbox.twilio import desk
from tests.support.stack import Running, running_stack, until

pytestmark = [pytest.mark.stack, pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("desk"))
    more = {"TWILIO_DESK_RING_S": "5"}
    with running_stack(folder, size=1, sub_actors="inline", speech="known", more=more) as running:
        yield running


def behaves(stack: Running, behaviour: str, **more: int) -> None:
    changes = {"behaviour": behaviour, "talk_ms": 1500, **more}
    stack.http.put("/sandbox/desk", json=changes).raise_for_status()


def idle() -> bool:
    filters = [("class_name", "=", "SwitchboardActor"), ("state", "=", "ALIVE")]
    (actor,) = list_actors(filters=filters)
    board: Handle[SwitchboardActor] = find(actor["name"])
    return bool(ray.get(board.submit(SwitchboardActor.snapshot))["idle"] == 1)


def leg_of(stack: Running, sid: str) -> dict[str, Any]:
    """The latest call to the desk, once there is one behind this call."""

    def find_leg() -> dict[str, Any] | None:
        sids = [call["call_sid"] for call in stack.http.get("/sandbox/calls").json()]
        later = [stack.record(each) for each in sids[sids.index(sid) + 1 :]]
        return next((each for each in later if each["direction"] != "inbound"), None)

    return until(find_leg)


def said(stack: Running, sid: str) -> str:
    return " ".join(str(event["text"]) for event in stack.events(sid))


def test_caller_and_desk_hear_each_other_and_otto_is_free_meanwhile(stack: Running) -> None:
    until(idle)
    behaves(stack, "accepts", talk_ms=6000)
    sid = stack.call("wants-a-person", speech="known")
    until(lambda: stack.record(sid)["conferences"])
    leg = leg_of(stack, sid)["call_sid"]
    until(lambda: stack.record(sid)["conferences"][0]["heard"])
    assert not stack.record(sid)["over"], "they talk"
    until(idle, within_s=5)
    (caller,) = stack.finished(sid)
    (other,) = stack.finished(leg)
    assert caller["ended_by"] == "transferred"
    assert caller["conferences"][0]["heard"] == [desk.GREETING]
    assert other["conferences"][0]["heard"] == [desk.CALLERS_WORDS]
    assert caller["conferences"][0]["heard_bytes"] > 4000 < other["conferences"][0]["heard_bytes"]
    summary = "A caller who is not verified asks for a person."
    assert summary in said(stack, leg)
    kept = until(lambda: stack.rows("select outcome, summary from calls where call_sid = $1", sid))
    assert kept == [{"outcome": "transferred", "summary": summary}]


@pytest.mark.parametrize("behaviour", ["refuses", "never_answers"])
def test_whom_nobody_takes_hears_the_offer_and_is_in_the_list(
    stack: Running, behaviour: str
) -> None:
    until(idle)
    behaves(stack, behaviour)
    sid = stack.call("wants-a-person", speech="known")
    until(lambda: stack.rows("select id from callbacks where call_sid = $1", sid), within_s=90)
    (caller,) = stack.finished(sid)
    assert "Nobody is free at the desk right now." in said(stack, sid)
    assert caller["measured"]["streams"] >= 2, "the same call, on another stream"
    (wish,) = stack.rows("select reason, promised_at from callbacks where call_sid = $1", sid)
    assert wish["promised_at"] is None and "asks for a person" in wish["reason"]
    until(idle)


def test_a_caller_who_hangs_up_while_it_rings_stops_the_ringing(stack: Running) -> None:
    until(idle)
    behaves(stack, "accepts", answers_ms=20_000)
    sid = stack.call("wants-a-person", speech="known")
    leg = leg_of(stack, sid)["call_sid"]
    until(lambda: stack.record(leg)["status"] == "ringing")
    stack.http.post(f"/sandbox/calls/{sid}", json={"hang_up": True}).raise_for_status()
    (other,) = stack.finished(leg, within_s=10)
    assert other["status"] == "canceled"
    stack.finished(sid)
    behaves(stack, "accepts", answers_ms=800)
    until(idle)
