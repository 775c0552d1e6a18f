"""The names of the actors, as Ray's dashboard and `ray list actors` show them, and who lives.

switchboard-<node>            one a node
call-<node>-7                 a call actor, and what it owns:
call-<node>-7.stt  .llm  .tts
spare-<node>-3.stt            a warm worker that waits for a call that needs it, or has found one
calendar-main  crm-main       one a dealership location
"""

from __future__ import annotations

import ray

NAMESPACE = "otto"
NODE_ID_CHARACTERS = 8
"""Enough of Ray's node id to tell nodes apart."""

SWITCHBOARD_PREFIX = "switchboard-"
CALENDAR_PREFIX = "calendar-"


def short_node(node_id: str) -> str:
    return node_id[:NODE_ID_CHARACTERS]


def switchboard(node_id: str) -> str:
    return f"{SWITCHBOARD_PREFIX}{short_node(node_id)}"


def call_prefix(node_id: str) -> str:
    return f"call-{short_node(node_id)}-"


def spare_prefix(node_id: str) -> str:
    return f"spare-{short_node(node_id)}-"


def calendar(location_id: str) -> str:
    return f"{CALENDAR_PREFIX}{location_id}"


def crm(location_id: str) -> str:
    return f"crm-{location_id}"


def living_actors(prefix: str) -> list[str]:
    """The names of Otto's living actors, of every node, that begin with `prefix`.

    It takes a round trip to Ray's head.
    """
    return [
        entry["name"]
        for entry in ray.util.list_named_actors(all_namespaces=True)
        if entry["namespace"] == NAMESPACE and entry["name"].startswith(prefix)
    ]
