"""The sandbox's list of messages, read page by page as the `twilio` SDK does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from config.settings import TwilioSettings
from otto.telephony.rest import TwilioRest
from sandbox.app import serve
from sandbox.twilio.message_list import MessagePage
from sandbox.world import Options, World

MARIA, JOHN = "+13125550142", "+13125550143"


@pytest.fixture
async def client() -> AsyncIterator[tuple[World, Any]]:
    world = World(Options(speech="known", rest_ms=0))
    async with serve(world) as origin:
        settings = TwilioSettings(
            account_sid=world.account_sid,
            auth_token=SecretStr(world.auth_token),
            phone_number=world.phone_number,
            api_url=f"{origin}/twilio",
        )
        rest = TwilioRest(settings)
        for number in range(7):
            await rest.send_message(MARIA if number % 2 else JOHN, f"text {number}")
        log = world.log("twilio.messages")
        for number, message in enumerate(log):
            message["at"] = f"2026-11-{21 + number}T12:00:00+00:00"
        yield world, rest._client
        await rest.close()


async def bodies(client: Any, **wanted: Any) -> list[str]:
    found = await asyncio.to_thread(lambda: client.messages.list(**wanted))
    return [message.body for message in found]


async def test_newest_first_and_all_pages(client: tuple[World, Any]) -> None:
    _, twilio = client
    everything = [f"text {number}" for number in (6, 5, 4, 3, 2, 1, 0)]
    assert await bodies(twilio) == everything
    assert await bodies(twilio, page_size=3) == everything
    assert await bodies(twilio, limit=2) == everything[:2]
    assert await bodies(twilio, page_size=7) == everything


async def test_by_number_and_by_day(client: tuple[World, Any]) -> None:
    world, twilio = client
    assert await bodies(twilio, to=MARIA) == ["text 5", "text 3", "text 1"]
    assert await bodies(twilio, to=MARIA, from_=world.phone_number, page_size=2) == [
        "text 5", "text 3", "text 1",
    ]  # fmt: skip
    assert await bodies(twilio, from_=MARIA) == []
    day = datetime(2026, 11, 24, 23, 59, tzinfo=UTC)
    assert await bodies(twilio, date_sent=day) == ["text 3"]
    assert await bodies(twilio, date_sent_after=day) == ["text 6", "text 5", "text 4", "text 3"]
    assert await bodies(twilio, date_sent_before=day, to=JOHN) == ["text 2", "text 0"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["To", "From", "DateSent", "DateSent<", "PageSize", "Page", "x"]),
            st.text(max_size=8) | st.integers(-3, 9).map(str),
        )
    )
)
def test_whatever_is_asked_is_a_page(asked: list[tuple[str, str]]) -> None:
    messages = [{"to": "3", "from": "4", "at": f"2026-11-2{n}T00:00:00+00:00"} for n in range(5)]
    page = MessagePage.of(asked, messages)
    assert 1 <= page.size <= 1000 and page.number >= 0 and len(page.messages) <= page.size
