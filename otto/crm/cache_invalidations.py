"""Writes that the copies in Redis have to hear of, whoever wrote and whatever became of them.

A writer deletes the copies itself, after its commit. It may find Redis away, or die before; and
rows are also changed by those who know nothing of copies: an import, a person at psql. So triggers
note every change of customers, numbers and vehicles in `cache_invalidations`, in the transaction
that makes it, and whoever keeps the customers of a location deletes those numbers' copies:

    writer    rows + note ── commit ── delete copies ✗ (Redis is away)
    deliverer                                 … Redis is back ── delete copies ── note goes

A note may be delivered twice, which costs a look-up.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from otto.crm.customer_cache import CustomerCache
from otto.storage.tables import CacheInvalidationRow

_log = structlog.get_logger()

POLL_S = 1.0
"""How much longer than Redis is away another process may find the old customer."""
BATCH = 500


class CacheInvalidations:
    """Delivers the notes; any number of processes may."""

    def __init__(self, engine: AsyncEngine, cache: CustomerCache) -> None:
        self._engine = engine
        self._cache = cache

    async def run(self) -> None:
        """Deliver what is noted, until cancelled."""
        while True:
            try:
                await self.deliver()
            except Exception as error:
                _log.debug("cache_invalidations_wait", error=type(error).__name__)
            await asyncio.sleep(POLL_S)

    async def deliver(self) -> int:
        """Deliver everything that is noted; returns how many notes that were. Those that Redis
        does not take stay."""
        count = 0
        while taken := await self._deliver_batch():
            count += taken
        return count

    async def _deliver_batch(self) -> int:
        noted = (
            select(CacheInvalidationRow.id, CacheInvalidationRow.phone)
            .order_by(CacheInvalidationRow.id)
            .limit(BATCH)
            # Held until they are gone: of two deliverers each takes its own.
            .with_for_update(skip_locked=True)
        )
        async with self._engine.begin() as connection:
            notes = (await connection.execute(noted)).all()
            if not notes or not await self._cache.forget(*{note.phone for note in notes}):
                return 0
            ids = [note.id for note in notes]
            await connection.execute(
                delete(CacheInvalidationRow).where(CacheInvalidationRow.id.in_(ids))
            )
        return len(notes)
