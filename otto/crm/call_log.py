"""What a call leaves in the database: its record, and the wish to be called back.

Both were promised to a caller, so they outlast a database that is away: see `Spool`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.phone_numbers import callable_number
from otto.crm.personal_data import was_erased
from otto.crm.records import Callback, CallRecord, OptOut
from otto.crm.verification import having
from otto.language.characters import printable, shortened, storable, storable_key
from otto.storage.errors import CrmError, StoreUnavailable
from otto.storage.guard import DatabaseGuard, guarded
from otto.storage.opt_outs import SCOPES, opt_out
from otto.storage.spool import NotKept, Spool, SpoolEntry
from otto.storage.tables import (
    KEY_LENGTH,
    NOTES_LENGTH,
    OUTCOME_LENGTH,
    SID_LENGTH,
    CallbackRow,
    CallRow,
    CustomerRow,
    TurnRow,
)
from otto.storage.values import is_refused

_log = structlog.get_logger()

CALLBACK, CALL, OPT_OUT = "callback", "call", "opt_out"
"""The kinds of entries in the spool."""
OLDEST = datetime.min.replace(tzinfo=UTC).isoformat()
"""For entries that do not say since when they have waited."""
MOST_OPEN = 5
"""Callbacks that a number waits for at once. One more wish changes nothing: somebody will call it,
and nobody has the desk call a number all day by calling Otto."""
NUMBER_LENGTH = 40
"""Of a caller's number as the network sends it, which may be a SIP address."""


class CallLog:
    """Calls and callbacks of one location. Safe to use from many calls of one event loop at once.

    While the database is away they are kept in `spool`, if given, and no error is raised; whoever
    owns the log runs `deliver_kept` beside it. Without a spool, `StoreUnavailable` is raised.
    """

    def __init__(
        self, engine: AsyncEngine, location_id: str, guard: DatabaseGuard, spool: Spool | None
    ) -> None:
        self._engine = engine
        self._location_id = location_id
        self._guard = guard
        self._spool = spool

    async def request_callback(self, request: Callback) -> None:
        """Ask a person to call back; idempotent by its key. `CrmError` when it is no number."""
        if callable_number(request.phone, region=None) != request.phone:
            raise CrmError("That is not a number that can be called back.")
        wish = replace(
            request,
            key=storable_key(request.key, KEY_LENGTH),
            reason=shortened(request.reason, NOTES_LENGTH),
            call_sid=request.call_sid and storable_key(request.call_sid, SID_LENGTH),
        )
        try:
            await self._write_callback(wish)
        except StoreUnavailable as away:
            await self._keep(SpoolEntry(CALLBACK, wish.key, wish.dump()), away)

    async def opt_out(self, wish: OptOut) -> None:
        """Have a number neither called nor texted again; a repeat changes nothing."""
        try:
            await self._write_opt_out(wish)
        except StoreUnavailable as away:
            await self._keep(SpoolEntry(OPT_OUT, wish.phone, wish.dump()), away)

    async def record_call(self, record: CallRecord) -> None:
        """Write the call and its turns; a later record of the same call replaces the earlier.
        Raises `CrmError` for what no table takes."""
        record = _fitted(record)
        try:
            await self._write_call(record)
        except StoreUnavailable as away:
            await self._keep(SpoolEntry(CALL, record.call_sid, record.dump()), away)

    async def deliver_kept(self) -> None:
        """Bring into the database what was kept while it was away, until cancelled."""
        if self._spool is not None:
            await self._spool.run(self.take_in)

    async def take_in(self, entry: SpoolEntry) -> None:
        """Write what an entry holds, once or again. Raises `StoreUnavailable`, or why it is
        refused."""
        if entry.kind == CALLBACK:
            await self._write_callback(Callback.load(entry.payload), entry.kept_at or OLDEST)
        elif entry.kind == CALL:
            await self._write_call(_fitted(CallRecord.load(entry.payload)))
        elif entry.kind == OPT_OUT:
            await self._write_opt_out(OptOut.load(entry.payload))
        else:
            raise CrmError("Nobody here takes such entries.")

    # Inside

    async def _keep(self, entry: SpoolEntry, away: StoreUnavailable) -> None:
        if self._spool is None:
            raise away
        try:
            await self._spool.keep(entry)
        except NotKept:
            raise away from None

    @guarded
    async def _write_opt_out(self, wish: OptOut) -> None:
        async with self._engine.begin() as connection:
            for scope in SCOPES:
                await opt_out(connection, wish.phone, scope, wish.source)

    @guarded
    async def _write_callback(self, wish: Callback, kept_at: str = "") -> None:
        """`kept_at`: since when it has waited, ISO 8601; empty: it comes just now."""
        try:
            async with self._engine.begin() as connection:
                if kept_at and await was_erased(
                    connection, wish.phone, datetime.fromisoformat(kept_at)
                ):
                    _log.info("callback_of_erased_person")
                    return
                is_open = (CallbackRow.phone == wish.phone) & CallbackRow.done_at.is_(None)
                waiting = select(func.count()).select_from(CallbackRow).where(is_open)
                if (await connection.scalar(waiting) or 0) >= MOST_OPEN:
                    _log.info("callback_waits_already", call_sid=wish.call_sid)
                    return
                await connection.execute(
                    insert(CallbackRow)
                    .values(
                        location_id=self._location_id,
                        **wish.dump() | {"promised_at": wish.promised_at},
                    )
                    .on_conflict_do_nothing(index_elements=["key"])
                )
        except DBAPIError as error:
            if not is_refused(error):
                raise
            # Its own text would hold the number.
            raise CrmError("That is not a number that can be called back.") from None

    @guarded
    async def _write_call(self, record: CallRecord) -> None:
        known_customer = select(CustomerRow.id).where(CustomerRow.id == record.customer_id)
        call = {
            "location_id": self._location_id,
            "direction": record.direction,
            "from_number": record.from_number,
            "to_number": record.to_number,
            "customer_id": known_customer.scalar_subquery(),
            "outcome": record.outcome,
            "sub_actors": record.sub_actors,
            "started_at": record.started_at,
            "ended_at": record.ended_at,
            "summary": record.summary,
            "prompt_version": record.prompt_version,
        }
        turns = [
            {
                "call_sid": record.call_sid,
                "index": turn.index,
                "speaker": turn.speaker,
                "text": storable(turn.text),
                "heard_text": None if turn.heard_text is None else storable(turn.heard_text),
                "latency": printable(turn.latency),
                "at": turn.at,
            }
            for turn in record.turns
        ]
        try:
            is_written = await self._replace_call(record, call, turns)
        except DBAPIError as error:
            if not is_refused(error):
                raise
            # Its own text would hold what was said.
            raise CrmError("This call cannot be recorded.") from None
        if is_written:
            _log.info("call_recorded", call_sid=record.call_sid, turns=len(turns))

    async def _replace_call(
        self, record: CallRecord, call: dict[str, Any], turns: list[dict[str, Any]]
    ) -> bool:
        async with self._engine.begin() as connection:
            if await _is_of_erased_person(connection, record):
                _log.info("call_of_erased_person")
                return False
            statement = insert(CallRow).values(call_sid=record.call_sid, **call)
            written = await connection.scalar(
                statement.on_conflict_do_update(
                    index_elements=["call_sid"],
                    set_=call,
                    # A record that had to wait does not undo a later one.
                    where=func.coalesce(CallRow.ended_at <= statement.excluded.ended_at, True),
                ).returning(CallRow.call_sid)
            )
            if written is None:
                return False
            if turns:
                turn_rows = insert(TurnRow).values(turns)
                changed = {
                    name: turn_rows.excluded[name]
                    for name in ("speaker", "text", "heard_text", "latency", "at")
                }
                await connection.execute(
                    turn_rows.on_conflict_do_update(
                        index_elements=["call_sid", "index"], set_=changed
                    )
                )
        return True


async def _is_of_erased_person(connection: AsyncConnection, record: CallRecord) -> bool:
    """Whether who called was erased during the call, or while its record waited. Somebody else who
    has the number, too, was not."""
    numbers = [number for number in (record.from_number, record.to_number) if number]
    if record.customer_id is not None:
        customer = CustomerRow.id == record.customer_id
        if not await connection.scalar(select(CustomerRow.id).where(customer)):
            return True
        having_it = [{*await connection.scalars(having(number))} for number in numbers]
        numbers = [
            number
            for number, ids in zip(numbers, having_it, strict=True)
            if record.customer_id not in ids
        ]
    return any([await was_erased(connection, number, record.started_at) for number in numbers])


def _fitted(record: CallRecord) -> CallRecord:
    """The record as its columns take it."""
    return replace(
        record,
        call_sid=storable_key(record.call_sid, SID_LENGTH),
        from_number=_cut(record.from_number),
        to_number=_cut(record.to_number),
        outcome=record.outcome and shortened(record.outcome, OUTCOME_LENGTH),
        summary=record.summary and shortened(record.summary, NOTES_LENGTH),
    )


def _cut(number: str | None) -> str | None:
    return None if number is None else storable(number)[:NUMBER_LENGTH]
