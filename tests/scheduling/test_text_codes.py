"""Codes sent by text, in a real PostgreSQL: one a call, few tries, none for whom it may not be."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.limits import LimitSettings
from otto.scheduling.outbox import OutboxWorker
from otto.scheduling.texts.code_requests import CodeRequest, CodeVerdict
from otto.scheduling.texts.codes import TextCodes
from otto.scheduling.texts.rules import TextRules
from otto.scheduling.texts.texts import KIND, text_handler
from otto.storage.opt_outs import opt_out
from otto.storage.tables import OutboxRow, TextCodeRow, TextConsentRow
from tests.scheduling.booking_support import NOW

NUMBER, OTHER, CALLER = "+17735550199", "+17735550111", "+13125550142"
RULES = TextRules(frozenset({"+18155550100"}), frozenset({"US"}))
PROVED, WRONG, OVER = CodeVerdict.PROVED, CodeVerdict.WRONG, CodeVerdict.OVER


@pytest.fixture(autouse=True)
async def _clean(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("TRUNCATE outbox, text_codes, text_consents, limit_events, opt_outs")
        )


def make(engine: AsyncEngine, **limits: Any) -> TextCodes:
    return TextCodes(engine, "Otto's", RULES, LimitSettings(**limits), clock=lambda: NOW)


@pytest.fixture
def codes(engine: AsyncEngine) -> TextCodes:
    return make(engine)


def wish(number: str = NUMBER, call_sid: str = "CA1", caller: str | None = CALLER) -> CodeRequest:
    return CodeRequest(call_sid, number, caller)


async def sent(engine: AsyncEngine) -> list[tuple[str, str]]:
    """(to, code) of every text."""
    async with engine.connect() as connection:
        rows = await connection.scalars(select(OutboxRow.payload).order_by(OutboxRow.id))
        return [(row["to"], re.findall(r"\d{6}", row["body"])[0]) for row in rows]


def other_than(code: str, n: int = 1) -> str:
    return f"{(int(code) + n) % 1_000_000:06}"


async def test_who_gives_the_code_back_has_the_number(
    codes: TextCodes, engine: AsyncEngine
) -> None:
    assert await codes.send(wish())
    ((to, code),) = await sent(engine)
    assert to == NUMBER
    assert await codes.check("CA1", other_than(code)) is WRONG
    assert await codes.check("CA2", code) is OVER, "another call's"
    assert await codes.check("CA1", code) is PROVED
    assert await codes.check("CA1", code) is PROVED
    async with engine.connect() as connection:
        (consent,) = (await connection.execute(select(TextConsentRow.__table__))).all()
        (row,) = (await connection.execute(select(TextCodeRow.__table__))).all()
    assert consent.source == "code" and consent.number_hash == row.number_hash
    assert code not in str(row) and NUMBER not in str(row)


async def test_one_code_a_call(codes: TextCodes, engine: AsyncEngine) -> None:
    answers = await asyncio.gather(*(codes.send(wish(n)) for n in (NUMBER, OTHER) * 3))
    assert len(await sent(engine)) == 1
    ((to, _),) = await sent(engine)
    assert answers == [number == to for number in (NUMBER, OTHER) * 3]


async def test_three_tries_over_all_owners_of_the_call(
    codes: TextCodes, engine: AsyncEngine
) -> None:
    await codes.send(wish())
    ((_, code),) = await sent(engine)
    wrong = [other_than(code, n) for n in range(1, 4)]
    assert await codes.check("CA1", wrong[0]) is WRONG
    assert await codes.check("CA1", wrong[0]) is WRONG, "the same again is the same try"
    assert [await codes.check("CA1", one) for one in wrong[1:]] == [WRONG, OVER]
    assert await codes.check("CA1", code) is OVER


async def test_tries_at_the_same_time_are_no_more(codes: TextCodes, engine: AsyncEngine) -> None:
    await codes.send(wish())
    ((_, code),) = await sent(engine)
    guesses = [other_than(code, n) for n in range(1, 11)]
    verdicts = await asyncio.gather(*(codes.check("CA1", guess) for guess in guesses))
    assert (verdicts.count(WRONG), verdicts.count(OVER)) == (2, 8)
    assert await codes.check("CA1", code) is OVER


async def test_a_code_grows_old(codes: TextCodes, engine: AsyncEngine) -> None:
    await codes.send(wish())
    ((_, code),) = await sent(engine)
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE text_codes SET sent_at = sent_at - interval '11 minutes'")
        )
    assert await codes.check("CA1", code) is OVER


@pytest.mark.parametrize(
    "number", ["+19005550199", "+18155550100", "+16045550123", "+18005550199", "+881612345678"]
)
async def test_no_code_goes_where_no_text_may(
    number: str, codes: TextCodes, engine: AsyncEngine
) -> None:
    assert not await codes.send(wish(number))
    assert await sent(engine) == []
    assert await codes.send(wish(NUMBER)), "nothing was used up"


async def test_who_opted_out_gets_no_code(codes: TextCodes, engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await opt_out(connection, NUMBER, "texts", "carrier")
    assert not await codes.send(wish())


@pytest.mark.parametrize(
    ("same", "limits"),
    [
        ("number", {"codes_per_number": 3}),
        ("number", {"texts_per_number": 3}),
        ("caller", {"texts_per_number": 3}),
    ],
)
async def test_nobody_is_bombed_with_codes_over_many_calls(
    same: str, limits: dict[str, int], engine: AsyncEngine
) -> None:
    codes = make(engine, **limits)
    wishes = [
        wish(
            NUMBER if same == "number" else f"+1414555{n:04}",
            f"CA{n}",
            CALLER if same == "caller" else f"+1618555{n:04}",
        )
        for n in range(100, 108)
    ]
    answers = await asyncio.gather(*(codes.send(one) for one in wishes))
    assert sum(answers) == len(await sent(engine)) == 3


async def test_a_code_is_delivered_and_not_when_it_is_old(
    codes: TextCodes, engine: AsyncEngine
) -> None:
    delivered: list[str] = []

    async def send(to: str, body: str) -> None:
        delivered.append(to)

    for call_sid, later in (("CA1", timedelta()), ("CA2", timedelta(minutes=10))):
        await codes.send(wish(call_sid=call_sid))
        handler = text_handler(engine, RULES, send, lambda later=later: NOW + later)
        await OutboxWorker(engine, {KIND: handler}).run_once()
    assert delivered == [NUMBER]
