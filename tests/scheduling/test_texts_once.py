"""A text is sent once, as far as Twilio lets us know: through its SDK, against the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.settings import TwilioSettings
from otto.scheduling.outbox import OutboxItem, OutboxWorker
from otto.scheduling.texts.rules import TextRules
from otto.scheduling.texts.texts import KIND, text_handler
from otto.storage.tables import OutboxRow
from otto.telephony.rest import TwilioRest
from otto.telephony.texts import text_finder, text_sender
from sandbox.app import serve
from sandbox.world import Options, World

MARIA, JOHN = "+13125550142", "+13125550143"
RULES = TextRules(frozenset(), frozenset({"US"}))


@dataclass(frozen=True)
class Line:
    """The sandbox's Twilio and an outbox that texts through it."""

    world: World
    engine: AsyncEngine
    twilio: TwilioRest

    def worker(self) -> OutboxWorker:
        return OutboxWorker(self.engine, {KIND: self.handler()})

    def handler(self) -> Any:
        return text_handler(
            self.engine,
            RULES,
            text_sender(self.twilio),
            lambda: datetime.now(UTC),
            text_finder(self.twilio),
        )

    async def write(self, key: str = "k", to: str = MARIA, body: str = "Booked.") -> None:
        payload = {"to": to, "body": body, "standing": "caller"}
        async with self.engine.begin() as connection:
            await connection.execute(insert(OutboxRow).values(kind=KIND, key=key, payload=payload))

    async def run(self, statement: str) -> Any:
        async with self.engine.begin() as connection:
            return await connection.execute(text(statement))

    async def make_due(self) -> None:
        await self.run("UPDATE outbox SET next_attempt_at = now()")

    @property
    def sent(self) -> list[str]:
        return [message["body"] for message in self.world.log("twilio.messages")]


@pytest.fixture
async def line(engine: AsyncEngine) -> AsyncIterator[Line]:
    world = World(Options(speech="known", rest_ms=0))
    async with serve(world) as origin:
        settings = TwilioSettings(
            account_sid=world.account_sid,
            auth_token=SecretStr(world.auth_token),
            phone_number=world.phone_number,
            api_url=f"{origin}/twilio",
        )
        twilio = TwilioRest(settings)
        yield Line(world, engine, twilio)
        await twilio.close()
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE outbox RESTART IDENTITY"))


async def test_a_worker_that_dies_before_its_commit_has_the_text_sent_once(line: Line) -> None:
    await line.write()
    handler, is_sent = line.handler(), asyncio.Event()

    async def send_and_die(item: OutboxItem) -> None:
        await handler(item)
        is_sent.set()
        await asyncio.Event().wait()

    dying = asyncio.create_task(OutboxWorker(line.engine, {KIND: send_and_die}).run_once())
    await is_sent.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await line.make_due()  # the lease has run out
    assert await line.worker().run_once() == 1
    assert line.sent == ["Booked."]
    done = await line.run("SELECT done_at IS NOT NULL AS done, payload FROM outbox")
    assert done.one() == (True, {})


async def test_an_answer_that_is_lost_has_the_text_sent_once(line: Line) -> None:
    await line.write()
    line.world.faults.add("twilio", "lost", status=500, count=1)
    await line.worker().run_once()
    waits = await line.run("SELECT next_attempt_at - now() AS s, last_error FROM outbox")
    ((wait, error),) = waits.all()
    assert error == "twilio_20500" and timedelta(seconds=10) < wait
    await line.make_due()
    await line.worker().run_once()
    assert line.sent == ["Booked."]


async def test_one_that_never_went_out_is_sent(line: Line) -> None:
    await line.write()
    line.world.faults.add("twilio", "fail", status=503, count=1)
    await line.worker().run_once()
    assert line.sent == []
    await line.make_due()
    await line.worker().run_once()
    assert line.sent == ["Booked."]


async def test_a_row_that_lay_for_long_is_asked_about_at_its_first_attempt(line: Line) -> None:
    """As after a backup was restored: what had been sent since stands in it as waiting."""
    await line.twilio.send_message(MARIA, "Booked.")
    await line.write()
    await line.run("UPDATE outbox SET created_at = now() - interval '2 min'")
    await line.worker().run_once()
    assert line.sent == ["Booked."]


@pytest.mark.parametrize(
    ("to", "body"),
    [(JOHN, "Booked."), (MARIA, "Moved."), (MARIA, "Booked"), (MARIA, "Booked. Bring the key.")],
)
async def test_another_text_is_not_taken_for_it(line: Line, to: str, body: str) -> None:
    await line.twilio.send_message(to, body)
    await line.write()
    await line.run("UPDATE outbox SET attempts = 1")
    await line.worker().run_once()
    assert line.sent == [body, "Booked."]


async def test_the_same_words_of_an_earlier_day_are_not_taken_for_it(line: Line) -> None:
    await line.twilio.send_message(MARIA, "Moved to Tuesday at nine.")
    line.world.log("twilio.messages")[0]["at"] = "2026-11-01T12:00:00+00:00"
    await line.write(body="Moved to Tuesday at nine.")
    await line.run("UPDATE outbox SET attempts = 1")
    await line.worker().run_once()
    assert len(line.sent) == 2


async def test_it_is_found_among_many_and_behind_a_trial_accounts_words(line: Line) -> None:
    await line.write()
    await line.twilio.send_message(MARIA, "Sent from your Twilio trial account - Booked.")
    for number in range(30):
        await line.twilio.send_message(MARIA, f"reminder {number}")
    await line.run("UPDATE outbox SET attempts = 1")
    await line.worker().run_once()
    assert len(line.sent) == 31


async def test_nothing_is_sent_on_a_guess_while_twilio_cannot_be_asked(line: Line) -> None:
    await line.write()
    await line.run("UPDATE outbox SET attempts = 1")
    line.world.faults.add("twilio", "fail", status=503, count=1)
    await line.worker().run_once()
    assert line.sent == []
    await line.make_due()
    await line.worker().run_once()
    assert line.sent == ["Booked."]


async def test_an_account_that_may_not_list_its_texts_sends_them(line: Line) -> None:
    await line.write()
    await line.run("UPDATE outbox SET attempts = 1")
    line.world.faults.add("twilio", "fail", status=404, code=20404, count=1)
    await line.worker().run_once()
    assert line.sent == ["Booked."]
