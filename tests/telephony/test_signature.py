"""Twilio's signatures: what the SDK signs passes, and anything else does not."""

import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers, ImmutableMultiDict
from twilio.request_validator import RequestValidator

from otto.telephony.signature import SignatureChecker

ORIGIN = "https://otto.example.com"
TOKEN = "the-auth-token"
FORM = ImmutableMultiDict([("CallSid", "CA1"), ("To", "+1 & more"), ("Tag", "b"), ("Tag", "a")])


@pytest.fixture
def checker():
    return SignatureChecker(ORIGIN, SecretStr(TOKEN))


def signed(url, form, token=TOKEN, algorithm=None):
    signature = RequestValidator(token).compute_signature(url, form, algorithm)
    headers = {"X-Twilio-Signature": signature}
    if algorithm:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=k,algorithm={algorithm}"
    return Headers(headers)


@pytest.mark.parametrize("algorithm", [None, "HMAC_SHA1", "HMAC_SHA256"])
def test_a_signed_webhook_passes(checker, algorithm):
    headers = signed(f"{ORIGIN}/twilio/voice?x=1", FORM, algorithm=algorithm)
    assert checker.is_webhook_signed("/twilio/voice?x=1", FORM, headers)


@pytest.mark.parametrize(
    ("origin", "caller", "signature"),
    [
        ("https://mycompany.com", "+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
        ("https://example.com", "+14158675310", "L/OH5YylLD5NRKLltdqwSvS0BnU="),
    ],
)
def test_twilios_documented_examples_pass(origin, caller, signature):
    """The examples of https://www.twilio.com/docs/usage/security: signed outside this code."""
    checker = SignatureChecker(origin, SecretStr("12345"))
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": caller,
        "Digits": "1234",
        "From": caller,
        "To": "+18005551212",
    }
    headers = {"x-twilio-signature": signature}
    assert checker.is_webhook_signed("/myapp.php?foo=1&bar=2", form, headers)
    assert not checker.is_webhook_signed("/myapp.php?foo=1&bar=3", form, headers)


@pytest.mark.parametrize(
    "headers",
    [
        Headers({}),
        Headers({"X-Twilio-Signature": ""}),
        Headers({"X-Twilio-Signature": "forged"}),
        signed(f"{ORIGIN}/twilio/voice", FORM, token="another"),
        signed(f"{ORIGIN}/twilio/status", FORM),
        signed("https://evil.example.com/twilio/voice", FORM),
        signed(f"{ORIGIN}/twilio/voice", {}),
        Headers(
            {
                **signed(f"{ORIGIN}/twilio/voice", FORM),
                "X-Twilio-Webhooks-Signature-Settings": "algorithm=NONE",
            }
        ),
    ],
)
def test_anything_else_is_refused(checker, headers):
    assert not checker.is_webhook_signed("/twilio/voice", FORM, headers)


def test_an_upgrade_is_signed_with_its_own_scheme(checker):
    url = "wss://otto.example.com/media/stream"
    assert checker.is_upgrade_signed("/media/stream", signed(url, {}))
    assert not checker.is_upgrade_signed("/media/stream", signed(url.replace("wss", "https"), {}))
    assert not checker.is_webhook_signed("/media/stream", {}, signed(url, {}))


@pytest.mark.parametrize(
    ("token", "passes"), [(TOKEN, True), ("the-next-one", True), ("the-one-before", False)]
)
def test_either_token_may_have_signed_while_one_is_replaced(token, passes):
    checker = SignatureChecker(ORIGIN, SecretStr(TOKEN), SecretStr("the-next-one"))
    headers = signed(f"{ORIGIN}/twilio/voice", FORM, token=token)
    assert checker.is_webhook_signed("/twilio/voice", FORM, headers) is passes
    upgrade = signed("wss://otto.example.com/media/stream", {}, token=token)
    assert checker.is_upgrade_signed("/media/stream", upgrade) is passes


def test_a_second_token_that_is_empty_is_refused():
    with pytest.raises(ValueError, match="signatures need"):
        SignatureChecker(ORIGIN, SecretStr(TOKEN), SecretStr(""))


@pytest.mark.parametrize(
    ("origin", "token"), [("", TOKEN), (ORIGIN, ""), ("", ""), (ORIGIN, " "), (ORIGIN, "\t\n")]
)
def test_nothing_is_checked_against_an_empty_secret(origin, token):
    with pytest.raises(ValueError, match="signatures need"):
        SignatureChecker(origin, SecretStr(token))


def test_a_validator_that_stumbles_refuses(checker):
    headers = Headers({"X-Twilio-Signature": "x"})
    assert not checker.is_webhook_signed("/a", {"key": None}, headers)  # not a text: it raises
