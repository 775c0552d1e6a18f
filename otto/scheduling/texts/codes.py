"""Codes sent by text: whoever gives one back has the number. One a call, for a few minutes.

The code itself is in its text alone; the table holds hashes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.clock import utc_now
from config.limits import LimitSettings
from otto.language.characters import storable, storable_key
from otto.scheduling.texts.code_requests import CodeRequest, CodeVerdict
from otto.scheduling.texts.rules import Refusal, TextRules
from otto.scheduling.texts.texts import Text, write_text
from otto.storage.clock import CLOCK
from otto.storage.guard import DatabaseGuard, guarded
from otto.storage.number_hash import hash_number, keyed_hash
from otto.storage.tables import SID_LENGTH, TextCodeRow, TextConsentRow

DIGITS = 6
TRIES = 3
GOOD_FOR_S = 600.0


class _NotTexted(Exception):
    """The number may not be texted: nothing is kept of it."""


class TextCodes:
    """The codes of one location. Holds no state: any number may work at once.

    `after_commit` wakes the outbox's worker. Methods raise `StoreUnavailable`.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        dealership_name: str,
        rules: TextRules,
        limits: LimitSettings,
        *,
        guard: DatabaseGuard | None = None,
        after_commit: Callable[[], None] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._engine = engine
        self._dealership_name = dealership_name
        self._rules = rules
        self._limits = limits
        self._guard = guard or DatabaseGuard()
        self._after_commit = after_commit
        self._clock = clock

    async def send(self, request: CodeRequest) -> bool:
        """Have a code texted; whether it is on its way. False for a number that may not be texted,
        and for a second number of one call. A repeat sends nothing again."""
        call_sid = storable_key(request.call_sid, SID_LENGTH)
        is_sent = await self._write(replace(request, call_sid=call_sid))
        if is_sent and self._after_commit is not None:
            self._after_commit()
        return is_sent

    @guarded
    async def check(self, call_sid: str, code: str) -> CodeVerdict:
        """Whether the code is the call's. Counted as it is checked; the same wrong one again is
        the same try. A right one is its owner's wish for texts, too."""
        call_sid = storable_key(call_sid, SID_LENGTH)
        async with self._engine.begin() as connection:
            given = await keyed_hash(connection, f"{call_sid} {storable(code)}")
            row = (
                await connection.execute(
                    select(
                        TextCodeRow.__table__,
                        (TextCodeRow.sent_at < CLOCK - timedelta(seconds=GOOD_FOR_S)).label(
                            "is_old"
                        ),
                    )
                    .where(TextCodeRow.call_sid == call_sid)
                    .with_for_update()
                )
            ).one_or_none()
            if row is None:
                return CodeVerdict.OVER
            if row.proved_at is not None:
                return CodeVerdict.PROVED
            is_again = row.last_try == given
            if row.is_old or (row.tries >= TRIES and not is_again):
                return CodeVerdict.OVER
            tries = row.tries + (not is_again)
            is_right = secrets.compare_digest(given, row.code_hash)
            await connection.execute(
                update(TextCodeRow)
                .where(TextCodeRow.call_sid == call_sid)
                .values(
                    tries=tries,
                    last_try=given,
                    proved_at=CLOCK if is_right else None,
                )
            )
            if is_right:
                consent = {"number_hash": row.number_hash, "source": "code"}
                await connection.execute(
                    insert(TextConsentRow).values(consent).on_conflict_do_nothing()
                )
                return CodeVerdict.PROVED
            return CodeVerdict.WRONG if tries < TRIES else CodeVerdict.OVER

    # Inside

    @guarded
    async def _write(self, request: CodeRequest) -> bool:
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        try:
            async with self._engine.begin() as connection:
                return await self._write_once(connection, request, code)
        except _NotTexted:
            return False

    async def _write_once(
        self, connection: AsyncConnection, request: CodeRequest, code: str
    ) -> bool:
        hashed = await hash_number(connection, request.number)
        row = {
            "call_sid": request.call_sid,
            "number_hash": hashed,
            "code_hash": await keyed_hash(connection, f"{request.call_sid} {code}"),
        }
        made = await connection.scalar(
            insert(TextCodeRow).values(row).on_conflict_do_nothing().returning(TextCodeRow.call_sid)
        )
        if made is None:
            sent_to = select(TextCodeRow.number_hash).where(
                TextCodeRow.call_sid == request.call_sid
            )
            return await connection.scalar(sent_to) == hashed
        text = Text(
            key=f"sms.send:code:{request.call_sid}",
            to=request.number,
            body=(
                f"{self._dealership_name}: {code} is your code. Say it to Otto on the telephone. "
                "If you are not calling us, ignore this message."
            ),
            not_after=self._clock() + timedelta(seconds=GOOD_FOR_S),
            call_sid=request.call_sid,
            caller=request.caller,
            is_code=True,
        )
        if isinstance(await write_text(connection, text, self._rules, self._limits), Refusal):
            raise _NotTexted
        return True
