"""Who waits to be called back, for those who call: in the order of what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from otto.storage.clock import NOW
from otto.storage.tables import CallbackRow


@dataclass(frozen=True, slots=True)
class WaitingCallback:
    """One line of the list. `promised_at` None: as soon as possible."""

    id: int
    phone: str
    reason: str
    created_at: datetime
    promised_at: datetime | None
    done_at: datetime | None


async def callbacks_of(
    engine: AsyncEngine, location_id: str, *, with_done: bool = False
) -> tuple[WaitingCallback, ...]:
    """Those of a location that are not done, whoever was promised the earliest time first."""
    row = CallbackRow
    wanted = select(
        row.id, row.phone, row.reason, row.created_at, row.promised_at, row.done_at
    ).where(row.location_id == location_id)
    if not with_done:
        wanted = wanted.where(row.done_at.is_(None))
    due = func.coalesce(row.promised_at, row.created_at)
    async with engine.connect() as connection:
        found = await connection.execute(wanted.order_by(row.done_at.is_not(None), due, row.id))
        return tuple(WaitingCallback(*one) for one in found)


async def finish_callback(engine: AsyncEngine, location_id: str, callback_id: int) -> bool:
    """Somebody has called them. False when no such callback waits."""
    waits = update(CallbackRow).where(
        CallbackRow.id == callback_id,
        CallbackRow.location_id == location_id,
        CallbackRow.done_at.is_(None),
    )
    async with engine.begin() as connection:
        done = await connection.execute(waits.values(done_at=NOW))
    return bool(done.rowcount)
