"""What may be a webhook of Twilio's, sans-I/O, looked at in the order of what it costs.

    refusal = refuse_head(query, headers)      # before a byte of the body is read
    form = parse_form(body)                    # raises FormRefused
    checker.is_webhook_signed(target, form, headers)

A stranger's request is refused for as little as possible: most for want of a signature, before
the body; one that is forged costs one parse and two HMACs of a body with limits. Twilio's own
forms have some forty fields and a few kilobytes, and always
`application/x-www-form-urlencoded; charset=UTF-8`
(https://www.twilio.com/docs/usage/webhooks/webhooks-security).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import Headers

from otto.telephony.signature import may_be_signed

MAX_FORM_BYTES = 32 * 1024
MAX_FIELDS = 256
MAX_QUERY_BYTES = 2048
MAX_PIECES = 64
"""Each piece of a body costs its way through the server; a TCP segment brings over a kilobyte."""
BODY_TIMEOUT_S = 5.0
FORM_TYPE = "application/x-www-form-urlencoded"
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
"""Nobody who writes a form writes these, and each costs the parser an exception."""
SINGLE_FIELDS = ("CallSid", "AccountSid", "From", "To", "CallStatus")
"""What Otto acts on. A signature says nothing about which of two values comes first."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is answered with an HTTP status and nothing else. `reason` is for the log."""

    status: int
    reason: str


NOT_SIGNED = Refusal(403, "signature refused")
TOO_LARGE = Refusal(413, "too large")
TOO_SLOW = Refusal(408, "the body did not come")
IN_PIECES = Refusal(400, "too many pieces")


class FormRefused(Exception):
    """A body that is no form of Twilio's."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class Form(Mapping[str, str]):
    """A form's fields: the last value of each, and with `getlist` all of them.

    Each look-up takes the same time however many fields there are. Twilio's validator asks for
    every field's values by its name; with Starlette's own multi-dict, which searches all of them
    each time, 17,000 fields took seven seconds.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values[name][-1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def getlist(self, name: str) -> list[str]:
        """All values of a field, as they came; what Twilio's validator looks for."""
        return list(self._values.get(name, ()))


def refuse_head(query: bytes, headers: Headers) -> Refusal | None:
    """Whether a POST can be refused without its body; None when it has to be read."""
    if not may_be_signed(headers):
        return NOT_SIGNED
    if len(query) > MAX_QUERY_BYTES:
        return Refusal(414, "query too long")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        return Refusal(415, "not a form")
    if _announced(headers) > MAX_FORM_BYTES:
        return TOO_LARGE
    return None


def parse_form(body: bytes) -> Form:
    """The fields of a URL-encoded body, repeated ones and blank ones kept.

    Raises FormRefused when it is too long, has too many fields, is not UTF-8 or escaped
    wrongly, or names one of `SINGLE_FIELDS` twice.
    """
    if len(body) > MAX_FORM_BYTES:
        raise FormRefused(TOO_LARGE)
    if body.count(b"&") >= MAX_FIELDS:
        raise FormRefused(Refusal(413, "too many fields"))
    if _BROKEN_ESCAPE.search(body):
        raise FormRefused(Refusal(400, "a broken escape"))
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise FormRefused(Refusal(400, "not UTF-8")) from None
    form = Form(pairs)
    if any(len(form.getlist(name)) > 1 for name in SINGLE_FIELDS):
        raise FormRefused(Refusal(400, "a field twice"))
    return form


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "")
    # The server in front has refused what is no number; a body in chunks announces nothing.
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
