"""The actors as a whole: brought up (the shared ones of the location, then a switchboard on every
node), and drained before the end. Ray must be initialised in this process."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import ray

from actors.node.switchboard import SwitchboardActor
from actors.runtime import registry
from actors.runtime.deposit import deposit
from actors.runtime.handle import Handle, find, start
from actors.runtime.options import on_node
from actors.runtime.registry import living_actors
from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
from config.dealership import load_dealership
from config.link import ray_fault
from config.roles import Role
from config.settings import Settings, SettingsError
from otto.dialogue.flow.prompt_files import load_prompts

R = TypeVar("R")

READY_TIMEOUT_S = 180.0
"""For the pool to be warm: an actor takes some CPU-seconds to start, and there are four a call."""
ANSWER_TIMEOUT_S = 10.0


def bring_up(settings: Settings) -> None:
    """Make every actor that should be there, and wait until calls can be answered.

    Ray must be initialised in this process. Actors that exist are kept: a repeat is harmless.
    Raises `ray.exceptions.GetTimeoutError` when they are not ready in time, and `SettingsError`
    when what goes between nodes could be read.
    """
    fault = ray_fault(settings.link, os.environ)
    if fault is not None:
        raise SettingsError(": ".join(fault))
    dealership = load_dealership(settings.dealership_file)
    load_prompts(settings.prompts_dir)  # a fault in them is told before anything starts
    location = dealership.location(settings.location)
    crm = start(
        CrmActor,
        _lasting(registry.crm(location.id)),
        deposit(Role.CRM, settings),
        location.id,
    )
    calendar = start(
        CalendarActor,
        _lasting(registry.calendar(location.id)),
        deposit(Role.CALENDAR, settings),
        dealership,
        location.id,
    )
    ready = [crm.submit(CrmActor.ready), calendar.submit(CalendarActor.ready)]
    ray.get(ready, timeout=READY_TIMEOUT_S)
    switchboards = [
        start(
            SwitchboardActor,
            _lasting(registry.switchboard(node["NodeID"])) | on_node(node["NodeID"]),
            deposit(Role.SWITCHBOARD, settings),
            dealership,
        )
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]
    _all(SwitchboardActor.start, switchboards, READY_TIMEOUT_S)


def fill_reserve() -> None:
    """Have every switchboard start what is needed only when something breaks; does not wait."""
    for switchboard in switchboards():
        switchboard.tell(SwitchboardActor.fill_reserve)


def drain() -> None:
    """Have every node refuse new calls from now on. Those in progress go on."""
    _all(SwitchboardActor.drain, switchboards())


def reopen() -> None:
    """Take calls again after `drain`."""
    _all(SwitchboardActor.reopen, switchboards())


def finish_calls() -> None:
    """Ask every call in progress to end in good order: an apology, then a person."""
    _all(SwitchboardActor.finish_calls, switchboards())


def calls_in_progress() -> int:
    """How many calls all nodes hold."""
    return sum(answer["calls"] for answer in _all(SwitchboardActor.snapshot, switchboards()))


def switchboards() -> list[Handle[SwitchboardActor]]:
    """The switchboards of the nodes that are there."""
    return [find(name) for name in living_actors(registry.SWITCHBOARD_PREFIX)]


def _all(
    method: Callable[[SwitchboardActor], Awaitable[R]],
    nodes: list[Handle[SwitchboardActor]],
    timeout_s: float = ANSWER_TIMEOUT_S,
) -> list[R]:
    """What the method answers on every node."""
    answers: list[R] = ray.get([each.submit(method) for each in nodes], timeout=timeout_s)
    return answers


def _lasting(name: str) -> dict[str, Any]:
    """The options of a detached, named actor that Ray restarts whenever it dies, and whose calls
    it retries."""
    return {
        "name": name,
        "lifetime": "detached",
        "get_if_exists": True,
        "max_restarts": -1,
        "max_task_retries": 3,
    }
