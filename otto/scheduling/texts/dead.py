"""Texts that were given up, and having those sent once more that are still of use to anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_IS_DEAD = "done_at IS NULL AND next_attempt_at = 'infinity' AND kind LIKE 'sms.%'"
_GOOD_UNTIL = "(payload->>'not_after')::timestamptz"
_DEAD = text(
    f"SELECT id, attempts, last_error AS code, created_at, {_GOOD_UNTIL} AS good_until"  # noqa: S608
    f" FROM outbox WHERE {_IS_DEAD} ORDER BY id"
)
# The last error stays, so that Twilio is asked first whether it has the text after all.
_REPLAY = text(
    f"""
    UPDATE outbox SET attempts = 0, next_attempt_at = otto_clock()
    WHERE {_IS_DEAD} AND coalesce({_GOOD_UNTIL} > otto_clock(), true)
        AND (CAST(:every AS boolean) OR id = ANY(:ids))
    RETURNING id
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class DeadText:
    """A text that will not be sent by itself. Neither its words nor its number are shown."""

    id: int
    attempts: int
    code: str
    """Such as `twilio_21614`, or `text_no_standing`: see `otto.scheduling.texts.texts`."""
    created_at: datetime
    good_until: datetime | None
    """Then it is of no use any more; None: always."""


async def dead_texts(connection: AsyncConnection) -> tuple[DeadText, ...]:
    """All of them, the oldest first."""
    return tuple(
        DeadText(row.id, row.attempts, row.code or "", row.created_at, row.good_until)
        for row in await connection.execute(_DEAD)
    )


async def replay_texts(connection: AsyncConnection, ids: Sequence[int] | None) -> frozenset[int]:
    """Have dead texts sent again from the first attempt on, those with these ids or all (None);
    returns which. One that is of no use any more stays dead."""
    asked = {"every": ids is None, "ids": list(ids or ())}
    return frozenset((await connection.execute(_REPLAY, asked)).scalars())
