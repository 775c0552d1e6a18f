"""Twilio's REST API as the real SDK reads it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from sandbox.world import World

HOLD = "<Response><Pause length='30'/></Response>"


class Rewriting(HttpClient):
    """Sends what is meant for api.twilio.com to the sandbox."""

    def __init__(self, origin: str) -> None:
        super().__init__(None, False, None)
        self.origin = origin

    def request(
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: Any = None,
        allow_redirects: bool = False,
        **_: Any,
    ) -> Response:
        url = url.replace("https://api.twilio.com", f"{self.origin}/twilio")
        answer = requests.request(
            method, url, params=params, data=data, headers=headers, auth=auth, timeout=10
        )
        return Response(answer.status_code, answer.text)


@pytest.fixture
def client(world: World, twilio: str) -> Client:
    return Client(world.account_sid, world.auth_token, http_client=Rewriting(twilio))


async def test_a_message_is_sent_and_listed(
    world: World, client: Client, twilio: str, http: aiohttp.ClientSession
) -> None:
    sent = await asyncio.to_thread(
        client.messages.create, to="+13125550142", from_=world.phone_number, body="See you Tuesday"
    )
    assert sent.sid.startswith("SM") and sent.status == "queued" and sent.error_code is None
    assert sent.date_created is not None
    read = await asyncio.to_thread(client.messages(sent.sid).fetch)
    assert read.body == "See you Tuesday" and read.status == "delivered"
    async with http.get(f"{twilio}/sandbox/messages") as answer:
        (message,) = await answer.json()
    assert (message["to"], message["body"]) == ("+13125550142", "See you Tuesday")


async def test_an_outbound_call_is_answered_updated_and_ended(world: World, client: Client) -> None:
    create = asyncio.to_thread(
        client.calls.create, to="+13125550142", from_=world.phone_number, twiml=HOLD
    )
    call = await create
    assert call.sid.startswith("CA") and call.direction == "outbound-api"
    async with asyncio.timeout(5):
        while (await asyncio.to_thread(client.calls(call.sid).fetch)).status != "in-progress":
            await asyncio.sleep(0.05)
    changed = await asyncio.to_thread(
        client.calls(call.sid).update, twiml="<Response><Pause length='20'/></Response>"
    )
    assert changed.status == "in-progress"
    await asyncio.to_thread(client.calls(call.sid).update, status="completed")
    async with asyncio.timeout(5):
        while (
            ended := await asyncio.to_thread(client.calls(call.sid).fetch)
        ).status != "completed":
            await asyncio.sleep(0.05)
    assert ended.duration == "0" and ended.end_time is not None
    with pytest.raises(TwilioRestException) as refused:
        await asyncio.to_thread(client.calls(call.sid).update, status="completed")
    assert refused.value.code == 21220


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"to": "12", "from_": "+18155550100", "body": "x"}, 21211),
        ({"to": "+13125550142", "from_": "+13125550142", "body": "x"}, 21606),
        ({"to": "+13125550142", "from_": "+18155550100", "body": ""}, 21602),
        ({"to": "+13125550142", "from_": "+18155550100", "body": "x" * 1601}, 21617),
        ({"to": "+15005550001", "from_": "+18155550100", "body": "x"}, 21211),
        ({"to": "+15005550004", "from_": "+18155550100", "body": "x"}, 21610),
        ({"to": "+15005550009", "from_": "+18155550100", "body": "x"}, 21614),
    ],
)
async def test_refusals_carry_twilios_codes(
    client: Client, arguments: dict[str, str], code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        await asyncio.to_thread(client.messages.create, **arguments)
    assert (refused.value.status, refused.value.code) == (400, code)


async def test_a_wrong_token_and_an_unknown_call(world: World, client: Client, twilio: str) -> None:
    stranger = Client(world.account_sid, "wrong", http_client=Rewriting(twilio))
    with pytest.raises(TwilioRestException) as refused:
        await asyncio.to_thread(stranger.calls("CA1").fetch)
    assert (refused.value.status, refused.value.code) == (401, 20003)
    with pytest.raises(TwilioRestException) as unknown:
        await asyncio.to_thread(client.calls("CA1").fetch)
    assert unknown.value.code == 20404
    with pytest.raises(TwilioRestException) as neither:
        await asyncio.to_thread(client.calls.create, to="+13125550142", from_=world.phone_number)
    assert neither.value.code == 21205


async def test_a_fault_fails_so_many_requests(world: World, client: Client) -> None:
    world.faults.add("twilio", "fail", status=503, count=1)
    with pytest.raises(TwilioRestException) as failed:
        await asyncio.to_thread(client.calls("CA1").fetch)
    assert failed.value.status == 503
    account = await asyncio.to_thread(client.api.accounts(world.account_sid).fetch)
    assert account.status == "active"


async def test_the_accounts_number_is_listed_with_its_webhooks(
    world: World, client: Client, twilio: str, http: aiohttp.ClientSession
) -> None:
    answers = {"voice_url": "https://otto.example/voice", "status_callback_url": "https://o/status"}
    async with http.put(f"{twilio}/sandbox/number", json=answers) as answer:
        assert answer.status == 200

    def numbers(**asked: Any) -> list[Any]:
        return client.incoming_phone_numbers.list(limit=1, **asked)

    (ours,) = await asyncio.to_thread(numbers, phone_number=world.phone_number)
    assert ours.phone_number == world.phone_number
    assert (ours.voice_url, ours.status_callback) == tuple(answers.values())
    assert await asyncio.to_thread(numbers, phone_number="+13125550199") == []
    assert len(await asyncio.to_thread(numbers)) == 1
