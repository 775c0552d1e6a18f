"""What all of Otto's actors are started with."""

from __future__ import annotations

from typing import Any

import ray

from actors.runtime import registry

COMMON: dict[str, Any] = {
    "namespace": registry.NAMESPACE,
    # The switchboard decides who is admitted, not Ray's count of processors.
    "num_cpus": 0,
    # Ray would note every call of a method for the dashboard's list of tasks: some 3 KB each, of
    # which the cluster's head keeps 100,000, and some megabytes in every actor. A telephone call
    # makes dozens. Serve leaves it out for its own actors, too; actors are shown all the same.
    "enable_task_events": False,
}
"""Ray's options, by name."""


def on_node(node_id: str) -> dict[str, Any]:
    """The option that keeps an actor on a node."""
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id, soft=False)
    return {"scheduling_strategy": strategy}


def on_this_node() -> dict[str, Any]:
    """The option that keeps an actor on the node of whoever starts it."""
    return on_node(ray.get_runtime_context().get_node_id())
