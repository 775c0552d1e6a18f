"""What a stranger's request costs, and that a slow or broken body ends."""

import asyncio
import statistics
import time

import httpx
import pytest
from starlette.datastructures import Headers
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from otto.telephony import forms, signed
from otto.telephony.ingress import media_app, voice_app

MAX_CPU_MS = 5.0
FORGED = {"x-twilio-signature": "A" * 27 + "="}
FORGED_256 = {
    "x-twilio-signature": "A" * 43 + "=",
    "x-twilio-webhooks-signature-settings": "key=k,algorithm=HMAC_SHA256",
}
FORM = {"content-type": "application/x-www-form-urlencoded"}
SIZE = forms.MAX_FORM_BYTES


def filled(unit, size=SIZE):
    return b"a=" + unit * ((size - 2) // len(unit))


BODIES = {
    "17,000 fields": b"&".join(b"%x" % n for n in range(17_000)),
    "17,000 times the same field": b"a=1&" * 16_000,
    "as many fields as may be": b"&".join(b"k%d=1" % n for n in range(forms.MAX_FIELDS)),
    "one field as often as may be": b"&".join(b"k=%d" % n for n in range(forms.MAX_FIELDS)),
    "a long value": filled(b"x"),
    "a long key": b"k" * SIZE,
    "everything escaped": filled(b"%41"),
    "every other letter escaped": filled(b"%41a"),
    "no escapes after all": filled(b"%"),
    "half escapes": filled(b"%4"),
    "plus signs": filled(b"+"),
    "equals signs": b"=" * SIZE,
    "escaped characters of four bytes": filled(b"%f0%9f%98%80"),
    "raw characters of four bytes": filled("\U0001f600".encode()),
    "not UTF-8": filled(b"\xff"),
    "not UTF-8, escaped": filled(b"%ff"),
    "nothing": b"",
    "zeros": b"\0" * SIZE,
    "JSON, nested": b"[" * SIZE,
    "too long": b"x" * 1_000_000,
}
HEADS = {
    "unsigned": ({}, b""),
    "forged": (FORGED, b""),
    "forged, SHA-256": (FORGED_256, b""),
    "a signature of 16 KB": ({"x-twilio-signature": "A" * 16_000}, b""),
    "settings of 16 KB": ({**FORGED, "x-twilio-webhooks-signature-settings": "a=b," * 4000}, b""),
    "settings of commas": ({**FORGED, "x-twilio-webhooks-signature-settings": "," * 500}, b""),
    "a thousand headers": ({**FORGED, **{f"x-{n}": "1" for n in range(1000)}}, b""),
    "many cookies": ({**FORGED, "cookie": "; ".join(f"c{n}=1" for n in range(3000))}, b""),
    "a query of many fields": (FORGED, b"&".join(b"q%d=1" % n for n in range(4000))),
    "the longest query": (FORGED, b"a&" * (forms.MAX_QUERY_BYTES // 2)),
    "a query of escapes": (FORGED, b"%41" * (forms.MAX_QUERY_BYTES // 3)),
    "a query with a digest": (FORGED, b"bodySHA256=" + b"0" * 64),
    "JSON": ({**FORGED, "content-type": "application/json"}, b"bodySHA256=" + b"0" * 64),
    "a type of 16 KB": ({**FORGED, "content-type": "x/" + "y;" * 8000}, b""),
    "in chunks": ({**FORGED, "transfer-encoding": "chunked"}, b""),
    "a host of 16 KB": ({**FORGED, "host": "h:" * 8000}, b""),
    "forwarded for many": ({**FORGED, "x-forwarded-for": "1.2.3.4, " * 1800}, b""),
}


def request_scope(path, headers, query, **more):
    raw = [(name.encode(), value.encode()) for name, value in {**FORM, **headers}.items()]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query,
        "root_path": "", "headers": raw, "client": ("198.51.100.7", 1), "server": ("h", 80), **more,
    }  # fmt: skip


async def ask(app, scope, pieces=()):
    """Let the application answer one request; gives (status, CPU in ms)."""
    parts = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    parts.append({"type": "http.request", "body": b"", "more_body": False})
    incoming, sent = iter(parts), []

    async def receive():
        return next(incoming)

    async def send(message):
        sent.append(message)

    began = time.process_time()
    await app(scope, receive, send)
    return sent[0]["status"], (time.process_time() - began) * 1000


async def cost(app, scope, pieces=()):
    """The median of some: the processor is shared, and what was counted is this process' only."""
    answers = [await ask(app, dict(scope), pieces) for _ in range(5)]
    assert all(400 <= status < 500 for status, _ in answers), answers
    return statistics.median(ms for _, ms in answers)


@pytest.fixture
def app(ingress_settings, switchboard):
    return voice_app(ingress_settings, switchboard)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("body", ["nothing", "17,000 fields", "everything escaped"])
async def test_no_head_costs_more_than_five_milliseconds(app, head, body):
    headers, query = HEADS[head]
    scope = request_scope("/twilio/voice", headers, query)
    assert await cost(app, scope, [BODIES[body]]) < MAX_CPU_MS


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("signature", [FORGED, FORGED_256], ids=["SHA-1", "SHA-256"])
async def test_no_body_costs_more_than_five_milliseconds(app, body, signature):
    scope = request_scope("/twilio/voice", signature, b"")
    assert await cost(app, scope, [BODIES[body]]) < MAX_CPU_MS


async def test_a_body_byte_by_byte_costs_no_more(app):
    pieces = [b"x"] * SIZE
    assert await cost(app, request_scope("/twilio/voice", FORGED, b""), pieces) < MAX_CPU_MS


@pytest.mark.parametrize("path", ["/", "/twilio/voice/", "/" + "a/" * 4000, "/twilio/%ff", "/.env"])
async def test_no_path_costs_more_than_five_milliseconds(app, path):
    status, _ = await ask(app, request_scope(path, FORGED, b""))
    assert status in (307, 404)
    costs = [(await ask(app, request_scope(path, FORGED, b"")))[1] for _ in range(5)]
    assert statistics.median(costs) < MAX_CPU_MS


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "TRACE", "X" * 1000])
async def test_no_method_costs_more_than_five_milliseconds(app, method):
    scope = request_scope("/twilio/voice", FORGED, b"", method=method)
    assert await cost(app, scope, [BODIES["17,000 fields"]]) < MAX_CPU_MS


@pytest.mark.parametrize("head", HEADS)
async def test_no_upgrade_costs_more_than_five_milliseconds(ingress_settings, switchboard, head):
    app = media_app(ingress_settings, switchboard)
    headers, query = HEADS[head]
    scope = request_scope("/media/stream", headers, query, type="websocket")

    async def upgrade():
        sent = []

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message)

        began = time.process_time()
        await app(dict(scope), receive, send)
        assert sent == [{"type": "websocket.close", "code": 1008}]
        return (time.process_time() - began) * 1000

    assert statistics.median([await upgrade() for _ in range(5)]) < MAX_CPU_MS


async def test_an_unsigned_body_is_not_read(app):
    async def receive():
        raise AssertionError("the body was asked for")

    sent = []

    async def send(message):
        sent.append(message)

    await app(request_scope("/twilio/voice", {}, b""), receive, send)
    assert sent[0]["status"] == 403
    assert Headers(raw=sent[0]["headers"])["connection"] == "close"


@pytest.mark.looptime
async def test_a_body_has_a_deadline(app):
    """One byte a second: each wait is short, all together are not."""

    async def receive():
        await asyncio.sleep(1.0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    began_s = asyncio.get_running_loop().time()
    await app(request_scope("/twilio/voice", FORGED, b""), receive, send)
    assert sent[0]["status"] == 408
    assert asyncio.get_running_loop().time() - began_s == forms.BODY_TIMEOUT_S


async def test_a_sender_that_goes_away_is_no_error(app):
    async def receive():
        return {"type": "http.disconnect"}

    sent = []

    async def send(message):
        sent.append(message)

    await app(request_scope("/twilio/voice", FORGED, b""), receive, send)
    assert sent[0]["status"] == 408


async def test_a_slow_body_on_a_real_socket_is_closed(
    ingress_settings, switchboard, serve_asgi, monkeypatch
):
    monkeypatch.setattr(forms, "BODY_TIMEOUT_S", 0.05)
    url = await serve_asgi(voice_app(ingress_settings, switchboard))
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    head = "POST /twilio/voice HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n"
    lines = [f"{name}: {value}\r\n" for name, value in {**FORM, **FORGED}.items()]
    writer.write((head + "".join(lines) + "\r\nx").encode())
    async with asyncio.timeout(5):
        answer = await reader.read()  # up to the end: the server closes
    assert answer.startswith(b"HTTP/1.1 408")
    writer.close()


async def test_strangers_who_ask_whether_it_is_ready_cost_one_question(app, switchboard):
    asked = []
    desk = switchboard.desk

    async def counted():
        asked.append(1)
        await asyncio.sleep(0)
        return await desk()

    switchboard.desk = counted
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(asked) == 1


async def test_a_flood_of_refusals_is_one_line_of_log(app, monkeypatch):
    monkeypatch.setattr(signed, "REFUSALS_TOLD_S", 1000.0)
    with capture_logs() as entries:
        for _ in range(100):
            await ask(app, request_scope("/twilio/voice", {}, b""))
    told = [entry for entry in entries if entry["event"] == "webhook_refused"]
    assert [(entry["reason"], entry["count"]) for entry in told] == [("signature refused", 1)]


async def test_repeated_fields_reach_the_answer_as_twilio_signed_them(
    ingress_settings, switchboard, serve_asgi
):
    url = await serve_asgi(voice_app(ingress_settings, switchboard))
    form = {"CallSid": "CA1", "From": "+1815", "To": "+1816", "Tag": ["b", "a", "b"]}
    validator = RequestValidator(ingress_settings.twilio.auth_token.get_secret_value())

    class Multi(dict):
        def getlist(self, name):
            value = self[name]
            return value if isinstance(value, list) else [value]

    target = f"{ingress_settings.public_origin}/twilio/voice"
    signature = validator.compute_signature(target, Multi(form))
    async with httpx.AsyncClient(base_url=url) as client:
        answer = await client.post(
            "/twilio/voice", data=form, headers={"X-Twilio-Signature": signature}
        )
    assert answer.status_code == 200
    assert [call_sid for call_sid, *_ in switchboard.reserved] == ["CA1"]


def test_few_wait_for_a_full_process(ingress_settings):
    """By Serve's default any number waits, each caller in silence."""
    import serve_app

    for application in serve_app.build(ingress_settings):
        assert 0 < application._bound_deployment.max_queued_requests <= 100
