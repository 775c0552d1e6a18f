"""Who of Otto's actors lives, by name."""

from __future__ import annotations

import ray

from actors import names


def living(prefix: str) -> list[str]:
    """The names of Otto's living actors, of every node, that begin with `prefix`.

    It takes a round trip to Ray's head.
    """
    return [
        entry["name"]
        for entry in ray.util.list_named_actors(all_namespaces=True)
        if entry["namespace"] == names.NAMESPACE and entry["name"].startswith(prefix)
    ]
