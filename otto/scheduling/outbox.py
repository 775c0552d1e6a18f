"""The outbox: what the outside world must be told, delivered at least once and in order.

A row is claimed by moving its `next_attempt_at` a lease ahead, under `FOR UPDATE SKIP LOCKED`;
that instant is also the claim's proof, so a worker that comes back too late changes nothing:

    due --claim--> leased --handled--> done (done_at)
     ^               |--failed-------> due again, later each time
     |               |--crashed------> due again when the lease ends
     |               |--postponed----> due again, and shown until a person has mended the cause
     |               '--hopeless-----> dead (next_attempt_at 'infinity', last_error says why)
     '--- a person sets next_attempt_at = otto_now() on a dead row

Rows that name the same `event_id` are handled one after the other, in the order in which they
were written. A handler must bear repetition: a crash after its work delivers it again. It is told
(`unsure_since`) when that may have happened.

Of what was delivered only ids stay: who was told what is at the vendor and in the appointment.

Nobody waits behind somebody else's vendor: a vendor's kinds ("calendar", "sms") are a *lane* that
claims for itself, and within the calendars' lane none takes more than its share.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_log = structlog.get_logger()

SIDE_BY_SIDE = {"calendar": 4, "sms": 8}
"""By lane, how many rows are handled at once; Google's client has four threads."""
SIDE_BY_SIDE_OTHERWISE = 4
PER_CALENDAR = 2
"""How many of them may be for one calendar: one that stalls leaves room for the others."""
LOOKED_AT = 100
"""How many of the oldest due rows a claim chooses from."""
LEASE_S = 60.0
"""How long a claimed row is left alone; a handler is stopped at `HANDLER_SHARE` of it."""
HANDLER_SHARE = 0.8
MAX_ATTEMPTS = 24
BACKOFF_FIRST_S = 2.0
BACKOFF_MAX_S = 600.0
"""With 24 attempts, a vendor may be away for about two hours before a row is dead."""
KEPT_WHEN_DONE = ("appointment_id", "line_id", "event_id", "calendar_id")
"""What stays of a delivered row's payload: no name, no number, no words."""
POLL_S = 5.0
"""Between looks at the table when nobody nudges: rows of other processes, and those due again."""


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One delivery. `key` is the same on every attempt; `attempt` counts from 1."""

    id: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempt: int
    unsure_since: datetime | None = None
    """When it was written, if it may have been delivered before: an earlier attempt failed, its
    worker died, or it lay so long that somebody may have had it in hand. None: it was not."""


Handler = Callable[[OutboxItem], Awaitable[None]]


class DeliveryError(Exception):
    """A delivery failed. `code` is stored and logged, so it must hold no personal data. It is tried
    again no sooner than `at_least_s` seconds later."""

    def __init__(self, code: str, at_least_s: float = 0.0) -> None:
        super().__init__(code)
        self.code = code
        self.at_least_s = at_least_s


class Undeliverable(DeliveryError):
    """It will never work: the row is dead at once."""


class Postponed(DeliveryError):
    """Not this row's fault (a sign-in that a person must renew): try again after `after_s`
    seconds, for as long as it takes; the attempt does not count."""

    def __init__(self, code: str, after_s: float) -> None:
        super().__init__(code)
        self.after_s = after_s


_CLAIM = text(
    """
    WITH oldest AS (
        SELECT id, payload->>'calendar_id' AS calendar FROM outbox AS this
        WHERE done_at IS NULL AND next_attempt_at <= otto_clock() AND kind = ANY(:kinds)
          AND coalesce(payload->>'calendar_id', '') <> ALL(:full)
          AND NOT EXISTS (
            SELECT 1 FROM outbox AS earlier
            WHERE earlier.id < this.id AND earlier.done_at IS NULL
              AND earlier.next_attempt_at < 'infinity'
              AND earlier.payload->>'event_id' = this.payload->>'event_id')
        ORDER BY id LIMIT :looked_at
    ), ranked AS (
        SELECT id, calendar, row_number() OVER (PARTITION BY calendar ORDER BY id)
            + coalesce((CAST(:in_hand AS jsonb)->>calendar)::int, 0) AS place
        FROM oldest
    ), due AS (
        SELECT outbox.id FROM outbox JOIN ranked ON ranked.id = outbox.id
        WHERE (ranked.calendar IS NULL OR ranked.place <= :per_calendar)
          AND done_at IS NULL AND next_attempt_at <= otto_clock()
        ORDER BY outbox.id LIMIT :room
        FOR UPDATE OF outbox SKIP LOCKED
    )
    UPDATE outbox SET attempts = attempts + 1,
        next_attempt_at = otto_clock() + make_interval(secs => :lease_s)
    FROM due WHERE outbox.id = due.id
    RETURNING outbox.id, kind, key, payload, attempts, next_attempt_at,
        CASE WHEN attempts > 1 OR last_error IS NOT NULL
            OR created_at < otto_clock() - make_interval(secs => :lease_s)
        THEN created_at END AS unsure_since
    """
)
_DONE = text(
    """
    UPDATE outbox SET done_at = otto_clock(), last_error = NULL, postponed_since = NULL,
        payload = (SELECT coalesce(jsonb_object_agg(each.key, each.value), '{}')
                   FROM jsonb_each(payload) AS each WHERE each.key = ANY(:kept))
    WHERE id = :id AND done_at IS NULL AND next_attempt_at = :lease_until
    """
)
_FAILED = text(
    """
    UPDATE outbox SET last_error = :code, postponed_since = NULL,
        next_attempt_at = otto_clock() + make_interval(secs => :after_s)
    WHERE id = :id AND done_at IS NULL AND next_attempt_at = :lease_until
    """
)
_POSTPONED = text(
    """
    UPDATE outbox SET last_error = :code, attempts = attempts - 1,
        postponed_since = coalesce(postponed_since, otto_clock()),
        next_attempt_at = otto_clock() + make_interval(secs => :after_s)
    WHERE id = :id AND done_at IS NULL AND next_attempt_at = :lease_until
    """
)
_DEAD = text(
    """
    UPDATE outbox SET last_error = :code, postponed_since = NULL, next_attempt_at = 'infinity'
    WHERE id = :id AND done_at IS NULL AND next_attempt_at = :lease_until
    """
)


class OutboxWorker:
    """Delivers due rows through `handlers`, by kind. Any number of workers may share a table;
    rows of a kind that nobody here handles are left for others."""

    def __init__(
        self,
        engine: AsyncEngine,
        handlers: Mapping[str, Handler],
        *,
        lease_s: float = LEASE_S,
        max_attempts: int = MAX_ATTEMPTS,
        poll_s: float = POLL_S,
    ) -> None:
        by_lane: dict[str, dict[str, Handler]] = {}
        for kind, handler in handlers.items():
            by_lane.setdefault(kind.partition(".")[0], {})[kind] = handler
        self._lanes = [
            Lane(
                engine,
                theirs,
                SIDE_BY_SIDE.get(name, SIDE_BY_SIDE_OTHERWISE),
                lease_s,
                max_attempts,
                poll_s,
            )
            for name, theirs in by_lane.items()
        ]

    def nudge(self) -> None:
        """Something was written just now: look at once. Call it on the worker's own loop."""
        for lane in self._lanes:
            lane.nudge()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set, then finish what is in hand. Survives the database being
        away."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run(stop))

    async def run_once(self) -> int:
        """Claim what there is room for and handle it; returns how many rows were claimed."""
        return sum(await asyncio.gather(*(lane.run_once() for lane in self._lanes)))


class Lane:
    """The rows of one vendor: at most `side_by_side` in hand at a time."""

    def __init__(
        self,
        engine: AsyncEngine,
        handlers: Mapping[str, Handler],
        side_by_side: int,
        lease_s: float,
        max_attempts: int,
        poll_s: float,
    ) -> None:
        self._engine = engine
        self._handlers = handlers
        self._side_by_side = side_by_side
        self._lease_s = lease_s
        self._max_attempts = max_attempts
        self._poll_s = poll_s
        self._nudged = asyncio.Event()
        self._in_hand: dict[asyncio.Task[None], str | None] = {}
        """What is being delivered, and for which calendar."""

    def nudge(self) -> None:
        """Look at once."""
        self._nudged.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set, then finish what is in hand."""
        stopping = asyncio.create_task(stop.wait(), name="outbox-stop")
        try:
            while not stop.is_set():
                self._nudged.clear()
                try:
                    claimed = await self.claim()
                except Exception as error:
                    # Also what the driver raises raw (too many connections, starting up). No
                    # error may end the worker: nobody would tell the customers any more.
                    _log.warning("outbox_database_unavailable", error=type(error).__name__)
                    claimed = 0
                if not claimed:
                    await self._rest(stopping)
            await asyncio.gather(*self._in_hand)
        finally:
            stopping.cancel()
            for task in self._in_hand:
                task.cancel()

    async def run_once(self) -> int:
        """Claim once and handle what was claimed; returns how many rows."""
        claimed = await self.claim()
        in_hand = list(self._in_hand)
        try:
            await asyncio.gather(*in_hand)
        finally:
            for task in in_hand:
                task.cancel()
        return claimed

    async def claim(self) -> int:
        """Take as many due rows in hand as there is room for; returns how many."""
        room = self._side_by_side - len(self._in_hand)
        if room <= 0:
            return 0
        by_calendar = Counter(calendar for calendar in self._in_hand.values() if calendar)
        async with self._engine.begin() as connection:
            claimed = (
                await connection.execute(
                    _CLAIM,
                    {
                        "kinds": list(self._handlers),
                        "full": [name for name, n in by_calendar.items() if n >= PER_CALENDAR],
                        "in_hand": json.dumps(by_calendar),
                        "per_calendar": PER_CALENDAR,
                        "looked_at": LOOKED_AT,
                        "room": room,
                        "lease_s": self._lease_s,
                    },
                )
            ).all()
        for row in claimed:
            item = OutboxItem(
                row.id, row.kind, row.key, row.payload, row.attempts, row.unsure_since
            )
            task = asyncio.create_task(self._deliver(item, row.next_attempt_at))
            self._in_hand[task] = row.payload.get("calendar_id")
            task.add_done_callback(self._in_hand.pop)
        return len(claimed)

    async def _rest(self, stopping: asyncio.Task[bool]) -> None:
        """Until there may be something to claim, and room for it."""
        waited: set[asyncio.Task[Any]] = {stopping, *self._in_hand}
        nudged = asyncio.create_task(self._nudged.wait())
        if len(self._in_hand) < self._side_by_side:
            waited.add(nudged)
        try:
            await asyncio.wait(waited, timeout=self._poll_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nudged.cancel()

    async def _deliver(self, item: OutboxItem, lease_until: datetime) -> None:
        mine = {"id": item.id, "lease_until": lease_until}
        try:
            async with asyncio.timeout(self._lease_s * HANDLER_SHARE):
                await self._handlers[item.kind](item)
        except Undeliverable as error:
            await self._bury(item, mine, error.code)
        except Postponed as error:
            # Loudly: only a person can end this.
            _log.error("outbox_postponed", item=item.id, kind=item.kind, error=error.code)
            await self._execute(_POSTPONED, {**mine, "code": error.code, "after_s": error.after_s})
        except Exception as error:
            # Whatever a handler raises must not end the worker; its text may hold a customer's
            # data, so only its class is kept.
            told = error if isinstance(error, DeliveryError) else None
            code = told.code if told else type(error).__name__
            if item.attempt >= self._max_attempts:
                await self._bury(item, mine, code)
                return
            after_s = max(backoff_s(item.attempt), told.at_least_s if told else 0.0)
            _log.warning(
                "outbox_retry",
                item=item.id,
                kind=item.kind,
                attempt=item.attempt,
                error=code,
                after_s=round(after_s, 1),
            )
            await self._execute(_FAILED, {**mine, "code": code, "after_s": after_s})
        else:
            await self._execute(_DONE, {**mine, "kept": list(KEPT_WHEN_DONE)})
            _log.info("outbox_done", item=item.id, kind=item.kind, attempt=item.attempt)

    async def _bury(self, item: OutboxItem, mine: dict[str, Any], code: str) -> None:
        _log.error("outbox_dead", item=item.id, kind=item.kind, attempt=item.attempt, error=code)
        await self._execute(_DEAD, {**mine, "code": code})

    async def _execute(self, statement: Any, parameters: dict[str, Any]) -> None:
        """Write down how it went. When the database is away just now, the lease ends by itself
        and the item is delivered again."""
        try:
            async with self._engine.begin() as connection:
                await connection.execute(statement, parameters)
        except Exception as error:
            _log.warning("outbox_result_lost", item=parameters["id"], error=type(error).__name__)


def backoff_s(attempt: int) -> float:
    """Seconds until the next attempt: doubling, with full jitter in its upper half."""
    longest: float = min(BACKOFF_FIRST_S * 2 ** (attempt - 1), BACKOFF_MAX_S)
    return longest * random.uniform(0.5, 1.0)
