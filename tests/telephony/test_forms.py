"""Which forms are read, and that the form check accepts exactly what Twilio's own SDK signs."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.datastructures import Headers, ImmutableMultiDict
from twilio.request_validator import RequestValidator

from otto.telephony import forms
from otto.telephony.forms import Form, FormRefused, parse_form, refuse_head
from otto.telephony.signature import SignatureChecker

ORIGIN = "https://otto.example.com"
TOKEN = "the-auth-token"
TARGET = "/twilio/voice"
SIGNATURE = "A" * 27 + "="

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", " ", "+", "+1 815", "%2B", "%", "&", "=", "a=b&c", "é", "日本", "\u2028", "\x00", "\ufffd"]
)
names = texts.filter(lambda name: name not in forms.SINGLE_FIELDS)
fields = st.lists(st.tuples(names, texts), max_size=20)


def accepts(body, signature):
    try:
        form = parse_form(body)
    except FormRefused:
        return False
    headers = Headers({"X-Twilio-Signature": signature})
    checker = SignatureChecker(ORIGIN, SecretStr(TOKEN))
    return refuse_head(
        b"", Headers({**headers, "content-type": forms.FORM_TYPE})
    ) is None and checker.is_webhook_signed(TARGET, form, headers)


def signed(pairs, token=TOKEN):
    """By Twilio's own SDK, over a multi-dict that is not ours."""
    multi = ImmutableMultiDict(pairs)
    return RequestValidator(token).compute_signature(ORIGIN + TARGET, multi)


@given(fields, st.randoms(use_true_random=False))
def test_what_the_sdk_signs_is_accepted_however_it_is_written(pairs, random):
    signature = signed(pairs)
    assert accepts(urlencode(pairs).encode(), signature)
    # The same fields in another order, with spaces as %20, and with everything escaped.
    random.shuffle(pairs)
    assert accepts(urlencode(pairs, quote_via=quote).encode(), signature)
    escaped = "&".join("=".join("".join(f"%{b:02x}" for b in t.encode()) for t in p) for p in pairs)
    assert accepts(escaped.encode(), signature)


@given(fields, fields)
def test_a_signature_fits_no_other_fields(pairs, others):
    """But those whose names and values, put together, read the same: so Twilio signs."""
    same = RequestValidator(TOKEN).compute_signature
    is_same = same("", ImmutableMultiDict(pairs)) == same("", ImmutableMultiDict(others))
    assert accepts(urlencode(others).encode(), signed(pairs)) is is_same


@given(fields)
def test_another_token_signs_nothing(pairs):
    assert not accepts(urlencode(pairs).encode(), signed(pairs, "another-token"))


@given(st.binary(max_size=400))
def test_no_body_makes_it_stumble(body):
    try:
        form = parse_form(body)
    except FormRefused as refused:
        assert refused.refusal.status in (400, 413)
    else:
        assert all(isinstance(value, str) for name in form for value in form.getlist(name))


@given(fields)
def test_a_form_is_what_a_multi_dict_is(pairs):
    form, multi = Form(pairs), ImmutableMultiDict(pairs)
    assert dict(form) == dict(multi)
    assert all(form.getlist(name) == multi.getlist(name) for name in {"CallSid", *dict(multi)})
    assert form.get("absent", "") == "" and form.getlist("absent") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a" * (forms.MAX_FORM_BYTES + 1), 413),
        (b"&".join([b"a=1"] * (forms.MAX_FIELDS + 1)), 413),
        (b"&" * forms.MAX_FIELDS, 413),
        (b"From=\xff", 400),
        (b"From=%ff", 400),
        (b"%c3=1", 400),
        (b"From=%", 400),
        (b"From=%4", 400),
        (b"From=%4g", 400),
        (b"%%41=1", 400),
        (b"CallSid=CA1&CallSid=CA2", 400),
        (b"From=%2B1&%46rom=%2B1", 400),
        (b"To=&To=", 400),
        (b"CallStatus=completed&CallStatus=ringing", 400),
    ],
)
def test_a_body_that_is_no_form_of_twilios_is_refused(body, status):
    with pytest.raises(FormRefused) as caught:
        parse_form(body)
    assert caught.value.refusal.status == status


def test_the_largest_form_is_read():
    assert len(parse_form(b"&".join(b"k%d=1" % n for n in range(forms.MAX_FIELDS)))) == 256
    assert parse_form(b"a=" + b"x" * (forms.MAX_FORM_BYTES - 2))["a"] == "x" * 32766


@pytest.mark.parametrize(
    ("changes", "query", "status"),
    [
        ({"x-twilio-signature": ""}, b"", 403),
        ({"x-twilio-signature": "forged"}, b"", 403),
        ({"x-twilio-signature": SIGNATURE + "\u00e9"}, b"", 403),
        ({"x-twilio-signature": "A" * 16_000}, b"", 403),
        ({"x-twilio-webhooks-signature-settings": "a=b," * 1000}, b"", 403),
        ({"content-type": "application/json"}, b"bodySHA256=" + b"0" * 64, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, b"", 415),
        ({"content-type": ""}, b"", 415),
        ({"content-length": str(forms.MAX_FORM_BYTES + 1)}, b"", 413),
        ({"content-length": "9" * 19}, b"", 413),
        ({}, b"a=1&" * 600, 414),
        ({}, b"", None),
        ({"content-type": "Application/X-WWW-Form-URLEncoded ; charset=UTF-8"}, b"x=1", None),
        ({"content-length": "\u00b2"}, b"", None),
        ({"x-twilio-signature": "A" * 43 + "="}, b"", None),
    ],
)
def test_a_head_is_judged_before_the_body(changes, query, status):
    given = {"x-twilio-signature": SIGNATURE, "content-type": forms.FORM_TYPE, **changes}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
    refusal = refuse_head(query, Headers(raw=raw))
    assert (refusal and refusal.status) == status


def test_two_signatures_are_none():
    raw = [(b"x-twilio-signature", SIGNATURE.encode())] * 2
    assert refuse_head(b"", Headers(raw=raw)) == forms.NOT_SIGNED
