"""What is left of a delivered row, and how an operator sees what is not delivered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from otto.scheduling.outbox import OutboxItem, OutboxWorker, Postponed, Undeliverable
from otto.scheduling.outbox_state import describe, outbox_state
from otto.storage.tables import OutboxRow

NUMBER = "+13125550142"


@pytest.fixture(autouse=True)
async def _clean(engine: AsyncEngine) -> AsyncIterator[None]:
    yield
    await run(engine, "TRUNCATE outbox RESTART IDENTITY")


async def run(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def write(engine: AsyncEngine, kind: str, key: str, **payload: Any) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(OutboxRow).values(kind=kind, key=key, payload=payload))


async def payloads(engine: AsyncEngine) -> Mapping[str, dict[str, Any]]:
    async with engine.connect() as connection:
        found = await connection.execute(select(OutboxRow.key, OutboxRow.payload))
        return {row.key: row.payload for row in found}


async def seen(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        return {name: describe(lane) for name, lane in (await outbox_state(connection)).items()}


async def age(engine: AsyncEngine) -> None:
    """All of them were written at a time that a test can name."""
    await run(engine, "UPDATE outbox SET created_at = '2026-11-28 09:12+00'")


class Told:
    """A handler that does to each key what it is told to."""

    def __init__(self, **fates: Exception) -> None:
        self.fates = fates
        self.items: list[OutboxItem] = []

    async def __call__(self, item: OutboxItem) -> None:
        self.items.append(item)
        if item.key in self.fates:
            raise self.fates[item.key]


async def test_of_a_delivered_row_only_ids_stay(engine: AsyncEngine) -> None:
    body = {"summary": "Oil change: Maria Lopez", "description": "Notes: rattles"}
    ids = {"calendar_id": "bay-1@example.com", "event_id": "e1", "appointment_id": "a1"}
    await write(engine, "calendar.upsert", "event", **ids, body=body)
    await write(engine, "calendar.upsert", "later", event_id="e2", body=body)
    sms = {"to": NUMBER, "body": "See you, Maria", "call_sid": "CA1", "standing": "caller"}
    await write(engine, "sms.send", "text", **sms, appointment_id="a1", not_after="2026-11-30")
    await write(engine, "sms.send", "code", **sms, appointment_id=None)
    await write(engine, "sms.send", "strange", words=["Maria"], nested={"to": NUMBER})
    handler = Told(later=ConnectionError())
    await OutboxWorker(engine, {"calendar.upsert": handler, "sms.send": handler}).run_once()
    assert await payloads(engine) == {
        "event": ids,
        "later": {"event_id": "e2", "body": body},
        "text": {"appointment_id": "a1"},
        "code": {"appointment_id": None},
        "strange": {},
    }


async def test_due_waiting_postponed_and_dead_are_told_apart_by_lane(engine: AsyncEngine) -> None:
    assert await seen(engine) == {}
    fates = {
        "signin1": Postponed("invalid_grant", 300),
        "signin2": Postponed("invalid_grant", 300),
        "quota": Postponed("quotaExceeded", 300),
        "again": ConnectionError(),
        "bad": Undeliverable("badRequest"),
    }
    for key in (*fates, "fine"):
        await write(engine, "calendar.upsert", key)
    await write(engine, "sms.send", "landline", to=NUMBER, body="Hello")
    handler = Told(**fates, landline=Undeliverable("twilio_21614"))
    worker = OutboxWorker(engine, {"calendar.upsert": handler, "sms.send": handler})
    while await worker.run_once():
        pass
    await write(engine, "calendar.upsert", "new")
    await age(engine)
    assert await seen(engine) == {
        "calendar": "1 due, 1 waiting (ConnectionError 1), 3 postponed (invalid_grant 2, "
        "quotaExceeded 1), 1 dead (badRequest 1), 1 delivered; "
        "the oldest is of 2026-11-28 09:12 UTC",
        "sms": "0 due, 0 waiting, 0 postponed, 1 dead (twilio_21614 1), 0 delivered",
    }
    assert NUMBER not in str(await seen(engine))


async def test_what_is_postponed_is_so_since_the_first_time_and_until_it_is_not(
    engine: AsyncEngine,
) -> None:
    await write(engine, "calendar.upsert", "row")
    handler = Told(row=Postponed("invalid_grant", 300))
    worker = OutboxWorker(engine, {"calendar.upsert": handler})
    since = select(OutboxRow.postponed_since)
    found = []
    for fate in (Postponed("invalid_grant", 1), Postponed("invalid_grant", 1), TimeoutError()):
        handler.fates["row"] = fate
        await run(engine, "UPDATE outbox SET next_attempt_at = now()")
        await worker.run_once()
        async with engine.connect() as connection:
            found.append(await connection.scalar(since))
    assert found[0] is not None and found[1] == found[0] and found[2] is None


@pytest.mark.parametrize(
    ("before", "is_unsure"),
    [
        ("attempts = 0", False),
        ("attempts = 1", True),  # its worker died, or it failed
        ("created_at = created_at - interval '61 s'", True),
        ("created_at = created_at - interval '50 s'", False),
        ("last_error = 'twilio_500'", True),  # a person has begun its attempts anew
    ],
)
async def test_a_handler_is_told_when_it_may_have_been_delivered_before(
    before: str, is_unsure: bool, engine: AsyncEngine
) -> None:
    await write(engine, "sms.send", "row")
    await run(engine, f"UPDATE outbox SET {before}")
    handler = Told()
    await OutboxWorker(engine, {"sms.send": handler}).run_once()
    async with engine.connect() as connection:
        written = await connection.scalar(select(OutboxRow.created_at))
    assert [item.unsure_since for item in handler.items] == [written if is_unsure else None]
