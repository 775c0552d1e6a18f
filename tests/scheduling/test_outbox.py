"""The outbox in a real PostgreSQL: once, in order, through failures and crashes.

Time is moved by writing `next_attempt_at`, never by waiting for it.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from otto.scheduling import outbox
from otto.scheduling.google.errors import (
    CalendarAuthError,
    CalendarError,
    CalendarMisconfigured,
    CalendarQuotaExceeded,
    CalendarRejected,
    CalendarUnavailable,
    EventGone,
)
from otto.scheduling.mirror.book import PlannedEvent
from otto.scheduling.mirror.delivery import calendar_handlers
from otto.scheduling.outbox import OutboxItem, OutboxWorker, Postponed, Undeliverable, backoff_s
from otto.storage.tables import OutboxRow
from tests.scheduling.google_support import FakeBook

SECRET = "+13125550142"
"""A customer's number: must never be stored in last_error or logged."""


@pytest.fixture(autouse=True)
async def _clean(engine: AsyncEngine) -> AsyncIterator[None]:
    yield
    await run(engine, "TRUNCATE outbox RESTART IDENTITY")


async def run(engine: AsyncEngine, statement: str, **parameters: Any) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement), parameters)


async def write(
    engine: AsyncEngine, kind: str = "sms.send", event_id: str | None = None, **payload: Any
) -> int:
    """One row; returns its id."""
    if event_id is not None:
        payload["event_id"] = event_id
    async with engine.begin() as connection:
        count = (await connection.execute(text("SELECT count(*) FROM outbox"))).scalar_one()
        made = insert(OutboxRow).values(kind=kind, key=f"key-{count}", payload=payload)
        return int((await connection.execute(made.returning(OutboxRow.id))).scalar_one())


async def state(engine: AsyncEngine, item_id: int) -> tuple[str, int, str | None]:
    """(done, dead, due or waiting; attempts; last error)."""
    query = """
        SELECT CASE WHEN done_at IS NOT NULL THEN 'done'
                    WHEN next_attempt_at = 'infinity' THEN 'dead'
                    WHEN next_attempt_at <= clock_timestamp() THEN 'due'
                    ELSE 'waiting' END, attempts, last_error
        FROM outbox WHERE id = :id"""
    async with engine.connect() as connection:
        row = (await connection.execute(text(query), {"id": item_id})).one()
    return row[0], row[1], row[2]


async def make_all_due(engine: AsyncEngine) -> None:
    """The backoff, or a lease, has run out."""
    await run(
        engine,
        "UPDATE outbox SET next_attempt_at = now() WHERE next_attempt_at < 'infinity'",
    )


class Recorder:
    """A handler that notes what it was given and fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.seen: list[OutboxItem] = []
        self._failures = list(failures)

    async def __call__(self, item: OutboxItem) -> None:
        self.seen.append(item)
        if self._failures:
            raise self._failures.pop(0)


async def test_a_row_is_delivered_and_done(engine: AsyncEngine) -> None:
    item_id = await write(engine, to=SECRET, body="hello")
    handler = Recorder()
    worker = OutboxWorker(engine, {"sms.send": handler})
    assert await worker.run_once() == 1
    assert await worker.run_once() == 0
    assert await state(engine, item_id) == ("done", 1, None)
    (item,) = handler.seen
    assert item == OutboxItem(item_id, "sms.send", "key-0", {"to": SECRET, "body": "hello"}, 1)


async def test_two_workers_handle_each_row_once(engine: AsyncEngine) -> None:
    ids = [await write(engine) for _ in range(60)]
    handler = Recorder()
    workers = [OutboxWorker(engine, {"sms.send": handler}) for _ in range(2)]

    async def drain(worker: OutboxWorker) -> int:
        total = 0
        while count := await worker.run_once():
            total += count
        return total

    totals = await asyncio.gather(*(drain(worker) for worker in workers))
    assert sum(totals) == 60
    assert min(totals) > 0
    assert Counter(item.id for item in handler.seen) == Counter(ids)


async def test_a_row_that_another_worker_is_claiming_is_passed_over(engine: AsyncEngine) -> None:
    first, second = await write(engine), await write(engine)
    handler = Recorder()
    worker = OutboxWorker(engine, {"sms.send": handler})
    async with engine.begin() as other:
        locked = text("SELECT id FROM outbox WHERE id = :id FOR UPDATE")
        await other.execute(locked, {"id": first})
        assert await asyncio.wait_for(worker.run_once(), 4) == 1  # neither waits nor takes it
    assert [item.id for item in handler.seen] == [second]


async def test_a_failing_vendor_is_tried_again_later(engine: AsyncEngine) -> None:
    item_id = await write(engine, to=SECRET)
    handler = Recorder(RuntimeError(f"could not reach {SECRET}"), TimeoutError(SECRET))
    worker = OutboxWorker(engine, {"sms.send": handler})
    with capture_logs() as logs:
        await worker.run_once()
        assert await state(engine, item_id) == ("waiting", 1, "RuntimeError")
        assert await worker.run_once() == 0  # not before its time
        await make_all_due(engine)
        await worker.run_once()
        assert await state(engine, item_id) == ("waiting", 2, "TimeoutError")
        await make_all_due(engine)
        await worker.run_once()
    assert await state(engine, item_id) == ("done", 3, None)
    assert [item.attempt for item in handler.seen] == [1, 2, 3]
    assert SECRET not in str(logs)


async def test_it_is_dead_after_the_last_attempt(engine: AsyncEngine) -> None:
    item_id = await write(engine)
    handler = Recorder(*(ConnectionError() for _ in range(3)))
    worker = OutboxWorker(engine, {"sms.send": handler}, max_attempts=3)
    for _ in range(3):
        await worker.run_once()
        await make_all_due(engine)
    assert await state(engine, item_id) == ("dead", 3, "ConnectionError")
    assert await worker.run_once() == 0
    # A person who has mended the cause makes it due again.
    await run(engine, "UPDATE outbox SET next_attempt_at = now() WHERE id = :id", id=item_id)
    assert await worker.run_once() == 1
    assert (await state(engine, item_id))[0] == "done"


async def test_what_can_never_work_is_dead_at_once(engine: AsyncEngine) -> None:
    item_id = await write(engine)
    worker = OutboxWorker(engine, {"sms.send": Recorder(Undeliverable("landline"))})
    await worker.run_once()
    assert await state(engine, item_id) == ("dead", 1, "landline")


async def test_a_broken_sign_in_uses_up_no_attempts(engine: AsyncEngine) -> None:
    item_id = await write(engine)
    handler = Recorder(*(Postponed("invalid_grant", 300) for _ in range(5)))
    worker = OutboxWorker(engine, {"sms.send": handler}, max_attempts=2)
    for _ in range(5):
        await worker.run_once()
        assert await state(engine, item_id) == ("waiting", 0, "invalid_grant")
        await make_all_due(engine)
    await worker.run_once()
    assert (await state(engine, item_id))[0] == "done"


async def test_an_upsert_and_a_later_delete_of_one_event_never_cross(engine: AsyncEngine) -> None:
    """The upsert fails first, the delete is due all the time: it still has to wait its turn."""
    await write(engine, "calendar.upsert", event_id="a1")
    await write(engine, "calendar.delete", event_id="a1")
    other = await write(engine, "calendar.upsert", event_id="b2")
    handler = Recorder(ConnectionError())
    handlers = {"calendar.upsert": handler, "calendar.delete": handler}
    workers = [OutboxWorker(engine, handlers) for _ in range(2)]
    await asyncio.gather(*(worker.run_once() for worker in workers))
    assert {item.kind for item in handler.seen} == {"calendar.upsert"}
    for _ in range(3):
        await make_all_due(engine)
        await asyncio.gather(*(worker.run_once() for worker in workers))
    order = [item.kind for item in handler.seen if item.payload["event_id"] == "a1"]
    assert order[-2:] == ["calendar.upsert", "calendar.delete"]
    assert order.count("calendar.delete") == 1
    assert (await state(engine, other))[0] == "done"


async def test_a_dead_upsert_does_not_hold_up_the_delete(engine: AsyncEngine) -> None:
    await write(engine, "calendar.upsert", event_id="a1")
    second = await write(engine, "calendar.delete", event_id="a1")
    worker = OutboxWorker(
        engine,
        {"calendar.upsert": Recorder(Undeliverable("http_404")), "calendar.delete": Recorder()},
    )
    await worker.run_once()
    await worker.run_once()
    assert (await state(engine, second))[0] == "done"


async def test_a_crash_while_handling_delivers_it_again(engine: AsyncEngine) -> None:
    item_id = await write(engine)
    begun = asyncio.Event()

    async def hang(item: OutboxItem) -> None:
        begun.set()
        await asyncio.Event().wait()

    crashing = asyncio.create_task(OutboxWorker(engine, {"sms.send": hang}).run_once())
    await begun.wait()
    survivor = Recorder()
    other = OutboxWorker(engine, {"sms.send": survivor})
    assert await other.run_once() == 0  # leased: nobody else touches it
    crashing.cancel()
    await asyncio.gather(crashing, return_exceptions=True)
    assert await state(engine, item_id) == ("waiting", 1, None)
    await make_all_due(engine)  # the lease ends
    assert await other.run_once() == 1
    assert await state(engine, item_id) == ("done", 2, None)


async def test_a_worker_that_comes_back_too_late_changes_nothing(engine: AsyncEngine) -> None:
    item_id = await write(engine)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow_failure(item: OutboxItem) -> None:
        begun.set()
        await go_on.wait()
        raise ConnectionError

    late = asyncio.create_task(OutboxWorker(engine, {"sms.send": slow_failure}).run_once())
    await begun.wait()
    await make_all_due(engine)
    await OutboxWorker(engine, {"sms.send": Recorder()}).run_once()
    go_on.set()
    await late
    assert await state(engine, item_id) == ("done", 2, None)


async def test_a_handler_that_never_ends_is_stopped_within_its_lease(engine: AsyncEngine) -> None:
    item_id = await write(engine)

    async def hang(item: OutboxItem) -> None:
        await asyncio.Event().wait()

    await OutboxWorker(engine, {"sms.send": hang}, lease_s=0.05).run_once()
    assert await state(engine, item_id) == ("waiting", 1, "TimeoutError")


async def test_unknown_kinds_are_left_for_others(engine: AsyncEngine) -> None:
    item_id = await write(engine, "fax.send")
    assert await OutboxWorker(engine, {"sms.send": Recorder()}).run_once() == 0
    assert await state(engine, item_id) == ("due", 0, None)


async def test_run_wakes_by_nudge_and_stops_when_told(engine: AsyncEngine) -> None:
    delivered = asyncio.Event()

    async def handler(item: OutboxItem) -> None:
        delivered.set()

    worker = OutboxWorker(engine, {"sms.send": handler}, poll_s=3600)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    item_id = await write(engine)
    worker.nudge()
    await asyncio.wait_for(delivered.wait(), 10)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert (await state(engine, item_id))[0] == "done"


async def test_run_survives_the_database_being_away(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look fails; the worker neither ends nor spins."""
    looks: list[int] = []
    recovered = asyncio.Event()
    claim = outbox.Lane.claim

    async def flaky(lane: outbox.Lane) -> int:
        looks.append(1)
        if len(looks) == 1:
            raise ConnectionRefusedError
        recovered.set()
        return await claim(lane)

    monkeypatch.setattr(outbox.Lane, "claim", flaky)
    worker = OutboxWorker(engine, {"sms.send": Recorder()}, poll_s=0.01)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await asyncio.wait_for(recovered.wait(), 10)
    stop.set()
    await asyncio.wait_for(running, 10)


class Stalling:
    """Google, silent about some calendars until it is told to answer."""

    def __init__(self, *silent: str) -> None:
        self.silent = silent
        self.answers = asyncio.Event()
        self.most: Counter[str] = Counter()
        self.told: list[str] = []
        self._now: Counter[str] = Counter()

    async def __call__(self, item: OutboxItem) -> None:
        calendar = item.payload["calendar_id"]
        self._now[calendar] += 1
        self.most[calendar] = max(self.most[calendar], self._now[calendar])
        if calendar in self.silent:
            await self.answers.wait()
        self._now[calendar] -= 1
        self.told.append(item.payload["event_id"])


async def delivering(worker: OutboxWorker, until: asyncio.Event) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await asyncio.wait_for(until.wait(), 30)
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_a_confirmation_does_not_wait_behind_google(engine: AsyncEngine) -> None:
    """Ten thousand rows for calendars that say nothing are before it, and stay before it."""
    await run(
        engine,
        "INSERT INTO outbox (kind, key, payload) SELECT 'calendar.upsert', 'c' || n,"
        " jsonb_build_object('event_id', 'e' || n, 'calendar_id', 'bay-' || n % 4)"
        " FROM generate_series(1, 10000) AS n",
    )
    google, sent = Stalling("bay-0", "bay-1", "bay-2", "bay-3"), asyncio.Event()

    async def send(item: OutboxItem) -> None:
        sent.set()
        google.answers.set()

    text_id = await write(engine, to=SECRET)
    worker = OutboxWorker(engine, {"calendar.upsert": google, "sms.send": send}, poll_s=3600)
    await delivering(worker, sent)
    assert (await state(engine, text_id))[0] == "done"
    assert sum(google.most.values()) <= outbox.SIDE_BY_SIDE["calendar"]


async def test_a_calendar_that_stalls_leaves_room_for_the_others(engine: AsyncEngine) -> None:
    for number in range(150):  # more than a claim looks at
        await write(engine, "calendar.upsert", event_id=f"s{number}", calendar_id="stalls")
    others = [f"o{number}" for number in range(20)]
    for event in others:
        await write(engine, "calendar.upsert", event_id=event, calendar_id="works")
    google, done = Stalling("stalls"), asyncio.Event()

    async def upsert(item: OutboxItem) -> None:
        await google(item)
        if set(others) <= set(google.told):
            done.set()
            google.answers.set()

    await delivering(OutboxWorker(engine, {"calendar.upsert": upsert}, poll_s=3600), done)
    assert google.most["stalls"] <= outbox.PER_CALENDAR


async def test_what_is_in_hand_is_finished_when_told_to_stop(engine: AsyncEngine) -> None:
    item_id = await write(engine, "calendar.upsert", event_id="a", calendar_id="stalls")
    google = Stalling("stalls")
    stop = asyncio.Event()
    running = asyncio.create_task(OutboxWorker(engine, {"calendar.upsert": google}).run(stop))
    while not google.most:
        await asyncio.sleep(0)
    stop.set()
    google.answers.set()
    await asyncio.wait_for(running, 10)
    assert (await state(engine, item_id))[0] == "done"


async def test_claiming_from_a_long_outbox_reads_little_of_it(engine: AsyncEngine) -> None:
    await run(
        engine,
        "INSERT INTO outbox (kind, key, payload, done_at) SELECT 'calendar.upsert', 'd' || n,"
        " jsonb_build_object('event_id', 'e' || n, 'calendar_id', 'c'),"
        " CASE WHEN n <= 20000 THEN now() END FROM generate_series(1, 30000) AS n",
    )
    await run(engine, "ANALYZE outbox")
    values = {
        "kinds": ["calendar.upsert"], "full": ["x"], "in_hand": "{}", "per_calendar": 2,
        "looked_at": 100, "room": 4, "lease_s": 60.0,
    }  # fmt: skip
    async with engine.connect() as connection:
        explain = text(f"EXPLAIN (FORMAT JSON) {outbox._CLAIM.text}")
        plan = str((await connection.execute(explain, values)).scalar_one())
        await connection.rollback()
    assert "'Seq Scan'" not in plan
    assert "ix_outbox_event" in plan


def test_backoff_grows_and_is_bounded() -> None:
    for attempt in range(1, outbox.MAX_ATTEMPTS):
        wait = backoff_s(attempt)
        longest = min(2.0**attempt, outbox.BACKOFF_MAX_S)
        assert longest / 2 <= wait <= longest
    total = sum(min(2.0**n, outbox.BACKOFF_MAX_S) for n in range(1, outbox.MAX_ATTEMPTS)) * 0.75
    assert math.isclose(total, 2 * 3600, rel_tol=0.2)


# The handlers


class FakeGoogle:
    """Google that always does the same."""

    def __init__(self, error: CalendarError | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._error = error

    async def upsert_event(
        self, calendar_id: str, event_id: str, body: Mapping[str, Any], *, over: str = ""
    ) -> dict[str, Any]:
        self.calls.append(("upsert", calendar_id, event_id, body))
        if self._error is not None:
            raise self._error
        return {"etag": "2"}

    async def delete_event(self, calendar_id: str, event_id: str) -> None:
        self.calls.append(("delete", calendar_id, event_id))
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, ("done", 1, None)),
        (CalendarUnavailable("http_503"), ("waiting", 1, "http_503")),
        (CalendarAuthError("invalid_grant"), ("waiting", 0, "invalid_grant")),
        (CalendarMisconfigured("http_404_notFound"), ("waiting", 0, "http_404_notFound")),
        (CalendarQuotaExceeded("http_403_q", 9000), ("waiting", 0, "http_403_q")),
        (CalendarRejected("http_400_invalid"), ("dead", 1, "http_400_invalid")),
        (EventGone("gone"), ("waiting", 1, "changing")),  # the book still wants it
    ],
)
async def test_googles_answers_decide_what_becomes_of_an_upsert(
    error: CalendarError | None, expected: tuple[str, int, str | None], engine: AsyncEngine
) -> None:
    google, book = FakeGoogle(error), FakeBook(PlannedEvent("new", "a1", {"summary": "now"}))
    item_id = await write(
        engine, "calendar.upsert", event_id="a1", calendar_id="old", body={"summary": "then"}
    )
    await OutboxWorker(engine, calendar_handlers(google, book)).run_once()
    assert await state(engine, item_id) == expected
    # What is told is what the book says now, and where.
    assert set(map(str, google.calls)) == {str(("upsert", "new", "a1", {"summary": "now"}))}
    assert book.told_of == ([("a1", "2")] if error is None else [])


async def test_what_the_book_no_longer_has_is_not_told(engine: AsyncEngine) -> None:
    google = FakeGoogle()
    item_id = await write(engine, "calendar.upsert", event_id="a1", calendar_id="c")
    await OutboxWorker(engine, calendar_handlers(google, FakeBook(None))).run_once()
    assert google.calls == []
    assert (await state(engine, item_id))[0] == "done"


@pytest.mark.parametrize(
    ("planned", "calls"),
    [
        (None, [("delete", "c", "a1")]),
        (PlannedEvent("elsewhere", "a1", {}), [("delete", "c", "a1")]),
        (PlannedEvent("c", "a1", {}), []),  # it is back
    ],
)
async def test_a_delete_reaches_google_unless_the_event_belongs_there_again(
    planned: PlannedEvent | None, calls: list[tuple[Any, ...]], engine: AsyncEngine
) -> None:
    google = FakeGoogle()
    item_id = await write(engine, "calendar.delete", event_id="a1", calendar_id="c")
    await OutboxWorker(engine, calendar_handlers(google, FakeBook(planned))).run_once()
    assert google.calls == calls
    assert (await state(engine, item_id))[0] == "done"
