"""Changes to the book: each is one transaction, tried again where that is safe and may help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina
import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from otto.scheduling.bookings import BookingRefused
from otto.storage.errors import StoreUnavailable
from otto.storage.guard import DatabaseGuard
from otto.storage.values import is_refused

_log = structlog.get_logger()

ATTEMPTS = 3
TIMEOUT_S = 6.0
UNUSABLE = "I am sorry, these details cannot be put into our book."
_RETRYABLE_SQLSTATES = frozenset({"40001", "40P01"})  # serialization failure, deadlock

T = TypeVar("T")


@dataclass(slots=True)
class _Progress:
    """How far a change has come."""

    at_commit: bool = False
    """A commit was sent: from then on, no answer does not mean that nothing was done."""


class Transactions:
    """Runs changes. `after_commit` is called after each that did something, to wake the outbox's
    worker."""

    def __init__(
        self, engine: AsyncEngine, guard: DatabaseGuard, after_commit: Callable[[], None] | None
    ) -> None:
        self._engine = engine
        self._guard = guard
        self._after_commit = after_commit

    async def run(
        self, work: Callable[[AsyncConnection], Awaitable[tuple[T, bool]]]
    ) -> tuple[T, bool]:
        """What `work` comes to, and whether that is new; an error of its undoes everything.

        Its request must have a key, because lost connections are retried here. Raises
        `StoreUnavailable` within the guard's deadline, which then says whether the change may stand
        all the same, and `BookingRefused` for what no table takes.
        """
        progress = _Progress()
        try:
            result, is_new = await self._guard.run(
                lambda: self._patiently(work, progress), attempts=1
            )
        except StoreUnavailable as away:
            raise StoreUnavailable(away.reason, outcome_unknown=progress.at_commit) from None
        except DBAPIError as error:
            if not is_refused(error):
                raise
            # Its own text would hold the details.
            _log.warning("booking_refused", reason=type(error.orig).__name__)
            raise BookingRefused("unusable", UNUSABLE) from None
        if is_new and self._after_commit is not None:
            self._after_commit()
        return result, is_new

    async def _patiently(
        self,
        work: Callable[[AsyncConnection], Awaitable[tuple[T, bool]]],
        progress: _Progress,
    ) -> tuple[T, bool]:
        async for attempt in stamina.retry_context(
            on=_is_transient,
            attempts=ATTEMPTS,
            timeout=TIMEOUT_S,
            wait_initial=0.05,
            wait_max=0.5,
            wait_jitter=0.05,
        ):
            with attempt:
                async with self._engine.begin() as connection:
                    result, is_new = await work(connection)
                    progress.at_commit |= is_new
        # By a retry it may be found instead of made; it is new all the same.
        return result, is_new or progress.at_commit


def _is_transient(error: Exception) -> bool:
    """Whether the same transaction may succeed when it is tried again."""
    if isinstance(error, IntegrityError):
        return False
    if isinstance(error, DBAPIError):
        sqlstate = getattr(error.orig, "sqlstate", None)
        return error.connection_invalidated or sqlstate in _RETRYABLE_SQLSTATES
    return isinstance(error, ConnectionError)
