"""TwiML, read as Twilio reads it: text in, a tuple of verbs out. No I/O.

Only the verbs a service line uses. What Twilio refuses is refused here with Twilio's own error
code (https://www.twilio.com/docs/api/errors), because a mistake must not pass in the sandbox and
fail on the real line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit
from xml.etree import ElementTree

DOCUMENT_PARSE_FAILURE = 12100
SCHEMA_WARNING = 12200
INVALID_URL = 11100
STREAM_HANDSHAKE = 31920
STREAM_TRACK = 31941
PARAMETER_LIMIT_CHARS = 500
"""Twilio's limit on a `<Parameter>`: name and value together."""


class TwimlError(Exception):
    """The document cannot be executed. `code` is Twilio's; the message is a sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Say:
    """Twilio's own voice says `text`, `loop` times."""

    text: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of `length_s` seconds."""

    length_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Stream:
    """A bidirectional media stream. `parameters` arrive in the start message."""

    url: str
    name: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    status_callback: str = ""


@dataclass(frozen=True, slots=True)
class Connect:
    """Holds the call on a stream; when it ends, `action` is requested, or the next verb runs."""

    stream: Stream
    action: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Play:
    """Plays what lies at `url`; how long that takes is not known here."""

    url: str


@dataclass(frozen=True, slots=True)
class Conference:
    """A room that calls meet in, by name."""

    name: str
    label: str = ""
    starts: bool = True
    ends: bool = False
    wait_url: str | None = None
    """None: Twilio's own music; "": silence."""
    wait_method: str = "POST"
    max_participants: int = 250


@dataclass(frozen=True, slots=True)
class Dial:
    """Connects another number, or enters a conference. Whoever answers the number hears the TwiML
    at `url` first, if there is one."""

    number: str = ""
    action: str = ""
    method: str = "POST"
    timeout_s: float = 30.0
    url: str = ""
    url_method: str = "POST"
    conference: Conference | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Continues with the TwiML at `url`."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Record:
    """Records the caller, then requests `action`."""

    action: str = ""
    method: str = "POST"
    max_length_s: float = 3600.0
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Gather:
    """Says its prompts and waits for keys, so many of them, or until `finish_on` is pressed or
    none follows; without any, the next verb runs."""

    prompts: tuple[Say | Play | Pause, ...] = ()
    action: str = ""
    method: str = "POST"
    timeout_s: float = 5.0
    digits: int | None = None
    finish_on: str = "#"


@dataclass(frozen=True, slots=True)
class Hangup:
    """Ends the call."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuses the call before it is answered; `reason` is rejected or busy."""

    reason: str = "rejected"


Verb = Say | Play | Pause | Connect | Dial | Redirect | Record | Gather | Hangup | Reject


def parse(text: str) -> tuple[Verb, ...]:
    """The verbs of a TwiML document, in order. Raises `TwimlError`."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise TwimlError(DOCUMENT_PARSE_FAILURE, f"the document is not XML: {error}") from None
    if root.tag != "Response":
        raise TwimlError(DOCUMENT_PARSE_FAILURE, f"the root is <{root.tag}>, not <Response>")
    verbs: list[Verb] = []
    for element in root:
        if element.tag not in _READERS:
            raise TwimlError(SCHEMA_WARNING, f"<{element.tag}> is not a verb played here")
        verbs.append(_READERS[element.tag](element))
    return tuple(verbs)


def check_stream_url(url: str) -> None:
    """Raise `TwimlError` unless Twilio would open `url`: wss, or ws on loopback; no query."""
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise TwimlError(INVALID_URL, f"<Stream> needs a wss address, not {parts.scheme!r}")
    if parts.scheme == "ws" and not _is_loopback(parts.hostname):
        raise TwimlError(INVALID_URL, "<Stream> over plain ws is accepted on loopback only")
    if parts.query or "?" in url:
        raise TwimlError(STREAM_HANDSHAKE, "a <Stream> address may not carry a query string")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _method(element: ElementTree.Element) -> str:
    method = element.get("method", "POST").upper()
    if method not in {"GET", "POST"}:
        raise TwimlError(SCHEMA_WARNING, f"method={method!r} on <{element.tag}>")
    return method


def _seconds(element: ElementTree.Element, name: str, default: float) -> float:
    value = element.get(name)
    if value is None:
        return default
    try:
        return max(0.0, float(value))
    except ValueError:
        raise TwimlError(SCHEMA_WARNING, f"{name}={value!r} is not a number") from None


def _say(element: ElementTree.Element) -> Say:
    return Say(_words(element), int(_seconds(element, "loop", 1)))


def _pause(element: ElementTree.Element) -> Pause:
    return Pause(_seconds(element, "length", 1.0))


def _connect(element: ElementTree.Element) -> Connect:
    nouns = list(element)
    if len(nouns) != 1 or nouns[0].tag != "Stream":
        raise TwimlError(SCHEMA_WARNING, "<Connect> needs exactly one <Stream>")
    return Connect(_stream(nouns[0]), element.get("action", ""), _method(element))


def _stream(element: ElementTree.Element) -> Stream:
    url = element.get("url", "")
    check_stream_url(url)
    if element.get("track", "inbound_track") != "inbound_track":
        raise TwimlError(STREAM_TRACK, "<Connect><Stream> has the inbound track only")
    parameters: list[tuple[str, str]] = []
    for parameter in element:
        name, value = parameter.get("name", ""), parameter.get("value", "")
        if parameter.tag != "Parameter" or not name:
            raise TwimlError(SCHEMA_WARNING, "<Stream> holds <Parameter name value> only")
        if len(name) + len(value) > PARAMETER_LIMIT_CHARS:
            raise TwimlError(SCHEMA_WARNING, f"<Parameter> {name!r} is longer than 500 characters")
        parameters.append((name, value))
    return Stream(
        url, element.get("name", ""), tuple(parameters), element.get("statusCallback", "")
    )


def _play(element: ElementTree.Element) -> Play:
    url = _words(element)
    if not url:
        raise TwimlError(SCHEMA_WARNING, "<Play> without an address")
    return Play(url)


def _dial(element: ElementTree.Element) -> Dial:
    action, method = element.get("action", ""), _method(element)
    timeout_s = _seconds(element, "timeout", 30.0)
    nouns = list(element)
    if not nouns:
        number = _words(element)
        if not number:
            raise TwimlError(SCHEMA_WARNING, "<Dial> without a number")
        return Dial(number, action, method, timeout_s)
    if len(nouns) != 1 or nouns[0].tag not in {"Number", "Conference"} or not _words(nouns[0]):
        raise TwimlError(SCHEMA_WARNING, "<Dial> holds one <Number> or <Conference> here")
    (noun,) = nouns
    if noun.tag == "Conference":
        return Dial("", action, method, timeout_s, conference=_conference(noun))
    return Dial(_words(noun), action, method, timeout_s, noun.get("url", ""), _method(noun))


def _conference(element: ElementTree.Element) -> Conference:
    wait_method = element.get("waitMethod", "POST").upper()
    if wait_method not in {"GET", "POST"}:
        raise TwimlError(SCHEMA_WARNING, f"waitMethod={wait_method!r} on <Conference>")
    if element.get("beep", "true") not in {"true", "false", "onEnter", "onExit"}:
        raise TwimlError(SCHEMA_WARNING, f"beep={element.get('beep')!r} on <Conference>")
    most = int(_seconds(element, "maxParticipants", 250))
    if not 2 <= most <= 250:
        raise TwimlError(SCHEMA_WARNING, "maxParticipants is from 2 to 250")
    return Conference(
        _words(element),
        element.get("participantLabel", ""),
        _truth(element, "startConferenceOnEnter", True),
        _truth(element, "endConferenceOnExit", False),
        element.get("waitUrl"),
        wait_method,
        most,
    )


def _truth(element: ElementTree.Element, name: str, default: bool) -> bool:
    value = element.get(name, str(default).lower())
    if value not in {"true", "false"}:
        raise TwimlError(SCHEMA_WARNING, f"{name}={value!r} is neither true nor false")
    return value == "true"


def _redirect(element: ElementTree.Element) -> Redirect:
    url = _words(element)
    if not url:
        raise TwimlError(SCHEMA_WARNING, "<Redirect> without an address")
    return Redirect(url, _method(element))


def _record(element: ElementTree.Element) -> Record:
    return Record(
        element.get("action", ""),
        _method(element),
        _seconds(element, "maxLength", 3600.0),
        _seconds(element, "timeout", 5.0),
    )


def _gather(element: ElementTree.Element) -> Gather:
    readers: dict[str, Callable[[ElementTree.Element], Say | Play | Pause]] = {
        "Say": _say,
        "Play": _play,
        "Pause": _pause,
    }
    prompts = tuple(readers[child.tag](child) for child in element if child.tag in readers)
    timeout_s = _seconds(element, "timeout", 5.0)
    digits = int(_seconds(element, "numDigits", 0)) or None
    finish_on = element.get("finishOnKey", "#")
    return Gather(
        prompts, element.get("action", ""), _method(element), timeout_s, digits, finish_on
    )


def _hangup(_element: ElementTree.Element) -> Hangup:
    return Hangup()


def _reject(element: ElementTree.Element) -> Reject:
    return Reject(element.get("reason", "rejected"))


_READERS: dict[str, Callable[[ElementTree.Element], Verb]] = {
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Connect": _connect,
    "Dial": _dial,
    "Redirect": _redirect,
    "Record": _record,
    "Gather": _gather,
    "Hangup": _hangup,
    "Reject": _reject,
}
