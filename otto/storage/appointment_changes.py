"""The history of appointments: the one way in which a line is added to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.storage.appointment_terms import Action, Actor
from otto.storage.tables import AppointmentChangeRow


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done. `before` and `after` say what it touched (status, times, transport,
    of each line the bay, the service and the times), JSON-ready; nothing in here may be personal
    data. `key` and `wish` are those of a request that may come again; `reason` is a code."""

    appointment_id: UUID
    action: Action
    actor: Actor
    after: dict[str, Any]
    before: dict[str, Any] | None = None
    call_sid: str | None = None
    key: str | None = None
    wish: dict[str, Any] | None = None
    reason: str | None = None


async def record_changes(connection: AsyncConnection, changes: Iterable[Change]) -> bool:
    """Write them down in the transaction that does them; whether no key was known before."""
    rows = [asdict(change) for change in changes]
    if not rows:
        return True
    added = (
        insert(AppointmentChangeRow)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(AppointmentChangeRow.id)
    )
    return len((await connection.execute(added)).all()) == len(rows)
