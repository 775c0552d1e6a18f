"""Settings of actors that others look up by name.

Ray hands an actor's arguments to everybody who looks it up by its name, along with its address: a
memory of the ingress would hold what its switchboard was started with. So these are started with
a key, and fetch their settings themselves from the store of Ray's head, also after a restart.
Whoever has Ray's token can fetch them as well, but nobody holds them who has not asked.
"""

from __future__ import annotations

import pickle
import uuid
from dataclasses import dataclass
from typing import Final

from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_put

from config.roles import Role, settings_for
from config.settings import Settings

_NAMESPACE: Final = b"otto"


@dataclass(frozen=True, slots=True)
class Deposit:
    """Where an actor's settings are kept."""

    key: str


def deposit(role: Role, settings: Settings) -> Deposit:
    """Keep what `role` needs of the settings, for as long as the cluster lives."""
    kept = Deposit(f"settings:{role}:{uuid.uuid4().hex}")
    # Of this project's own actors, for them, and behind Ray's token like all that they exchange.
    content = pickle.dumps(settings_for(role, settings))
    _internal_kv_put(kept.key.encode(), content, namespace=_NAMESPACE)
    return kept


def collected(given: Settings | Deposit) -> Settings:
    """The settings themselves. Raises LookupError when they are not kept any more."""
    if isinstance(given, Settings):
        return given
    content = _internal_kv_get(given.key.encode(), namespace=_NAMESPACE)
    if content is None:
        raise LookupError("the settings of this actor are gone: bring the actors up again")
    settings: Settings = pickle.loads(content)  # noqa: S301  see `deposit`
    return settings
