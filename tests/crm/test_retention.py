"""What is old goes by itself, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.privacy import RetentionSettings
from otto.crm import retention
from otto.crm.records import CallRecord, TurnLine
from otto.crm.retention import RetentionSweeper
from otto.crm.service import CrmService
from otto.storage.errors import CrmError
from otto.storage.spool import Spool, SpoolEntry
from otto.storage.tables import (
    Base,
    CallbackRow,
    CallRow,
    LimitEventRow,
    OutboxRow,
    TextCodeRow,
    TurnRow,
)

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
KEPT = RetentionSettings(transcripts_days=90, callbacks_days=60, outbox_days=30)


@pytest.fixture(autouse=True)
async def empty(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("TRUNCATE calls, callbacks, outbox, limit_events, text_codes CASCADE")
        )


async def add_call(engine: AsyncEngine, call_sid: str, days: float, number: str | None) -> None:
    at = NOW - timedelta(days=days)
    said = TurnLine(0, "caller", "hello", "hello", {"total_ms": 900}, at)
    await CrmService(engine, "main").calls.record_call(
        CallRecord(call_sid, number, None, "inbound", "done", at, at, turns=(said,))
    )


async def add(engine: AsyncEngine, row: type[Base], days: float, **values: object) -> None:
    created = NOW - timedelta(days=days)
    async with engine.begin() as connection:
        await connection.execute(insert(row).values(created_at=created, **values))


async def count(engine: AsyncEngine, row: type[Base]) -> int:
    async with engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(row)) or 0


async def test_a_transcript_goes_and_that_there_was_a_call_stays(engine: AsyncEngine) -> None:
    await add_call(engine, "CAnew", 89, "+13125550142")
    await add_call(engine, "CAold", 91, "+13125550142")
    await add_call(engine, "CAwithheld", 91, None)
    removed = await RetentionSweeper(engine, KEPT).sweep(NOW)
    assert removed["transcripts"] == 2
    async with engine.connect() as connection:
        calls = dict(
            (await connection.execute(select(CallRow.call_sid, CallRow.from_number))).all()
        )
        turns = list(await connection.scalars(select(TurnRow.call_sid)))
    assert calls == {"CAnew": "+13125550142", "CAold": None, "CAwithheld": None}
    assert turns == ["CAnew"]
    assert (await RetentionSweeper(engine, KEPT).sweep(NOW))["transcripts"] == 0


async def test_callbacks_go_done_or_not(engine: AsyncEngine) -> None:
    for key, days, done in (("a", 61, None), ("b", 61, NOW), ("c", 59, None)):
        wish = {"key": key, "location_id": "main", "phone": "+13125550142", "reason": "oil"}
        await add(engine, CallbackRow, days, done_at=done, **wish)
    assert (await RetentionSweeper(engine, KEPT).sweep(NOW))["callbacks"] == 2
    assert await count(engine, CallbackRow) == 1


async def test_of_the_outbox_goes_what_is_over(engine: AsyncEngine) -> None:
    old, dead = NOW - timedelta(days=31), text("'infinity'::timestamptz")
    rows = [
        {"days": 31, "done_at": old},
        {"days": 31, "next_attempt_at": dead},
        {"days": 31},  # still waits, however long
        {"days": 40, "done_at": NOW - timedelta(days=1)},
        {"days": 1, "next_attempt_at": dead},
        {"days": 90, "next_attempt_at": dead, "kind": "calendar.upsert"},  # a person's to mend
        {"days": 90, "done_at": old, "kind": "calendar.upsert"},
        {"days": 60, "next_attempt_at": dead, "payload": {"not_after": future(1)}},
        {"days": 60, "next_attempt_at": dead, "payload": {"not_after": future(-29)}},
        {"days": 60, "next_attempt_at": dead, "payload": {"not_after": future(-31)}},
    ]
    for number, row in enumerate(rows):
        row = {"kind": "sms.send", "payload": {}} | row
        await add(engine, OutboxRow, key=str(number), **row)
    assert (await RetentionSweeper(engine, KEPT).sweep(NOW))["outbox"] == 4
    async with engine.connect() as connection:
        left = set(await connection.scalars(select(OutboxRow.key)))
    assert left == {"2", "3", "4", "5", "7", "8"}


def future(days: float) -> str:
    return (NOW + timedelta(days=days)).isoformat()


async def test_zero_days_keep_everything(engine: AsyncEngine) -> None:
    await add_call(engine, "CAold", 5000, "+13125550142")
    forever = RetentionSettings(transcripts_days=0, callbacks_days=0, outbox_days=0)
    assert not any((await RetentionSweeper(engine, forever).sweep(NOW)).values())
    assert await count(engine, TurnRow) == 1


async def test_what_is_more_than_one_piece_goes_too(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PIECE_ROWS", 2)
    for number in range(5):
        await add_call(engine, f"CA{number}", 100, "+13125550142")
    assert (await RetentionSweeper(engine, KEPT).sweep(NOW))["transcripts"] == 5
    assert await count(engine, TurnRow) == 0


async def test_refused_entries_go_and_those_that_wait_stay(
    engine: AsyncEngine, redis: Redis, tmp_path: Path
) -> None:
    async def refuse(entry: SpoolEntry) -> None:
        raise CrmError("no")

    spool = Spool(redis, tmp_path, "main")
    await spool.keep(SpoolEntry("callback", "refused", {"phone": "+13125550142"}))
    await spool.deliver_all(refuse)
    await spool.keep(SpoolEntry("callback", "waits", {"phone": "+13125550142"}))
    sweeper = RetentionSweeper(engine, KEPT, spool)
    assert (await sweeper.sweep(datetime.now(UTC) + timedelta(days=59)))["dead_letters"] == 0
    assert (await sweeper.sweep(datetime.now(UTC) + timedelta(days=61)))["dead_letters"] == 1
    assert [entry.key for entry in await spool.waiting()] == ["waits"]


async def test_what_no_window_counts_any_more_is_removed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for key, days in (("old", 31), ("young", 29)):
            at = NOW - timedelta(days=days)
            event = {"kind": "text", "subject": "call CA1", "key": key, "at": at}
            await connection.execute(insert(LimitEventRow).values(event))
        for call_sid, hours in (("CA1", 25), ("CA2", 23)):
            code = {"call_sid": call_sid, "number_hash": "n", "code_hash": "c"}
            sent_at = NOW - timedelta(hours=hours)
            await connection.execute(insert(TextCodeRow).values(**code, sent_at=sent_at))
    removed = await RetentionSweeper(engine, KEPT).sweep(NOW)
    assert (removed["limit_events"], removed["text_codes"]) == (1, 1)
    async with engine.connect() as connection:
        assert list(await connection.scalars(select(LimitEventRow.key))) == ["young"]
        assert list(await connection.scalars(select(TextCodeRow.call_sid))) == ["CA2"]
