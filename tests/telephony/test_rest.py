"""Twilio's REST client against a local server that records what the SDK really sends."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from config.settings import TwilioSettings
from otto.telephony.rest import TwilioRest, TwilioRestError

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


async def test_transfer_and_hang_up_update_the_call(api, rest):
    api.answer = (200, {"sid": "CA1"})
    await rest.transfer("CA1", "<Response/>")
    await rest.hang_up("CA1")
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1.json"
    assert [(sent, form) for sent, form, _ in api.requests] == [
        (path, {"Twiml": ["<Response/>"]}),
        (path, {"Status": ["completed"]}),
    ]


@pytest.mark.parametrize(("status", "is_retryable"), [(400, False), (429, True), (503, True)])
async def test_a_refusal_keeps_the_number_out_of_the_error(api, rest, status, is_retryable):
    api.answer = (status, {"code": 21211, "message": "The number +18155550123 is not valid"})
    with pytest.raises(TwilioRestError) as caught:
        await rest.send_message("+18155550123", "Hello")
    error = caught.value
    assert (error.code, error.status, error.is_retryable) == (21211, status, is_retryable)
    assert "8155550123" not in f"{error}{error.__cause__}{error.args}"


async def test_nobody_there_may_be_tried_again():
    rest = TwilioRest(
        TwilioSettings(account_sid=ACCOUNT, auth_token="secret", api_url="http://127.0.0.1:9")
    )
    with pytest.raises(TwilioRestError) as caught:
        await rest.hang_up("CA1")
    assert (caught.value.code, caught.value.is_retryable) == (0, True)
    await rest.close()
