"""Twilio's REST client against a local server that records what the SDK really sends."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import TwilioSettings
from otto.scheduling.outbox import DeliveryError, Undeliverable
from otto.scheduling.texts.texts import Unsubscribed
from otto.telephony.rest import TwilioRest, TwilioRestError, may_succeed_later
from otto.telephony.texts import text_sender

ACCOUNT = "AC00000000000000000000000000000001"


class Api(ThreadingHTTPServer):
    """Answers every POST with `answer`: (status, JSON)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = (201, {"sid": "SM1"})
        self.requests = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.requests.append((self.path, form, self.headers["Authorization"]))
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def api():
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
async def rest(api):
    rest = TwilioRest(
        TwilioSettings(
            account_sid=ACCOUNT,
            auth_token="secret",
            phone_number="+18155550199",
            api_url=f"http://127.0.0.1:{api.server_port}",
        )
    )
    yield rest
    await rest.close()


async def test_a_message_goes_to_the_configured_host(api, rest):
    assert await rest.send_message("+18155550123", "See you & thanks") == "SM1"
    ((path, form, authorization),) = api.requests
    assert path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert form == {
        "To": ["+18155550123"],
        "From": ["+18155550199"],
        "Body": ["See you & thanks"],
    }
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == f"{ACCOUNT}:secret"


async def test_redirect_and_hang_up_update_the_call(api, rest):
    api.answer = (200, {"sid": "CA1"})
    await rest.redirect("CA1", "https://otto.example.com/back")
    await rest.hang_up("CA1")
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1.json"
    assert [(sent, form) for sent, form, _ in api.requests] == [
        (path, {"Url": ["https://otto.example.com/back"], "Method": ["POST"]}),
        (path, {"Status": ["completed"]}),
    ]


@pytest.mark.parametrize(
    ("status", "code", "is_retryable"),
    [
        # Final: about the request itself.
        (400, 21211, False),  # no number
        (400, 21408, False),  # a region that is not allowed
        (400, 21610, False),  # unsubscribed
        (400, 21612, False),  # out of reach from our number
        (400, 21614, False),  # no mobile
        (400, 21617, False),  # too long
        (400, 30004, False),  # blocked
        (400, 30005, False),  # unknown handset
        (400, 30006, False),  # a landline
        (400, 30007, False),  # filtered
        (400, 99999, False),  # nobody here knows it
        (404, 20404, False),
        (400, None, False),
        (410, None, False),
        (422, None, False),
        # Passing.
        (429, 20429, True),
        (429, 21211, True),
        (400, 21611, True),
        (400, 30001, True),
        (400, 30003, True),
        (400, 30008, True),
        (400, 30022, True),
        (408, None, True),
        (500, 20500, True),
        (503, 21211, True),
        (599, None, True),
        # Ours to mend meanwhile.
        (401, 20003, True),
        (403, None, True),
        (400, 21606, True),
        (400, 30034, True),
    ],
)
async def test_a_refusal_keeps_the_number_out_of_the_error(api, rest, status, code, is_retryable):
    api.answer = (status, {"code": code, "message": "The number +18155550123 is not valid"})
    with pytest.raises(TwilioRestError) as caught:
        await rest.send_message("+18155550123", "Hello")
    error = caught.value
    assert (error.code, error.status, error.is_retryable) == (code or 0, status, is_retryable)
    assert "8155550123" not in f"{error}{error.__cause__}{error.args}"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ((400, {"code": 21610}), Unsubscribed, "twilio_21610"),
        ((400, {"code": 21211}), Undeliverable, "twilio_21211"),
        ((400, {"code": 77777}), Undeliverable, "twilio_77777"),
        ((418, {}), Undeliverable, "twilio_418"),
        ((503, {}), DeliveryError, "twilio_503"),
        ((401, {"code": 20003}), DeliveryError, "twilio_20003"),
    ],
)
async def test_what_becomes_of_a_text_that_is_refused(api, rest, answer, kind, code):
    api.answer = answer
    with pytest.raises(DeliveryError) as caught:
        await text_sender(rest)("+18155550123", "Hello")
    assert (type(caught.value), caught.value.code) == (kind, code)


async def test_a_text_that_is_taken_is_sent_once(api, rest):
    await text_sender(rest)("+18155550123", "Hello")
    assert len(api.requests) == 1


@given(st.integers(0, 99_999), st.integers(400, 599))
def test_every_refusal_is_decided(code, status):
    later = may_succeed_later(code, status)
    assert later or status < 500
    if code in {21211, 21408, 21610, 21612, 21614} and status == 400:
        assert not later


async def test_nobody_there_may_be_tried_again():
    rest = TwilioRest(
        TwilioSettings(account_sid=ACCOUNT, auth_token="secret", api_url="http://127.0.0.1:9")
    )
    with pytest.raises(TwilioRestError) as caught:
        await rest.hang_up("CA1")
    assert (caught.value.code, caught.value.is_retryable) == (0, True)
    await rest.close()
