"""The actors as a whole: brought up (the shared ones of the location, then a switchboard on every
node), and drained before the end. Ray must be initialised in this process."""

from __future__ import annotations

from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.node.switchboard import SwitchboardActor
from actors.runtime import registry
from actors.runtime.options import COMMON
from actors.runtime.registry import living_actors
from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
from config.dealership import load_dealership
from config.settings import Settings

READY_TIMEOUT_S = 180.0
"""For the pool to be warm: an actor takes some CPU-seconds to start, and there are four a call."""
ANSWER_TIMEOUT_S = 10.0


def bring_up(settings: Settings) -> None:
    """Make every actor that should be there, and wait until calls can be answered.

    Ray must be initialised in this process. Actors that exist are kept: a repeat is harmless.
    Raises `ray.exceptions.GetTimeoutError` when they are not ready in time.
    """
    dealership = load_dealership(settings.dealership_file)
    location = dealership.location(settings.location or dealership.locations[0].id)
    shared = [
        _actor(CrmActor, registry.crm(location.id), settings, location.id),
        _actor(CalendarActor, registry.calendar(location.id), settings, dealership, location.id),
    ]
    ray.get([actor.ready.remote() for actor in shared], timeout=READY_TIMEOUT_S)
    switchboards = [
        _actor(
            SwitchboardActor,
            registry.switchboard(node["NodeID"]),
            settings,
            dealership,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]
    ray.get([actor.start.remote() for actor in switchboards], timeout=READY_TIMEOUT_S)


def fill_reserve() -> None:
    """Have every switchboard start what is needed only when something breaks; does not wait."""
    for switchboard in switchboards():
        switchboard.fill_reserve.options(num_returns=0).remote()


def drain() -> None:
    """Have every node refuse new calls from now on. Those in progress go on."""
    ray.get([each.drain.remote() for each in switchboards()], timeout=ANSWER_TIMEOUT_S)


def reopen() -> None:
    """Take calls again after `drain`."""
    ray.get([each.reopen.remote() for each in switchboards()], timeout=ANSWER_TIMEOUT_S)


def finish_calls() -> None:
    """Ask every call in progress to end in good order: an apology, then a person."""
    ray.get([each.finish_calls.remote() for each in switchboards()], timeout=ANSWER_TIMEOUT_S)


def calls_in_progress() -> int:
    """How many calls all nodes hold."""
    asked = [each.snapshot.remote() for each in switchboards()]
    return sum(answer["calls"] for answer in ray.get(asked, timeout=ANSWER_TIMEOUT_S))


def switchboards() -> list[Any]:
    """The switchboards of the nodes that are there."""
    return [
        ray.get_actor(name, namespace=registry.NAMESPACE)
        for name in living_actors(registry.SWITCHBOARD_PREFIX)
    ]


def _actor(kind: type[Any], name: str, *arguments: Any, **options: Any) -> Any:
    """A detached, named actor that Ray restarts whenever it dies, and whose calls it retries."""
    return (
        ray.remote(kind)
        .options(
            name=name,
            lifetime="detached",
            get_if_exists=True,
            max_restarts=-1,
            max_task_retries=3,
            **COMMON,
            **options,
        )
        .remote(*arguments)
    )
