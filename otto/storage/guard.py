"""The circuit breaker before the database: whether it can be asked, and what is said if not.

Every request to PostgreSQL goes through a `DatabaseGuard`. It gives the request a deadline, because
a caller is listening to silence meanwhile; it tells "the database is away" from "the database said
no" and from "this request is too slow", which is nobody else's trouble; and once the database is
away, it lets nobody else wait for that again for a moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import asyncpg  # type: ignore[import-untyped]
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from otto.storage.errors import StoreUnavailable

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound="_HasGuard")

DEADLINE_S = 5.0
PAUSE_S = 2.0
"""Open: after a failure, requests are refused at once for so long. Then one of them tries again
(half-open), and its success closes the circuit."""
PROBE_S = 1.0
"""What such a try may take: while the database hangs, nobody waits for it long a second time."""
ATTEMPTS = 2
"""A connection that breaks under a request is not yet a database that is away: ask once more."""

# SQLSTATE classes of a server that cannot serve: connection exception, insufficient resources
# (too many connections, disk full), operator intervention (shutdown, start-up, cancelled), system
# error; and a single state, a standby that takes no writes.
_AWAY_CLASSES = frozenset({"08", "53", "57", "58"})
_READ_ONLY = "25006"
# States of a server that works, and that one request was too much for: query_canceled (by
# statement_timeout), lock_not_available (by lock_timeout), a transaction that was left idle,
# deadlock and serialization failure.
_SLOW = frozenset({"57014", "55P03", "25P03", "40P01", "40001"})


def is_away(error: BaseException) -> bool:
    """Whether the error means that the database could not be asked, not that it said no."""
    if is_slow(error):
        return False
    if isinstance(error, OSError | asyncpg.InterfaceError):
        return True  # OSError includes TimeoutError and ConnectionError
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return any(
        isinstance(cause, OSError | asyncpg.InterfaceError)
        or _state(cause)[:2] in _AWAY_CLASSES
        or _state(cause) == _READ_ONLY
        for cause in _causes(error)
    )


def is_slow(error: BaseException) -> bool:
    """Whether this request took too long or got in another's way, and the database is well."""
    if isinstance(error, PoolTimeout):
        return True  # other requests of this process hold every connection
    return any(_state(cause) in _SLOW for cause in _causes(error))


def _causes(error: BaseException) -> tuple[BaseException, ...]:
    """The error and, of SQLAlchemy's, the driver's: its adapter wraps asyncpg's own once more."""
    original = error.orig if isinstance(error, DBAPIError) else None
    found = (error, original, original.__cause__ if original is not None else None)
    return tuple(each for each in found if each is not None)


def _state_inside(error: BaseException) -> str:
    return next((state for cause in _causes(error) if (state := _state(cause))), "pool")


def _state(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or ""


class DatabaseGuard:
    """The way to the database from one event loop, with a circuit breaker in it."""

    def __init__(
        self,
        deadline_s: float = DEADLINE_S,
        pause_s: float = PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deadline_s = deadline_s
        self._pause_s = pause_s
        self._clock = clock
        self._refuse_until: float | None = None
        self._answered_at = clock()
        """When the database has answered last, whatever it was asked."""
        self._stragglers: set[asyncio.Task[Any]] = set()

    @property
    def away(self) -> bool:
        """The last request that was made did not get through."""
        return self._refuse_until is not None

    async def run(self, make: Callable[[], Coroutine[Any, Any, T]], attempts: int = ATTEMPTS) -> T:
        """Do the work within the deadline. `make` begins it, and may be called again.

        Raises `StoreUnavailable`, at the latest when the deadline has passed, and what the work
        raises when the database did answer. Work that was too slow while others were answered
        leaves the circuit closed. Work that is late is cancelled; its clean-up (closing a
        connection that does not answer takes seconds) is not waited for.
        """
        now = self._clock()
        ends = now + self._deadline_s
        if self._refuse_until is not None:
            if now < self._refuse_until:
                raise StoreUnavailable("away")
            ends = min(ends, now + PROBE_S)
            self._refuse_until = ends  # this one tries, the others are refused meanwhile
        for attempt in range(1, attempts + 1):
            task = asyncio.create_task(make())
            try:
                done, _ = await asyncio.wait({task}, timeout=max(0.0, ends - self._clock()))
            except asyncio.CancelledError:
                self._abandon(task)
                raise
            if not done:
                self._abandon(task)
                if self._answered_at > now:
                    raise self._was_slow("deadline")
                raise self._went_away("too_slow")
            error = task.exception()
            if error is None or not is_away(error):
                self._refuse_until = None
                self._answered_at = self._clock()
                if error is not None and is_slow(error):
                    raise self._was_slow(_state_inside(error)) from None
                return task.result()
            if attempt == attempts:
                raise self._went_away(type(error).__name__) from None
        raise AssertionError("the loop returns or raises")

    def _was_slow(self, reason: str) -> StoreUnavailable:
        log.warning("database_request_slow", reason=reason)
        return StoreUnavailable("slow")

    def _went_away(self, reason: str) -> StoreUnavailable:
        log.warning("database_away", reason=reason)
        self._refuse_until = self._clock() + self._pause_s
        return StoreUnavailable(reason)

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        self._stragglers.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._stragglers.discard(task)
        if not task.cancelled():
            task.exception()  # taken notice of: nobody waits for it


class _HasGuard(Protocol):
    _guard: DatabaseGuard


def guarded(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Make a method of a class with `_guard` go through it. The method must bear repetition."""

    async def run_guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._guard.run(lambda: method(self, *args, **kwargs))

    update_wrapper(run_guarded, method)
    return run_guarded
