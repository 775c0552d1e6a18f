"""Google's notices at the ingress, over a real HTTP server: who is believed, and what is done."""

import asyncio

import httpx
import pytest

from otto.scheduling.google.channel_token import PATH, channel_token, is_genuine
from otto.telephony.ingress import voice_app

CHANNEL = "otto-0123456789ab-1"


@pytest.fixture
async def notify(ingress_settings, switchboard, serve_asgi):
    url = await serve_asgi(voice_app(ingress_settings, switchboard))
    key = ingress_settings.twilio.auth_token.get_secret_value()

    async with httpx.AsyncClient(base_url=url) as client:

        async def notify(channel=CHANNEL, token=None, state="exists", content=b""):
            headers = {
                "X-Goog-Channel-ID": channel,
                "X-Goog-Channel-Token": channel_token(key, channel) if token is None else token,
                "X-Goog-Resource-State": state,
                "X-Goog-Message-Number": "2",
            }
            answer = await client.post(PATH, headers=headers, content=content)
            return answer.status_code

        notify.client = client
        yield notify


async def test_a_genuine_notice_has_the_calendars_read(notify, switchboard):
    assert await notify() == 204
    assert switchboard.calendar_changes == 1
    assert await notify(state="sync") == 204, "that the channel has begun is no change"
    assert switchboard.calendar_changes == 1


@pytest.mark.parametrize(
    ("channel", "token"),
    [
        (CHANNEL, ""),
        (CHANNEL, "guessed"),
        (CHANNEL, channel_token("another key", CHANNEL)),
        ("another channel", channel_token("a-token-of-the-test", CHANNEL)),
        ("", None),
        ("x" * 65, None),
        ("otto<script>", None),
    ],
)
async def test_what_is_not_genuine_reaches_nothing(notify, switchboard, channel, token):
    assert await notify(channel, token) == 403
    assert switchboard.calendar_changes == 0


async def test_a_notice_without_headers_or_by_get_reaches_nothing(notify, switchboard):
    assert (await notify.client.post(PATH)).status_code == 403
    assert (await notify.client.get(PATH)).status_code == 405
    assert switchboard.calendar_changes == 0


async def test_a_notice_nobody_can_be_told_of_is_asked_for_again(notify, switchboard):
    switchboard.broken = ValueError("no such actor")
    assert await notify() == 503
    switchboard.broken = None
    assert await notify() == 204


async def test_whoever_does_not_answer_holds_nobody_up(notify, switchboard, monkeypatch):
    monkeypatch.setattr("otto.telephony.calendar_notice.TELLING_TIMEOUT_S", 0.05)
    monkeypatch.setattr(switchboard, "calendar_changed", asyncio.Event().wait)
    assert await notify() == 503


def test_while_a_key_is_exchanged_both_are_good():
    token = channel_token("old", CHANNEL)
    assert is_genuine(["new", "old"], CHANNEL, token)
    assert not is_genuine(["new", ""], CHANNEL, token)
    assert not is_genuine([""], CHANNEL, channel_token("", CHANNEL)), "no key is no key"
    assert "old" not in token
