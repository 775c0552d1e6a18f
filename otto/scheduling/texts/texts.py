"""Text messages: every one is written here, if it may be, and asked about again when it is sent.

A text is an outbox row of the kind `sms.send`, written in the transaction that gives it its
reason; how many there are to a call and to a number is counted in the same one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.limits import LimitSettings
from otto.scheduling.outbox import OutboxItem, Undeliverable
from otto.scheduling.texts.rules import Refusal, Standing, TextFacts, TextRules, may_text
from otto.storage.limits import Limit, count
from otto.storage.number_hash import hash_number
from otto.storage.opt_outs import opt_out, opted_out
from otto.storage.tables import (
    AppointmentRow,
    CustomerPhoneRow,
    CustomerRow,
    OutboxRow,
    TextCodeRow,
    TextConsentRow,
)

log = structlog.get_logger()

KIND = "sms.send"

SendMessage = Callable[[str, str], Awaitable[object]]
"""(to, body): sends one text message. Raises `DeliveryError` or anything else to be tried again,
`Undeliverable` for one that can never be sent, `Unsubscribed` for a number that wants none."""

WasSent = Callable[[str, str, datetime], Awaitable[bool]]
"""(to, body, since): whether the vendor has taken this very text since then. Raises as
`SendMessage` does."""


class Unsubscribed(Undeliverable):
    """Whoever has the number has told the carrier that they want no texts from us."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be sent. `key` makes a repeat the same one; after `not_after` it is of no use."""

    key: str
    to: str
    body: str
    not_after: datetime
    call_sid: str | None = None
    caller: str | None = None
    """The number that calls, E.164; None when nobody does or nobody vouches for it."""
    customer_id: int | None = None
    """Whom it is for."""
    appointment_id: str | None = None
    is_code: bool = False


async def write_text(
    connection: AsyncConnection, text: Text, rules: TextRules, limits: LimitSettings
) -> Standing | Refusal:
    """Have a text sent when the transaction is committed, if it may be; says why, or why not."""
    facts = await _facts(connection, text)
    decided = may_text(text.to, facts, rules)
    if isinstance(decided, Standing) and not await count(
        connection, text.key, await _limits(connection, text, limits)
    ):
        decided = Refusal.TOO_MANY
    if isinstance(decided, Refusal):
        log.info("text_refused", reason=decided.value, call_sid=text.call_sid)
        return decided
    payload = {
        "to": text.to,
        "body": text.body,
        "standing": decided.value,
        "not_after": text.not_after.astimezone(UTC).isoformat(),
        "call_sid": text.call_sid,
        "appointment_id": text.appointment_id,
    }
    await connection.execute(
        insert(OutboxRow)
        .values(kind=KIND, key=text.key, payload=payload)
        .on_conflict_do_nothing(index_elements=["key"])
    )
    return decided


def text_handler(
    engine: AsyncEngine,
    rules: TextRules,
    send_message: SendMessage,
    clock: Callable[[], datetime],
    was_sent: WasSent | None = None,
) -> Callable[[OutboxItem], Awaitable[None]]:
    """The outbox's handler: what was true when the text was written may be so no more.

    An attempt whose end nobody knows may have reached the customer, so the vendor is asked
    (`was_sent`; None: nobody can be) before the text is sent again.
    """

    async def send(item: OutboxItem) -> None:
        payload = item.payload
        not_after = payload.get("not_after")
        if not_after is not None and clock() >= datetime.fromisoformat(not_after):
            raise Undeliverable("too_late")
        async with engine.connect() as connection:
            decided = await _decide_again(connection, payload, rules)
        if isinstance(decided, Refusal):
            raise Undeliverable(f"text_{decided.value}")
        to, body = payload["to"], payload["body"]
        since = item.unsure_since
        if since is not None and was_sent is not None and await was_sent(to, body, since):
            log.info("text_was_sent_before", item=item.id, attempt=item.attempt)
            return
        try:
            await send_message(to, body)
        except Unsubscribed:
            async with engine.begin() as connection:
                await opt_out(connection, to, "texts", "carrier")
            raise

    return send


# Inside


async def _facts(connection: AsyncConnection, text: Text) -> TextFacts:
    hashed = await hash_number(connection, text.to)
    is_theirs = or_(
        exists().where(CustomerRow.id == text.customer_id, CustomerRow.phone == text.to),
        exists().where(
            CustomerPhoneRow.customer_id == text.customer_id, CustomerPhoneRow.phone == text.to
        ),
    )
    proved = exists().where(
        TextCodeRow.call_sid == text.call_sid,
        TextCodeRow.number_hash == hashed,
        TextCodeRow.proved_at.is_not(None),
    )
    consented = exists().where(TextConsentRow.number_hash == hashed)
    wanted = select(is_theirs, proved, consented, opted_out(hashed, "texts"))
    is_on_file, is_proved, has_consent, has_opted_out = (await connection.execute(wanted)).one()
    return TextFacts(
        caller=text.caller,
        on_file=text.to if is_on_file else None,
        is_proved=is_proved,
        has_consent=has_consent,
        has_opted_out=has_opted_out,
        is_code=text.is_code,
    )


async def _decide_again(
    connection: AsyncConnection, payload: Mapping[str, Any], rules: TextRules
) -> Standing | Refusal:
    """A row that does not say its standing is an earlier release's: the appointment's owner
    decides, as it does for the others."""
    standing, appointment_id = payload.get("standing"), payload.get("appointment_id")
    owner = select(AppointmentRow.customer_id).where(
        AppointmentRow.id == (UUID(appointment_id) if appointment_id else None)
    )
    text = Text(
        key="",
        to=payload["to"],
        body="",
        not_after=datetime.max.replace(tzinfo=UTC),
        call_sid=payload.get("call_sid"),
        caller=payload["to"] if standing == Standing.CALLER else None,
        customer_id=await connection.scalar(owner),
        is_code=standing == Standing.CODE,
    )
    return may_text(text.to, await _facts(connection, text), rules)


async def _limits(connection: AsyncConnection, text: Text, limits: LimitSettings) -> list[Limit]:
    receiver = f"to {await hash_number(connection, text.to)}"
    subjects = {receiver: limits.texts_per_number}
    if text.caller is not None:
        wished_by = f"from {await hash_number(connection, text.caller)}"
        subjects[wished_by] = limits.texts_per_number
    if text.call_sid is not None:
        subjects[f"call {text.call_sid}"] = limits.texts_per_call
    found = [
        Limit("text", subject, at_most, limits.window_s) for subject, at_most in subjects.items()
    ]
    if text.is_code:
        found.append(Limit("code", receiver, limits.codes_per_number, limits.window_s))
    return found
