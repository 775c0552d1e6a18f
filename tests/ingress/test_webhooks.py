"""The webhooks over a real HTTP server: signatures, TwiML, and a switchboard in trouble."""

import asyncio
from xml.etree import ElementTree

import httpx
import pytest
from twilio.request_validator import RequestValidator

from otto.telephony import ingress, twiml
from otto.telephony.ingress import voice_app
from otto.telephony.switchboard_port import CallerFacts

ORIGIN = "https://otto.example.com"
FORM = {"CallSid": "CA1", "From": "+18155550123", "To": "+18155550199", "CallStatus": "ringing"}


@pytest.fixture
async def post(ingress_settings, switchboard, serve_asgi):
    """POST a signed form; gives the response."""
    url = await serve_asgi(voice_app(ingress_settings, switchboard))
    validator = RequestValidator(ingress_settings.twilio.auth_token.get_secret_value())

    async with httpx.AsyncClient(base_url=url) as client:

        async def post(path, signature=None, **changes):
            form = {**FORM, **changes}
            if signature is None:
                signature = validator.compute_signature(ORIGIN + path, form)
            return await client.post(path, data=form, headers={"X-Twilio-Signature": signature})

        post.client = client
        yield post


def verbs(response):
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/xml")
    return [(verb.tag, verb) for verb in ElementTree.fromstring(response.text)]


async def test_an_incoming_call_gets_a_stream_with_a_token(post, switchboard):
    (connect_tag, connect), (redirect_tag, redirect) = verbs(await post("/twilio/voice"))
    assert (connect_tag, redirect_tag) == ("Connect", "Redirect")
    assert connect.get("action") == f"{ORIGIN}/twilio/after"
    assert redirect.text == f"{ORIGIN}/twilio/resume"
    stream = connect[0]
    assert stream.get("url") == "wss://otto.example.com/media/stream"
    parameters = {p.get("name"): p.get("value") for p in stream}
    assert parameters == {"token": "token-0"}, "who calls does not go through the stream"
    assert switchboard.reserved == [("CA1", CallerFacts(FORM["From"], FORM["To"]), False)]


@pytest.mark.parametrize(
    "path", ["/twilio/voice", "/twilio/after", "/twilio/resume", "/twilio/status"]
)
async def test_an_unsigned_webhook_reaches_nothing(post, switchboard, path):
    for signature in ("", "forged"):
        assert (await post(path, signature=signature)).status_code == 403
    assert (await post.client.post(path, data=FORM)).status_code == 403
    assert (await post.client.get(path)).status_code == 405
    assert not (switchboard.reserved or switchboard.ended)


async def test_a_changed_field_breaks_the_signature(post):
    signature = RequestValidator("a-token-of-the-test").compute_signature(
        f"{ORIGIN}/twilio/voice", FORM
    )
    assert (await post("/twilio/voice", signature=signature)).status_code == 200
    changed = await post("/twilio/voice", signature=signature, From="+18155550666")
    assert changed.status_code == 403


async def test_a_full_pool_goes_to_the_desk(post, switchboard):
    switchboard.free = 0
    (_, say), (_, dial), (last, _) = verbs(await post("/twilio/voice"))
    assert say.text == "All our lines are busy."
    assert dial.text == "+18155550100"
    assert last == "Hangup"
    assert switchboard.callbacks == []


async def test_a_full_pool_without_a_desk_is_a_callback(post, switchboard):
    switchboard.free = 0
    switchboard.desk_info = type(switchboard.desk_info)("All our lines are busy.", None)
    (_, say), (last, _) = verbs(await post("/twilio/voice"))
    assert say.text == f"All our lines are busy. {twiml.CALLBACK_PROMISE}"
    assert last == "Hangup"
    assert switchboard.callbacks == [("CA1", FORM["From"])]


async def test_a_broken_switchboard_still_reaches_the_desk_known_before(post, switchboard):
    assert (await post.client.get("/readyz")).status_code == 200
    switchboard.broken = RuntimeError("restarting")
    assert "Dial" in [tag for tag, _ in verbs(await post("/twilio/voice"))]
    assert "Dial" in [tag for tag, _ in verbs(await post("/twilio/resume"))]
    assert (await post.client.get("/readyz")).status_code == 503
    assert (await post.client.get("/healthz")).status_code == 200


async def test_a_switchboard_never_seen_promises_nothing(post, switchboard):
    switchboard.broken = RuntimeError("not there")
    (_, say), (last, _) = verbs(await post("/twilio/voice"))
    assert (say.text, last) == (f"{twiml.APOLOGY} {twiml.CALL_AGAIN}", "Hangup")


async def test_a_silent_switchboard_does_not_hold_the_caller(post, switchboard, monkeypatch):
    monkeypatch.setattr(ingress, "SWITCHBOARD_TIMEOUT_S", 0.05)

    async def hang(*args, **kwargs):
        await asyncio.Event().wait()

    monkeypatch.setattr(switchboard, "reserve", hang)
    assert "Dial" in [tag for tag, _ in verbs(await post("/twilio/voice"))]


@pytest.mark.parametrize("path", ["/twilio/after", "/twilio/resume"])
@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("hangup", ["Hangup"]),
        ("transfer", ["Dial"]),
        ("resume", ["Connect", "Redirect"]),
        ("something new", ["Dial"]),
    ],
)
async def test_what_follows_a_stream(post, switchboard, path, directive, expected):
    switchboard.directive = directive
    response = await post(path, CallStatus="in-progress")
    assert [tag for tag, _ in verbs(response)] == expected
    assert [resume for *_, resume in switchboard.reserved] == [True] * (directive == "resume")


@pytest.mark.parametrize("path", ["/twilio/after", "/twilio/resume"])
async def test_a_resume_while_a_stream_stands_is_told_to_come_again(post, switchboard, path):
    """Whoever sent a captured request hears nothing; a caller whom we are wrong about, a pause."""
    switchboard.directive, switchboard.refuse = "resume", "standing"
    (pause, _), (redirect, to) = verbs(await post(path, CallStatus="in-progress"))
    assert (pause, redirect, to.text) == ("Pause", "Redirect", f"{ORIGIN}/twilio/resume")
    assert switchboard.callbacks == []


@pytest.mark.parametrize(
    ("directive", "expected"), [("hangup", ["Hangup"]), ("transfer", ["Dial"])]
)
async def test_a_voice_webhook_after_the_end_follows_what_was_decided(
    post, switchboard, directive, expected
):
    """Twilio asks there when another webhook failed; whoever has captured one, at any time."""
    switchboard.directive, switchboard.refuse = directive, "ended"
    assert [tag for tag, _ in verbs(await post("/twilio/voice"))] == expected


async def test_a_call_that_is_over_is_not_resumed(post, switchboard):
    switchboard.directive = "resume"
    response = await post("/twilio/after", CallStatus="completed")
    assert [tag for tag, _ in verbs(response)] == ["Hangup"]
    assert switchboard.reserved == []


@pytest.mark.parametrize(
    "caller",
    [
        "+266696687",
        "+86282452253",
        "+17378742833",
        "anonymous",
        "",
        "sip:alice@example.com",
        "client:otto",
        "+19005550142",
        "+870773012345",
        FORM["To"],
    ],
)
@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/after"])
async def test_no_callback_is_promised_where_nobody_could_call(post, switchboard, path, caller):
    switchboard.free, switchboard.directive = 0, "transfer"
    switchboard.desk_info = type(switchboard.desk_info)("All our lines are busy.", None)
    (_, say), (last, _) = verbs(await post(path, From=caller))
    assert say.text.endswith(twiml.CALL_AGAIN) and twiml.CALLBACK_PROMISE not in say.text
    assert (last, switchboard.callbacks) == ("Hangup", [])


async def test_a_callback_that_was_not_noted_is_not_promised(post, switchboard):
    async def refuse(*_):
        raise RuntimeError("the database is away")

    switchboard.free = 0
    switchboard.desk_info = type(switchboard.desk_info)("All our lines are busy.", None)
    switchboard.request_callback = refuse
    (_, say), _ = verbs(await post("/twilio/voice"))
    assert say.text == f"All our lines are busy. {twiml.CALL_AGAIN}"


async def test_status_callbacks_report_only_ends(post, switchboard):
    for status in ("initiated", "ringing", "in-progress", "completed", "completed", "no-answer"):
        assert (await post("/twilio/status", CallStatus=status)).status_code == 204
    assert switchboard.ended == [("CA1", "completed")] * 2 + [("CA1", "no-answer")]
    switchboard.broken = RuntimeError("restarting")
    assert (await post("/twilio/status", CallStatus="completed")).status_code == 503


async def test_a_form_without_a_call_is_apologised_for(post, switchboard):
    assert [tag for tag, _ in verbs(await post("/twilio/voice", CallSid=""))] == ["Say", "Hangup"]
    assert switchboard.reserved == []


async def test_a_huge_form_is_refused(post):
    assert (await post("/twilio/voice", From="x" * 70_000)).status_code == 413
    long_but_legal = verbs(await post("/twilio/voice", From="sip:" + "x" * 5000))
    assert long_but_legal[0][0] == "Connect"


@pytest.mark.parametrize(
    "said", ["TN-Validation-Passed-A", "TN-Validation-Failed-B", "No-TN-Validation", "x" * 500]
)
async def test_what_the_network_says_of_the_number_goes_with_the_reservation(
    said, post, switchboard
):
    await post("/twilio/voice", StirVerstat=said)
    ((_, facts, _),) = switchboard.reserved
    assert facts == CallerFacts(FORM["From"], FORM["To"], said[:64])
