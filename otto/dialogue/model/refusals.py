"""What a server, or the SDK, means by an error: whose fault it is, and who may do better.

The details that come out name statuses and codes, never a message: it may quote the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from otto.dialogue.model import parameters
from otto.dialogue.model.failure import Failure

if TYPE_CHECKING:
    from openai import APIStatusError

_GONE_CODES: Final = frozenset((
    "model_not_found", "model_decommissioned", "model_deprecated", "model_not_available",
    "deploymentnotfound", "unknown_model", "invalid_model", "modelnotfound",
))  # fmt: skip
_GONE: Final = re.compile(
    r"\b(?:model|deployment)\b.{0,160}?\b(?:does\snot\sexist|doesn't\sexist|(?:was\s|is\s)?not\s"
    r"(?:found|available|loaded)|no\slonger|decommissioned|deprecated|retired|removed|shut\sdown"
    r"|discontinued|is\snot\sa\svalid)\b"
    r"|\bnot\sa\svalid\smodel\b|\b(?:unknown|invalid|no\ssuch)\smodel\b"
    r"|\baccess\sto\s(?:the\s)?model\b|\bno\sendpoints\sfound\b",
    re.IGNORECASE | re.DOTALL,
)
_MAX_TOLD_CHARS: Final = 400
_PASSING: Final = frozenset((408, 409, 425, 429))
_UNABLE: Final = frozenset((400, 405, 415, 422, 500, 501))
"""Statuses with which servers refuse a parameter; some have only 500 for it."""


def classify(error: Exception) -> Failure:
    """How an exception of the SDK, of the HTTP client below it, or of our own is reported."""
    import httpx2
    import openai

    name = type(error).__name__
    match error:
        case Failure():
            return error
        case TimeoutError() | openai.APITimeoutError() | httpx2.TimeoutException():
            return Failure("timeout", name, retry=True)
        case openai.APIConnectionError() | httpx2.HTTPError() | httpx2.StreamError():
            return Failure("dropped", name, retry=True)
        case openai.APIStatusError():
            return _of_status(error)
        case _:
            # Whatever it is: a task that dies silently would leave the caller in silence.
            return Failure("protocol", name, retry=True)


def _of_status(error: APIStatusError) -> Failure:
    status, code = error.status_code, error.code or ""
    detail = f"status {status} {_code(code)}".strip()
    if _is_quota(error.body) or status == 402:
        return Failure("quota", detail)
    if status in (404, 410) or (status in (400, 403, 422) and _is_gone(error.body)):
        return Failure("gone", detail)
    if status in _UNABLE and (parameter := parameters.refused(error.param, error.body)):
        return Failure("rejected", detail, is_vendors=False, parameter=parameter)
    if status in _PASSING or status >= 500:
        return Failure("refused", detail, retry=True)
    # A request that is bad, or too long, says nothing about who refuses it.
    is_vendors = status not in (400, 413, 422)
    kind = "refused" if status in (401, 403) else "rejected"
    return Failure(kind, detail, is_vendors=is_vendors)


def of_event(error: object) -> Failure:
    """What an error means that came as an event of the stream, behind a status of 200."""
    code = _code(str(error.get("code") or "")) if isinstance(error, Mapping) else ""
    detail = f"error event {code}".strip()
    if _is_quota(error):
        return Failure("quota", detail)
    if _is_gone(error):
        return Failure("gone", detail)
    return Failure("dropped", detail, retry=True)


def _is_quota(body: object) -> bool:
    return "insufficient_quota" in _words(body, "code", "type")


def _is_gone(body: object) -> bool:
    """Whether a server says that it does not have this model, or not for us."""
    codes = {word.lower() for word in _words(body, "code", "type")}
    if codes & _GONE_CODES:
        return True
    told = [body] if isinstance(body, str) else _words(body, "message", "error", "detail")
    return any(_GONE.search(text[:_MAX_TOLD_CHARS]) for text in told)


def _words(body: object, *keys: str) -> list[str]:
    """The texts under these keys, in the error or in what it holds as `error` or `message`."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, Mapping):
        return []
    inner = [body[key] for key in ("error", "message") if isinstance(body.get(key), Mapping)]
    places: list[Mapping[str, Any]] = [body, *inner]
    return [place[key] for place in places for key in keys if isinstance(place.get(key), str)]


def _code(code: str) -> str:
    """A server's code as far as it is one: what it sends may be anything."""
    return code if re.fullmatch(r"[\w.-]{1,60}", code) else ""
