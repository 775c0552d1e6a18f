"""What is kept for how long: transcripts, callbacks and delivered outbox rows go when they are old.

Each is removed in small pieces, so that no sweep holds a lock that a call would wait for; several
sweepers at once do no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Delete,
    Text,
    Update,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from config.clock import utc_now
from config.limits import LONGEST_WINDOW_H
from config.privacy import RetentionSettings
from otto.storage.spool import Spool
from otto.storage.tables import (
    NEVER,
    AppointmentRow,
    CallbackRow,
    CallRow,
    LimitEventRow,
    OutboxRow,
    TextCodeRow,
    TurnRow,
)

log = structlog.get_logger()

SWEEP_EVERY_S = 3600.0
PIECE_ROWS = 500
COUNTED_DAYS = LONGEST_WINDOW_H // 24
CODES_DAYS = 1
"""What proves a number proves it in its call, and no call lasts so long."""


class RetentionSweeper:
    """Removes what `settings` say is old; whoever owns it runs it beside its other work."""

    def __init__(
        self, engine: AsyncEngine, settings: RetentionSettings, spool: Spool | None = None
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._spool = spool

    async def run(self) -> None:
        """Sweep every hour, until cancelled. A database that is away is asked again then."""
        while True:
            try:
                await self.sweep(utc_now())
            except Exception as error:
                log.warning("retention_sweep_failed", error=type(error).__name__)
            await asyncio.sleep(SWEEP_EVERY_S)

    async def sweep(self, now: datetime) -> dict[str, int]:
        """Remove what is old at `now`; returns how many rows of what."""
        kept = self._settings
        removed = {
            "transcripts": await self._in_pieces(_old_transcripts, now, kept.transcripts_days),
            "callbacks": await self._in_pieces(_old_callbacks, now, kept.callbacks_days),
            "outbox": await self._in_pieces(_old_deliveries, now, kept.outbox_days),
            "limit_events": await self._in_pieces(_old_limit_events, now, COUNTED_DAYS),
            "text_codes": await self._in_pieces(_old_text_codes, now, CODES_DAYS),
        }
        if self._spool is not None and kept.callbacks_days:
            limit = (now - timedelta(days=kept.callbacks_days)).isoformat()
            removed["dead_letters"] = await self._spool.purge(
                lambda entry: entry.kept_at < limit, dead_only=True
            )
        if any(removed.values()):
            log.info("retention_swept", **removed)
        return removed

    async def _in_pieces(
        self, older_than: Callable[[datetime], Delete | Update], now: datetime, days: int
    ) -> int:
        if not days:
            return 0
        statement = older_than(now - timedelta(days=days))
        count = 0
        while True:
            async with self._engine.begin() as connection:
                rows = (await connection.execute(statement)).rowcount
            count += rows
            if rows < PIECE_ROWS:
                return count


def _old_transcripts(limit: datetime) -> Update:
    """Of a call that is old the record stays, without the numbers and without what was said."""
    ended = CallRow.started_at < limit
    holds_any = or_(
        CallRow.from_number.is_not(None),
        CallRow.to_number.is_not(None),
        CallRow.summary.is_not(None),
        exists().where(TurnRow.call_sid == CallRow.call_sid),
    )
    old = select(CallRow.call_sid).where(ended, holds_any).limit(PIECE_ROWS)
    chosen = old.with_for_update(skip_locked=True).cte("old")
    silenced = (
        delete(TurnRow)
        .where(TurnRow.call_sid.in_(select(chosen.c.call_sid)))
        .returning(TurnRow.call_sid)
        .cte("silenced")
    )
    return (
        update(CallRow)
        .where(CallRow.call_sid.in_(select(chosen.c.call_sid)))
        .values(from_number=None, to_number=None, summary=None)
        .add_cte(silenced)
    )


def _old_callbacks(limit: datetime) -> Delete:
    return _piece_of(CallbackRow, CallbackRow.created_at < limit)


def _old_deliveries(limit: datetime) -> Delete:
    """What was delivered, by now ids alone, and texts that never will be and that nobody has any
    use for. What is about an appointment stays as long as that is not old itself: whether its
    text was sent may still be asked. A dead entry for the calendar waits for a person."""
    appointment_id = OutboxRow.payload["appointment_id"].astext
    is_of_use = exists().where(
        cast(AppointmentRow.id, Text) == appointment_id, AppointmentRow.ends_at >= limit
    )
    is_dead_text = (OutboxRow.next_attempt_at == NEVER) & OutboxRow.kind.startswith("sms.")
    good_until = cast(OutboxRow.payload["not_after"].astext, DateTime(timezone=True))
    is_old_text = func.coalesce(good_until, OutboxRow.created_at) < limit
    is_over = (OutboxRow.done_at < limit) | (is_dead_text & is_old_text)
    return _piece_of(OutboxRow, is_over & (OutboxRow.created_at < limit) & ~is_of_use)


def _old_limit_events(limit: datetime) -> Delete:
    name = tuple_(LimitEventRow.kind, LimitEventRow.subject, LimitEventRow.key)
    old = select(LimitEventRow.kind, LimitEventRow.subject, LimitEventRow.key).where(
        LimitEventRow.at < limit
    )
    return delete(LimitEventRow).where(name.in_(old.limit(PIECE_ROWS)))


def _old_text_codes(limit: datetime) -> Delete:
    old = select(TextCodeRow.call_sid).where(TextCodeRow.sent_at < limit).limit(PIECE_ROWS)
    return delete(TextCodeRow).where(TextCodeRow.call_sid.in_(old))


def _piece_of(row: type[CallbackRow] | type[OutboxRow], is_old: ColumnElement[bool]) -> Delete:
    piece = select(row.id).where(is_old).limit(PIECE_ROWS).with_for_update(skip_locked=True)
    return delete(row).where(row.id.in_(piece))
