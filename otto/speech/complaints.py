"""What Deepgram complains of, as one of `WorkerFailed`'s kinds. Sans-I/O.

A socket that is open can be told of an error by a frame, or by the reason of its close frame. The
codes are those of developers.deepgram.com (errors, stt- and tts-troubleshooting-websocket); the
frames' fields differ from one API to the other: `variant` and `description` (listen), `code` and
`description` (speak), `err_code` and `err_msg` (as in answers over HTTP). Descriptions may quote
what was sent, which is what somebody said: they are read, and never handed on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_KINDS: Final = (
    ("quota", r"payment|credit|balance|quota|funds|\b402\b"),
    ("refused", r"auth|credential|permission|forbidden|api.?key|\b40[13]\b"),
    ("refused", r"too.?many|rate.?limit|concurren|flush.?limit|limit.?exceeded|\b429\b"),
    ("timeout", r"timed?.?out"),
    ("dropped", r"net-\d|internal|unavailable|overload|capacity|\b50\d\b"),
    ("rejected", r"data-\d|invalid|unsupported|bad.?request|not.?found|too.?long|\b4\d\d\b"),
)
"""The first that is found decides; a code is looked at before any description."""
_CODES: Final = ("variant", "code", "err_code", "error_code", "category")
_TEXTS: Final = ("description", "err_msg", "reason", "error")
_OUR_FRAME: Final = "SchemaError"
"""A text frame of ours was not understood: the vendor goes on, and so do we."""
_FLUSH_REFUSED: Final = re.compile(r"flush", re.IGNORECASE)


def parse(message: str | bytes) -> dict[str, Any]:
    """A text message's JSON object; empty for what is none, whatever it is."""
    try:
        data = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def kind_of(text: str, otherwise: str) -> str:
    """Which kind of failure `text` speaks of."""
    for kind, pattern in _KINDS:
        if re.search(pattern, text, re.IGNORECASE):
            return kind
    return otherwise


def error_in(data: Mapping[str, Any]) -> tuple[str, str] | None:
    """The kind and the code of the error that a message reports; None when it reports none, or
    one that stops nothing."""
    if data.get("type") != "Error" and not ("type" not in data and "err_code" in data):
        return None
    if data.get("variant") == _OUR_FRAME:
        return None
    return reason_of(data)


def reason_of(data: Mapping[str, Any]) -> tuple[str, str]:
    """The kind and the code that an error or a warning names."""
    by_code = kind_of(_all(data, _CODES), "")
    return by_code or kind_of(_all(data, _TEXTS), "protocol"), code_of(data)


def is_flush_refused(data: Mapping[str, Any]) -> bool:
    """Whether a `Warning` says that a Flush will not be done: no audio comes of it."""
    return bool(_FLUSH_REFUSED.search(_all(data, _CODES) or _all(data, _TEXTS)))


def code_of(data: Mapping[str, Any]) -> str:
    """The message's code, fit for the log: never a sentence."""
    for name in _CODES:
        value = data.get(name)
        if isinstance(value, str | int) and re.fullmatch(r"[A-Za-z0-9_-]{1,40}", str(value)):
            return str(value)
    return "no code"


def _all(data: Mapping[str, Any], names: tuple[str, ...]) -> str:
    # Codes are written with underscores, which regular expressions take for letters.
    values = (data.get(name) for name in names)
    found = (str(value).replace("_", " ") for value in values if isinstance(value, str | int))
    return " ".join(found)[:1000]
